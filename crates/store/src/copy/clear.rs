//! Clearing away all that a tenant has: for one that was never opened.

use std::fmt::Write;

use kith_kernel::{Id, Result};

use crate::{
    Catalog, Db,
    catalog::TableShape,
    connect::Engine,
    sql::{Sql, push_number},
    statement::Dialect,
};

/// Rows of one write.
const AT_ONCE: usize = 200;

impl Db {
    /// Deletes all rows of a tenant, some at a time, also those of tables to which rows are only ever added. It may be done
    /// again where it was broken off.
    ///
    /// # Errors
    /// `Internal` on SQLite for a tenant that was opened, as far as its events are concerned.
    pub async fn clear_tenant(&self, catalog: &Catalog, tenant: Id) -> Result<()> {
        // Those that point at others first.
        let tables = catalog.tables().iter().rev();
        let tables = tables.filter(|table| table.place("tenant_id").is_some());
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                for table in tables {
                    let sql = delete_some(Dialect::Sqlite, table, tenant);
                    while sqlite.delete_alone(&sql).await? > 0 {}
                }
                Ok(())
            }
            Engine::Postgres(postgres) => {
                let all = tables.map(|table| delete_some(Dialect::Postgres, table, tenant));
                postgres.clear(tenant, all.collect()).await
            }
        }
    }
}

fn delete_some(dialect: Dialect, table: &TableShape, tenant: Id) -> Sql {
    let mut sql = Sql::new(dialect, None);
    let (name, key) = (table.name, table.key.join(", "));
    // Writing into a String does not fail.
    write!(sql.text, "DELETE FROM {name} WHERE ").ok();
    if table.tenanted {
        sql.text.push_str("tenant_id = ");
        sql.bind(tenant.into());
        sql.text.push_str(" AND ");
    }
    write!(sql.text, "({key}) IN (SELECT {key} FROM {name} WHERE tenant_id = ").ok();
    sql.bind(tenant.into());
    sql.text.push_str(" LIMIT ");
    push_number(&mut sql.text, AT_ONCE);
    sql.text.push(')');
    sql
}
