//! One question to models, from the desk of whoever asks to the ledger: the way that all of the house takes.

use std::{sync::Arc, time::Duration};

use kith_kernel::{Kind, Result};
use kith_llm::{Answer, Cause, Chat, Failure, Leg, Target, Usage};
use kith_platform::Ctx;

use crate::{
    Gateway,
    capability::Capability,
    credits::{self, Reservation},
    desk::Desk,
    nobody,
    privacy::Privacy,
    repeats::{Kept, Question, question},
    told,
    wanted::Wanted,
};

/// What is asked, and of whom if that is said.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What for.
    pub capability: Capability,
    /// Who is to answer.
    pub wanted: Wanted,
    /// The question.
    pub chat: Chat,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The answer, with personal data in its place.
    pub answer: Answer,
    /// Who was asked, in order; nobody for an answer that was given before.
    pub legs: Vec<Leg>,
    /// Tokens of who answered.
    pub usage: Usage,
    /// `provider/model` of who answered.
    pub by: (&'static str, String),
    /// It was given before, and costs nothing.
    pub is_repeat: bool,
}

/// A question that is ready to leave.
pub(crate) struct Ready {
    pub(crate) chat: Chat,
    pub(crate) targets: Arc<[Target]>,
    pub(crate) privacy: Privacy,
    pub(crate) question: Option<Question>,
    pub(crate) repeat: Option<Kept>,
    pub(crate) account: Account,
}

/// What is written down of a question, whatever becomes of it.
pub(crate) struct Account {
    gateway: Arc<Gateway>,
    ctx: Ctx,
    capability: Capability,
    reservation: Option<Reservation>,
    targets: Arc<[Target]>,
    expected: Usage,
    is_over: bool,
}

impl Account {
    /// How it went.
    pub(crate) fn close(&mut self, legs: Vec<Leg>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let used = credits::actual(&legs, &self.targets);
        let settled = self.reservation.take().map(|reservation| (reservation, used));
        self.gateway.activity.note(&self.ctx, self.capability, (legs, settled));
    }
}

impl Drop for Account {
    /// Whoever asked went away: what may have been spent stands at its estimate.
    fn drop(&mut self) {
        let Some(target) = self.targets.first().filter(|_| !self.is_over) else { return };
        let failure = Failure::new(Cause::Cut, "whoever asked went away before the answer");
        let leg = Leg {
            provider: target.provider,
            model: target.model.clone(),
            failure: Some(failure),
            usage: self.expected,
            is_guess: true,
            attempts: 1,
            took: Duration::ZERO,
            first_token: None,
        };
        let settled = self.reservation.take().map(|reservation| {
            let credits = reservation.credits;
            (reservation, credits)
        });
        self.gateway.activity.note(&self.ctx, self.capability, (vec![leg], settled));
    }
}

impl Gateway {
    /// Asks models until one answers, along the order of who asks: what other systems call `callLLMWithFailover`.
    ///
    /// # Errors
    /// `Unavailable` when nobody can be asked or nobody answers, `Exhausted` without credits, `Invalid` for what is not fit
    /// to be asked.
    pub async fn ask(self: &Arc<Self>, ctx: &Ctx, ask: Ask) -> Result<Answered> {
        let mut ready = self.ready(ctx, ask).await?;
        let is_json = ready.chat.schema.is_some();
        if let Some(kept) = ready.repeat.take() {
            let mut answer = kept.answer;
            ready.privacy.clear(&mut answer, is_json);
            let by = (kept.provider.name(), kept.model);
            return Ok(Answered {
                answer,
                legs: Vec::new(),
                usage: kept.usage,
                by,
                is_repeat: true,
            });
        }
        let outcome = Box::pin(self.caller.call(&ready.chat, &ready.targets)).await;
        ready.account.close(outcome.legs.clone());
        let mut answer = outcome.answer.map_err(|failure| told(&failure))?;
        let last = outcome.legs.last();
        let usage = last.map(|leg| leg.usage).unwrap_or_default();
        let by = last.map(|leg| (leg.provider, leg.model.clone()));
        if let (Some(question), Some(by)) = (ready.question, &by) {
            let kept = Kept::new((answer.clone(), usage), by.clone(), ctx.now());
            self.repeats.put(question, kept);
        }
        ready.privacy.clear(&mut answer, is_json);
        let by = by.map(|(provider, model)| (provider.name(), model)).unwrap_or_default();
        Ok(Answered { answer, legs: outcome.legs, usage, by, is_repeat: false })
    }

