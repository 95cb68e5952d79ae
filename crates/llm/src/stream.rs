//! One answer as it comes, from as many providers as it takes.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use tokio::time::{Instant, timeout_at};

use crate::{
    answer::{Event, Usage},
    call::{Caller, Leg, Target, asked, guess, joined},
    chat::{Chat, Message, Role, ToolCall},
    failure::{Cause, Failure},
    overlap::Overlap,
    provider::Provider,
    transport::{Incoming, Transport},
    wire::{self, Decoder},
};

/// Bytes that one answer may have.
const LONGEST_ANSWER: usize = 4 << 20;
const GO_ON: &str = "Your answer was cut off. Go on exactly where it stops: repeat nothing, introduce nothing, and keep \
                     its language and form.";

/// An answer on its way. Text goes out as it comes; when a provider falls silent in the middle, the next one goes on from
/// there. Functions that are asked for, and text that must fit a schema, are held back until they are whole, and begin
/// anew after a cut.
pub struct Streaming<T: Transport> {
    caller: Arc<Caller<T>>,
    chat: Chat,
    /// What it takes, as far as nobody counted.
    prompt_tokens: u32,
    targets: VecDeque<Target>,
    current: Option<Current<T::Incoming>>,
    ready: VecDeque<Event>,
    /// What went out so far.
    said: String,
    legs: Vec<Leg>,
    deadline: Instant,
    is_over: bool,
}

/// The provider that speaks.
struct Current<I> {
    target: Target,
    leg: Leg,
    began: Instant,
    incoming: I,
    decoder: Decoder,
    overlap: Overlap,
    /// What it said, also of what is held back.
    letters: usize,
    held: String,
    calls: Vec<ToolCall>,
    counted: Option<Usage>,
}

impl<T: Transport> Streaming<T> {
    /// Begins with the first target when it is asked for the first event.
    pub fn new(caller: Arc<Caller<T>>, chat: Chat, targets: Vec<Target>) -> Self {
        let deadline = Instant::now() + caller.limits.total;
        let prompt_tokens = guess(asked(&chat));
        Self {
            caller,
            chat,
            prompt_tokens,
            targets: targets.into(),
            current: None,
            ready: VecDeque::new(),
            said: String::new(),
            legs: Vec::new(),
            deadline,
            is_over: false,
        }
    }

    /// Who was asked, in order; whoever speaks now is the last, as far as it came.
    pub fn legs(&self) -> Vec<Leg> {
        let current = self.current.as_ref().map(|current| current.leg_so_far(self.prompt_tokens));
        self.legs.iter().cloned().chain(current).collect()
    }

    /// Who speaks, or spoke last: the provider and the model.
    pub fn speaker(&self) -> Option<(Provider, &str)> {
        let current = self.current.as_ref().map(|current| &current.leg);
        current.or(self.legs.last()).map(|leg| (leg.provider, leg.model.as_str()))
    }

