//! Tables that grow are measured, since PostgreSQL plans by what it last saw of a table.
//!
//! Its autovacuum looks once a minute. A new database that takes a hundred thousand rows in that minute would answer
//! by plans for an empty table, which read all of a tenant's rows where an index leads to one. A tenant that grows in a
//! large table is no better off: PostgreSQL takes it to have a row or two until it has met it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kith_kernel::{Id, Result};
use tokio::{sync::Notify, time::timeout};
use tokio_postgres::Client;

use super::{config, connector, wrong};
use crate::Options;

/// After so many rows that this process added to a table, or to a tenant's part of it, it is measured for the first time.
const FIRST: u64 = 500;
/// Then whenever it has added so many times as many.
const TIMES: u64 = 4;
/// A tenant whose part of a table is smaller than one in so many needs no look of its own.
const LEAST_PART: f32 = 1_000.0;
const KNOWN: &str = "SELECT reltuples < $2 FROM pg_class WHERE oid = to_regclass($1)";
/// PostgreSQL keeps the share of the tenants that have most of a table's rows, and takes others to have hardly any.
const KNOWN_OF_TENANT: &str = "\
    SELECT reltuples < $2::real * $3::real AND reltuples * coalesce(( \
        SELECT known.share FROM pg_stats, unnest(most_common_vals::text::text[], most_common_freqs) AS known (tenant, share) \
        WHERE schemaname = relnamespace::regnamespace::text AND tablename = relname AND attname = 'tenant_id' \
        AND known.tenant = $4), 0) < $2::real \
    FROM pg_class WHERE oid = to_regclass($1)";
/// Tenants that are counted; when there are more, all are counted anew.
const MOST_TENANTS: usize = 10_000;
/// A look at some tables takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Growth {
    /// By tenant; what no tenant is named for is everybody's.
    added: Mutex<HashMap<Option<Id>, Vec<Added>>>,
    due: Mutex<Vec<Due>>,
    came_due: Notify,
    /// Somebody measures beside the writes; else they do it themselves.
    is_attended: AtomicBool,
    options: Options,
}

struct Added {
    table: &'static str,
    rows: u64,
    due: u64,
}

/// A table that has grown, or a tenant's part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Due {
    table: &'static str,
    rows: u64,
    /// Whose part it is.
    tenant: Option<Id>,
}

impl Growth {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            added: Mutex::default(),
            due: Mutex::default(),
            came_due: Notify::new(),
            is_attended: AtomicBool::new(false),
            options: options.clone(),
        }
    }

    /// Counts what a transaction has added; says what is due.
    fn count(&self, tenant: Option<Id>, inserted: &[(&'static str, u64)]) -> Vec<Due> {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        if added.len() > MOST_TENANTS {
            added.retain(|tenant, _| tenant.is_none());
        }
        let mut due = Vec::new();
        for whose in [None].into_iter().chain(tenant.map(Some)) {
            let tables = added.entry(whose).or_default();
            for &(table, rows) in inserted {
                let at = tables.iter().position(|known| known.table == table);
                let at = at.unwrap_or_else(|| {
                    tables.push(Added { table, rows: 0, due: FIRST });
                    tables.len() - 1
                });
                let known = &mut tables[at];
                known.rows += rows;
                if known.rows >= known.due {
                    known.due = known.rows.saturating_mul(TIMES);
                    due.push(Due { table, rows: known.rows, tenant: whose });
                }
            }
        }
        due
    }

    /// Counts what was committed; tables that are due are measured soon. Where that fails, autovacuum does it later.
    pub(super) async fn after(&self, tenant: Option<Id>, inserted: &[(&'static str, u64)]) {
        let due = self.count(tenant, inserted);
        if due.is_empty() {
            return;
        }
        self.due.lock().unwrap_or_else(PoisonError::into_inner).extend(due);
        if self.is_attended.load(Ordering::Relaxed) {
            self.came_due.notify_one();
        } else {
            self.measure().await;
        }
    }

    /// Measures what comes due beside the writes, for as long as it is asked.
    pub(super) async fn attend(&self) {
        let _attended = Attended::of(&self.is_attended);
        loop {
            self.measure().await;
            self.came_due.notified().await;
        }
    }

    async fn measure(&self) {
        let due = std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner));
        if due.is_empty() {
            return;
        }
        match timeout(PATIENCE, self.ask(&due)).await {
            Ok(Ok(())) => tracing::debug!(?due, "tables were measured"),
            Ok(Err(error)) => tracing::debug!(?error, "tables could not be measured"),
            Err(_) => tracing::debug!("measuring tables takes too long"),
        }
    }

    /// On a connection of its own: only a table's owner may measure it, and the others are not the owner.
    async fn ask(&self, due: &[Due]) -> Result<()> {
        let (client, connection) =
            config(&self.options)?.connect(connector()).await.map_err(wrong)?;
        let asking = async {
            let mut measured = Vec::new();
            for due in due {
                if !measured.contains(&due.table) && is_little_known(&client, due).await? {
                    measured.push(due.table);
                    let analyze = format!("ANALYZE {}", due.table);
                    client.batch_execute(&analyze).await.map_err(wrong)?;
                }
            }
            Ok(())
        };
        tokio::select! {
            done = asking => done,
            ended = connection => ended.map_err(wrong),
        }
    }
}

