//! The past: records, lists and differences as of an instant are what they were when one looked then.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    requests::{LEAST, add_vehicles, least, something},
    world::World,
};

on_both!(
    a_record_is_read_as_it_was,
    a_difference_names_who_changed_what,
    lists_are_what_they_were,
    every_object_has_a_past,
    a_past_that_is_none_is_told,
);

fn path(object: &str, id: &Json) -> String {
    format!("/api/{object}/{}", id.as_str().unwrap())
}

fn now(world: &World) -> String {
    world.app.clock.now().to_string()
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_record_is_read_as_it_was(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let tier = json!({ "object": "contact", "name": "tier", "kind": "text" });
    ana.make("/api/custom-fields", tier).await;
    let new = json!({ "name": "Ada Byron", "labels": ["first"], "tier": "tin", "address": { "city": "Rome" } });
    let path = path("contacts", &ana.make("/api/contacts", new).await["id"]);
    let mut seen = vec![(now(&world), ana.get(&path).await.json)];
    let steps = [
        json!({ "name": "Ada Lovelace", "labels": ["second", "third"] }),
        json!({ "custom": { "tier": "gold" }, "address": { "city": null } }),
        json!({ "labels": [], "email": "ada@engine.example" }),
    ];
    for step in steps {
        world.app.clock.advance_seconds(60);
        assert_eq!(ana.patch(&path, step).await.status, 200);
        seen.push((now(&world), ana.get(&path).await.json));
    }
    world.app.clock.advance_seconds(60);
    assert_eq!(ana.delete(&path).await.status, 204);
    let gone = now(&world);
    world.app.clock.advance_seconds(60);
    assert_eq!(ana.post(&format!("{path}/restore"), json!({})).await.status, 200);
    seen.push((now(&world), ana.get(&path).await.json));
    world.app.clock.advance_seconds(60);
    assert_eq!(ana.delete(&path).await.status, 204);
    for (at, then) in seen {
        let was = world.vera.get(&format!("{path}?asOf={at}")).await;
        assert_eq!((was.status, &was.json), (200, &then), "{at}");
        let some = ana.get(&format!("{path}?asOf={at}&fields=name,address.city,custom.tier")).await;
        let keys: Vec<_> = some.json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["id", "name", "address", "custom"]);
        assert_eq!(some.json["address"], json!({ "city": then["address"]["city"] }));
    }
    let deleted = ana.get(&format!("{path}?asOf={gone}")).await;
    assert_eq!((deleted.status, &deleted.json["code"]), (404, &json!("deleted_then")));
    assert!(deleted.text.contains(&gone), "{deleted:?}");
    let early = ana.get(&format!("{path}?asOf=2026-11-21T08:59:59Z")).await;
    assert_eq!((early.status, &early.json["code"]), (404, &json!("before_the_beginning")));
    assert!(early.text.contains("2026-11-21T09:00:00"), "{early:?}");
    assert_eq!(world.stranger.get(&format!("{path}?asOf={gone}")).await.json["code"], "not_found");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_difference_names_who_changed_what(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, bruno) = (&world.ana, &world.bruno);
    let tier = json!({ "object": "contact", "name": "tier", "kind": "text" });
    ana.make("/api/custom-fields", tier).await;
    let made = ana.make("/api/contacts", json!({ "name": "Ada Byron" })).await;
    let path = path("contacts", &made["id"]);
    let from = now(&world);
    for (who, change) in [
        (ana, json!({ "jobTitle": "Clerk", "phone": "555 1234" })),
        (bruno, json!({ "jobTitle": "Boss", "custom": { "tier": "gold" } })),
        (ana, json!({ "phone": null })),
    ] {
        world.app.clock.advance_seconds(60);
        assert_eq!(who.patch(&path, change).await.status, 200);
    }
    let diff = world.vera.get(&format!("{path}/diff?from={from}")).await.json;
    let member = bruno.get("/api/auth/me").await.json["memberId"].clone();
    let fields: Vec<&Json> =
        diff["changes"].as_array().unwrap().iter().map(|change| &change["field"]).collect();
    assert_eq!(fields, ["custom.tier", "jobTitle"], "what came and went is no difference: {diff}");
    let title = &diff["changes"][1];
    assert_eq!((&title["before"], &title["after"]), (&json!(null), &json!("Boss")));
    assert_eq!(
        (&title["memberId"], &title["changedAt"]),
        (&member, &json!("2026-11-21T09:02:00.000Z"))
    );
    assert_eq!((&diff["fromVersion"], &diff["toVersion"]), (&json!(1), &json!(4)));
    let all = ana.get(&format!("{path}/diff")).await.json;
    assert_eq!((&all["from"], &all["changes"]), (&json!(from), &diff["changes"]));
    let part = format!("{path}/diff?from={from}&to=2026-11-21T09:01:00Z");
    let part = ana.get(&part).await.json;
    assert_eq!(part["changes"].as_array().unwrap().len(), 2, "{part}");
    assert_eq!(part["changes"][0]["after"], "Clerk");
    for (query, status, code) in [
        ("?from=nonsense", 422, "invalid_parameter"),
        ("?from=2026-11-21T09:01:00Z&to=2026-11-21T09:01:00Z", 422, "invalid_parameter"),
        ("?from=2026-11-21T09:00:00Z&to=2030-01-01T00:00:00Z", 422, "in_the_future"),
        ("?from=2020-01-01", 404, "before_the_beginning"),
    ] {
        let answer = ana.get(&format!("{path}/diff{query}")).await;
        assert_eq!((answer.status, &answer.json["code"]), (status, &json!(code)), "{query}");
    }
}

