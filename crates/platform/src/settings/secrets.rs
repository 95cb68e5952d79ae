//! Secrets that nobody set: made on the first start beside an embedded database, asked for beside PostgreSQL.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use kith_kernel::{Result, unavailable};
use toml::Value;

use super::{ENVIRONMENT, Origin, Settings, file, fit::SECRETS};

/// Keys that nothing is encrypted with any more.
pub(super) const OLD_KEYS: &str = "auth.encryption_keys_old";
const FILE: &str = "secrets.toml";
const HEADING: &str = "# Made by Kith on its first start. Without encryption_key, stored keys of other services cannot be\n\
    # read any more: keep a copy with your backups, and let nobody else read this.\n";

impl Settings {
    /// Takes the secrets that an earlier start kept in the data folder.
    pub(super) fn read_secrets(&mut self, folder: &Path) -> Result<()> {
        let path = self.secrets_file(folder);
        // Beside PostgreSQL a file of one machine would hide that the other nodes lack it.
        if !self.is_embedded() || !path.exists() {
            return Ok(());
        }
        for (name, value) in file::parse(&path)? {
            let key = format!("auth.{name}");
            let is_made =
                SECRETS.contains(&key.as_str()) && value.is_str() && self.text(&key).is_empty();
            let is_old = key == OLD_KEYS && value.is_array() && self.list(&key).next().is_none();
            if is_made || is_old {
                self.put(&key, value, Origin::File(path.clone()));
            }
        }
        let open = fs::metadata(&path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
        if open {
            self.mistakes.push(format!("Others can read {0}: chmod 600 {0}", path.display()));
        }
        Ok(())
    }

    /// The same with every secret: those that nobody set are made and kept in the data folder when the database
    /// is embedded.
    ///
    /// # Errors
    /// `Unavailable` beside PostgreSQL, whose nodes must share them, or when the file cannot be written.
    pub fn with_secrets(mut self) -> Result<Self> {
        let lacking = self.lacking();
        if lacking.is_empty() {
            return Ok(self);
        }
        self.check_shared()?;
        let here = Path::new("");
        let path = self.secrets_file(here);
        let kept: Vec<(String, Value)> =
            if path.exists() { file::parse(&path)?.into_iter().collect() } else { Vec::new() };
        let made = lacking.iter().map(|key| Ok((short(key).to_owned(), Value::String(make()?))));
        let all: toml::Table = made.collect::<Result<Vec<_>>>()?.into_iter().chain(kept).collect();
        keep(&path, &format!("{HEADING}{all}")).map_err(|error| {
            unavailable(format!("The secrets cannot be kept in {}.", path.display()))
                .caused_by(error)
        })?;
        // Another process may have been faster: what stands in the file counts.
        self.read_secrets(here)?;
        Ok(self)
    }

    fn lacking(&self) -> Vec<&'static str> {
        SECRETS.into_iter().filter(|key| self.text(key).is_empty()).collect()
    }

    /// Makes sure that secrets which all nodes share are set.
    ///
    /// # Errors
    /// `Unavailable`, naming those that lack beside PostgreSQL.
    pub fn check_shared(&self) -> Result<()> {
        let lacking = self.lacking();
        if self.is_embedded() || lacking.is_empty() {
            return Ok(());
        }
        Err(unavailable(format!(
            "With PostgreSQL all nodes share their secrets. Set {} (each one: openssl rand -base64 32).",
            variables(&lacking)
        )))
    }

    /// The same with every secret, for whoever only looks: those that there are not yet are made up, and kept nowhere.
    ///
    /// # Errors
    /// `Unavailable` when the system gives no random bytes.
    pub fn with_passing_secrets(mut self) -> Result<Self> {
        for key in self.lacking() {
            self.put(key, Value::String(make()?), Origin::Given);
        }
        Ok(self)
    }

    fn secrets_file(&self, folder: &Path) -> PathBuf {
        folder.join(self.data_folder()).join(FILE)
    }
}

fn short(key: &str) -> &str {
    key.split_once('.').map_or(key, |(_, short)| short)
}

fn variables(keys: &[&str]) -> String {
    let names: Vec<&str> = keys
        .iter()
        .filter_map(|wanted| ENVIRONMENT.iter().find(|(_, key)| key == wanted))
        .map(|(name, _)| *name)
        .collect();
    names.join(", ")
}

fn make() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| unavailable("The system gives no random bytes.").caused_by(error))?;
    Ok(STANDARD.encode(bytes))
}

/// Writes the file whole and for its owner alone; one that appeared meanwhile and was not there before stays.
fn keep(path: &Path, text: &str) -> std::io::Result<()> {
    let is_new = !path.exists();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    fs::remove_file(&draft).ok();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let placed = if is_new { fs::hard_link(&draft, path) } else { Ok(()) };
    let placed = match placed {
        // The file is replaced, or stands on a file system without links.
        Ok(()) if !is_new => fs::rename(&draft, path),
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => fs::rename(&draft, path),
        placed => placed,
    };
    fs::remove_file(&draft).ok();
    match placed {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    }
}

/// 32 characters as they are, 64 hexadecimal digits, or base64 of 32 bytes in any of its spellings.
pub(super) fn key(text: &str) -> Option<[u8; 32]> {
    if let Ok(bytes) = text.as_bytes().try_into() {
        return Some(bytes);
    }
    if let Some(bytes) = hexadecimal(text) {
        return Some(bytes);
    }
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|spelling| spelling.decode(text).ok()?.try_into().ok())
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_three_spellings() {
        assert_eq!(
            key("0123456789abcdef0123456789abcdef"),
            Some(*b"0123456789abcdef0123456789abcdef")
        );
        assert_eq!(key(&"07".repeat(32)), Some([7; 32]));
        assert_eq!(key(&STANDARD.encode([250; 32])), Some([250; 32]));
        assert_eq!(key(&URL_SAFE_NO_PAD.encode([250; 32])), Some([250; 32]));
        assert_eq!(key("short"), None);
    }
}
