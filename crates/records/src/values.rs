//! Values: from JSON to what a column stores, strictly by the field's kind.

use kith_kernel::{Currency, Date, Id, Money, Result, Time, Zone, invalid, text};
use kith_store::Value;
use serde_json::{Number, Value as Json};

use crate::describe::{Field, Kind};

const LONGEST_TEXT: usize = 500;
/// Characters of a long text.
pub(crate) const LONGEST_LONG_TEXT: usize = 65_536;
const LARGEST_JSON: usize = 16 * 1024;
const DEEPEST_JSON: usize = 8;
const LONGEST_EMAIL: usize = 254;
const LONGEST_URL: usize = 2_000;
/// No more labels than this on one record.
pub(crate) const MOST_LABELS: usize = 50;

/// How a caller's words are to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) zone: Zone,
    pub(crate) currency: Currency,
}

impl Field {
    /// The value as answers show it, when it fits the kind.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub(crate) fn canonical(&self, given: &Json, reading: Reading) -> Result<Json> {
        if given.is_null() {
            return Ok(Json::Null);
        }
        canonical(self, given, reading).map_err(|why| invalid(self.key, why))
    }

    /// What a column stores for a canonical value.
    pub(crate) fn stored(&self, canonical: &Json, currency: Currency) -> Result<Value> {
        let text = || canonical.as_str().unwrap_or_default();
        Ok(match (self.kind, canonical) {
            (_, Json::Null) => Value::Null,
            (Kind::Integer(..), value) => value.as_i64().into(),
            (Kind::Number, value) => value.as_f64().into(),
            (Kind::Bool, value) => value.as_bool().into(),
            (Kind::Money, value) => {
                Value::Integer(money(value, currency).map_err(|why| invalid(self.key, why))?)
            }
            (Kind::Json, value) => value.to_string().into(),
            (Kind::Date, _) => Date::parse(text()).into(),
            (Kind::Time, _) => Time::parse(text()).into(),
            (Kind::Link(..) | Kind::Related | Kind::Id, _) => text().parse::<Id>().ok().into(),
            (
                Kind::Text
                | Kind::LongText
                | Kind::Email
                | Kind::Phone
                | Kind::Url
                | Kind::Currency
                | Kind::Choice(_)
                | Kind::Labels,
                _,
            ) => text().into(),
        })
    }

    /// What the folded column stores for a canonical value.
    pub(crate) fn folded_value(&self, canonical: &Json) -> Value {
        canonical.as_str().map_or(Value::Null, |text| self.fold(text).into())
    }

    /// A text as this field compares it.
    pub(crate) fn fold(&self, given: &str) -> String {
        if self.kind == Kind::Phone { digits(given) } else { text::fold(given).into_owned() }
    }
}

fn canonical(field: &Field, given: &Json, reading: Reading) -> std::result::Result<Json, String> {
    match field.kind {
        Kind::Text => line(given, LONGEST_TEXT).map(Json::from),
        Kind::LongText => bounded(given, LONGEST_LONG_TEXT).map(Json::from),
        Kind::Json => small(given).map(|()| given.clone()),
        Kind::Email => email(&line(given, LONGEST_EMAIL)?).map(Json::from),
        Kind::Phone => phone(&line(given, 40)?).map(Json::from),
        Kind::Url => url(&line(given, LONGEST_URL)?).map(Json::from),
        Kind::Integer(least, most) => whole(given, least, most).map(Json::from),
        Kind::Number => {
            let number = given.as_f64().and_then(Number::from_f64);
            number.map(Json::Number).ok_or_else(|| "must be a number".to_owned())
        }
        Kind::Money => {
            // As it will be read: 1054.0 and 1054 are one amount.
            let minor = money(given, reading.currency)?;
            let written = Money { minor, currency: reading.currency }.to_string();
            serde_json::from_str(&written).map_err(|_| "must be an amount".to_owned())
        }
        Kind::Currency => {
            let code: std::result::Result<Currency, _> = line(given, 3)?.parse();
            code.map(|code| Json::from(code.code())).map_err(|error| error.to_string())
        }
        Kind::Date => date(given, reading.zone).map(|date| date.to_string().into()),
        Kind::Time => time(given).map(|time| time.to_string().into()),
        Kind::Bool => {
            if given.is_boolean() {
                Ok(given.clone())
            } else {
                Err("must be true or false".to_owned())
            }
        }
        Kind::Choice(words) => choice(&line(given, LONGEST_TEXT)?, words).map(Json::from),
        Kind::Link(..) | Kind::Related | Kind::Id => {
            let id = given.as_str().and_then(|text| text.trim().parse::<Id>().ok());
            id.map(|id| id.to_string().into()).ok_or_else(|| Id::EXPECTED.to_owned())
        }
        Kind::Labels => labels(given),
    }
}

fn text_of(given: &Json) -> std::result::Result<&str, String> {
    let text = given.as_str().ok_or("must be text")?;
    if text.contains('\0') { Err("holds a NUL character".to_owned()) } else { Ok(text) }
}

fn bounded(given: &Json, most: usize) -> std::result::Result<String, String> {
    let text = text_of(given)?;
    if text.chars().nth(most).is_some() {
        return Err(format!("has more than {most} characters"));
    }
    Ok(text.to_owned())
}

/// JSON that is neither large nor deep.
fn small(given: &Json) -> std::result::Result<(), String> {
    if is_deeper(given, DEEPEST_JSON) {
        return Err(format!("has more than {DEEPEST_JSON} levels"));
    }
    let written = given.to_string();
    if written.len() > LARGEST_JSON {
        return Err(format!("has more than {LARGEST_JSON} bytes"));
    }
    if written.contains("\\u0000") {
        return Err("holds a NUL character".to_owned());
    }
    Ok(())
}

