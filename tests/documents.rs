//! Documents: what is uploaded, written down or scraped is found, by those who may, until it is switched off or deleted.

mod chroma;
mod damaged;
mod kinds;
mod pages;
mod sound;
mod vectors;

use serde_json::{Value as Json, json};

use crate::{
    attachments::files,
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    an_answer_that_was_written_down_is_found,
    an_upload_is_read_and_found,
    what_is_asked_twice_by_one_key_is_done_once,
    what_is_switched_off_or_deleted_is_not_found,
    a_document_is_read_anew_in_other_pieces,
    files_come_together_or_not_at_all,
    searches_say_what_they_want,
    strangers_find_nothing,
    another_node_finds_what_this_one_read,
    a_text_that_names_an_erased_person_is_masked,
    a_transcript_is_a_document,
);

pub(crate) fn place(document: &Json, rest: &str) -> String {
    format!("/api/documents/{}{rest}", document["id"].as_str().unwrap())
}

/// A file, read; and what became of it.
pub(crate) async fn read(world: &World, file: (&str, &[u8])) -> Json {
    let made = world.ana.upload("/api/documents", &[], &[("file", file.0, file.1)]).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["status"], "PROCESSING");
    world.run_jobs().await;
    world.ana.get(&place(&made.json, "")).await.json
}

pub(crate) async fn ask(client: &Client, question: &str) -> Json {
    found(client, json!({ "query": question })).await
}

