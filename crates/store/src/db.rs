//! The door to the database: [`Db`] opens a [`Read`] or a [`Write`] that knows whose rows it may touch.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use kith_kernel::{Actor, Error, Id, Kind, Result, internal};
use serde::de::DeserializeOwned;

use crate::{
    Delete, Insert, Migration, Options, Output, Row, Select, Update,
    connect::{Engine, Purpose, Session, Wall, postgres::Postgres, sqlite::Sqlite},
    migrate::{pending, platform_tables},
    news::{News, Untold},
    row::columns_of,
    statement::Sql,
};

/// A database, shared by all who hold a copy.
#[derive(Clone)]
pub struct Db {
    pub(crate) engine: Arc<Engine>,
    /// The tables that belong to no tenant, once the migrations told.
    outside: Arc<OnceLock<Vec<&'static str>>>,
}

/// What an actor may look at: one tenant, in one transaction, which sees one state of the database.
pub struct Read {
    session: Arc<Session>,
    actor: Actor,
    tenant: Option<Id>,
    outside: Arc<OnceLock<Vec<&'static str>>>,
}

/// What an actor may change: everything it can look at, and the writes.
pub struct Write {
    read: Read,
    /// What other nodes shall be told once this is committed.
    untold: Arc<Untold>,
}

impl Deref for Write {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl Db {
    /// Opens the database that the options name.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened or the address makes no sense; PostgreSQL itself is first asked later.
    pub fn open(options: &Options) -> Result<Self> {
        let engine = if options.url.starts_with("sqlite:") {
            Engine::Sqlite(Sqlite::open(options)?)
        } else {
            Engine::Postgres(Postgres::open(options)?)
        };
        Ok(Self { engine: Arc::new(engine), outside: Arc::default() })
    }

    /// `sqlite` or `postgres`, for people.
    pub fn kind(&self) -> &'static str {
        match &*self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Brings the schema up to date and says which migrations that took. Safe to call from several processes at once.
    ///
    /// # Errors
    /// `Conflict` when the database is newer than this program.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Vec<&'static str>> {
        // A second migration of the same program names the same tables.
        self.outside.get_or_init(|| platform_tables(migrations));
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.migrate(migrations).await,
            Engine::Postgres(postgres) => postgres.migrate(migrations).await,
        }
    }

    /// The migrations that are still to do; changes nothing.
    pub async fn pending(&self, migrations: &[Migration]) -> Result<Vec<&'static str>> {
        let applied = match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.applied().await?,
            Engine::Postgres(postgres) => postgres.applied().await?,
        };
        Ok(pending(migrations, &applied)?.iter().map(|migration| migration.name).collect())
    }

    /// The whole schema as SQL, in a stable order: for the files in `docs/`.
    pub async fn schema(&self) -> Result<String> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.schema().await,
            Engine::Postgres(postgres) => postgres.schema().await,
        }
    }

    /// Makes sure that the walls between tenants stand; asked once at start.
    pub async fn check_walls(&self) -> Result<()> {
        match &*self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(postgres) => postgres.check_walls().await,
        }
    }

    /// Looks at the actor's tenant.
    pub async fn read<T>(
        &self,
        actor: &Actor,
        look: impl AsyncFnOnce(&Read) -> Result<T>,
    ) -> Result<T> {
        look(&self.begin(actor, Purpose::Read).await?).await
    }

    /// Changes the actor's tenant: commits when `work` is `Ok`, takes everything back when it is not.
    /// `work` must not wait for the network.
    pub async fn write<T>(
        &self,
        actor: &Actor,
        work: impl AsyncFnOnce(&Write) -> Result<T>,
    ) -> Result<T> {
        let write = Write::new(self.begin(actor, Purpose::Write).await?);
        let done = work(&write).await?;
        self.commit(&write).await?;
        Ok(done)
    }

    /// Looks at the tables that belong to no tenant. `why` is for the reader of the source; a test lists the places.
    pub async fn read_everywhere<T>(
        &self,
        why: &'static str,
        look: impl AsyncFnOnce(&Read) -> Result<T>,
    ) -> Result<T> {
        tracing::trace!(why, "reading outside any tenant");
        look(&self.begin_outside(Purpose::Read).await?).await
    }

    /// Changes the tables that belong to no tenant.
    pub async fn write_everywhere<T>(
        &self,
        why: &'static str,
        work: impl AsyncFnOnce(&Write) -> Result<T>,
    ) -> Result<T> {
        tracing::trace!(why, "writing outside any tenant");
        let write = Write::new(self.begin_outside(Purpose::Write).await?);
        let done = work(&write).await?;
        self.commit(&write).await?;
        Ok(done)
    }

    async fn commit(&self, write: &Write) -> Result<()> {
        write.session.commit().await?;
        write.untold.take().into_iter().for_each(|news| self.tell(news));
        Ok(())
    }

    /// Tells the other nodes to look at something again, some milliseconds later: for what is committed. A process that
    /// dies before it tells is made up for by what others do unasked.
    pub fn tell(&self, news: News) {
        match &*self.engine {
            // No other process remembers anything for longer than a moment.
            Engine::Sqlite(_) => {}
            Engine::Postgres(postgres) => postgres.tell(news),
        }
    }

    /// Tells at once what is not told yet: for processes that end, or that do not [`Self::converse`].
    pub async fn tell_rest(&self) -> Result<()> {
        match &*self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(postgres) => postgres.tell_rest().await,
        }
    }

    /// Tells the other nodes what there is to tell and hears what they have; does not end before it is dropped, but at
    /// once where there are no others. After a break everything is heard once.
    pub async fn converse(&self, heard: &(dyn Fn(News) + Send + Sync)) {
        match &*self.engine {
            Engine::Sqlite(_) => {}
            Engine::Postgres(postgres) => postgres.converse(heard).await,
        }
    }

    /// Makes this the process that works through the jobs, where there can be only one; says whether it is the only
    /// one, so that what others seem to be at work on was left by the dead.
    ///
    /// # Errors
    /// `Conflict` (`in_use`) when another process is that one.
    pub fn own(&self) -> Result<bool> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.own(),
            Engine::Postgres(_) => Ok(false),
        }
    }

    async fn begin(&self, actor: &Actor, purpose: Purpose) -> Result<Read> {
        let session = self.engine.begin(purpose, Wall::Tenant(actor.tenant)).await?;
        Ok(Read {
            session: Arc::new(session),
            actor: actor.clone(),
            tenant: Some(actor.tenant),
            outside: Arc::clone(&self.outside),
        })
    }

    async fn begin_outside(&self, purpose: Purpose) -> Result<Read> {
        let session = self.engine.begin(purpose, Wall::Platform).await?;
        Ok(Read {
            session: Arc::new(session),
            actor: Actor::installation(),
            tenant: None,
            outside: Arc::clone(&self.outside),
        })
    }
}

