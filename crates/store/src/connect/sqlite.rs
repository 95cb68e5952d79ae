//! SQLite: one writer whose waiting writes share a commit, readers beside it, statements cached.
//!
//! Statements run on the thread that asks: they take microseconds, and a hand-over to another thread takes longer.
//! Readers are bounded, so `serve` gives the runtime more threads than there are readers.

mod checkpoint;
mod group;
mod migrate;
mod owner;
mod whole;

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use kith_kernel::{Error, Kind, Result, internal, unavailable};
use rusqlite::{Connection, OpenFlags, ToSql, config::DbConfig, ffi, types::ToSqlOutput};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use whole::Whole;

use super::{Options, Purpose};
use crate::{Row, Value, statement::Sql};

pub(crate) struct Sqlite {
    idle: Arc<Mutex<Vec<Reader>>>,
    permits: Arc<Semaphore>,
    group: group::Group,
    path: String,
    statement_limit: Duration,
    /// The lock of the one process that works through the jobs.
    owned: Mutex<Option<std::fs::File>>,
}

/// A connection that reads, with the moment at which its statement is broken off.
struct Reader {
    connection: Connection,
    deadline: Arc<AtomicI64>,
}

pub(crate) enum Session {
    Read(ReadSession),
    Write(group::WriteSession),
}

pub(crate) struct ReadSession {
    reader: Mutex<Option<Reader>>,
    idle: Arc<Mutex<Vec<Reader>>>,
    _permit: OwnedSemaphorePermit,
}

/// Statements of SQLite run this many instructions between two looks at the clock.
const INSTRUCTIONS_PER_LOOK: i32 = 50_000;
const CACHED_STATEMENTS: usize = 256;

impl Sqlite {
    pub(crate) fn open(options: &Options) -> Result<Self> {
        let path = options.sqlite_path().unwrap_or_default();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                unavailable(format!("The folder {} cannot be made.", folder.display()))
                    .caused_by(error)
            })?;
        }
        let writer = open(&path, if options.full_sync { SAFE_WRITER } else { WRITER })?;
        // Plans of short statements between writes depend on no value, or they would be made anew at each use. Readers plan by
        // the values of a list.
        writer
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(|error| wrong(&error))?;
        let group = group::Group::new(writer, path.clone())?;
        Ok(Self {
            idle: Arc::new(Mutex::new(Vec::new())),
            permits: Arc::new(Semaphore::new(options.readers.max(1))),
            group,
            path: path.display().to_string(),
            statement_limit: Duration::from_secs(options.statement_seconds),
            owned: Mutex::default(),
        })
    }

    pub(crate) async fn begin(&self, purpose: Purpose) -> Result<Session> {
        match purpose {
            Purpose::Read => self.begin_read().await.map(Session::Read),
            Purpose::Write => self.group.begin().await.map(Session::Write),
        }
    }

    async fn begin_read(&self) -> Result<ReadSession> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| unavailable("The database is closed."))?;
        let reader = match lock(&self.idle).pop() {
            Some(reader) => reader,
            None => self.open_reader()?,
        };
        let limit = i64::try_from(self.statement_limit.as_millis()).unwrap_or(i64::MAX);
        reader.deadline.store(elapsed().saturating_add(limit), Ordering::Relaxed);
        run(&reader.connection, "BEGIN")?;
        Ok(ReadSession {
            reader: Mutex::new(Some(reader)),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }

    fn open_reader(&self) -> Result<Reader> {
        let mut connection = open(Path::new(&self.path), READER)?;
        let deadline = Arc::new(AtomicI64::new(i64::MAX));
        let watched = Arc::clone(&deadline);
        let late = move || elapsed() > watched.load(Ordering::Relaxed);
        connection
            .progress_handler(INSTRUCTIONS_PER_LOOK, Some(late))
            .map_err(|error| wrong(&error))?;
        Ok(Reader { connection, deadline })
    }
}

/// Milliseconds since the program began to read.
fn elapsed() -> i64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    i64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(i64::MAX)
}

const READER: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000;";
/// Survives the death of the process. auto_vacuum only takes effect before the first table is made; checkpoints have a
/// thread of their own. The log keeps the length at which it is begun anew (see `checkpoint`), and what it grows beyond while
/// it is emptied: to cut 320 MiB off took the writer 120 ms each time.
const WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; \
    PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 469762048;";
/// Survives the loss of power as well.
const SAFE_WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; \
    PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 469762048;";

fn open(path: &Path, pragmas: &str) -> Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // A new file is its owner's alone; what SQLite puts beside it is as the file is.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).ok();
    let connection = Connection::open_with_flags(path, access).map_err(|error| {
        unavailable(format!("The database file {} cannot be opened.", path.display()))
            .caused_by(error)
    })?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.execute_batch(pragmas).map_err(|error| wrong(&error))?;
    Ok(connection)
}

/// The table of the word index; what searches it must see what this write told it.
const WORDS: &str = "search_words";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(connection: &Connection, text: &'static str) -> Result<()> {
    let mut statement = connection.prepare_cached(text).map_err(|error| wrong(&error))?;
    statement.execute([]).map(drop).map_err(|error| wrong(&error))
}

