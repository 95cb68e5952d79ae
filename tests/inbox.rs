//! The inbox: what comes in by channels becomes messages of people, once and in order; what goes out arrives once.

mod chat;
mod far;
mod intake;
mod mail;
mod mail_out;
mod mailbox;
mod people;

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_channel_shows_no_secret,
    conversations_are_assigned_taken_snoozed_and_closed,
    notes_stay_in_the_house,
    what_was_said_is_said,
    templates_are_filled,
    a_member_who_writes_has_the_word,
    what_is_closed_is_left_alone,
    what_went_with_a_conversation_comes_back_with_it,
    keys_that_could_be_guessed_are_refused,
);

/// A channel of one's own with its key.
pub(crate) async fn own_channel(client: &Client) -> (String, String) {
    let channel = client.make("/api/channels", json!({ "type": "API", "name": "Shop" })).await;
    let id = channel["id"].as_str().unwrap().to_owned();
    let told = client.get(&format!("/api/channels/{id}/webhook")).await;
    (id, told.json["apiKey"].as_str().unwrap().to_owned())
}

/// Somebody writes by a channel of one's own; the work on it is done.
pub(crate) async fn wrote(world: &World, (channel, key): (&str, &str), body: Json) -> Answer {
    let path = format!("/api/webhooks/in/{channel}");
    let headers = [("content-type", "application/json"), ("x-api-key", key)];
    let answer = world.nobody.send("POST", &path, &headers, body.to_string().into_bytes()).await;
    world.run_jobs().await;
    answer
}

/// A conversation that somebody began by a channel of one's own, with its id.
async fn begun(world: &World) -> (String, (String, String)) {
    let own = own_channel(&world.ana).await;
    let said = json!({ "id": "m-1", "from": { "id": "carla", "name": "Carla Dias" }, "content": "Hello?" });
    assert_eq!(wrote(world, (&own.0, &own.1), said).await.status, 200);
    let all = world.ana.get("/api/conversations").await;
    assert_eq!(all.json["data"].as_array().unwrap().len(), 1, "{all:?}");
    (all.json["data"][0]["id"].as_str().unwrap().to_owned(), own)
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn a_channel_shows_no_secret(kind: Kind) {
    let world = World::new(kind).await;
    let body = json!({
        "type": "whatsapp", "name": "Sales",
        "config": { "phoneNumberId": 1_234_567, "access_token": "EAAG-a-token-of-meta", "appSecret": "of the app" },
    });
    let channel = world.ana.make("/api/channels", body).await;
    assert_eq!(channel["status"], "CONFIGURING");
    assert_eq!(channel["config"]["phoneNumberId"], "1234567");
    assert_eq!(channel["config"]["accessToken"], "***");
    assert_eq!(channel["config"]["verifyToken"], "***");
    let id = channel["id"].as_str().unwrap();
    // What is sent back as it was read stays as it is.
    let path = format!("/api/channels/{id}");
    let same = world.ana.patch(&path, json!({ "config": channel["config"] })).await;
    assert_eq!(same.json["secretsChangedAt"], channel["secretsChangedAt"], "{same:?}");
    let other = world.ana.patch(&path, json!({ "config": { "businessAccountId": "99" } })).await;
    assert_eq!(other.json["config"]["accessToken"], "***", "{other:?}");
    for path in [
        path.clone(),
        format!("{path}/history"),
        "/api/channels/export?format=jsonl".to_owned(),
        "/api/audit-logs".to_owned(),
    ] {
        let shown = world.ana.get(&path).await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(!shown.text.contains("a-token-of-meta") && !shown.text.contains("of the app"));
    }
    let told = world.ana.get(&format!("{path}/webhook")).await;
    assert_eq!(told.json["verifyToken"].as_str().unwrap().len(), 48, "{told:?}");
    assert_eq!(world.bruno.get(&format!("{path}/webhook")).await.status, 403);
    for (body, at) in [
        (json!({ "type": "WHATSAPP", "name": "x" }), "/config/phoneNumberId"),
        (json!({ "type": "API", "name": "x", "config": { "apiKee": "y" } }), "/config/apiKee"),
        (json!({ "type": "PIGEON", "name": "x" }), "/type"),
        (json!({ "type": "API", "name": "x", "config": [] }), "/config"),
    ] {
        let refused = world.ana.post("/api/channels", body).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains(at), "{at}: {}", refused.text);
    }
    let changed = world.ana.patch(&path, json!({ "type": "API" })).await;
    assert_eq!(changed.status, 422, "{changed:?}");
}

