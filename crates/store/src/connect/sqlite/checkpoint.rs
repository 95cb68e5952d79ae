//! Checkpoints: a thread moves the write-ahead log into the database, so that no request pays for it.

use std::{
    fs::File,
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
const COMMITS_PER_LOOK: u32 = 1_000;
/// or when so much time was spent in transactions, which may be few and large.
const WRITING_PER_LOOK: Duration = Duration::from_millis(750);
/// A log of so many pages (384 MiB) is begun anew, for which writers pause for a moment: seldom enough that fewer than
/// one write in a hundred meets it.
const LONG_LOG_FRAMES: i64 = 98_304;
/// When no more pages than this came into the log while it was copied, the rest is copied within a few milliseconds.
const SHORT_REST: i64 = 500;
/// So often it is copied for that, however fast it grows.
const MOST_COPIES: usize = 6;
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
            let mut log = None;
            while self.woken.recv().is_ok() {
                if log.is_none() {
                    log = Log::open(&self.path);
                }
                let Some(log) = &log else { continue };
                if let Err(error) = log.checkpoint(&writer) {
                    tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again later");
                }
            }
        });
        started.map(drop).map_err(|error| unavailable("No thread can be started.").caused_by(error))
    }
}

/// The thread's own ways to the database.
struct Log {
    connection: Connection,
    /// The database's file. Never closed: a process that closes a file loses all its locks on it, those of SQLite too.
    database: &'static File,
}

impl Log {
    fn open(path: &Path) -> Option<Self> {
        let connection = Connection::open(path).ok()?;
        let database = Box::leak(Box::new(File::open(path).ok()?));
        Some(Self { connection, database })
    }

    /// Copies what it can without holding anybody up. Under a steady load the log never gets empty by that; so when it
    /// has become long, the little that came meanwhile is copied while writers pause, and the next write begins the
    /// log anew.
    ///
    /// SQLite's own way to do this keeps writers out for as long as it waits for readers, which is ten times longer.
    fn checkpoint(&self, writer: &Weak<Mutex<Writer>>) -> rusqlite::Result<()> {
        let mut frames = self.copy_and_sync()?;
        if frames <= LONG_LOG_FRAMES {
            return Ok(());
        }
        for _ in 0..MOST_COPIES {
            let before = std::mem::replace(&mut frames, self.copy_and_sync()?);
            if frames - before <= SHORT_REST {
                break;
            }
        }
        let Some(writer) = writer.upgrade() else { return Ok(()) };
        let mut writer = writer.blocking_lock();
        // Those whose write is in the open transaction are told by their answers.
        writer.commit().ok();
        self.copy()?;
        if frames > LONGEST_LOG_FRAMES {
            self.connection.execute_batch("PRAGMA busy_timeout = 100;")?;
            self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
        }
        Ok(())
    }

    /// SQLite syncs the database only when it has copied the whole log, which would make the pause pay for all the
    /// pages since the last one.
    fn copy_and_sync(&self) -> rusqlite::Result<i64> {
        let frames = self.copy()?;
        // Only a head start: SQLite itself syncs before it relies on it.
        self.database.sync_data().ok();
        Ok(frames)
    }

    /// Says how many frames the log has.
    fn copy(&self) -> rusqlite::Result<i64> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
    }
}