impl Session {
    pub(crate) fn query(
        &self,
        sql: &Sql,
        each: &mut (dyn FnMut(Row<'_>) -> Result<()> + Send),
    ) -> Result<()> {
        if let Self::Write(session) = self
            && session.owes_words()
            && sql.text.contains(WORDS)
        {
            session.index_now()?;
        }
        self.with(|connection| query(connection, sql, each))
    }

    pub(crate) fn execute(&self, sql: &Sql) -> Result<u64> {
        self.with(|connection| execute(connection, sql))
    }

    /// Changes the word index, before the commit.
    pub(crate) fn index(&self, sql: Sql) -> Result<()> {
        match self {
            Self::Read(_) => Err(internal("a read cannot change the word index")),
            Self::Write(session) => {
                session.index(sql);
                Ok(())
            }
        }
    }

    pub(crate) fn word(&self, text: &'static str) -> Result<()> {
        if let Self::Write(session) = self {
            if text.starts_with("SAVEPOINT") {
                session.index_now()?;
            } else if text.starts_with("ROLLBACK") {
                session.forget_words();
            }
        }
        self.with(|connection| run(connection, text))
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match self {
            Self::Read(session) => match &*lock(&session.reader) {
                Some(reader) => work(&reader.connection),
                None => Err(internal("a read was used after its end")),
            },
            Self::Write(session) => session.with(work),
        }
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        match self {
            Self::Read(_) => Ok(()),
            Self::Write(session) => session.commit().await,
        }
    }
}

fn execute(connection: &Connection, sql: &Sql) -> Result<u64> {
    let mut statement = connection.prepare_cached(&sql.text).map_err(|error| wrong(&error))?;
    bind(&mut statement, &sql.values)?;
    statement.raw_execute().map(|rows| rows as u64).map_err(|error| wrong(&error))
}

fn query(
    connection: &Connection,
    sql: &Sql,
    each: &mut (dyn FnMut(Row<'_>) -> Result<()> + Send),
) -> Result<()> {
    let mut statement = connection.prepare_cached(&sql.text).map_err(|error| wrong(&error))?;
    bind(&mut statement, &sql.values)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| wrong(&error))? {
        each(Row::Sqlite(row))?;
    }
    Ok(())
}

fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value]) -> Result<()> {
    for (at, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, Bound(value)).map_err(|error| wrong(&error))?;
    }
    Ok(())
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::{Value as Owned, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Number(number) => ValueRef::Real(*number),
            Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Id(id) => ValueRef::Blob(id.as_bytes()),
            Value::Time(time) => ValueRef::Integer(time.milliseconds()),
            Value::Date(date) => return Ok(ToSqlOutput::Owned(Owned::Text(date.to_string()))),
        }))
    }
}

impl Drop for ReadSession {
    fn drop(&mut self) {
        if let Some(reader) = lock(&self.reader).take() {
            reader.deadline.store(i64::MAX, Ordering::Relaxed);
            // A connection that cannot end its read is closed instead of kept.
            if run(&reader.connection, "COMMIT").is_ok() {
                lock(&self.idle).push(reader);
            }
        }
    }
}

/// What a failure of SQLite means to us.
pub(super) fn wrong(error: &rusqlite::Error) -> Error {
    let text = error.to_string();
    let Some(code) = error.sqlite_error() else {
        return internal("a statement failed").caused_by(text);
    };
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            // "UNIQUE constraint failed: deals.tenant_id, deals.external_id"
            let column = text.rsplit(['.', ' ']).next().unwrap_or_default().to_owned();
            taken(&column).caused_by(text)
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => dangling().caused_by(text),
        (ffi::ErrorCode::ConstraintViolation, _) => unfit().caused_by(text),
        (ffi::ErrorCode::OperationInterrupted, _) => slow().caused_by(text),
        (ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked, _) => {
            unavailable("The database is busy with another process. Try again.").caused_by(text)
        }
        (ffi::ErrorCode::DiskFull, _) => {
            unavailable("The disk is full: free some space, then try again.").caused_by(text)
        }
        _ => internal("a statement failed").caused_by(text),
    }
}

/// Another row has this value already.
#[track_caller]
pub(super) fn taken(column: &str) -> Error {
    kith_kernel::conflict("taken", "Another record has this value already.")
        .and(format!("/{column}"), "is taken")
}

/// A link points at nothing that the tenant has, or something still points here.
#[track_caller]
pub(super) fn dangling() -> Error {
    Error::new(Kind::Invalid, "unknown_link", "It points at a record that does not exist.")
}

/// A row breaks a rule of its table: a value is missing, or is none that the column holds. Whoever wrote it made a mistake.
#[track_caller]
pub(super) fn unfit() -> Error {
    internal("a statement failed").coded("unfit_row")
}

/// A statement was broken off.
#[track_caller]
pub(super) fn slow() -> Error {
    Error::new(Kind::Timeout, "timeout", "This took too long. Ask for less at a time.")
}
