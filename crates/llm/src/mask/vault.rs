//! Which token stands for which value in one conversation.

use std::{collections::HashMap, fmt, sync::Arc};

use serde_json::Value as Json;

use super::{
    Finding, Kind, Kinds, Unmasking, find,
    token::{self, NAMES, Read, TEXT},
    unmasking::Form,
};

/// What was taken out of the texts of one conversation. The same value has the same token in all of them.
#[derive(Clone, Default)]
pub struct Vault {
    kinds: Kinds,
    /// By the name of their tokens, in the order of their numbers.
    values: [Vec<Arc<str>>; NAMES.len()],
    tokens: HashMap<Arc<str>, (usize, usize)>,
}

/// A text without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The text, with tokens in it.
    pub text: String,
    /// What was taken out, in order; a value counts as often as it stands there.
    pub kinds: Vec<Kind>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = NAMES.iter().zip(self.values.iter().map(Vec::len));
        formatter.debug_map().entries(counts.filter(|(_, count)| *count > 0)).finish()
    }
}

impl Vault {
    /// An empty one, for these kinds.
    pub fn new(kinds: Kinds) -> Self {
        Self { kinds, ..Self::default() }
    }

    /// Whether nothing was taken out yet.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Takes personal data out of a text. What looks like a token in it becomes one itself, and comes back as it was.
    pub fn mask(&mut self, text: &str) -> Masked {
        if self.kinds.is_empty() {
            return Masked { text: text.to_owned(), kinds: Vec::new() };
        }
        let found = find(text, self.kinds);
        let (mut masked, mut copied) = (String::with_capacity(text.len() + 16), 0);
        for Finding { kind, start, end } in &found {
            self.copy(&text[copied..*start], &mut masked);
            self.put(token::name_of(*kind), &text[*start..*end], &mut masked);
            copied = *end;
        }
        self.copy(&text[copied..], &mut masked);
        Masked { text: masked, kinds: found.into_iter().map(|finding| finding.kind).collect() }
    }

    /// Takes personal data out of JSON, as in the arguments and results of functions; text that is no JSON is masked as text.
    pub fn mask_json(&mut self, text: &str) -> Masked {
        let Ok(mut value) = serde_json::from_str::<Json>(text) else { return self.mask(text) };
        let mut kinds = Vec::new();
        self.mask_value(&mut value, &mut kinds);
        // What held nothing goes as it came.
        let text = if kinds.is_empty() && !text.contains('[') {
            text.to_owned()
        } else {
            value.to_string()
        };
        Masked { text, kinds }
    }

    /// Keys are masked like values; a number that is personal data becomes a string.
    fn mask_value(&mut self, value: &mut Json, kinds: &mut Vec<Kind>) {
        match value {
            Json::Null | Json::Bool(_) => {}
            Json::Number(number) => {
                let masked = self.mask(&number.to_string());
                if !masked.kinds.is_empty() {
                    kinds.extend(masked.kinds);
                    *value = Json::String(masked.text);
                }
            }
            Json::String(text) => {
                let masked = self.mask(text);
                kinds.extend(masked.kinds);
                *text = masked.text;
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.mask_value(item, kinds)),
            Json::Object(fields) => {
                for (key, mut value) in std::mem::take(fields) {
                    let masked = self.mask(&key);
                    kinds.extend(masked.kinds);
                    self.mask_value(&mut value, kinds);
                    fields.insert(masked.text, value);
                }
            }
        }
    }

    /// Copies what holds no personal data, but for what looks like a token.
    fn copy(&mut self, text: &str, to: &mut String) {
        let mut copied = 0;
        for (at, _) in text.match_indices('[') {
            if let Read::Token { length, .. } = token::read(&text.as_bytes()[at..]) {
                to.push_str(&text[copied..at]);
                self.put(TEXT, &text[at..at + length], to);
                copied = at + length;
            }
        }
        to.push_str(&text[copied..]);
    }

    fn put(&mut self, name: usize, value: &str, to: &mut String) {
        let known = self.tokens.get(value).copied();
        let (name, number) = known.unwrap_or_else(|| {
            let value: Arc<str> = value.into();
            self.values[name].push(Arc::clone(&value));
            let token = (name, self.values[name].len());
            self.tokens.insert(value, token);
            token
        });
        to.extend(["[", NAMES[name], "_", &number.to_string(), "]"]);
    }

    /// The value of a token.
    pub(super) fn value(&self, name: usize, number: usize) -> Option<&str> {
        self.values[name].get(number.checked_sub(1)?).map(AsRef::as_ref)
    }

    /// Puts values back into a text. A token that was never given out stays.
    pub fn unmask(&self, text: &str) -> String {
        self.put_back(text, Form::Text)
    }

    /// Puts values back into JSON that is given as text, such as the arguments of a call; they are escaped as JSON asks for.
    pub fn unmask_json(&self, text: &str) -> String {
        self.put_back(text, Form::Json)
    }

    fn put_back(&self, text: &str, form: Form) -> String {
        let mut back = String::with_capacity(text.len() + 32);
        super::unmasking::put_back(self, form, text, &mut back);
        back
    }

    /// Puts values back into a stream of text.
    pub fn stream(self: &Arc<Self>) -> Unmasking {
        Unmasking::new(Arc::clone(self), Form::Text)
    }

    /// Puts values back into a stream of JSON, such as the arguments of a call.
    pub fn stream_json(self: &Arc<Self>) -> Unmasking {
        Unmasking::new(Arc::clone(self), Form::Json)
    }

    /// Puts in a text of any letters, as no scanner would find it.
    #[cfg(test)]
    pub(super) fn put_for_test(&mut self, value: &str) {
        self.put(TEXT, value, &mut String::new());
    }
}
