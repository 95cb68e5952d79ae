//! What a tenant has, to whoever asks over HTTP: written while it is read, so that it takes neither memory nor disk.

use std::{io, time::Duration};

use axum::{body::Body, http::header};
use futures_util::stream;
use kith_http::{Answer, Call};
use kith_kernel::{Error, Kind as ErrorKind, Result};
use kith_platform::Ctx;
use tokio::sync::mpsc;

use super::{Bundles, Look, apart};
use crate::archive::{Kind, Writer};

/// What one has waits while the one before is on its way.
const PIECES_AHEAD: usize = 2;
/// A bundle may be under way for so long: meanwhile the database keeps what it shows.
const LONGEST: Duration = Duration::from_hours(1);
/// Whoever comes too early comes again then.
const LATER_SECONDS: u64 = 30;
pub(super) const CONTENT_TYPE: &str = "application/vnd.kith.tenant";

/// Answers with the bundle of the caller's tenant.
pub(super) async fn show(bundles: Bundles, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    may_read_everything(&bundles, ctx).await?;
    let place = bundles.places.clone().try_acquire_owned().map_err(|_| busy())?;
    let look = Look::at(&bundles, ctx).await?;
    bundles.identity.note_export(ctx, look.head.rows).await?;
    let name = format!(
        "attachment; filename=\"{}.kithtenant\"",
        bundles.identity.described(ctx).await?.slug
    );
    let (sender, mut receiver) = mpsc::channel(PIECES_AHEAD);
    let mut archive = Writer::stream(Kind::Bundle, &look.head, sender)?;
    let (storage, tasks) = (bundles.storage.clone(), bundles.app.tasks.clone());
    let (told, mut ended) = mpsc::channel::<Error>(1);
    bundles.app.tasks.start("a bundle of a tenant", async move {
        let work = async move || {
            tokio::select! {
                done = tokio::time::timeout(LONGEST, look.write((&mut archive, &storage), &|_| ())) =>
                    done.unwrap_or_else(|_| Err(late())).map(drop),
                () = tasks.cut_off() => Err(kith_kernel::unavailable("The server stops.")),
            }
        };
        let done = apart(work).await;
        drop(place);
        if let Err(error) = done {
            tracing::warn!(?error, "a bundle of a tenant ends before its end");
            told.send(error).await.ok();
        }
    });
    let pieces = stream::poll_fn(move |context| match receiver.poll_recv(context) {
        std::task::Poll::Ready(None) => ended
            .poll_recv(context)
            // Broken off, so that nobody takes it for a whole one.
            .map(|error| error.map(|_| Err(io::Error::other("the bundle ends before its end")))),
        piece => piece.map(|piece| piece.map(Ok)),
    });
    Ok(Answer::stream(CONTENT_TYPE, Body::from_stream(stream::StreamExt::fuse(pieces)))
        .header(header::CONTENT_DISPOSITION, &name))
}

/// A bundle holds everything, so that a key has to be allowed to read everything.
async fn may_read_everything(bundles: &Bundles, ctx: &Ctx) -> Result<()> {
    for object in ctx.read(async |db| bundles.records.all_objects(db).await).await? {
        ctx.actor.scopes.require(object.scope(), "read")?;
    }
    ctx.actor.scopes.require("audit-logs", "read")?;
    Ok(())
}

fn busy() -> Error {
    let why = "Other bundles are being written. Try again in a while.";
    Error::new(ErrorKind::TooMany, "bundles_running", why).retry_after(LATER_SECONDS)
}

fn late() -> Error {
    kith_kernel::unavailable("The bundle took too long; the command line has no such limit.")
}
