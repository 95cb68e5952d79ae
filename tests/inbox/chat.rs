//! Web chat: visitors of other people's pages talk with the house, and hear nobody else.

use http_body_util::BodyExt;
use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_visitor_talks_and_is_answered,
    a_visitor_hears_what_is_said_as_it_is_said,
    nobody_hears_the_conversation_of_another,
    pages_of_others_are_kept_out,
    what_a_visitor_says_is_bounded,
    the_script_and_its_page_are_served,
);

async fn channel(world: &World, config: Json) -> String {
    let body = json!({ "type": "WEBSITE", "name": "Chat", "config": config });
    world.ana.make("/api/channels", body).await["id"].as_str().unwrap().to_owned()
}

/// A new visitor of a channel.
async fn visitor(world: &World, channel: &str) -> Client {
    let made = world.nobody.post(&format!("/api/chat/{channel}/visitors"), json!({})).await;
    assert_eq!(made.status, 201, "{made:?}");
    world.nobody.with(made.json["token"].as_str().unwrap())
}

async fn says(world: &World, (who, channel): (&Client, &str), body: Json) -> Answer {
    let said = who.post(&format!("/api/chat/{channel}/messages"), body).await;
    world.run_jobs().await;
    said
}

async fn conversation(world: &World) -> Json {
    world.ana.get("/api/conversations?sort=-createdAt").await.json["data"][0].clone()
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_visitor_talks_and_is_answered(kind: Kind) {
    let world = World::new(kind).await;
    let config = json!({ "title": "Lamps", "greeting": "Good day!", "color": "#335577" });
    let channel = channel(&world, config.clone()).await;
    let look = world.nobody.get(&format!("/api/chat/{channel}")).await;
    assert_eq!(look.json, config, "{look:?}");
    let carla = visitor(&world, &channel).await;
    let path = format!("/api/chat/{channel}/messages");
    let nothing = carla.get(&path).await.json;
    assert_eq!(nothing, json!({ "messages": [], "status": null, "speaker": null }));
    let body = json!({ "content": "Which bulbs fit?", "clientId": "one", "name": "Carla", "page": "https://shop.example/lamps" });
    for duplicate in [false, true] {
        let said = says(&world, (&carla, &channel), body.clone()).await;
        let expected = json!({ "received": true, "duplicate": duplicate });
        assert_eq!((said.status, said.json), (202, expected));
    }
    let begun = conversation(&world).await;
    assert_eq!((&begun["customerName"], &begun["messageCount"]), (&json!("Carla"), &json!(1)));
    let contact = format!("/api/contacts/{}", begun["contactId"].as_str().unwrap());
    assert_eq!(world.ana.get(&contact).await.json["source"], "Website");
    let house = format!("/api/conversations/{}/messages", begun["id"].as_str().unwrap());
    let note = json!({ "content": "She is from Recife.", "isNote": true });
    world.ana.make(&house, note).await;
    world.ana.make(&house, json!({ "content": "E14." })).await;
    world.run_jobs().await;
    let heard = carla.get(&path).await.json;
    let said: Vec<_> = heard["messages"].as_array().unwrap().iter().collect();
    let shown =
        |one: &Json| json!([one["sequence"], one["sender"], one["content"], one["clientId"]]);
    assert_eq!(shown(said[0]), json!([1, "CUSTOMER", "Which bulbs fit?", "one"]));
    assert_eq!(shown(said[1]), json!([3, "HUMAN", "E14.", null]));
    assert_eq!(
        (said.len(), &heard["status"], &heard["speaker"]),
        (2, &json!("ACTIVE"), &json!("HUMAN"))
    );
    let later = carla.get(&format!("{path}?after=1")).await.json;
    assert_eq!(later["messages"].as_array().unwrap().len(), 1);
    // What the visitor has read, the house knows.
    let read = carla.post(&format!("/api/chat/{channel}/read"), json!({})).await;
    assert_eq!(read.status, 204, "{read:?}");
    let all = world.ana.get(&house).await.json;
    let answer =
        all["data"].as_array().unwrap().iter().find(|one| one["content"] == "E14.").unwrap();
    assert_eq!(answer["status"], "read", "{answer}");
}

async fn a_visitor_hears_what_is_said_as_it_is_said(kind: Kind) {
    let world = World::new(kind).await;
    let channel = channel(&world, json!({})).await;
    world.house.inbox.start(&world.app);
    let carla = visitor(&world, &channel).await;
    let mut stream = carla.open(&format!("/api/chat/{channel}/stream")).await;
    says(&world, (&carla, &channel), json!({ "content": "Hello?" })).await;
    let mut heard = String::new();
    let until = async |stream: &mut axum::body::Body, heard: &mut String, what: &str| {
        while !heard.contains(what) {
            kith_platform::events::seal_all(&world.app).await.unwrap();
            world.app.wake.sealed();
            let frame = stream.frame().await.unwrap().unwrap();
            heard.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    };
    until(&mut stream, &mut heard, "Hello?").await;
    let id = conversation(&world).await["id"].as_str().unwrap().to_owned();
    world
        .ana
        .make(&format!("/api/conversations/{id}/messages"), json!({ "content": "Yes?" }))
        .await;
    until(&mut stream, &mut heard, "Yes?").await;
    assert_eq!(heard.matches("event: message\n").count(), 2, "{heard}");
    assert!(
        heard.contains("event: state\ndata: {\"status\":\"ACTIVE\",\"speaker\":null}"),
        "{heard}"
    );
    assert!(heard.contains("\"speaker\":\"HUMAN\""), "{heard}");
}

async fn nobody_hears_the_conversation_of_another(kind: Kind) {
    let world = World::new(kind).await;
    let (first, second) = (channel(&world, json!({})).await, channel(&world, json!({})).await);
    let owner = json!({ "name": "Rui Alves", "email": "rui@acme.example" });
    let rui = world.ana.make("/api/contacts", owner).await;
    let (carla, dario) = (visitor(&world, &first).await, visitor(&world, &first).await);
    // Whoever types somebody's address is not them.
    let body = json!({ "content": "What did I buy?", "email": "rui@acme.example" });
    says(&world, (&carla, &first), body).await;
    let begun = conversation(&world).await;
    assert_ne!(begun["contactId"], rui["id"]);
    let house = format!("/api/conversations/{}/messages", begun["id"].as_str().unwrap());
    let said = world.ana.get(&house).await.json["data"][0].clone();
    assert_eq!(said["metadata"]["visitor"]["email"], "rui@acme.example", "{said}");
    let path = format!("/api/chat/{first}/messages");
    assert_eq!(dario.get(&path).await.json["messages"], json!([]));
    // A token is good for its channel, and as it was given.
    let elsewhere = carla.get(&format!("/api/chat/{second}/messages")).await;
    assert_eq!((elsewhere.status, &elsewhere.json["code"]), (401, &json!("unauthenticated")));
    let made = world.nobody.post(&format!("/api/chat/{first}/visitors"), json!({})).await;
    let token = made.json["token"].as_str().unwrap();
    let (id, signature) = token.split_once('.').unwrap();
    for forged in [
        format!(
            "{}.{signature}",
            world.ana.get("/api/auth/me").await.json["memberId"].as_str().unwrap()
        ),
        format!("{id}.{}", "0".repeat(signature.len())),
        id.to_owned(),
        "x.y".to_owned(),
    ] {
        let refused = world.nobody.with(&forged).get(&path).await;
        assert_eq!(refused.status, 401, "{forged}: {refused:?}");
    }
    assert_eq!(world.nobody.get(&path).await.status, 401);
    // What is switched off, or of another kind, is no chat.
    let off =
        world.ana.patch(&format!("/api/channels/{first}"), json!({ "isActive": false })).await;
    assert_eq!(off.status, 200, "{off:?}");
    assert_eq!(carla.get(&path).await.status, 404);
    let (api, _) = super::own_channel(&world.ana).await;
    assert_eq!(world.nobody.get(&format!("/api/chat/{api}")).await.status, 404);
}

async fn pages_of_others_are_kept_out(kind: Kind) {
    let world = World::new(kind).await;
    let channel = channel(&world, json!({ "allowedDomains": ["shop.example"] })).await;
    let path = format!("/api/chat/{channel}");
    for (origin, status) in [
        ("https://shop.example", 200),
        ("https://www.shop.example", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        let asked = world.nobody.send("GET", &path, &[("origin", origin)], vec![]).await;
        assert_eq!(asked.status, status, "{origin}: {asked:?}");
        // Whatever is answered can be read, so that it can be told what is wrong.
        assert_eq!(asked.headers["access-control-allow-origin"], origin);
        assert!(!asked.headers.contains_key("access-control-allow-credentials"));
    }
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let path = format!("{path}/messages");
    let allowed = world.nobody.send("OPTIONS", &path, &preflight, vec![]).await;
    assert_eq!(allowed.status, 200, "{allowed:?}");
    assert!(
        allowed.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization")
    );
    // It is the chat alone that may be asked from everywhere.
    let other = world.ana.send("GET", "/api/contacts", &preflight[..1], vec![]).await;
    assert!(!other.headers.contains_key("access-control-allow-origin"), "{other:?}");
}

async fn what_a_visitor_says_is_bounded(kind: Kind) {
    let world = World::new(kind).await;
    let channel = channel(&world, json!({})).await;
    let carla = visitor(&world, &channel).await;
    for (body, at) in [
        (json!({}), "content"),
        (json!({ "content": " " }), "content"),
        (json!({ "content": "x".repeat(8_001) }), "content"),
        (json!({ "content": "x", "clientId": "y".repeat(301) }), "clientId"),
        (json!({ "content": "x", "name": "a\nb" }), "name"),
        (json!({ "content": "x", "thread": "y" }), "thread"),
    ] {
        let refused = carla.post(&format!("/api/chat/{channel}/messages"), body.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert!(refused.text.contains(at), "{at}: {}", refused.text);
    }
    let place = carla.get(&format!("/api/chat/{channel}/messages?after=-1")).await;
    assert_eq!(place.status, 422, "{place:?}");
    let said = says(&world, (&carla, &channel), json!({ "content": "💡".repeat(8_000) })).await;
    assert_eq!(said.status, 202, "{said:?}");
    assert_eq!(conversation(&world).await["messageCount"], 1);
}

async fn the_script_and_its_page_are_served(kind: Kind) {
    let world = World::new(kind).await;
    let channel = channel(&world, json!({})).await;
    let told = world.ana.get(&format!("/api/channels/{channel}/webhook")).await.json;
    let line = told["widget"].as_str().unwrap();
    assert!(line.contains("/chat/widget.js") && line.contains(&channel), "{line}");
    let script = world.nobody.get("/chat/widget.js").await;
    assert_eq!(script.status, 200);
    assert!(script.headers["content-type"].to_str().unwrap().starts_with("text/javascript"));
    assert!(script.text.len() < 10_000, "a script of a few kB");
    let page = world.nobody.get(&format!("/demo/chat?channel={channel}")).await;
    assert!(page.text.contains("/chat/widget.js"), "{page:?}");
}
