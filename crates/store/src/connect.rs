//! Which database it is: the two engines, and nothing else that differs between them but search.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::path::PathBuf;

use kith_kernel::{Id, Result};

use crate::{
    Row, Value,
    statement::{Dialect, Insert, Sql},
};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:<path>` or `postgres://…`.
    pub url: String,
    /// Survive the loss of power, not only of the process (`KITH_SYNC=full`).
    pub full_sync: bool,
    /// How many reads run at the same time.
    pub readers: usize,
    /// Seconds after which a statement is broken off.
    pub statement_seconds: u64,
    /// The role that may look at one tenant, and the one that may look at none (PostgreSQL).
    pub roles: (String, String),
}

impl Options {
    /// A database with everything else as shipped.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            full_sync: false,
            readers: 8,
            statement_seconds: 20,
            roles: ("kith_app".to_owned(), "kith_platform".to_owned()),
        }
    }

    /// The file, when it is SQLite.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        self.url.strip_prefix("sqlite:").map(|path| PathBuf::from(path.trim_start_matches("//")))
    }
}

pub(crate) enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// One transaction on either database.
pub(crate) enum Session {
    Sqlite(sqlite::Session),
    Postgres(postgres::Session),
}

/// Which of a tenant's walls a PostgreSQL session stands behind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wall {
    Tenant(Id),
    Platform,
}

impl Engine {
    pub(crate) async fn begin(&self, purpose: Purpose, wall: Wall) -> Result<Session> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin(purpose).await.map(Session::Sqlite),
            Self::Postgres(postgres) => postgres.begin(purpose, wall).await.map(Session::Postgres),
        }
    }
}

impl Session {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a query and shows each row to `each`.
    pub(crate) async fn query(
        &self,
        sql: Sql,
        each: &mut (dyn FnMut(Row<'_>) -> Result<()> + Send),
    ) -> Result<()> {
        match self {
            Self::Sqlite(session) => session.query(&sql, each),
            Self::Postgres(session) => session.query(&sql, each).await,
        }
    }

    /// Runs a change and says how many rows it touched.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64> {
        match self {
            Self::Sqlite(session) => session.execute(&sql),
            Self::Postgres(session) => session.execute(sql).await,
        }
    }

    /// Runs a change whose result nobody waits for: at once on SQLite, with the commit on PostgreSQL.
    pub(crate) fn defer(&self, sql: Sql) -> Result<()> {
        match self {
            Self::Sqlite(session) => session.execute(&sql).map(drop),
            Self::Postgres(session) => {
                session.defer(sql);
                Ok(())
            }
        }
    }

    /// Adds rows whose success nobody waits for.
    pub(crate) fn append(&self, insert: Insert, tenant: Option<Id>) -> Result<()> {
        match self {
            Self::Sqlite(session) => {
                session.execute(&insert.sql(Dialect::Sqlite, tenant)).map(drop)
            }
            Self::Postgres(session) => {
                session.append(insert, tenant);
                Ok(())
            }
        }
    }

    /// Changes the word index: before the commit on SQLite, with it on PostgreSQL.
    pub(crate) fn index(&self, sql: Sql) -> Result<()> {
        match self {
            Self::Sqlite(session) => session.index(sql),
            Self::Postgres(session) => {
                session.defer(sql);
                Ok(())
            }
        }
    }

    /// Waits for a lock and keeps it until the end of the transaction.
    pub(crate) async fn lock(&self, key: i64) -> Result<()> {
        match self {
            // There is one writer, and it is this one.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => {
                let mut sql = Sql::new(Dialect::Postgres, None);
                sql.text.push_str("SELECT pg_advisory_xact_lock(");
                sql.bind(Value::Integer(key));
                sql.text.push(')');
                session.query(&sql, &mut |_| Ok(())).await
            }
        }
    }

    /// Takes a lock until the end of the transaction, or says that another has it.
    pub(crate) async fn try_lock(&self, key: i64) -> Result<bool> {
        match self {
            // There is one writer, and it is this one.
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(session) => {
                let mut sql = Sql::new(Dialect::Postgres, None);
                sql.text.push_str("SELECT pg_try_advisory_xact_lock(");
                sql.bind(Value::Integer(key));
                sql.text.push(')');
                let mut taken = false;
                session
                    .query(&sql, &mut |row| {
                        taken = row.bool(0)?.unwrap_or(false);
                        Ok(())
                    })
                    .await?;
                Ok(taken)
            }
        }
    }

    /// A plain word of transactions, after everything that was deferred.
    pub(crate) async fn word(&self, text: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(session) => session.word(text),
            Self::Postgres(session) => session.word(text).await,
        }
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        match self {
            Self::Sqlite(session) => session.commit().await,
            Self::Postgres(session) => session.commit().await,
        }
    }
}
