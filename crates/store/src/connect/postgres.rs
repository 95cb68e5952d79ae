//! PostgreSQL: pooled connections behind row-level security, statements prepared once and sent in a pipeline.

mod bind;
mod growth;
mod join;
mod line;
mod migrate;
mod nodes;
mod whole;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deadpool::{
    Runtime,
    managed::{Object, Pool},
};
use kith_kernel::{Date, Error, Id, Kind, Result, Time, internal, unavailable};
use tokio_postgres::{
    Client, Config, Statement,
    error::SqlState,
    types::{ToSql, Type},
};

pub(crate) use whole::Whole;

use self::{
    bind::{Bound, Cells},
    join::{Group, Joined, Waiting},
    line::{Line, Lines},
};
use super::{
    Options, Purpose, Wall,
    sqlite::{dangling, slow, taken, unfit},
};
use crate::{
    Row,
    statement::{Dialect, Insert, Sql},
};

pub(crate) struct Postgres {
    /// Connections that see one tenant at a time.
    app: Pool<Lines>,
    /// Connections that see no tenant's tables at all.
    platform: Pool<Lines>,
    nodes: nodes::Nodes,
    learned: Arc<Learned>,
    options: Options,
}

/// What is remembered from one transaction to the next.
struct Learned {
    growth: growth::Growth,
    texts: join::Texts,
}

/// Milliseconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH_2000: i64 = 946_684_800_000;
/// Days from 1970 to 2000.
const EPOCH_2000_DAYS: i32 = 10_957;

pub(crate) fn time(microseconds_since_2000: i64) -> Time {
    Time::from_milliseconds(microseconds_since_2000.div_euclid(1000) + EPOCH_2000)
}

pub(crate) fn date(days_since_2000: i32) -> Option<Date> {
    Some(Date::new(1970, 1, 1)?.plus_days(i64::from(days_since_2000.checked_add(EPOCH_2000_DAYS)?)))
}

impl Postgres {
    pub(crate) fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            app: pool(options, &options.roles.0)?,
            platform: pool(options, &options.roles.1)?,
            nodes: nodes::Nodes::new(),
            learned: Arc::new(Learned {
                growth: growth::Growth::new(options),
                texts: join::Texts::default(),
            }),
            options: options.clone(),
        })
    }

    pub(crate) async fn begin(&self, purpose: Purpose, wall: Wall) -> Result<Session> {
        let mode = match purpose {
            Purpose::Read => "BEGIN READ ONLY",
            Purpose::Write => "BEGIN",
        };
        let (pool, begin) = match wall {
            Wall::Tenant(tenant) => {
                (&self.app, format!("{mode}; SET LOCAL kith.tenant = '{tenant}'"))
            }
            Wall::Platform => (&self.platform, mode.to_owned()),
        };
        let line = pool.get().await.map_err(|error| {
            unavailable("PostgreSQL does not answer: check DATABASE_URL and that the server runs.")
                .caused_by(error)
        })?;
        Ok(Session {
            line: Arc::new(line),
            state: Mutex::new(State { begin: Some(begin), ..State::default() }),
            purpose,
            tenant: match wall {
                Wall::Tenant(tenant) => Some(tenant),
                Wall::Platform => None,
            },
            learned: Arc::clone(&self.learned),
        })
    }

    /// Refuses a role that would see through the walls.
    pub(crate) async fn check_walls(&self) -> Result<()> {
        for pool in [&self.app, &self.platform] {
            let line = pool.get().await.map_err(|error| {
                unavailable(
                    "PostgreSQL does not answer, or its roles are missing: run `kith migrate`.",
                )
                .caused_by(error)
            })?;
            let sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
            let asked = line.client().query_one(sql, &[]);
            let row = line.drive(asked).await.map_err(wrong)?;
            if row.try_get::<_, bool>(0).map_err(wrong)? {
                return Err(unavailable(
                    "The database session can see through row-level security: it must not be a superuser or have BYPASSRLS.",
                ));
            }
        }
        Ok(())
    }
}

fn config(options: &Options) -> Result<Config> {
    let parsed: std::result::Result<Config, _> = options.url.parse();
    parsed.map_err(|_| {
        unavailable(
            "DATABASE_URL is not a PostgreSQL address (postgres://user:password@host/database).",
        )
    })
}

fn connector() -> tokio_postgres_rustls::MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    tokio_postgres_rustls::MakeRustlsConnect::new(tls)
}

fn pool(options: &Options, role: &str) -> Result<Pool<Lines>> {
    let sync = if options.full_sync { "SET synchronous_commit = on;" } else { "" };
    // PostgreSQL takes reads out of order to be four times as dear as others, which is of disks that turn: it would rather
    // read thousands of a tenant's rows than look up two hundred.
    let walk_in = format!(
        "SET ROLE \"{role}\"; SET random_page_cost = 1.1; SET statement_timeout = '{}s'; SET idle_in_transaction_session_timeout = '60s'; \
         SET timezone = 'UTC'; {sync}",
        options.statement_seconds
    );
    Pool::builder(Lines { config: config(options)?, walk_in })
        .max_size(options.readers.max(2))
        .wait_timeout(Some(Duration::from_secs(10)))
        .create_timeout(Some(Duration::from_secs(10)))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| internal("the pool of connections cannot be made").caused_by(error))
}

