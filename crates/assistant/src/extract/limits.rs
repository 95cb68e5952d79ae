//! What reading a file may cost.

use rustix::process::{Resource, Rlimit, setrlimit};

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
        let to = |resource, most: u64| {
            let limit = Rlimit { current: Some(most), maximum: Some(most) };
            setrlimit(resource, limit)
                .map_err(|_| "It cannot be read within limits here.".to_owned())
        };
        to(Resource::Data, self.memory)?;
        to(Resource::Cpu, self.seconds)?;
        to(Resource::Core, 0)?;
        to(Resource::Nofile, 16)?;
        // Requests go first.
        rustix::process::nice(10).ok();
        Ok(())
    }
}
