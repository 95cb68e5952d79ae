//! What reading a file may cost.

use kith_platform::Bounds;

/// What reading a file may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of a processor.
    pub seconds: u64,
    /// Pages that are read.
    pub pages: u32,
    /// Characters that are read.
    pub characters: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Limits {
    /// Holds this process to them, for good.
    pub(super) fn impose(self) -> Result<(), String> {
        Bounds { memory: self.memory, seconds: self.seconds }.impose()
    }
}
