//! What leaves for a model, and what comes back: personal data is masked and put back, texts are judged.

use std::sync::Arc;

use kith_kernel::{Error, Kind, Result};
use kith_llm::{
    Answer, Chat, Content, Event, Finish, PersonalKinds, Role, Thresholds, Unmasking, Vault,
    Verdict, filter, judge,
};

use crate::{desk::Desk, setup::Setup};

/// Letters of a stream that are held back at most until a sentence ends, where answers are judged.
const LONGEST_SENTENCE: usize = 400;
/// Letters of what was said before that are judged together with it.
const BEFORE: usize = 600;

/// What holds for the texts of one request.
#[derive(Clone)]
pub(crate) struct Privacy {
    kinds: PersonalKinds,
    thresholds: Option<Thresholds>,
    blocked: Vec<String>,
    vault: Arc<Vault>,
}

impl Privacy {
    pub(crate) fn of(desk: &Desk, setup: &Setup) -> Self {
        let kinds = desk.policy.kinds(setup.masks);
        Self {
            kinds,
            thresholds: desk.policy.thresholds(setup.judges),
            blocked: desk.policy.blocked_words.clone(),
            vault: Arc::new(Vault::new(kinds)),
        }
    }

    /// Judges what is asked.
    ///
    /// # Errors
    /// `Invalid` (`content_refused`) that says why.
    pub(crate) fn check(&self, chat: &Chat) -> Result<()> {
        let Some(thresholds) = &self.thresholds else { return Ok(()) };
        let asked = chat.messages.iter().rev().find(|message| message.role == Role::User);
        let Some(asked) = asked else { return Ok(()) };
        match judge(&asked.words(), thresholds).first() {
            Some(verdict) => Err(refused(verdict)),
            None => Ok(()),
        }
    }

    /// Takes personal data out of a chat.
    pub(crate) fn mask(&mut self, chat: &mut Chat) {
        if self.kinds.is_empty() {
            return;
        }
        let mut vault = Vault::new(self.kinds);
        for message in &mut chat.messages {
            let is_result = message.role == Role::Tool;
            for content in &mut message.content {
                if let Content::Text(text) = content {
                    let masked = if is_result { vault.mask_json(text) } else { vault.mask(text) };
                    *text = masked.text;
                }
            }
            for call in &mut message.tool_calls {
                call.arguments = vault.mask_json(&call.arguments).text;
            }
        }
        if let Some(user) = &mut chat.options.user {
            *user = vault.mask(user).text;
        }
        for value in chat.options.others.values_mut() {
            let masked = vault.mask_json(&value.to_string());
            if !masked.kinds.is_empty()
                && let Ok(masked) = serde_json::from_str(&masked.text)
            {
                *value = masked;
            }
        }
        self.vault = Arc::new(vault);
    }

    /// Takes personal data out of texts that become vectors: the same text is masked alike wherever it stands.
    pub(crate) fn mask_each(&self, texts: &mut [String]) {
        if self.kinds.is_empty() {
            return;
        }
        for text in texts {
            *text = Vault::new(self.kinds).mask(text).text;
        }
    }

    /// Puts personal data back into an answer, and judges it.
    pub(crate) fn clear(&self, answer: &mut Answer, is_json: bool) {
        for call in &mut answer.tool_calls {
            call.arguments = self.vault.unmask_json(&call.arguments);
        }
        if !self.is_fit(&answer.text) {
            answer.text.clear();
            answer.tool_calls.clear();
            answer.finish = Finish::Filtered;
            return;
        }
        answer.text = self.without_blocked(&answer.text);
        answer.text = if is_json {
            self.vault.unmask_json(&answer.text)
        } else {
            self.vault.unmask(&answer.text)
        };
    }

    fn is_fit(&self, text: &str) -> bool {
        self.thresholds.as_ref().is_none_or(|thresholds| judge(text, thresholds).is_empty())
    }

    fn without_blocked(&self, text: &str) -> String {
        if self.blocked.is_empty() { text.to_owned() } else { filter(text, &self.blocked).0 }
    }

    /// The same for an answer as it comes.
    pub(crate) fn stream(&self, is_json: bool) -> Clearing {
        let unmasking = if is_json { self.vault.stream_json() } else { self.vault.stream() };
        let waits = self.thresholds.is_some() || !self.blocked.is_empty();
        Clearing {
            privacy: self.clone(),
            unmasking,
            waits,
            held: String::new(),
            before: String::new(),
        }
    }
}

/// Clears an answer as it comes.
pub(crate) struct Clearing {
    privacy: Privacy,
    unmasking: Unmasking,
    /// Text goes on by sentences, since it is judged.
    waits: bool,
    held: String,
    before: String,
}

