//! Who has files read: starts a process for each, hands it the file, takes what it says, and ends it when it takes too
//! long or says too much. At most so many work at a time, however many ask.

use std::{path::PathBuf, process::Stdio, time::Duration};

use kith_kernel::{Result, internal, unavailable};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::Semaphore,
    time::timeout,
};

use super::{
    limits::Limits,
    told::{Extracted, Line},
};

/// Processes that read at the same time.
const AT_ONCE: usize = 2;
/// A process that waits for a processor may take so many times its own time.
const PATIENCE: u32 = 3;

/// Has files read.
pub(crate) struct Worker {
    program: PathBuf,
    limits: Limits,
    places: Semaphore,
}

/// What became of a file.
pub(crate) type Outcome = std::result::Result<Extracted, String>;

impl Worker {
    /// By this program; by this one itself where none is named.
    pub(crate) fn new(program: &str, limits: Limits) -> Self {
        // A program that was replaced while it runs is still this one.
        let own = || {
            let link = PathBuf::from("/proc/self/exe");
            if link.exists() { link } else { std::env::current_exe().unwrap_or_default() }
        };
        let program = if program.is_empty() { own() } else { PathBuf::from(program) };
        Self { program, limits, places: Semaphore::new(AT_ONCE) }
    }

    /// What a file says, or why it cannot be read.
    ///
    /// # Errors
    /// `Unavailable` where no process can be started.
    pub(crate) async fn read(&self, kind: &str, bytes: Vec<u8>) -> Result<Outcome> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|error| internal("nobody reads any more").caused_by(error))?;
        let mut child = self.start(kind)?;
        let time = Duration::from_secs(self.limits.seconds).saturating_mul(PATIENCE);
        let heard = timeout(time, converse(&mut child, bytes, self.limits)).await;
        // Whatever it still does is of no use.
        child.start_kill().ok();
        let status = child.wait().await.ok();
        let Ok(heard) = heard else {
            return Ok(Err(format!("Reading it took more than {} seconds.", time.as_secs())));
        };
        if let Some(outcome) = heard {
            return Ok(outcome);
        }
        tracing::info!(kind, ?status, "a process that read a document ended without a word");
        let megabytes = self.limits.memory >> 20;
        Ok(Err(format!(
            "Reading it takes more than the {megabytes} MB of memory and {} seconds that it may take, or it is damaged.",
            self.limits.seconds
        )))
    }

    fn start(&self, kind: &str) -> Result<Child> {
        let Limits { memory, seconds, pages, characters, bytes } = self.limits;
        let mut command = Command::new(&self.program);
        command
            .arg("extract")
            .arg(kind)
            .args(["--memory", &memory.to_string(), "--seconds", &seconds.to_string()])
            .args(["--pages", &pages.to_string(), "--characters", &characters.to_string()])
            .args(["--bytes", &bytes.to_string()])
            // Secrets stand in the environment.
            .env_clear()
            // The allocator would reserve more at once than it may have.
            .env("MIMALLOC_ARENA_RESERVE", "0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command.spawn().map_err(|error| {
            unavailable("Documents cannot be read: no process can be started.").caused_by(error)
        })
    }
}

/// Hands the file over and hears what it says; none where it ends without a last word.
async fn converse(child: &mut Child, bytes: Vec<u8>, limits: Limits) -> Option<Outcome> {
    let (mut input, output) = (child.stdin.take()?, child.stdout.take()?);
    let hand = async {
        // One that has read enough does not listen to the rest.
        input.write_all(&bytes).await.ok();
        drop(input);
    };
    let most = (limits.characters as u64).saturating_mul(8).saturating_add(1 << 20);
    let hear = async {
        let mut lines = BufReader::new(output.take(most)).lines();
        let mut found = Extracted::default();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line).ok()? {
                Line::Block(block) => found.blocks.push(block),
                Line::Unreadable(why) => return Some(Err(why)),
                Line::End { pages, notice } => {
                    return Some(Ok(Extracted { pages, notice, ..found }));
                }
            }
        }
        None
    };
    futures_util::future::join(hand, hear).await.1
}
