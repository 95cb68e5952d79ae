//! Work on what strangers send, in processes of their own: with little memory, little time and no secrets, so that what
//! is made to do harm harms itself.

use std::{path::PathBuf, process::Stdio, time::Duration};

use kith_kernel::{Result, internal, unavailable};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    sync::Semaphore,
    time::timeout,
};

/// A process that waits for a processor may take so many times its own time.
const PATIENCE: u32 = 3;

/// What a process may use up.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of a processor.
    pub seconds: u64,
}

impl Bounds {
    /// Holds this process to them, for good.
    ///
    /// # Errors
    /// Says that it cannot be, where the system does not allow it.
    pub fn impose(self) -> Result<(), String> {
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

/// A program that is run on what strangers send; at most so many at a time, however many ask.
pub struct Bounded {
    program: PathBuf,
    bounds: Bounds,
    places: Semaphore,
}

/// What came of a process.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// What it said until it ended.
    Said(Vec<u8>),
    /// It was ended, after this time.
    TooLong(Duration),
}

impl Bounded {
    /// By a program; by this one itself where none is named.
    pub fn new(program: &str, bounds: Bounds, at_once: usize) -> Self {
        // A program that was replaced while it runs is still this one.
        let own = || {
            let link = PathBuf::from("/proc/self/exe");
            if link.exists() { link } else { std::env::current_exe().unwrap_or_default() }
        };
        let program = if program.is_empty() { own() } else { PathBuf::from(program) };
        Self { program, bounds, places: Semaphore::new(at_once) }
    }

    /// Hands a process something and hears what it says, up to so many bytes. The bounds follow the words as `--memory`
    /// and `--seconds`: the process imposes them on itself.
    ///
    /// # Errors
    /// `Unavailable` where no process can be started.
    pub async fn run(&self, words: &[&str], input: Vec<u8>, most: u64) -> Result<Heard> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|error| internal("nobody reads any more").caused_by(error))?;
        let mut child = self.start(words)?;
        let time = Duration::from_secs(self.bounds.seconds).saturating_mul(PATIENCE);
        let said = timeout(time, converse(&mut child, input, most)).await;
        // Whatever it still does is of no use.
        child.start_kill().ok();
        let status = child.wait().await.ok();
        tracing::debug!(?words, ?status, "a process that reads what a stranger sent ended");
        Ok(said.map_or(Heard::TooLong(time), Heard::Said))
    }

    fn start(&self, words: &[&str]) -> Result<Child> {
        let Bounds { memory, seconds } = self.bounds;
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .args(["--memory", &memory.to_string(), "--seconds", &seconds.to_string()])
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
            unavailable("What was sent cannot be read: no process can be started.").caused_by(error)
        })
    }
}

async fn converse(child: &mut Child, input: Vec<u8>, most: u64) -> Vec<u8> {
    let (Some(mut into), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Vec::new();
    };
    let hand = async {
        // One that has read enough does not listen to the rest.
        into.write_all(&input).await.ok();
        drop(into);
    };
    let hear = async {
        let mut said = Vec::new();
        // What was said until it broke off is what it said.
        output.take(most).read_to_end(&mut said).await.ok();
        said
    };
    futures_util::future::join(hand, hear).await.1
}
