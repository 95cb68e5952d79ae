//! Checkpoints: a thread moves the write-ahead log into the database, so that no request pays for it.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use kith_kernel::{Result, unavailable};
use rusqlite::Connection;

/// After so many commits the thread looks at the log.
const COMMITS_PER_LOOK: u32 = 200;
/// A log of this size is emptied even if writers must wait for it for a moment.
const LARGEST_LOG_BYTES: u64 = 64 * 1024 * 1024;

/// Counts commits and wakes the thread; the thread ends with it.
pub(super) struct Checkpointer {
    wake: SyncSender<()>,
    commits: u32,
}

impl Checkpointer {
    pub(super) fn start(path: PathBuf) -> Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned());
        let started = thread.spawn(move || checkpoint_when_woken(&path, &woken));
        started.map_err(|error| unavailable("No thread can be started.").caused_by(error))?;
        Ok(Self { wake, commits: 0 })
    }

    pub(super) fn committed(&mut self) {
        self.commits += 1;
        if self.commits >= COMMITS_PER_LOOK {
            self.commits = 0;
            // Full means that it is awake already.
            self.wake.try_send(()).ok();
        }
    }
}

fn checkpoint_when_woken(path: &Path, woken: &Receiver<()>) {
    let mut connection = None;
    while woken.recv().is_ok() {
        if connection.is_none() {
            connection = Connection::open(path).ok();
        }
        let Some(open) = &connection else { continue };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let size = std::fs::metadata(PathBuf::from(log)).map_or(0, |file| file.len());
        let how = if size > LARGEST_LOG_BYTES { "TRUNCATE" } else { "PASSIVE" };
        let pragma = format!("PRAGMA busy_timeout = 200; PRAGMA wal_checkpoint({how});");
        if let Err(error) = open.execute_batch(&pragma) {
            tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again later");
        }
    }
}
