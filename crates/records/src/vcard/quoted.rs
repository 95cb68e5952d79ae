//! Quoted-printable values of version 2.1 that do not say in which characters they are written.

use std::borrow::Cow;

/// The same text with a charset at every such value: UTF-8 where its bytes are that, else Windows-1252.
pub(super) fn with_charsets(text: &str) -> Cow<'_, str> {
    if !contains(text, "QUOTED-PRINTABLE") {
        return Cow::Borrowed(text);
    }
    let mut told = String::with_capacity(text.len() + 64);
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let Some((head, value)) = line.split_once(':') else {
            told.push_str(line);
            continue;
        };
        if !contains(head, "QUOTED-PRINTABLE") {
            told.push_str(line);
            continue;
        }
        let mut value = value.to_owned();
        while value.trim_end().ends_with('=') {
            let Some(next) = lines.next() else { break };
            value.push_str(next);
        }
        told.push_str(head);
        if !contains(head, "CHARSET=") {
            let bytes = bytes(&value);
            let is_utf8 = std::str::from_utf8(&bytes).is_ok();
            told.push_str(if is_utf8 { ";CHARSET=UTF-8" } else { ";CHARSET=WINDOWS-1252" });
        }
        told.push(':');
        told.push_str(&value);
    }
    Cow::Owned(told)
}

fn contains(text: &str, words: &str) -> bool {
    text.as_bytes().windows(words.len()).any(|part| part.eq_ignore_ascii_case(words.as_bytes()))
}

/// The bytes that a value spells.
fn bytes(value: &str) -> Vec<u8> {
    let value = value.as_bytes();
    let mut bytes = Vec::with_capacity(value.len());
    let mut at = 0;
    while at < value.len() {
        let spelled = value
            .get(at + 1..at + 3)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match spelled {
            Some(byte) if value[at] == b'=' => {
                bytes.push(byte);
                at += 3;
            }
            _ => {
                bytes.push(value[at]);
                at += 1;
            }
        }
    }
    bytes
}
