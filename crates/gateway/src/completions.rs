//! `POST /v1/chat/completions` and `GET /v1/models`.

use std::{sync::Arc, time::Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use kith_http::{Answer, Call, ErrorForm, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_llm::Failure;
use serde_json::{Value as Json, json};

use crate::{
    Answered, Ask, Capability, Gateway, Speaking,
    answers::{LARGEST, SECONDS, TAG, Told, known},
    anthropic,
    openai::{self, Asked, Chunks},
};

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Routes {
    let text = "The answer, or with `stream` its pieces as server-sent events.";
    let complete =
        Operation::post("/v1/chat/completions", TAG, "Ask a model, in the form of OpenAI")
            .role(Role::Member)
            .scope("ai", "write")
            .error_form(ErrorForm::OpenAi)
            .body(openai::request())
            .body_bytes(LARGEST)
            .seconds(SECONDS)
            .answers(200, text, schema::named("Completion"))
            .answers_text(200, text, "text/event-stream")
            .refuses(402, "The credits are used up.")
            .refuses(404, "The provider has no such model.")
            .refuses(503, "No provider is set up, or none of them answers.");
    let list = Operation::get("/v1/models", TAG, "Models that can be asked")
        .scope("ai", "read")
        .error_form(ErrorForm::OpenAi)
        .answers(
            200,
            "By provider; `auto` stands for whoever fits best. With the header `anthropic-version` in the form of Anthropic.",
            schema::any_of(&["Models", "AnthropicModels"].map(schema::named)),
        );
    let (complete_by, list_by) = (Arc::clone(gateway), Arc::clone(gateway));
    Routes::new()
        .add(complete, move |call| run(Arc::clone(&complete_by), call))
        .add(list, move |call| show(Arc::clone(&list_by), call))
}

async fn run(gateway: Arc<Gateway>, mut call: Call) -> Result<Answer> {
    let began = Instant::now();
    let Asked { chat, wanted, streams, counts } = openai::read(call.body().await?.object()?)?;
    let ctx = call.ctx;
    let ask = Ask { capability: Capability::Chat, wanted, chat };
    if streams {
        let speaking = Box::pin(gateway.speak(&ctx, ask)).await?;
        let told = Told::of(&speaking);
        let chunks = Chunks::new(ctx.new_id(), ctx.now(), (&told.by.1, counts));
        let under = Under { speaking, chunks, is_over: false };
        let events = stream::unfold(under, |under| async move { under.next().await }).fuse();
        let answer = Answer::stream("text/event-stream", Body::from_stream(events));
        return Ok(told.on(answer, began));
    }
    let Answered { answer, legs, usage, by, is_repeat } = Box::pin(gateway.ask(&ctx, ask)).await?;
    let json = openai::answer(ctx.new_id(), ctx.now(), &answer, usage);
    Ok(Told { legs, is_repeat, by }.on(Answer::json(&json)?, began))
}

/// An answer under way.
struct Under {
    speaking: Speaking,
    chunks: Chunks,
    is_over: bool,
}

impl Under {
    async fn next(mut self) -> Option<(Result<Bytes, Failure>, Self)> {
        let mut written = String::new();
        while !self.is_over {
            match self.speaking.next().await {
                Ok(Some(event)) => self.chunks.of(event, &mut written),
                Ok(None) => {
                    self.is_over = true;
                    Chunks::end(&mut written);
                }
                Err(failure) => {
                    self.is_over = true;
                    Chunks::failure(&failure.message, &mut written);
                }
            }
            // What is there at the same time leaves at once.
            if !written.is_empty() && !self.speaking.is_ready() {
                break;
            }
        }
        (!written.is_empty()).then(|| (Ok(written.into()), self))
    }
}

async fn show(gateway: Arc<Gateway>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let model = |id: String, owner: &str| json!({ "id": id, "object": "model", "created": 0, "owned_by": owner });
    let mut all: Vec<Json> = Vec::new();
    let desk = gateway.desk(&call.ctx).await?;
    for (provider, usual) in gateway.setup.providers(&desk) {
        let of = |name: &str| model(format!("{}/{name}", provider.name()), provider.name());
        all.push(of(&usual));
        all.extend(known(provider, &usual).map(of));
    }
    if !all.is_empty() {
        all.insert(0, model("auto".to_owned(), "kith"));
    }
    if anthropic::is_spoken(&call) {
        return Answer::json(&anthropic::models(&all));
    }
    Answer::json(&json!({ "object": "list", "data": all }))
}
