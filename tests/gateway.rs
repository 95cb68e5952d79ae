//! A tenant's use of models: settings, masking, safety, credits, the cache, who is asked and who rests.

use futures_util::future::join_all;
use http_body_util::BodyExt;
use kith_gateway::credits::{Grant, give};
use kith_kernel::Time;
use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    models::{TEXT, ask, asking, header, heard, with_models_and as with},
    world::World,
};

on_both!(
    personal_data_does_not_leave,
    what_is_unfit_is_refused_where_that_is_wanted,
    the_same_is_asked_once,
    settings_of_a_tenant_count_at_once,
    settings_that_cannot_be_kept_to_are_refused,
    variables_name_tenants_and_capabilities,
    credits_end,
    a_thousand_at_once_cannot_overspend,
    credits_expire_and_what_expires_first_is_taken_first,
    own_keys_cost_no_credits,
    whoever_went_away_is_accounted_for,
    whoever_hangs_up_pays_for_what_was_said,
    who_was_named_is_not_replaced,
    what_was_used_is_summed_up,
    what_is_old_is_deleted_and_its_sums_stay,
    a_key_that_comes_along_goes_before_all,
    who_rests_is_shown,
);

const ASKED: &str = "Write to ana.prado@example.com, or call +55 11 98765-4321, about order 7.";

fn saying(model: &str, text: &str) -> Json {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}

fn said(answer: &Answer) -> &str {
    answer.json["choices"][0]["message"]["content"].as_str().unwrap_or_default()
}

/// Gives credits to the tenant of Ana.
pub(crate) async fn grant(world: &World, amount: i64, expires_at: Option<Time>) {
    let ctx = world.house.identity.act_in(Some("World of owner")).await.unwrap();
    let grant = Grant { amount, expires_at, note: Some("for a test".to_owned()) };
    ctx.write(async |db| give((&ctx, db), &grant).await).await.unwrap();
    world.house.keys.forget();
}

async fn credits(ana: &Client) -> Json {
    let answer = ana.get("/api/ai/credits").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["credits"].clone()
}

async fn personal_data_does_not_leave(kind: Kind) {
    let (_world, ana, far) = with(kind, &[]).await;
    let answer = ask(&ana, saying("openai/echo-1", ASKED)).await;
    assert_eq!(said(&answer), ASKED, "{}", answer.text);
    let left = far.asked()["body"].to_string();
    assert!(left.contains("[EMAIL_1]") && left.contains("[PHONE_1]"), "{left}");
    assert!(!left.contains("prado") && !left.contains("98765"), "{left}");
    // The far side cuts its stream into eight letters each, and tokens with them.
    for model in ["openai/echo-1", "anthropic/echo-2"] {
        let mut body = saying(model, ASKED);
        body["stream"] = true.into();
        assert_eq!(heard(&ask(&ana, body).await).0, ASKED, "{model}");
        assert!(!far.asked()["body"].to_string().contains("prado"), "{model}");
    }
    let vectors = json!({ "model": "openai/good-embed", "input": ASKED });
    assert_eq!(ana.post("/v1/embeddings", vectors).await.status, 200);
    assert!(!far.asked()["body"].to_string().contains("prado"));
    set(&ana, json!({ "maskedKinds": ["phone"] })).await;
    ask(&ana, saying("openai/echo-1", ASKED)).await;
    let left = far.asked()["body"].to_string();
    assert!(left.contains("prado") && !left.contains("98765"), "{left}");
    set(&ana, json!({ "maskPersonalData": false })).await;
    ask(&ana, saying("openai/echo-1", ASKED)).await;
    assert!(far.asked()["body"].to_string().contains("98765"));
}

