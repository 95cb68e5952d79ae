//! What one tenant has, as one file; and a tenant made of such a file, under ids of its own.

mod receive;
mod rewrite;

use std::path::Path;

use kith_kernel::Result;
use kith_platform::Ctx;
use kith_store::Catalog;

pub(crate) use receive::{Received, receive};

use crate::{
    archive::{Head, Kind, Whose, Writer},
    bars,
    copying::{self, Copied},
    wire::House,
};

/// Writes what the tenant of `ctx` has to a file; says how many rows and which files that are.
pub(crate) async fn export(house: &House, ctx: &Ctx, path: &Path) -> Result<(u64, Copied)> {
    let (applied, migrations) = copying::applied(&house.app.db).await?;
    let catalog = Catalog::of(&migrations).of_one_tenant();
    let tenant = house.identity.described(ctx).await?;
    let whole = house.app.db.look_at_tenant(&ctx.actor).await?;
    let head = Head {
        kith: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: ctx.now().to_string(),
        database: house.app.db.kind().to_owned(),
        rows: copying::count(&whole, &catalog).await?,
        tenant: Some(Whose {
            id: tenant.id,
            name: tenant.name,
            currency: tenant.currency,
            timezone: tenant.timezone,
        }),
        migrations: applied,
    };
    let mut archive = Writer::create(Kind::Bundle, path, &head)?;
    let bar = bars::begin("exporting", head.rows);
    let from = (&catalog, &house.storage);
    let (_, copied) = copying::write((&whole, &mut archive), from, &|rows| bar.inc(rows)).await?;
    bar.finish_and_clear();
    archive.end()?;
    archive.place()?;
    house.identity.note_export(ctx, head.rows).await?;
    Ok((head.rows, copied))
}
