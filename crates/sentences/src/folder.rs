//! The files of a sentence model, as they are handed on by the libraries of the trade: read within bounds.

use std::{
    fmt::Write as _,
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use kith_kernel::{Error, Kind, Result};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

const LARGEST_CONFIG: u64 = 1 << 20;
const LARGEST_TOKENIZER: u64 = 64 << 20;
const LARGEST_WEIGHTS: u64 = 4 << 30;
/// Letters of the folder's name that stand in the model's.
const LONGEST_NAME: usize = 60;

/// What stands in a folder.
pub(crate) struct Files {
    pub(crate) name: String,
    pub(crate) config: Json,
    pub(crate) tokenizer: Vec<u8>,
    pub(crate) weights: Vec<u8>,
    /// Tokens of a text that the model was made for, where it says.
    pub(crate) most_tokens: Option<usize>,
    /// The vector of a text is that of its first token, not the mean of all.
    pub(crate) by_first: bool,
}

/// What is wrong with a model, in one sentence.
pub(crate) fn unfit(folder: &Path, why: impl std::fmt::Display) -> Error {
    let why = format!("KITH_EMBED_MODEL: the model in {} cannot be used: {why}.", folder.display());
    Error::new(Kind::Unavailable, "unfit_sentence_model", why)
}

impl Files {
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let needed = |name: &str, most: u64| {
            let found = bytes(folder, name, most)?;
            found.ok_or_else(|| unfit(folder, format!("there is no {name}")))
        };
        let json = |name: &str, bytes: &[u8]| {
            serde_json::from_slice::<Json>(bytes)
                .map_err(|error| unfit(folder, format!("{name} is no JSON ({error})")))
        };
        let optional = |name: &str| match bytes(folder, name, LARGEST_CONFIG)? {
            Some(bytes) => json(name, &bytes),
            None => Ok(Json::Null),
        };
        let config = needed("config.json", LARGEST_CONFIG)?;
        let tokenizer = needed("tokenizer.json", LARGEST_TOKENIZER)?;
        let weights = needed("model.safetensors", LARGEST_WEIGHTS)?;
        let sentence = optional("sentence_bert_config.json")?;
        let pooling = optional("1_Pooling/config.json")?;
        let most_tokens = sentence["max_seq_length"].as_u64();
        // Two models that differ in a byte make vectors that cannot be compared.
        let mut digest = Sha256::new();
        for file in [&config, &tokenizer, &weights] {
            digest.update(file);
        }
        let by_first = pooling["pooling_mode_cls_token"] == true;
        digest.update([u8::from(by_first)]);
        digest.update(most_tokens.unwrap_or_default().to_le_bytes());
        Ok(Self {
            name: named(folder, &digest.finalize()),
            config: json("config.json", &config)?,
            tokenizer,
            weights,
            most_tokens: most_tokens.and_then(|most| usize::try_from(most).ok()),
            by_first,
        })
    }
}

fn bytes(folder: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let wrong = |error: std::io::Error| unfit(folder, format!("{name} cannot be read ({error})"));
    let file = match File::open(folder.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(wrong)?,
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > most {
        return Err(unfit(folder, format!("{name} has more than {most} bytes")));
    }
    Ok(Some(bytes))
}

/// The folder's name, and the beginning of what its files come to.
fn named(folder: &Path, digest: &[u8]) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
    let mut name: String =
        name.unwrap_or_default().chars().filter(fits).take(LONGEST_NAME).collect();
    for byte in &digest[..4] {
        // Writing to a text does not fail.
        let _ = write!(name, "{}{byte:02x}", if name.contains('@') { "" } else { "@" });
    }
    format!("sentences/{name}")
}
