//! Evidence: whether a passage answers a question, and is not only the least unlike it.

use std::collections::HashSet;

use super::terms::{each_term, hash};

/// A passage with less evidence is no answer.
pub const ENOUGH: f32 = 0.5;
/// Letters that the beginnings of two words must share to be taken for forms of one.
const ALIKE: usize = 5;
/// What such a form counts.
const FORM: f32 = 0.7;

/// How much of what a question asks a passage speaks of, by the weight of each term; with how near it is in meaning.
pub(crate) fn evidence(terms: &[(String, f32)], passage: &str, semantic: f32) -> f32 {
    let sum: f32 = terms.iter().map(|(_, weight)| weight).sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let (mut said, mut words): (HashSet<u64>, Vec<String>) = Default::default();
    each_term(passage, |term| {
        if said.insert(hash(term)) {
            words.push(term.to_owned());
        }
    });
    let share = |term: &str| {
        if said.contains(&hash(term)) {
            return 1.0;
        }
        let begins = |word: &String| shared(word, term) >= ALIKE.max(term.len() * 2 / 3);
        if words.iter().any(begins) { FORM } else { 0.0 }
    };
    let covered: f32 = terms.iter().map(|(term, weight)| share(term) * weight).sum();
    // Nearness alone proves nothing, but two passages that cover the same are told apart by it.
    (0.85 * covered / sum + 0.3 * semantic).clamp(0.0, 1.0)
}

/// How many bytes the beginnings of two words share.
fn shared(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::{super::terms::of_question, *};

    #[test]
    fn a_passage_that_passes_over_what_is_asked_is_no_answer() {
        let terms: Vec<(String, f32)> =
            of_question("warranty lamp", 8).into_iter().zip([4.0, 1.0]).collect();
        assert!(evidence(&terms, "Every lamp has a warranty of two years.", 0.4) > 0.9);
        assert!(evidence(&terms, "Every lamp is made of brass.", 0.4) < ENOUGH);
        assert!(evidence(&[], "Every lamp.", 1.0) < ENOUGH);
    }
}
