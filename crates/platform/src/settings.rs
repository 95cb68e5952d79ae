//! Settings: compiled-in defaults, then a file, then the environment; each value knows where it comes from.

mod check;
mod environment;
mod file;
mod fit;
mod secrets;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use kith_kernel::{Result, internal, unavailable};
use kith_store::Options;
use serde::de::DeserializeOwned;
use toml::Value;

pub use environment::{ENVIRONMENT, UNUSED};

/// Every key with its default, as it is shipped.
const DEFAULTS: &str = include_str!("../../../kith.default.toml");

/// All settings with their origins.
#[derive(Clone)]
pub struct Settings {
    values: BTreeMap<String, Held>,
    /// Variables whose names name something themselves, as they stand in the environment.
    open: BTreeMap<String, String>,
    /// What was wrong with files and environment; such values were left out.
    mistakes: Vec<String>,
    /// Names in the environment that once meant something elsewhere.
    unused: Vec<(&'static str, &'static str)>,
}

/// A value and where it comes from.
#[derive(Clone)]
struct Held {
    value: Value,
    origin: Origin,
}

/// One setting, as it may be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// Its value; secrets are `***`, and passwords in addresses too.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `kith.default.toml`, compiled in.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(&'static str),
    /// The program itself: a flag of the command line, or a test.
    Given,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Environment(name) => f.write_str(name),
            Self::Given => f.write_str("given"),
        }
    }
}

impl Default for Settings {
    /// The defaults alone, without secrets.
    fn default() -> Self {
        // The file is ours, and a test reads it.
        let table: toml::Table = DEFAULTS.parse().unwrap_or_default();
        let values = file::flat(table)
            .into_iter()
            .map(|(key, value)| (key, Held { value, origin: Origin::Default }))
            .collect();
        Self { values, open: BTreeMap::new(), mistakes: Vec::new(), unused: Vec::new() }
    }
}

/// Values may be secrets, so that the keys alone are shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.each()).finish()
    }
}

impl Settings {
    /// Reads the files of the working directory and the environment of the process. Makes nothing:
    /// what serves calls [`Self::with_secrets`] next.
    ///
    /// # Errors
    /// `Unavailable` when a file cannot be read or is no TOML; single wrong values are [`Self::mistakes`].
    pub fn load() -> Result<Self> {
        Self::read(&environment::of_the_process(), Path::new("."))
    }

    /// As [`Self::load`], with an environment and a working directory of the caller's.
    pub fn read(environment: &[(String, String)], folder: &Path) -> Result<Self> {
        let mut settings = Self::default();
        let named =
            environment.iter().find(|(name, value)| name == "KITH_CONFIG" && !value.is_empty());
        match named {
            Some((_, path)) => settings.read_file(&folder.join(path))?,
            None if folder.join("kith.toml").exists() => {
                settings.read_file(&folder.join("kith.toml"))?;
            }
            None => {}
        }
        settings.read_environment(environment);
        settings.read_secrets(folder)?;
        settings.check();
        Ok(settings)
    }

    /// Defaults with fixed secrets and without limits on requests, and then these values.
    ///
    /// # Errors
    /// `Invalid` for a key that does not exist or a value that does not fit.
    pub fn for_tests(values: &[(&str, &str)]) -> Result<Self> {
        let fixed = [
            ("auth.jwt_secret", "a secret of the tests, and no other"),
            ("auth.session_secret", "another secret of the tests alone"),
            ("auth.encryption_key", "0123456789abcdef0123456789abcdef"),
        ];
        let off = ["auth", "api", "upload", "ai"].map(|limit| (format!("limits.{limit}"), "0"));
        let off = off.iter().map(|(key, value)| (key.as_str(), *value));
        let all = fixed.into_iter().chain(off).chain(values.iter().copied());
        let mut settings = all
            .into_iter()
            .try_fold(Self::default(), |settings, (key, value)| settings.with(key, value))?;
        settings.check();
        Ok(settings)
    }

    /// The same with one value replaced: for flags of the command line.
    ///
    /// # Errors
    /// `Invalid` for a key that does not exist or a value that does not fit.
    pub fn with(mut self, key: &str, value: &str) -> Result<Self> {
        if environment::is_open(key) {
            self.open.insert(key.to_owned(), value.to_owned());
            return Ok(self);
        }
        let held =
            self.values.get_mut(key).ok_or_else(|| kith_kernel::invalid(key, "is no setting"))?;
        let value =
            fit::text(key, value, &held.value).map_err(|why| kith_kernel::invalid(key, why))?;
        *held = Held { value, origin: Origin::Given };
        Ok(self)
    }

