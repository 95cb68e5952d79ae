//! Plain text, in whichever encoding it is.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::block::{Block, Form};

/// Of so many characters, one control character may be a mistake.
const CONTROLS: usize = 200;

/// The text of some bytes: UTF-8, what a byte order mark says, else Windows-1252, which holds Latin-1.
pub(super) fn decoded(bytes: &[u8]) -> Result<String, String> {
    let text = if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling(&bytes[length..]).0
    } else {
        let (text, broken) = UTF_8.decode_without_bom_handling(bytes);
        if broken { WINDOWS_1252.decode_without_bom_handling(bytes).0 } else { text }
    };
    let odd = text.chars().filter(|letter| is_odd(*letter)).count();
    if odd * CONTROLS > text.chars().count() {
        return Err("It is no text: it holds binary data.".to_owned());
    }
    Ok(text.chars().filter(|letter| !is_odd(*letter)).collect())
}

fn is_odd(letter: char) -> bool {
    letter == '\u{fffd}'
        || (letter.is_control() && !matches!(letter, '\n' | '\r' | '\t' | '\u{c}' | '\u{85}'))
}

/// Paragraphs, with empty lines between them.
pub(super) fn read(text: &str) -> Vec<Block> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut blocks, mut lines): (Vec<Block>, Vec<&str>) = Default::default();
    let mut close = |lines: &mut Vec<&str>| {
        if !lines.is_empty() {
            blocks.push(Block::new(Form::Paragraph, std::mem::take(lines).join("\n")));
        }
    };
    for line in text.split(['\n', '\u{c}']) {
        if line.trim().is_empty() { close(&mut lines) } else { lines.push(line.trim_end()) }
    }
    close(&mut lines);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart_and_binary_data_is_none() {
        for (bytes, text) in [
            (&b"ol\xc3\xa1"[..], Some("olá")),
            (b"ol\xe1, S\xe3o Paulo", Some("olá, São Paulo")),
            (b"\xef\xbb\xbfhi", Some("hi")),
            (b"\xff\xfeh\0i\0", Some("hi")),
            (b"\x7fELF\x02\x01\x01\0\0\0", None),
            (b"\0\x01\x02\x03", None),
            (b"", Some("")),
        ] {
            assert_eq!(decoded(bytes).ok().as_deref(), text, "{bytes:?}");
        }
        assert_eq!(read("a\r\nb\r\n\r\n\r\nc").len(), 2);
    }
}
