//! Decides whether the numbers of a column have a decimal point or a decimal comma.

use serde::{Deserialize, Serialize};

use super::empty;
use super::numbers::{DecimalSign, Number};
use crate::csv::excerpt::excerpt;

/// What was decided of a column of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberColumn {
    /// The decimal sign under which most values are numbers.
    pub decimal: DecimalSign,
    /// Whether the other sign would do as well and give other numbers, or values contradict
    /// each other.
    pub ambiguous: bool,
    /// What the decision rests on.
    pub evidence: NumberEvidence,
}

/// What was seen of a column, in values that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberEvidence {
    /// All of them.
    pub values: u64,
    /// Numbers with a decimal point only.
    pub only_point: u64,
    /// Numbers with a decimal comma only.
    pub only_comma: u64,
    /// Numbers under both, but different ones, such as `1,234`.
    pub disputed: u64,
    /// Those that are no numbers under either sign.
    pub misfits: u64,
    /// The beginning of the first misfit.
    pub first_misfit: Option<String>,
    /// Numbers with a percent sign.
    pub percent: u64,
    /// The currencies met, the first three of them.
    pub currencies: Vec<String>,
}

/// Sees the values of a column one by one; holds a few counters.
#[derive(Clone, Debug)]
pub struct NumberTally {
    expected: DecimalSign,
    evidence: NumberEvidence,
}

impl NumberTally {
    /// Takes `expected` where the values leave a choice.
    pub fn new(expected: DecimalSign) -> Self {
        Self { expected, evidence: NumberEvidence::default() }
    }

    /// Sees one more cell; empty ones do not count.
    pub fn feed(&mut self, text: &str) {
        if empty(text).is_some() {
            return;
        }
        let seen = &mut self.evidence;
        seen.values += 1;
        let (point, comma) = (DecimalSign::Point.parse(text), DecimalSign::Comma.parse(text));
        match (&point, &comma) {
            (Ok(point), Ok(comma)) => seen.disputed += u64::from(point != comma),
            (Ok(_), Err(_)) => seen.only_point += 1,
            (Err(_), Ok(_)) => seen.only_comma += 1,
            (Err(_), Err(_)) => {
                seen.misfits += 1;
                seen.first_misfit.get_or_insert_with(|| excerpt(text.trim()));
            }
        }
        if let Ok(number) = point.or(comma) {
            self.note(number);
        }
    }

    fn note(&mut self, number: Number) {
        let seen = &mut self.evidence;
        seen.percent += u64::from(number.percent);
        if let Some(currency) = number.currency
            && seen.currencies.len() < 3
            && !seen.currencies.contains(&currency)
        {
            seen.currencies.push(currency);
        }
    }

    /// The decision so far; `None` where no value is a number.
    pub fn decide(&self) -> Option<NumberColumn> {
        let evidence = self.evidence.clone();
        if evidence.misfits == evidence.values {
            return None;
        }
        let (points, commas) = (evidence.only_point, evidence.only_comma);
        let decimal = match points.cmp(&commas) {
            std::cmp::Ordering::Greater => DecimalSign::Point,
            std::cmp::Ordering::Less => DecimalSign::Comma,
            std::cmp::Ordering::Equal => self.expected,
        };
        let contradicted = points > 0 && commas > 0;
        let ambiguous = contradicted || (points == commas && evidence.disputed > 0);
        Some(NumberColumn { decimal, ambiguous, evidence })
    }
}

impl NumberColumn {
    /// How many values the decision leaves without a number.
    pub fn misfits(&self) -> u64 {
        let other = match self.decimal {
            DecimalSign::Point => self.evidence.only_comma,
            DecimalSign::Comma => self.evidence.only_point,
        };
        self.evidence.misfits + other
    }
}
