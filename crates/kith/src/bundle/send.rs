//! What a tenant has, to whoever asks over HTTP: written while it is read, so that it takes neither memory nor disk.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::header,
};
use futures_util::stream;
use kith_http::{Answer, Call};
use kith_kernel::{Error, Result};
use kith_platform::Ctx;
use tokio::sync::mpsc;

use super::{Bundles, Look, apart};
use crate::archive::{Along, Kind, Writer};

/// What one has waits while the one before is on its way.
const PIECES_AHEAD: usize = 2;
/// A bundle may be under way for so long: meanwhile the database keeps what it shows.
const LONGEST: Duration = Duration::from_hours(1);
pub(super) const CONTENT_TYPE: &str = "application/vnd.kith.tenant";

/// Answers with the bundle of the caller's tenant.
pub(super) async fn show(bundles: Bundles, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    may_read_everything(&bundles, ctx).await?;
    let place = bundles.places.take(ctx.actor.tenant)?;
    let look = Look::at(&bundles, ctx).await?;
    bundles.identity.note_export(ctx, look.head.rows).await?;
    let name = format!(
        "attachment; filename=\"{}.kithtenant\"",
        bundles.identity.described(ctx).await?.slug
    );
    let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
    let along = Along { pieces, patience: bundles.patience };
    let mut archive = Writer::stream(Kind::Bundle, &look.head, along)?;
    let (storage, tasks) = (bundles.storage.clone(), bundles.app.tasks.clone());
    let (told, ended) = mpsc::channel::<Error>(1);
    let connection = call.connection();
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
            connection.cut_off();
        }
    });
    Ok(Answer::stream(CONTENT_TYPE, body(receiver, ended))
        .header(header::CONTENT_DISPOSITION, &name))
}

/// What is written, as it is written.
fn body(mut pieces: mpsc::Receiver<Bytes>, mut ended: mpsc::Receiver<Error>) -> Body {
    let pieces = stream::poll_fn(move |context| match pieces.poll_recv(context) {
        std::task::Poll::Ready(None) => ended
            .poll_recv(context)
            // Broken off, so that nobody takes it for a whole one.
            .map(|error| error.map(|_| Err(io::Error::other("the bundle ends before its end")))),
        piece => piece.map(|piece| piece.map(Ok)),
    });
    Body::from_stream(stream::StreamExt::fuse(pieces))
}

/// A bundle holds everything, so that a key has to be allowed to read everything.
async fn may_read_everything(bundles: &Bundles, ctx: &Ctx) -> Result<()> {
    for object in ctx.read(async |db| bundles.records.all_objects(db).await).await? {
        ctx.actor.scopes.require(object.scope(), "read")?;
    }
    ctx.actor.scopes.require("audit-logs", "read")?;
    Ok(())
}

fn late() -> Error {
    kith_kernel::unavailable("The bundle took too long; the command line has no such limit.")
}
