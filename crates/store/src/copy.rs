//! All rows of a database: a walk through every table, and the way in for what another walk gave.
//!
//! This is the one place that looks at all tenants at once, and it does so as whoever owns the database, for copies of
//! the whole: each row keeps its tenant. What can be made from the rest (the word index) and what tells of the
//! schema (which migrations make) is no part of it.

mod cells;
mod clear;
mod page;
mod tally;
mod walk;

use kith_kernel::{Actor, Error, Id, Kind, Result, internal};

pub use page::Sieved;
pub use tally::{Tally, Tallying};
use walk::Walk;

use crate::{
    Db, Migration, Value,
    catalog::{Catalog, Others, TableShape},
    connect::{Engine, postgres, sqlite},
    migrate::LEDGER,
    schema::Type,
    sql::Sql,
    statement::Dialect,
};

/// The table whose rows the tenants are.
const TENANTS: &str = "tenants";
/// One transaction over all tables and tenants.
pub struct Whole {
    side: Side,
    /// Every tenant, and the installation; told by the rows of `tenants` once these are there.
    tenants: Vec<Id>,
    /// Whether there may be other tenants, which are none of its business.
    of_one: bool,
}

enum Side {
    Sqlite(sqlite::Whole),
    Postgres(postgres::Whole),
}

impl Db {
    /// Looks at everything in one state of the database, however long that takes.
    ///
    /// # Errors
    /// `Unavailable` where others must wait and somebody is at work for too long.
    pub async fn look_at_all(&self, catalog: &Catalog, others: Others) -> Result<Whole> {
        let side = match &*self.engine {
            Engine::Sqlite(sqlite) => Side::Sqlite(sqlite.look_at_all(others).await?),
            Engine::Postgres(postgres) => {
                let names: Vec<&str> = catalog.tables().iter().map(|table| table.name).collect();
                Side::Postgres(postgres.look_at_all(&names, others).await?)
            }
        };
        let mut whole = Whole { side, tenants: Vec::new(), of_one: false };
        whole.find_tenants(catalog).await?;
        Ok(whole)
    }

    /// Looks at what the actor's tenant has, in one state of the database, however long that takes.
    pub async fn look_at_tenant(&self, actor: &Actor) -> Result<Whole> {
        let side = match &*self.engine {
            Engine::Sqlite(sqlite) => Side::Sqlite(sqlite.look_at_all(Others::GoOn).await?),
            Engine::Postgres(postgres) => {
                Side::Postgres(postgres.look_at_all(&[], Others::GoOn).await?)
            }
        };
        Ok(Whole { side, tenants: vec![actor.tenant], of_one: true })
    }

    /// Fills a database that nobody uses yet. On PostgreSQL nothing is there before [`Whole::commit`].
    pub async fn fill_all(&self) -> Result<Whole> {
        let side = match &*self.engine {
            Engine::Sqlite(sqlite) => Side::Sqlite(sqlite.fill().await?),
            Engine::Postgres(postgres) => Side::Postgres(postgres.fill().await?),
        };
        Ok(Whole { side, tenants: Vec::new(), of_one: false })
    }

    /// How many other sessions are connected to the same database, where that can be known.
    pub async fn others(&self) -> Result<i64> {
        match &*self.engine {
            Engine::Sqlite(_) => Ok(0),
            Engine::Postgres(postgres) => postgres.others().await,
        }
    }

    /// Which migrations were applied; none where the database is new.
    pub async fn applied(&self) -> Result<Vec<String>> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.applied().await,
            Engine::Postgres(postgres) => postgres.applied().await,
        }
    }

    /// Takes the note back that the database is being filled.
    pub async fn finished(&self) -> Result<()> {
        let sql = format!("DELETE FROM {LEDGER} WHERE name = '{}'", Migration::unfinished().name);
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.run_alone(&sql).await,
            Engine::Postgres(postgres) => postgres.run_alone(&sql).await,
        }
    }

    /// Everything that was committed stands in the database's own file, which may then be moved.
    pub async fn settle(&self) -> Result<()> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.settle().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// What was deleted is gone from the files too: the word index forgets it, and (SQLite) the free space of the file goes
    /// where the file has no more than `bytes`, for which writers wait. Says whether that was so.
    pub async fn scrub(&self, bytes: u64) -> Result<bool> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.scrub(bytes).await,
            Engine::Postgres(_) => Ok(true),
        }
    }

    /// Puts all tables aside under another name (PostgreSQL: a schema of that name), and makes room for new ones.
    pub async fn put_aside(&self, name: &str) -> Result<()> {
        match &*self.engine {
            Engine::Sqlite(_) => Err(internal("a file is put aside by its name")),
            Engine::Postgres(postgres) => postgres.put_aside(name).await,
        }
    }

    /// Takes back what was put aside, in place of what came after it.
    pub async fn take_back(&self, name: &str) -> Result<()> {
        match &*self.engine {
            Engine::Sqlite(_) => Err(internal("a file is taken back by its name")),
            Engine::Postgres(postgres) => postgres.take_back(name).await,
        }
    }
}

