//! The store alone: walls between tenants, commits that are shared, rows as structs, search.

use futures_util::FutureExt;
use kith_kernel::{Actor, Clock, Date, Id, Ids, Kind as ErrorKind, Time, invalid};
use kith_store::{
    Condition, Db, Document, Insert, Migration, Output, Read, Select, Step, Table, Update, Value,
    bool, date, equals, id, integer, json, number, text, time,
};
use serde::Deserialize;

use crate::database::{Database, Kind, on_both};

on_both!(
    a_tenant_sees_its_rows_alone,
    a_link_cannot_point_into_another_tenant,
    tenants_take_turns_on_the_same_connections,
    rows_come_back_as_they_went_in,
    rows_that_go_in_together_keep_their_values,
    many_values_are_looked_up_at_once,
    failed_writes_leave_nothing_and_others_stay,
    who_goes_away_holds_nothing,
    search_finds_prefixes_of_one_tenant,
    a_newer_schema_is_refused,
    a_copy_is_left_before_the_schema_changes,
);

fn migrations() -> Vec<Migration> {
    let things = Table::of_tenant(
        "things",
        vec![
            text("name").required(),
            text("name_folded"),
            integer("amount"),
            number("share"),
            bool("hot"),
            time("seen_at"),
            date("due"),
            json("custom"),
            id("parent_id").references("things"),
        ],
    )
    .unique(&["name"])
    .index(&["name_folded", "id"]);
    let users =
        Table::of_platform("users", &["id"], vec![id("id").required(), text("email").required()]);
    vec![Migration {
        name: "2026-01-01-things",
        steps: vec![Step::Create(users), Step::Create(things), Step::Search],
    }]
}

struct House {
    db: Db,
    ids: Ids,
    ana: Actor,
    stranger: Actor,
    database: Database,
}

async fn house(kind: Kind) -> House {
    let database = Database::fresh(kind).await;
    let db = database.open();
    assert_eq!(db.migrate(&migrations()).await.unwrap(), ["2026-01-01-things"]);
    assert!(db.migrate(&migrations()).await.unwrap().is_empty());
    db.check_walls().await.unwrap();
    let ids = Ids::new(Clock::system());
    let (ana, stranger) = (Actor::system(ids.next()), Actor::system(ids.next()));
    House { db, ids, ana, stranger, database }
}

fn thing(id: Id, name: &str) -> Insert {
    Insert::row("things", vec![("id", id.into()), ("name", name.into())])
}

fn whole(thing: &Thing) -> Insert {
    let cells = vec![
        ("id", thing.id.into()),
        ("name", thing.name.as_str().into()),
        ("amount", thing.amount.into()),
        ("share", thing.share.into()),
        ("hot", thing.hot.into()),
        ("seen_at", thing.seen_at.into()),
        ("due", thing.due.into()),
        ("custom", thing.custom.as_ref().map(|custom| Value::from(&custom.0)).into()),
        ("parent_id", thing.parent_id.into()),
    ];
    Insert::row("things", cells)
}

async fn a_tenant_sees_its_rows_alone(kind: Kind) {
    let house = house(kind).await;
    let id = house.ids.next();
    house.db.write(&house.ana, async |db| db.insert(thing(id, "lamp")).await).await.unwrap();
    let count = async |actor: &Actor| {
        house.db.read(actor, async |db| db.count(Select::from("things")).await).await.unwrap()
    };
    assert_eq!((count(&house.ana).await, count(&house.stranger).await), (1, 0));
    let changed = house
        .db
        .write(&house.stranger, async |db| {
            db.update(Update::table("things").set("name", "mine").whose("id", id)).await
        })
        .await
        .unwrap();
    assert_eq!(changed, 0);
}

