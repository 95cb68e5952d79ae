//! An answer as it comes. Whoever listens may go away at any time: what was asked of whom is written down all the same.

use std::{collections::VecDeque, sync::Arc};

use kith_kernel::Result;
use kith_llm::{Answer, Cause, Event, Failure, Finish, Leg, Streaming, ToolCall, Usage};
use kith_platform::Ctx;

use crate::{
    Ask, Gateway,
    ask::{Account, Ready},
    privacy::Clearing,
    repeats::{Kept, Question},
    told,
    transport::Sender,
};

/// An answer as it comes.
pub struct Speaking {
    gateway: Arc<Gateway>,
    ctx: Ctx,
    /// None for an answer that was given before.
    streaming: Option<Streaming<Sender>>,
    clearing: Clearing,
    ready: VecDeque<Event>,
    /// What was cleared of the last event, kept for its room.
    cleared: Vec<Event>,
    account: Account,
    heard: Heard,
    by: (&'static str, String),
    is_over: bool,
}

/// What was said so far, to be given again.
struct Heard {
    question: Option<Question>,
    text: String,
    calls: Vec<ToolCall>,
    usage: Usage,
    finish: Option<Finish>,
}

impl Gateway {
    /// Asks models, and gives the answer as it comes; the first piece is there when this returns, so that a failure before
    /// it is an error of its own.
    ///
    /// # Errors
    /// As [`Gateway::ask`].
    pub async fn speak(self: &Arc<Self>, ctx: &Ctx, ask: Ask) -> Result<Speaking> {
        let Ready { chat, targets, privacy, question, repeat, account } =
            self.ready(ctx, ask).await?;
        let clearing = privacy.stream(chat.schema.is_some());
        let (mut given, mut by) = (Vec::new(), Default::default());
        let streaming = match repeat {
            Some(kept) => {
                by = (kept.provider.name(), kept.model.clone());
                given.extend(events(kept));
                None
            }
            None => Some(Streaming::new(Arc::clone(&self.caller), chat, targets.to_vec())),
        };
        let (text, calls, usage, finish) = Default::default();
        let mut speaking = Speaking {
            gateway: Arc::clone(self),
            ctx: ctx.clone(),
            streaming,
            clearing,
            ready: VecDeque::new(),
            cleared: Vec::new(),
            account,
            heard: Heard { question, text, calls, usage, finish },
            by,
            is_over: false,
        };
        speaking.clear(given);
        speaking.begin().await.map_err(|failure| told(&failure))?;
        Ok(speaking)
    }
}

/// The events of a whole answer.
fn events(kept: Kept) -> impl Iterator<Item = Event> {
    let text = Some(kept.answer.text).filter(|text| !text.is_empty()).map(Event::Text);
    let calls = kept.answer.tool_calls.into_iter().map(Event::ToolCall);
    let end = [Event::Finish(kept.answer.finish), Event::Usage(kept.usage)];
    text.into_iter().chain(calls).chain(end)
}

impl Speaking {
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
            self.listen().await?;
        }
    }

    /// Who was asked, in order; nobody for an answer that was given before.
    pub fn legs(&self) -> Vec<Leg> {
        self.streaming.as_ref().map(Streaming::legs).unwrap_or_default()
    }

    /// `provider/model` of who speaks.
    pub fn by(&self) -> (&'static str, String) {
        let speaker = self.streaming.as_ref().and_then(Streaming::speaker);
        let named = speaker.map(|(provider, model)| (provider.name(), model.to_owned()));
        named.unwrap_or_else(|| self.by.clone())
    }

    /// Whether the next piece, or the end, is there already, so that what was told before may leave together with it.
    pub fn is_ready(&self) -> bool {
        self.is_over || !self.ready.is_empty()
    }

    /// It was given before.
    pub fn is_repeat(&self) -> bool {
        self.streaming.is_none()
    }

    /// Waits until somebody speaks.
    async fn begin(&mut self) -> Result<(), Failure> {
        let Some(streaming) = &mut self.streaming else { return Ok(()) };
        match streaming.next().await? {
            Some(event) => self.hear_all(event),
            None => self.end(),
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), Failure> {
        let Some(streaming) = &mut self.streaming else {
            self.is_over = true;
            return Ok(());
        };
        match streaming.next().await {
            Ok(Some(event)) => self.hear_all(event),
            Ok(None) => self.end(),
            Err(failure) => {
                self.is_over = true;
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Hears an event, and those that came with it.
    fn hear_all(&mut self, first: Event) {
        let mut next = Some(first);
        while let Some(event) = next {
            self.hear(event);
            next = self.streaming.as_mut().filter(|_| !self.is_over).and_then(Streaming::ready);
        }
        if !self.is_over && self.streaming.as_ref().is_some_and(Streaming::is_over) {
            self.end();
        }
    }

    fn hear(&mut self, event: Event) {
        match &event {
            Event::Text(text) if self.heard.question.is_some() => self.heard.text.push_str(text),
            Event::ToolCall(call) if self.heard.question.is_some() => {
                self.heard.calls.push(call.clone());
            }
            Event::Usage(usage) => self.heard.usage = *usage,
            Event::Finish(finish) => self.heard.finish = Some(*finish),
            Event::Text(_) | Event::ToolCall(_) => {}
        }
        self.clear([event]);
    }

    /// Lets go on what may.
    fn clear(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.clearing.take(event, &mut self.cleared);
        }
        for event in self.cleared.drain(..) {
            let is_refused = event == Event::Finish(Finish::Filtered);
            self.ready.push_back(event);
            if is_refused {
                // Nothing more is listened to.
                self.is_over = true;
                break;
            }
        }
    }

    /// All was said: it is kept for whoever asks the same again.
    fn end(&mut self) {
        self.is_over = true;
        let heard = &mut self.heard;
        let (Some(question), Some(finish)) = (heard.question, heard.finish) else { return };
        let Some(leg) = self.streaming.as_ref().and_then(|streaming| streaming.legs().pop()) else {
            return;
        };
        let answer = Answer {
            model: leg.model.clone(),
            text: std::mem::take(&mut heard.text),
            tool_calls: std::mem::take(&mut heard.calls),
            finish,
            usage: Some(heard.usage),
        };
        let by = (leg.provider, leg.model);
        let kept = Kept::new((answer, heard.usage), by, self.ctx.now());
        self.gateway.repeats.put(question, kept);
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        let Some(streaming) = &self.streaming else { return };
        let mut legs = streaming.legs();
        if let Some(last) = legs.last_mut().filter(|_| !self.is_over) {
            let why = || Failure::new(Cause::Cut, "whoever asked went away before the end");
            last.failure.get_or_insert_with(why);
        }
        self.account.close(legs);
    }
}
