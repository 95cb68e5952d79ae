//! Streams that fail at every byte.

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    answer::Finish,
    breaker::{Breakers, Door},
    call::Limits,
    chat::{Schema, Tool},
    fake::{Far, Fault, Reply, anthropic, openai},
    provider::Provider,
};

const TEXT: &str = "Olá Ana, your order of 3 lamps left on Monday; it arrives by Friday. Até já!";
const ARGUMENTS: &str = r#"{"order":"A-17","notify":true}"#;

fn target(provider: Provider) -> Target {
    Target {
        provider,
        model: "m".to_owned(),
        base_url: format!("http://{}", provider.name()),
        key: Some("sk-secret".to_owned()),
        account: "us".to_owned(),
    }
}

fn chat() -> Chat {
    Chat { messages: vec![Message::text(Role::User, "Where is my order?")], ..Chat::default() }
}

fn with_tools() -> Chat {
    let parameters = json!({ "type": "object" });
    let tool = Tool { name: "track".to_owned(), description: None, parameters, strict: false };
    Chat { tools: vec![tool], ..chat() }
}

fn with_schema() -> Chat {
    let schema =
        Schema::Of { name: "order".to_owned(), schema: json!({ "type": "object" }), strict: true };
    Chat { schema: Some(schema), ..chat() }
}

/// What was said before, as the far side reads it out of the request.
fn said(body: &Json) -> String {
    let messages = body["messages"].as_array().unwrap();
    let said = messages.iter().find(|message| message["role"] == "assistant");
    let content = said.map_or(&Json::Null, |message| &message["content"]);
    content.as_str().or_else(|| content.pointer("/0/text")?.as_str()).unwrap_or_default().to_owned()
}

/// What both far sides say of a chat, in their forms; `repeat` letters of what was said come first.
fn spoken(url: &str, body: &Json, repeat: usize) -> Vec<u8> {
    let before = said(body);
    let begin = before.chars().count().saturating_sub(repeat);
    let text: String = TEXT.chars().skip(begin).collect();
    let is_anthropic = url.contains("anthropic");
    let asks_for_json = body.get("response_format").is_some()
        || body.pointer("/tools/0/name") == Some(&json!("answer"));
    match (is_anthropic, asks_for_json, body.get("tools").is_some()) {
        (true, true, _) => anthropic("", Some(("answer", ARGUMENTS))),
        (false, true, _) => openai(ARGUMENTS, None),
        (true, false, true) => anthropic(&text, Some(("track", ARGUMENTS))),
        (false, false, true) => openai(&text, Some(("track", ARGUMENTS))),
        (true, false, false) => anthropic(&text, None),
        (false, false, false) => openai(&text, None),
    }
}

/// The first of two providers fails; the other one goes on.
fn failing(first: Provider, fault: Fault, repeat: usize) -> Far {
    Far::new(move |url, body| {
        let reply = Reply::new(spoken(url, body, repeat));
        if url.contains(first.name()) { reply.with(fault) } else { reply }
    })
}

struct Heard {
    text: String,
    calls: Vec<ToolCall>,
    finish: Vec<Finish>,
    usage: Option<Usage>,
    failure: Option<Failure>,
    legs: Vec<Leg>,
}

async fn listen(far: Far, chat: Chat, targets: &[Provider]) -> Heard {
    let limits = Limits { retries: 0, ..Limits::default() };
    let caller = Arc::new(Caller::new(far, Breakers::new(Door::default()), limits));
    let targets = targets.iter().copied().map(target).collect();
    let mut streaming = Streaming::new(caller, chat, targets);
    let mut heard = Heard {
        text: String::new(),
        calls: Vec::new(),
        finish: Vec::new(),
        usage: None,
        failure: None,
        legs: Vec::new(),
    };
    loop {
        match streaming.next().await {
            Ok(Some(Event::Text(text))) => heard.text.push_str(&text),
            Ok(Some(Event::ToolCall(call))) => heard.calls.push(call),
            Ok(Some(Event::Usage(usage))) => heard.usage = Some(usage),
            Ok(Some(Event::Finish(finish))) => heard.finish.push(finish),
            Ok(None) => break,
            Err(failure) => {
                heard.failure = Some(failure);
                break;
            }
        }
    }
    heard.legs = streaming.legs();
    heard
}

fn faults(at: usize) -> [Fault; 4] {
    [Fault::Cut(at), Fault::End(at), Fault::Stall(at), Fault::Garble(at)]
}

const PAIRS: [[Provider; 2]; 2] =
    [[Provider::OpenAi, Provider::Anthropic], [Provider::Anthropic, Provider::Groq]];

