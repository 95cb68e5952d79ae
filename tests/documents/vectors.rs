//! Vectors of providers: they are made behind the words, and never compared with those of another model.

use serde_json::{Value as Json, json};

use super::{ask, place, read, titles};
use crate::{
    client::Client,
    database::{Kind, on_both},
    gateway::grant,
    models::{Far, KEY, with_models, with_models_and},
    world::World,
};

on_both!(
    a_provider_makes_the_vectors_of_documents_and_questions,
    what_a_provider_refuses_is_found_by_words_and_made_later,
    vectors_that_are_none_are_not_taken,
    one_document_that_is_refused_keeps_no_other_waiting,
    another_model_makes_all_vectors_anew,
    a_provider_that_is_down_is_asked_again,
    credits_are_asked_for_vectors,
    who_may_see_and_begin_it,
);

const LAMPS: (&str, &[u8]) = ("lamps.txt", b"Every lamp is made of brass.");
const BREAD: (&str, &[u8]) = ("bread.txt", b"Our bread is baked from rye and water.");

/// Vectors are made by this model from now on.
async fn choose(ana: &Client, model: &str) {
    let set = ana.patch("/api/ai/settings", json!({ "models": { "embeddings": model } })).await;
    assert_eq!(set.status, 200, "{set:?}");
}

async fn standing(client: &Client) -> Json {
    let told = client.get("/api/documents/embeddings").await;
    assert_eq!(told.status, 200, "{told:?}");
    told.json
}

async fn semantic(client: &Client, question: &str) -> Json {
    let body = json!({ "query": question, "mode": "semantic" });
    let found = client.post("/api/documents/search", body).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.json
}

async fn a_provider_makes_the_vectors_of_documents_and_questions(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    choose(&ana, "openai/words-16").await;
    let lamps = read(&world, LAMPS).await;
    for (key, value) in
        [("status", "COMPLETED"), ("embedding", "COMPLETED"), ("model", "openai/words-16")]
    {
        assert_eq!(lamps[key], value, "{key}: {lamps}");
    }
    let asked = far.asked();
    assert_eq!(
        (&asked["path"], &asked["body"]["model"]),
        (&json!("/v1/embeddings"), &json!("words-16"))
    );
    assert!(asked["body"]["input"][0].as_str().unwrap().contains("brass"), "{asked}");
    read(&world, BREAD).await;
    far.asked();
    // A word that stands nowhere, and that the model alone knows.
    let found = ask(&ana, "lantern").await;
    assert_eq!((titles(&found)[0], &found["mode"]), ("lamps.txt", &json!("hybrid")), "{found}");
    assert_eq!(far.asked()["body"]["input"], json!(["lantern"]));
    assert!(found["data"][0]["semantic"].as_f64().unwrap() > 0.3, "{found}");
    // What is asked of a provider is written down, as every other question is.
    world.house.gateway.write_rest().await;
    let calls = ana.get("/api/system/llm-activity?capability=embeddings").await.json;
    assert_eq!(calls["meta"]["count"], 3, "{calls}");
    let told = standing(&ana).await;
    assert_eq!(
        told,
        json!({
            "model": "openai/words-16", "dimensions": 16, "documents": 2, "pendingDocuments": 0,
            "chunks": 2, "pendingChunks": 0, "error": null, "failedAt": null, "nextAttemptAt": null,
        })
    );
}

async fn what_a_provider_refuses_is_found_by_words_and_made_later(kind: Kind) {
    let (world, ana, _far) = with_models(kind).await;
    choose(&ana, "openai/shy-1").await;
    let lamps = read(&world, LAMPS).await;
    assert_eq!(
        (&lamps["status"], &lamps["embedding"]),
        (&json!("COMPLETED"), &json!("PENDING")),
        "{lamps}"
    );
    let told = standing(&ana).await;
    assert_eq!((&told["pendingDocuments"], &told["pendingChunks"]), (&json!(1), &json!(1)));
    assert!(told["error"].as_str().unwrap().contains("slow down"), "{told}");
    assert!(told["failedAt"].is_string() && told["nextAttemptAt"].is_string(), "{told}");
    // Words find it; by meaning there is nothing yet.
    assert_eq!(titles(&ask(&ana, "brass").await), ["lamps.txt"]);
    assert!(titles(&semantic(&ana, "brass").await).is_empty());
    world.app.clock.advance_seconds(60);
    world.run_jobs().await;
    let lamps = ana.get(&place(&lamps, "")).await.json;
    assert_eq!(
        (&lamps["embedding"], &lamps["model"]),
        (&json!("COMPLETED"), &json!("openai/shy-1"))
    );
    assert_eq!(titles(&semantic(&ana, "lantern").await), ["lamps.txt"]);
    let told = standing(&ana).await;
    assert_eq!((&told["error"], &told["nextAttemptAt"]), (&Json::Null, &Json::Null), "{told}");
}