impl Read {
    /// Who looks.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn tenant(&self) -> Option<Id> {
        self.tenant
    }

    /// The same transaction, seen from outside any tenant: only for tables that belong to none.
    pub fn everywhere(&self, why: &'static str) -> Self {
        tracing::trace!(why, "looking outside the tenant");
        Self {
            session: Arc::clone(&self.session),
            actor: self.actor.clone(),
            tenant: None,
            outside: Arc::clone(&self.outside),
        }
    }

    /// Refuses a tenant's table where no tenant is meant, and the other way round.
    fn guard(&self, table: &'static str) -> Result<()> {
        let Some(outside) = self.outside.get() else { return Ok(()) };
        if outside.contains(&table) == self.tenant.is_none() {
            return Ok(());
        }
        let whose = if self.tenant.is_none() { "tenants" } else { "no tenant" };
        Err(internal(format!("{table} belongs to {whose} and was asked for from the other side")))
    }

    /// Shows each row to `each`, cells in the order of the select.
    pub async fn each(
        &self,
        select: &Select,
        mut each: impl FnMut(Row<'_>) -> Result<()> + Send,
    ) -> Result<()> {
        self.guard(select.table)?;
        let sql = select.sql(self.session.dialect(), self.tenant);
        self.session.query(sql, &mut each).await
    }

    /// The ids in the first column of each row, in the order of the select.
    pub async fn ids(&self, select: &Select) -> Result<Vec<Id>> {
        let mut found = Vec::new();
        self.each(select, |row| {
            found.extend(row.id(0)?);
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// All rows as structs, whose fields name the columns.
    pub async fn all<T: DeserializeOwned + Send>(&self, select: Select) -> Result<Vec<T>> {
        let columns = columns_of::<T>();
        let select = if select.outputs.is_empty() { select.show(columns) } else { select };
        let mut found = Vec::new();
        self.each(&select, |row| {
            found.push(row.decode(columns)?);
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// The first row, if there is one.
    pub async fn first<T: DeserializeOwned + Send>(&self, select: Select) -> Result<Option<T>> {
        Ok(self.all(select.at_most(1)).await?.into_iter().next())
    }

    /// Whether there is such a row.
    pub async fn exists(&self, select: Select) -> Result<bool> {
        let mut found = false;
        let select = if select.outputs.is_empty() { select.output(Output::Count) } else { select };
        self.each(&select.at_most(1), |row| {
            found = row.integer(0)?.unwrap_or_default() > 0;
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// How many rows there are.
    pub async fn count(&self, select: Select) -> Result<i64> {
        let mut count = 0;
        self.each(&select.output(Output::Count), |row| {
            count = row.integer(0)?.unwrap_or_default();
            Ok(())
        })
        .await?;
        Ok(count)
    }
}

impl Write {
    fn new(read: Read) -> Self {
        Self { read, untold: Arc::default() }
    }

    /// The same transaction, seen from outside any tenant: only for tables that belong to none.
    pub fn everywhere(&self, why: &'static str) -> Self {
        Self { read: self.read.everywhere(why), untold: Arc::clone(&self.untold) }
    }

    /// Tells the other nodes to look at something again, once this is committed.
    pub fn tell(&self, news: News) {
        self.untold.add(news);
    }

    /// Whether other nodes will be told to look at something again.
    pub fn tells(&self, news: News) -> bool {
        self.untold.has(news)
    }

    /// Adds rows; says how many.
    ///
    /// # Errors
    /// `Conflict` (`taken`, naming the column) for a value that must be unique, `Invalid` for a link to nothing.
    pub async fn insert(&self, insert: Insert) -> Result<u64> {
        self.guard(insert.table)?;
        let sql = insert.sql(self.session.dialect(), self.tenant);
        self.run(sql).await
    }

    /// Adds rows whose success nobody waits for before the commit.
    pub fn append(&self, insert: Insert) -> Result<()> {
        self.guard(insert.table)?;
        self.session.append(insert, self.tenant)
    }

    /// Changes rows; says how many.
    pub async fn update(&self, update: Update) -> Result<u64> {
        self.guard(update.table)?;
        let sql = update.sql(self.session.dialect(), self.tenant);
        self.run(sql).await
    }

    /// Deletes rows; says how many.
    ///
    /// # Errors
    /// `Internal` for a deletion without a condition, which is never meant.
    pub async fn delete(&self, delete: Delete) -> Result<u64> {
        if delete.conditions.is_empty() {
            return Err(internal(format!("all of {} would be deleted", delete.table)));
        }
        self.guard(delete.table)?;
        let sql = delete.sql(self.session.dialect(), self.tenant);
        self.run(sql).await
    }

    /// Tries something that may fail without spoiling the rest: what it wrote is taken back when it does.
    pub async fn attempt<T>(&self, work: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        self.session.word("SAVEPOINT attempt").await?;
        let done = match work(self).await {
            // What was deferred goes out now, and may fail as well.
            Ok(done) => self.session.word("RELEASE attempt").await.map(|()| done),
            Err(error) => Err(error),
        };
        if done.is_err() {
            self.session.word("ROLLBACK TO attempt").await?;
            self.session.word("RELEASE attempt").await?;
        }
        done
    }

    /// Makes sure that nobody else does the same thing at the same time.
    ///
    /// # Errors
    /// `Conflict` (`busy`) when somebody does.
    pub async fn lock(&self, key: i64) -> Result<()> {
        if self.session.try_lock(key).await? {
            Ok(())
        } else {
            let busy = "The same request is still being worked on. Wait for its answer.";
            Err(Error::new(Kind::Conflict, "busy", busy))
        }
    }

    /// Waits until nobody else of the tenant is about this, and keeps others waiting until the transaction ends. What is
    /// read behind it knows what they did.
    ///
    /// # Errors
    /// `Conflict` (`contended`) when two wait for each other, `Unavailable` when it takes too long.
    pub async fn one_at_a_time(&self, what: &str) -> Result<()> {
        let tenant = self.actor().tenant;
        self.session.lock(lock_key(tenant.as_bytes(), what)).await
    }

    async fn run(&self, sql: Sql) -> Result<u64> {
        self.session.execute(sql).await
    }
}

/// The key of a lock: FNV-1a over the tenant and the words.
fn lock_key(tenant: &[u8], what: &str) -> i64 {
    let bytes = tenant.iter().chain(what.as_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::from_ne_bytes(hash.to_ne_bytes())
}