pub(crate) struct Session {
    line: Arc<Object<Lines>>,
    state: Mutex<State>,
    purpose: Purpose,
    tenant: Option<Id>,
    learned: Arc<Learned>,
}

#[derive(Default)]
struct State {
    /// What opens the transaction; sent together with the first statement.
    begin: Option<String>,
    open: bool,
    /// Statements that go out with the commit.
    deferred: Vec<Waiting>,
    /// Rows that were added to tables.
    inserted: Vec<(&'static str, u64)>,
}

impl State {
    /// Counts what a statement adds; what is taken back is counted with it, which matters little.
    fn note(&mut self, inserts: Option<(&'static str, u64)>) {
        let Some((table, rows)) = inserts else { return };
        match self.inserted.iter_mut().find(|(known, _)| *known == table) {
            Some((_, sum)) => *sum += rows,
            None => self.inserted.push((table, rows)),
        }
    }
}

/// A statement with its values, ready to be sent.
struct Ready {
    statement: Statement,
    cells: Cells,
}

/// More statements than this do not go out without waiting for an answer.
const LARGEST_PIPELINE: usize = 24;

impl Session {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn prepare(&self, text: &str) -> Result<Statement> {
        self.line.prepare(text).await.map_err(wrong)
    }

    fn client(&self) -> &Client {
        self.line.client()
    }

    /// Opens the transaction in the same packet as the statements that `run` sends.
    async fn opened<T>(&self, run: impl Future<Output = Result<T>>) -> Result<T> {
        let begin = {
            let mut state = self.state();
            state.open = true;
            state.begin.take()
        };
        match begin {
            Some(begin) => {
                let both = futures_util::future::join(self.client().batch_execute(&begin), run);
                let (began, ran) = self.line.drive(both).await;
                began.map_err(wrong)?;
                ran
            }
            None => self.line.drive(run).await,
        }
    }

