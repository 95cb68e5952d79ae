//! Retrieval: which passages of a tenant's documents answer a question, by meaning and by words.
//!
//! Vectors stand with their chunks in the database, which is what counts; an index of them in memory is made when a
//! tenant first asks, and follows each change by the number that the change gave the tenant's documents.

mod chroma;
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
use kith_platform::{Settings, outgoing::Outgoing};
use serde::Deserialize;

use self::{chroma::Chroma, memory::Memory};
pub(crate) use self::{chroma::Stored, embed::Embedder, vectors::packed};
pub use self::{
    evidence::ENOUGH,
    wanted::{Found, Mode, Passage, Wanted, Weights},
};

/// The part of `[documents]` that retrieval needs.
#[derive(Deserialize)]
struct Section {
    index_bytes: u64,
    embeddings: String,
    embed_model: String,
}

#[derive(Deserialize)]
struct Servers {
    chromadb_url: String,
}

/// What finds passages.
pub struct Knowledge {
    memory: Memory,
    /// Who searches vectors, where it is not the index in memory.
    pub(crate) chroma: Option<Chroma>,
    pub(crate) embedder: Embedder,
}

impl Knowledge {
    /// As the section `[documents]` says.
    ///
    /// # Errors
    /// `Unavailable` where the settings make no sense.
    pub fn new(
        settings: &Settings,
        (gateway, outgoing): (&Arc<Gateway>, &Outgoing),
    ) -> Result<Arc<Self>> {
        let section: Section = settings.section("documents")?;
        let most = usize::try_from(section.index_bytes).unwrap_or(usize::MAX);
        let own = (section.embeddings == "local", section.embed_model.as_str());
        let embedder = Embedder::new(gateway, own)?;
        let servers: Servers = settings.section("store")?;
        let chroma = Chroma::new(outgoing, &servers.chromadb_url);
        let memory = Memory::new(most, chroma.is_none());
        Ok(Arc::new(Self { memory, chroma, embedder }))
    }

    /// Which ChromaDB answers, where one is set.
    ///
    /// # Errors
    /// `Unavailable` where it does not.
    pub async fn probe(settings: &Settings, outgoing: &Outgoing) -> Result<Option<String>> {
        let servers: Servers = settings.section("store")?;
        match Chroma::new(outgoing, &servers.chromadb_url) {
            Some(chroma) => chroma.version().await.map(Some),
            None => Ok(None),
        }
    }

    /// Forgets all that is in memory, as behind an erasure.
    pub fn forget(&self) {
        self.memory.clear();
    }
}
