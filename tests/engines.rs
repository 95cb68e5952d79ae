//! The engines over HTTP: without a model, by a model, and when a model fails.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    models::with_models_and as with,
    world::World,
};

on_both!(
    engines_need_no_model,
    texts_are_written_without_a_model,
    a_model_answers_where_one_is_set_up,
    what_does_not_fit_is_asked_again_and_then_answered_without_a_model,
    a_translation_takes_a_model,
    a_lead_is_scored_and_the_score_is_kept,
    a_score_is_half_a_models_where_one_answers,
    texts_become_vectors_without_a_model,
    what_cannot_be_answered_is_told,
);

async fn of(by: &Client, engine: &str, body: Json) -> Json {
    let answer = by.post(&format!("/api/ai/{engine}"), body).await;
    assert_eq!(answer.status, 200, "{engine}: {}", answer.text);
    answer.json
}

const LETTER: &str = "My name is Ana Prado and I am very unhappy: the lamps of Lumen Ltda arrived broken on 15/03/2026 and cost \
                      R$ 1.200,00. Please send new ones. Write to ana@lumen.example.";

async fn engines_need_no_model(kind: Kind) {
    let world = World::new(kind).await;
    let bruno = &world.bruno;
    let found =
        of(bruno, "sentiment", json!({ "text": "I love it, thank you, this is excellent!" })).await;
    assert_eq!((&found["sentiment"], &found["engine"]), (&json!("positive"), &json!("local")));
    assert!(found["score"].as_f64().unwrap() > 0.6 && found["confidence"].is_number(), "{found}");
    let found = of(bruno, "intent", json!({ "text": "Quanto custa o plano anual?" })).await;
    assert_eq!(found["intent"], "pricing", "{found}");
    assert!(!found["subIntents"].as_array().unwrap().is_empty(), "{found}");
    let found = of(bruno, "extract-entities", json!({ "text": LETTER })).await;
    let entities = &found["entities"];
    assert_eq!(entities["name"], json!(["Ana Prado"]), "{found}");
    assert_eq!(entities["email"], json!(["ana@lumen.example"]), "{found}");
    assert!(
        !entities["date"].as_array().unwrap().is_empty()
            && !entities["money"].as_array().unwrap().is_empty()
    );
}

async fn texts_are_written_without_a_model(kind: Kind) {
    let world = World::new(kind).await;
    let bruno = &world.bruno;
    for (count, replies) in [(Json::Null, 3), (json!(1), 1), (json!(5), 5)] {
        let found =
            of(bruno, "smart-replies", json!({ "message": "How much is it?", "count": count }))
                .await;
        assert_eq!(found["replies"].as_array().unwrap().len(), replies, "{found}");
    }
    let found = of(bruno, "summarize", json!({ "messages": [{ "content": LETTER }, { "content": "We send new lamps on Monday." }] })).await;
    assert!(!found["summary"].as_str().unwrap().is_empty() && found["actionItems"].is_array());
    let short = of(bruno, "summarize", json!({ "text": LETTER, "maxLength": 40 })).await;
    assert!(short["summary"].as_str().unwrap().chars().count() <= 40, "{short}");
    let found = of(
        bruno,
        "copilot",
        json!({
            "context": "They have two shops.", "dealStage": "Negotiation", "persona": "friendly",
            "conversationHistory": [{ "role": "user", "content": "What does it cost for two shops?" }],
            "contact": { "name": "Ana Prado" },
        }),
    )
    .await;
    let suggestion = &found["suggestion"];
    assert!(suggestion["text"].as_str().unwrap().contains("Ana"), "{found}");
    assert!(suggestion["reasoning"].as_str().unwrap().contains("pricing"), "{found}");
    let found = of(bruno, "generate", json!({ "message": "Hello, do you deliver?" })).await;
    assert!(!found["response"].as_str().unwrap().is_empty() && found["engine"] == "local");
    assert_eq!(world.vera.post("/api/ai/sentiment", json!({ "text": "x" })).await.status, 403);
}