async fn found(client: &Client, body: Json) -> Json {
    let answer = client.post("/api/documents/search", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

pub(crate) fn titles(found: &Json) -> Vec<&str> {
    found["data"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect()
}

async fn manual(client: &Client, question: &str, answer: &str) -> Json {
    client.make("/api/knowledge/manual", json!({ "question": question, "answer": answer })).await
}

async fn an_answer_that_was_written_down_is_found(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let warranty = "Every lamp has a warranty of two years.";
    let made = manual(ana, "How long is the warranty?", warranty).await;
    assert_eq!((&made["type"], &made["status"]), (&json!("MANUAL"), &json!("PROCESSING")));
    manual(ana, "Where is the office?", "In Lisbon, beside the river.").await;
    assert_eq!(titles(&ask(ana, "warranty").await), Vec::<&str>::new());
    world.run_jobs().await;
    let read = ana.get(&place(&made, "")).await.json;
    assert_eq!((&read["status"], &read["chunkCount"]), (&json!("COMPLETED"), &json!(1)), "{read}");
    let content = ana.get(&place(&made, "/content")).await.json;
    assert_eq!(content["content"], format!("Q: How long is the warranty?\n\nA: {warranty}"));
    let found = ask(ana, "Is there a warranty on lamps?").await;
    assert_eq!(titles(&found)[0], "How long is the warranty?");
    assert_eq!((&found["mode"], &found["answered"]), (&json!("hybrid"), &json!(true)), "{found}");
    let first = &found["data"][0];
    assert!(first["score"].as_f64().unwrap() <= 1.0 && first["evidence"].as_f64().unwrap() > 0.5);
    // A changed answer is another text.
    let changed = json!({ "answer": "Five years on the dimmer." });
    let changed = ana.patch(&place(&made, ""), changed).await;
    assert_eq!((changed.status, &changed.json["status"]), (200, &json!("PROCESSING")));
    world.run_jobs().await;
    let found = ask(ana, "dimmer").await;
    assert!(found["data"][0]["excerpt"].as_str().unwrap().contains("dimmer"), "{found}");
    for (body, pointer) in [
        (json!({ "question": "x" }), "/answer"),
        (json!({ "question": " ", "answer": "y" }), "/question"),
        (json!({ "question": "x", "answer": "y", "category": "NONE" }), "/category"),
    ] {
        let refused = ana.post("/api/documents/manual", body).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["pointer"]), (422, &json!(pointer)));
    }
    let events = ana.get(&place(&made, "/history")).await.json;
    let events = events["data"].as_array().unwrap();
    assert!(events.len() >= 4, "{events:?}");
}

async fn what_is_asked_twice_by_one_key_is_done_once(kind: Kind) {
    let world = World::new(kind).await;
    let key = [("idempotency-key", "one"), ("content-type", "application/json")];
    let body = json!({ "question": "Again?", "answer": "Once." }).to_string().into_bytes();
    let path = "/api/documents/manual";
    let once = world.ana.send("POST", path, &key, body.clone()).await;
    let again = world.ana.send("POST", path, &key, body).await;
    assert_eq!((once.status, &once.json["id"]), (201, &again.json["id"]), "{again:?}");
    assert_eq!(world.ana.get("/api/documents").await.json["data"].as_array().unwrap().len(), 1);
}

async fn an_upload_is_read_and_found(kind: Kind) {
    let world = World::new(kind).await;
    let text = "# Delivery\n\nWe deliver to Porto within three days.\n\n# Returns\n\nSend it back within a month.\n";
    let document = read(&world, ("terms.md", text.as_bytes())).await;
    for (key, value) in [
        ("status", json!("COMPLETED")),
        ("type", json!("MD")),
        ("name", json!("terms.md")),
        ("originalName", json!("terms.md")),
        ("model", json!("local/hashed-n-grams-1")),
        ("enabled", json!(true)),
        ("error", Json::Null),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    let found = ask(&world.vera, "How soon do you deliver to Porto?").await;
    assert!(found["data"][0]["excerpt"].as_str().unwrap().contains("three days"), "{found}");
    let chunks = world.ana.get(&place(&document, "/chunks?limit=1")).await.json;
    assert_eq!(chunks["data"][0]["position"], 0);
    let download = world.ana.get(&place(&document, "/download")).await;
    assert_eq!((download.status, download.text.as_str()), (200, text));
    // Both names of the same.
    let also = world.ana.get(&format!("/api/knowledge/{}", document["id"].as_str().unwrap())).await;
    assert_eq!(also.json["id"], document["id"]);
    let list = world.ana.get("/api/knowledge?type=md&status=completed").await;
    assert_eq!(list.names(), ["terms.md"]);
    let query = "/api/knowledge/search?query=Porto&limit=1&mode=keyword";
    assert_eq!(titles(&world.ana.get(query).await.json), ["terms.md"]);
}

async fn what_is_switched_off_or_deleted_is_not_found(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let document = read(&world, ("a.txt", b"The password of the gate is kiwi.")).await;
    let is_found = async || !ask(ana, "gate").await["data"].as_array().unwrap().is_empty();
    assert!(is_found().await);
    let off = ana.put(&place(&document, ""), json!({ "enabled": false })).await;
    assert_eq!(off.status, 200, "{off:?}");
    assert!(!is_found().await);
    ana.patch(&place(&document, ""), json!({ "enabled": true })).await;
    assert!(is_found().await);
    assert_eq!(ana.delete(&place(&document, "")).await.status, 204);
    assert!(!is_found().await);
    world.run_jobs().await;
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let ctx = world.app.as_system(tenant.as_str().unwrap().parse().unwrap());
    let left = ctx.read(async |db| db.count(kith_store::Select::from("document_chunks")).await);
    assert_eq!(left.await.unwrap(), 0);
    let back = ana.post(&place(&document, "/restore"), json!({})).await;
    assert_eq!(back.status, 200, "{back:?}");
    world.run_jobs().await;
    assert!(is_found().await);
    // Deleted for so long that its bytes go.
    ana.delete(&place(&document, "")).await;
    assert_eq!(files(&world).len(), 1);
    world.app.clock.advance_seconds(31 * 86_400);
    world.run_jobs().await;
    assert_eq!(files(&world).len(), 0);
    let refused = ana.post(&place(&document, "/restore"), json!({})).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("bytes_gone")), "{refused:?}");
}

