//! Where a text goes on that was cut: models like to repeat the last words first.

/// Letters of what was said in which a repetition is looked for.
const LONGEST: usize = 240;
/// Shorter repetitions are chance: "ca" may well go on with "at".
const SHORTEST: usize = 10;
/// The same for a repetition of all that was said.
const SHORTEST_WHOLE: usize = 3;

/// Takes the repetition out of what comes behind a cut.
#[derive(Debug, Default)]
pub(crate) struct Overlap {
    /// The end of what was said; nothing once it is decided.
    said: Vec<char>,
    held: Vec<char>,
}

impl Overlap {
    /// Behind what was said.
    pub(crate) fn behind(said: &str) -> Self {
        let mut end: Vec<char> = said.chars().rev().take(LONGEST).collect();
        end.reverse();
        Self { said: end, held: Vec::new() }
    }

    /// What of the text is new; what may still be a repetition is held back.
    pub(crate) fn take(&mut self, text: String) -> String {
        if self.said.is_empty() {
            return text;
        }
        self.held.extend(text.chars());
        let may_repeat = self.held.len() < self.said.len()
            && self.said.windows(self.held.len()).any(|window| window == self.held);
        if may_repeat { String::new() } else { self.rest() }
    }

    /// What was held back, without what is repeated.
    pub(crate) fn rest(&mut self) -> String {
        let said = std::mem::take(&mut self.said);
        let held = std::mem::take(&mut self.held);
        let most = said.len().min(held.len());
        // Who repeats all that was said so far began anew, however little it was.
        let shortest = SHORTEST.min(said.len().max(SHORTEST_WHOLE));
        let repeated = (shortest..=most).rev().find(|length| said.ends_with(&held[..*length]));
        held[repeated.unwrap_or_default()..].iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(said: &str, next: &str, cut: usize) -> String {
        let mut overlap = Overlap::behind(said);
        let mut all = said.to_owned();
        let letters: Vec<char> = next.chars().collect();
        for part in letters.chunks(cut) {
            all.push_str(&overlap.take(part.iter().collect()));
        }
        all.push_str(&overlap.rest());
        all
    }

    #[test]
    fn what_is_repeated_is_said_once() {
        let said = "The quick brown fox jumps over the la";
        for cut in 1..40 {
            assert_eq!(joined(said, "zy dog", cut), format!("{said}zy dog"));
            assert_eq!(joined(said, "jumps over the lazy dog", cut), format!("{said}zy dog"));
            assert_eq!(joined(said, "la la land", cut), format!("{said}la la land"));
        }
    }

    proptest! {
        #[test]
        fn no_new_letter_is_lost(said in ".{0,300}", new in "[0-9]{1,30}", repeat in 10_usize..200, cut in 1_usize..9) {
            let letters: Vec<char> = said.chars().filter(|letter| !letter.is_ascii_digit()).collect();
            let said: String = letters.iter().collect();
            let tail: String = letters[letters.len().saturating_sub(repeat)..].iter().collect();
            let next = if letters.len() >= SHORTEST { format!("{tail}{new}") } else { new.clone() };
            prop_assert_eq!(joined(&said, &next, cut), format!("{said}{new}"));
        }
    }
}
