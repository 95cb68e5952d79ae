//! A bundle that comes in over HTTP, and the job that makes a tenant of it.

use std::{
    fs::File,
    io::{Seek, Write},
};

use futures_util::StreamExt;
use kith_http::{Answer, Call, Form};
use kith_identity::Arrival;
use kith_kernel::{
    Error, Id, Kind as ErrorKind, Result, Via, forbidden, invalid, malformed, unavailable,
};
use kith_platform::{
    Ctx,
    events::{self, Event},
    files::{self, Upload},
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Bundles, apart,
    receive::{Taking, Whom, receive},
    sweep,
    watch::Watch,
};
use crate::{
    archive::{Arriving, Kind, Source},
    arrivals::{self, Outcome},
};

const LONGEST_NAME: usize = 200;

/// The job that makes a tenant of a bundle.
#[derive(Debug, Serialize, Deserialize)]
struct ReceiveBundle {
    import: Id,
}

impl Job for ReceiveBundle {
    const NAME: &'static str = "bundle.receive";
    const RETRY: Retry = Retry { attempts: 6, first_pause_seconds: 5, longest_pause_seconds: 300 };
}

/// Stores what comes and has a tenant made of it.
pub(super) async fn ask(bundles: Bundles, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let user = call.ctx.actor.user.filter(|_| call.ctx.actor.via == Via::Session);
    if user.is_none() {
        let why =
            "This takes somebody who is signed in, whose tenant it will be; an API key is not.";
        return Err(forbidden(why).coded("session_needed"));
    }
    bundles.may_import(&call.ctx)?;
    // What is refused from here on is dropped, and with it the upload.
    let (upload, file_name, name) = store(&mut call).await?;
    let (id, ctx) = (call.ctx.new_id(), &call.ctx);
    let file = upload.file();
    let stored = ctx
        .write(async |db| {
            arrivals::begin(ctx, db, (id, file, &file_name, name.as_deref())).await?;
            jobs::enqueue(ctx, db, &ReceiveBundle { import: id })?;
            let event = Event {
                name: "bundle.importing".to_owned(),
                object: "bundle",
                record: Some(id),
                changes: Some(json!({ "after": { "file": file_name, "name": name } }).to_string()),
                batch: None,
            };
            events::append(ctx, db, event)?;
            arrivals::find(db, id).await
        })
        .await?;
    upload.keep();
    Ok(Answer::json(&stored.shown())?.accepted(&format!("/api/database/import/{id}")))
}

pub(super) async fn show(call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let id = call.id("id")?;
    Answer::json(&call.ctx.read(async |db| arrivals::find(db, id).await).await?.shown())
}

async fn store(call: &mut Call) -> Result<(Upload, String, Option<String>)> {
    let mut form = Form::of(call)?;
    let (mut file, mut name) = (None, None);
    while let Some(field) = form.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" if file.is_some() => return Err(invalid("file", "is given twice")),
            "file" => {
                let called = plain(field.file_name().unwrap_or_default());
                let called = called.unwrap_or_else(|| "tenant.kithtenant".to_owned());
                file = Some((keep(&call.ctx, (&form, field), &called).await?, called));
            }
            "name" => {
                let given = Form::text(field).await?;
                let fits = given.chars().count() <= LONGEST_NAME;
                name = plain(&given).filter(|_| fits);
                if name.is_none() {
                    return Err(invalid("name", "must have 1 to 200 letters"));
                }
            }
            other => return Err(invalid(other, "is not known here; there are file, name")),
        }
    }
    let (upload, called) = file.ok_or_else(|| invalid("file", "is required"))?;
    Ok((upload, called, name))
}

/// A name on one line; nothing where nothing is left.
fn plain(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|letter| !letter.is_control()).collect();
    let shown: String = shown.trim().chars().take(LONGEST_NAME).collect();
    (!shown.is_empty()).then_some(shown)
}

