//! Syncs with Base44, whose interface a program of its own speaks: what comes over, what stays, what goes wrong.

mod stress;

use std::{
    path::{Path, PathBuf},
    process::Child,
    sync::{Arc, Mutex},
};

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    python::start,
    world::World,
};

on_both!(
    records_come_over_once_and_are_kept_up,
    what_does_not_fit_is_told,
    a_sync_is_taken_back,
    a_far_side_that_fails_is_asked_again,
    a_far_side_that_does_not_end_is_left,
    one_sync_at_a_time,
    who_may_sync_is_the_operators_choice,
);

/// The far side of one test.
struct Far {
    process: Child,
    port: String,
    file: PathBuf,
    asked: Arc<Mutex<Vec<Json>>>,
}

const KEY: &str = "geheim-b44-key";

impl Far {
    fn start(folder: &Path, holds: &Json) -> Self {
        let file = folder.join("base44.json");
        std::fs::write(&file, holds.to_string()).unwrap();
        let (process, mut lines) = start("python3", "base44.py", |command| {
            command.arg(&file);
        });
        let told: Json = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { process, port: told["port"].to_string(), file, asked }
    }

    fn now_holds(&self, holds: &Json) {
        std::fs::write(&self.file, holds.to_string()).unwrap();
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A world whose Base44 holds this, and somebody who may sync it.
async fn synced(kind: Kind, holds: &Json, more: &[(&str, &str)]) -> (World, Client, Far) {
    let world = World::new(kind).await;
    let far = Far::start(world.folder(), holds);
    let base = format!("http://127.0.0.1:{}/api", far.port);
    let mut settings = vec![
        ("base44.app_id", "app1"),
        ("base44.api_key", KEY),
        ("base44.api_base", base.as_str()),
        ("base44.tenant", "*"),
    ];
    settings.extend_from_slice(more);
    let (world, ana) = world.configured(&settings);
    (world, ana, far)
}

async fn sync(world: &World, by: &Client, body: Json) -> Json {
    let begun = by.post("/api/database/sync", body).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    assert_eq!(begun.json["state"], "queued");
    let path = begun.headers["location"].to_str().unwrap().to_owned();
    world.run_jobs().await;
    let done = by.get(&path).await;
    assert_eq!(done.status, 200, "{done:?}");
    done.json
}

/// Of an entity: read, created, updated, unchanged, failed.
fn counts(sync: &Json, entity: &str) -> [u64; 5] {
    let tally = tally(sync, entity);
    ["read", "created", "updated", "unchanged", "failed"].map(|key| tally[key].as_u64().unwrap())
}

fn tally<'a>(sync: &'a Json, entity: &str) -> &'a Json {
    let all = sync["entities"].as_array().unwrap();
    all.iter().find(|tally| tally["entity"] == entity).unwrap()
}

async fn only(by: &Client, path: &str) -> Json {
    let page = by.get(path).await;
    let data = page.json["data"].as_array().unwrap_or_else(|| panic!("no page: {page:?}")).clone();
    assert_eq!(data.len(), 1, "{path}: {data:?}");
    data[0].clone()
}

