//! Upkeep through HTTP: what is over is archived, what nobody needs is deleted, and both are taken back.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    what_is_over_is_archived_and_comes_back,
    who_takes_it_up_again_takes_it_out_of_the_archive,
    orphans_are_deleted_and_come_back,
    test_data_is_found_by_its_label,
    all_records_of_one_tenant_go_and_come_back,
    what_is_not_meant_is_not_done,
    volume_tells_what_there_is,
);

const DAY: i64 = 86_400;
const PATHS: [&str; 7] =
    ["accounts", "contacts", "deals", "notes", "products", "labels", "objects/vehicle/records"];

async fn begin(by: &Client, path: &str, body: Json) -> Json {
    let begun = by.post(path, body).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    begun.json
}

/// Runs it to its end.
async fn done(world: &World, by: &Client, path: &str, body: Json) -> Json {
    let begun = begin(by, path, body).await;
    world.run_jobs().await;
    let job = by.get(&format!("/api/jobs/{}", begun["id"].as_str().unwrap())).await.json;
    assert_eq!((&job["state"], &job["failed"]), (&json!("completed"), &json!(0)), "{job}");
    job
}

async fn undo(world: &World, by: &Client, batch: &Json) {
    let path = format!("/api/batches/{}/undo", batch["id"].as_str().unwrap());
    let undo = done(world, by, &path, json!({})).await;
    assert_eq!(undo["skipped"], 0, "{undo}");
}

async fn names(by: &Client, path: &str) -> Vec<String> {
    let page = by.get(path).await;
    let data = page.json["data"].as_array().unwrap_or_else(|| panic!("{path}: {page:?}"));
    let name = |record: &Json| {
        let name = ["name", "title", "subject", "content"]
            .into_iter()
            .find_map(|key| record[key].as_str());
        name.unwrap().to_owned()
    };
    let mut names: Vec<String> = data.iter().map(name).collect();
    names.sort();
    names
}

