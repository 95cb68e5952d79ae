//! Scans: all records of an object compared in a job, and the groups that were found kept until the next one.

use std::{collections::HashSet, sync::Arc};

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Error, Id, Kind, Result, Time, conflict, internal, not_found};
use kith_platform::{
    Ctx,
    events::{self, Event},
    jobs::{self, Attempt, Failure, Job, Registry, Retry, State},
};
use kith_records::Records;
use kith_store::{
    Comparison, Condition, Delete, Insert, Read, Select, Step, Table, Update, Value, Write, id,
    integer, json, number, text, time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{
    check::{own_tenant, reasons, rounded},
    entity::Entity,
    pairs::{self, Group, Search},
    settings::{self, Settings},
    sketch::Sketch,
};

const PATH: &str = "/api/duplicates/scans";
const TAG: &str = "duplicates";
/// More records are not held in memory: with its keys one takes up to a kilobyte.
const MOST_RECORDS: usize = 2_000_000;
/// Records that are read at once.
const PAGE: u64 = 2_000;
/// Progress is noted each time so many were read.
const NOTED: usize = 50_000;
/// Groups that are written, and removed, in one transaction.
const AT_ONCE: usize = 200;

/// The job of a scan.
#[derive(Debug, Serialize, Deserialize)]
struct Scan {
    scan: Id,
}

impl Job for Scan {
    const NAME: &'static str = "duplicates.scan";
    const RETRY: Retry = Retry { attempts: 3, first_pause_seconds: 5, longest_pause_seconds: 60 };
}

/// A scan as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) id: Id,
    object: String,
    job_id: Id,
    threshold: f64,
    country: String,
    phase: String,
    records: i64,
    compared: i64,
    groups: i64,
    created_at: Time,
    finished_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    entity: String,
    threshold: Option<f64>,
    tenant_id: Option<String>,
}

pub(super) fn tables() -> [Step; 3] {
    let scans = Table::of_tenant(
        "duplicate_scans",
        vec![
            text("object").required(),
            id("job_id").required(),
            number("threshold").required(),
            text("country").required(),
            text("phase").required(),
            integer("records").required(),
            integer("compared").required(),
            integer("groups").required(),
            time("created_at").required(),
            time("finished_at"),
        ],
    )
    .index(&["object", "id"]);
    let groups = Table::of_tenant(
        "duplicate_groups",
        vec![
            id("scan_id").required().references("duplicate_scans"),
            text("object").required(),
            number("score").required(),
            json("members").required(),
            json("closest").required(),
            json("reasons").required(),
        ],
    )
    .index(&["scan_id", "id"]);
    let apart = Table::of_tenant_keyed(
        "duplicate_dismissals",
        &["low_id", "high_id"],
        vec![
            id("low_id").required().references("anchors"),
            id("high_id").required().references("anchors"),
        ],
    )
    .clustered();
    [Step::Create(scans), Step::Create(groups), Step::Create(apart)]
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let start = Operation::post(PATH, TAG, "Look for duplicates among all records of a kind")
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Wish>(schema::object(
            vec![
                ("entity", schema::described(schema::string(), "contact, account or lead.")),
                ("threshold", schema::nullable(settings::threshold_schema())),
                ("tenantId", schema::nullable(schema::string())),
            ],
            &["entity"],
        ))
        .answers(
            202,
            "The scan; Location is where it can be followed.",
            schema::named("DuplicateScan"),
        )
        .refuses(409, "One of this kind is at work.");
    let read = Operation::get(format!("{PATH}/{{id}}"), TAG, "How far a scan is")
        .scope(TAG, "read")
        .answers(200, "The scan.", schema::named("DuplicateScan"));
    let records = Arc::clone(records);
    Routes::new().add(start, move |call| begin(Arc::clone(&records), call)).add(
        read,
        |call| async move {
            let id = call.id("id")?;
            Answer::json(&call.ctx.read(async |db| shown(db, id).await).await?)
        },
    )
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let scan = schema::object(
        vec![
            ("id", schema::id()),
            ("entity", schema::string()),
            ("state", schema::one_of(&["queued", "running", "done", "failed"])),
            ("phase", schema::one_of(&["waiting", "reading", "comparing", "writing", "done"])),
            ("threshold", schema::number()),
            ("country", schema::string()),
            ("records", schema::described(schema::integer(), "Read so far.")),
            ("compared", schema::described(schema::integer(), "Pairs that were looked at.")),
            ("groups", schema::integer()),
            ("error", schema::nullable(schema::string())),
            ("createdAt", schema::time()),
            ("finishedAt", schema::nullable(schema::time())),
        ],
        &["id", "entity", "state", "phase", "records", "groups"],
    );
    vec![("DuplicateScan".to_owned(), scan)]
}