fn sales() -> Json {
    json!({ "key": KEY, "entities": {
        "Account": [{
            "id": "acc1", "created_date": "2025-01-01T10:00:00.000000", "created_by": "someone@base44.example",
            "name": "Acme Lda", "industry": "Shoes", "annual_revenue": 1_250_000.5, "employee_count": "40",
            "website": "acme.example", "city": "Porto", "zip": "4000", "tags": ["key", "pt"],
            "health_status": "at_risk", "assigned_to": "member@world.example", "is_test_data": false,
        }],
        "Contact": [{
            "id": "con1", "first_name": "Inês", "last_name": "Faria", "account_id": "acc1",
            "email": "ines@acme.example", "title": "Buyer", "status": "active", "score": 61.2,
            "last_contacted": "2025-03-01T10:00:00.123000",
        }],
        "Lead": [{ "id": "lead1", "first_name": "Rui", "company": "Norte SA", "status": "contacted",
            "conversion_probability": 0.4, "estimated_value": 900 }],
        "Opportunity": [
            { "id": "opp1", "name": "Soles", "stage": "closed_won", "amount": 5000, "account_id": "acc1",
              "contact_id": "con1", "close_date": "2025-04-01", "probability": 100 },
            { "id": "opp2", "name": "Laces", "stage": "needs_analysis", "amount": 120.5, "account_id": "acc1",
              "close_date": "2026-12-24" },
        ],
        "Activity": [{ "id": "act1", "type": "call", "subject": "Ask for sizes", "status": "planned",
            "due_date": "2026-12-01", "due_time": "09:30", "related_to": "contact", "related_id": "con1" }],
    }})
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn records_come_over_once_and_are_kept_up(kind: Kind) {
    let mut holds = sales();
    let (world, ana, far) = synced(kind, &holds, &[]).await;
    let first = sync(&world, &ana, json!({})).await;
    assert_eq!(first["state"], "completed", "{first}");
    for (entity, count) in
        [("Account", 1), ("Contact", 1), ("Lead", 1), ("Opportunity", 2), ("Activity", 1)]
    {
        assert_eq!(counts(&first, entity), [count, count, 0, 0, 0], "{first}");
        assert_eq!(tally(&first, entity)["leftOut"], json!({}), "{first}");
    }
    assert_eq!(first["stagesMade"], json!(["Needs analysis"]));
    let account = only(&ana, "/api/accounts?include=owner").await;
    for (key, value) in [
        ("externalId", json!("acc1")),
        ("name", json!("Acme Lda")),
        ("annualRevenue", json!(1_250_000.5)),
        ("employeeCount", json!(40)),
        ("healthStatus", json!("atRisk")),
        ("sourceCreatedAt", json!("2025-01-01T10:00:00.000Z")),
        ("labels", json!(["key", "pt"])),
    ] {
        assert_eq!(account[key], value, "{key}: {account}");
    }
    assert_eq!(account["address"]["postalCode"], "4000");
    assert_eq!(account["owner"]["email"], "member@world.example");
    let contact = only(&ana, "/api/contacts").await;
    assert_eq!(
        (&contact["name"], &contact["accountId"], &contact["jobTitle"], &contact["leadScore"]),
        (&json!("Inês Faria"), &account["id"], &json!("Buyer"), &json!(61))
    );
    let won = only(&ana, "/api/deals?externalId=opp1").await;
    assert_eq!(
        (&won["status"], &won["stage"], &won["closedAt"], &won["contactId"]),
        (&json!("won"), &json!("Won"), &json!("2025-04-01T00:00:00.000Z"), &contact["id"])
    );
    let open = only(&ana, "/api/deals?externalId=opp2").await;
    assert_eq!((&open["status"], &open["stage"]), (&json!("open"), &json!("Needs analysis")));
    let call = only(&ana, "/api/activities").await;
    assert_eq!(
        (&call["relatedId"], &call["relatedTo"], &call["dueAt"], &call["status"]),
        (
            &contact["id"],
            &json!("contact"),
            &json!("2026-12-01T09:30:00.000Z"),
            &json!("scheduled")
        )
    );

    // The second time nothing changes: no version rises, no event is told.
    let events = ana.get("/api/audit-logs?limit=1").await.json["data"][0]["id"].clone();
    let again = sync(&world, &ana, json!({})).await;
    for entity in ["Account", "Contact", "Lead", "Activity"] {
        assert_eq!(counts(&again, entity), [1, 0, 0, 1, 0], "{again}");
    }
    assert_eq!(counts(&again, "Opportunity"), [2, 0, 0, 2, 0], "{again}");
    assert_eq!(only(&ana, "/api/accounts?include=owner").await, account);
    assert_eq!(ana.get("/api/audit-logs?limit=1").await.json["data"][0]["id"], events);

    holds["entities"]["Contact"][0]["title"] = json!("Head of buying");
    holds["entities"]["Contact"][0]["email"] = json!("");
    far.now_holds(&holds);
    let third = sync(&world, &ana, json!({ "entities": ["contact"] })).await;
    assert_eq!(third["entities"].as_array().unwrap().len(), 1);
    assert_eq!(counts(&third, "Contact"), [1, 0, 1, 0, 0], "{third}");
    let contact = only(&ana, "/api/contacts").await;
    assert_eq!((&contact["jobTitle"], &contact["email"]), (&json!("Head of buying"), &Json::Null));

    // The key goes to the far side alone.
    assert!(far.asked.lock().unwrap().iter().all(|asked| asked["key"] == KEY));
    for path in ["/api/database/sync", "/api/batches", "/api/audit-logs?limit=200"] {
        let answer = ana.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.text.contains(KEY), "{path}");
    }
    let listed = ana.get("/api/database/sync?limit=2").await.json;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let rest = format!("/api/database/sync?cursor={}", listed["nextCursor"].as_str().unwrap());
    assert_eq!(only(&ana, &rest).await["id"], first["id"]);
}

