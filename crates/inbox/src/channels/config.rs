//! The configuration of a channel: what its kind knows, merged key by key, with secrets taken out of it.

use kith_kernel::{
    Error, Result, Time, invalid,
    text::{camel_case, nearest},
};
use kith_platform::Ctx;
use kith_records::{Change, Desk, Record, What};
use serde_json::{Value as Json, json};

use super::{
    kinds::{ChannelKind, Holds, Key},
    secrets,
};

/// What stands where a secret is kept.
const MASK: &str = "***";
const LONGEST: usize = 2_000;
const MOST_LISTED: usize = 50;
/// What alone proves who calls has at least so many bytes.
const SHORTEST_KEY: usize = 16;

/// Merges what was given into what was there. The secrets themselves stay in `given`.
pub(super) fn settle(ctx: &Ctx, change: &mut Change, kind: ChannelKind) -> Result<()> {
    let mut config = match change.was("config") {
        Some(Json::Object(before)) => before.clone(),
        _ => Record::new(),
    };
    let mut secret_changed = false;
    for (name, value) in given(change)? {
        let key = known(kind, &name)?;
        match fitted(key, value)? {
            Json::Null => drop(config.remove(key.name)),
            Json::String(text) if key.is_secret() => {
                secret_changed |= text != MASK;
                if text != MASK || config.contains_key(key.name) {
                    config.insert(key.name.to_owned(), json!(MASK));
                }
            }
            value => drop(config.insert(key.name.to_owned(), value)),
        }
    }
    for key in kind.keys().iter().filter(|key| key.is_made()) {
        if !config.contains_key(key.name) {
            config.insert(key.name.to_owned(), json!(MASK));
            secret_changed = true;
        }
    }
    if kind == ChannelKind::Website && !config.contains_key("widgetId") {
        config.insert("widgetId".to_owned(), json!(change.id.to_string()));
    }
    if secret_changed && change.what != What::Restored {
        // Never the same twice: what follows from a change is only written where something changes.
        let before = change.was("secretsChangedAt").and_then(Json::as_str).and_then(Time::parse);
        let now = ctx.now();
        let at = before.map_or(now, |before| now.max(before.plus_milliseconds(1)));
        change.set("secretsChangedAt", json!(at));
    }
    change.set("config", Json::Object(config));
    Ok(())
}

/// What the caller gave, under the names as they are listed.
pub(super) fn given(change: &Change) -> Result<Vec<(String, Json)>> {
    let given = change.given.get("config");
    match given {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(keys)) => {
            Ok(keys.iter().map(|(key, value)| (camel_case(key), value.clone())).collect())
        }
        Some(_) => Err(invalid("config", "must be an object")),
    }
}

fn known(kind: ChannelKind, name: &str) -> Result<&'static Key> {
    let found = kind.keys().iter().find(|key| key.name == name);
    found.ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        let meant = nearest(name, kind.keys().iter().map(|key| key.name));
        let meant = meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
        let why = format!("is not known to a channel of the kind {}{meant}", kind.name());
        invalid(&format!("config.{shown}"), why)
    })
}

fn fitted(key: &Key, value: Json) -> Result<Json> {
    let wrong = |why: String| -> Error { invalid(&format!("config.{}", key.name), why) };
    match (key.holds, value) {
        (_, Json::Null) => Ok(Json::Null),
        (Holds::List, Json::Array(texts)) => {
            let fits = texts.len() <= MOST_LISTED
                && texts.iter().all(|text| text.as_str().is_some_and(|text| text.len() <= LONGEST));
            if fits {
                return Ok(Json::Array(texts));
            }
            Err(wrong(format!("must be at most {MOST_LISTED} texts")))
        }
        (Holds::List, _) => Err(wrong("must be a list of texts".to_owned())),
        (_, value) => {
            // Ids of numbers and pages are written as numbers, too.
            let text = match &value {
                Json::Number(number) if key.holds == Holds::Plain => number.to_string(),
                Json::String(text) => text.trim().to_owned(),
                _ => return Err(wrong("must be text".to_owned())),
            };
            if text.len() > LONGEST || text.chars().any(char::is_control) {
                return Err(wrong(format!("must be a line of at most {LONGEST} bytes")));
            }
            if text.is_empty() {
                return Ok(Json::Null);
            }
            match key.holds {
                Holds::MadeKey if text != MASK && text.len() < SHORTEST_KEY => Err(wrong(format!(
                    "must have at least {SHORTEST_KEY} characters, or be left out"
                ))),
                Holds::Address if !is_address(&text) => {
                    Err(wrong("must be an address like https://example.com/hook".to_owned()))
                }
                _ => Ok(text.into()),
            }
        }
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|address| {
        matches!(address.scheme_str(), Some("http" | "https"))
            && address.host().is_some_and(|host| !host.is_empty())
    })
}

/// Refuses a configuration that lacks something, naming all of it.
pub(super) fn check(change: &Change) -> Result<()> {
    let Some(kind) = change.text("type").and_then(ChannelKind::named) else { return Ok(()) };
    let empty = Record::new();
    let config = change.get("config").and_then(Json::as_object).unwrap_or(&empty);
    let mut missing = kind
        .keys()
        .iter()
        .filter(|key| key.required && !config.contains_key(key.name))
        .map(|key| invalid(&format!("config.{}", key.name), "is required"));
    match missing.next() {
        None => Ok(()),
        Some(first) => {
            let rest = missing.flat_map(|error| error.problems().to_vec()).collect();
            Err(first.with_problems(rest))
        }
    }
}

/// Keeps the secrets that were given, and makes those that nobody gave.
pub(super) async fn keep_secrets(desk: Desk<'_>, change: &Change) -> Result<()> {
    let Some(kind) = change.text("type").and_then(ChannelKind::named) else { return Ok(()) };
    let given = given(change)?;
    let had = |key: &Key| change.was("config").and_then(|config| config.get(key.name)).is_some();
    for key in kind.keys().iter().filter(|key| key.is_secret()) {
        let value = given.iter().find(|(name, _)| name == key.name).map(|(_, value)| value);
        let value = value.and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty());
        let place = (desk.ctx, desk.db);
        match value.filter(|text| *text != MASK) {
            Some(secret) => secrets::keep(place, change.id, (key.name, secret)).await?,
            None if change.get("config").and_then(|config| config.get(key.name)).is_none() => {
                secrets::remove(desk.db, change.id, key.name).await?;
            }
            None if key.is_made() && !had(key) => {
                secrets::keep(place, change.id, (key.name, &secrets::made()?)).await?;
            }
            None => {}
        }
    }
    Ok(())
}
