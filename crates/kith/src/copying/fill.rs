//! Filling a target: its tables, its rows, the comparison, and what follows; nothing is left where that fails.

use kith_kernel::Result;
use kith_platform::Settings;
use kith_store::{Catalog, Db, Migration, Tally, Whole};

use super::{
    Target, compare,
    furnish::{Furnished, furnish, verify_events},
    migrations_of,
};
use crate::{bars, tables};

/// What was copied.
pub(crate) struct Filled {
    pub(crate) tallies: Vec<Tally>,
    pub(crate) furnished: Furnished,
    /// Where the old content of the target is now.
    pub(crate) aside: Option<String>,
}

/// Fills a target by `rows`, which says what it put there.
///
/// # Errors
/// `Conflict` (`differs`) when what is there afterwards is not what was put there.
pub(crate) async fn fill(
    (target, settings): (Target, &Settings),
    (names, total): (&[String], u64),
    rows: impl AsyncFnOnce(&Whole, &Catalog) -> Result<Vec<Tally>>,
) -> Result<Filled> {
    match filled((&target, settings), (names, total), rows).await {
        Ok((tallies, furnished)) => {
            let aside = target.place().await?;
            Ok(Filled { tallies, furnished, aside })
        }
        Err(error) => {
            target.give_up().await;
            Err(error)
        }
    }
}

async fn filled(
    (target, settings): (&Target, &Settings),
    (names, total): (&[String], u64),
    rows: impl AsyncFnOnce(&Whole, &Catalog) -> Result<Vec<Tally>>,
) -> Result<(Vec<Tally>, Furnished)> {
    let mut migrations = migrations_of(names)?;
    migrations.push(Migration::unfinished());
    let (tallies, tenants) = {
        let db = Db::open(&target.filling)?;
        db.migrate(&migrations).await?;
        let catalog = Catalog::of(&migrations);
        let mut whole = db.fill_all().await?;
        let put = rows(&whole, &catalog).await?;
        let comparing = bars::begin("2 of 4: comparing", total);
        let found = whole.tally(&catalog, &|rows| comparing.inc(rows)).await?;
        comparing.finish_and_clear();
        compare(&put, &found)?;
        let tenants = whole.tenants().to_vec();
        let _committing = bars::wait("2 of 4: committing");
        whole.commit().await?;
        (found, tenants)
    };
    // Opened anew, since newer migrations may know more tables.
    let db = Db::open(&target.filling)?;
    let mut all = tables::migrations();
    all.push(Migration::unfinished());
    db.migrate(&all).await?;
    db.check_walls().await?;
    let records = tallies.iter().filter(|tally| tally.table == "anchors").map(|tally| tally.rows);
    let indexing = bars::begin("3 of 4: making findable", records.sum());
    let counted = async |rows| {
        indexing.inc(rows);
        Ok(())
    };
    let indexed = furnish((&db, settings), &tenants, counted).await?;
    indexing.finish_and_clear();
    let _verifying = bars::wait("4 of 4: verifying events");
    let events = verify_events((&db, settings), &tenants).await?;
    Ok((tallies, Furnished { indexed, events }))
}
