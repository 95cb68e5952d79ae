//! Text as people compare it: without case and accents; words of it; names that resemble each other.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// `text` without case and accents, the same on every database: what is compared, sorted and searched.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        for lower in letter.to_lowercase() {
            match plain(lower) {
                Some(spelled) => folded.push_str(spelled),
                // Lowering can bring marks of its own ('İ').
                None if is_combining_mark(lower) => {}
                None => folded.push(lower),
            }
        }
    }
    Cow::Owned(folded)
}

/// Letters that carry their mark inside, which no decomposition takes off.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ħ' => "h",
        _ => return None,
    })
}

/// Calls `each` with every word of folded text: runs of letters and digits; a CJK character is a word.
pub fn each_word<'a>(folded: &'a str, mut each: impl FnMut(&'a str)) {
    let mut start = None;
    for (at, letter) in folded.char_indices() {
        let ideograph = is_ideograph(letter);
        if letter.is_alphanumeric() && !ideograph {
            start.get_or_insert(at);
            continue;
        }
        if let Some(from) = start.take() {
            each(&folded[from..at]);
        }
        if ideograph {
            each(&folded[at..at + letter.len_utf8()]);
        }
    }
    if let Some(from) = start {
        each(&folded[from..]);
    }
}

fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// `first_name` → `firstName`.
pub fn camel_case(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    let mut upper = false;
    for letter in snake.chars() {
        if letter == '_' && !camel.is_empty() {
            upper = true;
        } else if upper {
            camel.extend(letter.to_uppercase());
            upper = false;
        } else {
            camel.push(letter);
        }
    }
    camel
}

/// `firstName` → `first_name`.
pub fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The candidate that resembles `name` most, when one does: for "did you mean …?".
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let wanted = name.to_lowercase().replace(['_', '-', ' '], "");
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::jaro_winkler(&wanted, &candidate.to_lowercase().replace('_', "")), candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let folded = fold(text);
        let mut found = vec![];
        each_word(&folded, |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn folding_takes_case_and_accents_off() {
        assert_eq!(fold("São PAULO"), "sao paulo");
        assert_eq!(fold("Straße"), "strasse");
        assert_eq!(fold("Łódź İstanbul Ærø"), "lodz istanbul aero");
        assert_eq!(fold("plain"), "plain");
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            words("ana.sousa@acme.com +351-21"),
            ["ana", "sousa", "acme", "com", "351", "21"]
        );
        assert_eq!(words("東京 tower"), ["東", "京", "tower"]);
    }

    #[test]
    fn cases_turn_into_each_other() {
        assert_eq!(camel_case("annual_revenue"), "annualRevenue");
        assert_eq!(snake_case("annualRevenue"), "annual_revenue");
        assert_eq!(nearest("fristName", ["firstName", "lastName"]), Some("firstName"));
        assert_eq!(nearest("zzz", ["firstName", "lastName"]), None);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in "\\PC{0,40}") {
            let once = fold(&text).into_owned();
            prop_assert_eq!(fold(&once).into_owned(), once);
        }
    }
}
