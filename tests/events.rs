//! The event log: sealed in order however many write, and a tampered log is told from an honest one.

use kith_kernel::Id;
use kith_platform::{
    App, Ctx,
    events::{self, Damage, Event, Sealer, Verdict, seal_all, verify},
};
use kith_store::{Delete, Select, Update, Value};
use tokio::task::JoinSet;

use crate::{
    database::{Kind, on_both},
    house::{House, until},
};

on_both!(
    sealers_and_writers_that_compete_leave_one_chain,
    what_a_stopped_server_left_is_sealed,
    a_tampered_log_is_told,
    an_erased_event_keeps_its_place,
    erasing_takes_the_content_alone,
    an_event_that_went_before_it_was_sealed_is_missed,
);

async fn write(ctx: &Ctx, names: impl IntoIterator<Item = String>) {
    let all = async |db: &kith_store::Write| {
        for name in names {
            let changes = Some(format!(r#"{{"after":{{"name":"{name}"}}}}"#));
            let event = Event { name, object: "deal", record: Some(Id::NIL), changes, batch: None };
            events::append(ctx, db, event)?;
        }
        Ok(())
    };
    ctx.write(all).await.unwrap();
}

fn verdict(sealed: u64, erased: u64) -> Verdict {
    Verdict { sealed, erased, unsealed: 0, head: None, first_broken: None }
}

async fn verified(ctx: &Ctx) -> Verdict {
    Verdict { head: None, ..verify(ctx).await.unwrap() }
}

async fn unsealed(app: &App) -> i64 {
    let select = Select::from("unsealed_events");
    app.db.read_everywhere("tests", async |db| db.count(select).await).await.unwrap()
}

/// SQL past the walls, on a connection of its own, as whoever owns the database could do it.
async fn tamper(house: &House, sql: &str) {
    let options = &house.database.options;
    let Some(path) = options.sqlite_path() else {
        let (client, connection) =
            tokio_postgres::connect(&options.url, tokio_postgres::NoTls).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "it ends with the client")]
        tokio::spawn(connection);
        return client.batch_execute(sql).await.unwrap();
    };
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    for table in ["events", "event_order"] {
        for verb in ["update", "delete"] {
            let lift = format!("DROP TRIGGER IF EXISTS {table}_refuse_{verb}");
            connection.execute_batch(&lift).unwrap();
        }
    }
    connection.execute_batch(sql).unwrap();
}

async fn sealers_and_writers_that_compete_leave_one_chain(kind: Kind) {
    let house = House::fresh(kind).await;
    let other = house.another_node();
    for app in [&house.app, &other] {
        Sealer::new(app.clone()).start();
    }
    let tenants = [house.tenant(), house.tenant()];
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let tenant = tenants[writer % 2].actor.clone();
        let ctx = if writer < 4 { &house.app } else { &other }.on_behalf_of(tenant);
        writers.spawn(async move {
            for number in 0..30 {
                write(&ctx, [format!("{writer}.{number}")]).await;
            }
        });
    }
    writers.join_all().await;
    until("all events are sealed", async || unsealed(&house.app).await == 0).await;
    for ctx in &tenants {
        assert_eq!(verified(ctx).await, verdict(120, 0));
    }
    assert_eq!(verified(&house.tenant()).await, verdict(0, 0));
    house.stop().await;
}

async fn what_a_stopped_server_left_is_sealed(kind: Kind) {
    let house = House::fresh(kind).await;
    let (ctx, installation) = (house.tenant(), house.app.as_system(Id::NIL));
    write(&ctx, (0..450).map(|number| number.to_string())).await;
    write(&installation, ["server.started".to_owned()]).await;
    let before = verify(&ctx).await.unwrap();
    assert_eq!((before.sealed, before.unsealed, before.first_broken), (0, 450, None));
    Sealer::new(house.app.clone()).start();
    until("what was left is sealed", async || unsealed(&house.app).await == 0).await;
    assert_eq!(verified(&ctx).await, verdict(450, 0));
    assert_eq!(verified(&installation).await, verdict(1, 0));
    let head = verify(&ctx).await.unwrap().head.unwrap();
    assert_eq!((head.sequence, head.hash.len()), (450, 64));
    assert_eq!(seal_all(&house.app).await.unwrap(), 0);
    house.stop().await;
}

/// What is done to the log of a tenant whose events are named `<tenant>.1` to `<tenant>.10`, and what is told of it.
const TAMPERINGS: [(&str, &str, Damage, Option<i64>); 9] = [
    ("diff", "UPDATE events SET changes = '{}' WHERE name = 'diff.3'", Damage::Changed, Some(3)),
    ("actor", "UPDATE events SET via = 'session' WHERE name = 'actor.3'", Damage::Changed, Some(3)),
    (
        "erased",
        "UPDATE events SET changes = NULL WHERE name = 'erased.3'",
        Damage::Changed,
        Some(3),
    ),
    (
        "salt",
        "DELETE FROM event_salts WHERE event_id = (SELECT id FROM events WHERE name = 'salt.3')",
        Damage::Changed,
        Some(3),
    ),
    ("gone", "DELETE FROM events WHERE name = 'gone.3'", Damage::Missing, Some(3)),
    (
        "swapped",
        "UPDATE event_order SET sequence = 99 WHERE event_id = (SELECT id FROM events WHERE name = 'swapped.3'); \
         UPDATE event_order SET sequence = 3 WHERE event_id = (SELECT id FROM events WHERE name = 'swapped.4'); \
         UPDATE event_order SET sequence = 4 WHERE event_id = (SELECT id FROM events WHERE name = 'swapped.3')",
        Damage::Order,
        Some(3),
    ),
    (
        "gap",
        "DELETE FROM event_order WHERE event_id = (SELECT id FROM events WHERE name = 'gap.3'); \
         DELETE FROM events WHERE name = 'gap.3'",
        Damage::Order,
        Some(4),
    ),
    (
        "cut",
        "DELETE FROM event_order WHERE sequence > 8 AND event_id IN (SELECT id FROM events WHERE name LIKE 'cut.%')",
        Damage::Unlisted,
        None,
    ),
    (
        "digest",
        "UPDATE event_order SET digest = hash WHERE event_id = (SELECT id FROM events WHERE name = 'digest.10')",
        Damage::Order,
        Some(10),
    ),
];

