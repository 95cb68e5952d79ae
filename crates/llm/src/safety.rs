//! Whether a text is hateful, harassing, about hurting oneself, sexual or violent, and which words say so.

mod patterns;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::LazyLock};

use kith_kernel::text::{each_word, fold};

use patterns::Part;

/// What a text may be refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Against people for what they are.
    Hate,
    /// Insults and threats to somebody's peace.
    Harassment,
    /// Wanting to hurt or kill oneself.
    SelfHarm,
    /// Sexual acts and wishes.
    Sexual,
    /// Threats of violence, and how to do it.
    Violence,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Hate, Self::Harassment, Self::SelfHarm, Self::Sexual, Self::Violence];

    /// Its name in settings and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hate => "hate",
            Self::Harassment => "harassment",
            Self::SelfHarm => "self-harm",
            Self::Sexual => "sexual",
            Self::Violence => "violence",
        }
    }

    /// The category of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

/// From which score on each category is refused. A score is between 0 and 1; a threshold above 1 switches its category off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds([f32; 5]);

impl Default for Thresholds {
    fn default() -> Self {
        Self([0.5; 5])
    }
}

impl Thresholds {
    /// These, with another one for a category.
    pub const fn with(mut self, category: Category, from: f32) -> Self {
        self.0[category as usize] = from;
        self
    }

    /// The score from which on a category is refused.
    pub const fn of(&self, category: Category) -> f32 {
        self.0[category as usize]
    }
}

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What it is.
    pub category: Category,
    /// How surely, between 0 and 1.
    pub score: f32,
    /// The words that say so, as they stand in the text.
    pub words: Vec<String>,
}

/// The longest text of which all is read; the rest is not looked at.
const LONGEST: usize = 256 * 1024;

/// Words by which a text tells of something instead of doing it: news, medicine, law, rules.
const TELLS: f32 = 0.45;

struct Word<'t> {
    text: &'t str,
    folded: String,
}

/// What `text` is refused for, the surest first. Empty where nothing reaches its threshold.
pub fn judge(text: &str, thresholds: &Thresholds) -> Vec<Verdict> {
    static COMPILED: LazyLock<Compiled> = LazyLock::new(Compiled::new);
    let words = words(text);
    let tells = words
        .iter()
        .any(|word| patterns::TELLING.iter().any(|part| Part::fits_word(part, &word.folded)));
    let mut verdicts: Vec<Verdict> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        for pattern in COMPILED.beginning_with(&word.folded) {
            let Some(count) = patterns::fits(&pattern.parts, &words[at..], |word| &word.folded)
            else {
                continue;
            };
            let score = if tells { pattern.score - TELLS } else { pattern.score };
            let said = said(text, &words[at..at + count]);
            add(&mut verdicts, pattern.category, score, said);
        }
    }
    verdicts.retain(|verdict| verdict.score >= thresholds.of(verdict.category));
    verdicts.sort_by(|one, other| other.score.total_cmp(&one.score));
    verdicts
}

/// A second sign of the same makes it surer.
fn add(verdicts: &mut Vec<Verdict>, category: Category, score: f32, said: String) {
    match verdicts.iter_mut().find(|verdict| verdict.category == category) {
        Some(verdict) if verdict.words.contains(&said) => {}
        Some(verdict) => {
            verdict.score = (verdict.score.max(score) + 0.05).min(1.0);
            verdict.words.push(said);
        }
        None => verdicts.push(Verdict { category, score, words: vec![said] }),
    }
}

/// The text from the first of some words to the last.
fn said(text: &str, words: &[Word]) -> String {
    let place = |word: &Word| word.text.as_ptr().addr() - text.as_ptr().addr();
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => text[place(first)..place(last) + last.text.len()].to_owned(),
        _ => String::new(),
    }
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut words = Vec::new();
    each_word(&text[..end], |word| {
        words.push(Word { text: word, folded: fold(word).into_owned() });
    });
    words
}

struct Pattern {
    category: Category,
    score: f32,
    parts: Vec<Part>,
}

/// All patterns, by the first two bytes that they begin with.
struct Compiled {
    patterns: Vec<Pattern>,
    beginnings: HashMap<[u8; 2], Vec<usize>>,
}

impl Compiled {
    fn new() -> Self {
        let mut compiled = Self { patterns: Vec::new(), beginnings: HashMap::new() };
        for (category, score, lines) in patterns::ALL {
            for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let parts = patterns::parse(line);
                for beginning in parts.first().into_iter().flat_map(Part::beginnings) {
                    let places: &mut Vec<usize> = compiled.beginnings.entry(beginning).or_default();
                    if places.last() != Some(&compiled.patterns.len()) {
                        places.push(compiled.patterns.len());
                    }
                }
                compiled.patterns.push(Pattern { category: *category, score: *score, parts });
            }
        }
        compiled
    }

    fn beginning_with(&self, word: &str) -> impl Iterator<Item = &Pattern> {
        let places =
            patterns::beginning(word).and_then(|beginning| self.beginnings.get(&beginning));
        places.into_iter().flatten().map(|place| &self.patterns[*place])
    }
}

/// `text` with the blocked words of a tenant replaced by `[FILTERED]`, and which of them stood there. Whole words count, without
/// regard to case and accents; a blocked word may be several.
pub fn filter(text: &str, blocked: &[String]) -> (String, Vec<String>) {
    let blocked: Vec<(&String, Vec<String>)> = blocked
        .iter()
        .map(|phrase| (phrase, words(phrase).into_iter().map(|word| word.folded).collect()))
        .filter(|(_, parts): &(_, Vec<String>)| !parts.is_empty())
        .collect();
    let mut all = Vec::new();
    each_word(text, |word| all.push(Word { text: word, folded: fold(word).into_owned() }));
    let (mut filtered, mut copied, mut found, mut at) = (String::new(), 0, Vec::new(), 0);
    while at < all.len() {
        let longest = blocked
            .iter()
            .filter(|(_, parts)| {
                all.len() - at >= parts.len()
                    && parts.iter().zip(&all[at..]).all(|(part, word)| *part == word.folded)
            })
            .max_by_key(|(_, parts)| parts.len());
        let Some((phrase, parts)) = longest else {
            at += 1;
            continue;
        };
        let place = |word: &Word| word.text.as_ptr().addr() - text.as_ptr().addr();
        let last = &all[at + parts.len() - 1];
        filtered.push_str(&text[copied..place(&all[at])]);
        filtered.push_str("[FILTERED]");
        copied = place(last) + last.text.len();
        if !found.contains(*phrase) {
            found.push((*phrase).clone());
        }
        at += parts.len();
    }
    filtered.push_str(&text[copied..]);
    (filtered, found)
}