    /// The next piece, if it is there already.
    pub fn ready(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// Whether nothing comes behind what is there.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next piece; none behind the end.
    ///
    /// # Errors
    /// When no provider is left that could go on.
    pub async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            if self.current.is_none() {
                self.turn_to_next().await?;
            }
            self.listen().await;
        }
    }

    /// Asks the next target, with what was said so far.
    async fn turn_to_next(&mut self) -> Result<(), Failure> {
        while let Some(target) = self.targets.pop_front() {
            let (mut leg, began) = (Leg::begin(&target), Instant::now());
            match self.ask(&target, &mut leg).await {
                Ok((incoming, decoder)) => {
                    self.current = Some(Current {
                        target,
                        leg,
                        began,
                        incoming,
                        decoder,
                        overlap: Overlap::behind(&self.said),
                        letters: 0,
                        held: String::new(),
                        calls: Vec::new(),
                        counted: None,
                    });
                    return Ok(());
                }
                Err(failure) => {
                    leg.failure = Some(target.discreet(failure));
                    leg.took = began.elapsed();
                    self.legs.push(leg);
                }
            }
        }
        self.is_over = true;
        Err(joined(&self.legs))
    }

    async fn ask(&self, target: &Target, leg: &mut Leg) -> Result<(T::Incoming, Decoder), Failure> {
        self.caller.may_ask(target)?;
        let chat = self.chat_so_far();
        let form = target.provider.form();
        let body = wire::body((target.provider, &target.model), &chat, true)
            .inspect_err(|_| self.caller.breakers.left(&target.door()))?;
        loop {
            leg.attempts += 1;
            let posted = (wire::path(form), body.clone());
            match self.caller.open(target, posted, self.deadline).await {
                Ok(incoming) => return Ok((incoming, Decoder::new(form, &chat))),
                Err(failure) => {
                    self.caller.again(target, leg.attempts, failure, self.deadline).await?;
                }
            }
        }
    }

    /// The chat, with what was said so far and the wish that it be gone on with.
    fn chat_so_far(&self) -> Cow<'_, Chat> {
        let mut chat = Cow::Borrowed(&self.chat);
        if !self.said.is_empty() {
            let messages = &mut chat.to_mut().messages;
            messages.push(Message::text(Role::Assistant, &self.said));
            messages.push(Message::text(Role::User, GO_ON));
        }
        chat
    }

    /// Takes what comes next from who speaks.
    async fn listen(&mut self) {
        let Some(mut current) = self.current.take() else { return };
        let silence = (Instant::now() + self.caller.limits.silence).min(self.deadline);
        let late = |_| Err(Failure::new(Cause::Late, "fell silent in its answer"));
        let chunk = timeout_at(silence, current.incoming.chunk()).await.unwrap_or_else(late);
        let mut events = Vec::new();
        let went = match chunk {
            Ok(Some(bytes)) => current.decoder.take(&bytes, &mut events).map(|()| true),
            Ok(None) => Ok(false),
            Err(failure) => Err(failure),
        };
        current.first(&events);
        let mut new = String::new();
        let accepted = current.accept(events, self.chat.schema.is_some(), &mut new);
        self.say(new);
        match went.and_then(|goes_on| accepted.map(|()| goes_on)) {
            Ok(true) => self.current = Some(current),
            Ok(false) => self.ends(current),
            Err(failure) => self.breaks(current, failure),
        }
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.said.push_str(&text);
            self.ready.push_back(Event::Text(text));
        }
    }

    /// All bytes are there: what was held back goes out, when it is whole.
    fn ends(&mut self, mut current: Current<T::Incoming>) {
        let mut events = Vec::new();
        let decoder = std::mem::replace(
            &mut current.decoder,
            Decoder::new(current.target.provider.form(), &self.chat),
        );
        let ended = decoder.end(&mut events);
        let finish = events.iter().find_map(|event| match event {
            Event::Finish(finish) => Some(*finish),
            Event::Text(_) | Event::ToolCall(_) | Event::Usage(_) => None,
        });
        let mut new = String::new();
        let accepted = current.accept(events, self.chat.schema.is_some(), &mut new);
        self.say(new);
        let finish = match ended.and(accepted).map(|()| finish) {
            Ok(Some(finish)) => finish,
            Ok(None) => {
                return self.breaks(current, Failure::new(Cause::Cut, "broke off its answer"));
            }
            Err(failure) => return self.breaks(current, failure),
        };
        let rest = current.overlap.rest();
        self.say(rest);
        let held = std::mem::take(&mut current.held);
        self.say(held);
        self.ready.extend(std::mem::take(&mut current.calls).into_iter().map(Event::ToolCall));
        self.caller.breakers.succeeded(&current.target.door());
        self.legs.push(current.leg_so_far(self.prompt_tokens));
        self.ready.push_back(Event::Finish(finish));
        self.ready.push_back(Event::Usage(total(&self.legs)));
        self.is_over = true;
    }

    /// It broke off. Whoever is next goes on; the only one there is may try once more.
    fn breaks(&mut self, mut current: Current<T::Incoming>, failure: Failure) {
        // What was held back as a repetition was not one, if there was any.
        let rest = current.overlap.rest();
        if self.chat.schema.is_none() {
            self.say(rest);
        }
        if failure.is_of_provider() {
            self.caller.breakers.failed(&current.target.door());
        } else {
            self.caller.breakers.left(&current.target.door());
        }
        let mut leg = current.leg_so_far(self.prompt_tokens);
        let tried = self
            .legs
            .iter()
            .filter(|known| known.provider == leg.provider && known.model == leg.model);
        let may_try_again = tried.count() == 0 && failure.is_passing();
        leg.failure = Some(current.target.discreet(failure));
        self.legs.push(leg);
        if may_try_again {
            self.targets.push_back(current.target);
        }
    }
}

impl<I> Current<I> {
    fn first(&mut self, events: &[Event]) {
        let speaks =
            events.iter().any(|event| matches!(event, Event::Text(_) | Event::ToolCall(_)));
        if speaks && self.leg.first_token.is_none() {
            self.leg.first_token = Some(self.began.elapsed());
        }
    }

    /// Sorts events: what can go out is added to `new`, the rest is held back.
    fn accept(
        &mut self,
        events: Vec<Event>,
        holds_back: bool,
        new: &mut String,
    ) -> Result<(), Failure> {
        for event in events {
            match event {
                Event::Text(text) => {
                    self.letters += text.len();
                    if holds_back {
                        self.held.push_str(&text);
                    } else {
                        new.push_str(&self.overlap.take(text));
                    }
                }
                Event::ToolCall(call) => {
                    self.letters += call.arguments.len();
                    self.calls.push(call);
                }
                Event::Usage(usage) => self.counted = Some(usage),
                Event::Finish(_) => {}
            }
        }
        if self.letters > LONGEST_ANSWER {
            return Err(Failure::new(Cause::Garbled, "gave an answer without an end"));
        }
        Ok(())
    }

    fn leg_so_far(&self, prompt_tokens: u32) -> Leg {
        let mut leg = self.leg.clone();
        leg.took = self.began.elapsed();
        leg.is_guess = self.counted.is_none();
        leg.usage = self
            .counted
            .unwrap_or_else(|| Usage { prompt_tokens, completion_tokens: guess(self.letters) });
        leg
    }
}

fn total(legs: &[Leg]) -> Usage {
    legs.iter().fold(Usage::default(), |sum, leg| Usage {
        prompt_tokens: sum.prompt_tokens.saturating_add(leg.usage.prompt_tokens),
        completion_tokens: sum.completion_tokens.saturating_add(leg.usage.completion_tokens),
    })
}