async fn a_document_is_read_anew_in_other_pieces(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let text = "One sentence of about forty characters. ".repeat(40);
    let document = read(&world, ("a.txt", text.as_bytes())).await;
    assert_eq!(document["chunkCount"], 2);
    let path = place(&document, "/process");
    let anew = ana.post(&path, json!({ "options": { "chunkSize": 200, "overlap": 40 } })).await;
    assert_eq!((anew.status, &anew.json["status"]), (200, &json!("PROCESSING")), "{anew:?}");
    // What was read before counts until what is read now does.
    assert!(!ask(ana, "sentence").await["data"].as_array().unwrap().is_empty());
    world.run_jobs().await;
    let read = ana.get(&place(&document, "")).await.json;
    assert!(read["chunkCount"].as_u64().unwrap() > 8, "{read}");
    let chunks = ana.get(&place(&document, "/chunks")).await.json;
    let chunks = chunks["data"].as_array().unwrap();
    assert_eq!(chunks.len() as u64, read["chunkCount"].as_u64().unwrap());
    assert!(chunks.iter().all(|one| one["text"].as_str().unwrap().len() <= 200));
    assert_eq!(ana.post(&path, json!({})).await.status, 200);
    for options in [
        json!({ "chunkSize": 5 }),
        json!({ "chunkSize": 200, "overlap": 150 }),
        json!({ "overlap": -1 }),
        json!({ "size": 5 }),
    ] {
        let refused = ana.post(&path, json!({ "options": options })).await;
        assert_eq!(refused.status, 422, "{options} {refused:?}");
    }
}

async fn files_come_together_or_not_at_all(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let two: [(&str, &str, &[u8]); 2] =
        [("documents", "a.txt", b"apples"), ("documents", "b.csv", b"name,price\npears,3\n")];
    let fields = [("category", "FAQ"), ("labels", "x, y")];
    let both = ana.upload("/api/documents/upload", &fields, &two).await;
    assert_eq!((both.status, both.names()), (201, vec!["a.txt", "b.csv"]), "{both:?}");
    assert_eq!(both.json["data"][1]["labels"], json!(["x", "y"]));
    let refused = async |fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]| {
        ana.upload("/api/documents", fields, files).await.status
    };
    assert_eq!(refused(&[], &[]).await, 422);
    for (name, status) in [("a.exe", 415), ("a.doc", 415), ("noend", 415)] {
        assert_eq!(refused(&[], &[("file", name, b"MZ")]).await, status, "{name}");
    }
    assert_eq!(refused(&[], &[("file", "a.txt", b"ok"), ("file", "b.txt", b"")]).await, 422);
    assert_eq!(refused(&[("colour", "red")], &[("file", "a.txt", b"ok")]).await, 422);
    assert_eq!(refused(&[("chunkSize", "7")], &[("file", "a.txt", b"ok")]).await, 422);
    let six: Vec<(&str, &str, &[u8])> = vec![("files", "a.txt", b"ok"); 6];
    assert_eq!(refused(&[], &six).await, 413);
    let large = vec![b'a'; 10_485_761];
    assert_eq!(refused(&[], &[("file", "a.txt", &large)]).await, 413);
    let pdf = ana.upload("/api/knowledge/pdf", &[], &[("file", "a.txt", b"ok")]).await;
    assert_eq!(pdf.status, 415);
    assert_eq!(ana.get("/api/documents").await.json["data"].as_array().unwrap().len(), 2);
    world.run_jobs().await;
    let found = ask(ana, "price of pears").await;
    assert_eq!(found["data"][0]["excerpt"], "name: pears; price: 3");
}

async fn searches_say_what_they_want(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lamps = read(&world, ("lamps.txt", b"Lamps of brass and of glass.")).await;
    let more = read(&world, ("more.md", b"# Lamps\n\nLamps, lamps, lamps.")).await;
    let ids = |found: &Json| -> Vec<Json> {
        found["data"].as_array().unwrap().iter().map(|one| one["documentId"].clone()).collect()
    };
    let one = found(ana, json!({ "query": "lamps", "documentIds": [lamps["id"]] })).await;
    assert_eq!(ids(&one), [lamps["id"].clone()]);
    let one = found(ana, json!({ "query": "lamps", "types": ["md"], "mode": "semantic" })).await;
    assert_eq!(ids(&one), [more["id"].clone()]);
    let weights = json!({ "semantic": 0.2, "keyword": 0.8 });
    let both = json!({ "query": "lamps", "weights": weights, "rerank": true });
    assert_eq!(ids(&found(ana, both).await).len(), 2);
    assert!(ids(&found(ana, json!({ "query": "lamps", "minScore": 1 })).await).is_empty());
    assert!(ids(&found(ana, json!({ "query": "…" })).await).is_empty());
    let weights = json!({ "semantic": 0.7, "keyword": 0.3 });
    for wrong in [
        json!({}),
        json!({ "query": " " }),
        json!({ "query": "x".repeat(9_000) }),
        json!({ "query": "x", "mode": "magic" }),
        json!({ "query": "x", "limit": 0 }),
        json!({ "query": "x", "limit": 51 }),
        json!({ "query": "x", "types": ["EXE"] }),
        json!({ "query": "x", "documentIds": ["x"] }),
        json!({ "query": "x", "minScore": 2 }),
        json!({ "query": "x", "weights": { "semantic": 0.7, "keyword": 0.7 } }),
        json!({ "query": "x", "weights": { "semantic": 0.7 } }),
        json!({ "query": "x", "mode": "keyword", "weights": weights }),
    ] {
        let refused = ana.post("/api/documents/search", wrong.clone()).await;
        assert_eq!(refused.status, 422, "{wrong} {refused:?}");
    }
    let nothing = ask(ana, "What is the capital of Mongolia?").await;
    assert_eq!(nothing["answered"], false, "{nothing}");
}

