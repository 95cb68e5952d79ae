//! Models of language by `/v1`: whoever answers, who is asked next, what callers are told, what is written down.

use std::{
    process::Child,
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    python::start,
    world::World,
};

on_both!(
    a_model_answers_in_the_form_of_openai,
    whoever_fails_is_followed_by_the_next,
    a_stream_goes_on_at_the_next,
    what_is_wrong_is_told_as_openai_tells_it,
    who_may_ask_is_decided_first,
    what_was_asked_is_written_down,
    texts_become_vectors,
    a_tenants_own_key_goes_before_the_operators,
);

pub(crate) const TEXT: &str = "The lamps left on Monday, and arrive by Friday.";
pub(crate) const KEY: &str = "sk-of-the-operator-0001";

/// The far side of one test, which plays all providers.
pub(crate) struct Far {
    process: Child,
    pub(crate) port: String,
    told: Mutex<Receiver<Json>>,
}

impl Far {
    pub(crate) fn start() -> Self {
        let (process, mut lines) = start("python3", "models.py", |command| {
            command.arg("--with-parent");
        });
        let first = lines.next().unwrap().unwrap();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                tell.send(serde_json::from_str(&line).unwrap()).ok();
            }
        });
        Self { process, port: told_port(&first), told: Mutex::new(told) }
    }

    /// What it was asked next; it tells of a request before it answers it, and may be heard a moment later.
    pub(crate) fn asked(&self) -> Json {
        self.told.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// Nothing more was asked; counts questions that tell what a function came to.
    pub(crate) fn is_unasked_now(&self, told: &mut u32) -> bool {
        let next = self.told.lock().unwrap().try_recv();
        let messages = next.as_ref().ok().and_then(|asked| asked["body"]["messages"].as_array());
        *told += u32::from(messages.is_some_and(|all| all.iter().any(|one| one["role"] == "tool")));
        next.is_err()
    }

    /// Nothing more was asked.
    pub(crate) fn is_unasked(&self) -> bool {
        self.told.lock().unwrap().try_recv().is_err()
    }
}

fn told_port(line: &str) -> String {
    serde_json::from_str::<Json>(line).unwrap()["port"].to_string()
}

