//! Batches through HTTP: bulk changes, imports, deletions and conversions, listed, followed and taken back.

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    requests::{Content, Request},
    world::World,
};

on_both!(
    a_bulk_change_is_taken_back_and_the_undo_too,
    what_was_changed_since_stays,
    merging_sets_back_what_nobody_touched,
    an_import_is_taken_back,
    deletions_and_conversions_are_taken_back,
    derived_fields_come_back_as_they_were,
    who_may_take_back_what,
    a_rule_changes_what_fits_it,
    a_job_is_cancelled_and_what_it_did_taken_back,
    bad_bulk_changes_are_told,
    a_job_is_watched,
    no_more_jobs_are_watched_than_may_be,
);

/// Takes a batch back, runs the job and gives back the undo.
async fn undo(world: &World, by: &Client, batch: &Json) -> Json {
    let answer = begin_undo(by, batch, json!({})).await;
    end(world, by, &answer).await
}

async fn begin_undo(by: &Client, batch: &Json, body: Json) -> Answer {
    by.post(&format!("/api/batches/{}/undo", batch.as_str().unwrap()), body).await
}

/// Runs the job that was accepted and gives back what it came to.
async fn end(world: &World, by: &Client, accepted: &Answer) -> Json {
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let path = accepted.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(accepted.json["state"], "queued");
    world.run_jobs().await;
    let job = by.get(&path).await;
    assert_eq!((job.status, &job.json["state"]), (200, &json!("completed")), "{job:?}");
    job.json
}

/// Contacts of these names, and their ids.
async fn people(by: &Client, names: &[&str]) -> Vec<Json> {
    let mut ids = Vec::new();
    for name in names {
        let one = json!({ "name": name, "labels": ["old"], "jobTitle": "Clerk" });
        ids.push(by.make("/api/contacts", one).await["id"].clone());
    }
    ids
}

async fn bulk(by: &Client, object: &str, body: Json) -> Json {
    let done = by.post(&format!("/api/{object}/bulk"), body).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(done.json["failed"], json!([]), "{done:?}");
    done.json["batchId"].clone()
}

fn path(object: &str, id: &Json) -> String {
    format!("/api/{object}/{}", id.as_str().unwrap())
}

async fn read(by: &Client, object: &str, id: &Json) -> Json {
    let answer = by.get(&path(object, id)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut json = answer.json;
    // What rises with every change.
    json.as_object_mut().unwrap().retain(|key, _| key != "version" && key != "updatedAt");
    json
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_bulk_change_is_taken_back_and_the_undo_too(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let tier = json!({ "object": "contact", "name": "tier", "kind": "choice", "options": ["gold", "tin"] });
    ana.make("/api/custom-fields", tier).await;
    let ids = people(ana, &["Ada Byron", "Bob Dole", "Cy Young"]).await;
    let before = read(ana, "contacts", &ids[0]).await;
    let changes = json!({ "name": "Zoe Zed", "labels": ["new"], "custom": { "tier": "gold" }, "status": "archived" });
    let batch =
        bulk(ana, "contacts", json!({ "action": "update", "ids": ids, "changes": changes })).await;
    let after = read(ana, "contacts", &ids[0]).await;
    assert_eq!((&after["custom"]["tier"], &after["firstName"]), (&json!("gold"), &json!("Zoe")));
    let listed = ana.get("/api/batches").await.json;
    let first = &listed["data"][0];
    assert_eq!(
        (&first["id"], &first["kind"], &first["object"], &first["action"], &first["state"]),
        (&batch, &json!("bulk"), &json!("contact"), &json!("update"), &json!("completed")),
        "{listed}"
    );
    assert_eq!(
        (&first["total"], &first["changed"], &first["undone"]),
        (&json!(3), &json!(3), &json!(false))
    );
    let page = ana.get(&format!("{}/changes?limit=2", path("batches", &batch))).await.json;
    assert_eq!(page["data"].as_array().unwrap().len(), 2, "{page}");
    assert_eq!(page["data"][0]["recordId"], ids[2]);
    assert_eq!(page["data"][0]["before"]["labels"], json!(["old"]));
    let next = page["nextCursor"].as_str().unwrap();
    let rest = ana.get(&format!("{}/changes?cursor={next}", path("batches", &batch))).await.json;
    // The other two are the first contact and the label that was made for it.
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["nextCursor"]), (2, &json!(null)));

    let undone = undo(&world, ana, &batch).await;
    let counted = ["total", "done", "changed", "skipped", "failed"].map(|key| undone[key].clone());
    assert_eq!(counted, [3, 3, 3, 0, 0].map(Json::from), "{undone}");
    assert_eq!(undone["result"], json!({ "restored": 3, "skipped": [], "failed": [] }));
    assert_eq!((&undone["kind"], &undone["undoOf"]), (&json!("undo"), &batch));
    assert_eq!(read(ana, "contacts", &ids[0]).await, before);
    assert_eq!(ana.get("/api/contacts?custom.tier=gold&count=exact").await.json["total"], 0);
    assert_eq!(ana.get("/api/contacts?labels=old&count=exact").await.json["total"], 3);
    assert_eq!(ana.get("/api/search?q=zoe").await.json["data"], json!([]));
    let told = ana.get(&path("batches", &batch)).await.json;
    assert_eq!((&told["undone"], &told["undoneBy"]), (&json!(true), &undone["id"]));

    let twice = begin_undo(ana, &batch, json!({})).await;
    assert_eq!((twice.status, &twice.json["code"]), (409, &json!("undone")), "{twice:?}");
    assert!(twice.text.contains(undone["id"].as_str().unwrap()), "{twice:?}");

    let redone = undo(&world, ana, &undone["id"]).await;
    assert_eq!(redone["changed"], 3, "{redone}");
    assert_eq!(read(ana, "contacts", &ids[0]).await, after);
    let back = undo(&world, ana, &redone["id"]).await;
    assert_eq!(back["changed"], 3, "{back}");
    assert_eq!(read(ana, "contacts", &ids[0]).await, before);
    assert_eq!(world.stranger.get("/api/batches").await.json["data"], json!([]));
    let wrong = begin_undo(ana, &batch, json!({ "onChanged": "force" })).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let kinds = ana.get("/api/batches?kind=undo&object=contacts&limit=2").await.json;
    assert_eq!(kinds["data"].as_array().unwrap().len(), 2);
    assert!(kinds["nextCursor"].is_string(), "{kinds}");
}

