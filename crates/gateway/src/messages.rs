//! `POST /v1/messages` and `POST /v1/messages/count_tokens`, in the form of Anthropic.

use std::{sync::Arc, time::Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use kith_http::{Answer, Call, ErrorForm, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_llm::{Chat, Event, Failure, Streaming, Usage};
use kith_platform::Ctx;
use serde_json::json;

use crate::{
    Gateway,
    anthropic::{self, Asked, Pieces},
    completions::{LARGEST, SECONDS, TAG, told_by},
    told,
    transport::Sender,
};

const CAPABILITY: &str = "chat";

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Routes {
    let text = "The answer, or with `stream` its pieces as server-sent events.";
    let ask = Operation::post("/v1/messages", TAG, "Ask a model, in the form of Anthropic")
        .role(Role::Member)
        .scope("ai", "write")
        .error_form(ErrorForm::Anthropic)
        .body(anthropic::request(false))
        .body_bytes(LARGEST)
        .seconds(SECONDS)
        .answers(200, text, schema::named("ModelMessage"))
        .answers_text(200, text, "text/event-stream")
        .refuses(404, "The provider has no such model.")
        .refuses(503, "No provider is set up, or none of them answers.");
    let text = "An estimate: four letters are a token, and a picture is 1,600.";
    let summary = "How many tokens a question takes, roughly; nobody is asked";
    let count = Operation::post("/v1/messages/count_tokens", TAG, summary)
        .role(Role::Viewer)
        .scope("ai", "read")
        .error_form(ErrorForm::Anthropic)
        .body(anthropic::request(true))
        .body_bytes(LARGEST)
        .answers(200, text, schema::named("TokenCount"));
    let gateway = Arc::clone(gateway);
    Routes::new().add(ask, move |call| run(Arc::clone(&gateway), call)).add(count, estimate)
}

async fn estimate(mut call: Call) -> Result<Answer> {
    let asked = anthropic::read_to_count(call.body().await?.object()?)?;
    Answer::json(&json!({ "input_tokens": asked.chat.estimate() }))
}

async fn run(gateway: Arc<Gateway>, mut call: Call) -> Result<Answer> {
    let began = Instant::now();
    let asked = anthropic::read(call.body().await?.object()?)?;
    let ctx = call.ctx;
    if asked.streams {
        return Box::pin(begin(gateway, ctx, asked, began)).await;
    }
    let targets = gateway.targets(&ctx, &asked.wanted, expected(&asked.chat)).await?;
    let outcome = Box::pin(gateway.caller.call(&asked.chat, &targets)).await;
    gateway.note(&ctx, CAPABILITY, outcome.legs.clone());
    let answer = outcome.answer.map_err(|failure| told(&failure))?;
    let counted = outcome.legs.last().map(|leg| leg.usage).unwrap_or_default();
    let json = anthropic::answer(ctx.new_id(), &answer, counted);
    let json = json.map_err(|failure| told(&failure))?;
    Ok(told_by(Answer::json(&json)?, &outcome.legs, began))
}

/// What a request is expected to take.
fn expected(chat: &Chat) -> Usage {
    let prompt_tokens = chat.estimate();
    Usage { prompt_tokens, completion_tokens: prompt_tokens / 2 }
}

/// An answer under way. Whoever listens may go away at any time: what was asked of whom is noted all the same.
struct Under {
    gateway: Arc<Gateway>,
    ctx: Ctx,
    streaming: Streaming<Sender>,
    first: Option<Event>,
    pieces: Pieces,
    is_over: bool,
}

impl Drop for Under {
    fn drop(&mut self) {
        self.gateway.note(&self.ctx, CAPABILITY, self.streaming.legs());
    }
}

async fn begin(gateway: Arc<Gateway>, ctx: Ctx, asked: Asked, began: Instant) -> Result<Answer> {
    let targets = gateway.targets(&ctx, &asked.wanted, expected(&asked.chat)).await?;
    let streaming = Streaming::new(Arc::clone(&gateway.caller), asked.chat, targets);
    let pieces = Pieces::new(ctx.new_id());
    let mut under = Under { gateway, ctx, streaming, first: None, pieces, is_over: false };
    // As long as nothing was said, a failure is an answer of its own.
    under.first = under.streaming.next().await.map_err(|failure| told(&failure))?;
    let legs = under.streaming.legs();
    if let Some(leg) = legs.last() {
        under.pieces.by(leg);
    }
    let events = stream::unfold(under, |under| async move { under.next().await }).fuse();
    let answer = Answer::stream("text/event-stream", Body::from_stream(events));
    Ok(told_by(answer, &legs, began))
}

impl Under {
    async fn next(mut self) -> Option<(Result<Bytes, Failure>, Self)> {
        while !self.is_over {
            let event = match self.first.take() {
                Some(event) => Ok(Some(event)),
                None => self.streaming.next().await,
            };
            let written = match event {
                Ok(Some(event)) => self.pieces.of(event),
                Ok(None) => {
                    self.is_over = true;
                    Ok(self.pieces.end())
                }
                Err(failure) => Err(failure),
            };
            let written = written.unwrap_or_else(|failure| {
                self.is_over = true;
                Pieces::failure(&failure)
            });
            if !written.is_empty() {
                return Some((Ok(written), self));
            }
        }
        None
    }
}
