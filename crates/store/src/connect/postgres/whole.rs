//! One transaction over all tenants, as the owner of the database: the walls hold for the owner too, so that it stands
//! in one tenant after the other.

use futures_util::TryStreamExt;
use kith_kernel::{Id, Result, conflict};
use tokio_postgres::{Client, types::ToSql};

use super::{Postgres, bind::Bound, wrong};
use crate::{
    Row, Value,
    catalog::{Others, TableShape},
    schema::Type,
    sql::Sql,
};

pub(crate) struct Whole {
    client: Client,
}

/// It takes as long as it takes.
const UNHURRIED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL timezone = 'UTC'";

impl Postgres {
    pub(crate) async fn look_at_all(&self, tables: &[&str], others: Others) -> Result<Whole> {
        let client = self.owner().await?;
        // A lock is taken before the first look, which decides what is seen.
        let lock = match others {
            Others::GoOn => String::new(),
            Others::Wait => format!(
                "; SET LOCAL lock_timeout = '10s'; LOCK TABLE {} IN SHARE MODE",
                tables.join(", ")
            ),
        };
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {UNHURRIED}{lock}");
        client.batch_execute(&begin).await.map_err(|error| match error.code() {
            Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) => conflict(
                "in_use",
                "Somebody is writing to this database. Stop its servers, then try again.",
            )
            .caused_by(error),
            _ => wrong(error),
        })?;
        Ok(Whole { client })
    }

    pub(crate) async fn fill(&self) -> Result<Whole> {
        let client = self.owner().await?;
        client.batch_execute(&format!("BEGIN; {UNHURRIED}")).await.map_err(wrong)?;
        Ok(Whole { client })
    }

    pub(crate) async fn others(&self) -> Result<i64> {
        let client = self.owner().await?;
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        client.query_one(sql, &[]).await.and_then(|row| row.try_get(0)).map_err(wrong)
    }

    /// Runs each statement until it does nothing more, as the owner, in a tenant.
    pub(crate) async fn clear(&self, tenant: Id, statements: Vec<Sql>) -> Result<()> {
        let client = self.owner().await?;
        client.batch_execute(&format!("SET kith.tenant = '{tenant}'")).await.map_err(wrong)?;
        for sql in statements {
            let statement = client.prepare(&sql.text).await.map_err(wrong)?;
            let values: Vec<Bound<'_>> = sql.values.iter().map(Bound::Value).collect();
            let bound: Vec<&(dyn ToSql + Sync)> =
                values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            while client.execute(&statement, &bound).await.map_err(wrong)? > 0 {}
        }
        Ok(())
    }

    pub(crate) async fn run_alone(&self, sql: &str) -> Result<()> {
        self.owner().await?.batch_execute(sql).await.map_err(wrong)
    }

    pub(crate) async fn put_aside(&self, name: &str) -> Result<()> {
        let rename = format!("ALTER SCHEMA public RENAME TO \"{name}\"");
        self.run_alone(&format!("BEGIN; {rename}; CREATE SCHEMA public; COMMIT")).await
    }

    pub(crate) async fn take_back(&self, name: &str) -> Result<()> {
        let rename = format!("ALTER SCHEMA \"{name}\" RENAME TO public");
        self.run_alone(&format!("BEGIN; DROP SCHEMA public CASCADE; {rename}; COMMIT")).await
    }
}

const fn array(kind: Type) -> &'static str {
    match kind {
        Type::Text => "text[]",
        Type::Integer => "bigint[]",
        Type::Number => "double precision[]",
        Type::Bool => "boolean[]",
        Type::Time => "timestamptz[]",
        Type::Date => "date[]",
        Type::Id => "uuid[]",
        Type::Json => "jsonb[]",
        Type::Bytes => "bytea[]",
    }
}

impl Whole {
    pub(crate) async fn query(
        &self,
        sql: &Sql,
        each: &mut (dyn FnMut(Row<'_>) -> Result<()> + Send),
    ) -> Result<()> {
        let statement = self.client.prepare(&sql.text).await.map_err(wrong)?;
        let values: Vec<Bound<'_>> = sql.values.iter().map(Bound::Value).collect();
        let rows = self.client.query_raw(&statement, values).await.map_err(wrong)?;
        let mut rows = Box::pin(rows);
        while let Some(row) = rows.try_next().await.map_err(wrong)? {
            each(Row::Postgres(&row))?;
        }
        Ok(())
    }

    pub(crate) async fn stand_in(&self, tenant: Id) -> Result<()> {
        self.client
            .batch_execute(&format!("SET LOCAL kith.tenant = '{tenant}'"))
            .await
            .map_err(wrong)
    }

    pub(crate) async fn add(&self, table: &TableShape, rows: &[Vec<Value>]) -> Result<()> {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let arrays = table.columns.iter().enumerate();
        let arrays: Vec<String> =
            arrays.map(|(at, (_, kind))| format!("${}::{}", at + 1, array(*kind))).collect();
        let (name, columns, arrays) = (table.name, columns.join(", "), arrays.join(", "));
        let sql = format!("INSERT INTO {name} ({columns}) SELECT * FROM unnest({arrays})");
        let statement = self.client.prepare(&sql).await.map_err(wrong)?;
        let values: Vec<Bound<'_>> =
            (0..table.columns.len()).map(|at| Bound::Column(rows, at)).collect();
        let bound: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.client.execute(&statement, &bound).await.map(drop).map_err(wrong)
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        self.client.batch_execute("COMMIT; ANALYZE").await.map_err(wrong)
    }
}
