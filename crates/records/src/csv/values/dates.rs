//! Reads dates, with or without a time, in one known format.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::{Time, clock};
use super::months::month;
use crate::csv::Delimiter;
use crate::csv::excerpt::excerpt;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A day, and the time where one was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The day, where the clock stood that was read.
    pub date: Date,
    /// The time of that day.
    pub time: Option<Time>,
    /// Minutes east of UTC, where the cell says so.
    pub offset: Option<i16>,
}

/// The order of day, month and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DateOrder {
    /// `2017-03-01`
    YearMonthDay,
    /// `3/1/2017`
    MonthDayYear,
    /// `1/3/2017`
    DayMonthYear,
}

/// What stands between day, month and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DateSeparator {
    /// `2017-03-01`
    Dash,
    /// `3/1/2017`
    Slash,
    /// `1.3.2017`
    Dot,
    /// `20170301`
    Nothing,
    /// The month is a name: `1-Mar-2017`, `Mar 1, 2017`.
    MonthName,
}

/// How the dates of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DateFormat {
    /// What comes first.
    pub order: DateOrder,
    /// What stands between.
    pub separator: DateSeparator,
    /// The year has two digits: 00 to 68 are of this century, 69 to 99 of the last.
    pub short_year: bool,
    /// A time may follow.
    pub timed: bool,
}

/// Why a text is no date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateError {
    /// It is not written in the format; the beginning of the text.
    Format(String, DateFormat),
    /// It is, but the calendar has no such day.
    NoSuchDay(String),
}

impl std::error::Error for DateError {}

impl fmt::Display for DateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(text, format) => write!(out, "“{text}” is not a date like {format}"),
            Self::NoSuchDay(text) => write!(out, "“{text}” is not in the calendar"),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// As RFC 3339, without what was not given: `2017-03-01`, `2017-03-01T10:00:00`,
/// `2017-03-01T10:00:00+01:00`.
impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.date)?;
        if let Some(time) = self.time {
            write!(out, "T{time}")?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => write!(out, "Z"),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs();
                write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = if self.short_year { "YY" } else { "YYYY" };
        let sign = match self.separator {
            DateSeparator::Dash => "-",
            DateSeparator::Slash => "/",
            DateSeparator::Dot => ".",
            DateSeparator::Nothing => "",
            DateSeparator::MonthName => " ",
        };
        let named = self.separator == DateSeparator::MonthName;
        match self.order {
            DateOrder::YearMonthDay if named => write!(out, "{year} Mon D")?,
            DateOrder::MonthDayYear if named => write!(out, "Mon D, {year}")?,
            DateOrder::DayMonthYear if named => write!(out, "D Mon {year}")?,
            DateOrder::YearMonthDay => write!(out, "{year}{sign}MM{sign}DD")?,
            DateOrder::MonthDayYear => write!(out, "M{sign}D{sign}{year}")?,
            DateOrder::DayMonthYear => write!(out, "D{sign}M{sign}{year}")?,
        }
        if self.timed { write!(out, " H:MM") } else { Ok(()) }
    }
}

impl DateOrder {
    /// What to expect of an ambiguous column: a file with commas is likelier American.
    pub fn expected(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::Comma => Self::MonthDayYear,
            Delimiter::Semicolon | Delimiter::Tab | Delimiter::Pipe => Self::DayMonthYear,
        }
    }
}

impl DateFormat {
    /// Reads a date in this format, and a time behind it where the format has one.
    ///
    /// # Errors
    /// The text is written otherwise, or names a day there is not, such as 31 February.
    pub fn parse(self, text: &str) -> Result<Moment, DateError> {
        let not = || DateError::Format(excerpt(text.trim()), self);
        let parts = parts(text).ok_or_else(not)?;
        if parts.clock.is_some() && !self.timed {
            return Err(not());
        }
        let (year, month, day) = self.assign(&parts).ok_or_else(not)?;
        let no_day = || DateError::NoSuchDay(excerpt(text.trim()));
        let date = Date::new(year, month, day).ok_or_else(no_day)?;
        let (time, offset) = parts.clock.unzip();
        Ok(Moment { date, time, offset: offset.flatten() })
    }