async fn a_link_cannot_point_into_another_tenant(kind: Kind) {
    let house = house(kind).await;
    let (lamp, shade) = (house.ids.next(), house.ids.next());
    house.db.write(&house.ana, async |db| db.insert(thing(lamp, "lamp")).await).await.unwrap();
    let child = || {
        let cells =
            vec![("id", shade.into()), ("name", "shade".into()), ("parent_id", lamp.into())];
        Insert::row("things", cells)
    };
    let error =
        house.db.write(&house.stranger, async |db| db.insert(child()).await).await.unwrap_err();
    assert_eq!(error.code(), "unknown_link");
    house.db.write(&house.ana, async |db| db.insert(child()).await).await.unwrap();
}

/// What is all of a write needs no transaction around it, and stands behind the same wall.
async fn tenants_take_turns_on_the_same_connections(kind: Kind) {
    let house = house(kind).await;
    let lamp = house.ids.next();
    let append = async |actor: &Actor, thing: Insert| {
        house.db.write(actor, async |db| db.append(thing)).await
    };
    append(&house.ana, thing(lamp, "lamp")).await.unwrap();
    for turn in 0..20 {
        let name = format!("thing {turn}");
        for actor in [&house.ana, &house.stranger] {
            append(actor, thing(house.ids.next(), &name)).await.unwrap();
        }
        let cells = vec![
            ("id", house.ids.next().into()),
            ("name", "shade".into()),
            ("parent_id", lamp.into()),
        ];
        let error = append(&house.stranger, Insert::row("things", cells)).await.unwrap_err();
        assert_eq!(error.code(), "unknown_link");
        let again = append(&house.ana, thing(house.ids.next(), &name)).await.unwrap_err();
        assert_eq!(again.code(), "taken");
    }
    for (actor, own) in [(&house.ana, 21), (&house.stranger, 20)] {
        let count = house.db.read(actor, async |db| db.count(Select::from("things")).await);
        assert_eq!(count.await.unwrap(), own);
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Thing {
    id: Id,
    name: String,
    amount: Option<i64>,
    share: Option<f64>,
    hot: Option<bool>,
    seen_at: Option<Time>,
    due: Option<Date>,
    custom: Option<kith_store::Json<serde_json::Value>>,
    parent_id: Option<Id>,
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn rows_come_back_as_they_went_in(kind: Kind) {
    let house = house(kind).await;
    let wanted = Thing {
        id: house.ids.next(),
        name: "São 'x' \u{1f600}".to_owned(),
        amount: Some(-9_007_199_254_740_991),
        share: Some(0.1),
        hot: Some(true),
        seen_at: Time::parse("1969-12-31T23:59:59.999Z"),
        due: Date::parse("2024-02-29"),
        custom: Some(kith_store::Json(serde_json::json!({"tier": ["gold", null, 1.5]}))),
        parent_id: None,
    };
    house.db.write(&house.ana, async |db| db.insert(whole(&wanted)).await).await.unwrap();
    let found = house
        .db
        .read(&house.ana, async |db| {
            let select = Select::from("things")
                .whose("due", Date::parse("2024-02-29").unwrap())
                .only(Condition::Compare(
                    "seen_at",
                    kith_store::Comparison::Less,
                    Time::from_milliseconds(0).into(),
                ));
            db.first::<Thing>(select).await
        })
        .await
        .unwrap();
    assert_eq!(found, Some(wanted));
    let sum = house
        .db
        .read(&house.ana, async |db| {
            let mut sum = None;
            db.each(&Select::from("things").output(Output::Sum("amount")), |row| {
                sum = row.integer(0)?;
                Ok(())
            })
            .await?;
            Ok(sum)
        })
        .await
        .unwrap();
    assert_eq!(sum, Some(-9_007_199_254_740_991));
}

/// Texts that mean something in an array, an SQL text or JSON.
const AWKWARD: [&str; 8] =
    ["NULL", "a,b", "{x}", "she said \"no\"", "back\\slash", "it's", "", "ção 漢字 🦀"];

async fn rows_that_go_in_together_keep_their_values(kind: Kind) {
    let house = house(kind).await;
    let mut wanted: Vec<Thing> = Vec::new();
    for (at, name) in AWKWARD.into_iter().enumerate() {
        // Every other row lacks what it may lack.
        let some = at % 2 == 1;
        wanted.push(Thing {
            id: house.ids.next(),
            name: name.to_owned(),
            amount: some.then_some(-7),
            share: some.then_some(0.5),
            hot: some.then_some(at == 3),
            seen_at: Time::parse("2026-02-28T01:02:03.004Z").filter(|_| some),
            due: Date::parse("1999-12-31").filter(|_| some),
            custom: some.then(|| kith_store::Json(serde_json::json!({ "text": name }))),
            parent_id: wanted.last().map(|thing| thing.id).filter(|_| some),
        });
    }
    house
        .db
        .write(&house.ana, async |db| wanted.iter().try_for_each(|thing| db.append(whole(thing))))
        .await
        .unwrap();
    let select = Select::from("things").by("id", false);
    let found = house.db.read(&house.ana, async |db| db.all::<Thing>(select).await).await.unwrap();
    assert_eq!(found, wanted);
}

async fn many_values_are_looked_up_at_once(kind: Kind) {
    let house = house(kind).await;
    for actor in [&house.ana, &house.stranger] {
        house
            .db
            .write(actor, async |db| {
                AWKWARD.iter().try_for_each(|name| db.append(thing(house.ids.next(), name)))
            })
            .await
            .unwrap();
    }
    let asked = ["nobody", "NULL", "back\\slash", "she said \"no\"", "", "a,b"];
    let select = Select::from("things")
        .show(&["name"])
        .whose_each("name", asked.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>())
        .only(Condition::Not(Box::new(equals("name", "a,b"))));
    let mut found = Vec::new();
    house
        .db
        .read(&house.ana, async |db| {
            db.each(&select, |row| {
                found.push(row.text(0)?.unwrap().to_owned());
                Ok(())
            })
            .await
        })
        .await
        .unwrap();
    found.sort();
    assert_eq!(found, ["", "NULL", "back\\slash", "she said \"no\""]);
}

async fn failed_writes_leave_nothing_and_others_stay(kind: Kind) {
    let house = house(kind).await;
    let write = async |number: u32| {
        let (id, twin) = (house.ids.next(), house.ids.next());
        house
            .db
            .write(&house.ana, async |db| {
                db.insert(thing(id, &format!("thing {number}"))).await?;
                match number % 3 {
                    0 => Err(invalid("name", "is not wanted")),
                    1 => db.insert(thing(twin, &format!("thing {number}"))).await.map(drop),
                    _ => Ok(()),
                }
            })
            .await
    };
    let results = join_all((0..60).map(write)).await;
    for (number, result) in results.iter().enumerate() {
        match number % 3 {
            0 => assert_eq!(result.as_ref().unwrap_err().kind(), ErrorKind::Invalid),
            1 => assert_eq!(result.as_ref().unwrap_err().problems()[0].pointer, "/name"),
            _ => assert!(result.is_ok(), "{result:?}"),
        }
    }
    let kept = house.db.read(&house.ana, async |db| db.count(Select::from("things")).await).await;
    assert_eq!(kept.unwrap(), 20);
}

/// Polls all of them together, so that writes wait for one another.
/// Who asked may be gone before the answer, at any point of the way: all of it was done then or nothing, and nobody waits.
async fn who_goes_away_holds_nothing(kind: Kind) {
    let house = house(kind).await;
    let much = "x".repeat(8_000_000);
    for polls in 1..12 {
        let (name, pair) = (format!("lamp {polls}"), format!("shade {polls}"));
        let mut write = Box::pin(house.db.write(&house.ana, async |db| {
            db.insert(thing(house.ids.next(), &name)).await?;
            let custom = Value::from(&serde_json::json!({ "much": much }));
            let cells = vec![
                ("id", house.ids.next().into()),
                ("name", pair.as_str().into()),
                ("custom", custom),
            ];
            db.insert(Insert::row("things", cells)).await
        }));
        for _ in 0..polls {
            if (&mut write).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        let again = house
            .db
            .write(&house.ana, async |db| db.insert(thing(house.ids.next(), &name)).await)
            .await;
        let there = house
            .db
            .read(&house.ana, async |db| {
                db.count(Select::from("things").whose("name", pair.as_str())).await
            })
            .await
            .unwrap();
        match again {
            Ok(_) => assert_eq!(there, 0),
            Err(error) => assert_eq!((error.kind(), there), (ErrorKind::Conflict, 1)),
        }
    }
}

async fn join_all<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut all {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if all.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}

async fn search_finds_prefixes_of_one_tenant(kind: Kind) {
    let house = house(kind).await;
    let (ana, bruno, other) = (house.ids.next(), house.ids.next(), house.ids.next());
    let index = async |actor: &Actor, record: Id, title: &str, known: bool| {
        let document = Document {
            record: Some(record),
            object: "thing",
            title: title.to_owned(),
            keywords: "ana@acme.com".to_owned(),
            body: String::new(),
        };
        house.db.write(actor, async |db| db.index(&document, known).await).await.unwrap();
    };
    index(&house.ana, bruno, "Bruno", false).await;
    index(&house.ana, ana, "Ána Sousa", false).await;
    index(&house.stranger, other, "Ana", false).await;
    let search = async |question: &str| {
        let words = Read::words(question);
        house
            .db
            .read(&house.ana, async |db| db.search(&words, Some("thing"), 10).await)
            .await
            .unwrap()
    };
    let found: Vec<Id> = search("ANA").await.iter().map(|hit| hit.record).collect();
    assert_eq!(found, [ana, bruno], "the title counts more than a keyword");
    assert_eq!(search("sou ana").await.len(), 1);
    assert_eq!(search("nobody").await.len(), 0);
    index(&house.ana, ana, "Carla", true).await;
    assert_eq!(search("sousa").await.len(), 0);
    assert_eq!(search("carl").await.len(), 1);
    house.db.write(&house.ana, async |db| db.insert(thing(ana, "x")).await).await.unwrap();
    let words = Condition::Words { column: "id", words: Read::words("acme") };
    let select = Select::from("things").only(words).only(equals("name", "x"));
    let matching = house.db.read(&house.ana, async |db| db.count(select).await).await;
    assert_eq!(matching.unwrap(), 0, "documents are of the object, and things are not its table");
}

async fn a_newer_schema_is_refused(kind: Kind) {
    let house = house(kind).await;
    let error = house.db.migrate(&[]).await.unwrap_err();
    assert_eq!(error.code(), "newer_schema");
}

async fn a_copy_is_left_before_the_schema_changes(kind: Kind) {
    let house = house(kind).await;
    let id = house.ids.next();
    house.db.write(&house.ana, async |db| db.insert(thing(id, "lamp")).await).await.unwrap();
    let mut all = migrations();
    let steps = vec![Step::AddColumn("things", text("colour"))];
    all.push(Migration { name: "2026-01-02-colour", steps });
    assert_eq!(house.db.migrate(&all).await.unwrap(), ["2026-01-02-colour"]);
    let kept = house.db.read(&house.ana, async |db| db.count(Select::from("things")).await).await;
    assert_eq!(kept.unwrap(), 1);
    if kind == Kind::Sqlite {
        let copy = house.database.folder.path().join("kith.db.before-2026-01-01-things.bak");
        let copy = rusqlite::Connection::open(copy).unwrap();
        let count = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT COUNT(*) FROM things WHERE name = 'lamp'"), 1);
        assert_eq!(
            count("SELECT COUNT(*) FROM pragma_table_info('things') WHERE name = 'colour'"),
            0
        );
    }
}
