//! Bytes on their way into a place: counted and hashed as they come.

use std::sync::Arc;

use kith_kernel::{Error, Result, unavailable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::place::{Draft, Place};

/// A file that is being written; dropped before it is put, it leaves nothing.
pub struct Writing {
    place: Arc<dyn Place>,
    key: String,
    draft: Draft,
    counted: Counted,
}

/// Bytes that are counted and hashed as they pass.
#[derive(Clone, Default)]
pub struct Counted {
    hash: Sha256,
    size: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
}

impl Counted {
    /// Takes what passes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// What passed so far.
    pub fn written(&self) -> Written {
        let hash = self.hash.clone().finalize();
        Written { size: self.size, sha256: hexadecimal(&hash) }
    }
}

impl Writing {
    pub(super) async fn begin(place: &Arc<dyn Place>, key: String) -> Result<Self> {
        let draft = place.draft(&key).await?;
        Ok(Self { place: Arc::clone(place), key, draft, counted: Counted::default() })
    }

    /// Takes what came.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.counted.add(bytes);
        self.draft.file.write_all(bytes).await.map_err(stuck)
    }

    /// Nothing more comes: the bytes are where they belong when this returns.
    pub async fn put(mut self) -> Result<Written> {
        self.draft.file.flush().await.map_err(stuck)?;
        let written = self.counted.written();
        self.place.put(&self.key, self.draft).await?;
        Ok(written)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}

#[track_caller]
fn stuck(error: std::io::Error) -> Error {
    unavailable("There is no room for the file.").caused_by(error)
}
