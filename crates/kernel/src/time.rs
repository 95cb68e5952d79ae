//! Time: UTC milliseconds, calendar days, time zones, and the one clock.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// An instant of milliseconds since 1970 (UTC).
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970 (UTC).
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 (UTC).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This many seconds later.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// This many milliseconds later.
    pub const fn plus_milliseconds(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Reads RFC 3339 (`2026-11-21T02:13:53.123Z`, any offset); finer than a millisecond is cut.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 40 {
            return None;
        }
        let parsed = DateTime::parse_from_rfc3339(text).ok()?;
        (0..=9999)
            .contains(&parsed.with_timezone(&Utc).year())
            .then(|| Self(parsed.timestamp_millis()))
    }

    /// The calendar day in a time zone.
    pub fn date(self, zone: Zone) -> Date {
        Date(self.utc().with_timezone(&zone.0).date_naive())
    }

    /// The same time of the day on another day of a time zone; where clocks skip it, an hour later.
    pub fn on(self, day: Date, zone: Zone) -> Self {
        let clock = self.utc().with_timezone(&zone.0).time();
        let local = day.0.and_time(clock);
        let at = zone.0.from_local_datetime(&local).earliest();
        let at = at.or_else(|| {
            zone.0.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest()
        });
        at.map_or_else(
            || Self(local.and_utc().timestamp_millis()),
            |at| Self(at.timestamp_millis()),
        )
    }

    /// Writes `2026-11-21T02:13:53.123Z` into a buffer on the stack.
    pub fn encode(self, buffer: &mut [u8; 24]) -> &str {
        let at = self.utc();
        let year = u32::try_from(at.year().clamp(0, 9999)).unwrap_or(0);
        buffer.copy_from_slice(b"0000-00-00T00:00:00.000Z");
        digits(&mut buffer[0..4], year);
        digits(&mut buffer[5..7], at.month());
        digits(&mut buffer[8..10], at.day());
        digits(&mut buffer[11..13], at.hour());
        digits(&mut buffer[14..16], at.minute());
        digits(&mut buffer[17..19], at.second());
        digits(&mut buffer[20..23], at.timestamp_subsec_millis().min(999));
        std::str::from_utf8(&buffer[..]).unwrap_or_default()
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; 24]))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.encode(&mut [0; 24]))
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).ok_or_else(|| de::Error::custom("is not an RFC 3339 time"))
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// A calendar day without a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(NaiveDate);

impl Date {
    /// The day, when it exists.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(1..=9999).contains(&year) {
            return None;
        }
        NaiveDate::from_ymd_opt(year, month, day).map(Self)
    }

    /// Reads `2026-11-21` and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        Self::new(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?)
    }

    /// The instant at which the day begins in a time zone.
    pub fn begins(self, zone: Zone) -> Time {
        let midnight = self.0.and_time(NaiveTime::MIN);
        let local = zone.0.from_local_datetime(&midnight).earliest();
        // Where midnight is skipped by a change of clocks, the day begins at the next full hour.
        let local = local.or_else(|| {
            zone.0.from_local_datetime(&(midnight + chrono::TimeDelta::hours(1))).earliest()
        });
        local.map_or_else(
            || Time(midnight.and_utc().timestamp_millis()),
            |at| Time(at.timestamp_millis()),
        )
    }

    /// This many days later (or earlier).
    pub fn plus_days(self, days: i64) -> Self {
        let moved = chrono::TimeDelta::try_days(days).and_then(|d| self.0.checked_add_signed(d));
        Self(moved.unwrap_or(self.0))
    }

    /// This many months later (or earlier); the last day of a shorter month is its end.
    pub fn plus_months(self, months: i32) -> Self {
        let by = chrono::Months::new(months.unsigned_abs());
        let moved =
            if months < 0 { self.0.checked_sub_months(by) } else { self.0.checked_add_months(by) };
        Self(moved.unwrap_or(self.0))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i64 {
        i64::from(self.0.num_days_from_ce()) - 719_163
    }
}

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self(date)
    }
}

impl FromStr for Date {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::parse(text).ok_or(())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("is not a date (2026-11-21)"))
    }
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(chrono_tz::UTC);

    /// The zone of a name such as `Europe/Lisbon`.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// The name, such as `Europe/Lisbon`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

/// The one clock: the machine's, or one that tests set.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is moved.
    pub fn fixed(at: Time) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.0))))
    }

    /// The present instant, cut to milliseconds.
    pub fn now(&self) -> Time {
        match &self.0 {
            Some(fixed) => Time(fixed.load(Ordering::Relaxed)),
            #[expect(clippy::disallowed_methods, reason = "this is the clock that others must ask")]
            None => Time(Utc::now().timestamp_millis()),
        }
    }

    /// Moves a fixed clock on; the machine's clock is left alone.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Some(fixed) = &self.0 {
            fixed.fetch_add(seconds * 1000, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        let time = Time::parse("2026-11-21T02:13:53.123+02:00").unwrap();
        assert_eq!(time.to_string(), "2026-11-21T00:13:53.123Z");
        assert_eq!(Time::parse(&time.to_string()), Some(time));
        assert_eq!(Time::parse("2026-11-21"), None);
        assert_eq!(Time::from_milliseconds(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn days_begin_where_the_tenant_lives() {
        let day = Date::parse("2026-11-21").unwrap();
        let sao_paulo = Zone::named("America/Sao_Paulo").unwrap();
        assert_eq!(day.begins(sao_paulo).to_string(), "2026-11-21T03:00:00.000Z");
        assert_eq!(day.begins(sao_paulo).date(sao_paulo), day);
        assert_eq!(Date::parse("2026-02-30"), None);
        assert_eq!(Date::parse("2026-2-3"), None);
        assert_eq!(Date::new(1970, 1, 2).unwrap().days(), 1);
    }

    #[test]
    fn a_skipped_midnight_still_begins_the_day() {
        // Clocks in São Paulo went from 23:59:59 to 01:00 on 2018-11-04.
        let day = Date::parse("2018-11-04").unwrap();
        let zone = Zone::named("America/Sao_Paulo").unwrap();
        assert_eq!(day.begins(zone).to_string(), "2018-11-04T03:00:00.000Z");
    }

    #[test]
    fn the_time_of_day_stays_when_clocks_change() {
        let lisbon = Zone::named("Europe/Lisbon").unwrap();
        let before = Time::parse("2026-03-28T09:00:00Z").unwrap();
        let after = before.on(before.date(lisbon).plus_days(1), lisbon);
        assert_eq!(after.to_string(), "2026-03-29T08:00:00.000Z");
    }

    #[test]
    fn months_end_where_they_end() {
        let day = Date::parse("2026-01-31").unwrap();
        assert_eq!(day.plus_months(1).to_string(), "2026-02-28");
        assert_eq!(day.plus_months(-2).to_string(), "2025-11-30");
    }
}
