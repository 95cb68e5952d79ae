//! What is said in one form and what cannot be.

use serde_json::{Value as Json, json};

use super::body;
use crate::{
    Chat, Content, Form, Message, Options, Provider, Role, Tool, ToolCall, ToolChoice,
    failure::{Cause, Failure},
};

fn said(provider: Provider, chat: &Chat) -> Result<Json, Failure> {
    body((provider, "m"), chat, false).map(|body| serde_json::from_slice(&body).unwrap())
}

fn chat() -> Chat {
    let options = Options {
        top_k: Some(40),
        user: Some("u-1".into()),
        parallel_tool_calls: Some(false),
        ..Options::default()
    };
    let tools =
        vec![Tool { name: "t".into(), description: None, parameters: json!({}), strict: true }];
    Chat { messages: vec![Message::text(Role::User, "Hi")], tools, options, ..Chat::default() }
}

#[test]
fn options_have_their_names_in_each_form() {
    let openai = said(Provider::Local, &chat()).unwrap();
    assert_eq!((&openai["top_k"], &openai["user"]), (&json!(40), &json!("u-1")));
    assert_eq!(openai["parallel_tool_calls"], false);
    assert_eq!(openai["tools"][0]["function"]["strict"], true);
    let mut chat = chat();
    let anthropic = said(Provider::Anthropic, &chat).unwrap();
    assert_eq!(
        (&anthropic["top_k"], &anthropic["metadata"]),
        (&json!(40), &json!({ "user_id": "u-1" }))
    );
    assert_eq!(
        anthropic["tool_choice"],
        json!({ "type": "auto", "disable_parallel_tool_use": true })
    );
    assert_eq!(anthropic["tools"][0]["strict"], true);
    chat.tool_choice = Some(ToolChoice::Never);
    assert_eq!(said(Provider::Anthropic, &chat).unwrap()["tool_choice"], json!({ "type": "none" }));
}

#[test]
fn options_without_a_name_go_to_their_own_form_alone() {
    for (form, own, other) in [
        (Form::OpenAi, Provider::Groq, Provider::Anthropic),
        (Form::Anthropic, Provider::Anthropic, Provider::Groq),
    ] {
        let mut chat = chat();
        chat.options.form = form;
        chat.options.others.insert("colour".into(), "red".into());
        assert_eq!(said(own, &chat).unwrap()["colour"], "red");
        let failure = said(other, &chat).unwrap_err();
        assert_eq!(failure.cause, Cause::Refused);
        assert!(failure.message.ends_with("cannot be told `colour`"), "{failure}");
    }
}

#[test]
fn the_result_of_a_tool_keeps_what_it_says() {
    let call = ToolCall { id: "c1".into(), name: "t".into(), arguments: "{}".into() };
    let asked = Message {
        tool_calls: vec![call],
        content: Vec::new(),
        ..Message::text(Role::Assistant, "")
    };
    let result = Message {
        tool_call_id: Some("c1".into()),
        is_error: true,
        ..Message::text(Role::Tool, "lost")
    };
    let mut chat = Chat { messages: vec![asked, result], ..chat() };
    let openai = said(Provider::OpenAi, &chat).unwrap();
    assert_eq!(openai["messages"][1]["content"], "Error: lost");
    let anthropic = said(Provider::Anthropic, &chat).unwrap();
    let told = &anthropic["messages"][1]["content"][0];
    assert_eq!((&told["is_error"], &told["content"][0]["text"]), (&json!(true), &json!("lost")));
    let picture = "data:image/png;base64,aGk=".to_owned();
    chat.messages[1].content.push(Content::Image(picture));
    let anthropic = said(Provider::Anthropic, &chat).unwrap();
    let source = &anthropic["messages"][1]["content"][0]["content"][1]["source"];
    assert_eq!(source["media_type"], "image/png");
    let failure = said(Provider::OpenAi, &chat).unwrap_err();
    assert!(failure.message.contains("a picture as the result of a tool"), "{failure}");
}