    pub(crate) async fn query(
        &self,
        sql: &Sql,
        each: &mut (dyn FnMut(Row<'_>) -> Result<()> + Send),
    ) -> Result<()> {
        let statement = self.prepare(&sql.text).await?;
        let values: Vec<Bound<'_>> = sql.values.iter().map(Bound::Value).collect();
        let bound: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        let query = async { self.client().query(&statement, &bound).await.map_err(wrong) };
        let rows = self.behind_deferred(query).await?;
        rows.iter().try_for_each(|row| each(Row::Postgres(row)))
    }

    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64> {
        self.state().note(sql.inserts);
        let ready = self.as_written(sql).await?;
        self.behind_deferred(self.run(&ready)).await
    }

    /// Sends what was deferred and, in the same packet, what must see it.
    async fn behind_deferred<T>(&self, run: impl Future<Output = Result<T>>) -> Result<T> {
        let before = self.deferred().await?;
        let before = futures_util::future::join_all(before.iter().map(|ready| self.run(ready)));
        let (ran, done) =
            self.opened(async { Ok(futures_util::future::join(before, run).await) }).await?;
        // What failed first is what the rest failed by.
        ran.into_iter().collect::<Result<Vec<_>>>()?;
        done
    }

    /// What was deferred, as it goes out; a lot is sent here but for its last part.
    async fn deferred(&self) -> Result<Vec<Ready>> {
        let deferred = std::mem::take(&mut self.state().deferred);
        let mut rest = self.ready(deferred).await?;
        while rest.len() > LARGEST_PIPELINE {
            let behind = rest.split_off(LARGEST_PIPELINE);
            self.send(&rest, None).await?;
            rest = behind;
        }
        Ok(rest)
    }

    /// Prepares all before any is sent: a statement that is still being prepared would let the next one overtake it.
    async fn ready(&self, all: Vec<Waiting>) -> Result<Vec<Ready>> {
        let mut ready = Vec::new();
        for joined in self.learned.texts.joined(all) {
            ready.push(match joined {
                Joined::Alone(sql) => self.as_written(sql).await?,
                Joined::Few(text, values) => {
                    let statement = self.prepare(&text).await?;
                    Ready { statement, cells: Cells::Row(values) }
                }
                Joined::Rows(groups) => self.of_arrays(groups).await?,
            });
        }
        Ok(ready)
    }

    async fn as_written(&self, sql: Sql) -> Result<Ready> {
        let statement = self.prepare(&sql.text).await?;
        Ok(Ready { statement, cells: Cells::Row(sql.values) })
    }

    async fn of_arrays(&self, groups: Vec<Group>) -> Result<Ready> {
        let mut types: Vec<Vec<Type>> = Vec::with_capacity(groups.len());
        for group in &groups {
            types.push(self.prepare(&group.source.text()).await?.params().to_vec());
        }
        let statement = self.prepare(&join::of_arrays(&groups, &types)).await?;
        Ok(Ready { statement, cells: Cells::Columns(groups) })
    }

    async fn run(&self, ready: &Ready) -> Result<u64> {
        self.running(ready).await.map_err(wrong)
    }

    async fn running(&self, ready: &Ready) -> std::result::Result<u64, tokio_postgres::Error> {
        let values = ready.cells.bound();
        let bound: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.client().execute(&ready.statement, &bound).await
    }

    pub(crate) async fn word(&self, text: &'static str) -> Result<()> {
        // After a failure there is only the way back: what was deferred since then is not sent.
        if text.starts_with("ROLLBACK") {
            self.state().deferred.clear();
        }
        self.flush().await?;
        self.opened(async { self.client().batch_execute(text).await.map_err(wrong) }).await
    }

    pub(crate) fn defer(&self, sql: Sql) {
        let mut state = self.state();
        state.note(sql.inserts);
        state.deferred.push(Waiting::Written(sql));
    }

    pub(crate) fn append(&self, insert: Insert, tenant: Option<Id>) {
        match insert.apart(tenant) {
            Ok(rows) => {
                let mut state = self.state();
                state.note(Some((rows.form.table, rows.rows.len() as u64)));
                state.deferred.push(Waiting::Rows(rows));
            }
            Err(insert) => self.defer(insert.sql(Dialect::Postgres, tenant)),
        }
    }

    /// A statement that is waited for must see what was deferred before it.
    async fn flush(&self) -> Result<()> {
        let rest = self.deferred().await?;
        if rest.is_empty() { Ok(()) } else { self.send(&rest, None).await }
    }

    /// Sends statements, and perhaps the commit, without waiting in between.
    async fn send(&self, all: &[Ready], commit: Option<&str>) -> Result<()> {
        let pipeline = async {
            let running = futures_util::future::join_all(all.iter().map(|ready| self.run(ready)));
            match commit {
                Some(commit) => {
                    let (ran, committed) =
                        futures_util::future::join(running, self.client().batch_execute(commit))
                            .await;
                    ran.into_iter().collect::<Result<Vec<_>>>()?;
                    committed.map_err(wrong)
                }
                None => running.await.into_iter().collect::<Result<Vec<_>>>().map(drop),
            }
        };
        self.opened(pipeline).await
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        if self.purpose == Purpose::Read || !self.has_work() {
            return Ok(());
        }
        let rest = self.deferred().await?;
        match (rest.as_slice(), self.tenant) {
            // All there is: the statement begins and commits by itself.
            ([only], Some(tenant)) if !self.state().open => {
                self.line.alone(tenant, self.running(only)).await.map_err(wrong)?;
            }
            _ => self.send(&rest, Some("COMMIT")).await?,
        }
        let inserted = {
            let mut state = self.state();
            state.open = false;
            std::mem::take(&mut state.inserted)
        };
        self.learned.growth.after(self.tenant, &inserted).await;
        Ok(())
    }

    fn has_work(&self) -> bool {
        let state = self.state();
        state.open || !state.deferred.is_empty()
    }
}

impl Drop for Session {
    /// The end of the transaction is sent and not waited for: what comes next on the connection stands behind it.
    fn drop(&mut self) {
        if self.state().open || self.line.is_left() {
            Line::part(&self.line, "ROLLBACK");
        }
    }
}

/// What a failure of PostgreSQL means to us.
#[track_caller]
pub(crate) fn wrong(error: tokio_postgres::Error) -> Error {
    let Some(told) = error.as_db_error() else {
        return if error.is_closed()
            || std::error::Error::source(&error)
                .is_some_and(<dyn std::error::Error + 'static>::is::<std::io::Error>)
        {
            unavailable("PostgreSQL does not answer. Try again.").caused_by(error)
        } else {
            internal("a statement failed").caused_by(error)
        };
    };
    match *told.code() {
        SqlState::UNIQUE_VIOLATION => {
            let index = told.constraint().unwrap_or_default();
            let column = index.rsplit("__").next().unwrap_or_default();
            taken(column).caused_by(format!("unique: {index}"))
        }
        SqlState::FOREIGN_KEY_VIOLATION => dangling().caused_by(error),
        SqlState::QUERY_CANCELED => slow().caused_by(error),
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            Error::new(Kind::Conflict, "contended", "Others changed the same records. Try again.")
                .caused_by(error)
        }
        SqlState::DISK_FULL | SqlState::TOO_MANY_CONNECTIONS | SqlState::ADMIN_SHUTDOWN => {
            unavailable("PostgreSQL cannot take this now. Try again.").caused_by(error)
        }
        // Classes 22 and 23: data exceptions, and integrity constraint violations.
        _ if ["22", "23"].iter().any(|class| told.code().code().starts_with(class)) => {
            unfit().caused_by(error)
        }
        _ => internal("a statement failed").caused_by(error),
    }
}
