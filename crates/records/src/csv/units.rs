//! Reads the unit in the name of a column: `revenue (in millions)`, `Umsatz in TEUR`, `Amount ($)`.

use super::values::currency::is_code;
use super::words::{Word, words};

/// What the name of a column says about its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The name without the unit.
    pub name: String,
    /// That name for matching, as [`super::headers::Header::key`].
    pub key: String,
    /// The values are to be multiplied by ten to this power: 0, 3, 6 or 9.
    pub power: u32,
    /// The currency, as a code (`EUR`) or a sign (`R$`).
    pub currency: Option<String>,
}

/// What a word says in a unit.
enum Meaning {
    /// `in`, `of`: nothing by itself.
    Filler,
    Power(u32),
    /// `m`, `k`: a power only beside a currency, since `Height (m)` is no million.
    Letter(u32),
    Currency(String),
    /// `teur`, `kusd`
    Both(u32, String),
}

/// What was gathered from the words of a unit.
#[derive(Default)]
struct Gathered {
    power: Option<u32>,
    letter: Option<u32>,
    currency: Option<String>,
    filler: bool,
}

/// The unit in the brackets at the end of a name, or in its last words.
pub(super) fn unit_of(name: &str) -> Option<Unit> {
    let trimmed = name.trim_end();
    if let Some((bare, inside)) = brackets(trimmed) {
        let (power, currency) = gather(&words(inside))?.settle()?;
        return unit(bare, power, currency);
    }
    let words = words(trimmed);
    let mut longest = None;
    for first in (1..words.len()).rev() {
        let Some(gathered) = gather(&words[first..]) else {
            break;
        };
        // `of` and `in` begin a unit but are none: "Date of", "Check in".
        longest = gathered.settle().map(|settled| (words[first].start, settled)).or(longest);
    }
    let (start, (power, currency)) = longest?;
    unit(&trimmed[..start], power, currency)
}

/// The name before the brackets, and what stands in them.
fn brackets(name: &str) -> Option<(&str, &str)> {
    let (open, inside) = match name.strip_suffix(')') {
        Some(rest) => ('(', rest),
        None => ('[', name.strip_suffix(']')?),
    };
    let at = inside.rfind(open)?;
    Some((&name[..at], &inside[at + 1..]))
}

fn unit(bare: &str, power: u32, currency: Option<String>) -> Option<Unit> {
    let name = bare.trim_end_matches(|last: char| !last.is_alphanumeric() && last != ')');
    let key = super::headers::key(&words(name));
    (!key.is_empty()).then(|| Unit { name: name.to_owned(), key, power, currency })
}

/// `None` where a word has no place in a unit, or two contradict each other.
fn gather(words: &[Word]) -> Option<Gathered> {
    let mut all = Gathered::default();
    for word in words {
        let (power, letter, currency) = match meaning(word)? {
            Meaning::Filler => {
                all.filler = true;
                continue;
            }
            Meaning::Power(power) => (Some(power), None, None),
            Meaning::Letter(power) => (None, Some(power), None),
            Meaning::Currency(currency) => (None, None, Some(currency)),
            Meaning::Both(power, currency) => (Some(power), None, Some(currency)),
        };
        merge(&mut all.power, power)?;
        merge(&mut all.letter, letter)?;
        merge(&mut all.currency, currency)?;
    }
    Some(all)
}

fn merge<T: PartialEq>(known: &mut Option<T>, said: Option<T>) -> Option<()> {
    match (&*known, said) {
        (_, None) => Some(()),
        (Some(known), Some(said)) => (*known == said).then_some(()),
        (None, said) => {
            *known = said;
            Some(())
        }
    }
}

impl Gathered {
    /// The power and the currency, where there is either.
    fn settle(self) -> Option<(u32, Option<String>)> {
        let letter = self.letter.filter(|_| self.currency.is_some());
        if self.letter.is_some() && letter.is_none() && self.power.is_none() {
            return None;
        }
        let power = self.power.or(letter);
        (power.is_some() || self.currency.is_some()).then(|| (power.unwrap_or(0), self.currency))
    }
}

fn meaning(word: &Word) -> Option<Meaning> {
    if word.sign {
        return Some(Meaning::Currency(word.text.clone()));
    }
    let text = word.text.as_str();
    if matches!(text, "in" | "of" | "em" | "en" | "de") {
        return Some(Meaning::Filler);
    }
    if let Some(power) = power_of(text) {
        return Some(Meaning::Power(power));
    }
    if let Some(power) = letter_of(text) {
        return Some(Meaning::Letter(power));
    }
    if let Some(code) = currency_of(text) {
        return Some(Meaning::Currency(code));
    }
    glued(text)
}

fn power_of(text: &str) -> Option<u32> {
    match text {
        "thousand" | "thousands" | "tsd" | "tausend" | "000" | "000s" => Some(3),
        "million" | "millions" | "mio" | "mln" | "mn" | "millionen" | "milhoes" | "millones" => {
            Some(6)
        }
        "billion" | "billions" | "bn" | "bln" | "mrd" | "milliarde" | "milliarden" => Some(9),
        _ => None,
    }
}

fn letter_of(text: &str) -> Option<u32> {
    match text {
        "k" | "t" => Some(3),
        "m" | "mm" => Some(6),
        "b" => Some(9),
        _ => None,
    }
}

fn currency_of(text: &str) -> Option<String> {
    match text {
        "dollar" | "dollars" => return Some("$".to_owned()),
        "euro" | "euros" => return Some("EUR".to_owned()),
        _ => {}
    }
    let code = text.to_uppercase();
    is_code(&code).then_some(code)
}

/// A power and a currency in one word, on either side; of few currencies, or `mars` were one.
fn glued(text: &str) -> Option<Meaning> {
    ["eur", "usd", "gbp", "chf"].iter().find_map(|code| {
        let power = text.strip_suffix(code).or_else(|| text.strip_prefix(code))?;
        let power = power_of(power).or_else(|| letter_of(power))?;
        Some(Meaning::Both(power, code.to_uppercase()))
    })
}