async fn a_model_answers_where_one_is_set_up(kind: Kind) {
    let (_world, ana, far) = with(kind, &[("llm.openai_model", "json-sentiment")]).await;
    let found =
        of(&ana, "sentiment", json!({ "text": "Write to ana@lumen.example, thank you!" })).await;
    assert_eq!(
        (&found["sentiment"], &found["engine"]),
        (&json!("negative"), &json!("openai/json-sentiment"))
    );
    let asked = far.asked()["body"].to_string();
    assert!(asked.contains("[EMAIL_1]") && !asked.contains("lumen"), "{asked}");
    // The same question is asked once.
    of(&ana, "sentiment", json!({ "text": "Write to ana@lumen.example, thank you!" })).await;
    assert!(far.is_unasked());
}

async fn what_does_not_fit_is_asked_again_and_then_answered_without_a_model(kind: Kind) {
    let (_world, ana, far) = with(kind, &[]).await;
    let text = json!({ "text": "I love it, thank you!", "engine": "openai/twice-1" });
    let found = of(&ana, "sentiment", text).await;
    assert_eq!(
        (&found["sentiment"], &found["engine"]),
        (&json!("negative"), &json!("openai/twice-1"))
    );
    assert_eq!([far.asked(), far.asked()].len(), 2);
    // A model that never fits, and one that fails, leave the engine itself.
    for model in ["openai/good-1", "openai/html-1"] {
        ana.patch("/api/ai/settings", json!({ "enableFallback": false })).await;
        let text = json!({ "text": "I love it, thank you!", "engine": model });
        let found = of(&ana, "sentiment", text).await;
        assert_eq!(
            (&found["sentiment"], &found["engine"]),
            (&json!("positive"), &json!("local")),
            "{model}"
        );
        assert!(!found["fallback"].as_str().unwrap().is_empty(), "{found}");
    }
    // What a model made up is left out.
    let text = json!({ "text": LETTER, "engine": "openai/json-entities" });
    assert_eq!(of(&ana, "extract-entities", text).await["entities"]["name"], json!(["Ana Prado"]));
    // Fewer replies than were asked for do not fit.
    let asked = json!({ "message": "How much?", "count": 2, "engine": "openai/json-replies" });
    let found = of(&ana, "smart-replies", asked).await;
    assert_eq!(
        (&found["engine"], found["replies"].as_array().unwrap().len()),
        (&json!("local"), 2)
    );
}

async fn a_translation_takes_a_model(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    let body = json!({ "text": "Where are the lamps?", "targetLanguage": "pt-BR", "engine": "openai/json-translation" });
    let found = of(&ana, "translate", body).await;
    assert_eq!(found["translatedText"], "Onde estão as lâmpadas?");
    assert_eq!([&found["sourceLanguage"], &found["targetLanguage"]], ["en", "pt-BR"]);
    let (world, ana) = world.configured(&[]);
    let body = json!({ "text": "Where are the lamps?", "targetLanguage": "pt-BR" });
    let answer = ana.post("/api/ai/translate", body.clone()).await;
    assert_eq!((answer.status, &answer.json["code"]), (503, &json!("no_provider")));
    assert!(answer.text.contains("OPENAI_API_KEY"), "{}", answer.text);
    let mut local = body;
    local["engine"] = "local".into();
    assert_eq!(ana.post("/api/ai/translate", local).await.status, 422);
    drop(world);
}

