//! Documents and agents by sockets: what becomes of them is told to those who may read them.

use serde_json::{Value as Json, json};

use super::Stage;
use crate::database::{Kind, on_both};

on_both!(documents_are_followed_until_they_are_read, agents_are_followed_through_training);

async fn documents_are_followed_until_they_are_read(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, stranger) = (stage.ana.clone(), stage.stranger.clone());
    stage.listen("ana", &ana);
    stage.listen("stranger", &stranger);
    let manual = json!({ "question": "When do you open?", "answer": "At seven." });
    let made = stage.make("/api/knowledge/manual", &manual);
    let id = made["id"].clone();
    let told = stage.client.hear("ana", "document_uploaded", 1)[0].clone();
    for (key, value) in
        [("name", "When do you open?"), ("type", "MANUAL"), ("status", "PROCESSING")]
    {
        assert_eq!(told[key], value, "{key}: {told}");
    }
    assert_eq!(told["documentId"], id);
    let read = stage.client.hear("ana", "document_processed", 1)[0].clone();
    for (key, value) in [
        ("documentId", id.clone()),
        ("status", json!("COMPLETED")),
        ("embedding", json!("COMPLETED")),
        ("chunkCount", json!(1)),
    ] {
        assert_eq!(read[key], value, "{key}: {read}");
    }
    assert!(read["offset"].is_string() || read["offset"].is_number(), "{read}");
    let updated = stage.client.hear("ana", "document_status_updated", 1)[0].clone();
    assert_eq!((&updated["documentId"], &updated["offset"]), (&id, &read["offset"]), "{updated}");
    // A mark of the order of bytes is all that there is.
    let nothing = json!({ "transcript": "\u{feff}" });
    let nothing = stage.make("/api/documents/voice", &nothing);
    let failed = stage.client.hear("ana", "document_error", 1)[0].clone();
    assert_eq!((&failed["documentId"], &failed["status"]), (&nothing["id"], &json!("ERROR")));
    assert_eq!(failed["error"], "It holds no text.", "{failed}");
    let path = format!("DELETE /api/documents/{}", id.as_str().unwrap());
    assert_eq!(stage.server.ask(&path, "", None).unwrap().status, 204);
    assert_eq!(stage.client.hear("ana", "document_deleted", 1)[0]["documentId"], id);
    let heard = stage.client.ask(&json!({ "do": "all", "name": "stranger" }))["all"].to_string();
    assert!(!heard.contains("document"), "{heard}");
    stage.server.stop();
}

async fn agents_are_followed_through_training(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let ana = stage.ana.clone();
    stage.listen("ana", &ana);
    stage.make("/api/knowledge/manual", &json!({ "question": "When?", "answer": "At seven." }));
    let agent = stage.make("/api/agents", &json!({ "name": "Paula" }));
    let path = format!("POST /api/agents/{}/train", agent["id"].as_str().unwrap());
    assert_eq!(stage.server.ask(&path, "", Some(&json!({}))).unwrap().status, 200);
    let told = stage.client.hear("ana", "agent_status_changed", 2);
    let of = |one: &Json| (one["agentId"].clone(), one["status"].clone());
    assert_eq!(of(&told[0]), (agent["id"].clone(), json!("TRAINING")), "{told:?}");
    assert_eq!(of(&told[1]), (agent["id"].clone(), json!("ACTIVE")), "{told:?}");
    assert_eq!(
        (&told[1]["isActive"], &told[1]["training"]["documents"]),
        (&json!(true), &json!(1))
    );
    stage.server.stop();
}