impl Drop for Far {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A world in which OpenAI and Anthropic are set up, in this order.
pub(crate) async fn with_models(kind: Kind) -> (World, Client, Far) {
    with_models_and(kind, &[]).await
}

/// The same with other settings.
pub(crate) async fn with_models_and(kind: Kind, more: &[(&str, &str)]) -> (World, Client, Far) {
    let (world, far) = (World::new(kind).await, Far::start());
    let base = format!("http://127.0.0.1:{}/v1", far.port);
    let settings = [
        ("llm.openai_api_key", KEY),
        ("llm.openai_base_url", base.as_str()),
        ("llm.openai_model", "good-1"),
        ("llm.anthropic_api_key", KEY),
        ("llm.anthropic_base_url", base.as_str()),
        ("llm.anthropic_model", "good-2"),
        ("llm.routing", "failover"),
        ("llm.timeout_seconds", "1"),
        ("llm.answer_seconds", "1"),
        ("llm.retries", "0"),
        ("llm.breaker_failures", "100"),
    ];
    let (world, ana) = world.configured(&[&settings[..], more].concat());
    (world, ana, far)
}

pub(crate) fn asking(model: &str) -> Json {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Where are my lamps?" }] })
}

pub(crate) async fn ask(ana: &Client, body: Json) -> Answer {
    ana.post("/v1/chat/completions", body).await
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn a_model_answers_in_the_form_of_openai(kind: Kind) {
    let (_world, ana, far) = with_models(kind).await;
    let answer = ask(&ana, asking("auto")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["choices"][0]["message"]["content"], TEXT);
    assert_eq!(answer.json["usage"]["total_tokens"], 18);
    assert_eq!(
        [header(&answer, "x-kith-provider"), header(&answer, "x-kith-model")],
        ["openai", "good-1"]
    );
    assert_eq!(far.asked()["key"], format!("Bearer {KEY}"));
    let answer = ask(&ana, asking("anthropic/good-9")).await;
    assert_eq!(answer.json["choices"][0]["message"]["content"], TEXT);
    assert_eq!(header(&answer, "x-kith-provider"), "anthropic");
    let tool = json!({ "type": "function", "function": { "name": "track", "parameters": { "type": "object" } } });
    let mut with_tool = asking("openai/good-3");
    with_tool["tools"] = json!([tool]);
    with_tool["logit_bias"] = json!({ "50256": -100 });
    let answer = ask(&ana, with_tool).await;
    assert_eq!(answer.json["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(answer.json["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "track");
    far.asked();
    assert_eq!(far.asked()["body"]["logit_bias"]["50256"], -100);
}

async fn whoever_fails_is_followed_by_the_next(kind: Kind) {
    let (_world, ana, _far) = with_models(kind).await;
    for model in ["limit-1", "html-1", "empty-1", "late-1", "wrong-1"] {
        let answer = ask(&ana, asking(&format!("openai/{model}"))).await;
        assert_eq!(
            (answer.status, header(&answer, "x-kith-provider")),
            (200, "anthropic"),
            "{model}"
        );
        assert_eq!(header(&answer, "x-kith-attempts"), "2", "{model}");
    }
    // An option that cannot be said to the next one is an error, never dropped.
    let mut body = asking("openai/html-1");
    body["logit_bias"] = json!({ "50256": -100 });
    let answer = ask(&ana, body).await;
    let message = answer.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("Anthropic cannot be told `logit_bias`"), "{message}");
    assert_eq!(answer.status, 503, "{message}");
    assert!(!answer.text.contains(KEY));
}

/// The text of a stream, and its last chunks.
pub(crate) fn heard(answer: &Answer) -> (String, Vec<Json>) {
    assert!(answer.text.ends_with("data: [DONE]\n\n"), "{}", answer.text);
    let chunks: Vec<Json> = answer
        .text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let said = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    (said.collect(), chunks.clone())
}

async fn a_stream_goes_on_at_the_next(kind: Kind) {
    let (_world, ana, far) = with_models(kind).await;
    for (model, asked) in [("good-1", 1), ("cut-1", 2)] {
        let mut body = asking(&format!("openai/{model}"));
        body["stream"] = true.into();
        body["stream_options"] = json!({ "include_usage": true });
        let answer = ask(&ana, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let (text, chunks) = heard(&answer);
        assert_eq!(text, TEXT, "{model}");
        let finish = chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop");
        assert_eq!(finish.count(), 1, "{model}");
        assert!(chunks.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() >= 18, "{model}");
        (0..asked).for_each(|_| drop(far.asked()));
        assert!(far.is_unasked(), "{model}");
    }
}

async fn what_is_wrong_is_told_as_openai_tells_it(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    let wrong = [
        (json!({ "model": "auto" }), "messages"),
        (
            json!({ "model": "auto", "messages": [{ "role": "king", "content": "x" }] }),
            "messages/0",
        ),
        (
            json!({ "model": "auto/cheap", "messages": [{ "role": "user", "content": "x" }] }),
            "model",
        ),
    ];
    for (body, place) in wrong {
        let answer = ask(&ana, body).await;
        assert_eq!(
            (answer.status, &answer.json["error"]["param"]),
            (400, &json!(place)),
            "{}",
            answer.text
        );
        assert_eq!(answer.json["error"]["type"], "invalid_request_error");
    }
    let nobody = ask(&world.nobody, asking("auto")).await;
    assert_eq!(
        (nobody.status, &nobody.json["error"]["type"]),
        (401, &json!("authentication_error"))
    );
    assert!(far.is_unasked());
    let (world, ana) = world.configured(&[]);
    let answer = ask(&ana, asking("auto")).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("no_provider")));
    assert_eq!(ana.get("/v1/models").await.json["data"], json!([]));
    drop(world);
}

async fn who_may_ask_is_decided_first(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    let (vera, key) = (
        world.vera.clone(),
        ana.make("/api/api-keys", json!({ "name": "k", "scopes": ["ai:read"] })).await,
    );
    let key = ana.with(key["key"].as_str().unwrap());
    let body = json!({ "model": "auto", "input": "x" });
    for by in [&vera, &key] {
        assert_eq!(ask(by, asking("auto")).await.status, 403);
        assert_eq!(by.post("/v1/embeddings", body.clone()).await.status, 403);
    }
    assert_eq!(world.nobody.post("/v1/embeddings", body).await.status, 401);
    assert!(far.is_unasked());
}

async fn what_was_asked_is_written_down(kind: Kind) {
    let (world, ana, _far) = with_models(kind).await;
    ask(&ana, asking("openai/good-1")).await;
    ask(&ana, asking("openai/html-1")).await;
    let all = ana.get("/api/system/llm-activity").await;
    assert_eq!((all.status, &all.json["meta"]["count"]), (200, &json!(3)), "{}", all.text);
    let of = |key: &str| -> Vec<Json> {
        let mut found: Vec<Json> =
            all.json["data"].as_array().unwrap().iter().map(|one| one[key].clone()).collect();
        found.sort_by_key(Json::to_string);
        found
    };
    assert_eq!(of("status"), ["error", "failover", "success"]);
    assert_eq!(of("provider"), ["anthropic", "openai", "openai"]);
    let failed = ana.get("/api/system/llm-activity?status=error&provider=openai").await;
    assert_eq!(failed.json["data"][0]["error"], "gave an answer that is no JSON");
    assert_eq!(ana.get("/api/system/llm-activity?status=bad").await.status, 422);
    let stats = ana.get("/api/system/llm-activity/stats").await.json;
    assert_eq!((&stats["totalEntries"], &stats["last5Minutes"]), (&json!(3), &json!(3)));
    assert_eq!(stats["byStatus"], json!({ "error": 1, "failover": 1, "success": 1 }));
    assert_eq!(stats["tokenUsage"]["last5Minutes"]["totalTokens"], 36);
    // Another tenant has calls of its own.
    assert_eq!(world.stranger.get("/api/system/llm-activity").await.json["data"], json!([]));
    assert_eq!(ana.delete("/api/system/llm-activity").await.status, 200);
    let stats = ana.get("/api/system/llm-activity/stats").await.json;
    assert_eq!((&stats["totalEntries"], &stats["last5Minutes"]), (&json!(0), &json!(0)));
    assert_eq!(stats["avgDurationMs"], Json::Null);
}

async fn texts_become_vectors(kind: Kind) {
    let (_world, ana, _far) = with_models(kind).await;
    let embed = async |more: Json| {
        let mut body = json!({ "model": "openai/good-embed", "input": ["one", "two"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ana.post("/v1/embeddings", body).await
    };
    let found = embed(json!({})).await;
    assert_eq!(found.status, 200, "{}", found.text);
    assert_eq!(found.json["data"][1]["embedding"], json!([0.5, -0.25, 1.0]));
    let found = embed(json!({ "encoding_format": "base64" })).await;
    assert_eq!(found.json["data"][0]["embedding"], "AAAAPwAAgL4AAAAA");
    assert_eq!(embed(json!({ "colour": "red" })).await.status, 400);
    let refused = ana.post("/v1/embeddings", json!({ "model": "anthropic/x", "input": "a" })).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}

async fn a_tenants_own_key_goes_before_the_operators(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    let own = "sk-of-the-tenant-000000001";
    ana.make("/api/keys", json!({ "service": "openai", "key": own })).await;
    ana.make("/api/keys", json!({ "service": "groq", "key": "gsk-of-the-tenant" })).await;
    assert_eq!(ask(&ana, asking("openai/good-1")).await.status, 200);
    assert_eq!(far.asked()["key"], format!("Bearer {own}"));
    let used = ana.get("/api/keys").await.json;
    let openai = used["data"].as_array().unwrap().iter().find(|key| key["service"] == "openai");
    assert!(openai.unwrap()["lastUsedAt"].is_string(), "{used}");
    let models = ana.get("/v1/models").await.text;
    assert!(models.contains("groq/"), "{models}");
    // Another tenant has the operator's alone.
    let stranger = world.stranger.beside(&ana);
    assert!(!stranger.get("/v1/models").await.text.contains("groq/"));
    assert_eq!(ask(&stranger, asking("openai/good-1")).await.status, 200);
    assert_eq!(far.asked()["key"], format!("Bearer {KEY}"));
}
