//! One transaction over the whole file: a reader that sees one state, or the writer with nobody beside it.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use kith_kernel::{Result, conflict, internal};
use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use super::{Bound, READER, Sqlite, execute, group::Writer, lock, open, query, run, wrong};
use crate::{
    Row, Value,
    catalog::{Others, TableShape},
    sql::Sql,
};

/// So many bytes of rows are committed together: the log of a file that is filled does not grow beyond them.
const COMMITTED_TOGETHER: usize = 64 << 20;

pub(crate) struct Whole {
    held: Mutex<Held>,
    /// Where the writer is, who lets others write in between.
    shared: Option<Arc<tokio::sync::Mutex<Writer>>>,
}

enum Held {
    Reader(Connection),
    Writer(OwnedMutexGuard<Writer>, Uncommitted),
    /// Others are writing.
    Nothing,
}

struct Uncommitted {
    bytes: usize,
    since: Instant,
}

impl Uncommitted {
    fn nothing() -> Self {
        Self { bytes: 0, since: Instant::now() }
    }
}

impl Sqlite {
    pub(crate) async fn look_at_all(&self, others: Others) -> Result<Whole> {
        let held = match others {
            Others::GoOn => Held::Reader(open(std::path::Path::new(&self.path), READER)?),
            Others::Wait => Held::Writer(self.group.alone().await?, Uncommitted::nothing()),
        };
        let begin = if others == Others::GoOn { "BEGIN" } else { "BEGIN IMMEDIATE" };
        run(held.connection()?, begin)?;
        Ok(Whole { held: Mutex::new(held), shared: None })
    }

    pub(crate) async fn fill(&self) -> Result<Whole> {
        let held = Held::Writer(self.group.alone().await?, Uncommitted::nothing());
        run(held.connection()?, "BEGIN IMMEDIATE")?;
        Ok(Whole { held: Mutex::new(held), shared: Some(self.group.shared()) })
    }

    /// Runs one statement in a transaction of its own; says how many rows it changed.
    pub(crate) async fn delete_alone(&self, sql: &Sql) -> Result<u64> {
        let mut writer = self.group.alone().await?;
        let since = Instant::now();
        let deleted = execute(&writer.connection, sql)?;
        writer.committed_alone(since);
        Ok(deleted)
    }

    pub(crate) async fn run_alone(&self, sql: &str) -> Result<()> {
        let writer = self.group.alone().await?;
        writer.connection.execute_batch(sql).map_err(|error| wrong(&error))
    }

    /// Merges all parts of the word index, since words of deleted documents stay in old ones; then writes the file anew.
    pub(crate) async fn scrub(&self, bytes: u64) -> Result<bool> {
        self.run_alone("INSERT INTO search_words (search_words, rank) VALUES ('merge', -16)")
            .await?;
        loop {
            // One step at a time, so that others write in between.
            let writer = self.group.alone().await?;
            let before = writer.connection.total_changes();
            let step = "INSERT INTO search_words (search_words, rank) VALUES ('merge', 64)";
            writer.connection.execute_batch(step).map_err(|error| wrong(&error))?;
            // By SQLite's own word, fewer than two changes mean that nothing was left to merge.
            if writer.connection.total_changes() - before < 2 {
                break;
            }
        }
        let writer = self.group.alone().await?;
        let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let size: i64 =
            writer.connection.query_row(size, [], |row| row.get(0)).map_err(|e| wrong(&e))?;
        if u64::try_from(size).unwrap_or_default() > bytes {
            return Ok(false);
        }
        run(&writer.connection, "VACUUM")?;
        empty_log(&writer.connection).map(|()| true)
    }

    /// Moves the log into the file.
    pub(crate) async fn settle(&self) -> Result<()> {
        let writer = self.group.alone().await?;
        empty_log(&writer.connection)
    }
}

fn empty_log(connection: &Connection) -> Result<()> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = connection.query_row(sql, [], |row| row.get(0)).map_err(|e| wrong(&e))?;
    if busy == 0 {
        return Ok(());
    }
    Err(conflict("in_use", "The database is being read by another process. Try again."))
}

impl Held {
    fn connection(&self) -> Result<&Connection> {
        match self {
            Self::Reader(connection) => Ok(connection),
            Self::Writer(writer, _) => Ok(&writer.connection),
            Self::Nothing => Err(internal("a copy goes on while others write")),
        }
    }
}

impl Whole {
    pub(crate) fn query(
        &self,
        sql: &Sql,
        each: &mut (dyn FnMut(Row<'_>) -> Result<()> + Send),
    ) -> Result<()> {
        query(lock(&self.held).connection()?, sql, each)
    }

    pub(crate) fn add(&self, table: &TableShape, rows: &[Vec<Value>]) -> Result<()> {
        let mut held = lock(&self.held);
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let (name, columns, places) = (table.name, columns.join(", "), places.join(", "));
        let sql = format!("INSERT INTO {name} ({columns}) VALUES ({places})");
        let mut added = 0;
        {
            let mut statement =
                held.connection()?.prepare_cached(&sql).map_err(|error| wrong(&error))?;
            for row in rows {
                added += row.iter().map(size).sum::<usize>();
                let bound = rusqlite::params_from_iter(row.iter().map(Bound));
                statement.execute(bound).map_err(|error| wrong(&error))?;
            }
        }
        if let Held::Writer(writer, uncommitted) = &mut *held {
            uncommitted.bytes += added;
            if uncommitted.bytes > COMMITTED_TOGETHER {
                *uncommitted = Uncommitted::nothing();
                run(&writer.connection, "COMMIT")?;
                empty_log(&writer.connection)?;
                run(&writer.connection, "BEGIN IMMEDIATE")?;
            }
        }
        Ok(())
    }

    pub(crate) fn commit(&self) -> Result<()> {
        run(lock(&self.held).connection()?, "COMMIT")
    }

    /// Commits what was added, and lets others write.
    pub(crate) fn release(&self) -> Result<()> {
        let mut held = lock(&self.held);
        run(held.connection()?, "COMMIT")?;
        if let Held::Writer(writer, uncommitted) = &mut *held {
            writer.committed_alone(uncommitted.since);
        }
        *held = Held::Nothing;
        Ok(())
    }

    /// Goes on behind those who waited.
    pub(crate) async fn take_up(&self) -> Result<()> {
        let Some(shared) = &self.shared else { return Err(internal("a look gives no way")) };
        let mut writer = Arc::clone(shared).lock_owned().await;
        writer.commit()?;
        run(&writer.connection, "BEGIN IMMEDIATE")?;
        *lock(&self.held) = Held::Writer(writer, Uncommitted::nothing());
        Ok(())
    }
}

/// About how many bytes a cell takes.
fn size(cell: &Value) -> usize {
    match cell {
        Value::Text(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Id(_) => 16,
        Value::Null => 1,
        Value::Bool(_) | Value::Integer(_) | Value::Number(_) | Value::Time(_) | Value::Date(_) => {
            8
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let held = lock(&self.held);
        if let Ok(connection) = held.connection()
            && !connection.is_autocommit()
        {
            // The writer goes on to others, who begin anew.
            run(connection, "ROLLBACK").ok();
        }
    }
}
