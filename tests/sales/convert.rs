//! Converting leads.

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_lead_becomes_a_contact_an_account_and_a_deal,
    a_lead_is_converted_into_what_is_there,
    conversions_that_cannot_be_are_told_and_leave_nothing,
    custom_fields_go_where_they_have_a_home,
    what_was_about_the_lead_is_found_from_the_deal,
    what_is_very_much_follows_and_is_taken_back_with_the_rest,
    a_conversion_that_is_taken_back_is_not_gone_on_with,
);

fn path(record: &Json, plural: &str) -> String {
    format!("/api/{plural}/{}", record["id"].as_str().unwrap())
}

async fn lead(ana: &Client) -> Json {
    let lead = json!({
        "name": "Carla Dias", "email": "carla@borealis.example", "company": "Borealis", "estimatedValue": 1200.5,
        "currency": "EUR", "labels": ["fair"], "address": { "city": "Porto" }, "score": 70, "source": "Fair",
    });
    ana.make("/api/leads", lead).await
}

async fn convert(who: &Client, lead: &Json, body: Json) -> Answer {
    who.post(&format!("{}/convert", path(lead, "leads")), body).await
}

/// A lead with more than goes with its conversion.
async fn lead_with_notes(ana: &Client) -> Json {
    let lead = lead(ana).await;
    for number in 0..205 {
        let note = json!({ "content": format!("Call {number}"), "relatedId": lead["id"] });
        ana.make("/api/notes", note).await;
    }
    lead
}

/// Asks that the conversion is taken back.
async fn undo(ana: &Client) {
    let batches = ana.get("/api/batches").await.json;
    let mut batches = batches["data"].as_array().unwrap().iter();
    let batch = batches.find(|batch| batch["kind"] == "convert").unwrap();
    let undo = format!("/api/batches/{}/undo", batch["id"].as_str().unwrap());
    let undone = ana.post(&undo, json!({})).await;
    assert_eq!(undone.status, 202, "{undone:?}");
}

async fn what_is_very_much_follows_and_is_taken_back_with_the_rest(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lead = lead_with_notes(ana).await;
    let activity = json!({ "subject": "Call", "relatedId": lead["id"] });
    ana.make("/api/activities", activity).await;
    let notes = async |of: &Json| {
        let path = format!("/api/notes?relatedId={}&count=exact", of["id"].as_str().unwrap());
        ana.get(&path).await.json["total"].as_u64().unwrap()
    };
    let done = convert(ana, &lead, json!({})).await;
    assert_eq!(done.status, 200, "{done:?}");
    let contact = &done.json["contact"];
    // Of 206 records, the activity and 199 notes.
    assert_eq!((notes(contact).await, notes(&lead).await), (199, 6));
    world.run_jobs().await;
    assert_eq!((notes(contact).await, notes(&lead).await), (205, 0));
    let left = ana.get("/api/notes?dealId=null&count=exact").await.json;
    assert_eq!(left["total"], 0, "{left}");
    undo(ana).await;
    world.run_jobs().await;
    assert_eq!(notes(&lead).await, 205);
}

