//! Sealing.

/// Seals.
pub struct Sealer;

/// Seals.
pub fn seal() {}