impl Clearing {
    /// What of an event may go on; text may be held back. Behind `Finish(Filtered)` nothing is to follow.
    pub(crate) fn take(&mut self, event: Event, to: &mut Vec<Event>) {
        match event {
            Event::Text(text) if self.waits => {
                self.held.push_str(&text);
                let end = self.held.rfind(['.', '!', '?', '\n']).map(|at| at + 1);
                let end = end.or((self.held.len() > LONGEST_SENTENCE).then_some(self.held.len()));
                if let Some(end) = end {
                    let said: String = self.held.drain(..end).collect();
                    self.say(&said, to);
                }
            }
            Event::Text(text) => {
                let text = self.unmasking.take(&text);
                to.extend(Some(text).filter(|text| !text.is_empty()).map(Event::Text));
            }
            Event::ToolCall(mut call) => {
                self.flush(to);
                call.arguments = self.privacy.vault.unmask_json(&call.arguments);
                to.push(Event::ToolCall(call));
            }
            Event::Finish(finish) => {
                self.flush(to);
                to.push(Event::Finish(finish));
            }
            Event::Usage(usage) => to.push(Event::Usage(usage)),
        }
    }

    fn flush(&mut self, to: &mut Vec<Event>) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.say(&held, to);
        }
        let rest = self.unmasking.end();
        to.extend(Some(rest).filter(|text| !text.is_empty()).map(Event::Text));
    }

    fn say(&mut self, said: &str, to: &mut Vec<Event>) {
        self.before.push_str(said);
        if !self.privacy.is_fit(&self.before) {
            return to.push(Event::Finish(Finish::Filtered));
        }
        let mut from = self.before.len().saturating_sub(BEFORE);
        while !self.before.is_char_boundary(from) {
            from += 1;
        }
        self.before.drain(..from);
        let text = self.unmasking.take(&self.privacy.without_blocked(said));
        to.extend(Some(text).filter(|text| !text.is_empty()).map(Event::Text));
    }
}

#[track_caller]
fn refused(verdict: &Verdict) -> Error {
    let why = format!(
        "The safety filter refuses this as {} ({:.2}): {:?}. An admin sets it by PATCH /api/ai/settings.",
        verdict.category.name(),
        verdict.score,
        verdict.words.join(", ")
    );
    Error::new(Kind::Invalid, "content_refused", why)
}

#[cfg(test)]
mod tests {
    use kith_llm::Message;

    use super::*;

    fn privacy(judges: bool, blocked: &[&str]) -> Privacy {
        let blocked = blocked.iter().map(|word| (*word).to_owned()).collect();
        Privacy {
            kinds: PersonalKinds::ALL,
            thresholds: judges.then(Thresholds::default),
            blocked,
            vault: Arc::new(Vault::new(PersonalKinds::ALL)),
        }
    }

    fn told(privacy: &Privacy, pieces: &[&str]) -> (String, Finish) {
        let (mut clearing, mut events) = (privacy.stream(false), Vec::new());
        for piece in pieces {
            clearing.take(Event::Text((*piece).to_owned()), &mut events);
        }
        clearing.take(Event::Finish(Finish::Stop), &mut events);
        let (mut text, mut finish) = (String::new(), None);
        for event in events {
            match event {
                Event::Text(more) if finish.is_none() => text.push_str(&more),
                Event::Finish(ended) => finish = finish.or(Some(ended)),
                _ => {}
            }
        }
        (text, finish.unwrap())
    }

    #[test]
    fn what_is_personal_leaves_as_a_token_and_comes_back() {
        let mut privacy = privacy(true, &["Rosebud"]);
        let mut chat = Chat::default();
        chat.messages.push(Message::text(Role::User, "Write to ana@example.com."));
        chat.options.user = Some("ana@example.com".to_owned());
        chat.options.others.insert("metadata".to_owned(), "ana@example.com".into());
        privacy.mask(&mut chat);
        assert_eq!(chat.messages[0].words(), "Write to [EMAIL_1].");
        assert_eq!(chat.options.others["metadata"], "[EMAIL_1]");
        assert_eq!(chat.options.user.as_deref(), Some("[EMAIL_1]"));
        let pieces = ["I wrote to [EMA", "IL_1] about ros", "ebud. Rosebud"];
        let (text, finish) = told(&privacy, &pieces);
        assert_eq!(text, "I wrote to ana@example.com about [FILTERED]. [FILTERED]");
        assert_eq!(finish, Finish::Stop);
    }

    #[test]
    fn what_is_unfit_is_neither_asked_nor_said() {
        let privacy = privacy(true, &[]);
        let mut chat = Chat::default();
        chat.messages.push(Message::text(Role::User, "I am going to kill you tonight"));
        let error = privacy.check(&chat).unwrap_err();
        assert_eq!(error.code(), "content_refused");
        assert!(error.message().contains("violence"), "{}", error.message());
        let (text, finish) = told(&privacy, &["All is well. I am going to k", "ill you. Soon."]);
        assert_eq!((text.as_str(), finish), ("All is well.", Finish::Filtered));
    }
}
