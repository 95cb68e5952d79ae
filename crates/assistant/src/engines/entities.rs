//! Names, addresses, phones, companies, days and amounts in a text.

use kith_llm::{PersonalKind, PersonalKinds, find};

use super::text::bounded;

/// What is found, as it stands in the text; each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entities {
    /// People who are introduced (`my name is …`, `me chamo …`) or have a title.
    pub names: Vec<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// Telephone numbers.
    pub phones: Vec<String>,
    /// Companies, by the form that stands behind their name or the word before it.
    pub companies: Vec<String>,
    /// Days: `2026-03-15`, `15/03/2026`, `March 15`, `15 de março de 2026`.
    pub dates: Vec<String>,
    /// Amounts with their currency.
    pub money: Vec<String>,
}

/// What is in `text`.
pub fn extract_entities(text: &str) -> Entities {
    let text = bounded(text);
    let mut found = Entities::default();
    for finding in
        find(text, PersonalKinds::NONE.with(PersonalKind::Email).with(PersonalKind::Phone))
    {
        let value = &text[finding.start..finding.end];
        let list =
            if finding.kind == PersonalKind::Email { &mut found.emails } else { &mut found.phones };
        add(list, value);
    }
    let words = words(text);
    for at in 0..words.len() {
        if let Some(name) = name_at(text, &words, at) {
            add(&mut found.names, name);
        }
        if let Some(company) = company_at(text, &words, at) {
            add(&mut found.companies, company);
        }
        if let Some(date) = date_at(text, &words, at) {
            add(&mut found.dates, date);
        }
        if let Some(amount) = money_at(text, &words, at) {
            add(&mut found.money, amount);
        }
    }
    found
}

fn add(list: &mut Vec<String>, value: &str) {
    if !value.is_empty() && !list.iter().any(|known| known == value) {
        list.push(value.to_owned());
    }
}

/// Where a word stands, without the marks around it.
struct Word {
    start: usize,
    end: usize,
    lower: String,
    /// Whether a mark stands behind it, so that the next word belongs to something else.
    ends: bool,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for piece in text.split_whitespace() {
        let from = piece.as_ptr().addr() - text.as_ptr().addr();
        let inner = piece
            .trim_matches(|letter: char| !letter.is_alphanumeric() && !"$€£%".contains(letter));
        if inner.is_empty() {
            continue;
        }
        let start = from + (inner.as_ptr().addr() - piece.as_ptr().addr());
        let end = start + inner.len();
        let ends = end < from + piece.len();
        words.push(Word { start, end, lower: inner.to_lowercase(), ends });
    }
    words
}

fn is_capital(text: &str, word: &Word) -> bool {
    let mut letters = text[word.start..word.end].chars();
    letters.next().is_some_and(char::is_uppercase)
        && letters.all(|letter| letter.is_alphabetic() || "'’-&.".contains(letter))
}

/// Words inside names.
const PARTICLES: [&str; 9] = ["da", "de", "do", "dos", "das", "del", "la", "van", "von"];

/// The most words of a name.
const LONGEST_NAME: usize = 5;

/// Capitalized words from `at` on, with particles between them.
fn capitals<'t>(text: &'t str, words: &[Word], at: usize) -> Option<&'t str> {
    let (first, mut last) = (words.get(at).filter(|word| is_capital(text, word))?, at);
    for next in at + 1..words.len().min(at + LONGEST_NAME) {
        let broken =
            words[next - 1].ends && !text[words[next - 1].end..words[next].start].starts_with('.');
        if broken || words[next - 1].ends {
            break;
        }
        if is_capital(text, &words[next]) {
            last = next;
        } else if !PARTICLES.contains(&words[next].lower.as_str()) {
            break;
        }
    }
    Some(&text[first.start..words[last].end])
}

/// Words by which people are introduced.
const INTRODUCED: [&[&str]; 18] = [
    &["my", "name", "is"],
    &["i", "am"],
    &["i'm"],
    &["this", "is"],
    &["me", "chamo"],
    &["meu", "nome", "é"],
    &["eu", "sou", "o"],
    &["eu", "sou", "a"],
    &["aqui", "é", "o"],
    &["aqui", "é", "a"],
    &["sou", "o"],
    &["sou", "a"],
    &["me", "llamo"],
    &["mi", "nombre", "es"],
    &["soy"],
    &["contact", "is"],
    &["falar", "com"],
    &["hablar", "con"],
];

const TITLES: [&str; 14] = [
    "mr", "mrs", "ms", "dr", "dra", "sr", "sra", "srta", "dona", "seu", "senhor", "senhora",
    "señor", "señora",
];

fn name_at<'t>(text: &'t str, words: &[Word], at: usize) -> Option<&'t str> {
    let introduced = INTRODUCED.iter().any(|phrase| {
        at >= phrase.len()
            && phrase
                .iter()
                .zip(&words[at - phrase.len()..at])
                .all(|(known, word)| word.lower == *known)
            && !words[at - 1].ends
    });
    let titled = at > 0 && TITLES.contains(&words[at - 1].lower.as_str());
    (introduced || titled).then(|| capitals(text, words, at)).flatten()
}