    /// Whether anybody could be asked.
    pub async fn can_ask(&self, ctx: &Ctx, capability: Capability) -> Result<bool> {
        let desk = self.desk(ctx).await?;
        Ok(!self.setup.order(&desk, (capability, &Wanted::default()), Usage::default()).is_empty())
    }

    /// Makes a question ready to leave: who is asked, that it may be asked, without personal data, paid for.
    pub(crate) async fn ready(self: &Arc<Self>, ctx: &Ctx, ask: Ask) -> Result<Ready> {
        let Ask { capability, wanted, mut chat } = ask;
        let desk = self.desk(ctx).await?;
        let mut privacy = Privacy::of(&desk, &self.setup);
        privacy.check(&chat)?;
        privacy.mask(&mut chat);
        let expected = expected(&chat);
        let targets = self.targets(ctx, &desk, (capability, &wanted, expected)).await?;
        let targets: Arc<[Target]> = targets.into();
        let seconds = desk.policy.cache_seconds.unwrap_or(self.setup.cache_seconds);
        let question = question(ctx, &chat, &targets).filter(|_| seconds > 0);
        let repeat =
            question.and_then(|question| self.repeats.get(&question, (ctx.now(), seconds)));
        let mut account = self.account(ctx, capability, (Arc::clone(&targets), expected));
        if repeat.is_some() {
            account.is_over = true;
        } else if desk.is_limited {
            let asked = (credits::longest(&chat), chat.options.max_tokens);
            let most = self.reserve(&mut account, asked).await?;
            chat.options.max_tokens = most.max_tokens;
        }
        Ok(Ready { chat, targets, privacy, question, repeat, account })
    }

    /// Takes credits for a question.
    pub(crate) async fn reserve(
        &self,
        account: &mut Account,
        asked: (u32, Option<u32>),
    ) -> Result<credits::Most> {
        let reserve =
            || self.credits.reserve((&account.ctx, account.capability), &account.targets, asked);
        let taken = match reserve().await {
            // What calls a moment ago did not need may not have come back yet.
            Err(error) if error.kind() == Kind::Exhausted => {
                self.activity.write().await;
                reserve().await
            }
            taken => taken,
        };
        let (reservation, most) = taken.inspect_err(|_| account.is_over = true)?;
        account.reservation = reservation;
        Ok(most)
    }

    pub(crate) fn account(
        self: &Arc<Self>,
        ctx: &Ctx,
        capability: Capability,
        (targets, expected): (Arc<[Target]>, Usage),
    ) -> Account {
        Account {
            gateway: Arc::clone(self),
            ctx: ctx.clone(),
            capability,
            reservation: None,
            targets,
            expected,
            is_over: false,
        }
    }

    /// Who is asked, in order, with the keys of whoever asks before those of the operator.
    ///
    /// # Errors
    /// `Unavailable` when nobody can be asked.
    pub(crate) async fn targets(
        &self,
        ctx: &Ctx,
        desk: &Desk,
        (capability, wanted, usage): (Capability, &Wanted, Usage),
    ) -> Result<Vec<Target>> {
        let targets = self.setup.targets(desk, (capability, wanted), usage);
        let Some(first) = targets.first() else { return Err(nobody()) };
        if let Some(own) = desk.own.get(&first.provider) {
            self.keys.note_use(ctx, &own.found).await?;
        }
        Ok(targets)
    }
}

/// What a request is expected to take: half as many tokens for its answer as it has itself.
pub(crate) fn expected(chat: &Chat) -> Usage {
    let prompt_tokens = chat.estimate();
    Usage { prompt_tokens, completion_tokens: prompt_tokens / 2 }
}
