//! Guesses what a column holds that no field was found for, so that it can become a field.

use super::dialect::Delimiter;
use super::values::{
    DateColumn, DateOrder, DateTally, DecimalSign, NumberColumn, NumberTally, empty, parse_boolean,
};

/// The most options of a choice.
const MAX_OPTIONS: usize = 20;
/// The longest option, in characters.
const MAX_OPTION: usize = 40;
/// The fewest values that make a choice believable, all in all and for each option.
const MIN_CHOICES: u64 = 50;
const MIN_PER_OPTION: u64 = 5;

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There are none.
    Empty,
    /// Yes and no.
    Boolean,
    /// Whole numbers of at most 15 digits.
    Integer,
    /// Numbers with decimals, a currency or a percent sign.
    Number(NumberColumn),
    /// Dates, some of them with a time where the format is timed.
    Date(DateColumn),
    /// E-mail addresses.
    Email,
    /// Web addresses.
    Url,
    /// Telephone numbers.
    Phone,
    /// One of at most 20 short texts, in the order in which they were met; at least 50 values and
    /// five for each text.
    Choice(Vec<String>),
    /// Anything else.
    Text,
}

/// A guess, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// What every value fits.
    pub kind: Kind,
    /// Values that are not empty.
    pub values: u64,
    /// Empty cells.
    pub empties: u64,
    /// The longest value, in characters.
    pub longest: usize,
}

/// What a column may still be, the likelier first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidate {
    Boolean,
    Integer,
    Number,
    Date,
    Email,
    Url,
    Phone,
}

const CANDIDATES: [Candidate; 7] = [
    Candidate::Boolean,
    Candidate::Integer,
    Candidate::Number,
    Candidate::Date,
    Candidate::Email,
    Candidate::Url,
    Candidate::Phone,
];

/// Sees the values of a column one by one; holds counters and at most 20 short texts.
///
/// A kind must fit every value seen, since those that do not fit it are refused later: feed it
/// the whole column rather than a sample.
#[derive(Clone, Debug)]
pub struct KindTally {
    values: u64,
    empties: u64,
    longest: usize,
    possible: Vec<Candidate>,
    numbers: NumberTally,
    dates: DateTally,
    digits: Digits,
    options: Option<Vec<String>>,
}

/// How many digits the values have.
#[derive(Clone, Copy, Debug)]
enum Digits {
    Unseen,
    Always(usize),
    Varying,
}

impl KindTally {
    /// The delimiter tells which dates and numbers to expect where the values leave a choice.
    pub fn new(delimiter: Delimiter) -> Self {
        Self {
            values: 0,
            empties: 0,
            longest: 0,
            possible: CANDIDATES.to_vec(),
            numbers: NumberTally::new(DecimalSign::expected(delimiter)),
            dates: DateTally::new(DateOrder::expected(delimiter)),
            digits: Digits::Unseen,
            options: Some(Vec::new()),
        }
    }

    /// Sees one more cell.
    pub fn feed(&mut self, text: &str) {
        let text = text.trim();
        if empty(text).is_some() {
            self.empties += 1;
            return;
        }
        self.values += 1;
        let length = text.chars().count();
        self.longest = self.longest.max(length);
        self.possible.retain(|candidate| candidate.fits(text));
        for candidate in &self.possible {
            match candidate {
                Candidate::Number => self.numbers.feed(text),
                Candidate::Date => self.dates.feed(text),
                Candidate::Phone => self.digits.feed(text),
                _ => {}
            }
        }
        self.note_option(text, length);
    }

    fn note_option(&mut self, text: &str, length: usize) {
        let Some(options) = &mut self.options else {
            return;
        };
        if options.iter().any(|option| option == text) {
            return;
        }
        if options.len() == MAX_OPTIONS || length > MAX_OPTION || text.contains(['\n', '\r']) {
            self.options = None;
        } else {
            options.push(text.to_owned());
        }
    }

    /// The guess so far.
    pub fn guess(&self) -> Guess {
        let kind = if self.values == 0 { Kind::Empty } else { self.kind() };
        Guess { kind, values: self.values, empties: self.empties, longest: self.longest }
    }

