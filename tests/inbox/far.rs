//! What goes out: to a far side of its own kind, once, in order, and what becomes of it.

use std::net::SocketAddr;

use kith_simulator::{Kind as Far, Line, Simulator};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    what_is_said_arrives_and_is_read,
    faults_of_the_far_side_are_told,
    trials_ask_the_far_side,
    files_and_templates_arrive
);

const NUMBER: &str = "10995";

/// A world whose channels meet far sides that run here, and the place of those.
pub(crate) async fn with_far_sides(kind: Kind) -> (World, Client, SocketAddr) {
    let (world, door) = (World::new(kind).await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = listener.local_addr().unwrap();
    let base = format!("http://{far}");
    let settings =
        [("channels.meta_graph_base", base.as_str()), ("channels.telegram_api_base", &base)];
    let (world, ana) = world.configured(&settings);
    let router = world.house.router().unwrap();
    let here = door.local_addr().unwrap();
    world.app.tasks.start("door", async move { axum::serve(door, router).await.unwrap() });
    let line = Line {
        kind: Far::WhatsApp,
        id: NUMBER.to_owned(),
        token: "EAAG".to_owned(),
        secret: "hush".to_owned(),
        webhook: format!("http://{here}/api/webhooks/whatsapp"),
        name: "Padaria".to_owned(),
    };
    let tasks = world.app.tasks.clone();
    let simulator = Simulator::new(vec![line]).unwrap();
    world.app.tasks.start("far", async move {
        simulator.serve(listener, async move { tasks.stopping().await }).await.unwrap();
    });
    (world, ana, far)
}

async fn asked(far: SocketAddr, path: &str, body: Option<Json>) -> Json {
    let address = format!("http://{far}{path}");
    tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new("curl");
        command.args(["-sf", &address]);
        if let Some(body) = body {
            command.args(["-H", "content-type: application/json", "-d", &body.to_string()]);
        }
        let output = command.output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Json::Null)
    })
    .await
    .unwrap()
}

async fn channel(ana: &Client) -> String {
    let config = json!({ "phoneNumberId": NUMBER, "accessToken": "EAAG", "appSecret": "hush" });
    let channel = json!({ "type": "WHATSAPP", "name": "WhatsApp", "config": config });
    ana.make("/api/channels", channel).await["id"].as_str().unwrap().to_owned()
}

/// Waits until something holds; jobs run meanwhile, as they would.
async fn until(world: &World, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        world.run_jobs().await;
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{what} did not come about");
}

async fn conversation_with(
    world: &World,
    (ana, far): (&Client, SocketAddr),
    person: &str,
) -> String {
    let say = json!({ "from": person, "name": "Carla", "text": "Hello" });
    asked(far, "/simulator/lines/0/messages", Some(say)).await;
    let mut id = None;
    until(world, "a conversation", async || {
        let all = ana.get("/api/conversations?limit=200").await.json;
        let of = all["data"].as_array().unwrap().iter().find(|one| one["threadId"] == person);
        id = of.map(|one| one["id"].as_str().unwrap().to_owned());
        id.is_some()
    })
    .await;
    id.unwrap()
}

