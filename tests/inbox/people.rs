//! Who writes: known again by number, address or id, on whichever channel.

use serde_json::json;

use super::{own_channel, wrote};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(
    people_are_known_again,
    handles_go_along_with_a_merge,
    an_erased_person_is_nowhere,
    whoever_wrote_meanwhile_keeps_nobody_from_coming_back,
);

async fn people_are_known_again(kind: Kind) {
    let world = World::new(kind).await;
    let known = world
        .ana
        .make("/api/contacts", json!({ "name": "Carla Dias", "phone": "(11) 8765-4321" }))
        .await;
    let twins = json!({ "name": "Twin", "email": "twins@world.example" });
    world.ana.make("/api/contacts", twins.clone()).await;
    world.ana.make("/api/contacts", twins).await;
    let (channel, key) = own_channel(&world.ana).await;
    let own = (channel.as_str(), key.as_str());
    let said =
        |id: &str, from: serde_json::Value| json!({ "id": id, "from": from, "content": "x" });
    wrote(&world, own, said("1", json!({ "id": "c", "phone": "+5511987654321" }))).await;
    // The address is not known; the id is, by now.
    wrote(&world, own, said("2", json!({ "id": "c", "email": "Carla+shop@Gmail.com" }))).await;
    wrote(&world, own, said("3", json!({ "email": "c.arla@googlemail.com" }))).await;
    wrote(&world, own, said("4", json!({ "email": "twins@world.example", "name": "Third" }))).await;
    let all = world.ana.get("/api/conversations?sort=createdAt").await.json;
    let of: Vec<_> =
        all["data"].as_array().unwrap().iter().map(|one| one["contactId"].clone()).collect();
    assert_eq!(of[0], known["id"]);
    assert_eq!(all["data"][0]["messageCount"], 3, "known by an address that came along: {all}");
    assert!(of[1] != known["id"], "of two with the same address nobody knows which");
    assert_eq!(world.ana.get("/api/contacts?count=exact").await.json["total"], 4);
    let merged = world.ana.get(&format!("/api/contacts/{}", known["id"].as_str().unwrap())).await;
    assert!(merged.json["lastMessageAt"].is_string());
}

async fn handles_go_along_with_a_merge(kind: Kind) {
    let world = World::new(kind).await;
    let (channel, key) = own_channel(&world.ana).await;
    let own = (channel.as_str(), key.as_str());
    for id in ["one", "two"] {
        wrote(&world, own, json!({ "id": id, "from": { "id": id, "name": id }, "content": "x" }))
            .await;
    }
    let contacts = world.ana.get("/api/contacts?sort=createdAt").await.json;
    let (one, two) = (contacts["data"][0]["id"].clone(), contacts["data"][1]["id"].clone());
    let merge = json!({ "primaryId": one, "otherIds": [two] });
    let merge = world.ana.post("/api/contacts/merge", merge).await;
    assert_eq!(merge.status, 200, "{merge:?}");
    wrote(&world, own, json!({ "id": "again", "from": { "id": "two" }, "content": "x" })).await;
    let conversations = world.ana.get("/api/conversations").await.json;
    for conversation in conversations["data"].as_array().unwrap() {
        assert_eq!(conversation["contactId"], one, "{conversation}");
    }
    let timeline = format!("/api/contacts/{}/timeline", one.as_str().unwrap());
    let timeline = world.ana.get(&timeline).await.json;
    let said = timeline["data"].as_array().unwrap().iter().filter(|one| one["kind"] == "message");
    assert_eq!(said.count(), 3, "{timeline}");
}

