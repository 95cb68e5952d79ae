//! What comes in: signed, stored once, in order, whatever its kind; and what is refused.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use kith_store::Update;
use serde_json::{Value as Json, json};
use sha2::Sha256;

use super::{own_channel, wrote};
use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    meta_asks_whether_the_webhook_is_meant,
    what_is_not_signed_is_refused,
    every_kind_of_message_is_kept,
    a_number_of_two_tenants_is_whose_secret_signed,
    a_large_delivery_comes_in_whole,
    telegram_and_messenger_come_in,
    long_and_odd_texts_come_in,
    deliveries_are_shown_and_tried_again,
    what_has_to_wait_keeps_back_nothing_before_it,
);

const SECRET: &str = "the secret of the app";
const NUMBER: &str = "1099511627776";

pub(super) fn signed(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex = mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    format!("sha256={hex}")
}

async fn told(client: &Client, path: &str, secret: &str, body: &Json) -> Answer {
    let body = body.to_string();
    let signature = signed(secret, &body);
    let headers =
        [("content-type", "application/json"), ("x-hub-signature-256", signature.as_str())];
    client.send("POST", path, &headers, body.into_bytes()).await
}

async fn whatsapp(owner: &Client, secret: &str) -> Json {
    let config = json!({ "phoneNumberId": NUMBER, "accessToken": "token", "appSecret": secret, "verifyToken": "a word" });
    owner
        .make("/api/channels", json!({ "type": "WHATSAPP", "name": "WhatsApp", "config": config }))
        .await
}

fn envelope(value: &Json) -> Json {
    let mut value = value.clone();
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550001111", "phone_number_id": NUMBER });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }] })
}

fn text(id: &str, from: &str, body: &str) -> Json {
    json!({ "id": id, "from": from, "timestamp": "1763700000", "type": "text", "text": { "body": body } })
}

async fn meta_asks_whether_the_webhook_is_meant(kind: Kind) {
    let world = World::new(kind).await;
    whatsapp(&world.ana, SECRET).await;
    let path =
        "/api/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=";
    let yes = world.nobody.get(&format!("{path}a%20word")).await;
    assert_eq!((yes.status, yes.text.as_str()), (200, "1158201444"));
    for wrong in ["", "another"] {
        assert_eq!(world.nobody.get(&format!("{path}{wrong}")).await.status, 403);
    }
}

async fn what_is_not_signed_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    whatsapp(&world.ana, SECRET).await;
    let path = "/api/webhooks/whatsapp";
    let body = envelope(&json!({ "messages": [text("wamid.1", "5511987654321", "Hello")] }));
    let forged = told(&world.nobody, path, "another secret", &body).await;
    assert_eq!((forged.status, &forged.json["code"]), (401, &json!("signature")));
    let headers = [("content-type", "application/json")];
    let bare = world.nobody.send("POST", path, &headers, body.to_string().into_bytes()).await;
    assert_eq!(bare.status, 401, "{bare:?}");
    let mut other = body.clone();
    other["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = json!("77");
    assert_eq!(told(&world.nobody, path, SECRET, &other).await.status, 404);
    let broken = world.nobody.send("POST", path, &headers, b"{".to_vec()).await;
    assert_eq!(broken.status, 400, "{broken:?}");
    let large = vec![b' '; 6_000_000];
    assert_eq!(world.nobody.send("POST", path, &headers, large).await.status, 413);
    world.run_jobs().await;
    assert_eq!(world.ana.get("/api/messages?count=exact").await.json["total"], 0);
    // The same twice is once.
    for duplicate in [false, true] {
        let taken = told(&world.nobody, path, SECRET, &body).await;
        assert_eq!((taken.status, &taken.json["duplicate"]), (200, &json!(duplicate)));
    }
    // Another delivery with the same message is the same message.
    let mut again = body.clone();
    again["entry"][0]["id"] = json!("2");
    again["entry"][0]["changes"][0]["value"]["contacts"] = json!([]);
    assert_eq!(told(&world.nobody, path, SECRET, &again).await.json["duplicate"], false);
    world.run_jobs().await;
    assert_eq!(world.ana.get("/api/messages?count=exact").await.json["total"], 1);
    assert_eq!(world.ana.get("/api/channels").await.json["data"][0]["status"], "ACTIVE");
}

