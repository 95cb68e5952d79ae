//! A short question to each provider that the operator has set up, as `kith doctor` asks it.

use std::time::Duration;

use futures_util::future::join_all;
use kith_kernel::Result;
use kith_llm::{
    Breakers, Caller, Cause, Chat, Failure, Limits, Message, Options, Provider, Role, Target, Usage,
};
use kith_platform::{Settings, outgoing::Outgoing};

use crate::{
    capability::Capability, desk::Desk, keys::Keys, setup::Setup, transport::Sender, wanted::Wanted,
};

/// All are asked at the same time, and have this long.
const LONGEST: Duration = Duration::from_secs(15);
/// Enough for any model to say something.
const TOKENS: u32 = 16;

/// What came of one question, in words that hold nothing secret.
pub struct Probed {
    /// The provider, its model and its address.
    pub who: String,
    /// How long it took, or why there was no answer and what to do about it.
    pub went: Result<Duration, String>,
}

/// Asks every provider that is set up with its usual model and the operator's key.
///
/// # Errors
/// `Invalid` for a provider or a strategy that there is not.
pub async fn probe(settings: &Settings, keys: &Keys) -> Result<Vec<Probed>> {
    let (setup, desk) = (Setup::of(settings, keys)?, Desk::default());
    let most = setup.limits.first_byte.min(LONGEST);
    let limits = Limits { first_byte: most, whole: most, silence: most, total: most, retries: 0 };
    let sender = Sender(Outgoing::new(settings)?);
    let caller = Caller::new(sender, Breakers::new(setup.door), limits);
    let mut targets = Vec::new();
    for (provider, _) in setup.providers(&desk) {
        let wanted = Wanted::of(provider.name())?;
        let what = (Capability::Chat, &wanted);
        targets.extend(setup.targets(&desk, what, Usage::default()).into_iter().next());
    }
    Ok(join_all(targets.into_iter().map(|target| ask(&caller, target))).await)
}

async fn ask(caller: &Caller<Sender>, target: Target) -> Probed {
    let options = Options { max_tokens: Some(TOKENS), ..Options::default() };
    let messages = vec![Message::text(Role::User, "Answer with one word: yes.")];
    let chat = Chat { messages, options, ..Chat::default() };
    let outcome = Box::pin(caller.call(&chat, std::slice::from_ref(&target))).await;
    let leg = outcome.legs.into_iter().next();
    let went = match leg.map(|leg| (leg.failure, leg.took)) {
        Some((None, took)) => Ok(took),
        Some((Some(failure), _)) => {
            let why = failure.message.trim_end_matches('.');
            Err(format!("{why}. {}", advice(&target, &failure)))
        }
        None => Err("was not asked".to_owned()),
    };
    let Target { provider, model, base_url, .. } = target;
    let base_url = without_password(&base_url);
    Probed { who: format!("{}: {model} at {base_url}", provider.name()), went }
}

/// What to do next.
fn advice(target: &Target, failure: &Failure) -> String {
    let provider = target.provider;
    let key = provider.key_variable();
    let of = |what: &str| key.replace("API_KEY", what);
    match failure.cause {
        Cause::Unauthorised => format!("Set {key} anew, or see whether its account has means."),
        Cause::UnknownModel => {
            format!("Name a model that it has by {}, or see to {}.", of("MODEL"), of("BASE_URL"))
        }
        Cause::Limited => {
            "It works, and takes no more for now: wait, or have its limit raised.".to_owned()
        }
        Cause::Late | Cause::Unreachable if provider.is_own() => {
            format!("Does it run? Start it, or see to {}.", of("BASE_URL"))
        }
        Cause::Late | Cause::Unreachable => {
            format!("Can this machine reach it? See to the network, or to {}.", of("BASE_URL"))
        }
        Cause::Broken => "It is at fault itself: try again later.".to_owned(),
        Cause::Garbled | Cause::Cut => {
            format!("Something else seems to answer there: see to {}.", of("BASE_URL"))
        }
        Cause::Refused => format!("See to {} and {}.", of("MODEL"), of("BASE_URL")),
    }
}

/// The variables of which any one sets a provider up.
pub fn variables() -> String {
    let of = |provider: Provider| {
        let key = provider.key_variable();
        if provider.is_own() { key.replace("API_KEY", "BASE_URL") } else { key.to_owned() }
    };
    Provider::ALL.map(of).join(", ")
}

/// An address without the name and password that may stand in it.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{}", &rest[end..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_passwords() {
        assert_eq!(without_password("http://me:secret@host:1/v1@2"), "http://host:1/v1@2");
        assert_eq!(without_password("http://host/v1"), "http://host/v1");
    }
}