    /// The day these parts name in this format, whether or not it has a time.
    pub(super) fn day(self, parts: &Parts<'_>) -> Option<Date> {
        let (year, month, day) = self.assign(parts)?;
        Date::new(year, month, day)
    }

    fn assign(self, parts: &Parts<'_>) -> Option<(u16, u8, u8)> {
        let [first, second, third] = parts.day;
        if parts.separator != self.separator {
            return None;
        }
        let (year, month, day) = match self.order {
            DateOrder::YearMonthDay => (first, second, third),
            DateOrder::MonthDayYear => (third, first, second),
            DateOrder::DayMonthYear => (third, second, first),
        };
        let number = |part: &str| if part.len() <= 2 { part.parse().ok() } else { None };
        let month = match self.separator {
            DateSeparator::MonthName => super::months::month(month)?,
            _ => number(month)?,
        };
        let year = match (self.short_year, year.len()) {
            (false, 4) => year.parse().ok()?,
            (true, 2) => century(year.parse().ok()?),
            _ => return None,
        };
        Some((year, month, number(day)?))
    }
}

fn century(year: u16) -> u16 {
    if year < 69 { 2000 + year } else { 1900 + year }
}

impl Date {
    /// `None` for a day that the calendar lacks, and for years beyond 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        let sound = (1..=9999).contains(&year) && (1..=days).contains(&day);
        sound.then_some(Self { year, month, day })
    }
}

/// A date taken apart, in the order in which it is written.
pub(super) struct Parts<'a> {
    day: [&'a str; 3],
    separator: DateSeparator,
    pub(super) clock: Option<(Time, Option<i16>)>,
}

/// Takes a text apart that may be a date in some format.
pub(super) fn parts(text: &str) -> Option<Parts<'_>> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    let (first, rest) = token(text)?;
    if first.len() == 8 && first.as_bytes()[0].is_ascii_digit() {
        let day = [&first[..4], &first[4..6], &first[6..]];
        return Some(Parts { day, separator: DateSeparator::Nothing, clock: clock_behind(rest)? });
    }
    let (between, rest) = separator(rest);
    let (second, rest) = token(rest)?;
    let (again, rest) = separator(rest);
    let (third, rest) = token(rest)?;
    let is_name = |part: &str| part.starts_with(char::is_alphabetic) && month(part).is_some();
    let named = is_name(first) || is_name(second);
    let separator = match (between, again) {
        _ if named && !between.is_empty() && !again.is_empty() => DateSeparator::MonthName,
        ("-", "-") => DateSeparator::Dash,
        ("/", "/") => DateSeparator::Slash,
        (".", ".") => DateSeparator::Dot,
        _ => return None,
    };
    Some(Parts { day: [first, second, third], separator, clock: clock_behind(rest)? })
}

/// A run of digits, or of letters.
fn token(text: &str) -> Option<(&str, &str)> {
    let digits = text.starts_with(|first: char| first.is_ascii_digit());
    let ends = |character: char| {
        if digits { !character.is_ascii_digit() } else { !character.is_alphabetic() }
    };
    let length = text.find(ends).unwrap_or(text.len());
    (length > 0).then(|| text.split_at(length))
}

fn separator(text: &str) -> (&str, &str) {
    let signs = |character: char| matches!(character, '-' | '/' | '.' | ',' | ' ');
    let length = text.find(|character| !signs(character)).unwrap_or(text.len());
    text.split_at(length)
}

/// The time behind a date, if there is any; `None` for nonsense.
#[expect(clippy::option_option, reason = "nothing said and nonsense said are two things")]
fn clock_behind(rest: &str) -> Option<Option<(Time, Option<i16>)>> {
    if rest.is_empty() {
        return Some(None);
    }
    let time = rest.strip_prefix(['T', 't', ' ']).or_else(|| rest.strip_prefix(", "))?;
    clock(time.trim_start()).map(Some)
}