pub(super) fn register(registry: Registry) -> Registry {
    registry.on(|job: Scan, attempt| async move { run(&attempt, job.scan).await })
}

/// The newest scan of an object, or the newest that is done.
pub(super) async fn newest(db: &Read, object: &str, done: bool) -> Result<Option<Stored>> {
    let mut select = Select::from("duplicate_scans").whose("object", object);
    if done {
        select = select.whose("phase", "done");
    }
    db.first(select.by("id", true)).await
}

async fn shown(db: &Read, id: Id) -> Result<Json> {
    let scan: Option<Stored> = db.first(Select::from("duplicate_scans").whose("id", id)).await?;
    let scan = scan.ok_or_else(|| not_found("scan"))?;
    let job = jobs::find(db, scan.job_id).await?;
    let state = if scan.phase == "done" {
        State::Done
    } else {
        job.as_ref().map_or(State::Failed, |job| job.state)
    };
    let error = job.filter(|_| state != State::Done).and_then(|job| job.error);
    Ok(json!({
        "id": scan.id, "entity": scan.object, "state": state, "phase": scan.phase, "threshold": scan.threshold,
        "country": scan.country, "records": scan.records, "compared": scan.compared, "groups": scan.groups,
        "error": error, "createdAt": scan.created_at, "finishedAt": scan.finished_at,
    }))
}

async fn begin(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let wish: Wish = body.parse()?;
    own_tenant(&call.ctx, wish.tenant_id.as_deref())?;
    let entity = Entity::named(&records, "entity", &wish.entity)?;
    let threshold = wish.threshold.map(settings::threshold).transpose()?;
    let ctx = &call.ctx;
    ctx.actor.scopes.require(entity.table, "read")?;
    call.write(&body, async |db| {
        let mut settings = Settings::of(db).await?;
        settings.threshold = threshold.unwrap_or(settings.threshold);
        if let Some(scan) = at_work(db, entity, settings).await? {
            return accepted(db, scan).await;
        }
        let scan = ctx.new_id();
        let job = jobs::enqueue(ctx, db, &Scan { scan })?;
        db.insert(Insert::row(
            "duplicate_scans",
            vec![
                ("id", scan.into()),
                ("object", entity.object.into()),
                ("job_id", job.into()),
                ("threshold", settings.threshold.into()),
                ("country", settings.home.as_ref().into()),
                ("phase", "waiting".into()),
                ("records", 0_i64.into()),
                ("compared", 0_i64.into()),
                ("groups", 0_i64.into()),
                ("created_at", ctx.now().into()),
            ],
        ))
        .await?;
        let changes =
            json!({ "after": { "entity": entity.object, "threshold": settings.threshold } });
        tell(ctx, db, ("duplicateScan.started", scan), &changes)?;
        accepted(db, scan).await
    })
    .await
}

async fn accepted(db: &Write, scan: Id) -> Result<Answer> {
    Ok(Answer::json(&shown(db, scan).await?)?.accepted(&format!("{PATH}/{scan}")))
}

/// The scan that is waiting or at work, when there is one of the same wish.
///
/// # Errors
/// `Conflict` (`scan_running`) when its wish is another.
async fn at_work(db: &Write, entity: &Entity, settings: Settings) -> Result<Option<Id>> {
    let Some(last) = newest(db, entity.object, false).await? else { return Ok(None) };
    let job = jobs::find(db, last.job_id).await?;
    match job.map(|job| job.state) {
        Some(State::Done | State::Failed) | None => Ok(None),
        Some(State::Queued | State::Running) => {
            let same = last.threshold.total_cmp(&settings.threshold).is_eq()
                && last.country == settings.home.as_ref();
            if same {
                return Ok(Some(last.id));
            }
            let why = format!("Another scan of {} is at work: {PATH}/{}.", entity.table, last.id);
            Err(conflict("scan_running", why))
        }
    }
}