async fn an_erased_person_is_nowhere(kind: Kind) {
    let world = World::new(kind).await;
    let (channel, key) = own_channel(&world.ana).await;
    let from = json!({ "id": "zoe-id", "name": "Zoe Quintavalle", "email": "zoe@world.example" });
    let said = json!({ "id": "m1", "from": from, "content": "My code is ultramarine." });
    wrote(&world, (&channel, &key), said).await;
    let conversation = world.ana.get("/api/conversations").await.json["data"][0].clone();
    let contact = conversation["contactId"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{}", conversation["id"].as_str().unwrap());
    world
        .ana
        .make(&format!("{path}/messages"), json!({ "content": "Thank you, Zoe Quintavalle." }))
        .await;
    world.run_jobs().await;
    let held = world.ana.get(&format!("/api/contacts/{contact}/personal-data")).await;
    assert!(held.text.contains("ultramarine") && held.text.contains("zoe-id"), "{}", held.text);
    let erase = format!("/api/contacts/{contact}/erase");
    let erased = world.ana.post(&erase, json!({ "confirm": contact })).await;
    assert!(matches!(erased.status, 200 | 202), "{erased:?}");
    world.run_jobs().await;
    world.read_events().await;
    world.run_jobs().await;
    for path in [
        "/api/messages",
        "/api/messages?deleted=true",
        "/api/conversations",
        "/api/conversations?deleted=true",
        "/api/handles",
        "/api/handles?deleted=true",
        "/api/contacts?deleted=true",
        "/api/audit-logs?limit=200",
    ] {
        let shown = world.ana.get(path).await;
        for word in ["ultramarine", "Quintavalle", "zoe"] {
            assert!(!shown.text.contains(word), "{path} holds {word}: {}", shown.text);
        }
    }
}

async fn whoever_wrote_meanwhile_keeps_nobody_from_coming_back(kind: Kind) {
    let world = World::new(kind).await;
    let (channel, key) = own_channel(&world.ana).await;
    let own = (channel.as_str(), key.as_str());
    let writes = async |id: &str| {
        let said = json!({ "id": id, "from": { "id": "carla", "name": "Carla" }, "content": id });
        assert_eq!(wrote(&world, own, said).await.status, 200);
    };
    writes("before").await;
    let first = world.ana.get("/api/contacts").await.json["data"][0].clone();
    let contact = format!("/api/contacts/{}", first["id"].as_str().unwrap());
    let conversation = world.ana.get("/api/conversations").await.json["data"][0].clone();
    let handle = world.ana.get("/api/handles").await.json["data"][0]["id"].clone();
    let handle = format!("/api/handles/{}", handle.as_str().unwrap());
    assert_eq!(world.ana.delete(&contact).await.status, 204);
    writes("meanwhile").await;
    let back = world.ana.post(&format!("{contact}/restore"), json!({})).await;
    assert_eq!(back.status, 200, "{back:?}");
    // What was said before is there again; the thread and the handle are of the conversation that goes on.
    let path = format!("/api/conversations/{}", conversation["id"].as_str().unwrap());
    let old = world.ana.get(&path).await.json;
    assert_eq!((&old["contactId"], &old["threadId"]), (&first["id"], &serde_json::Value::Null));
    let said = world.ana.get(&format!("{path}/messages")).await.json;
    assert_eq!(said["data"][0]["content"], "before", "{said}");
    let handles = world.ana.get("/api/handles").await.json;
    assert_eq!(handles["data"].as_array().unwrap().len(), 1, "{handles}");
    assert_ne!(handles["data"][0]["contactId"], first["id"]);
    writes("afterwards").await;
    let all = world.ana.get("/api/conversations?sort=createdAt").await.json;
    let counts: Vec<_> =
        all["data"].as_array().unwrap().iter().map(|one| &one["messageCount"]).collect();
    assert_eq!(counts, [&json!(1), &json!(2)], "{all}");
    // One of two people again.
    let merge = json!({ "primaryId": handles["data"][0]["contactId"], "otherIds": [first["id"]] });
    let merged = world.ana.post("/api/contacts/merge", merge).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    // By itself a handle is not brought back against another.
    let back = world.ana.post(&format!("{handle}/restore"), json!({})).await;
    assert_eq!((back.status, &back.json["code"]), (409, &json!("taken")), "{back:?}");
    assert!(back.json["detail"].as_str().unwrap().starts_with("Another handle has"), "{back:?}");
}
