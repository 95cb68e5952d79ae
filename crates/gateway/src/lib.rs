//! A tenant's use of language models: the keys of providers, `/v1` in the forms of OpenAI and Anthropic, and what was asked of whom.

mod activity;
mod anthropic;
mod completions;
mod embeddings;
mod fields;
pub mod keys;
mod messages;
mod openai;
pub mod probe;
mod setup;
mod transport;

use std::sync::Arc;

use kith_http::Routes;
use kith_kernel::{Error, Kind, Result};
use kith_llm::{Breakers, Caller, Cause, Failure, Leg, Provider, Target, Usage};
use kith_platform::{App, Ctx, outgoing::Outgoing};
use kith_store::Migration;

use self::{
    activity::Activity,
    keys::{Found, Keys, Origin},
    setup::{Own, Setup, Wanted},
    transport::Sender,
};

/// Models, as the house reaches them.
pub struct Gateway {
    setup: Setup,
    keys: Arc<Keys>,
    caller: Arc<Caller<Sender>>,
    activity: Arc<Activity>,
}

impl Gateway {
    /// Reads the section `[llm]`; nothing is asked yet.
    ///
    /// # Errors
    /// `Invalid` for a provider or a strategy that there is not.
    pub fn new(app: &App, outgoing: &Outgoing, keys: &Arc<Keys>) -> Result<Arc<Self>> {
        let setup = Setup::of(&app.settings, keys)?;
        let breakers = Breakers::new(setup.door);
        let caller = Arc::new(Caller::new(Sender(outgoing.clone()), breakers, setup.limits));
        let (keys, activity) = (Arc::clone(keys), Activity::new(app.clone()));
        Ok(Arc::new(Self { setup, keys, caller, activity }))
    }

    /// Starts what works in the background.
    pub fn start(&self) {
        self.activity.start();
    }

    /// Who is asked, in order, with the keys of whoever asks before those of the operator.
    ///
    /// # Errors
    /// `Unavailable` when nobody can be asked, or a stored key cannot be read.
    async fn targets(&self, ctx: &Ctx, wanted: &Wanted, usage: Usage) -> Result<Vec<Target>> {
        let (own, found) = self.own(ctx).await?;
        let targets = self.setup.targets(wanted, usage, &own);
        let Some(first) = targets.first() else { return Err(nobody()) };
        if let Some((_, found)) = found.iter().find(|(provider, _)| *provider == first.provider) {
            self.keys.note_use(ctx, found).await?;
        }
        Ok(targets)
    }

    /// The keys of whoever asks.
    async fn own(&self, ctx: &Ctx) -> Result<(Own, Vec<(Provider, Found)>)> {
        let found = self.keys.of_providers(ctx).await?;
        let account = |origin: Origin| match origin {
            Origin::Member => ctx.actor.member.unwrap_or(ctx.actor.tenant).to_string(),
            Origin::Explicit | Origin::Tenant | Origin::Operator => ctx.actor.tenant.to_string(),
        };
        let own = found.iter().map(|(provider, found)| {
            (*provider, (found.key.expose().to_owned(), account(found.origin)))
        });
        Ok((own.collect(), found))
    }

    fn note(&self, ctx: &Ctx, capability: &'static str, legs: Vec<Leg>) {
        self.activity.note(ctx, capability, legs);
    }
}

/// Everything of this room that is served.
pub fn routes(gateway: &Arc<Gateway>) -> Routes {
    completions::routes(gateway)
        .and(messages::routes(gateway))
        .and(embeddings::routes(gateway))
        .and(activity::routes(&gateway.activity))
}

/// The named schemas of its answers.
pub fn schemas() -> Vec<(String, serde_json::Value)> {
    let mut all = openai::schemas();
    all.extend(anthropic::schemas());
    all.extend(activity::schemas());
    all
}

/// Its tables, in order.
pub fn migrations() -> Vec<Migration> {
    vec![keys::migration(), activity::migration()]
}

/// A failure of all providers, as callers are told.
fn told(failure: &Failure) -> Error {
    let (kind, code) = match failure.cause {
        Cause::Refused => (Kind::Invalid, "provider_refused"),
        Cause::UnknownModel => (Kind::NotFound, "unknown_model"),
        Cause::Limited => (Kind::TooMany, "provider_limited"),
        Cause::Unauthorised
        | Cause::Broken
        | Cause::Late
        | Cause::Unreachable
        | Cause::Garbled
        | Cause::Cut => (Kind::Unavailable, "provider_failed"),
    };
    let error = Error::new(kind, code, failure.message.clone());
    match failure.retry_after {
        Some(wait) => error.retry_after(wait.as_secs().max(1)),
        None => error,
    }
}

/// What is told when nobody can be asked.
fn nobody() -> Error {
    let why = "No language model is set up: set OPENAI_API_KEY or the key of another provider, or OLLAMA_BASE_URL.";
    Error::new(Kind::Unavailable, "no_provider", why)
}
