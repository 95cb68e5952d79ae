//! Checkpoints: a thread moves the write-ahead log into the database, so that no request pays for it.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use kith_kernel::{Result, unavailable};
use rusqlite::Connection;

/// After so many commits the thread looks at the log.
const COMMITS_PER_LOOK: u32 = 200;
/// A log of so many pages (64 MiB) is begun anew even if writers must wait for it for a moment.
const LONGEST_LOG_FRAMES: i64 = 16_384;

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
        if let Err(error) = checkpoint(open) {
            tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again later");
        }
    }
}

/// Copies what it can without holding anybody up. Under a steady load the log never gets empty by that, so that a long
/// one is begun anew: writers wait for that, but only while the little that came meanwhile is copied.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA busy_timeout = 100;")?;
    let frames: i64 =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    if frames > LONGEST_LOG_FRAMES {
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    }
    Ok(())
}
