//! `kith audit verify`: the chain of events, checked from its first link to its last.

use std::process::ExitCode;

use clap::Subcommand;
use kith_kernel::Result;
use kith_platform::{Settings, events};

use crate::wire::House;

/// The event log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recompute the chain of every tenant and name the first event that does not fit.
    Verify,
}

pub(super) async fn run(settings: Settings, audit: Audit) -> Result<ExitCode> {
    let Audit::Verify = audit;
    let house = House::open(settings).await?;
    events::seal_all(&house.app).await?;
    let mut sound = true;
    for (tenant, name) in house.identity.tenants().await? {
        let verdict = events::verify(&house.app.as_system(tenant)).await?;
        match verdict.first_broken {
            None => say!("{name}: {} events, the chain is whole", verdict.sealed),
            Some(broken) => {
                sound = false;
                say!("{name}: broken at {broken:?}");
            }
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
