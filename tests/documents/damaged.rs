//! Files that are damaged, locked, or made to do harm: each says why it cannot be read, and nobody else notices.

use std::time::Instant;

use serde_json::json;

use super::{
    kinds::{docx, pdf, written, zip},
    read,
};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(what_cannot_be_read_says_why, what_is_too_much_is_cut_and_says_so, a_bomb_harms_itself);

async fn what_cannot_be_read_says_why(kind: Kind) {
    let world = World::new(kind).await;
    let whole = written(pdf(&["Some words".to_owned()]));
    let entities: String = std::iter::once("<!ENTITY a0 \"lol\">".to_owned())
        .chain((1..10).map(|at| {
            let before = format!("&a{};", at - 1).repeat(10);
            format!("<!ENTITY a{at} \"{before}\">")
        }))
        .collect();
    let laughs = format!(
        "<!DOCTYPE x [{entities}]><w:document xmlns:w=\"w\"><w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:document>"
    );
    let files: [(&str, Vec<u8>, &str); 12] = [
        ("empty.pdf", written(pdf(&[String::new()])), "no text"),
        ("none.pdf", b"Hello, I am a text.".to_vec(), "no PDF"),
        ("half.pdf", whole[..whole.len() / 3].to_vec(), "damaged"),
        ("locked.pdf", locked(), "password"),
        ("none.docx", b"PK\x03\x04 and nothing".to_vec(), "no DOCX"),
        ("other.docx", zip("readme.txt", b"hi"), "no DOCX"),
        ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "password"),
        ("laughs.docx", zip("word/document.xml", laughs.as_bytes()), "entities"),
        ("blank.docx", docx("<w:p/>"), "no text"),
        ("binary.txt", b"\x7fELF\x02\x01\0\0\0\0\x90\x90".to_vec(), "binary"),
        ("broken.json", b"{\"a\": ".to_vec(), "no JSON"),
        ("deep.json", "[".repeat(100_000).into_bytes(), "no JSON"),
    ];
    for (name, bytes, why) in files {
        let document = read(&world, (name, &bytes)).await;
        let error = document["error"].as_str().unwrap_or_default();
        assert!(document["status"] == "ERROR" && error.contains(why), "{name}: {document}");
    }
    let found = world.ana.post("/api/documents/search", json!({ "query": "words" })).await;
    assert_eq!(found.json["data"], json!([]));
}

/// A PDF that asks for a password.
fn locked() -> Vec<u8> {
    let mut document = pdf(&["Secret words".to_owned()]);
    let id = lopdf::Object::string_literal(b"0123456789abcdef".to_vec());
    document.trailer.set("ID", vec![id.clone(), id]);
    let version = lopdf::EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: lopdf::Permissions::all(),
    };
    let state = lopdf::EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    written(document)
}

async fn what_is_too_much_is_cut_and_says_so(kind: Kind) {
    let world =
        World::with(kind, &[("documents.pages", "50"), ("documents.characters", "2000")]).await;
    let pages: Vec<String> = (0..300).map(|page| format!("Page {page}")).collect();
    let document = read(&world, ("long.pdf", &written(pdf(&pages)))).await;
    assert_eq!((&document["status"], &document["pageCount"]), (&json!("COMPLETED"), &json!(300)));
    assert_eq!(document["notice"], "Only the first 50 of 300 pages were read.");
    let text = "words and words ".repeat(1_000);
    let document = read(&world, ("long.txt", text.as_bytes())).await;
    assert_eq!(document["characters"], 2_000, "{document}");
    assert_eq!(document["notice"], "Only its first 2000 characters were read.");
}

async fn a_bomb_harms_itself(kind: Kind) {
    let limits = [("documents.reader_bytes", "402653184"), ("documents.reader_seconds", "5")];
    let world = World::with(kind, &limits).await;
    // 400 MB of blanks within a text, in 400 kB.
    let blanks = " ".repeat(1 << 20).repeat(400);
    let bomb = docx(&format!("<w:p><w:r><w:t>{blanks}</w:t></w:r></w:p>"));
    assert!(bomb.len() < 1 << 20);
    let made = world.ana.upload("/api/documents", &[], &[("file", "bomb.docx", &bomb)]).await;
    assert_eq!(made.status, 201);
    let harmless = async {
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(world.ana.get("/api/contacts").await.status, 200);
        }
        began.elapsed()
    };
    let ((), took) = futures_util::future::join(world.run_jobs(), harmless).await;
    assert!(took.as_secs() < 10, "{took:?}");
    let path = super::place(&made.json, "");
    let document = world.ana.get(&path).await.json;
    let error = document["error"].as_str().unwrap_or_default();
    assert!(document["status"] == "ERROR" && error.contains("MB of text"), "{document}");
}