async fn what_does_not_fit_is_told(kind: Kind) {
    let holds = json!({ "key": KEY, "entities": {
        "Contact": [
            { "id": "c1", "first_name": "Ana", "email": "no address", "shoe_size": 44, "account_id": "gone",
              "assigned_to": "nobody@else.example" },
            { "first_name": "Without an id" },
            "no object",
            { "id": "c2", "first_name": "Rui" },
        ],
        "Activity": [{ "id": "a1", "type": "call" }],
    }});
    let (world, ana, _far) = synced(kind, &holds, &[]).await;
    let done = sync(&world, &ana, json!({})).await;
    assert_eq!(done["state"], "completed", "{done}");
    let contacts = tally(&done, "Contact");
    assert_eq!(counts(&done, "Contact"), [4, 2, 0, 0, 2], "{done}");
    assert_eq!(contacts["leftOut"], json!({ "accountId": 1, "email": 1, "ownerId": 1 }));
    assert_eq!(contacts["unknown"], json!({ "shoe_size": 1 }));
    assert_eq!(tally(&done, "Account")["state"], "missing");
    let [failed] = &tally(&done, "Activity")["failures"].as_array().unwrap()[..] else {
        panic!("{done}")
    };
    assert_eq!((&failed["id"], &failed["code"]), (&json!("a1"), &json!("required")));
    let again = sync(&world, &ana, json!({ "entities": ["Contact"] })).await;
    assert_eq!(counts(&again, "Contact"), [4, 0, 0, 2, 2], "{again}");
    for body in [json!({ "entities": [] }), json!({ "entities": ["User"] }), json!({ "all": 1 })] {
        assert_eq!(ana.post("/api/database/sync", body).await.status, 422);
    }
    let elsewhere = json!({ "tenant_id": done["id"] });
    assert_eq!(ana.post("/api/database/sync", elsewhere).await.status, 404);
}

async fn a_sync_is_taken_back(kind: Kind) {
    let (world, ana, _far) = synced(kind, &sales(), &[]).await;
    let done = sync(&world, &ana, json!({})).await;
    let job = ana.get(&format!("/api/jobs/{}", done["id"].as_str().unwrap())).await.json;
    assert_eq!((&job["kind"], &job["changed"]), (&json!("sync"), &json!(6)), "{job}");
    let undo = format!("/api/batches/{}/undo", done["batchId"].as_str().unwrap());
    assert_eq!(ana.post(&undo, json!({})).await.status, 202);
    world.run_jobs().await;
    for plural in ["accounts", "contacts", "leads", "deals", "activities"] {
        assert_eq!(ana.get(&format!("/api/{plural}")).await.json["data"], json!([]), "{plural}");
    }
    // And once more, all of it.
    let again = sync(&world, &ana, json!({})).await;
    assert_eq!(counts(&again, "Opportunity"), [2, 2, 0, 0, 0], "{again}");
}