/// Whether what PostgreSQL knows of the table, or of the tenant's part of it, is far from what it has become. What was
/// added since this process began is never more than what there is.
#[expect(clippy::cast_precision_loss, reason = "PostgreSQL itself knows the number roughly")]
async fn is_little_known(client: &Client, due: &Due) -> Result<bool> {
    let rows = due.rows as f32;
    let row = match due.tenant {
        None => client.query_one(KNOWN, &[&due.table, &rows]).await,
        Some(tenant) => {
            let tenant = tenant.to_string();
            client.query_one(KNOWN_OF_TENANT, &[&due.table, &rows, &LEAST_PART, &tenant]).await
        }
    };
    row.map_err(wrong)?.try_get(0).map_err(wrong)
}

/// For as long as somebody measures.
struct Attended<'a>(&'a AtomicBool);

impl<'a> Attended<'a> {
    fn of(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(growth: &Growth, tenant: Option<Id>, rows: &[(&'static str, u64)]) -> Vec<String> {
        let told = |due: Due| {
            format!("{}{}", due.table, if due.tenant.is_some() { " in part" } else { "" })
        };
        growth.count(tenant, rows).into_iter().map(told).collect()
    }

    #[test]
    fn a_table_is_due_when_it_has_grown_fourfold() {
        let growth = Growth::new(&Options::new("postgres://localhost/kith"));
        assert!(due(&growth, None, &[("contacts", 499), ("deals", 1)]).is_empty());
        assert_eq!(due(&growth, None, &[("contacts", 1), ("deals", 1)]), ["contacts"]);
        assert!(due(&growth, None, &[("contacts", 1_499)]).is_empty());
        assert_eq!(due(&growth, None, &[("contacts", 1), ("deals", 498)]), ["contacts", "deals"]);
        assert!(due(&growth, None, &[("contacts", 5_999)]).is_empty());
        assert_eq!(due(&growth, None, &[("contacts", 1)]), ["contacts"]);
    }

    #[test]
    fn a_table_is_due_when_a_tenant_has_grown_in_it() {
        let growth = Growth::new(&Options::new("postgres://localhost/kith"));
        due(&growth, None, &[("contacts", 100_000)]);
        let tenant = Some(Id::NIL);
        assert!(due(&growth, tenant, &[("contacts", 499)]).is_empty());
        assert_eq!(due(&growth, tenant, &[("contacts", 1)]), ["contacts in part"]);
        assert!(due(&growth, tenant, &[("contacts", 1_499)]).is_empty());
        assert_eq!(due(&growth, tenant, &[("contacts", 1)]), ["contacts in part"]);
    }
}
