//! Tables that grow are measured, since PostgreSQL plans by what it last saw of a table.
//!
//! Its autovacuum looks once a minute. A new database that takes a hundred thousand rows in that minute would answer
//! by plans for an empty table, which read all of a tenant's rows where an index leads to one.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kith_kernel::Result;
use tokio::time::timeout;

use super::{config, connector, wrong};
use crate::Options;

/// After so many rows that this process added to a table, it is measured for the first time.
const FIRST: u64 = 500;
/// Then whenever it has added so many times as many.
const TIMES: u64 = 4;
/// A write that makes a table due waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Growth {
    added: Mutex<HashMap<&'static str, Added>>,
    options: Options,
}

struct Added {
    rows: u64,
    due: u64,
}

impl Growth {
    pub(super) fn new(options: &Options) -> Self {
        Self { added: Mutex::default(), options: options.clone() }
    }

    /// Counts what a transaction has added; says which tables are due.
    fn count(&self, inserted: &[(&'static str, u64)]) -> Vec<&'static str> {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for (table, rows) in inserted {
            let table_added = added.entry(table).or_insert(Added { rows: 0, due: FIRST });
            table_added.rows += rows;
            if table_added.rows >= table_added.due {
                table_added.due = table_added.rows.saturating_mul(TIMES);
                due.push(*table);
            }
        }
        due
    }

    /// Counts what was committed and measures the tables that are due. Where that fails, autovacuum does it later.
    pub(super) async fn after(&self, inserted: &[(&'static str, u64)]) {
        let due = self.count(inserted);
        if due.is_empty() {
            return;
        }
        match timeout(PATIENCE, self.measure(&due)).await {
            Ok(Ok(())) => tracing::debug!(?due, "tables were measured"),
            Ok(Err(error)) => tracing::debug!(?error, "tables could not be measured"),
            Err(_) => tracing::debug!("measuring tables takes too long"),
        }
    }

    /// On a connection of its own: only a table's owner may measure it, and the others are not the owner.
    async fn measure(&self, due: &[&'static str]) -> Result<()> {
        let (client, connection) =
            config(&self.options)?.connect(connector()).await.map_err(wrong)?;
        let asking = async {
            for table in due {
                let few = "SELECT reltuples < $1 FROM pg_class WHERE oid = to_regclass($2)";
                let known = self.rows(table);
                let row = client.query_one(few, &[&known, table]).await.map_err(wrong)?;
                if row.try_get::<_, bool>(0).map_err(wrong)? {
                    client.batch_execute(&format!("ANALYZE {table}")).await.map_err(wrong)?;
                }
            }
            Ok(())
        };
        tokio::select! {
            done = asking => done,
            ended = connection => ended.map_err(wrong),
        }
    }

    /// How many rows this process has added.
    #[expect(clippy::cast_precision_loss, reason = "PostgreSQL itself knows the number roughly")]
    fn rows(&self, table: &str) -> f32 {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        added.get(table).map_or(0.0, |added| added.rows as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_due_when_it_has_grown_fourfold() {
        let growth = Growth::new(&Options::new("postgres://localhost/kith"));
        assert!(growth.count(&[("contacts", 499), ("deals", 1)]).is_empty());
        assert_eq!(growth.count(&[("contacts", 1), ("deals", 1)]), ["contacts"]);
        assert!(growth.count(&[("contacts", 1_499)]).is_empty());
        assert_eq!(growth.count(&[("contacts", 1), ("deals", 498)]), ["contacts", "deals"]);
        assert!(growth.count(&[("contacts", 5_999)]).is_empty());
        assert_eq!(growth.count(&[("contacts", 1)]), ["contacts"]);
    }
}
