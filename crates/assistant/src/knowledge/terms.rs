//! Terms of a text: folded words, cut to what their forms have in common, in English, Portuguese and Spanish.

use kith_kernel::text::{each_word, fold};

/// Longer words are cut, in documents as in questions.
const LONGEST: usize = 48;
/// A form is taken off only where so much of the word is left.
const SHORTEST: usize = 4;

/// Words that say nothing of what a question is about, folded and sorted.
const WORDLESS: [&str; 205] = [
    "a", "about", "all", "algum", "alguma", "am", "an", "and", "any", "ao", "aos", "aqui", "are",
    "as", "at", "ate", "be", "been", "but", "by", "can", "com", "como", "con", "could", "cual",
    "cuales", "cuando", "cuanto", "da", "das", "de", "del", "dem", "den", "der", "desde", "did",
    "die", "do", "does", "donde", "dos", "e", "ein", "eine", "el", "ela", "ele", "eles", "em",
    "en", "entre", "era", "eres", "es", "esa", "ese", "essa", "esse", "esta", "estan", "estao",
    "estas", "este", "esto", "estos", "eu", "for", "foi", "from", "get", "give", "had", "has",
    "have", "hay", "he", "her", "his", "how", "i", "if", "ihr", "in", "ir", "is", "isso", "ist",
    "isto", "it", "its", "ja", "la", "las", "le", "les", "lhe", "lo", "los", "mais", "mas", "may",
    "me", "meu", "mi", "minha", "mis", "much", "muito", "my", "na", "nao", "nas", "no", "nos",
    "not", "num", "numa", "o", "of", "on", "or", "os", "ou", "our", "out", "para", "pela", "pelo",
    "pero", "please", "pode", "podem", "podo", "por", "porque", "posso", "puede", "pueden",
    "puedo", "qual", "quais", "quando", "quanto", "quantos", "que", "quem", "quien", "se", "sein",
    "ser", "seu", "shall", "she", "should", "si", "sin", "sind", "so", "sobre", "somos", "son",
    "su", "sua", "sus", "te", "tell", "tem", "tenho", "ter", "that", "the", "their", "them",
    "there", "they", "this", "those", "tiene", "to", "tu", "um", "uma", "un", "una", "und", "uns",
    "us", "voce", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will",
    "with", "would", "y", "you", "your",
];

/// Calls `each` with every term of a text.
pub(crate) fn each_term(text: &str, mut each: impl FnMut(&str)) {
    let folded = fold(text);
    each_word(&folded, |word| each(stem(cut(word))));
}

/// The terms of a question: without those that say nothing, unless there are no others.
pub(crate) fn of_question(question: &str, most: usize) -> Vec<String> {
    let (mut telling, mut all): (Vec<String>, Vec<String>) = Default::default();
    let folded = fold(question);
    each_word(&folded, |word| {
        let term = stem(cut(word)).to_owned();
        if !is_wordless(word) && telling.len() < most && !telling.contains(&term) {
            telling.push(term.clone());
        }
        if all.len() < most && !all.contains(&term) {
            all.push(term);
        }
    });
    if telling.is_empty() { all } else { telling }
}

fn is_wordless(word: &str) -> bool {
    WORDLESS.contains(&word)
}

fn cut(word: &str) -> &str {
    let mut end = word.len().min(LONGEST);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// What words end in beside what they mean, the longest first.
const ENDINGS: [&str; 22] = [
    "amientos", "imientos", "amentos", "imentos", "amiento", "imiento", "amento", "imento",
    "acoes", "aciones", "acion", "acao", "ations", "ation", "ings", "ing", "oes", "ies", "ed",
    "es", "os", "as",
];

/// A word without what its number, gender or time adds to it. Numbers stay as they are.
fn stem(word: &str) -> &str {
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word;
    }
    for ending in ENDINGS {
        if let Some(left) = word.strip_suffix(ending)
            && left.len() >= SHORTEST
        {
            return without_vowel(left);
        }
    }
    match word.strip_suffix('s') {
        Some(left) if left.len() >= 3 && !left.ends_with('s') => without_vowel(left),
        _ => without_vowel(word),
    }
}

/// `entrega`, `entrego` and `entregar` end alike before their last vowel.
fn without_vowel(word: &str) -> &str {
    if word.len() <= SHORTEST {
        return word;
    }
    let bare = |word: &str| word.strip_suffix(['a', 'e', 'o', 'i', 'y']).map(str::len);
    let word = bare(word).map_or(word, |end| &word[..end]);
    let ending = ["ar", "er", "ir"].iter().find_map(|ending| word.strip_suffix(ending));
    ending.filter(|left| left.len() >= SHORTEST).unwrap_or(word)
}

/// FNV-1a, which gives the same on every machine.
pub(crate) fn hash(term: &str) -> u64 {
    term.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stemmed(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        each_term(text, |term| all.push(term.to_owned()));
        all
    }

    #[test]
    fn forms_of_a_word_are_one_term() {
        for (one, other) in [
            ("deliveries", "delivery"),
            ("delivering", "deliver"),
            ("Entregas", "entrega"),
            ("cancelación", "cancelaciones"),
            ("cancelação", "cancelações"),
            ("returns", "return"),
            ("prices", "price"),
            ("refunded", "refund"),
        ] {
            assert_eq!(stemmed(one), stemmed(other), "{one} {other}");
        }
        assert_ne!(stemmed("2024s"), stemmed("2024"));
        assert_ne!(stemmed("access"), stemmed("acces"));
    }

    #[test]
    fn questions_keep_what_tells_something() {
        assert_eq!(of_question("What is the warranty of it?", 8).len(), 1);
        assert_eq!(of_question("o que é", 8).len(), 3);
        assert!(of_question(" … ", 8).is_empty());
        assert!(WORDLESS.iter().all(|word| fold(word) == *word));
    }
}
