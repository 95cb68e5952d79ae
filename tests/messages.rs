//! Models of language in the form of Anthropic: `/v1/messages`, whole and as it comes, whoever answers.

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    models::{KEY, TEXT, header, with_models, with_models_and},
};

on_both!(
    a_model_answers_in_the_form_of_anthropic,
    a_round_with_a_tool_comes_to_an_answer,
    a_message_that_comes_goes_on_at_the_next,
    a_message_that_breaks_off_ends_with_an_error,
    pictures_and_options_reach_whoever_can_be_told,
    what_is_wrong_is_told_as_anthropic_tells_it,
    tokens_are_estimated_and_nobody_is_asked,
);

fn asking(model: &str) -> Json {
    let messages = json!([{ "role": "user", "content": "Where are my lamps?" }]);
    json!({ "model": model, "max_tokens": 99, "messages": messages })
}

fn with(mut body: Json, more: &Json) -> Json {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn ask(by: &Client, body: Json) -> Answer {
    by.post("/v1/messages", body).await
}

async fn a_model_answers_in_the_form_of_anthropic(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    for (model, provider) in [("auto", "openai"), ("anthropic/good-9", "anthropic")] {
        let answer = ask(&ana, asking(model)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json["content"], json!([{ "type": "text", "text": TEXT }]));
        assert_eq!(answer.json["stop_reason"], "end_turn");
        assert_eq!(answer.json["usage"], json!({ "input_tokens": 11, "output_tokens": 7 }));
        assert!(answer.json["id"].as_str().unwrap().starts_with("msg_"), "{}", answer.text);
        assert_eq!(header(&answer, "x-kith-provider"), provider);
        assert_eq!(header(&answer, "x-kith-attempts"), "1");
        assert!(header(&answer, "x-kith-overhead-us").parse::<u64>().is_ok());
        assert!(!header(&answer, "request-id").is_empty());
    }
    assert_eq!(far.asked()["body"]["max_tokens"], 99);
    let asked = far.asked();
    assert_eq!((&asked["key"], &asked["body"]["model"]), (&json!(KEY), &json!("good-9")));
    // The clients of Anthropic send a key by a header of its own.
    let scopes = json!({ "name": "k", "scopes": ["ai:write"] });
    let key = ana.make("/api/api-keys", scopes).await["key"].clone();
    let headers = [("x-api-key", key.as_str().unwrap()), ("content-type", "application/json")];
    let body = asking("auto").to_string().into_bytes();
    let answer = world.nobody.send("POST", "/v1/messages", &headers, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let calls = ana.get("/api/system/llm-activity").await.json;
    assert_eq!(calls["meta"]["count"], 3, "{calls}");
}

fn with_tool(model: &str) -> Json {
    let schema = json!({ "type": "object", "properties": { "id": { "type": "integer" } } });
    let tool = json!({ "name": "track", "description": "Where it is", "input_schema": schema });
    with(asking(model), &json!({ "tools": [tool], "system": "Be kind." }))
}

async fn a_round_with_a_tool_comes_to_an_answer(kind: Kind) {
    let (_world, ana, far) = with_models(kind).await;
    for model in ["openai/good-1", "anthropic/good-2"] {
        let mut body = with_tool(model);
        let asked = ask(&ana, body.clone()).await;
        let call =
            json!({ "type": "tool_use", "id": "call_1", "name": "track", "input": { "id": 7 } });
        assert_eq!(asked.json["content"], json!([call]), "{model}: {}", asked.text);
        assert_eq!(asked.json["stop_reason"], "tool_use");
        let result = json!({ "type": "tool_result", "tool_use_id": "call_1", "content": "Monday" });
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": "assistant", "content": asked.json["content"] }));
        messages.push(json!({ "role": "user", "content": [result] }));
        let answer = ask(&ana, body).await;
        assert_eq!(answer.json["content"][0]["text"], TEXT, "{model}: {}", answer.text);
        assert_eq!(answer.json["stop_reason"], "end_turn");
    }
    let openai = (far.asked(), far.asked()).1["body"].clone();
    let roles: Vec<&str> = openai["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["role"].as_str())
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool"], "{openai}");
    let anthropic = (far.asked(), far.asked()).1["body"].clone();
    assert_eq!(anthropic["system"], "Be kind.");
    assert_eq!(anthropic["messages"][1]["content"][0]["input"], json!({ "id": 7 }));
}

/// The events of a stream, each of which is named by its type.
fn events(answer: &Answer) -> Vec<Json> {
    assert_eq!((answer.status, header(answer, "content-type")), (200, "text/event-stream"));
    let event = |event: &str| {
        let (kind, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Json = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], kind, "{}", answer.text);
        data
    };
    answer.text.split_terminator("\n\n").map(event).collect()
}

async fn a_message_that_comes_goes_on_at_the_next(kind: Kind) {
    let (_world, ana, far) = with_models(kind).await;
    for (model, asked) in [("openai/good-1", 1), ("anthropic/good-2", 1), ("openai/cut-1", 2)] {
        let answer = ask(&ana, with(asking(model), &json!({ "stream": true }))).await;
        let told = events(&answer);
        let said = told.iter().filter_map(|event| event["delta"]["text"].as_str());
        assert_eq!(said.collect::<String>(), TEXT, "{model}");
        let kinds: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!(kinds[..3], ["message_start", "ping", "content_block_start"], "{model}");
        let ends = ["content_block_stop", "message_delta", "message_stop"];
        assert_eq!(kinds[kinds.len() - 3..], ends, "{model}");
        let ends = &told[told.len() - 2];
        assert_eq!(ends["delta"]["stop_reason"], "end_turn", "{model}");
        assert!(ends["usage"]["input_tokens"].as_u64().unwrap() >= 11, "{model}: {ends}");
        (0..asked).for_each(|_| drop(far.asked()));
        assert!(far.is_unasked(), "{model}");
    }
    for model in ["openai/good-1", "anthropic/good-2"] {
        let answer = ask(&ana, with(with_tool(model), &json!({ "stream": true }))).await;
        let told = events(&answer);
        let (block, delta) = (&told[2]["content_block"], &told[3]["delta"]);
        assert_eq!((&block["name"], &block["input"]), (&json!("track"), &json!({})), "{model}");
        assert_eq!(delta["partial_json"], r#"{"id":7}"#, "{model}");
        assert_eq!(told[told.len() - 2]["delta"]["stop_reason"], "tool_use", "{model}");
    }
}

async fn a_message_that_breaks_off_ends_with_an_error(kind: Kind) {
    let alone = [("llm.enable_fallback", "false")];
    let (_world, ana, _far) = with_models_and(kind, &alone).await;
    let streams = json!({ "stream": true });
    // Who breaks off before anything is said is an answer of its own.
    let answer = ask(&ana, with(asking("anthropic/snap-1"), &streams)).await;
    assert_eq!((answer.status, &answer.json["error"]["type"]), (503, &json!("api_error")));
    let answer = ask(&ana, with(asking("openai/snap-1"), &streams)).await;
    let told = events(&answer);
    assert_eq!(told[2]["type"], "content_block_start", "{}", answer.text);
    let last = told.last().unwrap();
    assert_eq!((&last["type"], &last["error"]["type"]), (&json!("error"), &json!("api_error")));
    assert!(last["error"]["message"].as_str().unwrap().contains("broke off"), "{last}");
}

async fn pictures_and_options_reach_whoever_can_be_told(kind: Kind) {
    let (_world, ana, far) = with_models(kind).await;
    let source = json!({ "type": "base64", "media_type": "image/png", "data": "aGk=" });
    let picture = json!({ "type": "image", "source": source });
    let content = json!([{ "type": "text", "text": "What is it?" }, picture]);
    let more = json!({
        "messages": [{ "role": "user", "content": content }],
        "top_k": 40, "metadata": { "user_id": "u-1" }, "stop_sequences": ["x"],
    });
    assert_eq!(ask(&ana, with(asking("openai/good-1"), &more)).await.status, 200);
    let openai = far.asked()["body"].clone();
    let url = &openai["messages"][0]["content"][1]["image_url"]["url"];
    assert_eq!(url, "data:image/png;base64,aGk=");
    assert_eq!((&openai["user"], &openai["stop"]), (&json!("u-1"), &json!(["x"])));
    let only_anthropic = with(more.clone(), &json!({ "service_tier": "auto" }));
    assert_eq!(ask(&ana, with(asking("anthropic/good-2"), &only_anthropic)).await.status, 200);
    let anthropic = far.asked()["body"].clone();
    assert_eq!(anthropic["messages"][0]["content"][1]["source"], source);
    assert_eq!((&anthropic["top_k"], &anthropic["service_tier"]), (&json!(40), &json!("auto")));
    assert_eq!(anthropic["metadata"], json!({ "user_id": "u-1" }));
    // What another form has no word for is refused by whoever speaks it, and asked of who can be told.
    let answer = ask(&ana, with(asking("openai/good-1"), &only_anthropic)).await;
    assert_eq!((answer.status, header(&answer, "x-kith-provider")), (200, "anthropic"));
    let calls = ana.get("/api/system/llm-activity?status=error").await.text;
    assert!(calls.contains("openai cannot be told `service_tier`"), "{calls}");
}

async fn what_is_wrong_is_told_as_anthropic_tells_it(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    let document = json!({ "role": "user", "content": [{ "type": "document", "source": {} }] });
    for (more, words) in [
        (json!({ "max_tokens": null }), "max_tokens"),
        (json!({ "messages": [] }), "messages"),
        (json!({ "messages": [document] }), "document"),
        (json!({ "thinking": { "type": "enabled", "budget_tokens": 2000 } }), "thinking"),
    ] {
        let answer = ask(&ana, with(asking("auto"), &more)).await;
        assert_eq!(
            (answer.status, &answer.json["type"]),
            (400, &json!("error")),
            "{}",
            answer.text
        );
        assert_eq!(answer.json["error"]["type"], "invalid_request_error");
        let message = answer.json["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert_eq!(answer.json["request_id"], header(&answer, "request-id"));
    }
    let reader = json!({ "name": "k", "scopes": ["ai:read"] });
    let reader = ana.make("/api/api-keys", reader).await["key"].as_str().unwrap().to_owned();
    let kinds = [
        (world.nobody.clone(), 401, "authentication_error"),
        (world.vera.clone(), 403, "permission_error"),
        (ana.with(&reader), 403, "permission_error"),
    ];
    for (by, status, kind) in kinds {
        let answer = ask(&by, asking("auto")).await;
        assert_eq!((answer.status, &answer.json["error"]["type"]), (status, &json!(kind)));
    }
    assert!(far.is_unasked());
    let (_world, ana) = world.configured(&[]);
    let answer = ask(&ana, asking("auto")).await;
    assert_eq!((answer.status, &answer.json["error"]["type"]), (503, &json!("api_error")));
}

async fn tokens_are_estimated_and_nobody_is_asked(kind: Kind) {
    let (world, ana, far) = with_models(kind).await;
    let count = async |by: &Client, body: Json| by.post("/v1/messages/count_tokens", body).await;
    let few = count(&ana, json!({ "model": "auto", "messages": asking("auto")["messages"] })).await;
    assert_eq!((few.status, &few.json), (200, &json!({ "input_tokens": 9 })), "{}", few.text);
    let more = count(&ana, with_tool("auto")).await.json["input_tokens"].as_u64().unwrap();
    assert!(more > 20, "{more}");
    assert_eq!(count(&ana, json!({ "model": "auto" })).await.status, 400);
    assert_eq!(count(&world.vera, asking("auto")).await.status, 200);
    assert_eq!(count(&world.nobody, asking("auto")).await.status, 401);
    assert!(far.is_unasked());
}
