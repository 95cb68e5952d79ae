//! `kith move`: everything goes to another database, SQLite or PostgreSQL, and is compared there.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use kith_kernel::{Clock, Result, conflict, unavailable};
use kith_platform::Settings;
use kith_store::{Catalog, Db, Others};

use super::restore;
use crate::{
    bars,
    copying::{self, Target},
    wire,
};

/// How often it is looked again whether the others have gone.
const PATIENCE: u32 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Where to move.
#[derive(Debug, Args)]
pub struct Move {
    /// The new database, which must be empty: sqlite:<path> or postgres://….
    #[arg(long)]
    to: String,
    /// Put aside what is there already, under a name that is told.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(settings: &Settings, order: &Move) -> Result<ExitCode> {
    let (from, to) = (settings.store(), restore::database(settings, Some(&order.to))?);
    if let Some(path) = from.sqlite_path().filter(|path| !path.exists()) {
        return Err(unavailable(format!("There is no database at {}.", path.display())));
    }
    let source = Db::open(&from)?;
    alone(&source).await?;
    let (applied, migrations) = copying::applied(&source).await?;
    let catalog = Catalog::of(&migrations);
    let all = source.look_at_all(&catalog, Others::Wait).await?;
    let total = copying::count(&all, &catalog).await?;
    let target = Target::prepare(&to, order.force, Clock::system().now()).await?;
    let bar = bars::begin("1 of 4: moving", total);
    let filled = copying::fill((target, settings), (&applied, total), async |whole, catalog| {
        let copied = copying::copy((&all, whole), catalog, &|rows| bar.inc(rows)).await;
        bar.finish_and_clear();
        copied
    });
    let filled = filled.await?;
    restore::tell(&filled);
    say!(
        "Moved. The old database is as it was; set DATABASE_URL to the new one before you start again."
    );
    say!(
        "Attached files stay where they are: in {}. Whoever serves the new database needs the same.",
        wire::storage(settings)?.told()
    );
    if to.sqlite_path().is_none() && from.sqlite_path().is_some() {
        say!(
            "With PostgreSQL, secrets are set in the environment: take JWT_SECRET, SESSION_SECRET and ENCRYPTION_KEY"
        );
        say!("from secrets.toml in the data folder, or sessions and stored keys are lost.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes sure that nobody serves the database: what is written after the copy would be lost.
async fn alone(source: &Db) -> Result<()> {
    source.own()?;
    let mut others = source.others().await?;
    for _ in 0..PATIENCE {
        if others == 0 {
            return Ok(());
        }
        // A server that was just stopped is still leaving.
        tokio::time::sleep(LOOK_AGAIN).await;
        others = source.others().await?;
    }
    let told =
        format!("{others} others are connected to the database. Stop all servers, then try again.");
    Err(conflict("in_use", told))
}