async fn what_is_said_arrives_and_is_read(kind: Kind) {
    let (world, ana, far) = with_far_sides(kind).await;
    channel(&ana).await;
    let person = "5511987654321";
    let id = conversation_with(&world, (&ana, far), person).await;
    let path = format!("/api/conversations/{id}/messages");
    for text in ["One", "Two", "Three"] {
        ana.make(&path, json!({ "content": text })).await;
    }
    until(&world, "reading", async || {
        let all = ana.get(&format!("{path}?sort=sequence")).await.json;
        let data = all["data"].as_array().unwrap();
        data[1..].iter().all(|one| one["status"] == "read" && one["readAt"].is_string())
    })
    .await;
    let heard = asked(far, &format!("/simulator/lines/0/messages?from={person}"), None).await;
    let texts: Vec<_> =
        heard["data"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Hello", "One", "Two", "Three"]);
    world.app.tasks.stop(std::time::Duration::from_secs(2)).await;
}

async fn faults_of_the_far_side_are_told(kind: Kind) {
    let (world, ana, far) = with_far_sides(kind).await;
    channel(&ana).await;
    for (person, ends, tries) in [
        ("5511987650001", "failed", 1),
        ("5511987650002", "read", 1),
        ("5511987650003", "failed", 1),
        ("5511987650005", "read", 1),
        ("5511987650006", "read", 1),
        ("5511987650007", "inDoubt", 0),
    ] {
        let id = conversation_with(&world, (&ana, far), person).await;
        let path = format!("/api/conversations/{id}/messages");
        ana.make(&path, json!({ "content": "Are you there?" })).await;
        let mut last = Json::Null;
        until(&world, person, async || {
            // Pauses between tries pass.
            world.app.clock.advance_seconds(2);
            last = ana.get(&format!("{path}?sort=-sequence")).await.json["data"][0].clone();
            last["status"] == ends || (ends == "inDoubt" && last["status"] == "read")
        })
        .await;
        if ends == "failed" {
            assert!(last["error"].as_str().unwrap().contains("131"), "{last}");
        }
        let heard = asked(far, &format!("/simulator/lines/0/messages?from={person}"), None).await;
        let by_house = heard["data"].as_array().unwrap().iter().filter(|one| one["by"] == "house");
        let once = by_house.count();
        assert!(once <= 1 && (ends == "failed" || once == 1), "{person}: {heard} {tries}");
    }
    world.app.tasks.stop(std::time::Duration::from_secs(2)).await;
}

async fn trials_ask_the_far_side(kind: Kind) {
    let (world, ana, _) = with_far_sides(kind).await;
    let id = channel(&ana).await;
    let trial = ana.post(&format!("/api/channels/{id}/test"), json!({})).await;
    assert_eq!((trial.status, &trial.json["success"]), (200, &json!(true)), "{trial:?}");
    assert_eq!(trial.json["details"]["verified_name"], "Padaria");
    assert_eq!(ana.get(&format!("/api/channels/{id}")).await.json["status"], "ACTIVE");
    let wrong = json!({ "config": { "accessToken": "EAAX" } });
    ana.patch(&format!("/api/channels/{id}"), wrong).await;
    let trial = ana.post(&format!("/api/channels/{id}/test"), json!({})).await;
    assert_eq!(trial.json["success"], false, "{trial:?}");
    let shown = ana.get(&format!("/api/channels/{id}")).await.json;
    assert_eq!(shown["status"], "ERROR");
    assert!(shown["statusReason"].as_str().unwrap().contains("190"), "{shown}");
    world.app.tasks.stop(std::time::Duration::from_secs(2)).await;
}

async fn files_and_templates_arrive(kind: Kind) {
    let (world, ana, far) = with_far_sides(kind).await;
    channel(&ana).await;
    let person = "5511987654321";
    let id = conversation_with(&world, (&ana, far), person).await;
    let path = format!("/api/conversations/{id}/messages");
    let file = ana.attach(&[("name", "offer.txt")], ("offer.txt", b"Two lamps, 90 euros.")).await;
    let offer = json!({ "content": "Our offer", "type": "FILE", "attachmentId": file.json["id"] });
    ana.make(&path, offer).await;
    let template = json!({
        "name": "Sent", "content": "Order {{order}} left us.", "approvedName": "order_sent", "language": "en_US",
    });
    let template = ana.make("/api/messages/templates", template).await;
    ana.make(&path, json!({ "templateId": template["id"], "variables": { "order": 42 } })).await;
    until(&world, "sending", async || {
        let all = ana.get(&format!("{path}?sort=sequence")).await.json;
        all["data"].as_array().unwrap()[1..].iter().all(|one| one["status"] == "read")
    })
    .await;
    let heard = asked(far, &format!("/simulator/lines/0/messages?from={person}"), None).await;
    let texts: Vec<_> =
        heard["data"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Hello", "[document] Our offer", "[template order_sent] 42"]);
    files_come_in(&world, (&ana, far), (person, &path)).await;
    world.app.tasks.stop(std::time::Duration::from_secs(2)).await;
}

/// What was handed over to the far side comes back as a file of the customer.
async fn files_come_in(
    world: &World,
    (ana, far): (&Client, SocketAddr),
    (person, path): (&str, &str),
) {
    let mut media = None;
    for id in 9_000_000_001_u64..9_000_000_040 {
        let found = asked(far, &format!("/v23.0/{id}"), None).await;
        if found["url"].is_string() {
            media = Some(id.to_string());
            break;
        }
    }
    let document = json!({ "id": media.unwrap(), "filename": "offer.txt" });
    let said = json!({ "from": person, "message": { "type": "document", "document": document } });
    asked(far, "/simulator/lines/0/messages", Some(said)).await;
    let mut last = Json::Null;
    until(world, "a file", async || {
        last = ana.get(&format!("{path}?sort=-sequence")).await.json["data"][0].clone();
        last["metadata"]["media"]["state"] == "kept"
    })
    .await;
    let kept = format!("/api/attachments/{}/content", last["attachmentId"].as_str().unwrap());
    assert_eq!(ana.get(&kept).await.bytes, b"Two lamps, 90 euros.");
}
