//! Routes of upkeep: archive, clean up, and look at how much there is.

use std::{pin::Pin, sync::Arc};

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema, schema::Schema};
use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Role, invalid, not_found};
use kith_platform::{Ctx, jobs};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Chore, DoChore, Upkeep, Wishes, work::count};
use crate::batches::{self, Asked, New, State};

const TAG: &str = "database";
const DAY: i64 = 86_400;
const MOST_DAYS: i64 = 36_500;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchiveWish {
    days: i64,
    objects: Option<Vec<String>>,
    dry_run: Option<bool>,
    confirm: Option<String>,
    tenant_id: Option<Id>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CleanupWish {
    what: What,
    dry_run: Option<bool>,
    confirm: Option<String>,
    tenant_id: Option<Id>,
}

/// The same where the path says what.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedWish {
    dry_run: Option<bool>,
    confirm: Option<String>,
    tenant_id: Option<Id>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum What {
    Orphans,
    TestData,
    All,
}

impl From<What> for Chore {
    fn from(what: What) -> Self {
        match what {
            What::Orphans => Self::Orphans,
            What::TestData => Self::TestData,
            What::All => Self::All,
        }
    }
}

/// What every chore is asked with.
struct Wish {
    chore: Chore,
    dry_run: bool,
    confirm: Option<String>,
    tenant: Option<Id>,
}

fn body(more: Vec<(&'static str, Schema)>, required: &[&str]) -> Schema {
    let mut keys = more;
    keys.extend([
        (
            "dryRun",
            schema::described(
                schema::nullable(schema::boolean()),
                "Says how many records it would be, and does nothing.",
            ),
        ),
        (
            "confirm",
            schema::described(
                schema::nullable(schema::string()),
                "The words that say that it is meant; a refusal names them. Not for a dry run.",
            ),
        ),
        ("tenantId", schema::described(schema::nullable(schema::id()), "The caller's own.")),
    ]);
    schema::object(keys, required)
}

fn chore(path: &str, summary: &str) -> Operation {
    Operation::post(path, TAG, summary)
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .answers(200, "Of a dry run: how many records it would be.", schema::named("UpkeepTrial"))
        .answers(
            202,
            "The batch that does it; Location is where it can be followed.",
            schema::named("Batch"),
        )
}

/// What answers.
type Handle = fn(Arc<Upkeep>, Call) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// The routes by which a tenant is kept in order.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn upkeep_routes(upkeep: &Arc<Upkeep>) -> Routes {
    let days =
        schema::described(schema::integer(), "What was over before so many days, 1 to 36500.");
    let names: Vec<&str> = upkeep.closed.iter().map(|closed| closed.object.name).collect();
    let objects = schema::nullable(schema::list(schema::one_of(&names)));
    let archive = chore(
        "/api/database/archive",
        "Archive what is over: closed deals, lost leads, done activities and tasks",
    )
    .alias("/api/database/archive-aged-data")
    .typed_body::<ArchiveWish>(body(
        vec![("days", days), ("objects", schema::described(objects, "All of these unless said."))],
        &["days"],
    ));
    let what = schema::one_of(&["orphans", "testData", "all"]);
    let cleanup =
        chore("/api/database/cleanup", "Delete orphans, test data, or all business records")
            .typed_body::<CleanupWish>(body(vec![("what", what)], &["what"]));
    let orphans =
        chore("/api/database/cleanup-orphaned-data", "Delete what is about records that are gone")
            .typed_body::<NamedWish>(body(vec![], &[]));
    let all = chore("/api/database/nuclear-cleanup", "Delete all business records of the tenant")
        .typed_body::<NamedWish>(body(vec![], &[]));
    let volume = Operation::get(
        "/api/database/volume",
        TAG,
        "How many rows there are, and about how many bytes",
    )
    .alias("/api/database/check-volume")
    .role(Role::Admin)
    .scope(TAG, "read")
    .answers(200, "Of each table, the largest first.", schema::named("Volume"));
    let with = |handle: Handle| {
        let upkeep = Arc::clone(upkeep);
        move |call| handle(Arc::clone(&upkeep), call)
    };
    Routes::new()
        .add(archive, with(|upkeep, call| Box::pin(ask_archive(upkeep, call))))
        .add(cleanup, with(|upkeep, call| Box::pin(ask_cleanup(upkeep, call))))
        .add(orphans, with(|upkeep, call| Box::pin(ask_named(upkeep, call, What::Orphans))))
        .add(all, with(|upkeep, call| Box::pin(ask_named(upkeep, call, What::All))))
        .add(volume, with(|upkeep, call| Box::pin(async move { upkeep.volume(&call).await })))
}

/// The named schemas of upkeep.
pub fn upkeep_schemas() -> Vec<(String, Json)> {
    let trial = schema::object(
        vec![
            ("dryRun", schema::boolean()),
            ("action", schema::one_of(&["archive", "delete"])),
            ("confirm", schema::described(schema::string(), "The words to send when it is meant.")),
            ("total", schema::integer()),
            (
                "objects",
                schema::described(schema::open_object(), "How many records, by the object."),
            ),
        ],
        &["dryRun", "action", "confirm", "total", "objects"],
    );
    let table = schema::object(
        vec![
            ("table", schema::string()),
            ("rows", schema::integer()),
            (
                "bytes",
                schema::described(
                    schema::integer(),
                    "By the average of some rows, without indexes; of files as they are.",
                ),
            ),
        ],
        &["table", "rows", "bytes"],
    );
    let volume = schema::object(
        vec![
            ("rows", schema::integer()),
            ("bytes", schema::integer()),
            ("tables", schema::list(table)),
        ],
        &["rows", "bytes", "tables"],
    );
    vec![("UpkeepTrial".to_owned(), trial), ("Volume".to_owned(), volume)]
}

async fn ask_archive(upkeep: Arc<Upkeep>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let wish: ArchiveWish = body.parse()?;
    if !(1..=MOST_DAYS).contains(&wish.days) {
        return Err(invalid("days", format!("must be from 1 to {MOST_DAYS}")));
    }
    let known = || upkeep.closed.iter().map(|closed| closed.object);
    let mut objects = Vec::new();
    for name in wish.objects.iter().flatten() {
        let meant = known().find(|object| {
            [object.name, object.plural].contains(&name.as_str()) || object.alias == Some(name)
        });
        let all: Vec<&str> = known().map(|object| object.name).collect();
        let meant =
            meant.ok_or_else(|| invalid("objects", format!("may hold {}", all.join(", "))))?;
        objects.push(meant.name.to_owned());
    }
    if wish.objects.is_none() {
        objects = known().map(|object| object.name.to_owned()).collect();
    } else if objects.is_empty() {
        return Err(invalid("objects", "must name one at least"));
    }
    let before = call.ctx.now().plus_seconds(-wish.days * DAY);
    let wish = Wish {
        chore: Chore::Archive { before, objects },
        dry_run: wish.dry_run == Some(true),
        confirm: wish.confirm,
        tenant: wish.tenant_id,
    };
    answer(&upkeep, &call, (&body, wish)).await
}

async fn ask_cleanup(upkeep: Arc<Upkeep>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let CleanupWish { what, dry_run, confirm, tenant_id } = body.parse()?;
    let wish =
        Wish { chore: what.into(), dry_run: dry_run == Some(true), confirm, tenant: tenant_id };
    answer(&upkeep, &call, (&body, wish)).await
}

async fn ask_named(upkeep: Arc<Upkeep>, mut call: Call, what: What) -> Result<Answer> {
    let body = call.body().await?;
    let NamedWish { dry_run, confirm, tenant_id } = body.parse()?;
    let wish =
        Wish { chore: what.into(), dry_run: dry_run == Some(true), confirm, tenant: tenant_id };
    answer(&upkeep, &call, (&body, wish)).await
}

async fn answer(
    upkeep: &Upkeep,
    call: &Call,
    (body, wish): (&kith_http::Body, Wish),
) -> Result<Answer> {
    let ctx = &call.ctx;
    if wish.tenant.is_some_and(|tenant| tenant != ctx.actor.tenant) {
        return Err(not_found("tenant"));
    }
    let chore = wish.chore;
    let parts = ctx.read(async |db| upkeep.parts(db, &chore).await).await?;
    let action = if chore.action() == "archive" { "write" } else { "delete" };
    for (object, _) in &parts {
        ctx.actor.scopes.require(object.scope(), action)?;
    }
    if wish.dry_run {
        let counts = ctx.read(async |db| count(db, &parts).await).await?;
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        let objects: Map<String, Json> = counts
            .into_iter()
            .map(|(object, count)| (object.name.to_owned(), count.into()))
            .collect();
        return Answer::json(&json!({
            "dryRun": true, "action": chore.action(), "confirm": chore.confirmation(), "total": total, "objects": objects,
        }));
    }
    confirmed(&chore, wish.confirm.as_deref())?;
    call.write(body, async |db| {
        let id = begin(ctx, db, chore)?;
        let shown = batches::find(db, id).await?.shown(db, ctx.now()).await?;
        Ok(Answer::json(&shown)?.accepted(&format!("/api/jobs/{id}")))
    })
    .await
}

fn confirmed(chore: &Chore, given: Option<&str>) -> Result<()> {
    let words = chore.confirmation();
    if given == Some(words) {
        return Ok(());
    }
    let why = format!(
        "To do this, send \"confirm\": \"{words}\"; to see what it would be, \"dryRun\": true."
    );
    Err(Error::new(ErrorKind::Invalid, "not_confirmed", why)
        .and("/confirm", format!("must be {words}")))
}

fn begin(ctx: &Ctx, db: &kith_store::Write, chore: Chore) -> Result<Id> {
    let id = ctx.new_id();
    let of = match &chore {
        Chore::Archive { objects, .. } if objects.len() == 1 => objects[0].clone(),
        Chore::Archive { .. } | Chore::Orphans | Chore::TestData | Chore::All => {
            "record".to_owned()
        }
    };
    let (kind, action) = (chore.kind(), chore.action());
    let wishes = serde_json::to_value(Wishes { chore, asked: Asked::by(ctx) }).ok();
    let new = New::running(id, kind, (&of, action));
    batches::begin(ctx, db, &New { state: State::Queued, wishes, ..new })?;
    jobs::enqueue(ctx, db, &DoChore { batch: id })?;
    Ok(id)
}