pub(super) fn tell(
    ctx: &Ctx,
    db: &Write,
    (name, record): (&str, Id),
    changes: &Json,
) -> Result<()> {
    let event = Event {
        name: name.to_owned(),
        object: name.split('.').next().unwrap_or(name),
        record: Some(record),
        changes: Some(changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}

async fn run(attempt: &Attempt, scan: Id) -> std::result::Result<(), Failure> {
    let stored: Option<Stored> = attempt
        .read(async |db| db.first(Select::from("duplicate_scans").whose("id", scan)).await)
        .await?;
    let Some(stored) = stored else { return Ok(()) };
    let entity = Entity::of(&stored.object)
        .ok_or_else(|| Failure::GiveUp(internal("a scan of something that is not compared")))?;
    let search = Search {
        subject: entity.subject,
        home: stored.country.parse().map_err(|_| internal("a scan names no country"))?,
        threshold: stored.threshold,
    };
    forget_others(attempt, entity).await?;
    let (ids, sketches) = read(attempt, entity, scan).await?;
    note(attempt, scan, ("comparing", ids.len())).await?;
    let apart = attempt.read(async |db| dismissed(db, &ids).await).await?;
    let tasks = attempt.app.tasks.clone();
    let done = tokio::task::spawn_blocking(move || {
        compared(search, &sketches, (&apart, &|| !tasks.is_stopping()))
    })
    .await
    .map_err(|error| internal("records could not be compared").caused_by(error))?;
    let Some((compared, found)) = done else {
        return Err(Failure::Stopped(internal("the application stops")));
    };
    note(attempt, scan, ("writing", ids.len())).await?;
    write(attempt, (entity, scan), (&ids, &found)).await?;
    finish(attempt, scan, (compared, found.len())).await?;
    Ok(())
}

/// How many pairs were compared, and the groups, the surest first; nothing when it is told to end.
fn compared(
    search: Search,
    sketches: &[Sketch],
    (apart, go_on): (&HashSet<(u32, u32)>, &dyn Fn() -> bool),
) -> Option<(u64, Vec<Found>)> {
    let found = pairs::find(search, sketches, go_on)?;
    let is_apart = |a: u32, b: u32| apart.contains(&(a.min(b), a.max(b)));
    let mut groups = pairs::groups(sketches.len(), found.pairs, &is_apart);
    groups.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.members.cmp(&b.members)));
    let told = groups.into_iter().map(|group| {
        let why = reasons(&pairs::why(search, sketches, &group).reasons);
        Found { group, why }
    });
    Some((found.compared, told.collect()))
}

struct Found {
    group: Group,
    why: Json,
}

/// The ids of all records, rising, and what they are compared by.
async fn read(
    attempt: &Attempt,
    entity: &'static Entity,
    scan: Id,
) -> Result<(Vec<Id>, Vec<Sketch>)> {
    let (mut ids, mut sketches): (Vec<Id>, Vec<Sketch>) = (Vec::new(), Vec::new());
    loop {
        let page = select(entity, ids.last().copied()).at_most(PAGE);
        let before = ids.len();
        attempt
            .read(async |db| {
                db.each(&page, |row| {
                    let (id, sketch) = entity.read(row)?;
                    ids.push(id);
                    sketches.push(sketch);
                    Ok(())
                })
                .await
            })
            .await?;
        if ids.len() > MOST_RECORDS {
            let why = format!("There are more than {MOST_RECORDS} records.");
            return Err(Error::new(Kind::Invalid, "too_many_records", why));
        }
        if ids.len() - before < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok((ids, sketches));
        }
        if ids.len() / NOTED > before / NOTED {
            note(attempt, scan, ("reading", ids.len())).await?;
        }
    }
}

