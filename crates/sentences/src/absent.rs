//! What stands here in a program that was built without sentence models.

use std::{convert::Infallible, path::Path};

use kith_kernel::{Error, Kind, Result};

/// A sentence model, which there is none of.
pub struct Sentences(Infallible);

impl Sentences {
    /// Says how to get a program that can read one.
    ///
    /// # Errors
    /// Always `Unavailable`.
    pub fn open(folder: &Path) -> Result<Self> {
        let why = format!(
            "KITH_EMBED_MODEL names {}, and this program was built without sentence models: build it by \
             `cargo build --release --bin kith --features sentence-model`, or do not set it.",
            folder.display()
        );
        Err(Error::new(Kind::Unavailable, "no_sentence_models", why))
    }

    /// Its name, which changes with its files.
    pub fn name(&self) -> &str {
        match self.0 {}
    }

    /// Dimensions of its vectors.
    pub fn width(&self) -> usize {
        match self.0 {}
    }

    /// Vectors of texts, each of length one.
    ///
    /// # Errors
    /// There is nothing to fail.
    pub fn embed(&self, _texts: &[String]) -> Result<Vec<Vec<f32>>> {
        match self.0 {}
    }
}