async fn a_conversion_that_is_taken_back_is_not_gone_on_with(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lead = lead_with_notes(ana).await;
    assert_eq!(convert(ana, &lead, json!({})).await.status, 200);
    undo(ana).await;
    world.run_jobs().await;
    let path = format!("/api/notes?relatedId={}&count=exact", lead["id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.json["total"], 205);
}

async fn a_lead_becomes_a_contact_an_account_and_a_deal(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lead = lead(ana).await;
    let about = json!({ "subject": "Call", "relatedId": lead["id"] });
    let activity = ana.make("/api/activities", about).await;
    let task = ana.make("/api/tasks", json!({ "title": "Offer", "relatedId": lead["id"] })).await;
    let note = ana.make("/api/notes", json!({ "content": "Nice", "relatedId": lead["id"] })).await;
    let url = format!("{}/convert", path(&lead, "leads"));
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let done = ana.send("POST", &url, &headers, b"{}".to_vec()).await;
    assert_eq!(done.status, 200, "{done:?}");
    let (contact, account, deal) =
        (&done.json["contact"], &done.json["account"], &done.json["deal"]);
    assert_eq!((&contact["name"], &contact["status"]), (&json!("Carla Dias"), &json!("prospect")));
    assert_eq!((&contact["labels"], &contact["leadScore"]), (&json!(["fair"]), &json!(70)));
    assert_eq!((&contact["address"]["city"], &contact["leadId"]), (&json!("Porto"), &lead["id"]));
    assert_eq!((&account["name"], &contact["accountId"]), (&json!("Borealis"), &account["id"]));
    assert_eq!((&deal["amount"], &deal["currency"]), (&json!(1200.5), &json!("EUR")));
    assert_eq!((&deal["contactId"], &deal["accountId"]), (&contact["id"], &account["id"]));
    assert_eq!((&deal["leadId"], &deal["expectedCloseDate"]), (&lead["id"], &json!("2026-12-21")));
    let kept = ana.get(&path(&lead, "leads")).await.json;
    assert_eq!((&kept["status"], &kept["convertedDealId"]), (&json!("converted"), &deal["id"]));
    assert_eq!(kept["convertedContactId"], contact["id"]);
    for (record, plural) in [(&activity, "activities"), (&task, "tasks"), (&note, "notes")] {
        let now = ana.get(&path(record, plural)).await.json;
        assert_eq!((&now["relatedId"], &now["relatedTo"]), (&contact["id"], &json!("contact")));
    }
    let history = ana.get(&format!("{}/history", path(contact, "contacts"))).await;
    assert_eq!(history.json["data"][0]["after"]["leadId"], lead["id"], "{history:?}");
    // The same request again is the same answer, another one a conflict, and so is a change.
    let again = ana.send("POST", &url, &headers, b"{}".to_vec()).await;
    assert_eq!((again.status, &again.json["contact"]["id"]), (200, &contact["id"]));
    let twice = convert(ana, &lead, json!({})).await;
    assert_eq!((twice.status, &twice.json["code"]), (409, &json!("converted")));
    assert_eq!(ana.patch(&path(&lead, "leads"), json!({ "name": "X" })).await.status, 409);
    assert_eq!(ana.get("/api/contacts?count=exact").await.json["total"], 1);
}

async fn a_lead_is_converted_into_what_is_there(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let account = ana.make("/api/accounts", json!({ "name": "BOREALIS" })).await;
    let found = convert(ana, &lead(ana).await, json!({ "deal": false })).await;
    assert_eq!(found.json["account"]["id"], account["id"], "{found:?}");
    assert_eq!(found.json["deal"], json!(null));
    let other = ana.make("/api/accounts", json!({ "name": "Other" })).await;
    let known = ana.make("/api/contacts", json!({ "name": "Carla D.", "labels": ["vip"] })).await;
    let chosen = json!({
        "account": { "id": other["id"] }, "contact": { "id": known["id"] }, "deal": { "name": "Big", "amount": 7 },
    });
    let lead = lead(ana).await;
    let done = convert(ana, &lead, chosen).await;
    assert_eq!(done.status, 200, "{done:?}");
    let contact = &done.json["contact"];
    assert_eq!((&contact["name"], &contact["leadId"]), (&json!("Carla D."), &lead["id"]));
    assert_eq!(
        (&contact["labels"], &contact["accountId"]),
        (&json!(["vip", "fair"]), &other["id"])
    );
    assert_eq!(
        (&done.json["deal"]["name"], &done.json["deal"]["amount"]),
        (&json!("Big"), &json!(7))
    );
    let given = json!({ "account": { "name": "New", "address": { "city": "Faro" } }, "contact": { "first_name": "C." } });
    let lead = self::lead(ana).await;
    let done = convert(ana, &lead, given).await;
    assert_eq!(done.json["account"]["address"]["city"], "Faro", "{done:?}");
    assert_eq!((&done.json["contact"]["name"]), (&json!("C. Dias")));
}

async fn conversions_that_cannot_be_are_told_and_leave_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lead = lead(ana).await;
    let theirs = world.stranger.make("/api/accounts", json!({ "name": "Theirs" })).await;
    for (body, word) in [
        (json!({ "account": { "id": theirs["id"] } }), "account"),
        (json!({ "contact": { "id": theirs["id"] } }), "contact"),
        (json!({ "account": { "id": "12" } }), "id"),
        (json!({ "account": { "id": theirs["id"], "name": "x" } }), "other fields"),
        (json!({ "contact": false }), "object"),
        (json!({ "deal": 5 }), "object"),
        (json!({ "deal": { "amount": 1.005 } }), "decimals"),
        (json!({ "deal": { "id": theirs["id"] } }), "server"),
        (json!({ "deal": { "lead_id": theirs["id"] } }), "server"),
        (json!({ "contact": { "totalSpend": 5 } }), "server"),
        (json!({ "contact": { "fristName": "x" } }), "firstName"),
        (json!({ "ownerId": theirs["id"] }), "member"),
        (json!({ "dael": false }), "deal"),
    ] {
        let answer = convert(ana, &lead, body.clone()).await;
        assert_eq!(answer.status, 422, "{body} {answer:?}");
        assert!(answer.text.contains(word), "{body} {}", answer.text);
    }
    for plural in ["accounts", "contacts", "deals"] {
        assert_eq!(ana.get(&format!("/api/{plural}?count=exact")).await.json["total"], 0);
    }
    assert_eq!(ana.get(&path(&lead, "leads")).await.json["status"], "new");
    assert_eq!(convert(&world.vera, &lead, json!({})).await.status, 403);
}

async fn fields(ana: &Client) {
    for (object, name, kind) in [
        ("lead", "budgetYear", "number"),
        ("contact", "budgetYear", "number"),
        ("deal", "budgetYear", "number"),
        ("lead", "terrain", "choice"),
        ("account", "terrain", "choice"),
        ("lead", "badge", "text"),
        ("contact", "badge", "text"),
        ("lead", "shoeSize", "number"),
        ("contact", "shoeSize", "text"),
        ("lead", "fee", "money"),
        ("deal", "fee", "money"),
        ("lead", "referrer", "link"),
        ("deal", "referrer", "link"),
    ] {
        let mut field = json!({ "object": object, "name": name, "label": name, "kind": kind });
        match (object, name) {
            ("lead", "terrain") => field["options"] = json!(["north", "south"]),
            ("account", "terrain") => field["options"] = json!(["North"]),
            ("contact", "badge") => field["unique"] = json!(true),
            (_, "referrer") => field["target"] = json!("contact"),
            _ => {}
        }
        ana.make("/api/custom-fields", field).await;
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn custom_fields_go_where_they_have_a_home(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    fields(ana).await;
    let rui = ana.make("/api/contacts", json!({ "name": "Rui", "badge": "A-1" })).await;
    let custom = json!({
        "budgetYear": 2027, "terrain": "north", "badge": "A-2", "shoeSize": 42, "fee": 5, "referrer": rui["id"],
    });
    let one = json!({ "name": "Carla Dias", "company": "Borealis", "custom": custom });
    let lead = ana.make("/api/leads", one.clone()).await;
    let done = convert(ana, &lead, json!({})).await.json;
    assert_eq!(done["contact"]["custom"]["budgetYear"], 2027.0, "{done}");
    assert_eq!(done["contact"]["custom"]["badge"], "A-2");
    assert_eq!(done["contact"]["custom"]["shoeSize"], json!(null), "another kind");
    assert_eq!(done["account"]["custom"]["terrain"], "North", "as the account writes it");
    assert_eq!(done["deal"]["custom"]["budgetYear"], 2027.0);
    assert_eq!(done["deal"]["custom"]["referrer"], rui["id"]);
    assert_eq!(done["deal"]["custom"]["fee"], json!(5));
    // The account writes its region otherwise, and has it all the same.
    assert_eq!(done["keptOnLead"], json!(["custom.shoeSize"]), "{done}");
    assert_eq!(ana.get(&path(&lead, "leads")).await.json["custom"]["shoeSize"], 42.0);
    assert_eq!(ana.get("/api/deals?budgetYear=2027").await.names(), ["Borealis"]);
    // A value that another record has, or that is no option, stays; a caller's own word wins, in every form of it.
    let mut other = one;
    other["custom"]["terrain"] = json!("south");
    let lead = ana.make("/api/leads", other).await;
    let wish = json!({ "contact": { "budgetYear": 1 }, "deal": { "custom": { "budgetYear": 2 } } });
    let done = convert(ana, &lead, wish).await.json;
    assert_eq!(done["contact"]["custom"]["badge"], json!(null), "{done}");
    assert_eq!(done["contact"]["custom"]["budgetYear"], 1.0);
    assert_eq!(done["deal"]["custom"]["budgetYear"], 2.0);
    let kept = ["budgetYear", "terrain", "badge", "shoeSize"];
    assert_eq!(done["keptOnLead"], json!(kept.map(|name| format!("custom.{name}"))), "{done}");
    // A contact that is there gets what it lacks and keeps what it has; an account only from those who may change it.
    let custom = json!({ "budgetYear": 2028, "badge": "A-9", "terrain": "north" });
    let lead = json!({ "name": "Rui L.", "company": "Fjord", "custom": custom });
    let lead = ana.make("/api/leads", lead).await;
    let fjord = ana.make("/api/accounts", json!({ "name": "Fjord" })).await;
    let scopes = ["leads:write", "contacts:write", "contacts:read", "accounts:read"];
    let key = ana.make("/api/api-keys", json!({ "name": "key", "scopes": scopes })).await;
    let key = ana.with(key["key"].as_str().unwrap());
    let wish = json!({ "contact": { "id": rui["id"] }, "deal": false });
    let done = convert(&key, &lead, wish).await.json;
    assert_eq!(done["contact"]["custom"]["badge"], "A-1", "{done}");
    assert_eq!(done["contact"]["custom"]["budgetYear"], 2028.0);
    assert_eq!((&done["account"]["id"], &done["account"]["version"]), (&fjord["id"], &json!(1)));
    assert_eq!(done["keptOnLead"], json!(["custom.terrain", "custom.badge"]), "{done}");
}

/// What stands in a timeline besides changes.
async fn entered(ana: &Client, record: &Json, plural: &str) -> Vec<String> {
    let page = ana.get(&format!("{}/timeline", path(record, plural))).await.json;
    let entries = page["data"].as_array().unwrap().iter();
    let kinds = entries.map(|entry| entry["kind"].as_str().unwrap().to_owned());
    kinds.filter(|kind| kind != "change").collect()
}

async fn what_was_about_the_lead_is_found_from_the_deal(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lead = lead(ana).await;
    let about = &lead["id"];
    let old = ana.make("/api/deals", json!({ "name": "Old" })).await;
    ana.make("/api/activities", json!({ "subject": "Call", "relatedId": about })).await;
    ana.make("/api/tasks", json!({ "title": "Offer", "relatedId": about })).await;
    let note = json!({ "content": "Old", "relatedId": about, "dealId": old["id"] });
    let note = ana.make("/api/notes", note).await;
    let file = crate::attachments::attached(ana, &lead, ("a.txt", b"hello")).await;
    world.app.clock.advance_seconds(60);
    let before = world.app.clock.now();
    world.app.clock.advance_seconds(60);
    let done = convert(ana, &lead, json!({})).await.json;
    let all = ["attachment", "task", "activity"];
    assert_eq!(entered(ana, &done["deal"], "deals").await, all);
    let with_old = ["attachment", "note", "task", "activity"];
    assert_eq!(entered(ana, &done["contact"], "contacts").await, with_old);
    assert_eq!(entered(ana, &done["account"], "accounts").await, with_old, "each once");
    assert_eq!(entered(ana, &old, "deals").await, ["note"], "its own deal stays");
    let file = path(&file, "attachments");
    let now = ana.get(&file).await.json;
    assert_eq!((&now["relatedId"], &now["dealId"]), (&done["contact"]["id"], &done["deal"]["id"]));
    assert_eq!(ana.get(&format!("{file}/content")).await.text, "hello");
    let then = ana.get(&format!("{file}?asOf={before}")).await.json;
    assert_eq!((&then["relatedId"], &then["dealId"]), (about, &json!(null)), "{then}");
    assert_eq!(ana.get(&path(&note, "notes")).await.json["relatedId"], done["contact"]["id"]);
    // It can be asked for, and a stranger's deal cannot be named.
    let deal = done["deal"]["id"].as_str().unwrap();
    let found = ana.get(&format!("/api/activities?dealId={deal}")).await.json;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    let theirs = json!({ "content": "x", "dealId": deal });
    assert_eq!(world.stranger.post("/api/notes", theirs).await.status, 422);
}