async fn vectors_that_are_none_are_not_taken(kind: Kind) {
    for (model, why) in [
        ("openai/nan", "no JSON"),
        ("openai/null", "no numbers"),
        ("openai/zero", "zeros"),
        ("openai/none-such", "no such model"),
        ("openai/denied", "there is no key"),
        ("openai/html", "no JSON"),
    ] {
        let (world, ana, _far) = with_models(kind).await;
        choose(&ana, model).await;
        let lamps = read(&world, LAMPS).await;
        assert_eq!(
            (&lamps["status"], &lamps["embedding"]),
            (&json!("COMPLETED"), &json!("PENDING")),
            "{model}: {lamps}"
        );
        let told = standing(&ana).await;
        assert!(told["error"].as_str().unwrap().contains(why), "{model}: {told}");
        let found = ask(&ana, "brass").await;
        assert_eq!(
            (titles(&found), &found["mode"]),
            (vec!["lamps.txt"], &json!("keyword")),
            "{model}: {found}"
        );
        assert!(found["fallback"].is_string(), "{model}: {found}");
        let body = json!({ "query": "brass", "mode": "semantic" });
        assert_eq!(ana.post("/api/documents/search", body).await.status, 503, "{model}");
    }
    // A model whose vectors are of other dimensions than they were.
    let (world, ana, _far) = with_models(kind).await;
    choose(&ana, "openai/grow").await;
    assert_eq!(read(&world, LAMPS).await["embedding"], "COMPLETED");
    assert_eq!(read(&world, BREAD).await["embedding"], "PENDING");
    let told = standing(&ana).await;
    assert_eq!((&told["dimensions"], &told["pendingDocuments"]), (&json!(16), &json!(1)));
    assert!(told["error"].as_str().unwrap().contains("24 dimensions"), "{told}");
    let found = ask(&ana, "rye").await;
    assert_eq!((titles(&found), &found["mode"]), (vec!["bread.txt"], &json!("keyword")), "{found}");
}

async fn one_document_that_is_refused_keeps_no_other_waiting(kind: Kind) {
    let (world, ana, _far) = with_models(kind).await;
    choose(&ana, "openai/picky").await;
    let odd = read(&world, ("odd.txt", b"A xylophone.")).await;
    assert_eq!(odd["embedding"], "PENDING");
    assert_eq!(read(&world, LAMPS).await["embedding"], "PENDING", "the job waits for its time");
    world.app.clock.advance_seconds(60);
    world.run_jobs().await;
    let told = standing(&ana).await;
    assert_eq!((&told["documents"], &told["pendingDocuments"]), (&json!(2), &json!(1)), "{told}");
    assert!(told["error"].as_str().unwrap().contains("xylophones"), "{told}");
    assert_eq!(titles(&ask(&ana, "xylophone").await)[0], "odd.txt");
    // It goes, and there is nothing to wait for.
    assert_eq!(ana.delete(&place(&odd, "")).await.status, 204);
    world.app.clock.advance_seconds(3_600);
    world.run_jobs().await;
    let told = standing(&ana).await;
    assert_eq!((&told["pendingDocuments"], &told["error"]), (&json!(0), &Json::Null), "{told}");
}

async fn another_model_makes_all_vectors_anew(kind: Kind) {
    let (world, ana, _far) = with_models(kind).await;
    choose(&ana, "openai/words-16").await;
    let (lamps, _) = (read(&world, LAMPS).await, read(&world, BREAD).await);
    choose(&ana, "openai/words-32").await;
    // Whoever asks next is answered by what is there, and has it noticed.
    assert_eq!(titles(&ask(&ana, "lantern").await)[0], "lamps.txt");
    let told = standing(&ana).await;
    assert_eq!((&told["model"], &told["dimensions"]), (&json!("openai/words-32"), &Json::Null));
    assert!(told["nextAttemptAt"].is_string(), "{told}");
    // Until the others are there no old vector is compared with a new question.
    assert!(titles(&semantic(&ana, "lantern").await).is_empty());
    assert_eq!(titles(&ask(&ana, "brass").await), ["lamps.txt"]);
    world.run_jobs().await;
    let told = standing(&ana).await;
    assert_eq!((&told["dimensions"], &told["pendingDocuments"]), (&json!(32), &json!(0)), "{told}");
    assert_eq!(titles(&semantic(&ana, "lantern").await)[0], "lamps.txt");
    let lamps = ana.get(&place(&lamps, "")).await.json;
    assert_eq!(
        (&lamps["model"], &lamps["embedding"]),
        (&json!("openai/words-32"), &json!("COMPLETED"))
    );
    // Routing alone moves nothing that is stored.
    ana.patch("/api/ai/settings", json!({ "models": {}, "routing": "cost_optimized" })).await;
    choose(&ana, "openai/words-32").await;
    ask(&ana, "lantern").await;
    assert_eq!(standing(&ana).await["model"], "openai/words-32");
    // No provider any more: Kith makes them itself.
    let (world, ana) = world.configured(&[("documents.embeddings", "local")]);
    let found = ask(&ana, "brass").await;
    assert_eq!((titles(&found), &found["mode"]), (vec!["lamps.txt"], &json!("keyword")));
    world.run_jobs().await;
    let found = ask(&ana, "brass").await;
    assert_eq!((titles(&found)[0], &found["mode"]), ("lamps.txt", &json!("hybrid")), "{found}");
    assert_eq!(standing(&ana).await["model"], "local/hashed-n-grams-1");
}

