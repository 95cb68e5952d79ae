//! Masking: where a text names a person, whatever the case and the accents, and the text without it.

use kith_kernel::text::fold;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What stands where something was erased.
pub(super) const MASK: &str = "[erased]";

/// What a person is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Term {
    /// `email`, `phone` or `name`.
    pub(super) kind: String,
    /// As it is compared.
    pub(super) folded: String,
}

impl Term {
    pub(super) fn new(kind: &str, text: &str) -> Self {
        Self { kind: kind.to_owned(), folded: fold(text.trim()).into_owned() }
    }

    /// Whether it stands here by itself: neither in the middle of a longer word nor of a longer address.
    fn is_at(&self, folded: &str, at: usize) -> bool {
        let joins = |letter: char| {
            letter.is_alphanumeric()
                || (self.kind == "email" && matches!(letter, '.' | '_' | '-' | '+'))
        };
        let end = at + self.folded.len();
        !folded[..at].chars().next_back().is_some_and(joins)
            && !folded[end..].chars().next().is_some_and(char::is_alphanumeric)
    }

    fn is_in(&self, folded: &str) -> bool {
        folded.match_indices(self.folded.as_str()).any(|(at, _)| self.is_at(folded, at))
    }
}

/// Whether a text names any of them.
pub(super) fn names(text: &str, terms: &[Term]) -> bool {
    let folded = fold(text);
    terms.iter().any(|term| term.is_in(&folded))
}

/// Whether a cell names any of them: where it is JSON, in one of its texts, since written out a line break before a name is
/// a letter before it.
pub(super) fn tells_of(cell: &str, terms: &[Term]) -> bool {
    let folded = fold(cell);
    let loosely = |term: &Term| {
        folded.contains(&term.folded)
            || (term.folded.contains(['"', '\\'])
                && folded.contains(Json::from(term.folded.as_str()).to_string().trim_matches('"')))
    };
    if !terms.iter().any(loosely) {
        return false;
    }
    match tree(cell) {
        Some(json) => masked_json(&json, terms).is_some(),
        None => names(cell, terms),
    }
}

/// The cell without them; nothing where it names none.
pub(super) fn masked_text(cell: &str, terms: &[Term]) -> Option<String> {
    match tree(cell) {
        Some(json) => masked_json(&json, terms).map(|json| json.to_string()),
        None => masked(cell, terms),
    }
}

fn tree(cell: &str) -> Option<Json> {
    cell.starts_with(['{', '[']).then(|| serde_json::from_str(cell).ok()).flatten()
}

/// The text without them; nothing where it names none.
pub(super) fn masked(text: &str, terms: &[Term]) -> Option<String> {
    if !names(text, terms) {
        return None;
    }
    let mut left = text.to_owned();
    for term in terms {
        left = without(&left, term);
    }
    // What only reads like it as a whole (letters and their accents apart) goes as a whole.
    Some(if names(&left, terms) { MASK.to_owned() } else { left })
}

/// Letter by letter, since folding changes lengths.
fn without(text: &str, term: &Term) -> String {
    let (mut folded, mut places) = (String::with_capacity(text.len()), Vec::new());
    for (at, letter) in text.char_indices() {
        let one = fold(letter.encode_utf8(&mut [0; 4])).into_owned();
        places.extend(std::iter::repeat_n((at, at + letter.len_utf8()), one.len()));
        folded.push_str(&one);
    }
    let (mut left, mut from) = (String::with_capacity(text.len()), 0);
    for (at, found) in folded.match_indices(term.folded.as_str()) {
        let (Some((begin, _)), Some((_, end))) = (places.get(at), places.get(at + found.len() - 1))
        else {
            continue;
        };
        if *begin >= from && term.is_at(&folded, at) {
            left.push_str(&text[from..*begin]);
            left.push_str(MASK);
            from = *end;
        }
    }
    left.push_str(&text[from..]);
    left
}

/// The same of every text in a tree; nothing where none names them.
pub(super) fn masked_json(json: &Json, terms: &[Term]) -> Option<Json> {
    match json {
        Json::String(text) => masked(text, terms).map(Json::from),
        Json::Array(all) => {
            let new: Vec<_> = all.iter().map(|one| masked_json(one, terms)).collect();
            new.iter().any(Option::is_some).then(|| {
                let pairs = new.into_iter().zip(all);
                pairs.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect()
            })
        }
        Json::Object(all) => {
            let mut changed = false;
            let mut new = serde_json::Map::new();
            for (key, value) in all {
                let (other_key, other) = (masked(key, terms), masked_json(value, terms));
                changed |= other_key.is_some() || other.is_some();
                let value = other.unwrap_or_else(|| value.clone());
                new.insert(other_key.unwrap_or_else(|| key.clone()), value);
            }
            changed.then_some(Json::Object(new))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}

/// Lines of a file: each that names them loses all its letters and digits, and keeps its length.
pub(super) fn masked_lines(bytes: &[u8], terms: &[Term]) -> Option<Vec<u8>> {
    let mut new = bytes.to_vec();
    let mut changed = false;
    for line in new.split_mut(|byte| *byte == b'\n') {
        if names(&String::from_utf8_lossy(line), terms) {
            changed = true;
            for byte in line.iter_mut().filter(|byte| byte.is_ascii_alphanumeric() || **byte > 127)
            {
                *byte = b'*';
            }
        }
    }
    changed.then_some(new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms() -> Vec<Term> {
        vec![
            Term::new("name", "Zoë Quandt"),
            Term::new("email", "zoe@x.example"),
            Term::new("phone", "5511987654321"),
        ]
    }

    #[test]
    fn what_names_somebody_is_masked_and_what_only_looks_like_it_is_not() {
        for (text, left) in [
            ("Call ZOE QUANDT, now", Some("Call [erased], now")),
            ("zoë quandt", Some("[erased]")),
            ("<Zoe@X.example>; Zoë Quandt", Some("<[erased]>; [erased]")),
            ("+5511987654321", Some("+[erased]")),
            ("Zoë Quandts", None),
            ("a.zoe@x.example", None),
            ("zoe@x.examples", None),
            ("Zoe@x.example.", Some("[erased].")),
            ("15511987654321", None),
        ] {
            assert_eq!(masked(text, &terms()).as_deref(), left, "{text}");
        }
        let lines = masked_lines(b"name,mail\nZoe Quandt,q@x\nBo,b@x\n", &terms()).unwrap();
        assert_eq!(String::from_utf8(lines).unwrap(), "name,mail\n*** ******,*@*\nBo,b@x\n");
    }

    #[test]
    fn json_is_looked_into() {
        let quoted = vec![Term::new("name", "Zoë \"Zo\" Quandt")];
        for (json, terms) in [
            (serde_json::json!({ "after": { "content": "Hi\nZoë Quandt" } }), terms()),
            (serde_json::json!(["a", { "name": "Zoë \"Zo\" Quandt" }]), quoted),
        ] {
            let written = json.to_string();
            assert!(tells_of(&written, &terms), "{written}");
            let left = masked_text(&written, &terms).unwrap();
            assert!(left.contains(MASK) && !tells_of(&left, &terms), "{left}");
        }
        assert!(!tells_of(r#"{"name":"Zoë Quandts"}"#, &terms()));
    }

    proptest! {
        #[test]
        fn nothing_is_left_whatever_stands_around(before in "\\PC{0,12}", after in "\\PC{0,12}") {
            let text = format!("{before} Zoë Quandt {after} zoe@x.example");
            let left = masked(&text, &terms()).unwrap();
            prop_assert!(!names(&left, &terms()), "{left}");
        }
    }
}
