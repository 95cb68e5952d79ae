//! `kith restore`: a backup becomes a database again, whole or not at all.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kith_kernel::{Clock, Result, invalid};
use kith_platform::Settings;
use kith_store::{Options, Tally};

use crate::{
    archive::{Kind, Reader, Source},
    bars,
    copying::{self, Copied, FilesGo, Filled, Target},
    wire,
};

/// What to restore, and where.
#[derive(Debug, Args)]
pub struct Restore {
    /// The file that `kith backup` made.
    file: PathBuf,
    /// The database: sqlite:<path> or postgres://…; without it the one that the settings name.
    #[arg(long)]
    to: Option<String>,
    /// Put aside what is there already, under a name that is told.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(settings: &Settings, restore: &Restore) -> Result<ExitCode> {
    // All that can be wrong with the file is told before the database is looked at.
    let mut archive = Reader::open(Kind::Backup, Source::Path(&restore.file))?;
    let head = archive.head.clone();
    copying::migrations_of(&head.migrations)?;
    let options = database(settings, restore.to.as_deref())?;
    let target = Target::prepare(&options, restore.force, Clock::system().now()).await?;
    let storage = wire::storage(settings)?;
    storage.sweep().await?;
    let mut copied = Copied::default();
    let bar = bars::begin("1 of 4: restoring", head.rows);
    let filled =
        copying::fill((target, settings), (&head.migrations, head.rows), async |whole, catalog| {
            let into = (catalog, FilesGo::To(&storage, &|file| file));
            let read = copying::read((&mut archive, whole), into, &|rows| bar.inc(rows)).await;
            bar.finish_and_clear();
            let (tallies, files) = read?;
            copied = files;
            Ok(tallies)
        });
    let filled = filled.await?;
    tell(&filled);
    say!("{}", copied.told());
    say!(
        "Restored what was backed up at {} from {} by Kith {}.",
        head.made_at,
        head.database,
        head.kith
    );
    Ok(ExitCode::SUCCESS)
}

/// The database that an address names, reached as the settings say otherwise.
pub(super) fn database(settings: &Settings, url: Option<&str>) -> Result<Options> {
    let Some(url) = url else { return Ok(settings.store()) };
    if ["sqlite:", "postgres://", "postgresql://"].iter().any(|kind| url.starts_with(kind)) {
        return Ok(Options { url: url.to_owned(), ..settings.store() });
    }
    Err(invalid("--to", "must be sqlite:<path> or postgres://…"))
}

pub(super) fn tell(filled: &Filled) {
    tell_tables(&filled.tallies);
    let done = filled.furnished;
    say!("  {} records can be found by their words", done.indexed);
    say!("  the chains of {} events are whole", done.events);
    if let Some(aside) = &filled.aside {
        say!("What was there before is now {aside}.");
    }
}

/// Tells every table that has rows, with its hash on either side.
pub(super) fn tell_tables(tallies: &[Tally]) {
    say!("  {:<20} {:>12}  SHA-256 over all rows, alike on both sides", "table", "rows");
    for tally in tallies.iter().filter(|tally| tally.rows > 0) {
        say!("  {:<20} {:>12}  {:.32}…", tally.table, tally.rows, tally.hash);
    }
    let (tables, rows) = (tallies.len(), tallies.iter().map(|tally| tally.rows).sum::<u64>());
    say!("  {tables} tables, {rows} rows: the copy is the same");
}
