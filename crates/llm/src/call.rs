//! Asking one provider after the other until one answers.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    answer::{Answer, Usage},
    breaker::{Breakers, State},
    chat::Chat,
    failure::{Cause, Failure},
    provider::Provider,
    transport::{Incoming, Posted, Transport},
    wire::{self, embeddings, embeddings::Embeddings, transcriptions, transcriptions::Audio},
};

/// Bytes of a whole answer at most.
const LARGEST_ANSWER: usize = 16 << 20;
/// Bytes that are read of an answer that refuses.
const LARGEST_REFUSAL: usize = 64 << 10;
/// Letters of what a provider says that are told.
const LONGEST_WORDS: usize = 400;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A model that is asked, and how it is reached.
#[derive(Clone)]
pub struct Target {
    /// Who runs it.
    pub provider: Provider,
    /// As its provider calls it.
    pub model: String,
    /// Without a slash at its end.
    pub base_url: String,
    /// None for one's own servers that want none.
    pub key: Option<String>,
    /// Whose key it is, so that a wrong one closes the door of its owner alone.
    pub account: String,
}

/// What is allowed to one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until a provider begins to answer in pieces.
    pub first_byte: Duration,
    /// For an answer in one piece, which does not begin before it is ready.
    pub whole: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
    /// For everything, all attempts together.
    pub total: Duration,
    /// How often one provider is asked again when it may be well a moment later.
    pub retries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(30),
            whole: Duration::from_mins(2),
            silence: Duration::from_secs(30),
            total: Duration::from_mins(5),
            retries: 2,
        }
    }
}

/// One provider that was asked, once or several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Who was asked.
    pub provider: Provider,
    /// For which model.
    pub model: String,
    /// Why it did not answer, or not to the end.
    pub failure: Option<Failure>,
    /// Tokens, of all attempts that were answered.
    pub usage: Usage,
    /// The provider did not count: the tokens are guessed.
    pub is_guess: bool,
    /// Requests that left.
    pub attempts: u32,
    /// From the first request to the end.
    pub took: Duration,
    /// From the first request to the first piece of an answer.
    pub first_token: Option<Duration>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<A> {
    /// What was answered, or why nothing was: what each provider said, in order.
    pub answer: Result<A, Failure>,
    /// Who was asked, in order.
    pub legs: Vec<Leg>,
}

/// Whose door it is: a provider's, for a model and an account.
pub(crate) type DoorKey = (Provider, String, String);

/// Asks providers.
pub struct Caller<T> {
    pub(crate) transport: T,
    pub(crate) breakers: Breakers<DoorKey>,
    pub(crate) limits: Limits,
}

impl Target {
    pub(crate) fn door(&self) -> DoorKey {
        (self.provider, self.model.clone(), self.account.clone())
    }

    /// The failure without the key, should the provider have repeated it.
    pub(crate) fn discreet(&self, mut failure: Failure) -> Failure {
        if let Some(key) = self.key.as_deref().filter(|key| !key.is_empty()) {
            failure.message = failure.message.replace(key, "***");
        }
        // Only now it is cut: a piece of the key would not be known for one.
        if let Some((end, _)) = failure.message.char_indices().nth(LONGEST_WORDS) {
            failure.message.truncate(end);
        }
        failure
    }
}

impl Leg {
    pub(crate) fn begin(target: &Target) -> Self {
        Self {
            provider: target.provider,
            model: target.model.clone(),
            failure: None,
            usage: Usage::default(),
            is_guess: false,
            attempts: 0,
            took: Duration::ZERO,
            first_token: None,
        }
    }
}

/// Tokens are four letters each, roughly.
pub(crate) fn guess(letters: usize) -> u32 {
    u32::try_from(letters.div_ceil(4)).unwrap_or(u32::MAX)
}

/// Letters of what is asked.
pub(crate) fn asked(chat: &Chat) -> usize {
    chat.messages.iter().map(|message| message.letters() + 16).sum()
}