async fn conversations_are_assigned_taken_snoozed_and_closed(kind: Kind) {
    let world = World::new(kind).await;
    let (id, own) = begun(&world).await;
    let path = format!("/api/conversations/{id}");
    let began = world.ana.get(&path).await.json;
    assert_eq!((&began["status"], &began["unreadCount"]), (&json!("ACTIVE"), &json!(1)));
    assert_eq!(began["customerName"], "Carla Dias");
    let me = world.bruno.get("/api/auth/me").await.json["memberId"].clone();
    let assigned = world.ana.put(&format!("{path}/assign"), json!({ "assigneeId": me })).await;
    assert_eq!((&assigned.json["assigneeId"], &assigned.json["speaker"]), (&me, &json!("HUMAN")));
    let nobody = world.ana.put(&format!("{path}/assign"), json!({})).await;
    assert_eq!(nobody.status, 422, "{nobody:?}");
    let read = world.ana.post(&format!("{path}/read"), json!({})).await;
    assert_eq!(read.json["unreadCount"], 0, "{read:?}");
    // It sleeps until its time.
    let until = json!({ "until": "2026-11-21T10:00:00Z" });
    let asleep = world.ana.post(&format!("{path}/snooze"), until).await;
    assert_eq!(asleep.json["status"], "SNOOZED", "{asleep:?}");
    world.run_jobs().await;
    assert_eq!(world.ana.get(&path).await.json["status"], "SNOOZED");
    world.app.clock.advance_seconds(3_700);
    world.run_jobs().await;
    assert_eq!(world.ana.get(&path).await.json["status"], "ACTIVE");
    let past = json!({ "until": "2026-11-21T09:00:00Z" });
    assert_eq!(world.ana.post(&format!("{path}/snooze"), past).await.status, 422);
    // It is closed, refuses what is written, and opens again when the customer writes.
    let end = json!({ "reason": "solved", "summary": "She wanted to know whether we are there.", "rating": 5 });
    let closed = world.ana.put(&format!("{path}/close"), end).await;
    assert_eq!((&closed.json["status"], &closed.json["rating"]), (&json!("CLOSED"), &json!(5)));
    assert!(closed.json["endedAt"].is_string() && closed.json["resolutionSeconds"].is_u64());
    let late = world.ana.post(&format!("{path}/messages"), json!({ "content": "One more" })).await;
    assert_eq!((late.status, &late.json["code"]), (409, &json!("conversation_closed")));
    assert_eq!(world.ana.put(&format!("{path}/close"), json!({ "rating": 6 })).await.status, 422);
    let again = json!({ "id": "m-2", "from": { "id": "carla" }, "content": "And?" });
    wrote(&world, (&own.0, &own.1), again).await;
    let open = world.ana.get(&path).await.json;
    assert_eq!((&open["status"], &open["endedAt"]), (&json!("ACTIVE"), &Json::Null));
    assert_eq!(open["messageCount"], 2);
    // Nobody else sees it, and a viewer changes nothing.
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(world.stranger.put(&format!("{path}/close"), json!({})).await.status, 404);
    assert_eq!(world.vera.put(&format!("{path}/close"), json!({})).await.status, 403);
}

