//! JSON as far sides write it: half of a letter, where a text was cut, does not make the rest unreadable.

use serde_json::Value as Json;

/// Reads JSON; halves of letters (lone surrogates) become `U+FFFD`.
pub(crate) fn read(bytes: &[u8]) -> serde_json::Result<Json> {
    serde_json::from_slice(bytes).or_else(|error| match mended(bytes) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// The same bytes without halves of letters; nothing where there are none.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        let Some(first) = unit(bytes, at) else {
            // Another escape: what follows the backslash is its own.
            at += 2;
            continue;
        };
        let follows = unit(bytes, at + 6);
        let is_pair = is_high(first) && follows.is_some_and(is_low);
        if !is_pair && (is_high(first) || is_low(first)) {
            let all = mended.get_or_insert_with(|| bytes.to_vec());
            all.get_mut(at..at + 6)?.copy_from_slice(b"\\ufffd");
        }
        at += if is_pair { 12 } else { 6 };
    }
    mended
}

/// The unit of UTF-16 that is written at a place as `\uXXXX`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

const fn is_high(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdbff)
}

const fn is_low(unit: u16) -> bool {
    matches!(unit, 0xdc00..=0xdfff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::read;

    #[test]
    fn halves_of_letters_are_replaced() {
        for (text, expected) in [
            (r#""\ud83d\ude00 a \ud83d""#, "😀 a \u{fffd}"),
            (r#""\ude00\ud83d\ud83d\ude00""#, "\u{fffd}\u{fffd}😀"),
            (r#""\\ud83d \u00e9""#, "\\ud83d é"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), json!(expected), "{text}");
        }
        for broken in [r#""\ud83d"#, r#"{"a":"\ud8"}"#, r"\ud83d", "{"] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in "\"(\\\\u[d][89a-f][0-9a-f]{2}|\\\\\\\\|x|é){0,12}\"") {
            prop_assert!(read(text.as_bytes()).is_ok());
        }
    }
}
