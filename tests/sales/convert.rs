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
