//! `kith backup`: one file of everything, made while others work, and restored once before it counts.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use kith_kernel::{Clock, Result, Time, unavailable};
use kith_platform::Settings;
use kith_store::{Catalog, Db, Options, Others, Tally};
use serde::{Deserialize, Serialize};

use super::restore;
use crate::{
    archive::{Head, Kind, Reader, Source, Writer},
    bars,
    copying::{self, Copied, FilesGo},
    wire,
};

/// Where to back up to.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file; without it `backups/kith-<time>.kithbackup` in the data folder.
    #[arg(long)]
    to: Option<PathBuf>,
}

/// What is remembered of the last backup, in the data folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Last {
    file: PathBuf,
    made_at: String,
    bytes: u64,
}

const LAST: &str = "last-backup.json";

pub(super) async fn run(settings: &Settings, backup: &Backup) -> Result<ExitCode> {
    let options = settings.store();
    if let Some(path) = options.sqlite_path().filter(|path| !path.exists()) {
        return Err(unavailable(format!("There is no database at {}.", path.display())));
    }
    let now = Clock::system().now();
    let name = format!("kith-{}.kithbackup", copying::stamp(now));
    let path =
        backup.to.clone().unwrap_or_else(|| settings.data_folder().join("backups").join(name));
    let path = std::path::absolute(&path).unwrap_or(path);
    let (mut archive, head, (tallies, copied)) = written(settings, path.clone(), now).await?;
    archive.end()?;
    let made = (&tallies[..], &copied);
    let events = restored(settings, archive.draft().unwrap_or(&path), (&head, made)).await?;
    let bytes = archive.place()?;
    restore::tell_tables(&tallies);
    say!("{}", copied.told());
    say!("  restored into a new database and compared; the chains of {events} events are whole");
    say!("Backed up to {} ({bytes} bytes).", path.display());
    say!(
        "It holds hashes of passwords and keys: keep it as you keep the database. Secrets that were made on the"
    );
    say!("first start (secrets.toml in the data folder) or set in the environment are not in it.");
    remember(settings, &Last { file: path, made_at: now.to_string(), bytes })?;
    Ok(ExitCode::SUCCESS)
}

async fn written(
    settings: &Settings,
    path: PathBuf,
    now: Time,
) -> Result<(Writer, Head, (Vec<Tally>, Copied))> {
    let (db, storage) = (Db::open(&settings.store())?, wire::storage(settings)?);
    let (applied, migrations) = copying::applied(&db).await?;
    let catalog = Catalog::of(&migrations);
    let whole = db.look_at_all(&catalog, Others::GoOn).await?;
    let head = Head {
        kith: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now.to_string(),
        database: db.kind().to_owned(),
        rows: copying::count(&whole, &catalog).await?,
        tenant: None,
        migrations: applied,
    };
    let mut archive = Writer::create(Kind::Backup, &path, &head)?;
    let bar = bars::begin("backing up", head.rows);
    let from = (&catalog, &storage);
    let made = copying::write((&whole, &mut archive), from, &|rows| bar.inc(rows)).await?;
    bar.finish_and_clear();
    Ok((archive, head, made))
}

/// Restores the file into a database of its own, which goes away, and compares; says how many events are whole.
async fn restored(
    settings: &Settings,
    file: &std::path::Path,
    (head, (tallies, copied)): (&Head, (&[Tally], &Copied)),
) -> Result<u64> {
    let beside = file.parent().unwrap_or(std::path::Path::new("."));
    let folder = tempfile::Builder::new().prefix(".kith-trial-").tempdir_in(beside);
    let folder = folder.map_err(|error| {
        unavailable(format!("No room to try the backup in {}.", beside.display())).caused_by(error)
    })?;
    let trial = Options::new(format!("sqlite:{}", folder.path().join("kith.db").display()));
    let mut archive = Reader::open(Kind::Backup, Source::Path(file))?;
    let migrations = copying::migrations_of(&archive.head.migrations)?;
    let catalog = Catalog::of(&migrations);
    let db = Db::open(&trial)?;
    db.migrate(&migrations).await?;
    let mut whole = db.fill_all().await?;
    let bar = bars::begin("restoring on trial", head.rows);
    let into = (&catalog, FilesGo::Nowhere);
    let (told, files) = copying::read((&mut archive, &whole), into, &|rows| bar.inc(rows)).await?;
    files.compare(copied)?;
    bar.finish_and_clear();
    let bar = bars::begin("comparing", head.rows);
    let found = whole.tally(&catalog, &|rows| bar.inc(rows)).await?;
    bar.finish_and_clear();
    copying::compare(tallies, &told)?;
    copying::compare(tallies, &found)?;
    let tenants = whole.tenants().to_vec();
    whole.commit().await?;
    copying::verify_events((&db, settings), &tenants).await
}

fn remember(settings: &Settings, last: &Last) -> Result<()> {
    let path = settings.data_folder().join(LAST);
    let unwritable = |error: std::io::Error| {
        unavailable(format!("The backup is made; {} cannot be written.", path.display()))
            .caused_by(error)
    };
    fs::create_dir_all(settings.data_folder()).map_err(unwritable)?;
    let text = serde_json::to_string_pretty(last).unwrap_or_default();
    fs::write(&path, text).map_err(unwritable)
}

/// What is known of the last backup, for people.
pub(super) fn last(settings: &Settings) -> String {
    let text = fs::read_to_string(settings.data_folder().join(LAST)).ok();
    let Some(last) = text.and_then(|text| serde_json::from_str::<Last>(&text).ok()) else {
        return "none was made yet: kith backup".to_owned();
    };
    let Some(made) = Time::parse(&last.made_at) else {
        return format!("{}, whose time cannot be read", last.file.display());
    };
    let hours = (Clock::system().now().seconds() - made.seconds()) / 3600;
    let age = match hours {
        ..1 => "less than an hour ago".to_owned(),
        1..48 => format!("{hours} hours ago"),
        _ => format!("{} days ago", hours / 24),
    };
    let there = if last.file.exists() { "" } else { " (it is not there any more)" };
    format!("{age}: {}{there}, {} bytes", last.file.display(), last.bytes)
}