/// Every row of a list, page by page.
async fn whole(by: &Client, path: &str) -> Vec<Json> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = by.get(&format!("{path}&limit=7{cursor}")).await;
        assert_eq!(page.status, 200, "{path} {page:?}");
        rows.extend(page.json["data"].as_array().unwrap().iter().cloned());
        match page.json["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

const QUESTIONS: [&str; 27] = [
    "x",
    "sort=createdAt",
    "sort=name",
    "sort=-name",
    "sort=-jobTitle",
    "sort=leadScore,name",
    "sort=-leadScore",
    "sort=updatedAt",
    "sort=custom.size",
    "sort=-custom.size,name",
    "jobTitle=clerk",
    "jobTitle[ne]=clerk",
    "jobTitle[exists]=false&sort=name",
    "jobTitle[in]=clerk,boss",
    "leadScore[gte]=50&sort=-name",
    "leadScore[lt]=50",
    "labels=vip",
    "labels[ne]=vip&sort=name",
    "labels[exists]=false",
    "custom.tier=gold",
    "custom.tier[ne]=gold",
    "custom.size[gt]=3&sort=custom.size",
    "custom.done=true",
    "name[contains]=a1&sort=name",
    "name[startsWith]=na&doNotCall=true",
    "ownerId=me&fields=name,custom.tier,labels",
    "filter=%7B%22any%22:%5B%7B%22field%22:%22leadScore%22,%22op%22:%22lt%22,%22value%22:20%7D,%7B%22not%22:%7B%22field%22:%22jobTitle%22,%22op%22:%22eq%22,%22value%22:%22boss%22%7D%7D%5D%7D",
];

/// A contact by numbers that look like chance.
fn contact(seed: u64, owner: &Json) -> Json {
    let chance = |of: u64, salt: u64| (seed * 7919 + salt * 104_729 + seed * seed * 31) % of;
    let pick = |words: &[&str], salt| {
        let at = usize::try_from(chance(words.len() as u64 + 1, salt)).unwrap();
        words.get(at).map_or(Json::Null, |word| json!(word))
    };
    json!({
        "name": format!("Na{} Ma{}", chance(20, 1), chance(9, 2)), "jobTitle": pick(&["Clerk", "Boss", "clerk"], 3),
        "leadScore": chance(101, 4), "labels": if chance(3, 5) == 0 { json!(["vip"]) } else { json!([]) },
        "doNotCall": chance(2, 6) == 0, "ownerId": if chance(2, 7) == 0 { owner.clone() } else { json!(null) },
        "custom": {
            "tier": pick(&["gold", "tin"], 8), "size": if chance(4, 9) == 0 { json!(null) } else { json!(chance(9, 10)) },
            "done": chance(2, 11) == 0,
        },
    })
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn lists_are_what_they_were(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let me = ana.get("/api/auth/me").await.json["memberId"].clone();
    for field in [
        json!({ "object": "contact", "name": "tier", "kind": "choice", "options": ["gold", "tin"] }),
        json!({ "object": "contact", "name": "size", "kind": "number" }),
        json!({ "object": "contact", "name": "done", "kind": "bool" }),
    ] {
        ana.make("/api/custom-fields", field).await;
    }
    let mut ids = Vec::new();
    for seed in 0..40 {
        world.app.clock.advance_seconds(1);
        ids.push(ana.make("/api/contacts", contact(seed, &me)).await["id"].clone());
    }
    assert_eq!(ana.delete(&path("contacts", &ids[0])).await.status, 204);
    assert_eq!(ana.delete(&path("contacts", &ids[1])).await.status, 204);
    let at = now(&world);
    let mut then = Vec::new();
    for question in QUESTIONS {
        let question = question.trim_start_matches('x');
        then.push(whole(ana, &format!("/api/contacts?{question}")).await);
    }
    let count = ana.get("/api/contacts?count=exact&jobTitle=clerk").await.json["total"].clone();
    world.app.clock.advance_seconds(60);
    for (number, id) in ids.iter().enumerate().skip(1) {
        let seed = 1_000 + number as u64;
        let path = path("contacts", id);
        match number % 5 {
            0 => assert_eq!(ana.delete(&path).await.status, 204),
            1 if number == 1 => {
                assert_eq!(ana.post(&format!("{path}/restore"), json!({})).await.status, 200);
                assert_eq!(ana.patch(&path, contact(seed, &me)).await.status, 200);
            }
            1 | 2 => assert_eq!(ana.patch(&path, contact(seed, &me)).await.status, 200),
            3 => {
                for more in 0..3 {
                    let change = contact(seed * 3 + more, &me);
                    assert_eq!(ana.patch(&path, change).await.status, 200);
                }
                assert_eq!(ana.delete(&path).await.status, 204);
                assert_eq!(ana.post(&format!("{path}/restore"), json!({})).await.status, 200);
            }
            _ => {}
        }
        ana.make("/api/contacts", contact(seed * 2, &me)).await;
    }
    for (question, then) in QUESTIONS.iter().zip(&then) {
        let question = question.trim_start_matches('x');
        let was = whole(ana, &format!("/api/contacts?asOf={at}&{question}")).await;
        let shown =
            |rows: &[Json]| rows.iter().map(|row| row["name"].to_string()).collect::<Vec<_>>();
        assert_eq!(shown(&was), shown(then), "{question}");
        assert_eq!(&was, then, "{question}");
    }
    let counted =
        ana.get(&format!("/api/contacts?asOf={at}&count=exact&jobTitle=clerk&limit=2")).await;
    assert_eq!(counted.json["total"], count);
    let present = ana.get("/api/contacts?sort=name").await.json["data"].clone();
    let same = ana.get(&format!("/api/contacts?sort=name&asOf={}", now(&world))).await;
    assert_eq!(same.json["data"], present, "as of now");
    let view = json!({ "object": "contact", "name": "Clerks", "rule": { "field": "jobTitle", "op": "eq", "value": "clerk" } });
    let view = ana.make("/api/views", view).await["id"].clone();
    let seen = ana.get(&format!("{}/records?asOf={at}&limit=200", path("views", &view))).await;
    assert_eq!(seen.json["data"].as_array().unwrap().len(), then[10].len());
    let lines = ana.get(&format!("/api/contacts/export?format=jsonl&asOf={at}")).await;
    assert_eq!(lines.text.lines().count(), then[0].len());
}

async fn every_object_has_a_past(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    add_vehicles(ana).await;
    for (plural, _) in LEAST {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(json!(something(plural, ana, "before").await));
        }
        let at = now(&world);
        let list = format!("/api/{plural}?limit=200");
        let then = ana.get(&list).await.json;
        world.app.clock.advance_seconds(5);
        // Where it belongs is said once.
        let change = least(plural, "after").unwrap();
        assert_eq!(ana.patch(&path(plural, &ids[0]), change).await.status, 200, "{plural}");
        if plural != "members" {
            assert_eq!(ana.delete(&path(plural, &ids[1])).await.status, 204, "{plural}");
        }
        something(plural, ana, "later").await;
        let was = ana.get(&format!("{list}&asOf={at}")).await;
        assert_eq!((was.status, &was.json), (200, &then), "{plural}");
        let one = ana.get(&format!("{}?asOf={at}", path(plural, &ids[1]))).await;
        let row = then["data"].as_array().unwrap().iter().find(|row| row["id"] == ids[1]);
        assert_eq!(Some(&one.json), row, "{plural}");
    }
}

async fn a_past_that_is_none_is_told(kind: Kind) {
    let world = World::new(kind).await;
    let made = world.ana.make("/api/contacts", json!({ "name": "Ada" })).await;
    let one = path("contacts", &made["id"]);
    let at = now(&world);
    for (path, code) in [
        ("/api/contacts?asOf=nonsense".to_owned(), "invalid_parameter"),
        ("/api/contacts?asOf=2030-01-01T00:00:00Z".to_owned(), "in_the_future"),
        ("/api/contacts?asOf=2020-01-01T00:00:00Z".to_owned(), "before_the_beginning"),
        (format!("/api/contacts?asOf={at}&search=ada"), "invalid_parameter"),
        (format!("/api/contacts?asOf={at}&include=account"), "invalid_parameter"),
        (format!("/api/contacts?asOf={at}&deleted=true"), "invalid_parameter"),
        (format!("/api/contacts?asOf={at}&page=2"), "invalid_parameter"),
        (format!("/api/contacts?asOf={at}&asOf={at}"), "invalid_parameter"),
        (format!("{one}?asOf=2030-01-01T00:00:00Z"), "in_the_future"),
        (format!("{one}?asOf={at}&include=account"), "invalid_parameter"),
        (format!("{one}?asOf="), "invalid_parameter"),
    ] {
        let answer = world.ana.get(&path).await;
        assert_eq!((answer.status, &answer.json["code"]), (422, &json!(code)), "{path} {answer:?}");
    }
    // Who signed up was made without an event of the record.
    let me = path("members", &world.ana.get("/api/auth/me").await.json["memberId"]);
    assert_eq!(world.ana.get(&format!("{me}/diff")).await.json["changes"], json!([]));
    let early = world.ana.get(&format!("{me}?asOf=2026-11-21T08:00:00Z")).await;
    assert_eq!((early.status, &early.json["code"]), (404, &json!("before_the_beginning")));
    world.ana.make("/api/contacts", json!({ "name": "Bob" })).await;
    let page = world.ana.get("/api/contacts?limit=1").await;
    let cursor = page.json["nextCursor"].as_str().unwrap();
    let other = world.ana.get(&format!("/api/contacts?asOf={at}&limit=1&cursor={cursor}")).await;
    assert_eq!((other.status, &other.json["code"]), (422, &json!("invalid_cursor")));
}
