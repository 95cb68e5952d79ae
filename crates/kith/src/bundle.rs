//! What one tenant has, as one file; and a tenant made of such a file, under ids of its own.

mod places;
mod receive;
mod rewrite;
mod routes;
mod send;
mod sweep;
mod take;
mod watch;

use std::{ops::RangeInclusive, path::Path, sync::Arc, time::Duration};

use kith_identity::Identity;
use kith_kernel::{Error, Kind as ErrorKind, Result, internal, unavailable};
use kith_platform::{App, Ctx, storage::Storage};
use kith_records::Records;
use kith_store::{Catalog, Whole};
use serde::Deserialize;
use tokio::runtime::Handle;

use places::Places;
pub(crate) use receive::{Received, Taking, Whom, receive};
pub(crate) use routes::{routes, schemas};
pub(crate) use sweep::{abandoned, clear, sweep};
pub(crate) use take::register;
pub(crate) use watch::Watch;

use crate::{
    archive::{Head, Kind, Whose, Writer},
    bars,
    copying::{self, Copied, Progress},
};

const SANE_PATIENCE: RangeInclusive<u64> = 1..=600;

/// What makes bundles of tenants, and tenants of bundles.
#[derive(Clone)]
pub struct Bundles {
    app: App,
    identity: Arc<Identity>,
    records: Arc<Records>,
    storage: Storage,
    /// Whether admins may import who do not run the installation.
    admins_import: bool,
    places: Places,
    /// Whoever reads a bundle and takes nothing for so long is hung up on.
    patience: Duration,
}

/// The section `[bundles]`.
#[derive(Deserialize)]
struct Section {
    import_by: String,
    patience_seconds: u64,
}

impl Bundles {
    /// As the settings say.
    ///
    /// # Errors
    /// `Unavailable` for a word that says nothing.
    pub(crate) fn new(
        app: &App,
        (identity, records): (&Arc<Identity>, &Arc<Records>),
        storage: &Storage,
    ) -> Result<Self> {
        let Section { import_by, patience_seconds } = app.settings.section("bundles")?;
        let admins_import = match import_by.as_str() {
            "platformAdmin" => false,
            "admin" => true,
            _ => return Err(unavailable("BUNDLES_IMPORT_BY is none of platformAdmin, admin.")),
        };
        if !SANE_PATIENCE.contains(&patience_seconds) {
            return Err(unavailable("BUNDLES_PATIENCE must be 1 to 600 seconds."));
        }
        Ok(Self {
            app: app.clone(),
            identity: Arc::clone(identity),
            records: Arc::clone(records),
            storage: storage.clone(),
            admins_import,
            places: Places::default(),
            patience: Duration::from_secs(patience_seconds),
        })
    }
}

/// A look at what a tenant has, in one state of the database.
struct Look {
    whole: Whole,
    catalog: Catalog,
    head: Head,
}

impl Look {
    async fn at(bundles: &Bundles, ctx: &Ctx) -> Result<Self> {
        let (applied, migrations) = copying::applied(&bundles.app.db).await?;
        let catalog = Catalog::of(&migrations).of_one_tenant();
        let tenant = bundles.identity.described(ctx).await?;
        let whole = bundles.app.db.look_at_tenant(&ctx.actor).await?;
        let head = Head {
            kith: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: ctx.now().to_string(),
            database: bundles.app.db.kind().to_owned(),
            rows: copying::count(&whole, &catalog).await?,
            tenant: Some(Whose {
                id: tenant.id,
                name: tenant.name,
                currency: tenant.currency,
                timezone: tenant.timezone,
            }),
            migrations: applied,
        };
        Ok(Self { whole, catalog, head })
    }

    /// All of it goes into an archive, which ends with it.
    async fn write(
        &self,
        (archive, storage): (&mut Writer, &Storage),
        progress: Progress<'_>,
    ) -> Result<Copied> {
        let from = (&self.catalog, storage);
        let (_, copied) = copying::write((&self.whole, archive), from, progress).await?;
        archive.end()?;
        archive.pass_on().await?;
        Ok(copied)
    }
}

/// Writes what the tenant of `ctx` has to a file; says how many rows and which files that are.
pub(crate) async fn export(bundles: &Bundles, ctx: &Ctx, path: &Path) -> Result<(u64, Copied)> {
    let look = Look::at(bundles, ctx).await?;
    let rows = look.head.rows;
    let mut archive = Writer::create(Kind::Bundle, path, &look.head)?;
    let bar = bars::begin("exporting", rows);
    let copied = look.write((&mut archive, &bundles.storage), &|rows| bar.inc(rows)).await?;
    bar.finish_and_clear();
    archive.place()?;
    bundles.identity.note_export(ctx, rows).await?;
    Ok((rows, copied))
}

const STOPPING: &str = "stopping";

/// The work is left, and begun anew at the next start.
fn stopping() -> Error {
    Error::new(ErrorKind::Unavailable, STOPPING, "The server stops; the work is begun anew later.")
}

fn is_stopping(error: &Error) -> bool {
    error.code() == STOPPING
}

/// Does long work of the processor and the disk on a thread of its own.
async fn apart<T: Send + 'static, F: Future<Output = Result<T>>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T> {
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work())).await;
    done.map_err(|error| internal("work on a bundle broke off").caused_by(error))?
}
