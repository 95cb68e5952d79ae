//! Answers without a model: the sentences of a passage that say most of what is asked.

use std::collections::HashSet;

use kith_kernel::text::{each_word, fold};

use crate::{engines::Language, knowledge::Passage};

/// Sentences of an answer.
const MOST: usize = 3;
const LONGEST: usize = 700;
/// Words of a heading at most.
const MOST_OF_A_HEADING: usize = 6;

/// The words of a text that tell something: folded, longer than three letters, cut to their stem.
fn words(text: &str) -> HashSet<String> {
    let folded = fold(text);
    let mut words = HashSet::new();
    each_word(&folded, |word| {
        if word.chars().count() > 3 {
            words.insert(word.chars().take(6).collect());
        }
    });
    words
}

/// What a passage says to a question. Of a question that was written down with its answer, the answer.
pub(super) fn answer(question: &str, passage: &Passage) -> String {
    let text = match passage.text.split_once("\nA:") {
        Some((_, answer)) if passage.text.trim_start().starts_with("Q:") => answer,
        _ => &passage.text,
    };
    let asked = words(question);
    let sentences = sentences(text);
    let told = |sentence: &&str| words(sentence).intersection(&asked).count();
    let best =
        sentences.iter().enumerate().max_by_key(|(at, sentence)| (told(sentence), usize::MAX - at));
    let Some((best, _)) = best else { return text.trim().chars().take(LONGEST).collect() };
    // What stands behind a sentence often goes on with it.
    let mut answer = String::new();
    for sentence in sentences.iter().skip(best).take(MOST) {
        if !answer.is_empty() && answer.chars().count() + sentence.chars().count() > LONGEST {
            break;
        }
        if !answer.is_empty() {
            answer.push(' ');
        }
        answer.push_str(sentence);
    }
    answer.chars().take(LONGEST).collect()
}

fn sentences(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for line in text.lines() {
        let mut from = 0;
        let mut before = ' ';
        for (at, sign) in line.char_indices() {
            if sign.is_whitespace() && matches!(before, '.' | '!' | '?') {
                all.push(line[from..at].trim());
                from = at;
            }
            before = sign;
        }
        all.push(line[from..].trim());
    }
    all.retain(|sentence| !sentence.is_empty());
    let is_whole = |sentence: &&str| {
        sentence.ends_with(['.', '!', '?', ':', ';'])
            || sentence.split_whitespace().count() > MOST_OF_A_HEADING
    };
    // Headings say nothing by themselves.
    if all.iter().any(is_whole) {
        all.retain(|sentence| is_whole(sentence));
    }
    all
}

/// Said where a member is asked for.
pub(super) const fn hands_over(language: Language) -> &'static str {
    match language {
        Language::English => "I will pass this on to a colleague, who will answer you here.",
        Language::Portuguese => "Vou passar isto a um colega, que responderá por aqui.",
        Language::Spanish => "Voy a pasar esto a un compañero, que le responderá por aquí.",
    }
}

/// Said to a greeting.
pub(super) const fn greets(language: Language) -> &'static str {
    match language {
        Language::English => "Hello! How can I help you?",
        Language::Portuguese => "Olá! Em que posso ajudar?",
        Language::Spanish => "¡Hola! ¿En qué puedo ayudarle?",
    }
}

/// What stands before the name of a source.
pub(super) const fn source(language: Language) -> &'static str {
    match language {
        Language::English => "Source",
        Language::Portuguese => "Fonte",
        Language::Spanish => "Fuente",
    }
}

/// Ways of asking for a person, folded.
const FOR_A_PERSON: [&str; 19] = [
    "speak to a human",
    "talk to a human",
    "speak to a person",
    "talk to a person",
    "real person",
    "human agent",
    "speak to someone",
    "talk to someone",
    "falar com atendente",
    "falar com um atendente",
    "falar com uma pessoa",
    "falar com um humano",
    "falar com alguem",
    "atendente humano",
    "hablar con una persona",
    "hablar con un humano",
    "hablar con alguien",
    "agente humano",
    "persona real",
];

/// Whether somebody asks for a person.
pub(super) fn wants_a_person(text: &str) -> bool {
    let folded = fold(text);
    FOR_A_PERSON.iter().any(|words| folded.contains(words))
}

/// Whether a word stands in a text, whatever its case and accents.
pub(super) fn says(text: &str, word: &str) -> bool {
    let (text, word) = (format!(" {} ", spaced(text)), spaced(word));
    !word.is_empty() && text.contains(&format!(" {word} "))
}

fn spaced(text: &str) -> String {
    let folded = fold(text);
    let mut words = Vec::new();
    each_word(&folded, |word| words.push(word));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use kith_kernel::Id;

    use super::*;

    fn passage(text: &str) -> Passage {
        Passage {
            document: Id::NIL,
            title: "Guide".to_owned(),
            chunk: Id::NIL,
            position: 0,
            page: None,
            heading: String::new(),
            text: text.to_owned(),
            score: 1.0,
            semantic: 1.0,
            keyword: 1.0,
            evidence: 1.0,
        }
    }

    #[test]
    fn the_sentence_that_is_asked_for_is_said() {
        let text = "We open at nine. Returns are taken within 30 days. Bring the receipt. Parking is free.";
        let said = answer("Within how many days do you take returns?", &passage(text));
        assert!(said.starts_with("Returns are taken within 30 days."), "{said}");
        let asked = passage("Q: Do you deliver?\nA: Yes, within two days.");
        assert_eq!(answer("do you deliver", &asked), "Yes, within two days.");
        assert_eq!(answer("x", &passage("")), "");
        let headed = passage("Brass\nUse a dry cloth.\nGift cards");
        assert_eq!(answer("brass", &headed), "Use a dry cloth.");
    }

    #[test]
    fn words_are_whole() {
        assert!(says("My LÁWYER will call", "lawyer") && !says("lawyers", "lawyer"));
        assert!(wants_a_person("Quero falar com um atendente, já!"));
        assert!(!wants_a_person("Is the person at the counter tall?"));
    }
}
