//! Reads the time of a day, with or without seconds, AM or PM, and a distance from UTC.

use std::fmt;

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Billionths of a second; more digits than nine are cut off.
    pub nanosecond: u32,
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        if self.nanosecond > 0 {
            let digits = format!("{:09}", self.nanosecond);
            write!(out, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// Reads `10:05`, `10:05:30.5`, `1:05 PM`, each followed by `Z`, `UTC`, `+01:00` or nothing; gives
/// the minutes east of UTC too.
pub(super) fn clock(text: &str) -> Option<(Time, Option<i16>)> {
    let (hour, rest) = number(text, 1)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 2)?,
        None => (0, rest),
    };
    let (nanosecond, rest) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let (hour, rest) = half_of_day(hour, rest.trim_start())?;
    let offset = offset(rest.trim())?;
    let sound = hour < 24 && minute < 60 && second < 60;
    sound.then_some((Time { hour, minute, second, nanosecond }, offset))
}

/// One or two digits, at least `least`.
fn number(text: &str, least: usize) -> Option<(u8, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    if length < least { None } else { digits.parse().ok().map(|value| (value, rest)) }
}

fn fraction(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    let value = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    let value = value.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    (length > 0).then_some((value, rest))
}

/// The hour of the day, when AM or PM follows an hour of 1 to 12.
fn half_of_day(hour: u8, rest: &str) -> Option<(u8, &str)> {
    let Some((mark, behind)) = rest.split_at_checked(2) else {
        return Some((hour, rest));
    };
    let later = match mark.to_ascii_lowercase().as_str() {
        "am" => 0,
        "pm" => 12,
        _ => return Some((hour, rest)),
    };
    matches!(hour, 1..=12).then_some((hour % 12 + later, behind))
}

/// Minutes east of UTC; `Some(None)` where nothing is said.
#[expect(clippy::option_option, reason = "nothing said and nonsense said are two things")]
fn offset(text: &str) -> Option<Option<i16>> {
    if text.is_empty() {
        return Some(None);
    }
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(Some(0));
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = number(text.strip_prefix(['+', '-'])?, 2)?;
    let (minutes, rest) = match rest.strip_prefix(':').unwrap_or(rest) {
        "" => (0, ""),
        rest => number(rest, 2)?,
    };
    let sound = rest.is_empty() && hours <= 14 && minutes < 60;
    sound.then(|| Some(sign * (i16::from(hours) * 60 + i16::from(minutes))))
}
