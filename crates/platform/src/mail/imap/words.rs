//! Words of commands: names of mailboxes as IMAP writes them, and texts between quotes.

use std::fmt::Write as _;

use base64::{Engine, alphabet, engine::general_purpose, engine::general_purpose::GeneralPurpose};

/// Base64 with a comma instead of the slash, and without padding.
fn engine() -> Option<GeneralPurpose> {
    let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    let alphabet = alphabet::Alphabet::new(signs).ok()?;
    Some(GeneralPurpose::new(&alphabet, general_purpose::NO_PAD))
}

/// A text between quotes; nothing where quotes cannot hold it.
pub(super) fn quoted(text: &str) -> Option<String> {
    if text.bytes().any(|byte| !byte.is_ascii() || byte.is_ascii_control()) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// The name of a mailbox in modified UTF-7 (RFC 3501, 5.1.3).
pub(super) fn mailbox(name: &str) -> String {
    let (mut written, mut waiting) = (String::with_capacity(name.len()), Vec::new());
    let flush = |waiting: &mut Vec<u8>, written: &mut String| {
        if let Some(engine) = engine().filter(|_| !waiting.is_empty()) {
            // Writing into a String does not fail.
            write!(written, "&{}-", engine.encode(&waiting)).ok();
            waiting.clear();
        }
    };
    for letter in name.chars() {
        if (' '..='~').contains(&letter) {
            flush(&mut waiting, &mut written);
            written.push(letter);
            if letter == '&' {
                written.push('-');
            }
        } else {
            let units = letter.encode_utf16(&mut [0; 2]).to_vec();
            waiting.extend(units.into_iter().flat_map(u16::to_be_bytes));
        }
    }
    flush(&mut waiting, &mut written);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_the_standard_shows() {
        // The example of RFC 3501.
        assert_eq!(mailbox("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(mailbox("R&D"), "R&-D");
        assert_eq!(mailbox("Caixa de saída"), "Caixa de sa&AO0-da");
        assert_eq!(quoted("a\"b\\c").as_deref(), Some("\"a\\\"b\\\\c\""));
        assert_eq!(quoted("a\r\nb"), None);
        assert_eq!(quoted("é"), None);
    }
}