async fn a_lead_is_scored_and_the_score_is_kept(kind: Kind) {
    let (_world, ana, _far) = with(kind, &[]).await;
    let lead = json!({ "name": "Ana Prado", "company": "Lumen Ltda", "jobTitle": "CEO" });
    let lead = ana.make("/api/leads", lead).await["id"].clone();
    for number in 0..6 {
        let subject = format!("Call {number}: she loves it and wants to buy, excellent!");
        ana.make(
            "/api/activities",
            json!({ "subject": subject, "type": "call", "relatedId": lead }),
        )
        .await;
    }
    let found = of(&ana, "score-lead", json!({ "leadId": lead, "engine": "local" })).await;
    assert_eq!(found["engine"], "local", "{found}");
    let names: Vec<&str> = found["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["name"].as_str().unwrap())
        .collect();
    for name in ["base", "company", "senior_position", "engagement", "positive_sentiment"] {
        assert!(names.contains(&name), "{found}");
    }
    assert!(found["factors"]["fit"].as_u64().unwrap() > 80, "{found}");
    let stored = ana.get(&format!("/api/leads/{}", lead.as_str().unwrap())).await.json;
    assert_eq!(
        (&stored["score"], &found["temperature"]),
        (&found["score"], &json!("hot")),
        "{stored}"
    );
    assert!(stored["scoreReason"].as_str().unwrap().contains("company +10"), "{stored}");
}

async fn a_score_is_half_a_models_where_one_answers(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    let contact =
        ana.make("/api/contacts", json!({ "firstName": "Rui", "lastName": "Dias" })).await["id"]
            .clone();
    let asked = json!({ "contactId": contact, "engine": "openai/json-score" });
    let found = of(&ana, "score-lead", asked).await;
    assert_eq!(
        (&found["score"], &found["recommendation"]),
        (&json!(75), &json!("Call her now.")),
        "{found}"
    );
    let stored = ana.get(&format!("/api/contacts/{}", contact.as_str().unwrap())).await.json;
    assert_eq!(stored["leadScore"], 75);
    // A stranger's record is none, and a key needs the scopes of what is written.
    let asked = json!({ "contactId": contact, "engine": "local" });
    assert_eq!(world.stranger.post("/api/ai/score-lead", asked.clone()).await.status, 404);
    let key = ana.make("/api/api-keys", json!({ "name": "k", "scopes": ["ai:write"] })).await;
    let key = ana.with(key["key"].as_str().unwrap());
    assert_eq!(key.post("/api/ai/score-lead", asked).await.status, 403);
}

async fn texts_become_vectors_without_a_model(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    let asked = json!({ "texts": ["one", "two"], "engine": "local" });
    let found = of(&ana, "embeddings", asked).await;
    assert_eq!((&found["dimensions"], &found["engine"]), (&json!(384), &json!("local")));
    assert_eq!(found["embeddings"][1].as_array().unwrap().len(), 384);
    let found =
        of(&ana, "embeddings", json!({ "text": "one", "model": "openai/good-embed" })).await;
    assert_eq!(
        (&found["embeddings"], &found["textLength"]),
        (&json!([[0.5, -0.25, 0.0]]), &json!(3))
    );
    // Vectors of a model that was named are no other's.
    let asked = json!({ "text": "one", "model": "openai/html-1" });
    assert_eq!(ana.post("/api/ai/embeddings", asked).await.status, 503);
    let asked = json!({ "text": "one" });
    assert_eq!(
        of(&world.bruno, "embeddings", asked).await["engine"],
        "openai/text-embedding-3-small"
    );
}

async fn what_cannot_be_answered_is_told(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    for (engine, body) in [
        ("sentiment", json!({})),
        ("sentiment", json!({ "text": " " })),
        ("sentiment", json!({ "text": "x".repeat(100_001) })),
        ("sentiment", json!({ "text": "x", "engine": "auto/cheap" })),
        ("smart-replies", json!({ "message": "x", "count": 6 })),
        ("smart-replies", json!({ "message": "x", "tone": "angry" })),
        ("copilot", json!({})),
        ("copilot", json!({ "context": "x", "persona": "king" })),
        ("summarize", json!({})),
        ("summarize", json!({ "text": "x", "messages": [] })),
        ("translate", json!({ "text": "x", "targetLanguage": "!" })),
        ("generate", json!({ "message": "x", "includeKnowledge": true })),
        ("generate", json!({ "message": "x", "temperature": 3 })),
        ("embeddings", json!({ "texts": [] })),
        ("score-lead", json!({})),
        (
            "score-lead",
            json!({ "contactId": "01a1fd55-7a80-7000-8000-000000000001", "leadId": "01a1fd55-7a80-7000-8000-000000000001" }),
        ),
    ] {
        let answer = ana.post(&format!("/api/ai/{engine}"), body.clone()).await;
        assert_eq!(answer.status, 422, "{engine} {body}: {}", answer.text);
    }
    let nobody = json!({ "leadId": "01a1fd55-7a80-7000-8000-000000000001" });
    assert_eq!(ana.post("/api/ai/score-lead", nobody).await.status, 404);
    let named = json!({ "text": "x", "engine": "openai/gpt-4o" });
    let found = of(ana, "sentiment", named).await;
    assert!(found["engine"] == "local" && found["fallback"].is_string(), "{found}");
}