async fn a_far_side_that_fails_is_asked_again(kind: Kind) {
    let contacts: Vec<Json> = (0..250)
        .map(|at| json!({ "id": format!("c{at}"), "first_name": format!("Number {at}"), "created_date": format!("{at:04}") }))
        .collect();
    let holds = json!({ "key": KEY, "entities": { "Contact": contacts }, "faults": [
        { "after": 1, "status": 429, "retryAfter": 600 },
        { "after": 3, "status": 500 },
        { "after": 4, "cut": true },
    ]});
    let (world, ana, far) = synced(kind, &holds, &[]).await;
    let begun = ana.post("/api/database/sync", json!({ "entities": ["Contact"] })).await.json;
    let path = format!("/api/database/sync/{}", begun["id"].as_str().unwrap());
    let look = async || ana.get(&path).await.json;
    world.run_jobs().await;
    let paused = look().await;
    assert_eq!((&paused["state"], counts(&paused, "Contact")[0]), (&json!("running"), 100));
    // The pause that was asked for is kept.
    world.app.clock.advance_seconds(599);
    world.run_jobs().await;
    assert_eq!(far.asked.lock().unwrap().len(), 2);
    for _ in 0..4 {
        world.app.clock.advance_seconds(600);
        world.run_jobs().await;
    }
    let done = look().await;
    assert_eq!(done["state"], "completed", "{done}");
    assert_eq!(counts(&done, "Contact"), [250, 250, 0, 0, 0], "{done}");
    let skips: Vec<u64> =
        far.asked.lock().unwrap().iter().map(|asked| asked["skip"].as_u64().unwrap()).collect();
    assert_eq!(skips, [0, 100, 100, 200, 200, 200, 250]);

    // A key that is refused is no reason to try again.
    far.now_holds(&json!({ "key": "another", "entities": {} }));
    let refused = sync(&world, &ana, json!({})).await;
    assert_eq!(refused["state"], "failed", "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("BASE44_API_KEY"), "{refused}");
    // And none to refuse the next sync.
    assert_eq!(ana.post("/api/database/sync", json!({})).await.status, 202);
}

async fn a_far_side_that_does_not_end_is_left(kind: Kind) {
    let holds = json!({ "key": KEY, "endless": "Contact", "entities": { "Lead": [] } });
    let (world, ana, far) = synced(kind, &holds, &[("base44.most_records", "300")]).await;
    let done = sync(&world, &ana, json!({ "entities": ["Contact", "Lead"] })).await;
    assert_eq!(done["state"], "completed", "{done}");
    assert_eq!(tally(&done, "Contact")["state"], "cutOff");
    assert_eq!(counts(&done, "Contact"), [300, 300, 0, 0, 0]);
    assert_eq!(tally(&done, "Lead")["state"], "done");
    let stuck = json!({ "key": KEY, "stuck": "Lead", "entities": { "Lead": [{ "id": "l1", "first_name": "Rui" }] } });
    far.now_holds(&stuck);
    let left = sync(&world, &ana, json!({ "entities": ["Lead"] })).await;
    assert_eq!(
        (&left["state"], counts(&left, "Lead")),
        (&json!("failed"), [1, 1, 0, 0, 0]),
        "{left}"
    );
}

async fn one_sync_at_a_time(kind: Kind) {
    let (world, ana, _far) = synced(kind, &sales(), &[]).await;
    let begun = ana.post("/api/database/sync", json!({})).await;
    let (one, other) =
        (ana.post("/api/database/sync", json!({})), ana.post("/api/database/sync", json!({})));
    for second in [one.await, other.await] {
        assert_eq!(
            (second.status, &second.json["code"]),
            (409, &json!("sync_running")),
            "{second:?}"
        );
    }
    let cancel = format!("/api/jobs/{}/cancel", begun.json["id"].as_str().unwrap());
    assert_eq!(ana.post(&cancel, json!({})).await.status, 200);
    let next = sync(&world, &ana, json!({})).await;
    assert_eq!(counts(&next, "Account"), [1, 1, 0, 0, 0]);
    let cancelled = ana.get(begun.headers["location"].to_str().unwrap()).await.json;
    assert_eq!((&cancelled["state"], counts(&cancelled, "Account")[0]), (&json!("cancelled"), 0));
}

async fn who_may_sync_is_the_operators_choice(kind: Kind) {
    let (world, ana, _far) = synced(kind, &sales(), &[("base44.tenant", "")]).await;
    let refused = ana.post("/api/database/sync", json!({})).await;
    assert_eq!((refused.status, &refused.json["code"]), (403, &json!("not_configured_for_tenant")));
    let (world, _) = world.configured(&[("base44.app_id", ""), ("base44.api_key", "")]);
    let nothing = world.operator.post("/api/database/sync", json!({})).await;
    assert_eq!((nothing.status, &nothing.json["code"]), (503, &json!("not_configured")));
}
