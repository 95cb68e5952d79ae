//! Requests read and answers written, as Anthropic describes them.

use kith_kernel::{Id, Result};
use kith_llm::{
    Answer, Content, Event, Finish, Form, Message, Role, Schema, ToolCall, ToolChoice, Usage,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

const PIXEL: &str = "iVBORw0KGgo=";

fn asked(json: Json) -> Result<Asked> {
    let Json::Object(body) = json else { panic!("no object") };
    read(body)
}

fn with(more: &Json) -> Json {
    let mut body = json!({ "model": "auto", "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn options_get_their_names() {
    let chat = asked(with(&json!({
        "model": "gpt-4o", "system": [{ "type": "text", "text": "Be kind." }, { "type": "text", "text": "Be short.", "cache_control": { "type": "ephemeral" } }],
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["x"], "metadata": { "user_id": "u-1" },
        "stream": true, "service_tier": "auto", "thinking": { "type": "disabled" }, "container": null,
        "output_config": { "effort": "low", "format": { "type": "json_schema", "schema": { "type": "object" } } }
    })))
    .unwrap();
    assert!(chat.streams);
    let chat = chat.chat;
    assert_eq!(chat.messages[0], Message::text(Role::System, "Be kind.\n\nBe short."));
    let schema =
        Schema::Of { name: "answer".into(), schema: json!({ "type": "object" }), strict: true };
    assert_eq!(chat.schema, Some(schema));
    let options = chat.options;
    assert_eq!(
        (options.temperature, options.top_p, options.top_k),
        (Some(0.5), Some(0.9), Some(40))
    );
    assert_eq!((options.max_tokens, options.user.as_deref()), (Some(9), Some("u-1")));
    assert_eq!((options.stop, options.form), (vec!["x".to_owned()], Form::Anthropic));
    let others = json!({ "service_tier": "auto", "output_config": { "effort": "low" } });
    assert_eq!(Json::Object(options.others), others);
}

#[test]
fn a_round_with_tools_becomes_turns() {
    let tool = json!({ "name": "track", "input_schema": { "type": "object" }, "strict": true, "cache_control": { "type": "ephemeral" } });
    let image = json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PIXEL } });
    let by_address =
        json!({ "type": "image", "source": { "type": "url", "url": "https://example.com/a.png" } });
    let chat = asked(json!({
        "model": "m", "max_tokens": 9, "tools": [tool],
        "tool_choice": { "type": "any", "disable_parallel_tool_use": true },
        "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "Look" }, image, by_address] },
            { "role": "assistant", "content": [
                { "type": "text", "text": "I see.", "citations": null },
                { "type": "tool_use", "id": "c1", "name": "track", "input": { "id": 7 } },
                { "type": "tool_use", "id": "c2", "name": "track", "input": {} } ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c1", "content": "Monday" },
                { "type": "tool_result", "tool_use_id": "c2", "is_error": true, "content": [{ "type": "text", "text": "lost" }] },
                { "type": "text", "text": "And now?" } ] },
        ]
    }))
    .unwrap()
    .chat;
    let roles: Vec<Role> = chat.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Tool, Role::User]);
    let shown = [
        Content::Text("Look".into()),
        Content::Image(format!("data:image/png;base64,{PIXEL}")),
        Content::Image("https://example.com/a.png".into()),
    ];
    assert_eq!(chat.messages[0].content, shown);
    assert_eq!(chat.messages[1].tool_calls[0].arguments, r#"{"id":7}"#);
    let told = |at: usize| (chat.messages[at].tool_call_id.as_deref(), chat.messages[at].is_error);
    assert_eq!((told(2), told(3)), ((Some("c1"), false), (Some("c2"), true)));
    assert_eq!(chat.messages[4], Message::text(Role::User, "And now?"));
    assert_eq!(chat.tool_choice, Some(ToolChoice::Required));
    assert_eq!(chat.options.parallel_tool_calls, Some(false));
    assert!(chat.tools[0].strict);
}

fn block(block: &Json) -> Json {
    json!({ "messages": [{ "role": "user", "content": [block] }] })
}