#[expect(clippy::too_many_lines, reason = "a list of kinds")]
async fn every_kind_of_message_is_kept(kind: Kind) {
    let world = World::new(kind).await;
    whatsapp(&world.ana, SECRET).await;
    let from = "5511987654321";
    let of = |id: &str, kind: &str, own: Json| {
        let mut message =
            json!({ "id": id, "from": from, "timestamp": "1763700000", "type": kind });
        message[kind] = own;
        message
    };
    let messages = json!([
        text("wamid.1", from, "Hello 👋"),
        of("wamid.2", "image", json!({ "id": "9", "mime_type": "image/jpeg", "caption": "Look" })),
        of("wamid.3", "location", json!({ "latitude": -23.5, "longitude": -46.6, "name": "Here" })),
        of("wamid.4", "contacts", json!([{ "name": { "formatted_name": "Davi" } }])),
        of("wamid.5", "reaction", json!({ "message_id": "wamid.1", "emoji": "👍" })),
        of(
            "wamid.6",
            "interactive",
            json!({ "type": "button_reply", "button_reply": { "id": "yes", "title": "Yes" } })
        ),
        of("wamid.7", "audio", json!({ "id": "10", "voice": true })),
        of("wamid.8", "sticker", json!({ "id": "11" })),
        of("wamid.9", "order", json!({ "catalog_id": "1", "text": "Two of these" })),
        of("wamid.10", "unsupported", Json::Null),
        of("wamid.11", "hologram", json!({ "depth": 3 })),
    ]);
    let contacts = json!([{ "profile": { "name": "Carla" }, "wa_id": from }]);
    let body = envelope(&json!({ "contacts": contacts, "messages": messages }));
    assert_eq!(told(&world.nobody, "/api/webhooks/whatsapp", SECRET, &body).await.status, 200);
    world.run_jobs().await;
    let all = world.ana.get("/api/messages?sort=sequence").await.json;
    let shown: Vec<(&str, &str)> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["content"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ("TEXT", "Hello 👋"),
        ("IMAGE", "Look"),
        ("LOCATION", "Here"),
        ("CONTACT", "Davi"),
        ("REACTION", "👍"),
        ("INTERACTIVE", "Yes"),
        ("AUDIO", ""),
        ("STICKER", ""),
        ("INTERACTIVE", "Two of these"),
        ("UNKNOWN", ""),
        ("UNKNOWN", ""),
    ];
    assert_eq!(shown, expected);
    assert_eq!(all["data"][4]["replyToId"], all["data"][0]["id"]);
    assert_eq!(all["data"][10]["metadata"]["raw"]["hologram"]["depth"], 3);
    let conversation = &world.ana.get("/api/conversations").await.json["data"][0];
    assert_eq!(conversation["canSend"]["freeFormUntil"], "2025-11-22T04:40:00.000Z");
    assert_eq!(conversation["canSend"]["templates"], true);
}

async fn a_number_of_two_tenants_is_whose_secret_signed(kind: Kind) {
    let world = World::new(kind).await;
    // The stranger claims the number first, and cannot sign for it.
    whatsapp(&world.stranger, "a guess").await;
    whatsapp(&world.ana, SECRET).await;
    let body = envelope(&json!({ "messages": [text("wamid.1", "5511987654321", "For Ana")] }));
    assert_eq!(told(&world.nobody, "/api/webhooks/whatsapp", SECRET, &body).await.status, 200);
    world.run_jobs().await;
    assert_eq!(world.ana.get("/api/messages?count=exact").await.json["total"], 1);
    assert_eq!(world.stranger.get("/api/messages?count=exact").await.json["total"], 0);
    assert_eq!(world.stranger.get("/api/channels").await.json["data"][0]["status"], "CONFIGURING");
}