async fn what_was_changed_since_stays(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let ids = people(ana, &["Ada A", "Bob B", "Cy C", "Di D"]).await;
    let body = json!({ "action": "update", "ids": ids, "changes": { "jobTitle": "Boss" } });
    let batch = bulk(ana, "contacts", body).await;
    let since = world.bruno.patch(&path("contacts", &ids[1]), json!({ "phone": "555 1234" })).await;
    assert_eq!(since.status, 200);
    assert_eq!(ana.delete(&path("contacts", &ids[2])).await.status, 204);
    let undone = undo(&world, ana, &batch).await;
    let result = &undone["result"];
    assert_eq!((&result["restored"], &undone["skipped"]), (&json!(2), &json!(2)), "{undone}");
    let skipped: Vec<&Json> =
        result["skipped"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(skipped, [&ids[1], &ids[2]]);
    assert_eq!(result["skipped"][0]["code"], "changed_since");
    assert!(result["skipped"][0]["reason"].as_str().unwrap().contains("updated"));
    assert_eq!(read(ana, "contacts", &ids[0]).await["jobTitle"], "Clerk");
    assert_eq!(read(ana, "contacts", &ids[1]).await["jobTitle"], "Boss");
    let faults = ana.get(&format!("{}/faults?limit=1", path("batches", &undone["id"]))).await.json;
    assert_eq!(faults["data"][0]["id"], ids[1], "{faults}");
    assert!(faults["nextCursor"].is_string());
}

async fn merging_sets_back_what_nobody_touched(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let ids = people(ana, &["Ada A", "Bob B"]).await;
    let body = json!({ "action": "update", "ids": ids, "changes": { "jobTitle": "Boss" } });
    let batch = bulk(ana, "contacts", body).await;
    ana.patch(&path("contacts", &ids[0]), json!({ "phone": "555 1234" })).await;
    ana.patch(&path("contacts", &ids[1]), json!({ "jobTitle": "Chief" })).await;
    let answer = begin_undo(ana, &batch, json!({ "onChanged": "merge" })).await;
    let undone = end(&world, ana, &answer).await;
    assert_eq!((&undone["changed"], &undone["skipped"]), (&json!(1), &json!(1)), "{undone}");
    let ada = read(ana, "contacts", &ids[0]).await;
    assert_eq!((&ada["jobTitle"], &ada["phone"]), (&json!("Clerk"), &json!("555 1234")));
    assert_eq!(read(ana, "contacts", &ids[1]).await["jobTitle"], "Chief");
}

async fn an_import_is_taken_back(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let there = ana
        .make("/api/contacts", json!({ "name": "Old Name", "email": "p7@people.example" }))
        .await;
    let rows: Vec<String> =
        (0..130).map(|row| format!("Person {row},p{row}@people.example,vip\n")).collect();
    let file = format!("name,email,labels\n{}", rows.concat());
    let form = [("onMatch", "update")];
    let import =
        crate::import::import(&world, &world.bruno, "contacts", file.as_bytes(), &form).await;
    assert_eq!((&import["created"], &import["updated"]), (&json!(129), &json!(1)), "{import}");
    let id = import["id"].clone();
    let batch = ana.get(&path("batches", &id)).await.json;
    assert_eq!(
        (&batch["kind"], &batch["state"], &batch["changed"]),
        (&json!("import"), &json!("completed"), &json!(130)),
        "{batch}"
    );
    let one = ana.get("/api/contacts?email=p3@people.example").await.json["data"][0]["id"].clone();
    ana.patch(&path("contacts", &one), json!({ "jobTitle": "Kept" })).await;
    let undone = undo(&world, &world.bruno, &id).await;
    assert_eq!((&undone["changed"], &undone["skipped"]), (&json!(129), &json!(1)), "{undone}");
    assert_eq!(undone["result"]["skipped"][0]["id"], one);
    assert_eq!(ana.get("/api/contacts?count=exact").await.json["total"], 2);
    assert_eq!(read(ana, "contacts", &there["id"]).await["name"], "Old Name");
    assert_eq!(ana.get("/api/labels").await.names(), ["vip"], "made on use, and kept");
    let redone = undo(&world, ana, &undone["id"]).await;
    assert_eq!((&redone["changed"], &redone["failed"]), (&json!(129), &json!(0)), "{redone}");
    assert_eq!(ana.get("/api/contacts?count=exact").await.json["total"], 130);
    assert_eq!(ana.get("/api/contacts?labels=vip&count=exact").await.json["total"], 130);
    let dry = [("dryRun", "true")];
    let dry = crate::import::import(&world, ana, "contacts", file.as_bytes(), &dry).await;
    assert_eq!(ana.get(&path("batches", &dry["id"])).await.status, 404, "nothing to take back");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn deletions_and_conversions_are_taken_back(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let pipeline = ana.make("/api/pipelines", json!({ "name": "Second" })).await["id"].clone();
    for name in ["One", "Two"] {
        let stage = json!({ "name": name, "outcome": "open" });
        ana.make(&format!("{}/stages", path("pipelines", &pipeline)), stage).await;
    }
    let stages =
        async || ana.get(&format!("/api/stages?pipelineId={}", pipeline.as_str().unwrap())).await;
    let before = stages().await.json;
    assert_eq!(ana.delete(&path("pipelines", &pipeline)).await.status, 204);
    assert_eq!(stages().await.json["data"], json!([]));
    let batch = ana.get("/api/batches?kind=delete").await.json["data"][0].clone();
    assert_eq!(batch["object"], "pipeline");
    let undone = undo(&world, ana, &batch["id"]).await;
    assert_eq!((&undone["changed"], &undone["failed"]), (&json!(3), &json!(0)), "{undone}");
    assert_eq!(stages().await.names(), ["Two", "One"], "{before}");

    let lead = json!({ "name": "Leo Lead", "company": "Leonis", "email": "leo@lead.example" });
    let lead = ana.make("/api/leads", lead).await["id"].clone();
    let note = json!({ "content": "Call him", "relatedId": lead });
    let note = ana.make("/api/notes", note).await["id"].clone();
    let before = read(ana, "leads", &lead).await;
    let made = ana.post(&format!("{}/convert", path("leads", &lead)), json!({})).await;
    assert_eq!(made.status, 200, "{made:?}");
    let batch = ana.get("/api/batches?kind=convert").await.json["data"][0]["id"].clone();
    let undone = undo(&world, ana, &batch).await;
    assert_eq!((&undone["failed"], &undone["skipped"]), (&json!(0), &json!(0)), "{undone}");
    assert_eq!(read(ana, "leads", &lead).await, before);
    let note = read(ana, "notes", &note).await;
    assert_eq!((&note["relatedId"], &note["dealId"]), (&lead, &Json::Null));
    for object in ["contact", "account", "deal"] {
        let id = &made.json[object]["id"];
        let plural = world.house.object(object).unwrap().plural;
        assert_eq!(ana.get(&path(plural, id)).await.status, 404, "{object}");
    }
    let refused =
        ana.patch(&path("leads", &lead), json!({ "convertedAt": "2026-11-21T09:00:00Z" })).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let again = ana.post(&format!("{}/convert", path("leads", &lead)), json!({})).await;
    assert_eq!(again.status, 200, "{again:?}");
}

async fn derived_fields_come_back_as_they_were(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let deal = json!({ "name": "Big one", "amount": 10.5, "stage": "Proposal", "probability": 33 });
    let deal = ana.make("/api/deals", deal).await["id"].clone();
    let task = json!({
        "title": "Water the plants", "dueAt": "2026-11-21T18:00:00Z", "repeat": { "every": "day" },
    });
    let task = ana.make("/api/tasks", task).await["id"].clone();
    let (deal_before, task_before) =
        (read(ana, "deals", &deal).await, read(ana, "tasks", &task).await);
    world.app.clock.advance_seconds(600);
    let won = json!({ "action": "update", "ids": [deal], "changes": { "stage": "Won" } });
    let won = bulk(ana, "deals", won).await;
    assert_eq!(read(ana, "deals", &deal).await["probability"], 100);
    let done = json!({ "action": "update", "ids": [task], "changes": { "status": "completed" } });
    let done = bulk(ana, "tasks", done).await;
    assert_eq!(ana.get("/api/tasks?count=exact").await.json["total"], 2, "the next one");
    world.app.clock.advance_seconds(600);
    undo(&world, ana, &won).await;
    assert_eq!(read(ana, "deals", &deal).await, deal_before);
    let undone = undo(&world, ana, &done).await;
    assert_eq!(undone["failed"], 0, "{undone}");
    assert_eq!(ana.get("/api/tasks?count=exact").await.json["total"], 1, "what followed goes too");
    let mut task_now = read(ana, "tasks", &task).await;
    task_now["nextId"] = json!(null);
    assert_eq!(task_now, task_before);
}

async fn who_may_take_back_what(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, bruno) = (&world.ana, &world.bruno);
    let ids = people(ana, &["Ada A"]).await;
    let body = json!({ "action": "update", "ids": ids, "changes": { "jobTitle": "Boss" } });
    let hers = bulk(ana, "contacts", body.clone()).await;
    assert_eq!(begin_undo(bruno, &hers, json!({})).await.status, 403);
    assert_eq!(begin_undo(&world.vera, &hers, json!({})).await.status, 403);
    assert_eq!(begin_undo(&world.stranger, &hers, json!({})).await.status, 404);
    let body = json!({ "action": "update", "ids": ids, "changes": { "jobTitle": "Chief" } });
    let his = bulk(bruno, "contacts", body).await;
    let narrow = json!({ "name": "narrow", "scopes": ["batches:write", "batches:read"] });
    let narrow =
        world.nobody.with(ana.make("/api/api-keys", narrow).await["key"].as_str().unwrap());
    assert_eq!(begin_undo(&narrow, &his, json!({})).await.status, 403);
    let changes = narrow.get(&format!("{}/changes", path("batches", &his))).await.json;
    assert_eq!(changes["data"], json!([]), "not without contacts:read");
    let undone = undo(&world, bruno, &his).await;
    assert_eq!(undone["changed"], 1, "{undone}");
    let gone = bulk(ana, "contacts", json!({ "action": "delete", "ids": ids })).await;
    assert_eq!(begin_undo(bruno, &gone, json!({})).await.status, 403);
    assert_eq!(undo(&world, ana, &gone).await["changed"], 1);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_rule_changes_what_fits_it(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let owner = ana.get("/api/auth/me").await.json["memberId"].clone();
    for number in 0..120 {
        let title = if number % 2 == 0 { "Even" } else { "Odd" };
        ana.make("/api/contacts", json!({ "name": format!("n{number}"), "jobTitle": title })).await;
    }
    let rule = json!({ "field": "jobTitle", "op": "eq", "value": "even" });
    let body = json!({ "action": "update", "rule": rule, "changes": { "ownerId": owner, "jobTitle": "Both" }, "dryRun": true });
    let dry = ana.post("/api/contacts/bulk", body.clone()).await;
    assert_eq!((dry.status, &dry.json["matching"]), (200, &json!(60)), "{dry:?}");
    let sample = &dry.json["sample"][0];
    assert_eq!(
        (&sample["before"], &sample["after"]),
        (
            &json!({ "jobTitle": "Even", "ownerId": null }),
            &json!({ "jobTitle": "Both", "ownerId": owner })
        ),
        "{dry:?}"
    );
    assert_eq!(dry.json["sample"].as_array().unwrap().len(), 5);
    assert_eq!(ana.get("/api/contacts?jobTitle=both&count=exact").await.json["total"], 0);
    assert_eq!(ana.get("/api/batches").await.json["data"], json!([]), "nothing happened");
    let mut body = body;
    body["dryRun"] = json!(false);
    let answer = world.bruno.post("/api/contacts/bulk", body).await;
    let done = end(&world, &world.bruno, &answer).await;
    let counted = ["total", "done", "changed", "skipped", "failed"].map(|key| done[key].clone());
    assert_eq!(counted, [60, 60, 60, 0, 0].map(Json::from), "{done}");
    assert_eq!(ana.get("/api/contacts?ownerId=me&count=exact").await.json["total"], 60);
    let event =
        ana.get("/api/audit-logs?action=contact.updated&limit=1").await.json["data"][0].clone();
    let bruno = world.bruno.get("/api/auth/me").await.json["memberId"].clone();
    assert_eq!((&event["memberId"], &event["via"]), (&bruno, &json!("system")));
    // One record that the rule fits cannot be changed, the others are.
    let field = json!({ "object": "contact", "name": "badge", "kind": "text", "unique": true });
    ana.make("/api/custom-fields", field).await;
    let body = json!({ "action": "update", "filter": { "field": "name", "op": "in", "value": ["n1", "n3"] }, "changes": { "badge": "B1" } });
    let answer = ana.post("/api/contacts/bulk", body).await;
    let some = end(&world, ana, &answer).await;
    assert_eq!((&some["changed"], &some["failed"]), (&json!(1), &json!(1)), "{some}");
    assert_eq!(some["result"]["failed"][0]["code"], "taken");
    // Deleting takes the role that deleting one takes.
    let body =
        json!({ "action": "delete", "rule": { "field": "jobTitle", "op": "eq", "value": "odd" } });
    assert_eq!(world.bruno.post("/api/contacts/bulk", body.clone()).await.status, 403);
    let answer = ana.post("/api/contacts/bulk", body).await;
    let gone = end(&world, ana, &answer).await;
    assert_eq!(ana.get("/api/contacts?count=exact").await.json["total"], 60);
    let undone = undo(&world, ana, &gone["id"]).await;
    assert_eq!(undone["changed"], 60, "{undone}");
    assert_eq!(undo(&world, ana, &done["id"]).await["changed"], 60);
    assert_eq!(ana.get("/api/contacts?jobTitle=even&count=exact").await.json["total"], 60);
}

async fn a_job_is_cancelled_and_what_it_did_taken_back(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let ids = people(ana, &["Ada A", "Bob B"]).await;
    let rule = json!({ "field": "jobTitle", "op": "eq", "value": "clerk" });
    let body = json!({ "action": "update", "rule": rule, "changes": { "jobTitle": "Boss" } });
    let job = world.bruno.post("/api/contacts/bulk", body).await;
    let job = path("jobs", &job.json["id"]);
    assert_eq!(begin_undo(ana, &json!(job[10..]), json!({})).await.json["code"], "running");
    let other = crate::world::invite(ana, "other", "member").await;
    let other = world.nobody.with(&other);
    assert_eq!(other.post(&format!("{job}/cancel"), json!({})).await.status, 403);
    let cancelled = world.bruno.post(&format!("{job}/cancel"), json!({})).await;
    assert_eq!((cancelled.status, &cancelled.json["state"]), (200, &json!("cancelled")));
    world.run_jobs().await;
    assert_eq!(read(ana, "contacts", &ids[0]).await["jobTitle"], "Clerk");
    let twice = world.bruno.post(&format!("{job}/cancel"), json!({})).await;
    assert_eq!((twice.status, &twice.json["code"]), (409, &json!("ended")));
    let undone = undo(&world, ana, &json!(job[10..])).await;
    assert_eq!(undone["changed"], 0);
    let body = json!({ "action": "update", "ids": ids, "changes": { "jobTitle": "Boss" } });
    let done = bulk(ana, "contacts", body).await;
    let broken_off = begin_undo(ana, &done, json!({})).await.json["id"].clone();
    ana.post(&format!("{}/cancel", path("jobs", &broken_off)), json!({})).await;
    assert_eq!(undo(&world, ana, &done).await["changed"], 2, "it is asked for again");
}

async fn bad_bulk_changes_are_told(kind: Kind) {
    let world = World::new(kind).await;
    let rule = json!({ "field": "name", "op": "eq", "value": "x" });
    let changes = json!({ "jobTitle": "Boss" });
    for (body, word) in [
        (json!({ "action": "update", "changes": changes }), "ids"),
        (json!({ "action": "update", "ids": [], "changes": changes }), "ids"),
        (json!({ "action": "update", "rule": rule }), "changes"),
        (json!({ "action": "delete", "rule": rule, "changes": changes }), "changes"),
        (json!({ "action": "update", "rule": rule, "filter": rule, "changes": changes }), "filter"),
        (
            json!({ "action": "update", "rule": rule, "ids": [world.app.ids.next()], "changes": changes }),
            "rule",
        ),
        (
            json!({ "action": "update", "ids": [world.app.ids.next()], "changes": changes, "dryRun": true }),
            "dryRun",
        ),
        (
            json!({ "action": "update", "rule": { "field": "nothing", "op": "eq", "value": 1 }, "changes": changes }),
            "nothing",
        ),
        (json!({ "action": "update", "rule": "all", "changes": changes }), "object"),
        (json!({ "action": "update", "rule": rule, "changes": { "fristName": "x" } }), "firstName"),
        (json!({ "action": "update", "rule": rule, "changes": { "leadScore": 1000 } }), "100"),
        (json!({ "action": "explode", "rule": rule }), "explode"),
    ] {
        let answer = world.ana.post("/api/contacts/bulk", body.clone()).await;
        assert_eq!(answer.status, 422, "{body} {answer:?}");
        assert!(answer.text.contains(word), "{body} {answer:?}");
    }
    assert_eq!(world.ana.get("/api/batches").await.json["data"], json!([]));
    for wrong in
        ["/api/batches?kind=nonsense&x=1", "/api/batches?object=nothing", "/api/batches?cursor=1"]
    {
        assert_eq!(world.ana.get(wrong).await.status, 422, "{wrong}");
    }
}

async fn a_job_is_watched(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    people(ana, &["Ada A", "Bob B"]).await;
    let rule = json!({ "field": "jobTitle", "op": "eq", "value": "clerk" });
    let body = json!({ "action": "update", "rule": rule, "changes": { "jobTitle": "Boss" } });
    let job = ana.post("/api/contacts/bulk", body).await.json["id"].clone();
    let request = Request {
        method: "GET".to_owned(),
        path: format!("{}/events", path("jobs", &job)),
        id: None,
        content: Content::Nothing,
    };
    let working = async {
        // The stream has told where the job is before it begins.
        tokio::task::yield_now().await;
        world.run_jobs().await;
    };
    let (watched, ()) = tokio::join!(ana.ask(&request), working);
    assert_eq!(
        (watched.status, &watched.headers["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let last = watched.text.trim_end().rsplit("\n\n").next().unwrap();
    let (name, data) = last.split_once('\n').unwrap();
    let data: Json = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (name, &data["state"], &data["changed"]),
        ("event: end", &json!("completed"), &json!(2))
    );
    let again = ana.ask(&request).await;
    assert!(again.text.starts_with("event: end\n"), "{again:?}");
    assert_eq!(
        ana.get(&format!("{}/events", path("jobs", &json!(world.app.ids.next())))).await.status,
        404
    );
}

async fn no_more_jobs_are_watched_than_may_be(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let rule = json!({ "field": "jobTitle", "op": "eq", "value": "clerk" });
    let body = json!({ "action": "update", "rule": rule, "changes": { "jobTitle": "Boss" } });
    let job = path("jobs", &ana.post("/api/contacts/bulk", body).await.json["id"]);
    let events = format!("{job}/events");
    let mut watching = tokio::task::JoinSet::new();
    for _ in 0..21 {
        let (ana, events) = (ana.clone(), events.clone());
        watching.spawn(async move { ana.get(&events).await });
    }
    // The job waits, and so do all but one.
    let refused = watching.join_next().await.unwrap().unwrap();
    assert_eq!((refused.status, &refused.json["code"]), (429, &json!("too_many_streams")));
    assert!(refused.headers.contains_key("retry-after"));
    // The end of the job ends them all, and their places are free again.
    assert_eq!(ana.post(&format!("{job}/cancel"), json!({})).await.status, 200);
    for watched in watching.join_all().await {
        assert_eq!(watched.status, 200, "{watched:?}");
        assert!(watched.text.contains("event: end\n"), "{watched:?}");
    }
    assert_eq!(ana.get(&events).await.status, 200);
}
