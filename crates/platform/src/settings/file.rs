//! The settings file: TOML with one table for each section.

use std::path::Path;

use kith_kernel::{Result, text::nearest, unavailable};
use toml::{Table, Value};

use super::{Origin, Settings, fit};

/// `[server] port = 1` as `server.port`; what stands outside a section keeps its bare name.
pub(super) fn flat(table: Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(keys) => {
                flat.extend(
                    keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)),
                );
            }
            value => flat.push((section, value)),
        }
    }
    flat
}

/// Reads a TOML file; its text may hold secrets and is never part of an error.
pub(super) fn parse(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        unavailable(format!("The settings file {} cannot be read.", path.display()))
            .caused_by(error)
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| {
            text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
        });
        unavailable(format!("{} is no TOML: look at line {line}.", path.display()))
    })
}

impl Settings {
    pub(super) fn read_file(&mut self, path: &Path) -> Result<()> {
        for (key, value) in flat(parse(path)?) {
            match self.values.get(&key) {
                None => self.mistakes.push(self.unknown(&key, path)),
                Some(held) => match fit::value(&key, value, &held.value) {
                    Ok(value) => self.put(&key, value, Origin::File(path.to_owned())),
                    Err(why) => self.mistakes.push(format!("{key} in {} {why}.", path.display())),
                },
            }
        }
        Ok(())
    }

    fn unknown(&self, key: &str, path: &Path) -> String {
        let near = nearest(key, self.values.keys().map(String::as_str));
        let hint = near.map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
        format!("{key} in {} is no setting.{hint}", path.display())
    }
}
