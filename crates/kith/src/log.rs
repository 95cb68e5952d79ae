//! Logs: for people on a terminal, as JSON lines elsewhere, and as JSON lines in daily files where a folder is named.

mod daily;
mod queue;

use std::io::{self, IsTerminal};

use kith_kernel::{Clock, Error, Result, unavailable};
use kith_platform::Settings;
use serde::Deserialize;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::queue::Flush;
use self::{daily::Daily, queue::Queue};

#[derive(Deserialize)]
struct Options {
    level: String,
    folder: String,
    days: u32,
}

/// Starts logging as the settings say; what is returned writes the last lines at the end.
///
/// # Errors
/// `Unavailable` when the level is none, or the folder cannot be written.
pub fn start(settings: &Settings) -> Result<Option<Flush>> {
    let options: Options = settings.section("log")?;
    let filter = EnvFilter::try_new(&options.level).map_err(|error| {
        unavailable("log.level (LOG_LEVEL) is none of error, warn, info, debug, trace.")
            .caused_by(error)
    })?;
    let (queue, flush) = to_files(&options)?.unzip();
    let files = queue.map(|queue| fmt::layer().json().flatten_event(true).with_writer(queue));
    let registry = tracing_subscriber::registry().with(filter).with(files);
    let started = if io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init()
    };
    // In tests it was started before.
    if let Err(error) = started {
        tracing::debug!(%error, "logging goes on as it was started");
    }
    Ok(flush)
}

fn to_files(options: &Options) -> Result<Option<(Queue, Flush)>> {
    if options.folder.is_empty() {
        return Ok(None);
    }
    let unwritable = |error: io::Error| -> Error {
        unavailable(format!(
            "The folder of logs (LOG_DIR), {}, cannot be written: {error}.",
            options.folder
        ))
    };
    let daily = Daily::open((&options.folder).into(), options.days, Clock::system());
    let started = daily.and_then(queue::start).map_err(unwritable)?;
    Ok(Some(started))
}

/// Where logs go, for people.
///
/// # Errors
/// `Unavailable` when the folder cannot be written.
pub fn told(settings: &Settings) -> Result<String> {
    let options: Options = settings.section("log")?;
    to_files(&options)?;
    Ok(if options.folder.is_empty() {
        "on the terminal alone".to_owned()
    } else {
        format!("on the terminal, and in {} for {} days", options.folder, options.days)
    })
}