    fn kind(&self) -> Kind {
        let certain = self.possible.iter().find_map(|candidate| self.confirm(*candidate));
        certain.or_else(|| self.choice()).unwrap_or(Kind::Text)
    }

    fn confirm(&self, candidate: Candidate) -> Option<Kind> {
        match candidate {
            Candidate::Boolean => self.says_yes_and_no().then_some(Kind::Boolean),
            Candidate::Integer => Some(Kind::Integer),
            Candidate::Number if self.is_phone() => None,
            Candidate::Number => {
                let column = self.numbers.decide().filter(|column| column.misfits() == 0)?;
                (column.evidence.currencies.len() <= 1).then_some(Kind::Number(column))
            }
            Candidate::Date => {
                self.dates.decide().filter(|column| column.misfits() == 0).map(Kind::Date)
            }
            Candidate::Email => Some(Kind::Email),
            Candidate::Url => Some(Kind::Url),
            Candidate::Phone => Some(Kind::Phone),
        }
    }

    /// Ones alone, or noughts alone, are rather numbers.
    fn says_yes_and_no(&self) -> bool {
        let options = self.options.as_deref().unwrap_or_default();
        let has = |digit: &str| options.iter().any(|option| option == digit);
        (has("0") && has("1")) || options.iter().any(|option| option != "0" && option != "1")
    }

    /// `555 123 456` may be a number with groups of thousands, but numbers vary in length.
    fn is_phone(&self) -> bool {
        self.possible.contains(&Candidate::Phone)
            && self.values > 1
            && matches!(self.digits, Digits::Always(9..))
    }

    fn choice(&self) -> Option<Kind> {
        let options = self.options.as_ref()?;
        let fewest = MIN_CHOICES.max(MIN_PER_OPTION * options.len() as u64);
        (self.values >= fewest).then(|| Kind::Choice(options.clone()))
    }
}

impl Digits {
    fn feed(&mut self, text: &str) {
        let count = text.bytes().filter(u8::is_ascii_digit).count();
        *self = match *self {
            Self::Unseen => Self::Always(count),
            Self::Always(known) if known == count => Self::Always(count),
            Self::Always(_) | Self::Varying => Self::Varying,
        };
    }
}

impl Candidate {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Boolean => parse_boolean(text).is_some(),
            Self::Integer => is_integer(text),
            Self::Number => is_number(text),
            Self::Date => is_date(text),
            Self::Email => is_email(text),
            Self::Url => is_url(text),
            Self::Phone => is_phone(text),
        }
    }
}

/// Leading zeros and a plus mean something in codes and telephone numbers, and more than 15
/// digits are no longer exact everywhere: such a column stays text.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    matches!(digits.len(), 1..=15)
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let padded = matches!(digits, [b'0', second, ..] if second.is_ascii_digit());
    let long = digits.len() > 15 && digits.iter().all(u8::is_ascii_digit);
    let readable = |sign: DecimalSign| sign.parse(text).is_ok();
    !padded
        && !long
        && !text.starts_with('+')
        && (readable(DecimalSign::Point) || readable(DecimalSign::Comma))
}

fn is_date(text: &str) -> bool {
    let mut tally = DateTally::new(DateOrder::YearMonthDay);
    tally.feed(text);
    tally.decide().is_some()
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else {
        return false;
    };
    let sound = |part: &str| !part.is_empty() && !part.contains(['@', ',', ';', '<', '>']);
    let labels = domain.split('.').all(|label| !label.is_empty());
    text.len() <= 254
        && sound(name)
        && sound(domain)
        && domain.contains('.')
        && labels
        && !text.contains(char::is_whitespace)
}

fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let rest = ["https://", "http://", "www."].iter().find(|start| lower.starts_with(**start));
    rest.is_some_and(|start| text.len() > start.len())
        && text.contains('.')
        && !text.contains(char::is_whitespace)
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |character: char| {
        character.is_ascii_digit() || matches!(character, '+' | '-' | '(' | ')' | '.' | '/' | ' ')
    };
    let decimal = digits + 1 == text.len() && text.contains('.');
    matches!(digits, 7..=15)
        && digits < text.len()
        && !decimal
        && !is_date(text)
        && text.chars().all(allowed)
        && text.starts_with(['+', '(', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
}
