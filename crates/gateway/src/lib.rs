//! A tenant's use of language models: the keys of providers, `/v1` in the forms of OpenAI and Anthropic, and what was asked of whom.

mod activity;
mod answers;
mod anthropic;
mod ask;
mod capability;
mod completions;
pub mod credits;
mod desk;
mod embeddings;
mod fields;
pub mod keys;
mod memory;
mod messages;
mod openai;
mod policy;
mod privacy;
pub mod probe;
mod providers;
mod queue;
mod repeats;
mod setup;
mod speak;
mod sums;
mod transcribe;
mod transport;
mod usage;
mod wanted;

use std::sync::Arc;

use kith_http::Routes;
use kith_kernel::{Error, Kind, Result};
use kith_llm::{Breakers, Caller, Cause, Failure};
use kith_platform::{App, outgoing::Outgoing};
use kith_store::Migration;

use self::{
    activity::Activity, keys::Keys, memory::Memory, queue::Queue, repeats::Repeats, setup::Setup,
    transport::Sender,
};

pub use self::{
    answers::usage_schema,
    ask::{Answered, Ask},
    capability::Capability,
    desk::NameOf,
    speak::Speaking,
    wanted::Wanted,
};

/// Models, as the house reaches them.
pub struct Gateway {
    setup: Setup,
    keys: Arc<Keys>,
    name_of: NameOf,
    caller: Arc<Caller<Sender>>,
    activity: Arc<Activity>,
    credits: Queue,
    repeats: Repeats,
    memory: Memory,
}

impl Gateway {
    /// Reads the section `[llm]`; nothing is asked yet.
    ///
    /// # Errors
    /// `Invalid` for a provider or a strategy that there is not.
    pub fn new(
        app: &App,
        outgoing: &Outgoing,
        (keys, name_of): (&Arc<Keys>, NameOf),
    ) -> Result<Arc<Self>> {
        let setup = Setup::of(&app.settings, keys)?;
        let breakers = Breakers::new(setup.door);
        let caller = Arc::new(Caller::new(Sender(outgoing.clone()), breakers, setup.limits));
        let (keys, activity) = (Arc::clone(keys), Activity::new(app.clone()));
        let credits = Queue::new(&activity);
        let (repeats, memory) = Default::default();
        Ok(Arc::new(Self { setup, keys, name_of, caller, activity, credits, repeats, memory }))
    }

    /// Starts what works in the background.
    pub fn start(&self) {
        self.activity.start();
    }

    /// Writes down calls that wait for it, before the process ends.
    pub async fn write_rest(&self) {
        self.activity.write().await;
    }

    /// Forgets what this process remembers: answers, keys and settings that somebody changed or erased.
    pub fn forget(&self) {
        self.keys.forget();
        self.repeats.clear();
    }
}

/// Everything of this room that is served.
pub fn routes(gateway: &Arc<Gateway>) -> Routes {
    completions::routes(gateway)
        .and(messages::routes(gateway))
        .and(embeddings::routes(gateway))
        .and(activity::routes(&gateway.activity))
        .and(usage::routes(&gateway.activity))
        .and(credits::routes(gateway))
        .and(policy::routes(gateway))
        .and(providers::routes(gateway))
}

/// The named schemas of its answers.
pub fn schemas() -> Vec<(String, serde_json::Value)> {
    let mut all = openai::schemas();
    all.extend(anthropic::schemas());
    all.extend(activity::schemas());
    all.extend(usage::schemas());
    all.extend(credits::schemas());
    all.extend(policy::schemas());
    all.extend(providers::schemas());
    all
}

/// Its tables, in order.
pub fn migrations() -> Vec<Migration> {
    vec![
        keys::migration(),
        activity::migration(),
        sums::migration(),
        credits::migration(),
        policy::migration(),
    ]
}

/// A failure of all providers, as callers are told.
pub fn told(failure: &Failure) -> Error {
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