/// What is told when all fail: one sentence for each.
pub(crate) fn joined(legs: &[Leg]) -> Failure {
    let failures: Vec<(&Leg, &Failure)> =
        legs.iter().filter_map(|leg| Some((leg, leg.failure.as_ref()?))).collect();
    let said: Vec<String> = failures
        .iter()
        .map(|(leg, failure)| format!("{}: {failure}", leg.provider.name()))
        .collect();
    let same = |cause: Cause| failures.iter().all(|(_, failure)| failure.cause == cause);
    let cause = failures.first().map(|(_, failure)| failure.cause);
    let cause = cause.filter(|cause| same(*cause)).unwrap_or(Cause::Broken);
    let mut failure = Failure::new(cause, said.join("; "));
    failure.retry_after = failures.iter().filter_map(|(_, failure)| failure.retry_after).min();
    if said.is_empty() {
        "there is no provider to ask".clone_into(&mut failure.message);
    }
    failure
}

impl<T: Transport> Caller<T> {
    /// Sends by `transport`.
    pub fn new(transport: T, breakers: Breakers<DoorKey>, limits: Limits) -> Self {
        Self { transport, breakers, limits }
    }

    /// The doors of a provider for an account at which something failed of late: the model, how the door stands, the failures
    /// in a row, and for how long nobody goes through.
    pub fn troubled(
        &self,
        provider: Provider,
        account: &str,
    ) -> Vec<(String, (State, u32, Duration))> {
        let mut all: Vec<_> = self
            .breakers
            .troubled()
            .into_iter()
            .filter(|(of, _, whose)| *of == provider && whose == account)
            .map(|key| (key.1.clone(), self.breakers.state(&key)))
            .collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Asks one after the other until one answers.
    pub async fn call(&self, chat: &Chat, targets: &[Target]) -> Outcome<Answer> {
        self.one_of(
            targets,
            |target| wire::body((target.provider, &target.model), chat, false),
            {
                |target, body| {
                    let form = target.provider.form();
                    let answer = wire::answer(form, chat, body)?;
                    let guessed = Usage {
                        prompt_tokens: guess(asked(chat)),
                        completion_tokens: guess(answer.text.len()),
                    };
                    let usage = answer.usage;
                    Ok((answer, usage.ok_or(guessed)))
                }
            },
            |target| wire::path(target.provider.form()),
        )
        .await
    }

    /// Asks one after the other until one gives vectors.
    pub async fn embed(
        &self,
        (texts, dimensions): (&[String], Option<u32>),
        targets: &[Target],
    ) -> Outcome<Embeddings> {
        self.one_of(
            targets,
            |target| embeddings::body((target.provider, &target.model), texts, dimensions),
            |_, body| {
                let found = embeddings::read(body, texts.len())?;
                let usage = Usage { prompt_tokens: found.prompt_tokens, completion_tokens: 0 };
                Ok((found, Ok(usage)))
            },
            |_| embeddings::PATH,
        )
        .await
    }

    /// Asks one after the other until one says what was said.
    pub async fn transcribe(&self, audio: &Audio, targets: &[Target]) -> Outcome<String> {
        self.one_of(
            targets,
            |target| transcriptions::body((target.provider, &target.model), audio),
            |_, body| {
                let (text, usage) = transcriptions::read(body)?;
                Ok((text, usage.ok_or_else(|| audio.expected())))
            },
            |_| transcriptions::PATH,
        )
        .await
    }

    async fn one_of<A>(
        &self,
        targets: &[Target],
        say: impl Fn(&Target) -> Result<Bytes, Failure>,
        read: impl Fn(&Target, &[u8]) -> Result<(A, Result<Usage, Usage>), Failure>,
        path: impl Fn(&Target) -> &'static str,
    ) -> Outcome<A> {
        let deadline = Instant::now() + self.limits.total;
        let mut legs = Vec::new();
        for target in targets {
            let (mut leg, began) = (Leg::begin(target), Instant::now());
            let answered = async {
                let body = self.may_ask(target).and_then(|()| say(target))?;
                let posted = (path(target), body);
                let whole = self.whole((target, &mut leg), posted, deadline).await?;
                read(target, &whole).inspect_err(|_| self.breakers.failed(&target.door()))
            };
            let answered = answered.await;
            leg.took = began.elapsed();
            match answered {
                Ok((answer, usage)) => {
                    self.breakers.succeeded(&target.door());
                    leg.is_guess = usage.is_err();
                    leg.usage = usage.unwrap_or_else(|guess| guess);
                    leg.first_token = Some(leg.took);
                    legs.push(leg);
                    return Outcome { answer: Ok(answer), legs };
                }
                Err(failure) => leg.failure = Some(target.discreet(failure)),
            }
            legs.push(leg);
        }
        Outcome { answer: Err(joined(&legs)), legs }
    }

    /// Whether a target can be asked at all.
    pub(crate) fn may_ask(&self, target: &Target) -> Result<(), Failure> {
        if target.key.is_none() && !target.provider.is_own() {
            return Err(Failure::new(Cause::Unauthorised, "no key is set"));
        }
        if self.breakers.enter(&target.door()) {
            return Ok(());
        }
        let (_, failures, rest) = self.breakers.state(&target.door());
        let message = format!("rests after {failures} failures in a row");
        Err(Failure { cause: Cause::Broken, message, retry_after: Some(rest) })
    }

    /// A whole body, asked for again while that may help.
    async fn whole(
        &self,
        (target, leg): (&Target, &mut Leg),
        (path, body): (&'static str, Bytes),
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        loop {
            leg.attempts += 1;
            let attempt = async {
                let mut incoming =
                    self.open((target, self.limits.whole), (path, body.clone()), deadline).await?;
                read_all(&mut incoming, LARGEST_ANSWER)
                    .await?
                    .ok_or_else(|| Failure::new(Cause::Garbled, "gave an answer that is too large"))
            };
            let late = |_| Err(Failure::new(Cause::Late, "did not answer in time"));
            match timeout_at(deadline, attempt).await.unwrap_or_else(late) {
                Ok(whole) => return Ok(whole),
                Err(failure) => self.again(target, leg.attempts, failure, deadline).await?,
            }
        }
    }

    /// Waits for the next attempt, or gives the failure back when there is to be none.
    pub(crate) async fn again(
        &self,
        target: &Target,
        attempts: u32,
        failure: Failure,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if failure.is_of_provider() {
            self.breakers.failed(&target.door());
        } else {
            self.breakers.left(&target.door());
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(8));
        let pause = failure.retry_after.unwrap_or_else(|| pause.min(LONGEST_PAUSE));
        let is_last = attempts > self.limits.retries || pause > LONGEST_PAUSE;
        if is_last || !failure.is_passing() || Instant::now() + pause >= deadline {
            return Err(failure);
        }
        sleep(pause).await;
        if self.breakers.enter(&target.door()) { Ok(()) } else { Err(failure) }
    }

    /// Asks, and comes back when the provider begins to answer.
    pub(crate) async fn open(
        &self,
        (target, first): (&Target, Duration),
        (path, body): (&'static str, Bytes),
        deadline: Instant,
    ) -> Result<T::Incoming, Failure> {
        let within = deadline.saturating_duration_since(Instant::now());
        let posted = Posted {
            url: format!("{}{path}", target.base_url.trim_end_matches('/')),
            kind: wire::kind(path),
            headers: wire::headers(target.provider.form(), target.key.as_deref()),
            body,
            within,
        };
        let first_byte = Instant::now() + first.min(within);
        let late = |_| Err(Failure::new(Cause::Late, "did not begin to answer in time"));
        let mut incoming =
            timeout_at(first_byte, self.transport.post(posted)).await.unwrap_or_else(late)?;
        if incoming.status() == 200 {
            return Ok(incoming);
        }
        let body = timeout_at(first_byte, read_all(&mut incoming, LARGEST_REFUSAL)).await;
        let body = body.ok().and_then(Result::ok).flatten().unwrap_or_default();
        Err(wire::refusal(incoming.status(), &|name| incoming.header(name), &body))
    }
}

/// The whole body, or nothing when it is larger.
async fn read_all(incoming: &mut impl Incoming, most: usize) -> Result<Option<Bytes>, Failure> {
    let mut all = Vec::new();
    while let Some(chunk) = incoming.chunk().await? {
        if all.len() + chunk.len() > most {
            return Ok(None);
        }
        all.extend_from_slice(&chunk);
    }
    Ok(Some(all.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_of_a_key_is_told() {
        let key = "sk-secret-secret-secret";
        let target = Target {
            provider: Provider::OpenAi,
            model: String::new(),
            base_url: String::new(),
            key: Some(key.to_owned()),
            account: String::new(),
        };
        for before in LONGEST_WORDS - 30..LONGEST_WORDS + 5 {
            let said = format!("{}{key} is wrong", "é".repeat(before));
            let told = target.discreet(Failure::new(Cause::Unauthorised, said)).message;
            assert!(!told.contains("sk") && told.chars().count() <= LONGEST_WORDS, "{told}");
        }
    }
}
