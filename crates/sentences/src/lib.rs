//! A sentence model from a folder: texts as vectors by their meaning, on this machine.

#[cfg(not(feature = "model"))]
mod absent;
#[cfg(feature = "model")]
mod folder;
#[cfg(feature = "model")]
mod model;

#[cfg(not(feature = "model"))]
pub use absent::Sentences;
#[cfg(feature = "model")]
pub use model::Sentences;

/// Texts that are made into vectors at once.
pub const AT_ONCE: usize = 8;
