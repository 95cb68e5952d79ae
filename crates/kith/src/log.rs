//! Logs: for people on a terminal, as JSON lines elsewhere.

use std::io::{self, IsTerminal};

use kith_kernel::{Result, unavailable};
use kith_platform::Settings;
use serde::Deserialize;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Deserialize)]
struct Options {
    level: String,
}

/// Starts logging as the settings say.
///
/// # Errors
/// `Unavailable` when the level is none.
pub fn start(settings: &Settings) -> Result<()> {
    let options: Options = settings.section("log")?;
    let filter = EnvFilter::try_new(&options.level).map_err(|error| {
        unavailable("log.level (LOG_LEVEL) is none of error, warn, info, debug, trace.")
            .caused_by(error)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = if io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init()
    };
    // In tests it was started before.
    if let Err(error) = started {
        tracing::debug!(%error, "logging goes on as it was started");
    }
    Ok(())
}
