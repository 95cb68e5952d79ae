//! The trash through HTTP: what was deleted long enough goes for good with what hangs on it, and what can no longer be
//! taken back says so.

use kith_platform::events::{seal_all, verify};
use kith_store::{Delete, Select};
use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    import::upload_as,
    reports::agrees,
    world::World,
};

on_both!(
    what_was_deleted_goes_for_good_in_time,
    what_can_no_longer_be_taken_back_says_so,
    retention_goes_on_by_itself,
);

const DAY: i64 = 86_400;
const PATH: &str = "/api/database/retention";

async fn put(by: &Client, body: Json) -> Json {
    let answer = by.put(PATH, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

fn at(plural: &str, record: &Json) -> String {
    format!("/api/{plural}/{}", record["id"].as_str().unwrap())
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

async fn rows(world: &World, table: &'static str, column: &'static str, record: &Json) -> i64 {
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let id: kith_kernel::Id = record["id"].as_str().unwrap().parse().unwrap();
    ctx.read(async |db| db.count(Select::from(table).whose(column, id)).await).await.unwrap()
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn what_was_deleted_goes_for_good_in_time(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make(
        "/api/custom-fields",
        json!({ "object": "product", "name": "buyer", "kind": "link", "target": "contact" }),
    )
    .await;
    ana.make("/api/objects", json!({ "name": "vehicle", "label": "Vehicle" })).await;
    let car = ana.make("/api/objects/vehicle/records", json!({ "name": "Van" })).await;
    let rosa = json!({ "name": "Rosa Sousa", "email": "rosa@acme.example", "labels": ["vip"] });
    let rosa = ana.make("/api/contacts", rosa).await;
    let deal = json!({ "name": "Big", "contactId": rosa["id"], "amount": 50 });
    let deal = ana.make("/api/deals", deal).await;
    let lost = ana.make("/api/deals", json!({ "name": "Gone", "amount": 7 })).await;
    let line = json!({ "name": "Sole", "quantity": 2, "unitPrice": 4 });
    let lines = ana.post(&format!("{}/lines", at("deals", &lost)), line).await;
    assert!(lines.status < 300, "{lines:?}");
    let product = ana.make("/api/products", json!({ "name": "Thing", "buyer": rosa["id"] })).await;
    let note = json!({ "content": "Nice", "relatedId": rosa["id"] });
    let note = ana.make("/api/notes", note).await;
    let file = ana.attach(&[("relatedId", rosa["id"].as_str().unwrap())], ("a.txt", b"text")).await;
    assert_eq!(file.status, 201, "{file:?}");
    let mut many = Vec::new();
    for number in 0..45 {
        let one = json!({ "name": format!("Many {number}") });
        many.push(ana.make("/api/accounts", one).await["id"].clone());
    }
    let theirs = world.stranger.make("/api/contacts", json!({ "name": "Theirs" })).await;
    assert_eq!(world.stranger.delete(&at("contacts", &theirs)).await.status, 204);
    let end = json!({ "action": "delete", "ids": many });
    assert_eq!(ana.post("/api/accounts/bulk", end).await.json["succeeded"], 45);
    for path in [at("contacts", &rosa), at("deals", &lost), at("objects/vehicle/records", &car)] {
        assert_eq!(ana.delete(&path).await.status, 204, "{path}");
    }
    world.app.clock.advance_seconds(8 * DAY);
    let late = ana.make("/api/contacts", json!({ "name": "Late" })).await;
    assert_eq!(ana.delete(&at("contacts", &late)).await.status, 204);
    world.app.clock.advance_seconds(7 * DAY);
    world.read_events().await;
    agrees(ana).await;

    put(ana, json!({ "trashDays": 10 })).await;
    world.run_jobs().await;
    let kept = ana.get(PATH).await.json;
    assert!(kept["trashBefore"].is_string(), "{kept}");
    assert_eq!(ana.get("/api/contacts?deleted=true").await.names(), ["Late"]);
    for plural in ["accounts", "deals", "objects/vehicle/records"] {
        let left = ana.get(&format!("/api/{plural}?deleted=true")).await;
        assert_eq!(left.json["data"], json!([]), "{plural}");
    }
    // What it is about stays and leads nowhere; the note is left to the cleanup of orphans, the file is deleted.
    let open = ana.get(&at("deals", &deal)).await.json;
    assert_eq!((&open["contactId"], &open["version"]), (&Json::Null, &json!(2)), "{open}");
    let history = ana.get(&format!("{}/history", at("deals", &deal))).await.json;
    assert_eq!(history["data"][0]["before"]["contactId"], rosa["id"], "{history}");
    assert_eq!(ana.get(&at("products", &product)).await.json["custom"]["buyer"], Json::Null);
    assert_eq!(ana.get(&at("notes", &note)).await.status, 200);
    assert_eq!(ana.get(&at("attachments", &file.json)).await.status, 404);
    for (table, column, record) in [
        ("links", "record_id", &rosa),
        ("links", "target_id", &rosa),
        ("duplicate_keys", "record_id", &rosa),
        ("custom_values", "record_id", &car),
        ("deal_lines", "deal_id", &lost),
        ("deal_stages", "deal_id", &lost),
        ("contacts", "id", &rosa),
    ] {
        assert_eq!(rows(&world, table, column, record).await, 0, "{table}.{column}");
    }
    for path in [at("contacts", &rosa), at("objects/vehicle/records", &car)] {
        assert_eq!(told(&ana.get(&path).await), (410, "purged"), "{path}");
        let back = ana.post(&format!("{path}/restore"), json!({})).await;
        assert_eq!(told(&back), (410, "purged"), "{path}");
        assert_eq!(world.stranger.get(&path).await.status, 404, "{path}");
    }
    let events = ana.get("/api/audit-logs?action=retention.purged&limit=200").await.json;
    let counts = events["data"].as_array().unwrap().iter().map(|event| &event["after"]["count"]);
    assert_eq!(counts.map(|count| count.as_i64().unwrap()).sum::<i64>(), 48, "{events}");
    assert_eq!(events["data"].as_array().unwrap().len(), 6, "no write takes more than twenty");
    let gone = world.stranger.get("/api/contacts?deleted=true").await;
    assert_eq!(gone.names(), ["Theirs"]);
    // Of a list of the past nothing would be told that is gone; a record is told as ever.
    let ago = |days: i64| world.app.clock.now().plus_seconds(-days * DAY);
    let past = ana.get(&format!("/api/contacts?asOf={}", ago(12))).await;
    assert_eq!(told(&past), (410, "before_retention"));
    assert_eq!(ana.get(&format!("/api/contacts?asOf={}", ago(6))).await.status, 200);
    let then = ana.get(&format!("{}?asOf={}", at("deals", &deal), ago(12))).await;
    assert_eq!((then.status, &then.json["contactId"]), (200, &rosa["id"]), "{then:?}");
    world.read_events().await;
    agrees(ana).await;
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].clone();
    seal_all(&world.app).await.unwrap();
    let tenant = world.app.as_system(tenant.as_str().unwrap().parse().unwrap());
    assert!(verify(&tenant).await.unwrap().first_broken.is_none());
    // The next ones go as their time comes.
    world.app.clock.advance_seconds(4 * DAY);
    world.run_jobs().await;
    assert_eq!(ana.get("/api/contacts?deleted=true").await.json["data"], json!([]));
}

async fn what_can_no_longer_be_taken_back_says_so(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let [rosa, souza, other] = ["Rosa", "Souza", "Other"].map(|name| json!({ "name": name }));
    let rosa = ana.make("/api/contacts", rosa).await;
    let souza = ana.make("/api/contacts", souza).await;
    let other = ana.make("/api/contacts", other).await;
    let merge = json!({ "primaryId": rosa["id"], "otherIds": [souza["id"]] });
    let merged = ana.post("/api/contacts/merge", merge).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    let end = json!({ "action": "delete", "ids": [other["id"]] });
    let batch = ana.post("/api/contacts/bulk", end).await.json["batchId"].clone();
    world.app.clock.advance_seconds(3 * DAY);
    put(ana, json!({ "trashDays": 2 })).await;
    world.run_jobs().await;

    let part = json!({ "mergeId": merged.json["mergeId"] });
    let part = ana.post("/api/contacts/unmerge", part).await;
    assert_eq!(told(&part), (409, "purged"), "{part:?}");
    assert_eq!(ana.get(&at("contacts", &rosa)).await.json["name"], "Rosa");
    // Who looks for what was merged is still told where it went.
    let into = ana.get(&at("contacts", &souza)).await;
    assert_eq!(told(&into), (404, "merged"), "{into:?}");

    let undo = ana.post(&format!("/api/batches/{}/undo", batch.as_str().unwrap()), json!({})).await;
    assert_eq!(undo.status, 202, "{undo:?}");
    world.run_jobs().await;
    let place = undo.headers["location"].to_str().unwrap();
    let job = ana.get(place).await.json;
    assert_eq!((&job["state"], &job["failed"]), (&json!("completed"), &json!(1)), "{job}");
    assert_eq!(ana.get("/api/contacts").await.names(), ["Rosa"]);
    assert_eq!(told(&ana.get(&at("contacts", &other)).await), (410, "purged"));
}

async fn retention_goes_on_by_itself(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let gone = ana.make("/api/contacts", json!({ "name": "Gone" })).await;
    assert_eq!(ana.delete(&at("contacts", &gone)).await.status, 204);
    put(ana, json!({ "trashDays": 10 })).await;
    world.run_jobs().await;
    let bundle = ana.get("/api/database/export").await.bytes;
    let (status, begun) =
        upload_as(&world.operator, "database", ("a.kithtenant", &bundle), &[("name", "Second")])
            .await;
    assert_eq!(status, 202, "{begun}");
    world.run_jobs().await;
    let path = format!("/api/database/import/{}", begun["id"].as_str().unwrap());
    let second = world.operator.get(&path).await.json["tenantId"].clone();
    let switch = format!("/api/tenants/{}/switch", second.as_str().unwrap());
    let switched = world.operator.post(&switch, json!({})).await;
    let second = world.operator.with(switched.json["token"].as_str().unwrap());
    assert_eq!(second.get("/api/contacts?deleted=true").await.names(), ["Gone"]);

    // As a database that was filled by another program: nobody has a job.
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let jobs = async || {
        let of = Select::from("jobs").whose("name", "retention.keep").whose("state", "queued");
        ctx.read(async |db| db.count(of).await).await.unwrap()
    };
    assert_eq!(jobs().await, 1);
    world.house.keep_retention().await.unwrap();
    assert_eq!(jobs().await, 1, "what waits is not doubled");
    let lost = Delete::from("jobs").whose("name", "retention.keep");
    ctx.write(async |db| db.delete(lost).await).await.unwrap();
    world.house.keep_retention().await.unwrap();
    assert_eq!(jobs().await, 1);
    world.app.clock.advance_seconds(11 * DAY);
    world.run_jobs().await;
    for client in [ana, &second] {
        assert_eq!(client.get("/api/contacts?deleted=true").await.json["data"], json!([]));
        assert_eq!(client.get(PATH).await.json["trashDays"], 10);
    }
}