async fn a_tampered_log_is_told(kind: Kind) {
    let house = House::fresh(kind).await;
    let honest = house.tenant();
    write(&honest, (1..=10).map(|number| format!("honest.{number}"))).await;
    let mut tenants = Vec::new();
    for (name, ..) in TAMPERINGS {
        let ctx = house.tenant();
        write(&ctx, (1..=10).map(|number| format!("{name}.{number}"))).await;
        tenants.push(ctx);
    }
    assert_eq!(seal_all(&house.app).await.unwrap(), 100);
    for (ctx, (name, sql, damage, sequence)) in tenants.iter().zip(TAMPERINGS) {
        assert_eq!(verified(ctx).await, verdict(10, 0), "{name}");
        tamper(&house, sql).await;
        let found = verify(ctx).await.unwrap().first_broken.unwrap();
        assert_eq!((found.damage, found.sequence), (damage, sequence), "{name}");
    }
    // An event that never went through the log.
    let added = house.tenant();
    write(&added, ["added.1".to_owned()]).await;
    let past = "DELETE FROM unsealed_events WHERE event_id = (SELECT id FROM events WHERE name = 'added.1')";
    tamper(&house, past).await;
    let found = verify(&added).await.unwrap().first_broken.unwrap();
    assert_eq!(found.damage, Damage::Unlisted);
    assert_eq!(verified(&honest).await, verdict(10, 0));
}

async fn an_erased_event_keeps_its_place(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    write(&ctx, (1..=10).map(|number| number.to_string())).await;
    seal_all(&house.app).await.unwrap();
    let whole = verify(&ctx).await.unwrap();
    let erasure = "DELETE FROM event_salts WHERE event_id = (SELECT id FROM events WHERE name = '5'); \
                   UPDATE events SET changes = NULL WHERE name = '5'";
    tamper(&house, erasure).await;
    assert_eq!(verified(&ctx).await, verdict(10, 1));
    assert_eq!(verify(&ctx).await.unwrap().head, whole.head);
    write(&ctx, ["11".to_owned()]).await;
    assert_eq!(seal_all(&house.app).await.unwrap(), 1);
    assert_eq!(verified(&ctx).await, verdict(11, 1));
}

async fn erasing_takes_the_content_alone(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    write(&ctx, (1..=10).map(|number| number.to_string())).await;
    let events = ctx.read(async |db| db.all::<events::Stored>(Select::from("events")).await);
    let events = events.await.unwrap();
    let id = |name: &str| events.iter().find(|event| event.name == name).unwrap().id;
    // One is erased before it has its place, and one afterwards.
    let erase = async |id| ctx.write(async |db| events::erase(db, &[id]).await).await.unwrap();
    assert_eq!(erase(id("3")).await, 1);
    seal_all(&house.app).await.unwrap();
    assert_eq!(verified(&ctx).await, verdict(10, 0), "it was sealed as it is");
    assert_eq!(erase(id("5")).await, 1);
    assert_eq!((erase(id("5")).await, verified(&ctx).await), (0, verdict(10, 1)));
    let left = ctx.read(async |db| db.all::<events::Stored>(Select::from("events")).await);
    let left = left.await.unwrap();
    let bare: Vec<_> = left.iter().filter(|event| event.changes.is_none()).collect();
    assert_eq!(bare.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["3", "5"]);
    // Whoever has the server's rights can do nothing else to an event.
    let other = house.tenant();
    for update in [
        Update::table("events").set("changes", "{}"),
        Update::table("events").set("name", "other"),
        Update::table("events").set("via", "session").set("changes", Value::Null),
    ] {
        let update = update.whose("id", id("7"));
        let refused = ctx.write(async |db| db.update(update.clone()).await).await;
        assert!(refused.is_err(), "{update:?}");
    }
    let delete = Delete::from("events").whose("id", id("7"));
    assert!(ctx.write(async |db| db.delete(delete.clone()).await).await.is_err());
    let foreign = other.write(async |db| events::erase(db, &[id("7")]).await).await.unwrap();
    assert_eq!((foreign, verified(&ctx).await), (0, verdict(10, 1)));
    tamper(&house, "UPDATE events SET via = 'session' WHERE name = '7'").await;
    let found = verify(&ctx).await.unwrap().first_broken.unwrap();
    assert_eq!((found.damage, found.sequence), (Damage::Changed, Some(7)));
}

async fn an_event_that_went_before_it_was_sealed_is_missed(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    write(&ctx, (1..=3).map(|number| number.to_string())).await;
    tamper(&house, "DELETE FROM events WHERE name = '2'").await;
    assert_eq!(seal_all(&house.app).await.unwrap(), 3);
    let found = verify(&ctx).await.unwrap().first_broken.unwrap();
    assert_eq!((found.damage, found.sequence), (Damage::Missing, Some(2)));
}
