//! Decides in which format the dates of a column are written.

use serde::{Deserialize, Serialize};

use super::dates::DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
use super::dates::DateSeparator::{Dash, Dot, MonthName, Nothing, Slash};
use super::dates::{DateFormat, DateOrder, DateSeparator, parts};
use super::empty;
use crate::csv::excerpt::excerpt;

/// What was decided of a column of dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DateColumn {
    /// The format that most values fit.
    pub format: DateFormat,
    /// Whether no value tells day from month, or values contradict each other in that.
    pub ambiguous: bool,
    /// What the decision rests on.
    pub evidence: DateEvidence,
}

/// What was seen of a column, in values that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DateEvidence {
    /// All of them.
    pub values: u64,
    /// Those that fit the format.
    pub fitting: u64,
    /// Dates that have the day before the month for certain.
    pub only_day_first: u64,
    /// Dates that have the month before the day for certain.
    pub only_month_first: u64,
    /// Dates that fit both orders.
    pub either: u64,
    /// Dates with a time.
    pub timed: u64,
    /// The beginning of the first value that is a date in no known format.
    pub first_misfit: Option<String>,
}

/// The formats that are recognised; dots never stand behind a month.
const FORMATS: [DateFormat; 19] = [
    long(YearMonthDay, Dash),
    long(YearMonthDay, Slash),
    long(YearMonthDay, Dot),
    long(YearMonthDay, Nothing),
    long(YearMonthDay, MonthName),
    long(MonthDayYear, Dash),
    long(MonthDayYear, Slash),
    long(MonthDayYear, MonthName),
    long(DayMonthYear, Dash),
    long(DayMonthYear, Slash),
    long(DayMonthYear, Dot),
    long(DayMonthYear, MonthName),
    short(MonthDayYear, Dash),
    short(MonthDayYear, Slash),
    short(DayMonthYear, Dash),
    short(DayMonthYear, Slash),
    short(DayMonthYear, Dot),
    short(MonthDayYear, MonthName),
    short(DayMonthYear, MonthName),
];

const fn long(order: DateOrder, separator: DateSeparator) -> DateFormat {
    DateFormat { order, separator, short_year: false, timed: false }
}

const fn short(order: DateOrder, separator: DateSeparator) -> DateFormat {
    DateFormat { order, separator, short_year: true, timed: false }
}

/// Whether the same text may be a date in the other order too.
fn is_disputable(format: DateFormat) -> bool {
    matches!(format.separator, Dash | Slash) && format.order != YearMonthDay
}

/// Sees the values of a column one by one; holds a few counters.
#[derive(Clone, Debug)]
pub struct DateTally {
    expected: DateOrder,
    counts: [u64; FORMATS.len()],
    evidence: DateEvidence,
}

impl DateTally {
    /// Takes the order `expected` where the values leave a choice.
    pub fn new(expected: DateOrder) -> Self {
        Self { expected, counts: [0; FORMATS.len()], evidence: DateEvidence::default() }
    }

    /// Sees one more cell; empty ones do not count.
    pub fn feed(&mut self, text: &str) {
        if empty(text).is_some() {
            return;
        }
        self.evidence.values += 1;
        let (mut fits, mut day_first, mut month_first) = (false, false, false);
        if let Some(parts) = parts(text) {
            for (format, count) in FORMATS.iter().zip(&mut self.counts) {
                if format.day(&parts).is_some() {
                    *count += 1;
                    fits = true;
                    day_first |= is_disputable(*format) && format.order == DayMonthYear;
                    month_first |= is_disputable(*format) && format.order == MonthDayYear;
                }
            }
            self.evidence.timed += u64::from(fits && parts.clock.is_some());
        }
        match (day_first, month_first) {
            (true, true) => self.evidence.either += 1,
            (true, false) => self.evidence.only_day_first += 1,
            (false, true) => self.evidence.only_month_first += 1,
            (false, false) if !fits => {
                self.evidence.first_misfit.get_or_insert_with(|| excerpt(text.trim()));
            }
            (false, false) => {}
        }
    }

    /// The decision so far; `None` where no value is a date.
    pub fn decide(&self) -> Option<DateColumn> {
        let fitting = *self.counts.iter().max().filter(|most| **most > 0)?;
        let best = || FORMATS.iter().zip(self.counts).filter(|(_, count)| *count == fitting);
        let (format, _) =
            best().find(|(format, _)| format.order == self.expected).or_else(|| best().next())?;
        let evidence = DateEvidence { fitting, ..self.evidence.clone() };
        let (proof, contradiction) = match format.order {
            DayMonthYear => (evidence.only_day_first, evidence.only_month_first),
            MonthDayYear | YearMonthDay => (evidence.only_month_first, evidence.only_day_first),
        };
        let ambiguous = is_disputable(*format) && (proof == 0 || contradiction > 0);
        let format = DateFormat { timed: evidence.timed > 0, ..*format };
        Some(DateColumn { format, ambiguous, evidence })
    }
}

impl DateColumn {
    /// How many values the decision leaves without a date.
    pub fn misfits(&self) -> u64 {
        self.evidence.values - self.evidence.fitting
    }
}
