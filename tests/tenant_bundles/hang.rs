//! Whoever asks for a bundle and reads nothing: nobody else waits for it, and it is hung up on.

use std::{
    fs,
    io::Read,
    net::{SocketAddr, TcpStream},
};

use serde_json::json;

use crate::{
    database::{Kind, on_both},
    house::until,
    kill::Story,
};

on_both!(who_reads_nothing_loses_the_bundle);

/// More than all buffers on the way hold, and nothing that could be compressed.
fn incompressible(size: u64) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..size).map(next).collect()
}

/// Whether the other side has not hung up, by the word of the machine: who reads nothing does not notice.
fn is_held(stream: &TcpStream) -> bool {
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let ends = [stream.peer_addr().unwrap(), stream.local_addr().unwrap()].map(port);
    let all = fs::read_to_string("/proc/net/tcp").unwrap();
    all.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Local and remote address, and 01 for what is established.
        words[1].ends_with(&ends[0]) && words[2].ends_with(&ends[1]) && words[3] == "01"
    })
}

async fn who_reads_nothing_loses_the_bundle(kind: Kind) {
    let story = Story::begin(kind).await;
    let mut server = story.installation.serve_with(&[("BUNDLES_PATIENCE", "3")]);
    server.token = Some(story.token.clone());
    for _ in 0..2 {
        let stored = server.upload("/api/attachments", incompressible(9 << 20)).unwrap();
        assert_eq!(stored.status, 201, "{stored:?}");
    }
    let mut hung = server.open("GET /api/database/export");
    let mut status = [0; 12];
    hung.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    assert!(is_held(&hung));
    let refused = server.ask("GET /api/database/export", "", None).unwrap();
    assert_eq!((refused.status, &refused.json["code"]), (429, &json!("bundle_running")));
    // Another tenant does not wait for it.
    let ours = server.token.take();
    let other = json!({ "email": "bo@other.example", "password": "a long password" });
    let other = server.ask("POST /api/auth/register", "", Some(&other)).unwrap();
    server.token = Some(other.json["token"].as_str().unwrap().to_owned());
    let bundle = server.ask("GET /api/database/export", "", None).unwrap();
    assert_eq!(bundle.status, 200);
    server.token = ours;
    until("it is hung up on", async || !is_held(&hung)).await;
    let bundle = server.ask("GET /api/database/export", "", None).unwrap();
    assert_eq!(bundle.status, 200);
    let mut got = Vec::new();
    hung.read_to_end(&mut got).ok();
    assert!(got.len() < 12 << 20, "{} bytes came", got.len());
    assert!(!got.ends_with(b"0\r\n\r\n"), "it reads as if it were whole");
    server.stop();
}
