//! `POST /v1/chat/completions` and `GET /v1/models`.

use std::{sync::Arc, time::Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use kith_http::{Answer, Call, ErrorForm, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_llm::{Chat, Event, Failure, Leg, Provider, Streaming, Usage, cost, models};
use kith_platform::Ctx;
use serde_json::{Value as Json, json};

use crate::{
    Gateway, anthropic,
    openai::{self, Asked, Chunks},
    told,
    transport::Sender,
};

pub(crate) const TAG: &str = "models";
/// Bytes of a request.
pub(crate) const LARGEST: usize = 20 << 20;
/// A model may take its time.
pub(crate) const SECONDS: u64 = 330;
const CAPABILITY: &str = "chat";

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
    let asked = openai::read(call.body().await?.object()?)?;
    let ctx = call.ctx;
    if asked.streams {
        return Box::pin(begin(gateway, ctx, asked, began)).await;
    }
    let targets = gateway.targets(&ctx, &asked.wanted, expected(&asked.chat)).await?;
    let outcome = Box::pin(gateway.caller.call(&asked.chat, &targets)).await;
    gateway.note(&ctx, CAPABILITY, outcome.legs.clone());
    let answer = outcome.answer.map_err(|failure| told(&failure))?;
    let counted = outcome.legs.last().map(|leg| leg.usage).unwrap_or_default();
    let json = openai::answer(ctx.new_id(), ctx.now(), &answer, counted);
    Ok(told_by(Answer::json(&json)?, &outcome.legs, began))
}

/// What a request is expected to take: as many tokens as it has letters by four, and half as many for its answer.
fn expected(chat: &Chat) -> Usage {
    let letters: usize = chat.messages.iter().map(|message| message.words().len()).sum();
    let prompt_tokens = u32::try_from(letters / 4).unwrap_or(u32::MAX);
    Usage { prompt_tokens, completion_tokens: prompt_tokens / 2 }
}

/// Who answered, what it cost and what we took ourselves.
pub(crate) fn told_by(answer: Answer, legs: &[Leg], began: Instant) -> Answer {
    let Some(last) = legs.last() else { return answer };
    let attempts: u32 = legs.iter().map(|leg| leg.attempts).sum();
    let waited = legs.iter().map(|leg| leg.took).sum();
    let own = began.elapsed().saturating_sub(waited);
    let costs: Option<u64> = legs.iter().map(|leg| cost(leg.provider, &leg.model, leg.usage)).sum();
    let header = |name: &'static str| axum::http::HeaderName::from_static(name);
    let mut answer = answer
        .header(header("x-kith-provider"), last.provider.name())
        .header(header("x-kith-model"), &last.model)
        .header(header("x-kith-attempts"), &attempts.to_string())
        .header(header("x-kith-overhead-us"), &own.as_micros().to_string());
    if let Some(costs) = costs {
        answer = answer.header(header("x-kith-cost"), &dollars(costs));
    }
    answer
}

/// Millionths of a dollar as dollars.
pub(crate) fn dollars(microdollars: u64) -> String {
    format!("{}.{:06}", microdollars / 1_000_000, microdollars % 1_000_000)
}

/// An answer under way. Whoever listens may go away at any time: what was asked of whom is noted all the same.
struct Under {
    gateway: Arc<Gateway>,
    ctx: Ctx,
    streaming: Streaming<Sender>,
    first: Option<Event>,
    chunks: Chunks,
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
    let chunks = Chunks::new(ctx.new_id(), ctx.now(), (String::new(), asked.counts));
    let mut under = Under { gateway, ctx, streaming, first: None, chunks, is_over: false };
    // As long as nothing was said, a failure is an answer of its own.
    under.first = under.streaming.next().await.map_err(|failure| told(&failure))?;
    let legs = under.streaming.legs();
    if let Some(leg) = legs.last() {
        under.chunks.by(&leg.model);
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
                Ok(Some(event)) => self.chunks.of(event),
                Ok(None) => {
                    self.is_over = true;
                    Some(Chunks::end())
                }
                Err(failure) => {
                    self.is_over = true;
                    Some(Chunks::failure(&failure.message))
                }
            };
            if let Some(written) = written {
                return Some((Ok(written), self));
            }
        }
        None
    }
}

async fn show(gateway: Arc<Gateway>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let model = |id: String, owner: &str| json!({ "id": id, "object": "model", "created": 0, "owned_by": owner });
    let mut all: Vec<Json> = Vec::new();
    let (own, _) = gateway.own(&call.ctx).await?;
    for (provider, default) in gateway.setup.providers(&own) {
        let of = |name: &str| model(format!("{}/{name}", provider.name()), provider.name());
        all.push(of(default));
        all.extend(known(provider, default).map(of));
    }
    if !all.is_empty() {
        all.insert(0, model("auto".to_owned(), "kith"));
    }
    if anthropic::is_spoken(&call) {
        return Answer::json(&anthropic::models(&all));
    }
    Answer::json(&json!({ "object": "list", "data": all }))
}

/// Models whose whole names are known.
fn known(provider: Provider, but: &str) -> impl Iterator<Item = &'static str> {
    let but = but.to_owned();
    let names = models(provider).map(|model| model.name.as_str());
    names.filter(move |name| *name != but && !name.ends_with('-'))
}