async fn notes_stay_in_the_house(kind: Kind) {
    let world = World::new(kind).await;
    let (id, _) = begun(&world).await;
    let path = format!("/api/conversations/{id}/messages");
    let note =
        world.ana.make(&path, json!({ "content": "She called, too.", "isNote": true })).await;
    assert_eq!((&note["direction"], &note["status"]), (&json!("INTERNAL"), &Json::Null));
    let said = world.ana.make(&path, json!({ "content": "Here we are." })).await;
    assert_eq!((&said["direction"], &said["status"]), (&json!("OUTBOUND"), &json!("queued")));
    world.run_jobs().await;
    let all = world.ana.get(&format!("{path}?sort=sequence")).await.json;
    let shown: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["sequence"].as_i64().unwrap(),
                one["status"].as_str(),
                one["sender"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected =
        [(1, Some("received"), "CUSTOMER"), (2, None, "HUMAN"), (3, Some("sent"), "HUMAN")];
    assert_eq!(shown, expected.map(|(at, status, by)| (at, status, by.to_owned())));
    // What was said is said.
    let id = said["id"].as_str().unwrap();
    let changed =
        world.ana.patch(&format!("/api/messages/{id}"), json!({ "sender": "CUSTOMER" })).await;
    assert_eq!(changed.status, 422, "{changed:?}");
    let empty = world.ana.post(&path, json!({ "content": "  " })).await;
    assert_eq!(empty.status, 422, "{empty:?}");
    let agent = world.ana.post(&path, json!({ "content": "x", "sender": "AGENT" })).await;
    assert_eq!(agent.status, 422, "{agent:?}");
    let found = world.ana.get("/api/messages?search=called").await.json;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
}

async fn what_was_said_is_said(kind: Kind) {
    let world = World::new(kind).await;
    let (id, own) = begun(&world).await;
    let all = world.ana.get(&format!("/api/conversations/{id}/messages")).await.json;
    let path = format!("/api/messages/{}", all["data"][0]["id"].as_str().unwrap());
    let rewritten = world.ana.patch(&path, json!({ "content": "I agree to pay." })).await;
    assert_eq!(rewritten.status, 422, "{rewritten:?}");
    assert_eq!(world.ana.patch(&path, json!({ "labels": ["odd"] })).await.status, 200);
    // An address that is none keeps nothing back.
    let odd = json!({ "id": "u3", "email": "not mail", "phone": "xx" });
    let said = json!({ "id": "m-9", "from": odd, "content": "Still here" });
    assert_eq!(wrote(&world, (&own.0, &own.1), said).await.status, 200);
    assert_eq!(
        world.ana.get("/api/messages?search=still").await.json["data"].as_array().unwrap().len(),
        1
    );
    // A person goes with what they said.
    let contact = all["data"][0]["contactId"].as_str().unwrap();
    assert_eq!(world.ana.delete(&format!("/api/contacts/{contact}")).await.status, 204);
    assert_eq!(world.ana.get(&format!("/api/conversations/{id}")).await.status, 404);
}

async fn templates_are_filled(kind: Kind) {
    let world = World::new(kind).await;
    let (id, _) = begun(&world).await;
    let text = "Hello {{contact.firstName}}, your order {{order}} is on its way.";
    let template =
        world.ana.make("/api/messages/templates", json!({ "name": "Sent", "content": text })).await;
    assert_eq!(template["variables"], json!(["contact.firstName", "order"]));
    let path = format!("/api/conversations/{id}/messages");
    let said = json!({ "templateId": template["id"], "variables": { "order": 42 } });
    let said = world.ana.make(&path, said).await;
    assert_eq!(said["content"], "Hello Carla, your order 42 is on its way.");
    let lacking = world.ana.post(&path, json!({ "templateId": template["id"] })).await;
    assert_eq!(lacking.status, 422, "{lacking:?}");
    assert!(lacking.text.contains("order"), "{}", lacking.text);
    let broken = json!({ "name": "Broken", "content": "Hello {{" });
    assert_eq!(world.ana.post("/api/message-templates", broken).await.status, 422);
}

async fn a_member_who_writes_has_the_word(kind: Kind) {
    let world = World::new(kind).await;
    let (id, _) = begun(&world).await;
    let path = format!("/api/conversations/{id}");
    let before = world.ana.get(&path).await.json;
    world.bruno.make(&format!("{path}/messages"), json!({ "content": "I am Bruno." })).await;
    let after = world.ana.get(&path).await.json;
    let bruno = world.bruno.get("/api/auth/me").await.json["memberId"].clone();
    assert_eq!((&after["speaker"], &after["assigneeId"]), (&json!("HUMAN"), &bruno));
    assert!(after["turn"].as_i64() > before["turn"].as_i64());
    assert!(after["firstResponseAt"].is_string() && after["waitingSince"].is_null());
    let released = world.ana.post(&format!("{path}/release"), json!({})).await.json;
    assert_eq!((&released["speaker"], &released["assigneeId"]), (&json!("AGENT"), &Json::Null));
}

async fn what_is_closed_is_left_alone(kind: Kind) {
    let world = World::new(kind).await;
    let (id, _) = begun(&world).await;
    let path = format!("/api/conversations/{id}");
    let emptied = world.ana.patch(&path, json!({ "contactId": null })).await;
    assert_eq!(emptied.status, 422, "{emptied:?}");
    assert_eq!(world.ana.put(&format!("{path}/close"), json!({})).await.status, 200);
    let me = world.ana.get("/api/auth/me").await.json["memberId"].clone();
    for (action, body) in [
        ("take", json!({})),
        ("release", json!({})),
        ("escalate", json!({})),
        ("resolve", json!({})),
        ("snooze", json!({ "until": "2027-11-21T10:00:00Z" })),
        ("assign", json!({ "assigneeId": me })),
    ] {
        let refused = world.ana.post(&format!("{path}/{action}"), body).await;
        let told = (refused.status, refused.json["code"].as_str());
        assert_eq!(told, (409, Some("conversation_closed")), "{action}");
    }
    // What was said of its end may be said again.
    let again = world.ana.put(&format!("{path}/close"), json!({ "rating": 4 })).await;
    assert_eq!((again.status, &again.json["rating"]), (200, &json!(4)));
    assert_eq!(world.ana.post(&format!("{path}/reopen"), json!({})).await.json["status"], "ACTIVE");
}

async fn what_went_with_a_conversation_comes_back_with_it(kind: Kind) {
    let world = World::new(kind).await;
    let (id, _) = begun(&world).await;
    let path = format!("/api/conversations/{id}");
    let said = |content: &str| json!({ "content": content, "isNote": true });
    world.ana.make(&format!("{path}/messages"), said("She is from Recife.")).await;
    let wrong = world.ana.make(&format!("{path}/messages"), said("She is from Natal.")).await;
    let gone = format!("/api/messages/{}", wrong["id"].as_str().unwrap());
    assert_eq!(world.ana.delete(&gone).await.status, 204);
    let contact = world.ana.get(&path).await.json["contactId"].as_str().unwrap().to_owned();
    let texts = async || {
        let all = world.ana.get(&format!("{path}/messages?sort=sequence")).await;
        let all = all.json["data"].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ["Hello?", "She is from Recife."];
    for deleted in [path.clone(), format!("/api/contacts/{contact}")] {
        world.app.clock.advance_seconds(5);
        assert_eq!(world.ana.delete(&deleted).await.status, 204);
        assert_eq!(world.ana.get(&path).await.status, 404);
        let back = world.ana.post(&format!("{deleted}/restore"), json!({})).await;
        assert_eq!(back.status, 200, "{back:?}");
        assert_eq!(texts().await, all, "what went before stays away");
    }
    let found = world.ana.get("/api/messages?search=Recife").await;
    assert_eq!(found.json["data"].as_array().unwrap().len(), 1, "it is found again");
}

async fn keys_that_could_be_guessed_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    for (config, at) in [
        (json!({ "apiKey": "short" }), "/config/apiKey"),
        (json!({ "signingSecret": "fifteen letters" }), "/config/signingSecret"),
        (json!({ "webhookUrl": "example.com/hook" }), "/config/webhookUrl"),
        (json!({ "webhookUrl": "ftp://example.com" }), "/config/webhookUrl"),
        (json!({ "webhookUrl": "https://" }), "/config/webhookUrl"),
    ] {
        let body = json!({ "type": "API", "name": "x", "config": config });
        let refused = world.ana.post("/api/channels", body).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains(at), "{at}: {}", refused.text);
    }
    let config =
        json!({ "apiKey": "sixteen letters.", "webhookUrl": "https://example.com:8443/hook" });
    world.ana.make("/api/channels", json!({ "type": "API", "name": "x", "config": config })).await;
}
