//! `kith extract`: reads one file for a server, in a process of its own.

use std::process::ExitCode;

use clap::Args;
use kith_assistant::extract::{self, Limits};
use kith_inbox::try_reading_a_mail;
use kith_platform::Bounds;

/// What is read, and what that may cost.
#[derive(Debug, Args)]
pub struct Extract {
    /// The kind of the file: PDF, DOCX, TXT, MD, HTML, CSV, JSON; MAIL: whether it can be read.
    kind: String,
    /// Bytes of memory.
    #[arg(long)]
    memory: u64,
    /// Seconds of a processor.
    #[arg(long)]
    seconds: u64,
    /// Pages that are read.
    #[arg(long, default_value_t = 0)]
    pages: u32,
    /// Characters that are read.
    #[arg(long, default_value_t = 0)]
    characters: usize,
    /// Bytes of the file.
    #[arg(long, default_value_t = 0)]
    bytes: u64,
}

/// Reads one file from the standard input; without settings, logs and secrets.
pub fn run(order: &Extract) -> ExitCode {
    let Extract { memory, seconds, pages, characters, bytes, .. } = *order;
    let bounds = Bounds { memory, seconds };
    if order.kind == "MAIL" {
        return try_reading_a_mail(bounds);
    }
    extract::run(&order.kind, Limits { bounds, pages, characters, bytes })
}
