//! Sound: a provider puts it into words, or whoever has them hands them in.

use serde_json::{Value as Json, json};

use super::{ask, place, titles};
use crate::{
    database::{Kind, on_both},
    models::with_models,
    world::World,
};

on_both!(
    a_provider_hears_what_was_said,
    words_that_are_handed_in_need_no_provider,
    a_provider_that_hears_nothing_is_told_of,
);

const SOUND: &[u8] = b"ID3\x04\x00 sounds, in bytes that are no text \xff\xfb";

async fn a_provider_hears_what_was_said(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    let set = json!({ "models": { "transcription": "openai/good-ears", "embeddings": "openai/words-16" } });
    assert_eq!(ana.patch("/api/ai/settings", set).await.status, 200);
    let made =
        ana.upload("/api/documents", &[("name", "Call")], &[("file", "call.mp3", SOUND)]).await;
    assert_eq!((made.status, &made.json["type"]), (201, &json!("VOICE")), "{made:?}");
    world.run_jobs().await;
    let asked = far.asked();
    assert_eq!(asked["path"], "/v1/audio/transcriptions");
    let told = json!({ "model": "good-ears", "response_format": "json", "file": SOUND.len(), "filename": "call.mp3" });
    assert_eq!(asked["body"], told);
    let read = ana.get(&place(&made.json, "")).await.json;
    assert_eq!(read["status"], "COMPLETED", "{read}");
    assert_eq!(read["transcript"], "We talked about the price of lanterns. It is nine euros.");
    assert_eq!(titles(&ask(&ana, "price of lanterns").await)[0], "Call");
    let download = ana.get(&place(&made.json, "/download")).await;
    assert_eq!(download.status, 200);
    // It stands among the calls, and nobody makes up what a minute costs.
    world.house.gateway.write_rest().await;
    let calls = ana.get("/api/system/llm-activity?capability=transcription").await.json;
    assert_eq!(calls["meta"]["count"], 1, "{calls}");
    assert_eq!(
        (&calls["data"][0]["model"], &calls["data"][0]["cost"]),
        (&json!("good-ears"), &Json::Null)
    );
    // What was heard is not asked for again.
    while !far.is_unasked() {}
    assert_eq!(ana.post(&place(&made.json, "/process"), json!({})).await.status, 200);
    world.run_jobs().await;
    assert_eq!(ana.get(&place(&made.json, "")).await.json["status"], "COMPLETED");
    assert_eq!(far.asked()["path"], "/v1/embeddings");
    assert!(far.is_unasked());
}

async fn words_that_are_handed_in_need_no_provider(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let sound = ("file", "call.ogg", SOUND);
    let refused = ana.upload("/api/documents", &[], &[sound]).await;
    assert_eq!(
        (refused.status, &refused.json["errors"][0]["pointer"]),
        (422, &json!("/transcript")),
        "{refused:?}"
    );
    let words = ("transcript", "The lamp costs nine euros.");
    let made = ana.upload("/api/documents", &[words], &[sound]).await;
    assert_eq!(made.status, 201, "{made:?}");
    world.run_jobs().await;
    let read = ana.get(&place(&made.json, "")).await.json;
    assert_eq!(
        (&read["status"], &read["transcript"]),
        (&json!("COMPLETED"), &json!(words.1)),
        "{read}"
    );
    assert_eq!(titles(&ask(ana, "lamp").await), ["call.ogg"]);
    let text = ("file", "a.txt", &b"text"[..]);
    let long = "x".repeat(60_001);
    for (fields, files) in [
        (vec![words], vec![text]),
        (vec![words], vec![sound, sound]),
        (vec![("transcript", " ")], vec![sound]),
        (vec![("transcript", long.as_str())], vec![sound]),
    ] {
        let refused = ana.upload("/api/documents", &fields, &files).await;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["pointer"]),
            (422, &json!("/transcript")),
            "{refused:?}"
        );
    }
    assert_eq!(ana.get("/api/documents").await.json["data"].as_array().unwrap().len(), 1);
}

async fn a_provider_that_hears_nothing_is_told_of(kind: Kind) {
    for (model, why) in
        [("wrong-ears", "that is wrong"), ("none-ears", "no such model"), ("html-ears", "no JSON")]
    {
        let (world, ana, _far) = with_models(kind).await;
        let model = format!("openai/{model}");
        let set = json!({ "models": { "transcription": model }, "enableFallback": false });
        assert_eq!(ana.patch("/api/ai/settings", set).await.status, 200);
        let made = ana.upload("/api/documents", &[], &[("file", "call.mp3", SOUND)]).await;
        assert_eq!(made.status, 201, "{made:?}");
        for _ in 0..5 {
            world.run_jobs().await;
            world.app.clock.advance_seconds(61);
        }
        let read = ana.get(&place(&made.json, "")).await.json;
        assert_eq!(read["status"], "ERROR", "{model}: {read}");
        assert!(read["error"].as_str().unwrap().contains(why), "{model}: {read}");
    }
}
