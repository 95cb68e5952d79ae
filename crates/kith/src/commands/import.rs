//! `kith import`: records from a file, with a progress bar and a report.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use kith_kernel::{Result, conflict, invalid, unavailable};
use kith_platform::Settings;
use kith_records::import::{Mapped, OnMatch, Report, State, Wishes};

use crate::wire::House;

/// What to import.
#[derive(Debug, Args)]
pub struct Import {
    /// The kind of records: accounts, products, members, deals, …, or an object that the tenant added.
    object: String,
    /// The file: CSV with any delimiter and encoding, or vCards of people (.vcf).
    file: PathBuf,
    /// The tenant, by its name in addresses (slug) or its id; needed where there are several.
    #[arg(long)]
    tenant: Option<String>,
    /// Sends a column to a field: COLUMN=FIELD, COLUMN=FIELD*1000000 for a column in millions, COLUMN= to leave it out.
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    mapping: Vec<String>,
    /// The field by which records are known again.
    #[arg(long)]
    match_by: Option<String>,
    /// What happens to a row whose record is there already.
    #[arg(long, value_enum, default_value_t = Matched::Skip)]
    on_match: Matched,
    /// Write nothing and report the same.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Matched {
    Skip,
    Update,
}

pub(super) async fn run(settings: Settings, import: &Import) -> Result<ExitCode> {
    let wishes = wishes(import)?;
    let house = House::open(settings).await?;
    let ctx = house.tenant(import.tenant.as_deref()).await?;
    let object = house.object_in(&ctx, &import.object).await?;
    let path = std::fs::canonicalize(&import.file).map_err(|error| {
        unavailable(format!("{} cannot be read: {error}.", import.file.display()))
    })?;
    let _held = hold(&path)?;
    let id = match house.imports.interrupted(&ctx, object, (&path, &wishes)).await? {
        Some(stored) => {
            let rows = stored.report().rows;
            say!("{}: goes on behind row {rows}, where it was interrupted", stored.file_name);
            stored.id
        }
        None => house.imports.begin(&ctx, object, (&path, &wishes)).await?,
    };
    let bar = bar();
    let progress = |(bytes, total, report): (u64, u64, &Report)| {
        bar.set_length(total);
        bar.set_position(bytes);
        bar.set_message(format!("{} rows, {} failed", report.rows, report.failed));
    };
    let stored = house.imports.run(&ctx, id, &progress).await?;
    bar.finish_and_clear();
    tell(&object.path(), &stored);
    if let Some(path) = house.imports.save_errors(&ctx, id).await? {
        say!("  rows that failed, with their reasons: {}", path.display());
    }
    house.close().await;
    Ok(if stored.state == State::Completed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keeps a second process from the file while this one is at it; where the file system has no locks, nobody is kept.
fn hold(path: &Path) -> Result<File> {
    let unreadable = |error| unavailable(format!("{} cannot be read: {error}.", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let why = format!("{} is being imported by another process.", path.display());
            Err(conflict("being_imported", why))
        }
    }
}

fn wishes(import: &Import) -> Result<Wishes> {
    let mut wishes = Wishes {
        match_by: import.match_by.clone(),
        on_match: match import.on_match {
            Matched::Skip => OnMatch::Skip,
            Matched::Update => OnMatch::Update,
        },
        dry_run: import.dry_run,
        ..Wishes::default()
    };
    for text in &import.mapping {
        let (column, field) =
            text.split_once('=').ok_or_else(|| invalid("--map", "must be COLUMN=FIELD"))?;
        let mapped = if field.trim().is_empty() { None } else { Some(Mapped::parse(field)?) };
        wishes.mapping.insert(column.trim().to_owned(), mapped);
    }
    Ok(wishes)
}

fn bar() -> ProgressBar {
    let template = "{wide_bar} {percent}% {bytes}/{total_bytes}, {msg}, {eta} left";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[expect(clippy::too_many_lines, reason = "a report, one line for each thing told")]
fn tell(plural: &str, stored: &kith_records::import::Stored) {
    let report = stored.report();
    let shown = stored.to_json(plural);
    let dry = if shown["dryRun"] == true { " (dry run: nothing was written)" } else { "" };
    say!("{}: {} rows{dry}", stored.file_name, report.rows);
    say!(
        "  created {}, updated {}, already there {}, failed {}",
        report.created,
        report.updated,
        report.skipped,
        report.failed
    );
    for column in shown["columns"].as_array().into_iter().flatten() {
        let field = column["field"].as_str().unwrap_or("(left out)");
        let format = column["dateFormat"]
            .as_str()
            .map(|format| format!(", dates as {format}"))
            .unwrap_or_default();
        let scale = if column["scale"] == 1 {
            String::new()
        } else {
            format!(", times {}", column["scale"])
        };
        say!("  {:<24} → {field}{format}{scale}", column["column"].as_str().unwrap_or_default());
    }
    for (title, findings) in [
        ("taken for", &report.near_matches),
        ("not found, left empty", &report.unmatched),
        ("made", &report.made),
    ] {
        for finding in findings {
            let matched =
                finding.matched.as_deref().map(|name| format!(" → {name}")).unwrap_or_default();
            let rows =
                if finding.rows > 0 { format!(" ({} rows)", finding.rows) } else { String::new() };
            say!("  {title}: {} {:?}{matched}{rows}", finding.column, finding.value);
        }
    }
    if report.linked > 0 {
        say!("  links within the file: {}", report.linked);
    }
    if report.rounded > 0 {
        say!("  amounts rounded half-even: {}", report.rounded);
    }
    for field in &report.custom_fields {
        say!("  custom field: {field}");
    }
    for note in &report.notes {
        say!("  note: {note}");
    }
    if let Some(error) = &stored.error {
        say!("  given up: {error}");
    }
}
