//! `kith tenant`: what one tenant has as a file, a tenant made of such a file, and a second one like the first.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use kith_kernel::{Result, unavailable};
use kith_platform::Settings;

use crate::{
    archive::Source,
    bundle::{self, Received, Taking, Watch, Whom},
    wire::House,
};

/// One tenant.
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Write everything that a tenant has to one file, without passwords, sessions and keys.
    Export {
        /// The tenant, by its name in addresses (slug) or its id; needed where there are several.
        #[arg(long)]
        tenant: Option<String>,
        /// The file.
        #[arg(long)]
        to: PathBuf,
    },
    /// Make a new tenant of such a file, with ids of its own.
    Import {
        /// The file that `kith tenant export` made.
        file: PathBuf,
        /// What the new tenant is called; without it as the old one.
        #[arg(long)]
        name: Option<String>,
    },
    /// Make a second tenant with everything that one has.
    Clone {
        /// The tenant, by its name in addresses (slug) or its id; needed where there are several.
        #[arg(long)]
        tenant: Option<String>,
        /// What the new tenant is called.
        #[arg(long)]
        name: String,
    },
}

pub(super) async fn run(settings: Settings, order: Tenant) -> Result<ExitCode> {
    let folder = settings.data_folder();
    let house = House::open(settings).await?;
    match order {
        Tenant::Export { tenant, to } => {
            let ctx = house.tenant(tenant.as_deref()).await?;
            let (rows, copied) = bundle::export(&house.bundles, &ctx, &to).await?;
            say!("{}", copied.told());
            say!("{rows} rows are in {}.", to.display());
        }
        Tenant::Import { file, name } => {
            alone(&house)?;
            tell(&received(&house, &file, name.as_deref()).await?);
        }
        Tenant::Clone { tenant, name } => {
            alone(&house)?;
            let ctx = house.tenant(tenant.as_deref()).await?;
            let between = tempfile::Builder::new().prefix(".kith-clone-").tempdir_in(&folder);
            let between = between.map_err(|error| {
                unavailable(format!("No room in {}.", folder.display())).caused_by(error)
            })?;
            let file = between.path().join("tenant.kithtenant");
            bundle::export(&house.bundles, &ctx, &file).await?;
            tell(&received(&house, &file, Some(&name)).await?);
        }
    }
    house.tell_rest().await;
    Ok(ExitCode::SUCCESS)
}

/// A tenant of a file, as whoever has the machine wants it; what died on the way before is cleared away.
async fn received(house: &House, file: &Path, name: Option<&str>) -> Result<Received> {
    for tenant in bundle::abandoned(&house.bundles).await? {
        bundle::clear(&house.bundles, tenant).await?;
    }
    let (source, watch) = (Source::Path(file), Watch::Terminal);
    bundle::receive(&house.bundles, &Taking { source, name, whom: Whom::Users, watch }).await
}

/// On a file of SQLite the rows of a tenant are one long write, which a server would not wait for.
fn alone(house: &House) -> Result<()> {
    house.app.db.own().map(drop)
}

fn tell(received: &Received) {
    let Received { slug, rows, joined, named, furnished, copied } = received;
    say!("The tenant {slug} has {rows} rows under ids of its own.");
    say!("{}", copied.told());
    say!("  {} records can be found by their words", furnished.indexed);
    say!("  its {} events are sealed anew, and their chain is whole", furnished.events);
    say!(
        "  {joined} members are users here and can enter; {named} are there by name and need an invite"
    );
}
