//! Retention through HTTP: what is older goes, what is said of it holds, and the chain of events still verifies.

use kith_platform::events::{seal_all, verify};
use kith_store::Select;
use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    old_events_lose_their_content_and_the_chain_holds,
    the_oldest_days_go_when_there_are_too_many_bytes,
    what_else_is_old_goes,
    what_makes_no_sense_is_refused,
);

const DAY: i64 = 86_400;
const PATH: &str = "/api/database/retention";

async fn put(by: &Client, body: Json) -> Json {
    let answer = by.put(PATH, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

/// A contact that changed its job every ten days, three times; its path.
async fn history(world: &World) -> String {
    let ana = &world.ana;
    let id = ana
        .make(
            "/api/contacts",
            json!({ "name": "Rui", "jobTitle": "Job 0", "description": "y".repeat(5_000) }),
        )
        .await["id"]
        .clone();
    let path = format!("/api/contacts/{}", id.as_str().unwrap());
    for number in 1..=3 {
        world.app.clock.advance_seconds(10 * DAY);
        let changed = ana.patch(&path, json!({ "jobTitle": format!("Job {number}") })).await;
        assert_eq!(changed.status, 200);
    }
    path
}

async fn as_of(world: &World, path: &str, days_ago: i64) -> (u16, Json) {
    let at = world.app.clock.now().plus_seconds(-days_ago * DAY);
    let answer = world.ana.get(&format!("{path}?asOf={at}")).await;
    let told = if answer.status == 200 { "jobTitle" } else { "code" };
    (answer.status, answer.json[told].clone())
}

async fn old_events_lose_their_content_and_the_chain_holds(kind: Kind) {
    let world = World::new(kind).await;
    let path = history(&world).await;
    let ana = &world.ana;
    let id = path.rsplit('/').next().unwrap();
    let bulk = json!({ "action": "update", "ids": [id], "changes": { "department": "Sales" } });
    let batch = ana.post("/api/contacts/bulk", bulk).await.json["batchId"].clone();
    world.app.clock.advance_seconds(DAY);
    assert_eq!(as_of(&world, &path, 25).await, (200, json!("Job 0")));
    seal_all(&world.app).await.unwrap();
    let set = put(ana, json!({ "eventDays": 15 })).await;
    assert_eq!((&set["eventDays"], &set["eventsBefore"]), (&json!(15), &Json::Null));
    world.run_jobs().await;
    seal_all(&world.app).await.unwrap();

    assert_eq!(as_of(&world, &path, 5).await, (200, json!("Job 2")));
    assert_eq!(as_of(&world, &path, 25).await, (410, json!("before_retention")));
    let at = world.app.clock.now().plus_seconds(-25 * DAY);
    assert_eq!(ana.get(&format!("/api/contacts?asOf={at}")).await.status, 410);
    let events = ana.get(&format!("{path}/history")).await.json["data"].clone();
    let kept: Vec<bool> =
        events.as_array().unwrap().iter().map(|event| !event["after"].is_null()).collect();
    assert_eq!(kept, [true, true, true, false, false], "{events}");
    // What is now is as it was, and so are the chain and the strangers' events.
    assert_eq!(ana.get(&path).await.json["jobTitle"], "Job 3");
    let tenant =
        ana.get("/api/auth/me").await.json["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let verdict = verify(&world.app.as_system(tenant)).await.unwrap();
    assert!(verdict.first_broken.is_none() && verdict.erased >= 2, "{verdict:?}");
    let theirs = world.stranger.get("/api/audit-logs?limit=200").await.json;
    let theirs = theirs["data"].as_array().unwrap().clone();
    assert!(theirs.iter().any(|event| !event["after"].is_null()), "{theirs:?}");

    // A batch whose events are kept is taken back; later it is too late.
    let undo = format!("/api/batches/{}/undo", batch.as_str().unwrap());
    world.app.clock.advance_seconds(16 * DAY);
    world.run_jobs().await;
    let late = ana.post(&undo, json!({})).await;
    assert_eq!((late.status, &late.json["code"]), (409, &json!("before_retention")), "{late:?}");
    assert_eq!(ana.get(PATH).await.json["eventDays"], 15);
}

async fn the_oldest_days_go_when_there_are_too_many_bytes(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let path = history(&world).await;
    for number in 0..5 {
        let description = "x".repeat(2_000);
        ana.make(
            "/api/contacts",
            json!({ "name": format!("Long {number}"), "description": description }),
        )
        .await;
    }
    put(ana, json!({ "eventBytes": 1_000_000 })).await;
    world.run_jobs().await;
    assert_eq!(as_of(&world, &path, 25).await, (200, json!("Job 0")));
    put(ana, json!({ "eventBytes": 14_000 })).await;
    world.run_jobs().await;
    // Today's are some 11,500 bytes; with the 5,500 of a month ago they are too many.
    assert_eq!(as_of(&world, &path, 0).await, (200, json!("Job 3")));
    let kept = ana.get(PATH).await.json;
    assert!(kept["eventsBefore"].is_string() && kept["keptAt"].is_string(), "{kept}");
    assert_eq!(as_of(&world, &path, 29).await, (200, json!("Job 0")));
    assert_eq!(as_of(&world, &path, 30).await, (410, json!("before_retention")));
}

async fn what_else_is_old_goes(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, bruno) = (&world.ana, &world.bruno);
    let me = ana.get("/api/auth/me").await.json["memberId"].clone();
    bruno.make("/api/tasks", json!({ "title": "Old", "ownerId": me })).await;
    ana.make("/api/invites", json!({ "email": "old@world.example" })).await;
    let count = async |table: &'static str| {
        let look =
            world.app.db.read_everywhere("tests", async |db| db.count(Select::from(table)).await);
        look.await.unwrap()
    };
    world.app.clock.advance_seconds(20 * DAY);
    bruno.make("/api/tasks", json!({ "title": "New", "ownerId": me })).await;
    ana.make("/api/invites", json!({ "email": "new@world.example" })).await;
    let mails = count("mails").await;
    put(ana, json!({ "notificationDays": 10, "mailDays": 10, "failedJobDays": 10, "importFileDays": 10 })).await;
    world.run_jobs().await;
    let told = ana.get("/api/notifications").await.json["data"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told[0]["title"], "New");
    // Ana's invitation of twenty days ago, and those with which her world began.
    assert!((1..mails).contains(&count("mails").await));
    // It comes again by itself, every day, until nothing is to be kept to.
    world.app.clock.advance_seconds(11 * DAY);
    world.run_jobs().await;
    assert_eq!(ana.get("/api/notifications").await.json["data"], json!([]));
    let none = put(ana, json!({})).await;
    assert_eq!(none["notificationDays"], Json::Null);
    world.run_jobs().await;
    world.app.clock.advance_seconds(2 * DAY);
    world.run_jobs().await;
    assert_eq!(count("wakeups").await, 0);
}

async fn what_makes_no_sense_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    for body in [
        json!({ "eventDays": 0 }),
        json!({ "mailDays": -1 }),
        json!({ "notificationDays": 40_000 }),
        json!({ "eventBytes": 10 }),
        json!({ "eventDays": "many" }),
        json!({ "trashDays": 0 }),
        json!({ "trashDays": 36_501 }),
        json!({ "trash": 1 }),
    ] {
        let bytes = body.to_string().into_bytes();
        let headers = [("content-type", "application/json")];
        let refused = world.ana.send("PUT", PATH, &headers, bytes.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert_eq!(world.bruno.send("PUT", PATH, &headers, bytes).await.status, 403);
    }
    let nothing = world.ana.get(PATH).await;
    assert_eq!((nothing.status, &nothing.json["eventDays"]), (200, &Json::Null));
}
