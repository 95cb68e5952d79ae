//! Cells to values: as the column was decided and the field wants it.

use kith_kernel::{Currency, Zone};
use serde_json::Value as Json;

use super::plan::Column;
use crate::{
    csv::values::{Decimal, Empty, Moment, empty, parse_boolean},
    csv::write::unguard,
    describe::Kind,
};

/// A value, and whether it was rounded to fit.
pub(crate) struct Converted {
    pub(crate) value: Json,
    pub(crate) rounded: bool,
}

/// The value of a cell; none when it is empty.
///
/// # Errors
/// A sentence that begins behind the column's name.
pub(crate) fn convert(
    column: &Column,
    kind: Kind,
    cell: &str,
    of: (Zone, Currency),
) -> Result<Option<Converted>, String> {
    let cell = unguard(cell).trim();
    let is_text = matches!(kind, Kind::Text | Kind::LongText | Kind::Labels);
    match empty(cell) {
        // Null is also a name, and a dash may be one.
        Some(Empty::Blank) => return Ok(None),
        Some(_) if !is_text => return Ok(None),
        Some(_) | None => {}
    }
    let plain = |value: Json| Ok(Some(Converted { value, rounded: false }));
    match kind {
        Kind::Integer(..) | Kind::Number => {
            number(column, cell).and_then(|number| plain(as_json(number)))
        }
        Kind::Money => money(column, cell, of.1).map(Some),
        Kind::Bool => match parse_boolean(cell) {
            Some(flag) => plain(flag.into()),
            None => Err(format!("holds {cell:?}, which is neither yes nor no")),
        },
        Kind::Date => moment(column, cell).and_then(|moment| plain(day(moment).into())),
        Kind::Time => moment(column, cell).and_then(|moment| plain(instant(moment, of.0).into())),
        Kind::Labels => {
            let names = cell.split([',', ';', '|']).map(str::trim).filter(|name| !name.is_empty());
            plain(names.map(Json::from).collect())
        }
        Kind::Json => serde_json::from_str(cell)
            .map_or_else(|_| Err(format!("holds {:?}, which is no JSON", short(cell))), plain),
        Kind::Text
        | Kind::LongText
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Currency
        | Kind::Choice(_)
        | Kind::Link(..)
        | Kind::Related
        | Kind::Id => plain(cell.into()),
    }
}

fn number(column: &Column, cell: &str) -> Result<Decimal, String> {
    let Some(sign) = column.decimal else { return Err("has no numbers".to_owned()) };
    let read = sign.parse(cell).map_err(|error| format!("holds {:?}: {error}", short(cell)))?;
    read.value.times_ten_to(column.power).ok_or_else(|| "is too large a number".to_owned())
}

fn short(cell: &str) -> String {
    cell.chars().take(40).collect()
}

fn as_json(number: Decimal) -> Json {
    serde_json::from_str(&number.to_string()).unwrap_or_else(|_| number.to_string().into())
}

fn money(column: &Column, cell: &str, currency: Currency) -> Result<Converted, String> {
    let number = number(column, cell)?;
    let rounded = number.round(currency.decimals()).ok_or("is too large an amount")?;
    Ok(Converted { value: as_json(rounded.value), rounded: rounded.lossy })
}

fn moment(column: &Column, cell: &str) -> Result<Moment, String> {
    let Some(format) = column.date else {
        return Err(format!("holds {:?}, which is no date", short(cell)));
    };
    format.parse(cell).map_err(|error| format!("holds {:?}: {error}", short(cell)))
}

fn day(moment: Moment) -> String {
    let date = moment.date;
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// A day without a time begins in the tenant's time zone; a time without an offset is read as one of that zone.
fn instant(moment: Moment, zone: Zone) -> String {
    if moment.time.is_some() && moment.offset.is_some() {
        return moment.to_string();
    }
    let date = moment.date;
    let begins =
        kith_kernel::Date::new(i32::from(date.year), u32::from(date.month), u32::from(date.day))
            .map(|day| day.begins(zone));
    let into = moment.time.map_or(0, |time| {
        i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second)
    });
    begins.map(|begins| begins.plus_seconds(into).to_string()).unwrap_or_default()
}
