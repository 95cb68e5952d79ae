//! Who has files read, each in a process of its own.

use kith_kernel::Result;
use kith_platform::{Bounded, Bounds, Heard};

use super::{
    limits::Limits,
    told::{Extracted, Line},
};

/// Processes that read at the same time.
const AT_ONCE: usize = 2;

/// Has files read.
pub(crate) struct Worker {
    bounded: Bounded,
    limits: Limits,
}

/// What became of a file.
pub(crate) type Outcome = std::result::Result<Extracted, String>;

impl Worker {
    /// By this program; by this one itself where none is named.
    pub(crate) fn new(program: &str, limits: Limits) -> Self {
        Self { bounded: Bounded::new(program, limits.bounds, AT_ONCE), limits }
    }

    /// What a file says, or why it cannot be read.
    ///
    /// # Errors
    /// `Unavailable` where no process can be started.
    pub(crate) async fn read(&self, kind: &str, bytes: Vec<u8>) -> Result<Outcome> {
        let Limits { pages, characters, bytes: largest, bounds: Bounds { memory, seconds } } =
            self.limits;
        let numbers = [pages.to_string(), characters.to_string(), largest.to_string()];
        let [pages, most, largest] = &numbers;
        let words = ["extract", kind, "--pages", pages, "--characters", most, "--bytes", largest];
        let most = (characters as u64).saturating_mul(8).saturating_add(1 << 20);
        let said = match self.bounded.run(&words, bytes, most).await? {
            Heard::Said(said) => said,
            Heard::TooLong(time) => {
                return Ok(Err(format!("Reading it took more than {} seconds.", time.as_secs())));
            }
        };
        if let Some(outcome) = outcome(&said) {
            return Ok(outcome);
        }
        tracing::info!(kind, "a process that read a document ended without a word");
        let megabytes = memory >> 20;
        Ok(Err(format!(
            "Reading it takes more than the {megabytes} MB of memory and {seconds} seconds that it may take, or it is damaged."
        )))
    }
}

/// What a process said; none where it ended without a last word.
fn outcome(said: &[u8]) -> Option<Outcome> {
    let mut found = Extracted::default();
    for line in said.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line).ok()? {
            Line::Block(block) => found.blocks.push(block),
            Line::Unreadable(why) => return Some(Err(why)),
            Line::End { pages, notice } => return Some(Ok(Extracted { pages, notice, ..found })),
        }
    }
    None
}
