//! Checkpoints: a thread moves the write-ahead log into the database, so that no request pays for it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Weak,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use kith_kernel::{Result, unavailable};
use rusqlite::Connection;
use tokio::sync::Mutex;

use super::group::Writer;

/// After so many commits the thread looks at the log,
const COMMITS_PER_LOOK: u32 = 200;
/// or when so much time was spent in transactions, which may be few and large.
const WRITING_PER_LOOK: Duration = Duration::from_millis(250);
/// A log of so many pages (384 MiB) is begun anew, for which writers pause for a moment: seldom enough that fewer than
/// one write in a hundred meets it.
const LONG_LOG_FRAMES: i64 = 98_304;
/// A log of so many pages (1 GiB) is begun anew even if that means to wait for those who read.
const LONGEST_LOG_FRAMES: i64 = 262_144;

/// Counts commits and wakes the thread; the thread ends with it.
pub(super) struct Checkpointer {
    wake: SyncSender<()>,
    commits: u32,
    writing: Duration,
}

/// The thread's part of a checkpointer that has not begun to work.
pub(super) struct Unstarted {
    path: PathBuf,
    woken: Receiver<()>,
}

impl Checkpointer {
    pub(super) fn new(path: PathBuf) -> (Self, Unstarted) {
        let (wake, woken) = sync_channel(1);
        (Self { wake, commits: 0, writing: Duration::ZERO }, Unstarted { path, woken })
    }

    /// Counts a transaction that was open for this long.
    pub(super) fn committed(&mut self, open: Duration) {
        self.commits += 1;
        self.writing += open;
        if self.commits >= COMMITS_PER_LOOK || self.writing >= WRITING_PER_LOOK {
            (self.commits, self.writing) = (0, Duration::ZERO);
            // Full means that it is awake already.
            self.wake.try_send(()).ok();
        }
    }
}

impl Unstarted {
    pub(super) fn start(self, writer: Weak<Mutex<Writer>>) -> Result<()> {
        let thread = std::thread::Builder::new().name("checkpoint".to_owned());
        let started = thread.spawn(move || {
            let mut connection = None;
            while self.woken.recv().is_ok() {
                checkpoint_with(&mut connection, &self.path, &writer);
            }
        });
        started.map(drop).map_err(|error| unavailable("No thread can be started.").caused_by(error))
    }
}

fn checkpoint_with(kept: &mut Option<Connection>, path: &Path, writer: &Weak<Mutex<Writer>>) {
    if kept.is_none() {
        *kept = Connection::open(path).ok();
    }
    let Some(connection) = kept else { return };
    if let Err(error) = checkpoint(connection, writer) {
        tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again later");
    }
}

/// Copies what it can without holding anybody up. Under a steady load the log never gets empty by that; so when it has
/// become long, the little that came meanwhile is copied while writers pause, and the next write begins the log anew.
///
/// SQLite's own way to do this keeps writers out for as long as it waits for readers, which is ten times longer.
fn checkpoint(connection: &Connection, writer: &Weak<Mutex<Writer>>) -> rusqlite::Result<()> {
    let frames = copy(connection)?;
    if frames <= LONG_LOG_FRAMES {
        return Ok(());
    }
    copy(connection)?;
    let Some(writer) = writer.upgrade() else { return Ok(()) };
    let mut writer = writer.blocking_lock();
    // Those whose write is in the open transaction are told by their answers.
    writer.commit().ok();
    copy(connection)?;
    if frames > LONGEST_LOG_FRAMES {
        connection.execute_batch("PRAGMA busy_timeout = 100;")?;
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    }
    Ok(())
}

/// Says how many frames the log has.
fn copy(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}
