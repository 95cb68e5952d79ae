//! ChromaDB, the real one: what is stored there is found there, and what is deleted is not.
//!
//! These run where the program `chroma` is found (`pip install chromadb`); elsewhere they say so.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use serde_json::{Value as Json, json};

use super::{ask, place, read, titles};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(vectors_stand_in_chroma_and_go, without_chroma_words_are_left);

/// A server that ends with the test.
struct Chroma {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Chroma {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn chroma() -> Option<Chroma> {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let started = Command::new("chroma")
        .args(["run", "--host", "127.0.0.1", "--port", &port.to_string(), "--path"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(process) = started else {
        println!("not tried: there is no program `chroma` here (pip install chromadb)");
        return None;
    };
    let chroma = Chroma { process, url: format!("http://127.0.0.1:{port}"), _folder: folder };
    for _ in 0..600 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(chroma);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("ChromaDB does not start");
}

async fn semantic(world: &World, question: &str) -> Json {
    let body = json!({ "query": question, "mode": "semantic" });
    let answer = world.ana.post("/api/documents/search", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

async fn vectors_stand_in_chroma_and_go(kind: Kind) {
    let Some(chroma) = chroma().await else { return };
    let world = World::with(kind, &[("store.chromadb_url", &chroma.url)]).await;
    let one = read(&world, ("lamps.txt", b"Our lamps are made of brass.")).await;
    let two = read(&world, ("bread.txt", b"Our bread is made of rye.")).await;
    assert_eq!(
        (&one["status"], &two["status"]),
        (&json!("COMPLETED"), &json!("COMPLETED")),
        "{one}"
    );
    let found = semantic(&world, "What are lamps made of?").await;
    assert_eq!(titles(&found), ["lamps.txt", "bread.txt"]);
    assert!(found["data"][0]["semantic"].as_f64().unwrap() > 0.2, "{found}");
    // What is switched off takes no part in the search there.
    world.ana.patch(&place(&one, ""), json!({ "enabled": false })).await;
    assert_eq!(titles(&semantic(&world, "What are lamps made of?").await), ["bread.txt"]);
    world.ana.patch(&place(&one, ""), json!({ "enabled": true })).await;
    assert_eq!(world.ana.post(&place(&one, "/process"), json!({})).await.status, 200);
    world.run_jobs().await;
    assert_eq!(titles(&semantic(&world, "lamps").await)[0], "lamps.txt");
    world.ana.delete(&place(&one, "")).await;
    world.run_jobs().await;
    assert_eq!(titles(&semantic(&world, "What is made of brass?").await), ["bread.txt"]);
    assert!(world.stranger.post("/api/documents/search", json!({ "query": "bread" })).await.json["data"]
        .as_array()
        .unwrap()
        .is_empty());
}

async fn without_chroma_words_are_left(kind: Kind) {
    let Some(chroma) = chroma().await else { return };
    let world = World::with(kind, &[("store.chromadb_url", &chroma.url)]).await;
    read(&world, ("lamps.txt", b"Our lamps are made of brass.")).await;
    drop(chroma);
    let found = ask(&world.ana, "lamps").await;
    assert_eq!((titles(&found), &found["mode"]), (vec!["lamps.txt"], &json!("keyword")));
    assert!(found["fallback"].as_str().unwrap().contains("ChromaDB"), "{found}");
    let body = json!({ "query": "lamps", "mode": "semantic" });
    assert_eq!(world.ana.post("/api/documents/search", body).await.status, 503);
}