/// The living records of an entity behind an id.
pub(super) fn select(entity: &Entity, behind: Option<Id>) -> Select {
    let mut select =
        Select::from(entity.table).show(&entity.columns()).only(Condition::Null("deleted_at"));
    if let Some(over) = entity.over {
        select = select.only(Condition::Null(over));
    }
    if let Some(behind) = behind {
        select = select.only(Condition::Compare("id", Comparison::Greater, behind.into()));
    }
    select.by("id", false)
}

/// Pairs of which somebody said that they are two, by their places among the ids.
pub(super) async fn dismissed(db: &Read, ids: &[Id]) -> Result<HashSet<(u32, u32)>> {
    let mut apart = HashSet::new();
    let place = |id: Option<Id>| {
        let at = ids.binary_search(&id?).ok()?;
        u32::try_from(at).ok()
    };
    let select = Select::from("duplicate_dismissals").show(&["low_id", "high_id"]);
    db.each(&select, |row| {
        if let (Some(low), Some(high)) = (place(row.id(0)?), place(row.id(1)?)) {
            apart.insert((low.min(high), low.max(high)));
        }
        Ok(())
    })
    .await?;
    Ok(apart)
}

async fn note(attempt: &Attempt, scan: Id, (phase, records): (&'static str, usize)) -> Result<()> {
    let records = i64::try_from(records).unwrap_or(i64::MAX);
    let update = Update::table("duplicate_scans").set("phase", phase).set("records", records);
    attempt.write(async |db| db.update(update.whose("id", scan)).await.map(drop)).await
}

/// The groups of all scans but the last that was done go, those of an attempt that was cut off included.
async fn forget_others(attempt: &Attempt, entity: &Entity) -> Result<()> {
    loop {
        let left = attempt
            .write(async |db| {
                let kept = newest(db, entity.object, true).await?.map_or(Id::NIL, |scan| scan.id);
                let select = Select::from("duplicate_groups")
                    .show(&["id"])
                    .whose("object", entity.object)
                    .only(Condition::Not(Box::new(kith_store::equals("scan_id", kept))))
                    .at_most(AT_ONCE as u64);
                let mut ids: Vec<Value> = Vec::new();
                db.each(&select, |row| {
                    ids.extend(row.id(0)?.map(Value::from));
                    Ok(())
                })
                .await?;
                let left = !ids.is_empty();
                if left {
                    db.delete(Delete::from("duplicate_groups").only(Condition::In("id", ids)))
                        .await?;
                }
                Ok(left)
            })
            .await?;
        if !left {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// Ids rise, so that groups are listed with those first that are surest.
async fn write(
    attempt: &Attempt,
    (entity, scan): (&Entity, Id),
    (ids, found): (&[Id], &[Found]),
) -> Result<()> {
    const COLUMNS: [&str; 7] =
        ["id", "scan_id", "object", "score", "members", "closest", "reasons"];
    let id = |place: &u32| ids[*place as usize];
    for chunk in found.chunks(AT_ONCE) {
        let rows = chunk.iter().map(|one| {
            let members: Vec<Id> = one.group.members.iter().map(id).collect();
            let closest = [id(&one.group.closest.0), id(&one.group.closest.1)];
            vec![
                attempt.new_id().into(),
                scan.into(),
                entity.object.into(),
                rounded(one.group.score).into(),
                Value::from(&json!(members)),
                Value::from(&json!(closest)),
                Value::from(&one.why),
            ]
        });
        let insert = Insert::rows("duplicate_groups", COLUMNS.to_vec(), rows.collect());
        attempt.write(async |db| db.insert(insert).await.map(drop)).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn finish(attempt: &Attempt, scan: Id, (compared, groups): (u64, usize)) -> Result<()> {
    let update = Update::table("duplicate_scans")
        .set("phase", "done")
        .set("compared", i64::try_from(compared).unwrap_or(i64::MAX))
        .set("groups", i64::try_from(groups).unwrap_or(i64::MAX))
        .set("finished_at", attempt.now());
    attempt
        .write(async |db| {
            db.update(update.whose("id", scan)).await?;
            let changes = json!({ "after": { "compared": compared, "groups": groups } });
            tell(attempt, db, ("duplicateScan.finished", scan), &changes)?;
            jobs::finish(attempt, db).await
        })
        .await
}