async fn keep(
    ctx: &Ctx,
    (form, mut field): (&Form, multer::Field<'static>),
    name: &str,
) -> Result<Upload> {
    let (mut upload, mut arriving) = (Upload::begin(ctx).await?, Arriving::new(Kind::Bundle));
    let mut size = 0;
    while let Some(piece) = form.piece(&mut field, size).await? {
        size += piece.len();
        arriving.add(&piece, name)?;
        upload.add(&piece).await?;
    }
    arriving.end(name)?;
    upload.end().await?;
    Ok(upload)
}

/// Adds the job that makes tenants of bundles.
pub(crate) fn register(registry: Registry, bundles: &Bundles) -> Registry {
    let bundles = bundles.clone();
    let registry = registry.on(move |job: ReceiveBundle, attempt| {
        let bundles = bundles.clone();
        async move { run(bundles, attempt, job.import).await }
    });
    registry.when_given_up::<ReceiveBundle>(|job, ctx, db, error| {
        Box::pin(arrivals::given_up(ctx, db, (job.import, error)))
    })
}

async fn run(bundles: Bundles, attempt: Attempt, id: Id) -> std::result::Result<(), Failure> {
    let again = attempt.clone();
    let done = apart(move || async move { Box::pin(obey(&bundles, &again, id)).await }).await;
    match done {
        Ok(()) => Ok(()),
        Err(error) if super::is_stopping(&error) => Err(Failure::Stopped(error)),
        // What is wrong with the bundle is wrong with it tomorrow.
        Err(error) if is_final(&error) => {
            let ctx: &Ctx = &attempt;
            let noted = attempt
                .write(async |db| {
                    arrivals::fail(ctx, db, (id, &error)).await?;
                    jobs::finish(&attempt, db).await
                })
                .await;
            noted.map_err(Failure::from)
        }
        Err(error) => Err(Failure::Retry(error)),
    }
}

fn is_final(error: &Error) -> bool {
    let of_another_version = ["newer_schema", "other_schema"].contains(&error.code());
    of_another_version
        || match error.kind() {
            ErrorKind::Malformed
            | ErrorKind::Invalid
            | ErrorKind::TooLarge
            | ErrorKind::Unsupported
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Gone
            | ErrorKind::Unauthenticated => true,
            ErrorKind::Conflict
            | ErrorKind::Stale
            | ErrorKind::TooMany
            | ErrorKind::Exhausted
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::Internal => false,
        }
}

async fn obey(bundles: &Bundles, attempt: &Attempt, id: Id) -> Result<()> {
    let ctx: &Ctx = attempt;
    let stored = ctx.read(async |db| arrivals::find(db, id).await).await?;
    if stored.has_ended() {
        return Ok(());
    }
    if let Some(tenant) = stored.made_id {
        // An attempt before this one died: behind its end, or on the way.
        match bundles.identity.arrival(tenant).await? {
            Arrival::Opened(made) => {
                let outcome = Outcome { slug: made.slug.clone(), members: None };
                return complete(attempt, (id, stored.file_id), &outcome).await;
            }
            Arrival::UnderWay => sweep::clear(bundles, tenant).await?,
            Arrival::Unknown => {}
        }
    }
    let user = ctx.actor.user.ok_or_else(|| forbidden("Nobody asked for this import."))?;
    let everybody = bundles.identity.runs_installation(user).await?;
    let file = fetched(ctx, stored.file_id).await?;
    let taking = Taking {
        source: Source::Sent(&file, &stored.file_name),
        name: stored.name.as_deref(),
        whom: if everybody { Whom::OwnerAndUsers(user) } else { Whom::Owner(user) },
        watch: Watch::arrival(ctx, id),
    };
    let received = receive(bundles, &taking).await?;
    let outcome = Outcome { slug: received.slug, members: Some((received.joined, received.named)) };
    complete(attempt, (id, stored.file_id), &outcome).await
}

async fn complete(attempt: &Attempt, (id, file): (Id, Id), outcome: &Outcome) -> Result<()> {
    let ctx: &Ctx = attempt;
    attempt
        .write(async |db| {
            arrivals::complete(ctx, db, (id, outcome)).await?;
            jobs::finish(attempt, db).await
        })
        .await?;
    files::discard(ctx, file).await;
    Ok(())
}

/// The pieces of an upload as a file without a name, which the death of the process takes along.
async fn fetched(ctx: &Ctx, file: Id) -> Result<File> {
    let folder = ctx.app.settings.data_folder();
    let no_room = |error: std::io::Error| {
        unavailable("There is no room for the bundle in the data folder.").caused_by(error)
    };
    std::fs::create_dir_all(&folder).map_err(no_room)?;
    let mut copy = tempfile::tempfile_in(&folder).map_err(no_room)?;
    let pieces = files::pieces(ctx, file).await?;
    let pieces = pieces.ok_or_else(|| {
        malformed("What was uploaded is not there any more: it is kept for a day. Send it again.")
    })?;
    let mut pieces = Box::pin(pieces);
    while let Some(piece) = pieces.next().await {
        copy.write_all(&piece?).map_err(no_room)?;
    }
    copy.rewind().map_err(no_room)?;
    Ok(copy)
}
