//! Retrieval: which passages of a tenant's documents answer a question, by meaning and by words.
//!
//! Vectors stand with their chunks in the database, which is what counts; an index of them in memory is made when a
//! tenant first asks, and follows each change by the number that the change gave the tenant's documents.

mod embed;
mod evidence;
mod index;
mod memory;
mod search;
pub(crate) mod stored;
mod terms;
mod vectors;
mod wanted;
mod words;

use std::sync::Arc;

use kith_gateway::Gateway;
use kith_kernel::Result;
use kith_platform::Settings;
use serde::Deserialize;

use self::memory::Memory;
pub(crate) use self::{embed::Embedder, vectors::packed};
pub use self::{
    evidence::ENOUGH,
    wanted::{Found, Mode, Passage, Wanted, Weights},
};

/// The part of `[documents]` that retrieval needs.
#[derive(Deserialize)]
struct Section {
    index_bytes: u64,
    embeddings: String,
}

/// What finds passages.
pub struct Knowledge {
    memory: Memory,
    pub(crate) embedder: Embedder,
}

impl Knowledge {
    /// As the section `[documents]` says.
    ///
    /// # Errors
    /// `Unavailable` where the settings make no sense.
    pub fn new(settings: &Settings, gateway: &Arc<Gateway>) -> Result<Arc<Self>> {
        let section: Section = settings.section("documents")?;
        let most = usize::try_from(section.index_bytes).unwrap_or(usize::MAX);
        let embedder = Embedder::new(gateway, section.embeddings == "local");
        Ok(Arc::new(Self { memory: Memory::new(most), embedder }))
    }

    /// Forgets all that is in memory, as behind an erasure.
    pub fn forget(&self) {
        self.memory.clear();
    }
}