fn is_deeper(json: &Json, levels: usize) -> bool {
    match json {
        Json::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Json::Object(keys) => levels == 0 || keys.values().any(|item| is_deeper(item, levels - 1)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Text on one line, without blanks around it.
fn line(given: &Json, most: usize) -> std::result::Result<String, String> {
    let text = bounded(given, most)?;
    let trimmed = text.trim();
    if trimmed.chars().any(char::is_control) {
        return Err("holds a control character".to_owned());
    }
    Ok(trimmed.to_owned())
}

/// One `@`, something before it, and a domain behind it: what can be told without sending a mail.
pub(crate) fn email(text: &str) -> std::result::Result<String, String> {
    let wrong = || Err("is not an e-mail address".to_owned());
    let Some((local, domain)) = text.rsplit_once('@') else { return wrong() };
    let plain = |c: char| {
        !c.is_whitespace()
            && !matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"' | '\\' | '[' | ']')
    };
    let labelled = domain.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    let fits =
        !local.is_empty() && local.len() <= 64 && !local.contains('@') && local.chars().all(plain);
    if fits && labelled && domain.contains('.') { Ok(text.to_owned()) } else { wrong() }
}

fn phone(text: &str) -> std::result::Result<String, String> {
    let count = digits(text).len();
    let plain = text.chars().all(|c| {
        c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '/' | 'x' | '#')
    });
    if plain && (3..=20).contains(&count) {
        Ok(text.to_owned())
    } else {
        Err("is not a telephone number".to_owned())
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn url(text: &str) -> std::result::Result<String, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let fits = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
        && host.contains('.')
        && !text.contains(char::is_whitespace)
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':' | '@' | '_'));
    if fits { Ok(text.to_owned()) } else { Err("is not a web address".to_owned()) }
}

fn whole(given: &Json, least: i64, most: i64) -> std::result::Result<i64, String> {
    let number = given.as_i64().or_else(|| {
        // 5.0 is a whole number too; beyond 2^53 a float no longer tells which.
        let number = given.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15)?;
        format!("{number:.0}").parse().ok()
    });
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        Some(_) => Err(format!("must be from {least} to {most}")),
        None => Err("must be a whole number".to_owned()),
    }
}

/// Minor units of an amount given as a JSON number (or the same in quotes).
fn money(given: &Json, currency: Currency) -> std::result::Result<i64, String> {
    let text = match given {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            return Err("must be an amount".to_owned());
        }
    };
    Money::parse(&text, currency).map(|money| money.minor).map_err(|error| error.to_string())
}

/// A calendar day; of an instant, the day on which it falls.
pub(crate) fn date(given: &Json, zone: Zone) -> std::result::Result<Date, String> {
    let text = text_of(given)?;
    Date::parse(text)
        .or_else(|| Time::parse(text).map(|time| time.date(zone)))
        .ok_or_else(|| "must be a date such as 2026-11-21".to_owned())
}

fn time(given: &Json) -> std::result::Result<Time, String> {
    Time::parse(text_of(given)?)
        .ok_or_else(|| "must be a time such as 2026-11-21T09:30:00Z".to_owned())
}

/// The listed word that is meant, whatever its case.
pub(crate) fn choice(
    given: &str,
    words: &[&'static str],
) -> std::result::Result<&'static str, String> {
    let folded = text::fold(given).replace([' ', '-', '_'], "");
    let same = |word: &&&'static str| text::fold(word).replace([' ', '-', '_'], "") == folded;
    words.iter().find(same).copied().ok_or_else(|| format!("is none of {}", words.join(", ")))
}

fn labels(given: &Json) -> std::result::Result<Json, String> {
    let list = given.as_array().ok_or("must be a list of names")?;
    if list.len() > MOST_LABELS {
        return Err(format!("has more than {MOST_LABELS} names"));
    }
    let mut names: Vec<String> = Vec::new();
    for one in list {
        let name = line(one, 60)?;
        if name.is_empty() {
            return Err("holds an empty name".to_owned());
        }
        if !names.iter().any(|known| text::fold(known) == text::fold(&name)) {
            names.push(name);
        }
    }
    Ok(Json::from(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["ana@acme.com", "a.b+c@sub.acme.co", "josé@exämple.de"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in [
            "ana",
            "ana@",
            "@acme.com",
            "ana@acme",
            "a b@acme.com",
            "ana@-acme.com",
            "a@b@c.de",
            "<a@b.c>",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert!(
            phone("+351 21 000-00 00").is_ok() && phone("call me").is_err() && phone("12").is_err()
        );
        assert!(url("acme.com").is_ok() && url("https://acme.com/a?b").is_ok());
        assert!(url("javascript:alert(1)").is_err() && url("ftp://acme.com").is_err());
    }

    #[test]
    fn words_of_a_set_are_read_in_any_case() {
        assert_eq!(choice("IN PROGRESS", &["open", "inProgress"]), Ok("inProgress"));
        assert!(choice("closed", &["open"]).is_err());
    }

    #[test]
    fn numbers_are_what_they_say() {
        assert_eq!(whole(&Json::from(5.0), 0, 10), Ok(5));
        assert!(whole(&Json::from(5.5), 0, 10).is_err());
        assert!(whole(&Json::from(11), 0, 10).is_err());
        assert!(whole(&Json::from("5"), 0, 10).is_err());
    }
}