#[test]
fn what_is_wrong_or_not_carried_is_told_by_its_place() {
    let tool = json!({ "name": "t", "input_schema": {} });
    let wrong = [
        (json!({ "max_tokens": null }), "max_tokens"),
        (json!({ "max_tokens": 0 }), "max_tokens"),
        (json!({ "temperature": 1.5 }), "temperature"),
        (json!({ "model": "" }), "model"),
        (json!({ "messages": [] }), "messages"),
        (json!({ "messages": [{ "role": "system", "content": "x" }] }), "messages/0"),
        (json!({ "messages": [{ "role": "user", "content": "" }] }), "messages/0/content"),
        (json!({ "messages": [{ "role": "user", "content": [] }] }), "messages/0/content"),
        (json!({ "messages": ["Hi"] }), "messages/0"),
        (json!({ "system": [{ "type": "image" }] }), "system/0"),
        (json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } }), "thinking"),
        (json!({ "mcp_servers": [] }), "mcp_servers"),
        (json!({ "metadata": { "colour": "red" } }), "metadata/colour"),
        (json!({ "stop_sequences": "x" }), "stop_sequences"),
        (json!({ "output_config": { "format": { "type": "xml" } } }), "output_config/format"),
        (json!({ "tools": [{ "name": "a b", "input_schema": {} }] }), "tools/0"),
        (json!({ "tools": [{ "name": "t" }] }), "tools/0"),
        (json!({ "tools": [tool, { "type": "web_search_20250305", "name": "w" }] }), "tools/1"),
        (
            json!({ "tools": [{ "name": "t", "input_schema": {}, "defer_loading": true }] }),
            "tools/0/defer_loading",
        ),
        (json!({ "tool_choice": { "type": "tool" } }), "tool_choice"),
    ];
    for (more, place) in wrong {
        is_told_at(&more, place);
    }
}

#[test]
fn blocks_that_are_wrong_or_not_carried_are_told_by_their_place() {
    let by_file = json!({ "type": "file", "file_id": "f" });
    let of_no_kind = json!({ "type": "base64", "media_type": "image/bmp", "data": "x" });
    let wrong = [
        (json!({ "type": "document", "source": {} }), ""),
        (json!({ "type": "thinking", "thinking": "x", "signature": "y" }), ""),
        (json!({ "type": "tool_use", "id": "c", "name": "t", "input": {} }), ""),
        (json!({ "type": "tool_result", "content": "x" }), ""),
        (
            json!({ "type": "tool_result", "tool_use_id": "c", "content": [{ "type": "document" }] }),
            "/content/0",
        ),
        (json!({ "type": "text", "text": "x", "citations": [{}] }), "/citations"),
        (json!({ "type": "image", "source": by_file }), "/source"),
        (json!({ "type": "image", "source": of_no_kind }), "/source"),
        (json!("x"), ""),
    ];
    for (wrong, place) in wrong {
        is_told_at(&block(&wrong), &format!("messages/0/content/0{place}"));
    }
}

fn is_told_at(more: &Json, place: &str) {
    let error = asked(with(more)).unwrap_err();
    assert_eq!(error.problems()[0].pointer, format!("/{place}"), "{more} {error:?}");
}

#[test]
fn what_is_counted_needs_no_length_of_its_answer() {
    let mut body = with(&json!({}));
    body.as_object_mut().unwrap().remove("max_tokens");
    let Json::Object(body) = body else { unreachable!() };
    let chat = read_to_count(body).unwrap().chat;
    assert_eq!(chat.estimate(), 5);
    let picture =
        block(&json!({ "type": "image", "source": { "type": "url", "url": "https://a.b/c" } }));
    assert_eq!(asked(with(&picture)).unwrap().chat.estimate(), 1_604);
}

fn call(arguments: &str) -> ToolCall {
    ToolCall { id: "c1".into(), name: "track".into(), arguments: arguments.into() }
}

const COUNTED: Usage = Usage { prompt_tokens: 11, completion_tokens: 7 };

