//! Answers that were given to the same question a while ago, of each tenant and of what one may do apart.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kith_kernel::Time;
use kith_llm::{Answer, Chat, Target, Usage};
use kith_platform::Ctx;
use ring::digest::{SHA256, digest};

/// Bytes of all answers that are kept.
const MOST_BYTES: usize = 16 << 20;
/// Bytes around each.
const AROUND: usize = 200;

/// Who asked what of whom.
pub(crate) type Question = [u8; 32];

/// Answers that are kept.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    kept: HashMap<Question, Kept>,
    /// The oldest first.
    order: VecDeque<(Question, Time)>,
    bytes: usize,
}

#[derive(Clone)]
pub(crate) struct Kept {
    /// As it came from the model: personal data is masked in it.
    pub(crate) answer: Answer,
    pub(crate) usage: Usage,
    pub(crate) provider: kith_llm::Provider,
    pub(crate) model: String,
    at: Time,
}

/// The question, when its answer is to be the same every time: the temperature is 0.
pub(crate) fn question(ctx: &Ctx, chat: &Chat, targets: &[Target]) -> Option<Question> {
    let is_fixed = chat.options.temperature.is_some_and(|temperature| temperature <= 0.0);
    is_fixed.then(|| {
        let asked: Vec<_> = targets
            .iter()
            .map(|target| (target.provider, &target.model, &target.account, &target.base_url))
            .collect();
        let actor = &ctx.actor;
        let all = format!("{:?}", (actor.tenant, actor.role, &actor.scopes, asked, chat));
        let digest = digest(&SHA256, all.as_bytes());
        let mut question = [0; 32];
        question.copy_from_slice(digest.as_ref());
        question
    })
}

impl Kept {
    pub(crate) fn new(
        (answer, usage): (Answer, Usage),
        (provider, model): (kith_llm::Provider, String),
        at: Time,
    ) -> Self {
        Self { answer, usage, provider, model, at }
    }

    fn bytes(&self) -> usize {
        let calls = self.answer.tool_calls.iter().map(|call| call.arguments.len() + AROUND);
        self.answer.text.len() + calls.sum::<usize>() + AROUND
    }
}

impl Repeats {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, question: &Question, (now, seconds): (Time, u64)) -> Option<Kept> {
        let inner = self.inner();
        let kept = inner.kept.get(question)?;
        let age = now.milliseconds() - kept.at.milliseconds();
        let longest = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
        (0..longest).contains(&age).then(|| kept.clone())
    }

    pub(crate) fn put(&self, question: Question, kept: Kept) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        inner.bytes += kept.bytes();
        inner.order.push_back((question, kept.at));
        if let Some(before) = inner.kept.insert(question, kept) {
            inner.bytes -= before.bytes();
        }
        if inner.order.len() > 2 * inner.kept.len() + AROUND {
            let is_last = |one: &(Question, Time)| {
                inner.kept.get(&one.0).is_some_and(|kept| kept.at == one.1)
            };
            inner.order.retain(is_last);
        }
        while inner.bytes > MOST_BYTES {
            let Some((oldest, at)) = inner.order.pop_front() else { break };
            // One that was asked again meanwhile stands further behind.
            if inner.kept.get(&oldest).is_some_and(|kept| kept.at == at)
                && let Some(gone) = inner.kept.remove(&oldest)
            {
                inner.bytes -= gone.bytes();
            }
        }
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        *self.inner() = Inner::default();
    }
}

#[cfg(test)]
mod tests {
    use kith_llm::{Finish, Provider};

    use super::*;

    fn kept(letters: usize, at: i64) -> Kept {
        let answer = Answer {
            model: String::new(),
            text: "x".repeat(letters),
            tool_calls: Vec::new(),
            finish: Finish::Stop,
            usage: None,
        };
        let by = (Provider::OpenAi, String::new());
        Kept::new((answer, Usage::default()), by, Time::from_milliseconds(at))
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let repeats = Repeats::default();
        for number in 0..5_u8 {
            repeats.put([number; 32], kept(4 << 20, i64::from(number)));
        }
        let now = (Time::from_milliseconds(10), 60);
        assert!(repeats.get(&[0; 32], now).is_none() && repeats.get(&[1; 32], now).is_none());
        assert!(repeats.get(&[4; 32], now).is_some());
        assert!(repeats.inner().bytes <= MOST_BYTES);
    }

    #[test]
    fn what_is_asked_again_counts_once_and_grows_old() {
        let repeats = Repeats::default();
        (0..1_000).for_each(|at| repeats.put([7; 32], kept(1 << 20, at)));
        assert_eq!(repeats.inner().bytes, (1 << 20) + AROUND);
        assert!(repeats.get(&[7; 32], (Time::from_milliseconds(60_998), 60)).is_some());
        assert!(repeats.get(&[7; 32], (Time::from_milliseconds(60_999), 60)).is_none());
        assert!(repeats.get(&[7; 32], (Time::from_milliseconds(2_000), 0)).is_none());
    }
}