async fn set(ana: &Client, body: Json) -> Json {
    let answer = ana.patch("/api/ai/settings", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

async fn what_is_unfit_is_refused_where_that_is_wanted(kind: Kind) {
    let (_world, ana, far) = with(kind, &[]).await;
    let threat = "I am going to kill you tonight";
    assert_eq!(ask(&ana, saying("openai/good-1", threat)).await.status, 200);
    far.asked();
    set(&ana, json!({ "safetyFilter": true, "blockedWords": ["Monday"] })).await;
    let refused = ask(&ana, saying("openai/good-1", threat)).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert_eq!(refused.json["error"]["code"], "content_refused");
    assert!(refused.text.contains("violence"), "{}", refused.text);
    assert!(far.is_unasked());
    let filtered = TEXT.replace("Monday", "[FILTERED]");
    assert_eq!(said(&ask(&ana, asking("openai/good-1")).await), filtered);
    let mut body = asking("openai/good-1");
    body["stream"] = true.into();
    assert_eq!(heard(&ask(&ana, body).await).0, filtered);
    set(&ana, json!({ "safetyThresholds": { "violence": 1.5, "harassment": 1.5 } })).await;
    assert_eq!(ask(&ana, saying("openai/good-1", threat)).await.status, 200);
}

async fn the_same_is_asked_once(kind: Kind) {
    let (world, ana, far) = with(kind, &[]).await;
    let mut body = asking("openai/good-1");
    body["temperature"] = 0.into();
    for streams in [false, true, false] {
        body["stream"] = streams.into();
        let answer = ask(&ana, body.clone()).await;
        let text = if streams { heard(&answer).0 } else { said(&answer).to_owned() };
        assert_eq!((answer.status, text.as_str()), (200, TEXT), "{}", answer.text);
        assert_eq!(header(&answer, "x-kith-provider"), "openai");
    }
    far.asked();
    assert!(far.is_unasked());
    assert_eq!(header(&ask(&ana, body.clone()).await, "x-kith-cache"), "hit");
    // Somebody of another role, another tenant, or another question is asked anew.
    assert_eq!(header(&ask(&world.bruno, body.clone()).await, "x-kith-cache"), "");
    assert_eq!(header(&ask(&world.stranger, body.clone()).await, "x-kith-cache"), "");
    body["messages"][0]["content"] = "And my chairs?".into();
    assert_eq!(header(&ask(&ana, body.clone()).await, "x-kith-cache"), "");
    world.app.clock.advance_seconds(3_601);
    assert_eq!(header(&ask(&ana, body.clone()).await, "x-kith-cache"), "");
    set(&ana, json!({ "cacheSeconds": 0 })).await;
    assert_eq!(header(&ask(&ana, body.clone()).await, "x-kith-cache"), "");
    // What is not to be the same every time is never given again.
    let (first, second) = (asking("openai/good-1"), asking("openai/good-1"));
    set(&ana, json!({ "cacheSeconds": null })).await;
    ask(&ana, first).await;
    assert_eq!(header(&ask(&ana, second).await, "x-kith-cache"), "");
}

async fn settings_of_a_tenant_count_at_once(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    let by =
        async |ana: &Client| header(&ask(ana, asking("auto")).await, "x-kith-provider").to_owned();
    assert_eq!(by(&ana).await, "openai");
    let shown = set(&ana, json!({ "provider": "anthropic", "enable_fallback": false })).await;
    assert_eq!(shown["settings"]["provider"], "anthropic");
    let order = json!([{ "provider": "anthropic", "model": "good-2" }]);
    assert_eq!(shown["effective"]["order"]["chat"], order);
    assert_eq!(by(&ana).await, "anthropic");
    assert_eq!(by(&world.stranger).await, "openai");
    let shown =
        set(&ana, json!({ "provider": null, "models": { "chat": "anthropic/good-7" } })).await;
    assert_eq!(shown["settings"]["enableFallback"], false);
    let answer = ask(&ana, asking("auto")).await;
    assert_eq!(header(&answer, "x-kith-model"), "good-7");
    // Whoever makes no vectors is not asked for them.
    let order = set(&ana, json!({ "provider": "anthropic" })).await["effective"]["order"].clone();
    assert_eq!(
        order["embeddings"],
        json!([{ "provider": "openai", "model": "text-embedding-3-small" }])
    );
    // A request that names somebody is not told by settings whom to ask.
    assert_eq!(header(&ask(&ana, asking("openai/good-3")).await, "x-kith-model"), "good-3");
    assert_eq!(ana.get("/api/ai/settings").await.json["effective"]["enableFallback"], false);
    // The world was made by another process at the same instant: its events may come behind.
    let events = ana.get("/api/audit-logs?limit=50").await.text;
    assert!(events.contains("ai_settings.updated"), "{events}");
}

async fn settings_that_cannot_be_kept_to_are_refused(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    for (body, place) in [
        (json!({ "provider": "skynet" }), "/provider"),
        (json!({ "failoverChain": ["openai", "x"] }), "/failoverChain"),
        (json!({ "routing": "cheap" }), "/routing"),
        (json!({ "models": { "chatty": "gpt-4o" } }), "/models/chatty"),
        (json!({ "models": { "chat": "auto/cheap" } }), "/models/chat"),
        (json!({ "maskedKinds": ["name"] }), "/maskedKinds"),
        (json!({ "safetyThresholds": { "hate": 7 } }), "/safetyThresholds/hate"),
        (json!({ "blockedWords": [""] }), "/blockedWords"),
        (json!({ "cacheSeconds": 99_999_999 }), "/cacheSeconds"),
    ] {
        let answer = ana.patch("/api/ai/settings", body).await;
        let pointer = &answer.json["errors"][0]["pointer"];
        assert_eq!((answer.status, pointer), (422, &json!(place)), "{}", answer.text);
    }
    for body in [json!({ "colour": "red" }), json!({ "cacheSeconds": -1 }), json!({ "models": 3 })]
    {
        assert_eq!(ana.patch("/api/ai/settings", body).await.status, 422);
    }
    assert_eq!(world.bruno.get("/api/ai/settings").await.status, 403);
    assert_eq!(ana.get("/api/ai/settings").await.json["settings"]["models"], json!({}));
}

async fn variables_name_tenants_and_capabilities(kind: Kind) {
    let variables = [
        ("LLM_PROVIDER__TENANT_WORLD_OF_OWNER", "anthropic"),
        ("MODEL_CHAT__TENANT_WORLD_OF_OWNER", "good-of-the-tenant"),
        ("MODEL_CHAT_TOOLS", "good-tools"),
        ("ANTHROPIC_MODEL_CHAT_TOOLS", "good-claude"),
    ];
    let (world, ana, _far) = with(kind, &variables).await;
    let answer = ask(&ana, asking("auto")).await;
    assert_eq!(
        [header(&answer, "x-kith-provider"), header(&answer, "x-kith-model")],
        ["anthropic", "good-of-the-tenant"]
    );
    let answer = ask(&world.stranger, asking("auto")).await;
    assert_eq!(header(&answer, "x-kith-model"), "good-1");
    let order = ana.get("/api/ai/settings").await.json["effective"]["order"].clone();
    assert_eq!(
        order["chat_tools"],
        json!([{ "provider": "anthropic", "model": "good-claude" }, { "provider": "openai", "model": "good-tools" }])
    );
    // What the tenant has set itself goes before what the operator has.
    set(&ana, json!({ "provider": "openai" })).await;
    let answer = ask(&ana, asking("auto")).await;
    assert_eq!(header(&answer, "x-kith-provider"), "openai");
}

async fn credits_end(kind: Kind) {
    let (world, ana, far) = with(kind, &[("llm.openai_model", "gpt-4o")]).await;
    assert_eq!(credits(&ana).await["isLimited"], false);
    grant(&world, 600, None).await;
    let told = credits(&ana).await;
    assert_eq!((&told["isLimited"], &told["remaining"]), (&json!(true), &json!(600)));
    set(&ana, json!({ "enableFallback": false })).await;
    let mut body = saying("openai/gpt-4o", "Where are my lamps?");
    body["max_tokens"] = 5_000.into();
    assert_eq!(ask(&ana, body.clone()).await.status, 200);
    far.asked();
    // 11 and 7 tokens are 98 millionths of a dollar: one credit.
    let told = credits(&ana).await;
    assert_eq!([&told["used"], &told["remaining"]], [&json!(1), &json!(599)], "{told}");
    let entries = ana.get("/api/ai/credits/entries?count=exact").await.json;
    assert_eq!(entries["total"], 1, "{entries}");
    let entry = &entries["data"][0];
    assert_eq!((&entry["state"], &entry["used"]), (&json!("settled"), &json!(1)), "{entries}");
    assert!(entry["reserved"].as_i64().unwrap() > 400, "{entries}");
    // More than is left is not asked for, and nobody is asked.
    body["max_tokens"] = 9_000.into();
    let refused = ask(&ana, body.clone()).await;
    assert_eq!(
        (refused.status, &refused.json["error"]["type"]),
        (402, &json!("insufficient_quota"))
    );
    assert!(refused.text.contains("599 are left"), "{}", refused.text);
    assert!(far.is_unasked());
    // Without a limit of its own an answer may be as long as can be paid for.
    body.as_object_mut().unwrap().remove("max_tokens");
    assert_eq!(ask(&ana, body.clone()).await.status, 200);
    assert_eq!(far.asked()["body"]["max_tokens"], 4_096);
    assert_eq!(credits(&world.stranger).await["isLimited"], false);
    assert_eq!(ask(&world.stranger, body).await.status, 200);
}

async fn a_thousand_at_once_cannot_overspend(kind: Kind) {
    let (world, ana, _far) = with(
        kind,
        &[
            ("llm.breaker_failures", "100000"),
            ("server.concurrency", "2000"),
            ("llm.timeout_seconds", "60"),
            ("llm.answer_seconds", "60"),
        ],
    )
    .await;
    // Each may cost two credits, so that fifty of a thousand fit.
    grant(&world, 100, None).await;
    set(&ana, json!({ "enableFallback": false })).await;
    let mut body = saying("openai/gpt-4o", "x");
    body["max_tokens"] = 15.into();
    body["stream"] = true.into();
    let all = join_all((0..1_000).map(|_| ask(&ana, body.clone()))).await;
    let (mut answered, mut refused) = (0_i64, 0);
    for answer in &all {
        match answer.status {
            200 => answered += 1,
            402 => refused += 1,
            other => panic!("{other}: {}", answer.text),
        }
    }
    let told = credits(&ana).await;
    assert_eq!(told["used"].as_i64().unwrap(), answered, "each cost one credit: {told}");
    assert_eq!(told["remaining"].as_i64().unwrap(), 100 - answered);
    assert!((50..=100).contains(&answered) && refused > 0, "{answered} {refused}");
}

async fn credits_expire_and_what_expires_first_is_taken_first(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    let soon = Time::from_milliseconds(world.app.clock.now().milliseconds() + 3_600_000);
    grant(&world, 1, Some(soon)).await;
    grant(&world, 1_000, None).await;
    let body = saying("openai/gpt-4o", "x");
    assert_eq!(ask(&ana, body.clone()).await.status, 200);
    let told = credits(&ana).await;
    let left = |told: &Json| -> Vec<i64> {
        let grants = told["grants"].as_array().unwrap();
        grants.iter().map(|grant| grant["remaining"].as_i64().unwrap()).collect()
    };
    assert_eq!((left(&told), &told["total"]), (vec![0, 1_000], &json!(1_001)), "{told}");
    world.app.clock.advance_seconds(3_601);
    let told = credits(&ana).await;
    assert_eq!((left(&told), &told["total"]), (vec![1_000], &json!(1_000)), "{told}");
    world.app.clock.advance_seconds(86_400);
    assert_eq!(ask(&ana, body).await.status, 200);
    assert_eq!(left(&credits(&ana).await), [999]);
}

async fn own_keys_cost_no_credits(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    grant(&world, 1, None).await;
    let body = saying("openai/gpt-4o", "Where are my lamps?");
    assert_eq!(ask(&ana, body.clone()).await.status, 402);
    ana.make("/api/keys", json!({ "service": "openai", "key": "sk-of-the-tenant-000000001" }))
        .await;
    set(&ana, json!({ "enableFallback": false })).await;
    assert_eq!(ask(&ana, body).await.status, 200);
    assert_eq!(credits(&ana).await["remaining"], 1);
}

async fn whoever_went_away_is_accounted_for(kind: Kind) {
    let (world, ana, far) = with(kind, &[("llm.answer_seconds", "30")]).await;
    grant(&world, 1_000, None).await;
    let mut body = saying("openai/late-gpt-4o", "Where are my lamps?");
    body["model"] = "openai/late-1".into();
    {
        let asking = ask(&ana, body);
        tokio::pin!(asking);
        // Dropped in the middle, as when a connection breaks.
        tokio::select! {
            answer = &mut asking => panic!("{}", answer.text),
            _ = tokio::task::spawn_blocking(move || { far.asked(); far }) => {}
        }
    }
    let told = credits(&ana).await;
    let entries = ana.get("/api/ai/credits/entries").await.json;
    assert_eq!(entries["data"][0]["state"], "settled", "{entries}");
    assert_eq!(told["used"], entries["data"][0]["reserved"], "it stands at its estimate");
    let calls = ana.get("/api/system/llm-activity").await.json;
    assert_eq!(calls["data"][0]["status"], "error", "{calls}");
}

async fn whoever_hangs_up_pays_for_what_was_said(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    grant(&world, 10_000, None).await;
    for model in ["openai/slow-1", "openai/late-1"] {
        let mut body = saying(model, "Where are my lamps?");
        body["stream"] = true.into();
        let opened = ana.open_with("/v1/chat/completions", Some(body));
        if model.contains("slow") {
            let mut body = opened.await;
            assert!(body.frame().await.unwrap().is_ok());
        } else {
            // It went away before anybody spoke.
            let patience = std::time::Duration::from_millis(300);
            assert!(tokio::time::timeout(patience, opened).await.is_err());
        }
    }
    let told = credits(&ana).await;
    assert!(told["used"].as_i64().unwrap() >= 2, "{told}");
    let calls = ana.get("/api/system/llm-activity").await.json;
    assert_eq!(calls["meta"]["count"], 2, "{calls}");
    for call in calls["data"].as_array().unwrap() {
        assert_eq!(call["status"], "error", "{call}");
        assert!(call["usage"]["prompt_tokens"].as_u64().unwrap() > 0, "{call}");
    }
}

async fn who_was_named_is_not_replaced(kind: Kind) {
    let (_world, ana, far) = with(kind, &[]).await;
    for model in ["ollama/llama2", "google"] {
        let answer = ask(&ana, asking(model)).await;
        assert_eq!(
            (answer.status, &answer.json["error"]["code"]),
            (503, &json!("provider_not_set_up")),
            "{}",
            answer.text
        );
    }
    let long = ask(&ana, asking(&format!("openai/{}", "x".repeat(200)))).await;
    assert_eq!((long.status, &long.json["error"]["param"]), (400, &json!("model")));
    assert!(far.is_unasked());
}

async fn what_was_used_is_summed_up(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    ask(&ana, saying("openai/gpt-4o", "Where are my lamps?")).await;
    ask(&ana, saying("openai/html-1", "Where are my lamps?")).await;
    assert_eq!(ana.delete("/api/system/llm-activity").await.status, 200);
    let usage = ana.get("/api/ai/usage").await.json["usage"].clone();
    assert_eq!(usage["totalRequests"], 2, "{usage}");
    assert_eq!((&usage["totalTokens"], &usage["failures"]), (&json!(36), &json!(1)), "{usage}");
    assert_eq!(usage["byProvider"]["openai"]["requests"], 2, "{usage}");
    assert_eq!(usage["byModel"]["openai/gpt-4o"]["cost"], "0.000098", "{usage}");
    assert_eq!(usage["byCapability"]["chat"]["tokens"], 36, "{usage}");
    assert_eq!(usage["byDay"].as_object().unwrap().len(), 1, "{usage}");
    assert_eq!(world.stranger.get("/api/ai/usage").await.json["usage"]["totalRequests"], 0);
    assert_eq!(ana.get("/api/ai/usage?days=0").await.status, 422);
    world.app.clock.advance_seconds(2 * 86_400);
    assert_eq!(ana.get("/api/ai/usage?days=1").await.json["usage"]["totalRequests"], 0);
}

async fn what_is_old_is_deleted_and_its_sums_stay(kind: Kind) {
    let (world, ana, _far) = with(kind, &[]).await;
    ask(&ana, asking("openai/good-1")).await;
    assert_eq!(ana.get("/api/system/llm-activity").await.json["meta"]["count"], 1);
    world.app.clock.advance_seconds(91 * 86_400);
    ask(&ana, asking("openai/good-1")).await;
    assert_eq!(ana.get("/api/system/llm-activity").await.json["meta"]["count"], 1);
    assert_eq!(ana.get("/api/ai/usage?days=100").await.json["usage"]["totalRequests"], 2);
}

async fn a_key_that_comes_along_goes_before_all(kind: Kind) {
    let (world, ana, far) = with(kind, &[]).await;
    grant(&world, 1, None).await;
    ana.make("/api/keys", json!({ "service": "openai", "key": "sk-of-the-tenant-000000001" }))
        .await;
    let body = asking("openai/good-1").to_string().into_bytes();
    let own = "sk-that-came-along-0001";
    let headers = [("content-type", "application/json"), ("x-openai-key", own)];
    let answer = ana.send("POST", "/v1/chat/completions", &headers, body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(far.asked()["key"], format!("Bearer {own}"));
    let wrong = [("content-type", "application/json"), ("x-openai-key", "pk-no")];
    let answer = ana.send("POST", "/v1/chat/completions", &wrong, body).await;
    assert_eq!((answer.status, &answer.json["error"]["param"]), (400, &json!("x-openai-key")));
    assert!(far.is_unasked());
    let text = json!({ "text": "Thanks!", "engine": "openai/json-sentiment" }).to_string();
    let found = ana.send("POST", "/api/ai/sentiment", &headers, text.into_bytes()).await;
    assert_eq!(found.json["engine"], "openai/json-sentiment", "{}", found.text);
    assert_eq!(far.asked()["key"], format!("Bearer {own}"));
}

async fn who_rests_is_shown(kind: Kind) {
    let (world, ana, _far) =
        with(kind, &[("llm.breaker_failures", "2"), ("llm.openai_model", "html-1")]).await;
    let shown = async |by: &Client| -> Json {
        let all = by.get("/api/ai/providers").await.json["providers"].clone();
        all.as_array().unwrap().iter().find(|one| one["id"] == "openai").unwrap().clone()
    };
    assert_eq!(shown(&ana).await["status"], "available");
    for _ in 0..2 {
        ask(&ana, asking("openai/html-1")).await;
        ask(&ana, asking("openai/html-of-mine")).await;
    }
    let openai = shown(&world.bruno).await;
    assert_eq!(openai["status"], "resting", "{openai}");
    let breaker = &openai["breakers"][0];
    assert_eq!(
        (&breaker["model"], &breaker["state"]),
        (&json!("html-1"), &json!("open")),
        "{openai}"
    );
    assert_eq!(openai["key"], "operator");
    // What somebody asked for by a name of their own is shown to nobody.
    assert_eq!(openai["breakers"].as_array().unwrap().len(), 1, "{openai}");
    // Whoever has a key of their own has a door of their own.
    ana.make("/api/keys", json!({ "service": "openai", "key": "sk-of-the-tenant-000000001" }))
        .await;
    let openai = shown(&ana).await;
    assert_eq!((&openai["status"], &openai["key"]), (&json!("available"), &json!("own")));
    let all = ana.get("/api/ai/providers").await.json;
    assert_eq!(all["providers"].as_array().unwrap().len(), 9);
    assert_eq!(all["providers"][3]["status"], "not_configured", "{all}");
}
