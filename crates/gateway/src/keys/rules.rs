//! What a service may be called, and what its key looks like.

use kith_kernel::{Result, invalid};
use kith_llm::Provider;

use super::Secret;

/// Names that mean another service, or something else in the same place of a path.
const ALIASES: [(&str, &str); 1] = [("gemini", "google")];
const RESERVED: [&str; 1] = ["settings"];
const LONGEST_NAME: usize = 64;
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=500;
const LENGTHS_OF_OPENAI: std::ops::RangeInclusive<usize> = 20..=300;
/// Of a shorter key the last letters would give too much away.
const SHORTEST_SHOWN: usize = 20;
const SHOWN: usize = 4;

/// The name of a service as it is stored: `OpenAI ` is `openai`.
pub(super) fn service(text: &str) -> Result<String> {
    let name = text.trim().to_ascii_lowercase();
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| letters(byte) || b"-_.".contains(&byte))
        && name.bytes().next().is_some_and(letters);
    if !is_name || RESERVED.contains(&name.as_str()) {
        let why = "must be the name of a service, such as openai: 1 to 64 letters, digits, hyphens, underscores and dots";
        return Err(invalid("service", why));
    }
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    Ok(alias.map_or(name, |(_, meant)| (*meant).to_owned()))
}

/// The key of a service without the spaces around it, when it can be one.
pub(super) fn key(service: &str, given: &Secret) -> Result<Secret> {
    let text = given.expose().trim();
    if Provider::named(service) == Some(Provider::OpenAi)
        && !(text.starts_with("sk-") && LENGTHS_OF_OPENAI.contains(&text.len()))
    {
        return Err(invalid("key", "must begin with sk- and have 20 to 300 letters"));
    }
    // It goes into a header.
    if !LENGTHS.contains(&text.len()) || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(invalid("key", "must have 8 to 500 printable letters of ASCII"));
    }
    Ok(Secret::new(text))
}

/// What a key is known again by: `sk-…abcd`.
pub(super) fn hint(key: &Secret) -> String {
    let text = key.expose();
    if text.len() < SHORTEST_SHOWN || !text.is_ascii() {
        return "…".to_owned();
    }
    let begin = if text.starts_with("sk-") { "sk-" } else { "" };
    format!("{begin}…{}", &text[text.len() - SHOWN..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn services_have_names() {
        assert_eq!(service(" OpenAI ").unwrap(), "openai");
        assert_eq!(service("Gemini").unwrap(), "google");
        assert_eq!(service("my-own_tts.2").unwrap(), "my-own_tts.2");
        for bad in ["", " ", "settings", "-a", "a b", "a/b", "ä", "a\0", &"a".repeat(65)] {
            assert!(service(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_are_trimmed_and_those_of_openai_begin_as_such() {
        let good = format!(" sk-{}\n", "a".repeat(17));
        assert_eq!(key("openai", &Secret::new(good.as_str())).unwrap().expose(), good.trim());
        let long = |letters: usize| format!("sk-{}", "a".repeat(letters - 3));
        assert!(key("openai", &Secret::new(long(300))).is_ok());
        for bad in [long(19), long(301), "pk-0123456789012345678".to_owned()] {
            assert!(key("openai", &Secret::new(bad)).is_err());
        }
        assert!(key("twilio", &Secret::new("AC12:tok")).is_ok());
        for bad in
            ["1234567".to_owned(), "x".repeat(501), "12345678é".to_owned(), "1234\n5678".to_owned()]
        {
            assert!(key("twilio", &Secret::new(bad)).is_err());
        }
    }

    proptest! {
        #[test]
        fn hints_give_little_away(text in "[ -~]{8,500}") {
            let hint = hint(&Secret::new(text.as_str()));
            let shown = hint.chars().filter(|letter| *letter != '…').count();
            prop_assert!(shown <= 7 && shown * 2 < text.len());
            prop_assert!(!hint.contains(&text));
        }

        #[test]
        fn names_and_keys_of_strangers_are_refused_or_taken(name in ".{0,80}", text in ".{0,600}") {
            if let Ok(service) = service(&name) {
                prop_assert_eq!(super::service(&service).unwrap(), service.clone());
                let _ = key(&service, &Secret::new(text));
            }
        }
    }
}
