//! `kith export`: all records of one kind, as CSV, JSON lines or vCards.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use kith_kernel::{Error, Result, unavailable};
use kith_platform::Settings;

use crate::wire::House;

/// What to export.
#[derive(Debug, Args)]
pub struct Export {
    /// The kind of records: contacts, deals, …, or an object that the tenant added.
    object: String,
    /// The tenant, by its name in addresses (slug) or its id; needed where there are several.
    #[arg(long)]
    tenant: Option<String>,
    /// csv, jsonl or, for people, vcard.
    #[arg(long, default_value = "csv")]
    format: String,
    /// A file; without it the records go to the standard output.
    #[arg(long)]
    to: Option<PathBuf>,
}

pub(super) async fn run(settings: Settings, export: &Export) -> Result<ExitCode> {
    let house = House::open(settings).await?;
    let ctx = house.tenant(export.tenant.as_deref()).await?;
    let object = house.object_in(&ctx, &export.object).await?;
    let mut out: Box<dyn Write> = match &export.to {
        Some(path) => {
            Box::new(BufWriter::new(File::create(path).map_err(|error| unwritable(&error))?))
        }
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let mut pieces = Box::pin(house.records.export_pieces(&ctx, object, &export.format).await?);
    let progress = progress(export.to.is_some());
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        progress.inc(piece.split(|byte| *byte == b'\n').count() as u64 - 1);
        out.write_all(&piece).map_err(|error| unwritable(&error))?;
    }
    out.flush().map_err(|error| unwritable(&error))?;
    progress.finish();
    house.close().await;
    Ok(ExitCode::SUCCESS)
}

fn unwritable(error: &io::Error) -> Error {
    unavailable(format!("The file cannot be written: {error}."))
}

fn progress(shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {human_pos} lines, {per_sec}, {elapsed}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
