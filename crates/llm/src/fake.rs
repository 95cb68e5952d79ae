//! Far sides that answer what a test wrote, and fail where it says.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use serde_json::{Value as Json, json};

use crate::{
    failure::{Cause, Failure},
    transport::{Incoming, Posted, Transport},
};

/// What goes wrong, behind how many bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    Nothing,
    /// The connection breaks.
    Cut(usize),
    /// The body ends as if it were whole.
    End(usize),
    /// Nothing more comes.
    Stall(usize),
    /// A byte that is none of any text.
    Garble(usize),
}

/// An answer of a far side.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) fault: Fault,
}

impl Reply {
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), fault: Fault::Nothing }
    }

    pub(crate) fn refusal(status: u16, words: &str) -> Self {
        let body = json!({ "error": { "message": words } }).to_string();
        Self { status, ..Self::new(body) }
    }

    pub(crate) fn with(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

type Answering = Box<dyn Fn(&str, &Json) -> Reply + Send + Sync>;

/// Answers by a function of the address and the body; remembers what was asked.
#[derive(Clone)]
pub(crate) struct Far {
    answering: Arc<Answering>,
    pub(crate) asked: Arc<Mutex<Vec<(String, Json)>>>,
    /// Bytes of a chunk.
    pub(crate) chunk: usize,
}

impl Far {
    pub(crate) fn new(answering: impl Fn(&str, &Json) -> Reply + Send + Sync + 'static) -> Self {
        Self { answering: Arc::new(Box::new(answering)), asked: Arc::default(), chunk: 61 }
    }
}

impl Transport for Far {
    type Incoming = Coming;

    async fn post(&self, posted: Posted) -> Result<Coming, Failure> {
        let body: Json = serde_json::from_slice(&posted.body).unwrap();
        let reply = (self.answering)(&posted.url, &body);
        self.asked.lock().unwrap().push((posted.url, body));
        let mut bytes = reply.body;
        match reply.fault {
            Fault::Nothing => {}
            Fault::Cut(at) | Fault::Stall(at) | Fault::End(at) => bytes.truncate(at),
            Fault::Garble(at) => bytes[at] = 0xff,
        }
        let chunks = bytes.chunks(self.chunk).map(Bytes::copy_from_slice).collect();
        Ok(Coming { status: reply.status, headers: reply.headers, chunks, fault: reply.fault })
    }
}

pub(crate) struct Coming {
    status: u16,
    headers: Vec<(&'static str, String)>,
    chunks: VecDeque<Bytes>,
    fault: Fault,
}

impl Incoming for Coming {
    fn status(&self) -> u16 {
        self.status
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        match (self.chunks.pop_front(), self.fault) {
            (Some(chunk), _) => Ok(Some(chunk)),
            (None, Fault::Stall(_)) => pending().await,
            (None, Fault::Cut(_)) => Err(Failure::new(Cause::Cut, "broke off the connection")),
            (None, Fault::Nothing | Fault::End(_) | Fault::Garble(_)) => Ok(None),
        }
    }
}

fn sse(events: &[Json]) -> String {
    let mut text = String::new();
    for event in events {
        text.push_str("event: any\r\ndata: ");
        text.push_str(&event.to_string());
        text.push_str("\r\n\r\n");
    }
    text
}

/// An answer of the OpenAI form as it comes: text in pieces, then a function that is asked for.
pub(crate) fn openai(text: &str, call: Option<(&str, &str)>) -> Vec<u8> {
    let delta = |delta: Json| json!({ "model": "m", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    let mut events = vec![delta(json!({ "role": "assistant", "content": "" }))];
    events.extend(pieces(text).map(|piece| delta(json!({ "content": piece }))));
    if let Some((name, arguments)) = call {
        let begin = json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": name, "arguments": "" } });
        events.push(delta(json!({ "tool_calls": [begin] })));
        events.extend(pieces(arguments).map(|piece| {
            delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }))
        }));
    }
    let reason = if call.is_some() { "tool_calls" } else { "stop" };
    events.push(
        json!({ "model": "m", "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }),
    );
    events.push(json!({ "model": "m", "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 5 } }));
    (sse(&events) + "data: [DONE]\n\n").into_bytes()
}

/// An answer of Anthropic's form as it comes.
pub(crate) fn anthropic(text: &str, call: Option<(&str, &str)>) -> Vec<u8> {
    let mut events = vec![
        json!({ "type": "message_start", "message": { "model": "m", "usage": { "input_tokens": 7, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "ping" }),
    ];
    events.extend(pieces(text).map(|piece| {
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": piece } })
    }));
    events.push(json!({ "type": "content_block_stop", "index": 0 }));
    if let Some((name, arguments)) = call {
        let block = json!({ "type": "tool_use", "id": "call_1", "name": name, "input": {} });
        events.push(json!({ "type": "content_block_start", "index": 1, "content_block": block }));
        events.extend(pieces(arguments).map(|piece| {
            json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": piece } })
        }));
        events.push(json!({ "type": "content_block_stop", "index": 1 }));
    }
    let reason = if call.is_some() { "tool_use" } else { "end_turn" };
    events.push(json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 5 } }));
    events.push(json!({ "type": "message_stop" }));
    sse(&events).into_bytes()
}

/// Text in pieces as models give it.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(6).map(|piece| piece.iter().collect()).collect::<Vec<String>>().into_iter()
}