/// Every fault at every byte of the first provider's answer.
async fn at_every_byte(chat: Chat, repeat: usize, check: impl Fn(&Heard)) {
    for pair in PAIRS {
        let body = crate::wire::body((pair[0], "m"), &chat, true).unwrap();
        let body: Json = serde_json::from_slice(&body).unwrap();
        let length = spoken(pair[0].name(), &body, 0).len();
        for fault in (0..length).flat_map(faults) {
            let heard = listen(failing(pair[0], fault, repeat), chat.clone(), &pair).await;
            assert_eq!(heard.failure, None, "{pair:?} {fault:?}");
            assert_eq!(heard.finish.len(), 1, "{pair:?} {fault:?}");
            assert!(heard.usage.is_some(), "{pair:?} {fault:?}");
            let failed = heard.legs.iter().filter(|leg| leg.failure.is_some()).count();
            assert_eq!(failed + 1, heard.legs.len(), "{pair:?} {fault:?}");
            check(&heard);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn text_goes_on_where_it_was_cut() {
    at_every_byte(chat(), 0, |heard| {
        assert_eq!((heard.text.as_str(), heard.finish[0]), (TEXT, Finish::Stop));
        assert!(heard.legs.len() <= 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_next_one_repeats_is_not_said_twice() {
    at_every_byte(chat(), 15, |heard| assert_eq!(heard.text, TEXT)).await;
}

#[tokio::test(start_paused = true)]
async fn functions_are_asked_for_once_and_whole() {
    at_every_byte(with_tools(), 0, |heard| {
        assert_eq!((heard.text.as_str(), heard.finish[0]), (TEXT, Finish::ToolCalls));
        let [call] = heard.calls.as_slice() else { panic!("{:?}", heard.calls) };
        assert_eq!((call.name.as_str(), call.arguments.as_str()), ("track", ARGUMENTS));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn text_of_a_schema_is_whole_or_not_there() {
    at_every_byte(with_schema(), 0, |heard| {
        assert_eq!((heard.text.as_str(), heard.finish[0]), (ARGUMENTS, Finish::Stop));
        assert!(heard.calls.is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_only_one_may_go_on_itself() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let far = Far::new(move |url, body| {
        let reply = Reply::new(spoken(url, body, 0));
        let is_first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        if is_first { reply.with(Fault::Cut(700)) } else { reply }
    });
    let heard = listen(far, chat(), &[Provider::OpenAi]).await;
    assert_eq!((heard.text.as_str(), heard.failure, heard.legs.len()), (TEXT, None, 2));
    let usage = heard.usage.unwrap();
    assert!(usage.prompt_tokens > 7 && usage.completion_tokens > 5, "both are counted: {usage:?}");
    assert!(heard.legs[0].is_guess && !heard.legs[1].is_guess);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_left_it_is_told_once() {
    let far = Far::new(|url, body| Reply::new(spoken(url, body, 0)).with(Fault::Cut(400)));
    let heard = listen(far, chat(), &PAIRS[0]).await;
    let failure = heard.failure.unwrap();
    assert!(TEXT.starts_with(&heard.text) && !heard.text.is_empty());
    assert_eq!((failure.cause, heard.finish.len()), (Cause::Cut, 0));
    assert!(failure.message.contains("openai: ") && failure.message.contains("anthropic: "));
}

#[tokio::test(start_paused = true)]
async fn who_refuses_is_passed_over() {
    let far = Far::new(|url, body| {
        if url.contains("openai") {
            let mut reply = Reply::refusal(429, "slow down, sk-secret");
            reply.headers.push(("retry-after", "40".to_owned()));
            reply
        } else {
            Reply::new(spoken(url, body, 0))
        }
    });
    let heard = listen(far.clone(), chat(), &PAIRS[0]).await;
    assert_eq!((heard.text.as_str(), heard.failure), (TEXT, None));
    let failure = heard.legs[0].failure.clone().unwrap();
    assert_eq!(failure.message, "answered with status 429: slow down, ***");
    assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(40)));
    assert_eq!(far.asked.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_ends() {
    let mut far = Far::new(|_, _| {
        let piece = json!({ "choices": [{ "delta": { "content": "la ".repeat(2000) } }] });
        Reply::new(format!("data: {piece}\n\n").repeat(900))
    });
    far.chunk = 100_000;
    let heard = listen(far, chat(), &[Provider::Local]).await;
    assert_eq!(heard.failure.unwrap().cause, Cause::Garbled);
}