/// Two deals, won and open; a lost lead; a task and an activity that are done; all forty days ago.
async fn old_things(world: &World) -> Json {
    let ana = &world.ana;
    let won = ana.make("/api/deals", json!({ "name": "Won", "stage": "Won", "amount": 50 })).await;
    ana.make("/api/deals", json!({ "name": "Open", "amount": 5 })).await;
    ana.make(
        "/api/leads",
        json!({ "name": "Lost lead", "status": "lost", "email": "lost@acme.example" }),
    )
    .await;
    ana.make("/api/tasks", json!({ "title": "Done", "status": "completed" })).await;
    ana.make("/api/activities", json!({ "subject": "Held", "status": "completed" })).await;
    world.app.clock.advance_seconds(40 * DAY);
    ana.make("/api/deals", json!({ "name": "Won now", "stage": "Won", "amount": 7 })).await;
    won
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn what_is_over_is_archived_and_comes_back(kind: Kind) {
    let world = World::new(kind).await;
    let won = old_things(&world).await;
    let ana = &world.ana;
    let contact = ana.make("/api/contacts", json!({ "name": "Rui" })).await;
    let lead = ana.make("/api/leads", json!({ "name": "Ida" })).await;
    let convert = format!("/api/leads/{}/convert", lead["id"].as_str().unwrap());
    assert_eq!(ana.post(&convert, json!({})).await.status, 200);
    world.app.clock.advance_seconds(31 * DAY);
    world.read_events().await;
    let before = ana.get("/api/reports/dashboard-stats").await.json;

    let wish =
        json!({ "days": 30, "objects": ["deal", "lead", "activity", "task"], "dryRun": true });
    let trial = ana.post("/api/database/archive", wish).await;
    assert_eq!(trial.status, 200, "{trial:?}");
    assert_eq!(trial.json["objects"], json!({ "deal": 2, "lead": 2, "activity": 1, "task": 1 }));
    assert_eq!(names(ana, "/api/deals?archived=true").await, [""; 0]);

    let body = json!({ "days": 35, "confirm": "ARCHIVE" });
    let job = done(&world, ana, "/api/database/archive-aged-data", body).await;
    assert_eq!(
        (&job["kind"], &job["changed"], &job["total"]),
        (&json!("archive"), &json!(4), &json!(4))
    );
    assert_eq!(names(ana, "/api/deals").await, ["Ida", "Open", "Won now"]);
    assert_eq!(names(ana, "/api/deals?archived=true").await, ["Won"]);
    assert_eq!(names(ana, "/api/deals?archived=all").await, ["Ida", "Open", "Won", "Won now"]);
    assert_eq!(names(ana, "/api/deals?archivedAt[exists]=true").await, ["Won"]);
    assert_eq!(names(ana, "/api/deals?status=won&sort=-name").await, ["Won now"]);
    assert_eq!(ana.get("/api/deals?archived=perhaps").await.status, 422);
    for (query, found) in [
        ("object=deal&q=won", vec!["Won now"]),
        ("object=deal&q=won&archived=false&limit=1", vec!["Won now"]),
        ("object=deal&q=won&archived=true", vec!["Won"]),
        ("object=deal&q=won&archived=all", vec!["Won", "Won now"]),
        ("q=rui", vec!["Rui"]),
        ("q=rui&archived=true", vec![]),
    ] {
        assert_eq!(names(ana, &format!("/api/search?{query}")).await, found, "{query}");
    }
    assert_eq!(ana.get("/api/search?q=won&archived=perhaps").await.status, 422);
    for path in ["/api/tasks", "/api/activities"] {
        assert_eq!(names(ana, path).await, [""; 0], "{path}");
    }
    let board = ana.get("/api/deals/board").await.json;
    let column = board["stages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["stage"]["name"] == "Won")
        .unwrap()
        .clone();
    assert_eq!((&column["count"], column["deals"].as_array().unwrap().len()), (&json!(1), 1));
    // By its id it is there, and what it brought counts.
    let path = format!("/api/deals/{}", won["id"].as_str().unwrap());
    let read = ana.get(&path).await;
    assert_eq!((read.status, read.json["archivedAt"].is_string()), (200, true));
    world.read_events().await;
    let after = ana.get("/api/reports/dashboard-stats").await.json;
    assert_eq!(after["revenue"], before["revenue"]);
    // Who is archived is still known.
    let twin =
        json!({ "entity": "lead", "data": { "name": "Lost lead", "email": "lost@acme.example" } });
    let known = ana.post("/api/validation/check-duplicate-before-create", twin).await;
    assert!(known.status == 200 && known.text.contains("archivedAt"), "{known:?}");
    // The second time there is nothing left.
    let again =
        done(&world, ana, "/api/database/archive", json!({ "days": 35, "confirm": "ARCHIVE" }))
            .await;
    assert_eq!(again["total"], 0);
    // A lead that was converted is kept as it was, and is archived all the same.
    let later = done(
        &world,
        ana,
        "/api/database/archive",
        json!({ "days": 30, "objects": ["lead"], "confirm": "ARCHIVE" }),
    )
    .await;
    assert_eq!((&later["changed"], &later["object"]), (&json!(1), &json!("lead")));
    undo(&world, ana, &later).await;

    undo(&world, ana, &job).await;
    assert_eq!(names(ana, "/api/deals").await, ["Ida", "Open", "Won", "Won now"]);
    assert_eq!(names(ana, "/api/leads?archived=true").await, [""; 0]);
    assert_eq!(
        ana.get(&format!("/api/contacts/{}", contact["id"].as_str().unwrap())).await.status,
        200
    );
}

async fn who_takes_it_up_again_takes_it_out_of_the_archive(kind: Kind) {
    let world = World::new(kind).await;
    let won = old_things(&world).await;
    let ana = &world.ana;
    done(&world, ana, "/api/database/archive", json!({ "days": 30, "confirm": "ARCHIVE" })).await;
    let path = format!("/api/deals/{}", won["id"].as_str().unwrap());
    let same = ana.patch(&path, json!({ "name": "Won" })).await;
    assert!(same.json["archivedAt"].is_string(), "{same:?}");
    let changed = ana.patch(&path, json!({ "name": "Won again" })).await;
    assert_eq!((changed.status, &changed.json["archivedAt"]), (200, &Json::Null));
    assert_eq!(names(ana, "/api/deals").await, ["Open", "Won again", "Won now"]);
    let forged = ana.patch(&path, json!({ "archivedAt": "2026-01-01T00:00:00Z" })).await;
    assert_eq!(forged.status, 422);
    // What is changed by a rule is what a list shows.
    let rule = json!({ "field": "title", "op": "exists", "value": true });
    let bulk = json!({ "action": "update", "rule": rule, "changes": { "priority": "high" }, "dryRun": true });
    assert_eq!(ana.post("/api/tasks/bulk", bulk).await.json["matching"], 0);
}

async fn orphans_are_deleted_and_come_back(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let [stays, goes] = [
        ana.make("/api/contacts", json!({ "name": "Stays", "labels": ["used"] })).await["id"]
            .clone(),
        ana.make("/api/contacts", json!({ "name": "Goes", "labels": ["unused"] })).await["id"]
            .clone(),
    ];
    for (name, about) in [("of one that stays", &stays), ("of one that goes", &goes)] {
        ana.make("/api/notes", json!({ "content": name, "relatedId": about })).await;
        ana.make("/api/tasks", json!({ "title": name, "relatedId": about })).await;
        ana.make("/api/activities", json!({ "subject": name, "relatedId": about })).await;
        let related = [("relatedTo", "contacts"), ("relatedId", about.as_str().unwrap())];
        assert_eq!(ana.attach(&related, ("a.txt", name.as_bytes())).await.status, 201);
    }
    ana.make("/api/tasks", json!({ "title": "of nobody" })).await;
    ana.make("/api/labels", json!({ "name": "never used" })).await;
    assert_eq!(ana.delete(&format!("/api/contacts/{}", goes.as_str().unwrap())).await.status, 204);
    let trial =
        ana.post("/api/database/cleanup-orphaned-data", json!({ "dryRun": true })).await.json;
    assert_eq!(
        trial["objects"],
        json!({ "activity": 1, "task": 1, "note": 1, "attachment": 1, "label": 1 }),
        "{trial}"
    );
    let body = json!({ "what": "orphans", "confirm": "DELETE_ORPHANS" });
    let job = done(&world, ana, "/api/database/cleanup", body).await;
    assert_eq!((&job["kind"], &job["changed"]), (&json!("cleanup"), &json!(5)));
    assert_eq!(names(ana, "/api/notes").await, ["of one that stays"]);
    assert_eq!(names(ana, "/api/tasks").await, ["of nobody", "of one that stays"]);
    assert_eq!(names(ana, "/api/labels").await, ["unused", "used"]);
    undo(&world, ana, &job).await;
    assert_eq!(names(ana, "/api/notes").await, ["of one that goes", "of one that stays"]);
}

async fn test_data_is_found_by_its_label(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make("/api/contacts", json!({ "name": "Real", "labels": ["vip"] })).await;
    ana.make("/api/contacts", json!({ "name": "Tried", "labels": ["Test Data"] })).await;
    ana.make("/api/deals", json!({ "name": "Tried", "labels": ["test data"] })).await;
    let body = json!({ "what": "testData", "confirm": "DELETE_TEST_DATA" });
    let job = done(&world, ana, "/api/database/cleanup", body).await;
    assert_eq!(job["changed"], 2, "{job}");
    assert_eq!(names(ana, "/api/contacts").await, ["Real"]);
    assert_eq!(names(ana, "/api/deals").await, [""; 0]);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn all_records_of_one_tenant_go_and_come_back(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, stranger) = (&world.ana, &world.stranger);
    for owner in [ana, stranger] {
        let account = owner.make("/api/accounts", json!({ "name": "Acme" })).await["id"].clone();
        let contact = json!({ "name": "Rui", "accountId": account, "labels": ["vip"] });
        let contact = owner.make("/api/contacts", contact).await["id"].clone();
        owner
            .make(
                "/api/deals",
                json!({ "name": "Big", "accountId": account, "contactId": contact }),
            )
            .await;
        owner.make("/api/notes", json!({ "content": "About Rui", "relatedId": contact })).await;
        owner.make("/api/products", json!({ "name": "Sole" })).await;
        owner.make("/api/objects", json!({ "name": "vehicle" })).await;
        owner.make("/api/objects/vehicle/records", json!({ "name": "Truck" })).await;
    }
    let job =
        done(&world, ana, "/api/database/nuclear-cleanup", json!({ "confirm": "DELETE_ALL_DATA" }))
            .await;
    assert_eq!(job["changed"], 7, "{job}");
    for path in PATHS {
        let path = format!("/api/{path}");
        assert_eq!(
            (names(ana, &path).await.len(), names(stranger, &path).await.len()),
            (0, 1),
            "{path}"
        );
    }
    assert_ne!(names(ana, "/api/members").await, [""; 0]);
    assert_eq!(names(ana, "/api/pipelines").await, ["Sales"]);
    undo(&world, ana, &job).await;
    for path in PATHS {
        assert_eq!(names(ana, &format!("/api/{path}")).await.len(), 1, "{path}");
    }
    let deal = ana.get("/api/deals?include=account,contact").await.json["data"][0].clone();
    assert_eq!(
        (&deal["account"]["name"], &deal["contact"]["labels"]),
        (&json!("Acme"), &json!(["vip"]))
    );
}

async fn what_is_not_meant_is_not_done(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make("/api/contacts", json!({ "name": "Rui" })).await;
    for (path, body) in [
        ("/api/database/nuclear-cleanup", json!({})),
        ("/api/database/nuclear-cleanup", json!({ "confirm": "delete_all_data" })),
        ("/api/database/nuclear-cleanup", json!({ "confirm": "DELETE_ORPHANS" })),
        ("/api/database/cleanup", json!({ "what": "all", "confirm": "yes" })),
        ("/api/database/cleanup", json!({ "what": "everything", "confirm": "DELETE_ALL_DATA" })),
        ("/api/database/cleanup", json!({ "confirm": "DELETE_ALL_DATA" })),
        ("/api/database/archive", json!({ "days": 30 })),
        ("/api/database/archive", json!({ "days": 0, "confirm": "ARCHIVE" })),
        ("/api/database/archive", json!({ "days": 40_000, "confirm": "ARCHIVE" })),
        (
            "/api/database/archive",
            json!({ "days": 30, "objects": ["contact"], "confirm": "ARCHIVE" }),
        ),
        ("/api/database/archive", json!({ "days": 30, "objects": [], "confirm": "ARCHIVE" })),
    ] {
        let refused = ana.post(path, body.clone()).await;
        assert_eq!(refused.status, 422, "{path} {body}: {refused:?}");
    }
    let elsewhere =
        json!({ "confirm": "DELETE_ALL_DATA", "tenantId": world.app.ids.next().to_string() });
    assert_eq!(ana.post("/api/database/nuclear-cleanup", elsewhere).await.status, 404);
    let meant = json!({ "confirm": "DELETE_ALL_DATA" });
    assert_eq!(world.bruno.post("/api/database/nuclear-cleanup", meant).await.status, 403);
    world.run_jobs().await;
    assert_eq!(names(ana, "/api/contacts").await, ["Rui"]);
}

async fn volume_tells_what_there_is(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    for at in 0..3 {
        ana.make(
            "/api/products",
            json!({ "name": format!("Sole {at}"), "description": "x".repeat(1_000) }),
        )
        .await;
    }
    let volume = ana.get("/api/database/volume").await.json;
    let table = |volume: &Json, name: &str| {
        volume["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).cloned()
    };
    let products = table(&volume, "products").unwrap();
    assert_eq!(products["rows"], 3);
    assert!((3_000..9_000).contains(&products["bytes"].as_u64().unwrap()), "{products}");
    assert!(table(&volume, "events").is_some());
    let theirs = world.stranger.get("/api/database/check-volume").await.json;
    assert_eq!(table(&theirs, "products"), None);
}
