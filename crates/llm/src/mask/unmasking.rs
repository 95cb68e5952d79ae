//! Values are put back into a stream, also when a token comes in two pieces.

use std::{fmt, sync::Arc};

use super::{
    Vault,
    token::{self, Read},
};

/// What values are put back into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// Values stand inside strings of JSON.
    Json,
}

/// A stream into which values are put back. It holds back only what may be the beginning of a token.
pub struct Unmasking {
    vault: Arc<Vault>,
    form: Form,
    held: String,
}

impl fmt::Debug for Unmasking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Unmasking").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Unmasking {
    pub(super) const fn new(vault: Arc<Vault>, form: Form) -> Self {
        Self { vault, form, held: String::new() }
    }

    /// Takes the next piece; gives what may go on.
    pub fn take(&mut self, piece: &str) -> String {
        let mut back = String::with_capacity(self.held.len() + piece.len());
        if self.held.is_empty() {
            let rest = put_all_but_begun(&self.vault, self.form, piece, &mut back);
            self.held.push_str(&piece[rest..]);
        } else {
            self.held.push_str(piece);
            let rest = put_all_but_begun(&self.vault, self.form, &self.held, &mut back);
            self.held.drain(..rest);
        }
        back
    }

    /// What was held back, when nothing follows any more.
    pub fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Puts values back into a whole text.
pub(super) fn put_back(vault: &Vault, form: Form, text: &str, to: &mut String) {
    let rest = put_all_but_begun(vault, form, text, to);
    to.push_str(&text[rest..]);
}

/// Puts values back up to the beginning of what may become a token, and says where that is.
fn put_all_but_begun(vault: &Vault, form: Form, text: &str, to: &mut String) -> usize {
    let mut copied = 0;
    for (at, _) in text.match_indices('[') {
        match token::read(&text.as_bytes()[at..]) {
            Read::Token { name, number, length } => {
                if let Some(value) = vault.value(name, number) {
                    to.push_str(&text[copied..at]);
                    put(value, form, to);
                    copied = at + length;
                }
            }
            Read::Begun => {
                to.push_str(&text[copied..at]);
                return at;
            }
            Read::Other => {}
        }
    }
    to.push_str(&text[copied..]);
    text.len()
}

fn put(value: &str, form: Form, to: &mut String) {
    match form {
        Form::Text => to.push_str(value),
        Form::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            to.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
}