/// The forms of companies.
const FORMS: [&str; 19] = [
    "inc",
    "llc",
    "ltd",
    "corp",
    "corporation",
    "gmbh",
    "ag",
    "plc",
    "ltda",
    "s.a",
    "sa",
    "eireli",
    "lda",
    "s.l",
    "sl",
    "s.a.s",
    "limited",
    "group",
    "company",
];

/// Words before the name of a company.
const AT_WORK: [&[&str]; 8] = [
    &["work", "at"],
    &["work", "for"],
    &["da", "empresa"],
    &["na", "empresa"],
    &["de", "la", "empresa"],
    &["trabalho", "na"],
    &["trabajo", "en"],
    &["company", "is"],
];

fn company_at<'t>(text: &'t str, words: &[Word], at: usize) -> Option<&'t str> {
    let announced = AT_WORK.iter().any(|phrase| {
        at >= phrase.len()
            && phrase
                .iter()
                .zip(&words[at - phrase.len()..at])
                .all(|(known, word)| word.lower == *known)
    });
    if announced {
        return capitals(text, words, at);
    }
    let formed = FORMS.contains(&words[at].lower.as_str())
        && text[words[at].start..].starts_with(char::is_uppercase);
    if !formed {
        return None;
    }
    let mut first = at;
    while first > 0 && at - first < LONGEST_NAME - 1 && is_capital(text, &words[first - 1]) {
        // A comma stands before the form at times, and nowhere else.
        if words[first - 1].ends && first != at {
            break;
        }
        first -= 1;
    }
    (first < at).then(|| &text[words[first].start..words[at].end])
}

const MONTHS: [&str; 32] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
    "enero",
    "febrero",
    "marzo",
    "mayo",
    "junio",
    "julio",
    "septiembre",
    "diciembre",
];

fn date_at<'t>(text: &'t str, words: &[Word], at: usize) -> Option<&'t str> {
    let word = &words[at];
    if is_plain_date(&word.lower) {
        return Some(&text[word.start..word.end]);
    }
    let is_day = |at: usize| {
        let digits = words.get(at)?.lower.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h', 'º']);
        digits.parse::<u8>().ok().filter(|day| (1..=31).contains(day))
    };
    let is_month =
        |at: usize| words.get(at).is_some_and(|word| MONTHS.contains(&word.lower.as_str()));
    let is_year = |at: usize| {
        words.get(at).is_some_and(|word| {
            word.lower.len() == 4
                && word.lower.parse::<u16>().is_ok_and(|year| (1900..2200).contains(&year))
        })
    };
    let is_of = |at: usize| {
        words.get(at).is_some_and(|word| matches!(word.lower.as_str(), "de" | "of" | "del"))
    };
    let last = if is_month(at) && is_day(at + 1).is_some() {
        if is_year(at + 2) { at + 2 } else { at + 1 }
    } else {
        is_day(at)?;
        let month = if is_of(at + 1) { at + 2 } else { at + 1 };
        if !is_month(month) {
            return None;
        }
        let year = if is_of(month + 1) { month + 2 } else { month + 1 };
        if is_year(year) { year } else { month }
    };
    Some(&text[word.start..words[last].end])
}

/// Year, month and day in either order, with the same mark between them.
fn is_plain_date(word: &str) -> bool {
    let Some(mark) = word.chars().find(|letter| "-/.".contains(*letter)) else { return false };
    let parts: Vec<&str> = word.split(mark).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let below =
        |part: &str, most: u8| part.parse::<u8>().is_ok_and(|value| (1..=most).contains(&value));
    digits
        && match lengths.as_slice() {
            [4, 1..=2, 1..=2] => below(parts[1], 12) && below(parts[2], 31),
            [1..=2, 1..=2, 2 | 4] => {
                below(parts[0], 31) && below(parts[1], 31) && (mark != '.' || lengths[2] == 4)
            }
            _ => false,
        }
}

const CURRENCIES: [&str; 15] = [
    "eur", "usd", "brl", "gbp", "€", "$", "reais", "euros", "euro", "dollars", "dólares",
    "dolares", "pounds", "libras", "pesos",
];

fn money_at<'t>(text: &'t str, words: &[Word], at: usize) -> Option<&'t str> {
    let word = &words[at];
    let is_amount = |word: &Word| {
        let digits = word.lower.trim_end_matches(['k', 'm', '€', '$', '£']);
        digits.starts_with(|letter: char| letter.is_ascii_digit())
            && digits.chars().all(|letter| letter.is_ascii_digit() || ".,".contains(letter))
    };
    let signs = ["r$", "us$", "$", "€", "£", "usd", "eur", "brl", "gbp"];
    let sign = signs.iter().find_map(|sign| word.lower.strip_prefix(sign));
    if let Some(rest) = sign {
        if rest.is_empty() {
            let next = words.get(at + 1).filter(|next| is_amount(next))?;
            return Some(&text[word.start..next.end]);
        }
        return rest
            .starts_with(|letter: char| letter.is_ascii_digit())
            .then(|| &text[word.start..word.end]);
    }
    if !is_amount(word) {
        return None;
    }
    if word.lower.ends_with(['€', '$', '£']) {
        return Some(&text[word.start..word.end]);
    }
    let announced = at > 0 && signs.contains(&words[at - 1].lower.as_str());
    let next =
        words.get(at + 1).filter(|next| CURRENCIES.contains(&next.lower.as_str()) && !announced)?;
    Some(&text[word.start..next.end])
}
