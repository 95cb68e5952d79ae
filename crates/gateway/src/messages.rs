//! `POST /v1/messages` and `POST /v1/messages/count_tokens`, in the form of Anthropic.

use std::{sync::Arc, time::Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use kith_http::{Answer, Call, ErrorForm, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_llm::Failure;
use serde_json::json;

use crate::{
    Answered, Ask, Capability, Gateway, Speaking,
    answers::{LARGEST, SECONDS, TAG, Told},
    anthropic::{self, Asked, Pieces},
    told,
};

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
        .refuses(402, "The credits are used up.")
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
    let Asked { chat, wanted, streams, .. } = anthropic::read(call.body().await?.object()?)?;
    let ctx = call.ctx;
    let ask = Ask { capability: Capability::Chat, wanted, chat };
    if streams {
        let speaking = Box::pin(gateway.speak(&ctx, ask)).await?;
        let told = Told::of(&speaking);
        let asked = told.legs.last().map_or(0, |leg| leg.usage.prompt_tokens);
        let pieces = Pieces::new(ctx.new_id(), (told.by.1.clone(), asked));
        let under = Under { speaking, pieces, is_over: false };
        let events = stream::unfold(under, |under| async move { under.next().await }).fuse();
        let answer = Answer::stream("text/event-stream", Body::from_stream(events));
        return Ok(told.on(answer, began));
    }
    let Answered { answer, legs, usage, by, is_repeat } = Box::pin(gateway.ask(&ctx, ask)).await?;
    let json = anthropic::answer(ctx.new_id(), &answer, usage).map_err(|failure| told(&failure))?;
    Ok(Told { legs, is_repeat, by }.on(Answer::json(&json)?, began))
}

/// An answer under way.
struct Under {
    speaking: Speaking,
    pieces: Pieces,
    is_over: bool,
}

impl Under {
    async fn next(mut self) -> Option<(Result<Bytes, Failure>, Self)> {
        let mut all = Vec::new();
        while !self.is_over {
            let written = match self.speaking.next().await {
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
            all.extend_from_slice(&written);
            // What is there at the same time leaves at once.
            if !all.is_empty() && !self.speaking.is_ready() {
                break;
            }
        }
        (!all.is_empty()).then(|| (Ok(all.into()), self))
    }
}
