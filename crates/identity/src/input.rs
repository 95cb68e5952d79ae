//! What people type: addresses, names, passwords, currencies and time zones, checked.

use kith_kernel::{Currency, Result, Zone, invalid};

/// The longest address that mail servers take (RFC 5321, less the brackets).
const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 200;
const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=200;

/// An e-mail address without the spaces around it.
pub(crate) fn email(text: &str) -> Result<String> {
    let text = text.trim();
    if is_email(text) {
        Ok(text.to_owned())
    } else {
        Err(invalid("email", "is not an e-mail address"))
    }
}

/// Addresses are compared without regard to case.
///
/// They are ASCII, so that two that look alike are not the same person.
pub(crate) fn folded(email: &str) -> String {
    email.trim().to_ascii_lowercase()
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_ok = (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte));
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    local_ok
        && text.len() <= LONGEST_EMAIL
        && domain.contains('.')
        && domain.split('.').all(label_ok)
}

/// A name of 1 to 200 characters without the spaces around it.
pub(crate) fn name(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_NAME {
        return Err(invalid(field, "must have 1 to 200 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(field, "holds a control character"));
    }
    Ok(text.to_owned())
}

/// What somebody is called who gave no name: the part in front of the `@`.
pub(crate) fn name_of(email: &str) -> String {
    email.split('@').next().unwrap_or(email).to_owned()
}

/// A password of 8 to 200 characters.
pub(crate) fn password(text: &str) -> Result<()> {
    if PASSWORD_CHARACTERS.contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(invalid("password", "must have 8 to 200 characters"))
    }
}

/// A currency, the dollar when none is given.
pub(crate) fn currency(text: Option<&str>) -> Result<Currency> {
    let Some(text) = text else { return Ok(Currency::USD) };
    text.parse().map_err(|error: kith_kernel::MoneyError| invalid("currency", error.to_string()))
}

/// A time zone, UTC when none is given.
pub(crate) fn zone(text: Option<&str>) -> Result<Zone> {
    let Some(text) = text else { return Ok(Zone::UTC) };
    Zone::named(text)
        .ok_or_else(|| invalid("timezone", "is not a time zone (such as Europe/Lisbon)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["ana@acme.com", "a.b+c@sub.acme.co", "o'brien@acme.ie", " ana@acme.com "] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ana",
            "@acme.com",
            "ana@",
            "ana@acme",
            "ana@@acme.com",
            "a b@acme.com",
            "ána@acme.com",
            "ana@acme..com",
            ".ana@acme.com",
            "ana@-acme.com",
            "ana@acme.com\r\nBcc: x@y.z",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        assert!(password("ééééééé").is_err());
        assert!(password("éééééééé").is_ok());
        assert!(password(&"x".repeat(201)).is_err());
    }

    #[test]
    fn unknown_zones_and_currencies_are_refused() {
        assert!(zone(Some("Mars/Olympus")).is_err() && zone(Some("Europe/Lisbon")).is_ok());
        assert!(currency(Some("XXX")).is_err() && currency(Some("eur")).is_ok());
        assert!(name("name", " \t ").is_err() && name("name", "a\nb").is_err());
    }
}
