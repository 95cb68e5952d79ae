//! The commands of the binary.

/// Writes a line for whoever reads; where nobody reads on (`kith … | head`), the rest is not written.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::commands::line(&format!($($words)*))
    };
}

mod audit;
mod backup;
mod credits;
mod doctor;
mod export;
mod extract;
mod import;
mod keys;
mod migrate;
mod relocate;
mod restore;
mod serve;
mod simulate;
mod tenant;
mod user;

use std::process::ExitCode;

use clap::Subcommand;
use kith_kernel::Result;
use kith_platform::Settings;

pub use self::extract::run as extract;

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API; migrates the database first.
    Serve {
        /// With a demo tenant, whose sign-in is printed.
        #[arg(long)]
        demo: bool,
        /// With far sides of WhatsApp, Messenger, Instagram and Telegram that run here, and a page on which to be the
        /// customer.
        #[arg(long)]
        simulate: bool,
    },
    /// Stand in for the far side of a channel: a number of WhatsApp, a page, a bot.
    Simulate(simulate::Simulate),
    /// Bring the database's schema up to date, and say what that took.
    Migrate {
        /// Print the whole schema as SQL instead.
        #[arg(long)]
        schema: bool,
    },
    /// Look at settings and database, and say what is wrong.
    Doctor,
    /// Read records of one kind from a CSV file.
    Import(import::Import),
    /// Write all records of one kind to the terminal or a file.
    Export(export::Export),
    /// Write everything to one file, and try that it can be restored; others may work meanwhile.
    Backup(backup::Backup),
    /// Make a database of a backup; into an empty place, or with the old one put aside.
    Restore(restore::Restore),
    /// Take everything to another database, and compare; nobody may serve it meanwhile.
    Move(relocate::Move),
    /// One tenant: as a file, of a file, a second one like it.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// The event log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Keys that secrets are encrypted with.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Credits of a tenant for calls of models by the operator's keys.
    #[command(subcommand)]
    Credits(credits::Credits),
    /// Users.
    #[command(subcommand)]
    User(user::User),
    /// Read a file from the standard input, within limits: what a server starts for each document.
    #[command(hide = true)]
    Extract(extract::Extract),
}

/// Runs a command.
pub async fn run(command: Command) -> Result<ExitCode> {
    // Both TLS stacks that could be linked are present in some builds; this one is meant.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("TLS was set up before");
    }
    let settings = Settings::load()?;
    // The doctor tells what is wrong with logs, too, and writes none.
    let _flush = match command {
        Command::Doctor => None,
        _ => crate::log::start(&settings)?,
    };
    let done = obey(command, settings).await;
    if let Err(error) = &done {
        tracing::debug!(?error, "the command failed");
    }
    done
}

async fn obey(command: Command, settings: Settings) -> Result<ExitCode> {
    match command {
        Command::Serve { demo, simulate } => Box::pin(serve::run(settings, (demo, simulate))).await,
        Command::Simulate(order) => simulate::run(order).await,
        Command::Migrate { schema } => migrate::run(&settings, schema).await,
        Command::Doctor => doctor::run(&settings).await,
        Command::Import(import) => Box::pin(import::run(settings, &import)).await,
        Command::Export(export) => export::run(settings, &export).await,
        Command::Backup(backup) => Box::pin(backup::run(&settings, &backup)).await,
        Command::Restore(restore) => Box::pin(restore::run(&settings, &restore)).await,
        Command::Move(order) => Box::pin(relocate::run(&settings, &order)).await,
        Command::Tenant(order) => Box::pin(tenant::run(settings, order)).await,
        Command::Audit(audit) => audit::run(settings, audit).await,
        Command::Keys(order) => Box::pin(keys::run(settings, &order)).await,
        Command::Credits(order) => credits::run(settings, order).await,
        Command::User(user) => user::run(settings, user).await,
        Command::Extract(order) => Ok(extract(&order)),
    }
}

pub(crate) fn line(text: &str) {
    use std::io::Write;
    // A closed pipe is no failure of what was done.
    writeln!(std::io::stdout(), "{text}").ok();
}