    /// A crate's section as a struct whose fields name the keys.
    ///
    /// # Errors
    /// `Unavailable`, naming the key, when a value is not what the struct takes.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let table: toml::Table = self
            .values
            .iter()
            .filter_map(|(key, held)| Some((key.split_once('.')?, held)))
            .filter(|((section, _), _)| *section == name)
            .map(|((_, key), held)| (key.to_owned(), held.value.clone()))
            .collect();
        if table.is_empty() {
            return Err(internal(format!("there is no section [{name}] of settings")));
        }
        T::deserialize(Value::Table(table)).map_err(|error| {
            // The words of the reader quote the value, which may be a secret.
            let open = self.values.keys().all(|key| !key.starts_with(name) || !fit::is_hidden(key));
            let why =
                if open { error.to_string() } else { "a value is not of its kind".to_owned() };
            unavailable(format!(
                "The settings of [{name}] cannot be used: {}.",
                why.trim().replace('\n', " ")
            ))
        })
    }

    /// Every setting in order, fit to be shown.
    pub fn each(&self) -> Vec<Setting> {
        let shown = |(key, held): (&String, &Held)| Setting {
            key: key.clone(),
            value: fit::shown(key, &held.value),
            origin: held.origin.clone(),
        };
        self.values.iter().map(shown).collect()
    }

    /// Variables of the environment whose names name something themselves: `MODEL_CHAT_TOOLS__TENANT_ACME`.
    pub fn open(&self) -> &BTreeMap<String, String> {
        &self.open
    }

    /// What is wrong with the settings, a sentence each: unknown keys with the nearest one, values that do not fit.
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    /// Names that stand in the environment and have no use any more, with what to use instead.
    pub fn unused(&self) -> &[(&'static str, &'static str)] {
        &self.unused
    }

    /// The folder of the embedded database, of made secrets and of files.
    pub fn data_folder(&self) -> PathBuf {
        PathBuf::from(self.text("store.data"))
    }

    /// The folder of files that are kept.
    pub fn files_folder(&self) -> PathBuf {
        match self.text("files.folder") {
            "" => self.data_folder().join("files"),
            folder => PathBuf::from(folder),
        }
    }

    /// How to reach the database.
    pub fn store(&self) -> Options {
        let mut options = Options::new(self.database_url());
        options.full_sync = self.text("store.sync") == "full";
        options.readers = usize::try_from(self.whole("store.readers")).unwrap_or(options.readers);
        options.statement_seconds = u64::try_from(self.whole("store.statement_seconds"))
            .unwrap_or(options.statement_seconds);
        options
    }

    /// The 32 bytes that encrypt secrets at rest.
    ///
    /// # Errors
    /// `Unavailable` when the key is missing or has another length.
    pub fn encryption_key(&self) -> Result<[u8; 32]> {
        secrets::key(self.text("auth.encryption_key")).ok_or_else(|| {
            unavailable("ENCRYPTION_KEY is missing, or is not 32 characters, 64 hexadecimal digits or base64 of 32 bytes.")
        })
    }

    /// The keys that secrets at rest may stand under: the one that encrypts, then old ones.
    ///
    /// # Errors
    /// `Unavailable` when one is missing or has another length.
    pub fn encryption_keys(&self) -> Result<Vec<[u8; 32]>> {
        let old = self.list(secrets::OLD_KEYS).map(|text| {
            secrets::key(text).ok_or_else(|| {
                unavailable("A key of ENCRYPTION_KEYS_OLD is not 32 characters, 64 hexadecimal digits or base64 of 32 bytes.")
            })
        });
        std::iter::once(self.encryption_key()).chain(old).collect()
    }

    fn database_url(&self) -> String {
        match self.text("store.url") {
            "" => format!("sqlite:{}", self.data_folder().join("kith.db").display()),
            url => url.to_owned(),
        }
    }

    fn is_embedded(&self) -> bool {
        self.database_url().starts_with("sqlite:")
    }

    /// A text, or nothing where the key has another kind.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.values.get(key).and_then(|held| held.value.as_str()).unwrap_or_default()
    }

    /// Texts of a list; none where the key has another kind.
    pub(crate) fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        let items = self.values.get(key).and_then(|held| held.value.as_array());
        items.into_iter().flatten().filter_map(Value::as_str)
    }

    /// A whole number, or nothing where the key has another kind.
    pub(crate) fn whole(&self, key: &str) -> i64 {
        self.values.get(key).and_then(|held| held.value.as_integer()).unwrap_or_default()
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) {
        self.values.insert(key.to_owned(), Held { value, origin });
    }
}
