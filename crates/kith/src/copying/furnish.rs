//! What follows a copy: newer migrations, the word index, and whether the chains of events still hold.

use std::sync::Arc;

use kith_kernel::{Clock, Id, Ids, Result, conflict};
use kith_platform::{App, Settings, Tasks, events, jobs::Wake};
use kith_records::Records;
use kith_store::Db;

use crate::tables;

/// What was found while a copy was furnished.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Furnished {
    /// Records that can be found by their words.
    pub(crate) indexed: u64,
    /// Events whose chain holds.
    pub(crate) events: u64,
}

fn app(db: Db, settings: &Settings) -> App {
    let clock = Clock::system();
    App {
        db,
        ids: Ids::new(clock.clone()),
        clock,
        settings: Arc::new(settings.clone()),
        tasks: Tasks::default(),
        wake: Wake::default(),
    }
}

/// Makes the records of these tenants findable, seen as a server sees them; says how many that are.
pub(crate) async fn furnish(
    (db, settings): (&Db, &Settings),
    tenants: &[Id],
    progress: impl AsyncFn(u64) -> Result<()>,
) -> Result<u64> {
    let app = app(db.clone(), settings);
    let records = Records::new(&tables::objects());
    let mut indexed = 0;
    for tenant in tenants {
        indexed += records.reindex(&app.as_system(*tenant), &progress).await?;
    }
    Ok(indexed)
}

/// Verifies the chains of events of these tenants; says how many events they hold.
pub(crate) async fn verify_events((db, settings): (&Db, &Settings), tenants: &[Id]) -> Result<u64> {
    let app = app(db.clone(), settings);
    let mut sum = 0;
    for tenant in tenants {
        let verdict = events::verify(&app.as_system(*tenant)).await?;
        if let Some(broken) = verdict.first_broken {
            let told = format!("The chain of events of the tenant {tenant} is broken: {broken:?}.");
            return Err(conflict("broken_chain", told));
        }
        sum += verdict.sealed + verdict.unsealed;
    }
    Ok(sum)
}
