//! Values as their defaults are: texts of the environment become numbers, flags, lists and seconds.

use toml::Value;

/// Keys that are shown as `***`.
pub(super) const SECRETS: [&str; 3] =
    ["auth.jwt_secret", "auth.session_secret", "auth.encryption_key"];

/// Secrets of others, which nobody can make: shown as `***` too.
const GIVEN_SECRETS: [&str; 3] =
    ["auth.encryption_keys_old", "base44.api_key", "files.s3_secret_access_key"];

/// What ends so is a secret of theirs as well.
const SECRET_END: &str = "_api_key";

/// Keys whose value is an address that may hold a password.
const ADDRESSES: [&str; 5] =
    ["store.url", "store.redis_url", "store.chromadb_url", "mail.smtp_url", "base44.api_base"];

const HIDDEN: &str = "***";

/// Whether a message about the value must not quote it.
pub(super) fn is_hidden(key: &str) -> bool {
    is_secret(key) || ADDRESSES.contains(&key)
}

fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key) || GIVEN_SECRETS.contains(&key) || key.ends_with(SECRET_END)
}

/// The value of a file, of the kind of its default; the error continues a sentence that begins with the key.
pub(super) fn value(key: &str, value: Value, default: &Value) -> Result<Value, String> {
    match (&value, default) {
        (Value::String(text), _) => self::text(key, text, default),
        (Value::Array(items), Value::Array(_)) if items.iter().all(Value::is_str) => Ok(value),
        (Value::Integer(number), Value::Integer(_)) => positive(*number),
        (Value::Integer(number), Value::Float(_)) => self::text(key, &number.to_string(), default),
        _ if value.same_type(default) && !default.is_array() => Ok(value),
        _ => Err(wanted(key, default)),
    }
}

/// The value of a text, of the kind of its default.
pub(super) fn text(key: &str, text: &str, default: &Value) -> Result<Value, String> {
    let text = text.trim();
    let parsed = match default {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) if key.ends_with("_seconds") => seconds(text).map(Value::Integer),
        Value::Integer(_) => text.replace('_', "").parse().ok().map(Value::Integer),
        Value::Float(_) => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float),
        Value::Boolean(_) => flag(text).map(Value::Boolean),
        Value::Array(_) => Some(list(text)),
        Value::Datetime(_) | Value::Table(_) => None,
    };
    match parsed {
        Some(Value::Integer(number)) => positive(number),
        Some(value) => Ok(value),
        None => Err(wanted(key, default)),
    }
}

/// No setting counts below nothing.
fn positive(number: i64) -> Result<Value, String> {
    if number < 0 { Err("must not be negative".to_owned()) } else { Ok(Value::Integer(number)) }
}

fn wanted(key: &str, default: &Value) -> String {
    let what = match default {
        Value::String(_) => "a text",
        Value::Integer(_) if key.ends_with("_seconds") => "seconds (900, \"15m\", \"7d\")",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        Value::Datetime(_) | Value::Table(_) => "something else",
    };
    format!("must be {what}")
}

/// `900`, `90s`, `15m`, `12h`, `7d`, `2w`.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.checked_mul(unit)
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
}

/// A value as it may be shown.
pub(super) fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(_) if is_secret(key) => HIDDEN.to_owned(),
        Value::String(text) if ADDRESSES.contains(&key) => without_password(text),
        Value::String(text) => text.clone(),
        Value::Array(items) if is_secret(key) && !items.is_empty() => HIDDEN.to_owned(),
        Value::Array(items) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_) => value.to_string(),
    }
}

/// `postgres://kith:***@host/base`; what stands behind a question mark is left out when it speaks of a password.
pub(super) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        // A path of SQLite has no password; anything else could.
        return if address.starts_with("sqlite:") { address.to_owned() } else { HIDDEN.to_owned() };
    };
    // The last @ ends the password, which may hold another, and a question mark too.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((who, rest)) => match who.split_once(':') {
            Some((user, _)) => (format!("{user}:{HIDDEN}@"), rest),
            None => (format!("{who}@"), rest),
        },
        None => (String::new(), rest),
    };
    let rest = match rest.split_once('?') {
        Some((place, query)) if query.to_ascii_lowercase().contains("pass") => {
            format!("{place}?{HIDDEN}")
        }
        _ => rest.to_owned(),
    };
    format!("{scheme}://{user}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_their_default_is() {
        let whole = Value::Integer(1);
        assert_eq!(text("auth.access_seconds", "15m", &whole), Ok(Value::Integer(900)));
        assert_eq!(text("auth.access_seconds", "7d", &whole), Ok(Value::Integer(604_800)));
        assert!(text("server.port", "15m", &whole).is_err());
        assert!(text("server.port", "-1", &whole).is_err());
        assert!(text("a.b_seconds", "99999999999999999w", &whole).is_err());
        assert_eq!(text("a.b", "x, y ,", &Value::Array(vec![])), Ok(list("x,y")));
        assert_eq!(text("a.b", "Yes", &Value::Boolean(false)), Ok(Value::Boolean(true)));
    }

    #[test]
    fn secrets_are_not_shown_alone_or_in_lists() {
        let secret = Value::String("secret".to_owned());
        assert_eq!(super::shown("llm.groq_api_key", &secret), HIDDEN);
        assert_eq!(super::shown("auth.encryption_keys_old", &list("secret, other")), HIDDEN);
        assert_eq!(super::shown("auth.encryption_keys_old", &list("")), "");
        assert_eq!(super::shown("server.cors_origins", &list("a, b")), "a, b");
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = without_password;
        assert_eq!(
            shown("postgres://kith:p@ss:w@host:5432/base"),
            "postgres://kith:***@host:5432/base"
        );
        assert_eq!(shown("postgres://host/base?user=a&password=b"), "postgres://host/base?***");
        assert_eq!(shown("postgres://kith:a?b@host/base"), "postgres://kith:***@host/base");
        assert_eq!(shown("host=a password=b"), "***");
        assert_eq!(shown("sqlite:./data/kith.db"), "sqlite:./data/kith.db");
        assert_eq!(shown("smtp://host?starttls=required"), "smtp://host?starttls=required");
    }
}
