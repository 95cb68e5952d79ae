//! Reads numbers as people write them: `1,234.56`, `1.234,56 €`, `(12)`, `25%`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::currency;
use super::decimal::{Decimal, MAX_DIGITS};
use crate::csv::Delimiter;
use crate::csv::excerpt::excerpt;

/// What stands before the decimals; the other of the two may group thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalSign {
    /// `1,234.56`
    Point,
    /// `1.234,56`
    Comma,
}

/// A number and what stood around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// The number; 25 for `25%`.
    pub value: Decimal,
    /// Whether it was followed by a percent sign.
    pub percent: bool,
    /// The sign or code of a currency at either end.
    pub currency: Option<String>,
}

/// Why a text is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// It does not read as one; the beginning of the text.
    NotANumber(String),
    /// It has more than 38 digits.
    TooLong,
}

impl fmt::Display for NumberError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(text) => write!(out, "“{text}” is not a number"),
            Self::TooLong => write!(out, "a number may have {MAX_DIGITS} digits, no more"),
        }
    }
}

impl std::error::Error for NumberError {}

impl DecimalSign {
    /// What to expect of an ambiguous column: a file has semicolons where commas are taken.
    pub fn expected(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::Semicolon => Self::Comma,
            Delimiter::Comma | Delimiter::Tab | Delimiter::Pipe => Self::Point,
        }
    }

    fn character(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn groups(self) -> char {
        match self {
            Self::Point => ',',
            Self::Comma => '.',
        }
    }

    /// Reads a number written with this decimal sign. Thousands may be grouped by the other sign,
    /// blanks or apostrophes; brackets, or a minus at either end, make it negative.
    ///
    /// # Errors
    /// The text is no number, or a longer one than is ever stored.
    pub fn parse(self, text: &str) -> Result<Number, NumberError> {
        let not = || NumberError::NotANumber(excerpt(text.trim()));
        let bare = strip(text).ok_or_else(not)?;
        let (digits, exponent) = split_exponent(bare.digits).ok_or_else(not)?;
        let (whole, decimals) = self.split(digits).ok_or_else(not)?;
        let value = assemble(&whole, decimals, exponent).ok_or(NumberError::TooLong)?;
        let value = if bare.negative { value.negated() } else { value };
        let currency = bare.currency.map(str::to_owned);
        Ok(Number { value, percent: bare.percent, currency })
    }

    /// The digits before the decimal sign, and those behind it.
    fn split(self, text: &str) -> Option<(Cow<'_, str>, &str)> {
        let (whole, decimals) = match text.split_once(self.character()) {
            Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
            Some(_) => return None,
            None if text.is_empty() => return None,
            None => (text, ""),
        };
        if !only_digits(decimals) {
            return None;
        }
        let plain = only_digits(whole).then_some(Cow::Borrowed(whole));
        Some((plain.or_else(|| self.ungroup(whole).map(Cow::Owned))?, decimals))
    }

    /// Thousands in groups of three, by one and the same sign; India's commas make groups of two
    /// before the last.
    fn ungroup(self, whole: &str) -> Option<String> {
        let sign = whole.chars().find(|character| !character.is_ascii_digit())?;
        if sign != self.groups() && !is_blank_or_apostrophe(sign) {
            return None;
        }
        let groups: Vec<&str> = whole.split(sign).collect();
        let (first, last) = (groups.first()?, groups.last()?);
        let middle = &groups[1..groups.len() - 1];
        let pairs =
            sign == ',' && !middle.is_empty() && middle.iter().all(|group| group.len() == 2);
        let sound = matches!(first.len(), 1..=3)
            && (first.len() <= 2 || !pairs)
            && last.len() == 3
            && (pairs || middle.iter().all(|group| group.len() == 3))
            && groups.iter().all(|group| only_digits(group));
        sound.then(|| groups.concat())
    }
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `None` for more digits than a decimal holds.
fn assemble(whole: &str, decimals: &str, exponent: i32) -> Option<Decimal> {
    let whole = whole.trim_start_matches('0');
    if whole.len() + decimals.len() > MAX_DIGITS as usize {
        return None;
    }
    let all = whole.bytes().chain(decimals.bytes());
    let mantissa = all.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let scale = i32::try_from(decimals.len()).ok()? - exponent;
    match u32::try_from(scale) {
        Ok(scale) => Decimal::new(mantissa, scale),
        Err(_) => Decimal::new(mantissa, 0)?.times_ten_to(scale.unsigned_abs()),
    }
}

fn is_blank_or_apostrophe(sign: char) -> bool {
    matches!(sign, ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}' | '\'' | '’')
}

/// A number without what stands around it.
struct Bare<'a> {
    digits: &'a str,
    negative: bool,
    percent: bool,
    currency: Option<&'a str>,
}

/// Takes off brackets, sign, currency and percent sign, in any order but each once.
fn strip(text: &str) -> Option<Bare<'_>> {
    let mut bare = Bare { digits: text.trim(), negative: false, percent: false, currency: None };
    let mut signed = false;
    loop {
        let rest = bare.digits.trim();
        bare.digits = rest;
        if let Some((inner, negative)) = unsigned(rest) {
            if std::mem::replace(&mut signed, true) {
                return None;
            }
            (bare.digits, bare.negative) = (inner, negative);
        } else if let Some(inner) = rest.strip_suffix('%') {
            if std::mem::replace(&mut bare.percent, true) {
                return None;
            }
            bare.digits = inner;
        } else if let Some((currency, inner)) =
            currency::leading(rest).or_else(|| currency::trailing(rest).map(|(a, b)| (b, a)))
        {
            if bare.currency.replace(currency).is_some() {
                return None;
            }
            bare.digits = inner;
        } else {
            return Some(bare);
        }
    }
}

/// The text within its brackets or without its sign, and whether they make it negative.
fn unsigned(text: &str) -> Option<(&str, bool)> {
    if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return Some((inner, true));
    }
    if let Some(rest) = text.strip_prefix('+') {
        return Some((rest, false));
    }
    let minus = ['-', '\u{2212}'];
    text.strip_prefix(minus).or_else(|| text.strip_suffix(minus)).map(|rest| (rest, true))
}

/// The digits before an exponent such as spreadsheets and programs write (`1.5E+03`, `1e-07`),
/// and the exponent. Without a sign there must be decimals, since `12E3` is rather a code.
fn split_exponent(text: &str) -> Option<(&str, i32)> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return Some((text, 0));
    };
    let signed = exponent.starts_with(['+', '-']);
    let plain = exponent.trim_start_matches(['+', '-']);
    let sound = (signed || digits.contains(['.', ',']))
        && exponent.len() - plain.len() <= 1
        && matches!(plain.len(), 1..=3)
        && only_digits(plain);
    if sound { exponent.parse().ok().map(|exponent| (digits, exponent)) } else { None }
}
