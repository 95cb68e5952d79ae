//! What reading a file may cost.

use kith_platform::Bounds;

/// What reading a file may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory and time.
    pub bounds: Bounds,
    /// Pages that are read.
    pub pages: u32,
    /// Characters that are read.
    pub characters: usize,
    /// Bytes of the file.
    pub bytes: u64,
}
