//! Which of the three languages a text is in, by the small words that each sentence has.

use std::{collections::HashMap, sync::LazyLock};

use super::text::spaced;

/// A language that the engines know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, also where nothing says anything.
    #[default]
    English,
    /// Portuguese.
    Portuguese,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Its code by ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt",
            Self::Spanish => "es",
        }
    }
}

const WORDS: [(Language, &str); 3] = [
    (
        Language::English,
        "the and is are you your i we my our to of for with this that it not have has please thanks hello hi what \
        how can could would will do does was be on at in from need want there they",
    ),
    (
        Language::Portuguese,
        "nao o os um uma voce voces eu meu minha nosso nossa com em na no do da dos das para pra por que e \
        obrigado obrigada ola oi bom dia boa tarde noite quero gostaria preciso tem estou esta isso muito mais quanto custa ao \
        como qual ele ela foi sao ja meus aqui tudo",
    ),
    (
        Language::Spanish,
        "el los las un una usted yo mi nuestro nuestra con en del para por que y gracias hola buenos buenas dias \
        tardes quiero quisiera necesito tiene estoy esta eso muy mas cuanto cuesta al como cual fue son ya mis aqui todo no lo \
        le su pero me hay donde",
    ),
];

/// The places of the languages that have a word.
static KNOWN: LazyLock<HashMap<&str, Vec<usize>>> = LazyLock::new(|| {
    let mut known: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, (_, words)) in WORDS.iter().enumerate() {
        for word in words.split_whitespace() {
            known.entry(word).or_default().push(place);
        }
    }
    known
});

/// The language of a text.
pub fn language(text: &str) -> Language {
    let spaced = spaced(text);
    let mut counts = [0; 3];
    for word in spaced.split_whitespace() {
        for place in KNOWN.get(word).into_iter().flatten() {
            counts[*place] += 1;
        }
    }
    // Letters that only one of them has.
    let lower = super::text::bounded(text);
    let letters = |letters: &[char]| 2 * usize::from(lower.contains(letters));
    let mut best = (Language::English, 0);
    for (language, count) in WORDS.map(|(language, _)| language).into_iter().zip(counts) {
        let marks = match language {
            Language::English => 0,
            Language::Portuguese => letters(&['ã', 'õ', 'ç', 'ê', 'â', 'ô']),
            Language::Spanish => letters(&['ñ', '¿', '¡']),
        };
        let score = count + marks;
        if score > best.1 {
            best = (language, score);
        }
    }
    best.0
}