#[test]
fn a_whole_answer_has_its_blocks() {
    let mut given = Answer {
        model: "m".into(),
        text: "I look.".into(),
        tool_calls: vec![call(r#"{"id":7}"#), call(" ")],
        finish: Finish::ToolCalls,
        usage: None,
    };
    let json = answer(Id::NIL, &given, COUNTED).unwrap();
    assert_eq!(
        json["content"],
        json!([
            { "type": "text", "text": "I look." },
            { "type": "tool_use", "id": "c1", "name": "track", "input": { "id": 7 } },
            { "type": "tool_use", "id": "c1", "name": "track", "input": {} },
        ])
    );
    assert_eq!(
        (&json["stop_reason"], &json["usage"]["input_tokens"]),
        (&json!("tool_use"), &json!(11))
    );
    given.tool_calls = vec![call("[7]")];
    assert!(answer(Id::NIL, &given, COUNTED).unwrap_err().message.contains("track"));
}

/// The events of a stream, each named by its type.
fn events(written: &str) -> Vec<Json> {
    let event = |event: &str| {
        let (kind, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Json = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], kind);
        data
    };
    written.split_terminator("\n\n").map(event).collect()
}

fn streamed(all: Vec<Event>) -> Vec<Json> {
    let mut pieces = Pieces::new(Id::NIL, (String::new(), 0));
    let mut written = String::new();
    for event in all {
        written.push_str(std::str::from_utf8(&pieces.of(event).unwrap()).unwrap());
    }
    written.push_str(std::str::from_utf8(&pieces.end()).unwrap());
    events(&written)
}

#[test]
fn a_stream_has_its_order() {
    let all = vec![
        Event::Text("I ".into()),
        Event::Text("look.".into()),
        Event::ToolCall(call(r#"{"id":7}"#)),
        Event::ToolCall(call("")),
        Event::Finish(Finish::ToolCalls),
        Event::Usage(COUNTED),
    ];
    let told = streamed(all);
    let kinds: Vec<String> = told
        .iter()
        .map(|event| format!("{} {}", event["type"].as_str().unwrap(), event["index"]))
        .collect();
    let block = |at: usize| {
        ["start", "delta", "stop"].map(|part| format!("content_block_{part} {at}")).to_vec()
    };
    let mut wanted = vec!["message_start null".to_owned(), "ping null".to_owned()];
    wanted.extend(block(0));
    wanted.insert(4, "content_block_delta 0".to_owned());
    wanted.extend(block(1));
    wanted.extend(block(2));
    wanted.extend(["message_delta null".to_owned(), "message_stop null".to_owned()]);
    assert_eq!(kinds, wanted);
    assert_eq!(told[7]["delta"]["partial_json"], r#"{"id":7}"#);
    let ends = &told[told.len() - 2];
    assert_eq!(ends["delta"]["stop_reason"], "tool_use");
    assert_eq!(ends["usage"], json!({ "input_tokens": 11, "output_tokens": 7 }));
}

#[test]
fn an_empty_answer_is_a_message_all_the_same() {
    let told = streamed(vec![Event::Finish(Finish::Filtered)]);
    let kinds: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["message_start", "ping", "message_delta", "message_stop"]);
    assert_eq!(told[2]["delta"]["stop_reason"], "refusal");
    let mut pieces = Pieces::new(Id::NIL, (String::new(), 0));
    let failure = pieces.of(Event::ToolCall(call("{"))).unwrap_err();
    let told = events(std::str::from_utf8(&Pieces::failure(&failure)).unwrap());
    assert_eq!(
        (&told[0]["type"], &told[0]["error"]["type"]),
        (&json!("error"), &json!("api_error"))
    );
}

#[test]
fn a_stream_begins_with_what_is_known() {
    let mut pieces = Pieces::new(Id::NIL, ("gpt-4o".to_owned(), COUNTED.prompt_tokens));
    let written = pieces.of(Event::Text("Hi".into())).unwrap();
    let message = events(std::str::from_utf8(&written).unwrap())[0]["message"].clone();
    assert_eq!(
        (&message["model"], &message["usage"]["input_tokens"]),
        (&json!("gpt-4o"), &json!(11))
    );
}

proptest! {
    /// Blocks begin at 0, one at a time, each with a beginning and an end, whatever is said; and no word is lost.
    #[test]
    fn blocks_are_whole(said in prop::collection::vec(prop::option::of("[a-z\n\"]{1,9}"), 0..12)) {
        let all = said.iter().map(|said| match said {
            Some(text) => Event::Text(text.clone()),
            None => Event::ToolCall(call("{}")),
        });
        let (mut open, mut next, mut heard) = (None, 0, String::new());
        for event in streamed(all.collect()) {
            match event["type"].as_str().unwrap() {
                "content_block_start" => {
                    prop_assert_eq!(open.replace(next), None);
                    prop_assert_eq!(event["index"].as_u64(), Some(next));
                }
                "content_block_stop" => {
                    prop_assert_eq!(event["index"].as_u64(), open.take());
                    next += 1;
                }
                "content_block_delta" => {
                    prop_assert_eq!(event["index"].as_u64(), open);
                    heard.push_str(event["delta"]["text"].as_str().unwrap_or_default());
                }
                _ => prop_assert_eq!(open, None),
            }
        }
        prop_assert_eq!(heard, said.into_iter().flatten().collect::<String>());
    }
}