impl Whole {
    fn dialect(&self) -> Dialect {
        match &self.side {
            Side::Sqlite(_) => Dialect::Sqlite,
            Side::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn rows(&self, sql: &Sql, kinds: &[Type]) -> Result<Vec<Vec<Value>>> {
        let mut rows = Vec::new();
        let mut each = |row: crate::Row<'_>| {
            let cells = kinds.iter().enumerate().map(|(at, kind)| cells::read(&row, at, *kind));
            rows.push(cells.collect::<Result<Vec<_>>>()?);
            Ok(())
        };
        match &self.side {
            Side::Sqlite(whole) => whole.query(sql, &mut each)?,
            Side::Postgres(whole) => whole.query(sql, &mut each).await?,
        }
        Ok(rows)
    }

    async fn stand_in(&self, tenant: Id) -> Result<()> {
        match &self.side {
            Side::Sqlite(_) => Ok(()),
            Side::Postgres(whole) => whole.stand_in(tenant).await,
        }
    }

    async fn find_tenants(&mut self, catalog: &Catalog) -> Result<()> {
        // A database that was never migrated has no tenants.
        let Some(table) = catalog.table(TENANTS) else { return Ok(()) };
        let mut sql = Sql::new(self.dialect(), None);
        sql.text.push_str("SELECT id FROM ");
        sql.text.push_str(table.name);
        sql.text.push_str(" ORDER BY id");
        let found = self.rows(&sql, &[Type::Id]).await?;
        let found = found.into_iter().flatten().filter_map(|cell| match cell {
            Value::Id(id) => Some(id),
            _ => None,
        });
        self.tenants = std::iter::once(Id::NIL).chain(found.filter(|id| *id != Id::NIL)).collect();
        Ok(())
    }

    /// Every tenant, and the installation, as of the last look.
    pub fn tenants(&self) -> &[Id] {
        &self.tenants
    }

    /// Shows all rows of a table to `each`, some at a time, and says what they were.
    pub async fn each_page(
        &self,
        table: &TableShape,
        mut each: impl AsyncFnMut(&[Vec<Value>]) -> Result<()>,
    ) -> Result<Tally> {
        let mut tallying = Tallying::new(table);
        let mut walk = Walk::new(self, table);
        loop {
            let rows = walk.next().await?;
            if rows.is_empty() {
                return Ok(tallying.end());
            }
            each(&rows).await?;
            tallying.add(&rows);
        }
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// `Internal` when some belong to a tenant that does not exist.
    pub async fn count(&self, table: &TableShape) -> Result<u64> {
        let mut sum = 0;
        if table.tenanted {
            for tenant in &self.tenants {
                self.stand_in(*tenant).await?;
                sum += self.count_of(table, Some(*tenant)).await?;
            }
        }
        if self.of_one {
            return Ok(sum);
        }
        let all = self.count_of(table, None).await?;
        if table.tenanted && all > sum {
            return Err(internal(format!("{} has rows of no tenant", table.name)));
        }
        Ok(sum.max(all))
    }

    async fn count_of(&self, table: &TableShape, tenant: Option<Id>) -> Result<u64> {
        let mut sql = Sql::new(self.dialect(), None);
        sql.text.push_str("SELECT COUNT(*) FROM ");
        sql.text.push_str(table.name);
        if let Some(tenant) = tenant {
            sql.text.push_str(" WHERE tenant_id = ");
            sql.bind(tenant.into());
        }
        let found = self.rows(&sql, &[Type::Integer]).await?;
        match found.first().and_then(|row| row.first()) {
            Some(Value::Integer(count)) => Ok(u64::try_from(*count).unwrap_or_default()),
            _ => Err(internal("a count came without a number")),
        }
    }

    /// Adds rows, all of one tenant where the table has tenants, as [`Self::each_page`] gives them.
    ///
    /// # Errors
    /// `Invalid` (`rows_refused`), naming the table, for rows that break a rule of the database.
    pub async fn add(&self, table: &TableShape, rows: &[Vec<Value>]) -> Result<()> {
        if let (true, Some(Value::Id(tenant))) =
            (table.tenanted, rows.first().and_then(|row| row.first()))
        {
            self.stand_in(*tenant).await?;
        }
        let added = match &self.side {
            Side::Sqlite(whole) => whole.add(table, rows),
            Side::Postgres(whole) => whole.add(table, rows).await,
        };
        added.map_err(|error| refused(table.name, error))
    }

    /// Counts and hashes what is there now, table by table.
    pub async fn tally(
        &mut self,
        catalog: &Catalog,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Tally>> {
        self.find_tenants(catalog).await?;
        let mut tallies = Vec::new();
        for table in catalog.tables() {
            let count = async |rows: &[Vec<Value>]| {
                progress(rows.len() as u64);
                Ok(())
            };
            tallies.push(self.each_page(table, count).await?);
        }
        Ok(tallies)
    }

    /// Lets others write for a moment, and `work` too: where they had to wait, what was added until now is kept from here on.
    pub async fn give_way(&self, work: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        match &self.side {
            Side::Sqlite(whole) => {
                whole.release()?;
                work().await?;
                whole.take_up().await
            }
            Side::Postgres(_) => work().await,
        }
    }

    /// Ends it, and keeps what was added.
    pub async fn commit(self) -> Result<()> {
        match self.side {
            Side::Sqlite(whole) => whole.commit(),
            Side::Postgres(whole) => whole.commit().await,
        }
    }
}

/// Rows that are read at once: a few bytes of a stranger's would else become many rows in memory.
/// What the database said against rows as they were.
fn refused(table: &str, error: Error) -> Error {
    let why = match error.code() {
        "taken" => "some have the same key",
        "unknown_link" => "some belong to what is not there",
        "unfit_row" => "some lack what they must have, or have what they cannot",
        _ => return error,
    };
    let why = format!("Rows of {table} do not fit: {why}.");
    Error::new(Kind::Invalid, "rows_refused", why).caused_by(error)
}

const ROWS_AT_ONCE: usize = 1_000;

/// Reads rows that [`write_row`] wrote, some at once; none behind the last.
///
/// # Errors
/// `Malformed` for what no row looks like.
pub fn read_rows(bytes: &mut &[u8], table: &TableShape) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    while !bytes.is_empty() && rows.len() < ROWS_AT_ONCE {
        let before = bytes.len();
        rows.push(read_row(bytes, table)?);
        if bytes.len() == before {
            return Err(kith_kernel::malformed("The rows have no columns."));
        }
    }
    Ok(rows)
}

fn read_row(bytes: &mut &[u8], table: &TableShape) -> Result<Vec<Value>> {
    table.columns.iter().map(|(_, kind)| cells::decode(bytes, *kind)).collect()
}

/// Writes a row behind others.
pub fn write_row(row: &[Value], out: &mut Vec<u8>) {
    for cell in row {
        cells::encode(cell, out, cells::Json::AsWritten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Step, Table, text};

    #[test]
    fn rows_of_a_few_bytes_come_in_parts() {
        let table = Table::of_platform("t", &["a"], vec![text("a").required()]);
        let migration = crate::Migration { name: "m", steps: vec![Step::Create(table)] };
        let catalog = Catalog::of(&[migration]);
        let table = catalog.table("t").unwrap();
        let mut written = Vec::new();
        (0..2_500).for_each(|_| write_row(&[Value::Null], &mut written));
        let (mut bytes, mut sizes) = (&written[..], Vec::new());
        while !bytes.is_empty() {
            sizes.push(read_rows(&mut bytes, table).unwrap().len());
        }
        assert_eq!(sizes, [1_000, 1_000, 500]);
    }
}
