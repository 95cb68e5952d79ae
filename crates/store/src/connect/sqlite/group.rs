//! Group commit: writes that wait for one another share a transaction, each but the first in a savepoint of its own.
//!
//! A write that succeeded while others wait leaves the transaction open, hands the connection on and answers only
//! after the commit of the last one. A write that failed or was dropped takes back its own savepoint alone.
//!
//! The word index is written once for the whole group, right before the commit: FTS5 writes out what it holds whenever a
//! savepoint begins, so that each record by itself would cost it several pages.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use kith_kernel::{Result, internal, unavailable};
use rusqlite::Connection;
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::{checkpoint::Checkpointer, execute, lock, run, wrong};
use crate::sql::Sql;

/// A commit adds a segment to the word index, whose page is written anew some five times until it lies in a large one;
const PAGES_OF_A_COMMIT: usize = 6;
/// and so many records add another page to that work.
const RECORDS_OF_A_PAGE: usize = 4;
/// Fewer pages than this are not worth a merge.
const PAGES_AT_ONCE: usize = 24;
/// No more writes than this share a commit.
const LARGEST_GROUP: usize = 64;
/// A transaction does not stay open longer than this for others to join.
const LONGEST_GROUP: Duration = Duration::from_millis(8);
/// When those who were waiting gave up, the transaction is committed after this time at the latest.
const ABANDONED: Duration = Duration::from_millis(20);

pub(super) struct Group {
    writer: Arc<tokio::sync::Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    checkpointer: Checkpointer,
    /// When the transaction that is open now began.
    open_since: Option<Instant>,
    /// Those whose savepoint is in the open transaction and who wait for its commit.
    joined: Vec<oneshot::Sender<bool>>,
    /// What the word index is still to be told of them.
    words: Vec<Sql>,
    /// Pages of the word index that are due to be merged.
    unmerged: usize,
}

pub(crate) struct WriteSession {
    writer: Mutex<Option<OwnedMutexGuard<Writer>>>,
    /// It began the transaction: taking it back takes back all there is, without a savepoint, for which SQLite copies each
    /// page.
    is_first: bool,
    /// What the word index is still to be told of this write.
    words: Mutex<Vec<Sql>>,
    shared: Arc<tokio::sync::Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
}

/// Counts as waiting until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Group {
    pub(super) fn new(connection: Connection, path: PathBuf) -> Result<Self> {
        let (checkpointer, thread) = Checkpointer::new(path);
        let (joined, words) = (Vec::new(), Vec::new());
        let writer =
            Writer { connection, checkpointer, open_since: None, joined, words, unmerged: 0 };
        let writer = Arc::new(tokio::sync::Mutex::new(writer));
        thread.start(Arc::downgrade(&writer))?;
        Ok(Self { writer, waiting: Arc::new(AtomicUsize::new(0)) })
    }

    /// The writer's connection outside any transaction, for migrations.
    pub(super) async fn alone(&self) -> Result<OwnedMutexGuard<Writer>> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        writer.commit()?;
        Ok(writer)
    }

    /// The writer, for who gives way to others in between.
    pub(super) fn shared(&self) -> Arc<tokio::sync::Mutex<Writer>> {
        Arc::clone(&self.writer)
    }

    pub(super) async fn begin(&self) -> Result<WriteSession> {
        let waiting = Waiting::new(&self.waiting);
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        drop(waiting);
        let is_first = writer.open_since.is_none();
        if is_first {
            run(&writer.connection, "BEGIN IMMEDIATE")?;
            writer.open_since = Some(Instant::now());
        } else {
            run(&writer.connection, "SAVEPOINT one")?;
        }
        Ok(WriteSession {
            writer: Mutex::new(Some(writer)),
            is_first,
            words: Mutex::default(),
            shared: Arc::clone(&self.writer),
            waiting: Arc::clone(&self.waiting),
        })
    }
}

impl Writer {
    /// Commits what is open and answers those who wait for it.
    pub(super) fn commit(&mut self) -> Result<()> {
        let Some(since) = self.open_since.take() else { return Ok(()) };
        let committed = self.index().and_then(|()| run(&self.connection, "COMMIT"));
        if committed.is_err() {
            // The error is told to everyone in the group; a second one, of the way back, adds nothing.
            run(&self.connection, "ROLLBACK").ok();
        }
        for answer in self.joined.drain(..) {
            answer.send(committed.is_ok()).ok();
        }
        self.checkpointer.committed(since.elapsed());
        committed
    }

    /// Nothing of the transaction is left: those who wait for it are told.
    fn forget(&mut self) {
        self.open_since = None;
        self.words.clear();
        for answer in self.joined.drain(..) {
            answer.send(false).ok();
        }
    }

    /// Something was committed outside of a group, and the log has grown.
    pub(super) fn committed_alone(&mut self, since: Instant) {
        self.checkpointer.committed(since.elapsed());
    }