async fn a_large_delivery_comes_in_whole(kind: Kind) {
    let world = World::new(kind).await;
    let (channel, key) = own_channel(&world.ana).await;
    let count = 500;
    let messages: Vec<Json> = (0..count)
        .map(|at| json!({ "id": format!("m{at}"), "from": { "id": format!("p{}", at % 7) }, "content": format!("{at}") }))
        .collect();
    let answer = wrote(&world, (&channel, &key), json!({ "messages": messages })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.ana.get("/api/messages?count=exact").await.json["total"], count);
    let all = world.ana.get("/api/conversations").await.json;
    for conversation in all["data"].as_array().unwrap() {
        let id = conversation["id"].as_str().unwrap();
        let path = format!("/api/conversations/{id}/messages?sort=sequence&limit=200");
        let messages = world.ana.get(&path).await.json;
        let said: Vec<i64> = messages["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["content"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(said.is_sorted() && said.len() > 70, "{said:?}");
    }
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn telegram_and_messenger_come_in(kind: Kind) {
    let world = World::new(kind).await;
    let bot = json!({ "type": "TELEGRAM", "name": "Bot", "config": { "botToken": "1:a", "secretToken": "hush" } });
    let bot = world.ana.make("/api/channels", bot).await;
    let path = format!("/api/webhooks/telegram/{}", bot["id"].as_str().unwrap());
    let from = json!({ "id": 77, "first_name": "Davi", "last_name": "Reis" });
    let message = json!({ "message_id": 5, "date": 1_763_700_000, "chat": { "id": 77 }, "from": from, "text": "Oi" });
    let update = json!({ "update_id": 1, "message": message });
    let headers = |secret| {
        [("content-type", "application/json"), ("x-telegram-bot-api-secret-token", secret)]
    };
    let forged =
        world.nobody.send("POST", &path, &headers("loud"), update.to_string().into_bytes()).await;
    assert_eq!(forged.status, 401, "{forged:?}");
    let mut edited = json!({ "update_id": 2, "edited_message": message });
    edited["edited_message"]["text"] = json!("Oi!");
    edited["edited_message"]["edit_date"] = json!(1_763_700_060);
    for body in [&update, &edited] {
        let taken =
            world.nobody.send("POST", &path, &headers("hush"), body.to_string().into_bytes()).await;
        assert_eq!(taken.status, 200, "{taken:?}");
    }
    let page = json!({ "pageId": "4711", "accessToken": "t", "appSecret": SECRET });
    world
        .ana
        .make("/api/channels", json!({ "type": "MESSENGER", "name": "Page", "config": page }))
        .await;
    let event = json!({
        "sender": { "id": "100" }, "recipient": { "id": "4711" }, "timestamp": 1_763_700_000_000_i64,
        "message": { "mid": "m_1", "text": "Is it open?" },
    });
    let body =
        json!({ "object": "page", "entry": [{ "id": "4711", "time": 1, "messaging": [event] }] });
    assert_eq!(told(&world.nobody, "/api/webhooks/facebook", SECRET, &body).await.status, 200);
    world.run_jobs().await;
    let all = world.ana.get("/api/messages?sort=createdAt").await.json;
    let said: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["content"].as_str().unwrap())
        .collect();
    assert!(said.contains(&"Oi!") && said.contains(&"Is it open?") && said.len() == 2, "{said:?}");
    let contacts = world.ana.get("/api/contacts?search=Davi").await.json;
    assert_eq!(contacts["data"][0]["name"], "Davi Reis");
    let handles = world.ana.get("/api/handles").await.json;
    let mut kinds: Vec<_> = handles["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["MESSENGER", "TELEGRAM"]);
}

async fn long_and_odd_texts_come_in(kind: Kind) {
    let world = World::new(kind).await;
    let (channel, key) = own_channel(&world.ana).await;
    let long = "ä".repeat(64 * 1024);
    for (at, content) in
        ["🙂🙂", "a\u{0}b", long.as_str(), "<script>alert(1)</script>"].iter().enumerate()
    {
        let said = json!({ "id": format!("m{at}"), "from": { "id": "p" }, "content": content });
        assert_eq!(wrote(&world, (&channel, &key), said).await.status, 200);
    }
    let all = world.ana.get("/api/messages?sort=sequence").await.json;
    let said: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["content"].as_str().unwrap())
        .collect();
    assert_eq!(said[..2], ["🙂🙂", "ab"]);
    assert_eq!(said[2].chars().count(), 65_000);
    assert!(all["data"][2]["metadata"]["cutFrom"].is_string());
    for body in [
        json!({}),
        json!({ "content": "x" }),
        json!({ "from": { "id": "p" } }),
        json!({ "messages": [] }),
        json!([]),
    ] {
        let refused = wrote(&world, (&channel, &key), body).await;
        assert!(matches!(refused.status, 400 | 422), "{refused:?}");
    }
    let wrong =
        wrote(&world, (&channel, "no key"), json!({ "from": { "id": "p" }, "content": "x" })).await;
    assert_eq!(wrong.status, 401, "{wrong:?}");
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn deliveries_are_shown_and_tried_again(kind: Kind) {
    let world = World::new(kind).await;
    let id = whatsapp(&world.ana, SECRET).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/channels/{id}/deliveries");
    let send = async |messages: Json| {
        let body = envelope(&json!({ "messages": messages }));
        let taken = told(&world.nobody, "/api/webhooks/whatsapp", SECRET, &body).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        body.to_string()
    };
    send(json!([text("d1", "5511987654321", "One")])).await;
    // One without an id, one without a sender, and one that is well.
    let mut nameless = text("", "5511987654321", "geheim");
    nameless["id"] = Json::Null;
    let nobodys = json!({ "id": "d2", "type": "text", "text": { "body": "geheim" } });
    let all = json!([nameless, text("d3", "5511987654321", "Three"), nobodys]);
    send(all).await;
    let waiting = world.ana.get(&format!("{path}?state=pending")).await.json;
    assert_eq!(waiting["data"].as_array().unwrap().len(), 2, "{waiting}");
    assert_eq!(waiting["data"][0]["progress"], 0);
    world.run_jobs().await;
    let shown = world.ana.get(&path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(!shown.text.contains("geheim"), "{}", shown.text);
    let newest = shown.json["data"][0].clone();
    assert_eq!(
        (&newest["state"], &newest["progress"], &newest["failures"]),
        (&json!("done"), &json!(3), &json!(2)),
        "{newest}"
    );
    assert!(newest["error"].as_str().unwrap().starts_with("2: "), "{newest}");
    assert!(newest["bytes"].as_u64().unwrap() > 100 && newest["receivedAt"].is_string());
    let oldest = shown.json["data"][1].clone();
    assert_eq!((&oldest["failures"], &oldest["error"]), (&json!(0), &Json::Null));
    // Page by page.
    let first = world.ana.get(&format!("{path}?limit=1")).await.json;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = world.ana.get(&format!("{path}?limit=1&cursor={cursor}")).await.json;
    assert_eq!((&second["data"][0], &second["nextCursor"]), (&oldest, &Json::Null));
    for wrong in ["state=lost", "limit=0", "cursor=x", "page=2"] {
        assert_eq!(world.ana.get(&format!("{path}?{wrong}")).await.status, 422, "{wrong}");
    }
    // What still cannot be read fails again, and what came in is not taken twice.
    let retry = |id: &Json| format!("{path}/{}/retry", id.as_str().unwrap());
    let again = world.ana.post(&retry(&newest["id"]), json!({})).await;
    assert_eq!((again.status, &again.json["state"]), (202, &json!("pending")), "{again:?}");
    assert_eq!((&again.json["failures"], &again.json["error"]), (&json!(0), &Json::Null));
    world.run_jobs().await;
    assert_eq!(world.ana.get(&path).await.json["data"][0], newest);
    let messages = world.ana.get("/api/messages?sort=sequence").await.json;
    let contents: Vec<_> =
        messages["data"].as_array().unwrap().iter().map(|one| &one["content"]).collect();
    assert_eq!(contents, [&json!("One"), &json!("Three")]);
    let well = world.ana.post(&retry(&oldest["id"]), json!({})).await;
    assert_eq!((well.status, &well.json["code"]), (409, &json!("nothing_failed")), "{well:?}");
    // Nobody else's.
    assert_eq!(world.bruno.get(&path).await.status, 403);
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(world.stranger.post(&retry(&newest["id"]), json!({})).await.status, 404);
    let (other, _) = own_channel(&world.ana).await;
    let elsewhere =
        format!("/api/channels/{other}/deliveries/{}/retry", newest["id"].as_str().unwrap());
    assert_eq!(world.ana.post(&elsewhere, json!({})).await.status, 404);
}

/// Has all messages of Ana's tenant in a state.
async fn mark(world: &World, status: &str) {
    let me = world.ana.get("/api/auth/me").await.json;
    let ctx = world.app.as_system(me["tenant"]["id"].as_str().unwrap().parse().unwrap());
    let update = Update::table("messages").set("status", status.to_owned());
    ctx.write(async |db| db.update(update).await).await.unwrap();
}

async fn what_has_to_wait_keeps_back_nothing_before_it(kind: Kind) {
    let world = World::new(kind).await;
    let page = json!({ "pageId": "4711", "accessToken": "t", "appSecret": SECRET });
    let page = json!({ "type": "MESSENGER", "name": "Page", "config": page });
    world.ana.make("/api/channels", page).await;
    let post = async |(from, to): (&str, &str), id: &str| {
        let message = json!({ "mid": id, "text": id, "is_echo": from == "4711" });
        let event = json!({ "sender": { "id": from }, "recipient": { "id": to }, "timestamp": 1_763_700_000_000_i64, "message": message });
        let entry = json!([{ "id": "4711", "time": 1, "messaging": [event] }]);
        let body = json!({ "object": "page", "entry": entry });
        assert_eq!(told(&world.nobody, "/api/webhooks/facebook", SECRET, &body).await.status, 200);
    };
    let said = async || {
        let all = world.ana.get("/api/messages?sort=createdAt").await.json;
        let all = all["data"].as_array().unwrap().iter();
        let mut all: Vec<_> = all.map(|one| one["content"].as_str().unwrap().to_owned()).collect();
        all.sort_unstable();
        all
    };
    post(("100", "4711"), "a").await;
    world.run_jobs().await;
    // Something of the conversation is on its way, so that nobody knows yet what an echo is of.
    mark(&world, "sending").await;
    for (between, id) in [
        (("200", "4711"), "b"),
        (("300", "4711"), "c"),
        (("4711", "100"), "d"),
        (("200", "4711"), "e"),
    ] {
        post(between, id).await;
    }
    world.run_jobs().await;
    assert_eq!(said().await, ["a", "b", "c"]);
    mark(&world, "sent").await;
    world.app.clock.advance_seconds(60);
    world.run_jobs().await;
    assert_eq!(said().await, ["a", "b", "c", "d", "e"]);
    let channel = world.ana.get("/api/channels").await.json["data"][0].clone();
    assert!(channel["connectedAt"].is_string(), "{channel}");
}