async fn strangers_find_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let document = read(&world, ("a.txt", b"The password of the gate is kiwi.")).await;
    let asked = json!({ "query": "gate", "documentIds": [document["id"]] });
    assert!(found(&world.stranger, asked).await["data"].as_array().unwrap().is_empty());
    for rest in ["", "/content", "/chunks", "/download"] {
        assert_eq!(world.stranger.get(&place(&document, rest)).await.status, 404, "{rest}");
        assert_eq!(world.nobody.get(&place(&document, rest)).await.status, 401, "{rest}");
    }
    let anew = world.stranger.post(&place(&document, "/process"), json!({})).await;
    assert_eq!(anew.status, 404);
    let written = json!({ "question": "a", "answer": "b" });
    assert_eq!(world.vera.post("/api/documents/manual", written).await.status, 403);
}

async fn another_node_finds_what_this_one_read(kind: Kind) {
    let world = World::new(kind).await;
    let (_house, router) = world.elsewhere(world.options()).await;
    let there = world.ana.at(&router);
    let first = read(&world, ("a.txt", b"Apples are red.")).await;
    assert_eq!(titles(&ask(&there, "apples").await), ["a.txt"]);
    read(&world, ("b.txt", b"Apples are green, too.")).await;
    assert_eq!(ask(&there, "apples").await["data"].as_array().unwrap().len(), 2);
    world.ana.delete(&place(&first, "")).await;
    assert_eq!(titles(&ask(&there, "apples").await), ["b.txt"]);
}

async fn a_text_that_names_an_erased_person_is_masked(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let contact = ana.make("/api/contacts", json!({ "name": "Zoé Quandt" })).await;
    let document = read(&world, ("a.txt", b"Our friend Zo\xc3\xa9 Quandt repairs lamps.")).await;
    assert_eq!(ask(ana, "Quandt").await["answered"], true);
    let path = format!("/api/contacts/{}/erase", contact["id"].as_str().unwrap());
    let erased = ana.post(&path, json!({ "confirm": contact["id"] })).await;
    assert_eq!(erased.status, 202, "{erased:?}");
    world.run_jobs().await;
    let content = ana.get(&place(&document, "/content")).await.json;
    assert_eq!(content["content"], "Our friend [erased] repairs lamps.");
    assert_eq!(ask(ana, "Quandt").await["answered"], false);
    assert_eq!(titles(&ask(ana, "Who repairs lamps?").await), ["a.txt"]);
}

async fn a_transcript_is_a_document(kind: Kind) {
    let world = World::new(kind).await;
    let said = "We spoke about the tariff for pears. ".repeat(3_000);
    let body = json!({ "transcript": said, "name": "Call of Monday" });
    let made = world.ana.make("/api/documents/voice", body).await;
    assert_eq!(made["type"], "VOICE");
    world.run_jobs().await;
    let read = world.ana.get(&place(&made, "")).await.json;
    assert_eq!((&read["status"], &read["characters"]), (&json!("COMPLETED"), &json!(110_999)));
    assert_eq!(titles(&ask(&world.ana, "tariff").await)[0], "Call of Monday");
    let nothing = world.ana.post("/api/documents/voice", json!({ "transcript": " " })).await;
    assert_eq!(nothing.status, 422);
}