async fn a_provider_that_is_down_is_asked_again(kind: Kind) {
    // Nobody listens there.
    let down = ("llm.openai_base_url", "http://127.0.0.1:9/v1");
    let (world, ana, far) = with_models_and(kind, &[down]).await;
    choose(&ana, "openai/words-16").await;
    let lamps = read(&world, LAMPS).await;
    assert_eq!(
        (&lamps["status"], &lamps["embedding"]),
        (&json!("COMPLETED"), &json!("PENDING")),
        "{lamps}"
    );
    let found = ask(&ana, "brass").await;
    assert_eq!((titles(&found), &found["mode"]), (vec!["lamps.txt"], &json!("keyword")), "{found}");
    for _ in 0..3 {
        world.app.clock.advance_seconds(3_700);
        world.run_jobs().await;
    }
    assert!(standing(&ana).await["nextAttemptAt"].is_string());
    // It is up again, and somebody does not want to wait.
    let (world, ana) = up(world, &far);
    let told = ana.post("/api/documents/embeddings", json!({})).await;
    assert_eq!((told.status, &told.json["pendingDocuments"]), (200, &json!(1)), "{told:?}");
    world.run_jobs().await;
    let told = standing(&ana).await;
    assert_eq!((&told["pendingDocuments"], &told["error"]), (&json!(0), &Json::Null), "{told}");
    assert_eq!(titles(&semantic(&ana, "lantern").await), ["lamps.txt"]);
    // The job that was overtaken finds nothing to do.
    world.app.clock.advance_seconds(86_400);
    world.run_jobs().await;
    let made = (0..9).map_while(|_| (!far.is_unasked()).then_some(())).count();
    assert_eq!(made, 2, "one document and one question");
}

fn up(world: World, far: &Far) -> (World, Client) {
    let base = format!("http://127.0.0.1:{}/v1", far.port);
    let settings =
        [("llm.openai_api_key", KEY), ("llm.openai_base_url", base.as_str()), ("llm.retries", "0")];
    world.configured(&settings)
}

async fn credits_are_asked_for_vectors(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    choose(&ana, "openai/words-16").await;
    grant(&world, 1, None).await;
    let long = "Every lamp is made of brass. ".repeat(4_000);
    let document = read(&world, ("long.txt", long.as_bytes())).await;
    assert_eq!(
        (&document["status"], &document["embedding"]),
        (&json!("COMPLETED"), &json!("PENDING")),
        "{document}"
    );
    let told = standing(&ana).await;
    assert!(told["error"].as_str().unwrap().to_lowercase().contains("credit"), "{told}");
    grant(&world, 100_000, None).await;
    ana.post("/api/documents/embeddings", json!({})).await;
    world.run_jobs().await;
    let told = standing(&ana).await;
    assert_eq!((&told["pendingDocuments"], &told["error"]), (&json!(0), &Json::Null), "{told}");
    assert!(!far.is_unasked());
}

#[test]
fn a_sentence_model_that_this_program_cannot_read_keeps_it_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_kith-under-test"))
        .arg("serve")
        .env_clear()
        .env("KITH_DATA", folder.path())
        .env("KITH_EMBED_MODEL", "/srv/all-minilm")
        .env("PORT", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&program.stderr);
    assert!(!program.status.success(), "{said}");
    assert!(
        said.contains("--features sentence-model") && said.contains("/srv/all-minilm"),
        "{said}"
    );
}

async fn who_may_see_and_begin_it(kind: Kind) {
    let world = World::new(kind).await;
    let path = "/api/documents/embeddings";
    let nothing = standing(&world.vera).await;
    assert_eq!((&nothing["model"], &nothing["documents"]), (&Json::Null, &json!(0)));
    assert_eq!(world.nobody.get(path).await.status, 401);
    assert_eq!(world.bruno.post(path, json!({})).await.status, 403);
    assert_eq!(world.ana.post(path, json!({})).await.json["nextAttemptAt"], Json::Null);
    assert_eq!(world.ana.post(path, json!({ "all": true })).await.status, 422);
    read(&world, LAMPS).await;
    let told = standing(&world.vera).await;
    assert_eq!(
        (&told["dimensions"], &told["pendingDocuments"]),
        (&json!(384), &json!(0)),
        "{told}"
    );
    assert_eq!(standing(&world.stranger).await["documents"], 0);
}
