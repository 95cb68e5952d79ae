//! The sentences of a text that say most, and those that say what is to be done.

use std::collections::HashMap;

use super::text::{has, sentences, spaced};

/// What a text comes to, in its own sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The sentences that say most, in their order.
    pub summary: String,
    /// Those with numbers, days or decisions, and the next in weight.
    pub key_points: Vec<String>,
    /// Those that ask for something or promise it.
    pub action_items: Vec<String>,
}

const IN_SUMMARY: usize = 3;
const POINTS: usize = 5;
const ACTIONS: usize = 10;

/// The longest word that tells nothing of what a text is about.
const SHORT_WORD: usize = 3;

/// Phrases of promises and requests.
const TO_DO: [&str; 46] = [
    "please",
    "i will",
    "i ll",
    "we will",
    "we ll",
    "will send",
    "need to",
    "needs to",
    "have to",
    "must",
    "should",
    "let s",
    "to do",
    "action",
    "follow up",
    "by friday",
    "by monday",
    "schedule",
    "por favor",
    "vou",
    "vamos",
    "precisamos",
    "preciso",
    "precisa",
    "tem que",
    "temos que",
    "deve",
    "devemos",
    "enviar*",
    "agendar*",
    "marcar",
    "confirmar",
    "ligar",
    "ate sexta",
    "ate segunda",
    "necesitamos",
    "necesito",
    "tenemos que",
    "hay que",
    "debe",
    "debemos",
    "voy a",
    "vamos a",
    "confirme*",
    "programar",
    "mandar*",
];

/// Phrases of decisions.
const DECIDED: [&str; 16] = [
    "agreed",
    "decided",
    "approved",
    "deadline",
    "important",
    "budget",
    "contract",
    "combinado",
    "decid*",
    "aprovad*",
    "prazo",
    "importante",
    "acord*",
    "aprobad*",
    "plazo",
    "contrato",
];

/// What `text` comes to.
pub fn summarize(text: &str) -> Summary {
    let sentences = sentences(text);
    let folded: Vec<String> = sentences.iter().map(|sentence| spaced(sentence)).collect();
    let weights = weights(&folded);
    let heaviest = |count: usize, fits: &dyn Fn(usize) -> bool| {
        let mut places: Vec<usize> = (0..sentences.len()).filter(|at| fits(*at)).collect();
        places.sort_by(|one, other| weights[*other].total_cmp(&weights[*one]));
        places.truncate(count);
        places.sort_unstable();
        places.into_iter().map(|at| sentences[at].to_owned()).collect::<Vec<_>>()
    };
    let any = |at: usize, phrases: &[&str]| phrases.iter().any(|phrase| has(&folded[at], phrase));
    let tells = |at: usize| {
        sentences[at].contains(|letter: char| letter.is_ascii_digit()) || any(at, &DECIDED)
    };
    let mut key_points = heaviest(POINTS, &tells);
    if key_points.is_empty() {
        key_points = heaviest(IN_SUMMARY, &|_| true);
    }
    Summary {
        summary: heaviest(IN_SUMMARY, &|_| true).join(" "),
        key_points,
        action_items: heaviest(ACTIONS, &|at| any(at, &TO_DO)),
    }
}

/// How much each sentence says: how common its words are in the text, and whether it begins it.
fn weights(sentences: &[String]) -> Vec<f64> {
    let mut counts: HashMap<&str, f64> = HashMap::new();
    let words = |sentence: &'_ str| -> Vec<String> {
        sentence
            .split_whitespace()
            .filter(|word| word.len() > SHORT_WORD)
            .map(str::to_owned)
            .collect()
    };
    let all: Vec<Vec<String>> = sentences.iter().map(|sentence| words(sentence)).collect();
    for word in all.iter().flatten() {
        *counts.entry(word.as_str()).or_default() += 1.0;
    }
    all.iter()
        .enumerate()
        .map(|(at, words)| {
            let sum: f64 = words.iter().map(|word| counts[word.as_str()]).sum();
            let length: f64 = words.iter().map(|_| 1.0).sum();
            // Longer sentences say more, but not by as much as they are longer.
            sum / (length + 1.0).sqrt() + if at == 0 { 1.0 } else { 0.0 }
        })
        .collect()
}