    /// Tells the word index of the group's records, and has it merge a little of what it holds.
    fn index(&mut self) -> Result<()> {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return Ok(());
        }
        self.unmerged += PAGES_OF_A_COMMIT + words.len() / RECORDS_OF_A_PAGE;
        if self.unmerged >= PAGES_AT_ONCE {
            let pages = i64::try_from(std::mem::take(&mut self.unmerged)).unwrap_or(i64::MAX);
            let merge = "INSERT INTO search_words (search_words, rank) VALUES ('merge', ?1)";
            let mut merge = self.connection.prepare_cached(merge).map_err(|e| wrong(&e))?;
            merge.execute([pages]).map_err(|error| wrong(&error))?;
        }
        words.iter().try_for_each(|sql| execute(&self.connection, sql).map(drop))
    }

    fn may_wait(&self, waiting: &AtomicUsize) -> bool {
        waiting.load(Ordering::Acquire) > 0
            && self.joined.len() < LARGEST_GROUP
            && self.open_since.is_some_and(|since| since.elapsed() < LONGEST_GROUP)
    }
}

impl WriteSession {
    pub(super) fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match &*lock(&self.writer) {
            Some(writer) => work(&writer.connection),
            None => Err(internal("a write was used after its end")),
        }
    }

    /// Tells the word index something before the commit.
    pub(super) fn index(&self, sql: Sql) {
        lock(&self.words).push(sql);
    }

    /// Whether it was not told everything yet.
    pub(super) fn owes_words(&self) -> bool {
        !lock(&self.words).is_empty()
    }

    /// Tells it at once, for a search in this write or a savepoint that may be taken back.
    pub(super) fn index_now(&self) -> Result<()> {
        let words = std::mem::take(&mut *lock(&self.words));
        words.iter().try_for_each(|sql| self.with(|open| execute(open, sql).map(drop)))
    }

    /// Forgets what the word index was to be told since the last savepoint.
    pub(super) fn forget_words(&self) {
        lock(&self.words).clear();
    }

    pub(super) async fn commit(&self) -> Result<()> {
        let Some(mut answer) = self.release()? else { return Ok(()) };
        let stored = loop {
            match tokio::time::timeout(ABANDONED, &mut answer).await {
                Ok(told) => break told.unwrap_or(false),
                // Whoever failed here is told the same by the answer.
                Err(_) => drop(Arc::clone(&self.shared).lock_owned().await.commit()),
            }
        };
        if stored {
            Ok(())
        } else {
            Err(unavailable("The database could not store this. Try again."))
        }
    }

    /// Ends the savepoint; commits too, unless others wait, whose commit is then waited for.
    fn release(&self) -> Result<Option<oneshot::Receiver<bool>>> {
        let taken = lock(&self.writer).take();
        let Some(mut writer) = taken else { return Err(internal("a write ended twice")) };
        if self.is_first {
            if writer.connection.is_autocommit() {
                writer.forget();
                return Err(internal("a transaction ended before its write"));
            }
        } else {
            run(&writer.connection, "RELEASE one")?;
        }
        writer.words.append(&mut lock(&self.words));
        if writer.may_wait(&self.waiting) {
            let (answer, wait) = oneshot::channel();
            writer.joined.push(answer);
            return Ok(Some(wait));
        }
        writer.commit()?;
        Ok(None)
    }
}

impl Drop for WriteSession {
    /// What was not committed is taken back, without touching what others of the group did.
    fn drop(&mut self) {
        let Some(mut writer) = lock(&self.writer).take() else { return };
        let is_undone = !self.is_first
            && run(&writer.connection, "ROLLBACK TO one")
                .and_then(|()| run(&writer.connection, "RELEASE one"))
                .is_ok();
        if !is_undone || writer.joined.is_empty() {
            run(&writer.connection, "ROLLBACK").ok();
            writer.forget();
        } else if !writer.may_wait(&self.waiting) {
            // The others are told by their answers; this write has failed already.
            writer.commit().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn write(group: &Group, text: &'static str) -> Result<()> {
        let session = group.begin().await?;
        session.with(|open| run(open, text))?;
        session.commit().await
    }

    /// SQLite takes a whole transaction back by itself when a disk is full or fails.
    #[tokio::test]
    async fn who_lost_the_transaction_is_told() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE things (name TEXT)").unwrap();
        let group = Group::new(connection, PathBuf::new()).unwrap();
        write(&group, "INSERT INTO things VALUES ('kept')").await.unwrap();
        let first = group.begin().await.unwrap();
        first.with(|open| run(open, "INSERT INTO things VALUES ('lost')")).unwrap();
        first.with(|open| run(open, "ROLLBACK")).unwrap();
        assert!(first.commit().await.is_err());
        drop(first);
        // Who gives up takes nothing but its own along, and the next begins anew.
        let given_up = group.begin().await.unwrap();
        given_up.with(|open| run(open, "INSERT INTO things VALUES ('given up')")).unwrap();
        drop(given_up);
        write(&group, "INSERT INTO things VALUES ('next')").await.unwrap();
        let writer = group.alone().await.unwrap();
        let names = "SELECT group_concat(name) FROM things";
        let names: String = writer.connection.query_row(names, [], |row| row.get(0)).unwrap();
        assert_eq!(names, "kept,next");
    }
}
