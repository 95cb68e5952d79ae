//! Undoing: a batch is taken back by another one, newest change first, and what was changed since stays as it is.

mod reverse;

use std::{collections::HashMap, sync::Arc};

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, forbidden, internal};
use kith_platform::{
    Ctx,
    events::{self, Event},
    jobs::{self, Attempt, Job, Registry, Retry},
};
use kith_store::{Comparison, Condition, Read, Select, Value, Write, equals};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Records,
    batches::{self, AHEAD, Asked, Batch, Counts, Fault, Kind, New, State, Step, Work},
    describe::{Object, What},
    retention, trace,
};

/// What happens to records that somebody changed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OnChanged {
    /// They stay as they are, and are told.
    #[default]
    Skip,
    /// Fields of the batch that nobody touched since are set back; where one was touched, the record stays as it is.
    Merge,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    on_changed: Option<OnChanged>,
}

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wishes {
    on_changed: OnChanged,
    asked: Asked,
}

/// The job that takes a batch back.
#[derive(Debug, Serialize, Deserialize)]
struct UndoBatch {
    batch: Id,
}

impl Job for UndoBatch {
    const NAME: &'static str = "batch.undo";
    const RETRY: Retry = batches::RETRY;
}

/// The route by which a batch is taken back.
pub fn undo_routes(records: &Arc<Records>) -> Routes {
    let undo = Operation::post("/api/batches/{id}/undo", "batches", "Take back what a batch did")
        .scope("batches", "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Wish>(schema::object(
            vec![("onChanged", schema::nullable(schema::one_of(&["skip", "merge"])))],
            &[],
        ))
        .answers(
            202,
            "The batch that takes it back; Location is where it can be followed.",
            schema::named("Batch"),
        )
        .refuses(409, "It was taken back before, or is under way.");
    let records = Arc::clone(records);
    Routes::new().add(undo, move |call| handle(Arc::clone(&records), call))
}

async fn handle(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let wish: Wish = body.parse()?;
    let may = call
        .ctx
        .read(async |db| {
            let batch = batches::find(db, id).await?;
            batch.may_touch(&call.ctx)?;
            records.may_undo(&call.ctx, db, &batch).await
        })
        .await;
    may?;
    call.write(&body, async |db| {
        let ctx = &call.ctx;
        let undo = begin(ctx, db, (id, wish.on_changed.unwrap_or_default())).await?;
        let shown = batches::find(db, undo).await?.shown(db, ctx.now()).await?;
        Ok(Answer::json(&shown)?.accepted(&format!("/api/jobs/{undo}")))
    })
    .await
}

/// Notes the undo and enqueues its job.
async fn begin(ctx: &Ctx, db: &Write, (id, on_changed): (Id, OnChanged)) -> Result<Id> {
    let batch = batches::find(db, id).await?;
    retention::refuse_undo(db, batch.created_at).await?;
    let undo = ctx.new_id();
    batch.undone(ctx, db, undo).await?;
    let wishes = serde_json::to_value(Wishes { on_changed, asked: Asked::by(ctx) }).ok();
    let new = New::running(undo, Kind::Undo, (&batch.object, "undo"));
    let new = New { state: State::Queued, wishes, undo_of: Some(id), ..new };
    batches::begin(ctx, db, &new)?;
    jobs::enqueue(ctx, db, &UndoBatch { batch: undo })?;
    let event = Event {
        name: "batch.undone".to_owned(),
        object: "batch",
        record: Some(id),
        changes: Some(json!({ "after": { "undoneBy": undo } }).to_string()),
        batch: None,
    };
    events::append(ctx, db, event)?;
    Ok(undo)
}

/// Adds the job that takes batches back.
pub(crate) fn register(registry: Registry, records: &Arc<Records>) -> Registry {
    let records = Arc::clone(records);
    let registry = registry.on(move |job: UndoBatch, attempt| {
        let records = Arc::clone(&records);
        async move { batches::outcome(records.run_undo(&attempt, job.batch).await) }
    });
    registry.when_given_up::<UndoBatch>(|job, ctx, db, error| {
        Box::pin(batches::given_up(ctx, db, job.batch, error))
    })
}

/// One undo under way.
struct Undo<'a> {
    records: &'a Records,
    /// The objects that the tenant has or had.
    objects: Vec<&'static Object>,
    ctx: Ctx,
    /// The batch that is taken back.
    batch: Id,
    /// The undo itself.
    id: Id,
    on_changed: OnChanged,
    /// What was deleted together comes back together, in whatever order: links need not lead anywhere on the way.
    brings_all: bool,
    /// Labels that were made on use stay: others may have them by now.
    keeps_labels: bool,
}

impl Records {
    async fn run_undo(&self, attempt: &Attempt, id: Id) -> Result<()> {
        let (undo, batch, objects) = attempt
            .read(async |db| {
                let undo = batches::find(db, id).await?;
                let of = undo.undo_of.ok_or_else(|| internal("an undo of nothing"))?;
                Ok((undo, batches::find(db, of).await?, self.all_objects(db).await?))
            })
            .await?;
        let wishes = undo.wishes.map(|wishes| serde_json::from_value(wishes.0)).transpose();
        let wishes: Option<Wishes> =
            wishes.map_err(|error| internal("an undo cannot be read").caused_by(error))?;
        let wishes = wishes.ok_or_else(|| internal("an undo without its wishes"))?;
        let work = Undo {
            records: self,
            objects,
            ctx: wishes.asked.context(attempt, id),
            batch: batch.id,
            id,
            on_changed: wishes.on_changed,
            brings_all: batch.kind() == Kind::Cleanup,
            keeps_labels: batch.object != "label" && batch.kind() != Kind::Undo,
        };
        batches::drive(attempt, id, &work).await
    }

    /// Taking back takes the scopes of what it comes to, and of deletions the role that deleting takes.
    async fn may_undo(&self, ctx: &Ctx, db: &Read, batch: &Batch) -> Result<()> {
        let ends = matches!(batch.action.as_str(), "delete" | "restore");
        if ends && ctx.actor.role < Role::Admin {
            return Err(forbidden("Deleting and restoring take the role admin or a higher one."));
        }
        let select = Select::from("events").show(&["name"]).whose("batch_id", batch.id);
        let mut names: Vec<String> = Vec::new();
        db.each(&select.group("name"), |row| {
            names.extend(row.text(0)?.map(str::to_owned));
            Ok(())
        })
        .await?;
        let objects = self.all_objects(db).await?;
        for name in names {
            let object = name.split('.').next().and_then(|object| among(&objects, object));
            let (Some(object), Some(what)) = (object, trace::what(&name)) else { continue };
            ctx.actor.scopes.require(object.scope(), "write")?;
            if what != What::Updated {
                ctx.actor.scopes.require(object.scope(), "delete")?;
            }
        }
        Ok(())
    }
}

fn among(objects: &[&'static Object], name: &str) -> Option<&'static Object> {
    objects.iter().copied().find(|object| object.name == name)
}

/// A change of the batch.
#[derive(Debug, Deserialize)]
struct Row {
    id: Id,
    object: String,
    record_id: Option<Id>,
}

impl Undo<'_> {
    /// The batch's changes of records.
    fn changes(&self) -> Vec<Condition> {
        let named = self.objects.iter().copied().flat_map(trace::names);
        let named = named.filter(|name| !(self.keeps_labels && name == "label.created"));
        vec![
            equals("batch_id", self.batch),
            Condition::In("name", named.map(Value::from).collect()),
        ]
    }

    fn select(&self) -> Select {
        self.changes().into_iter().fold(Select::from("events"), Select::only)
    }

    /// The first event of the batch, behind which stands all that matters here.
    async fn first(&self, db: &Read) -> Result<Option<Id>> {
        let first = Select::from("events").show(&["id"]).whose("batch_id", self.batch);
        let mut found = None;
        db.each(&first.by("id", false).at_most(1), |row| {
            found = row.id(0)?;
            Ok(())
        })
        .await?;
        Ok(found)
    }

    async fn take_back(&self, db: &Write, events: &[Id], counts: &mut Counts) -> Result<()> {
        let ids = events.iter().copied().map(Value::from).collect();
        let select = Select::from("events").only(Condition::In("id", ids)).by("id", true);
        let rows: Vec<Row> = db.all(select).await?;
        let since = self.first(db).await?;
        let mut touched: HashMap<&'static str, (&'static Object, Vec<Id>)> = HashMap::new();
        for row in &rows {
            let (Some(object), Some(record)) = (among(&self.objects, &row.object), row.record_id)
            else {
                continue;
            };
            touched.entry(object.name).or_insert((object, Vec::new())).1.push(record);
        }
        let mut traces = HashMap::new();
        for (object, records) in touched.into_values() {
            traces.extend(trace::steps(db, object, (records.as_slice(), since)).await?);
        }
        for row in rows {
            counts.done += 1;
            let (Some(object), Some(record)) = (among(&self.objects, &row.object), row.record_id)
            else {
                continue;
            };
            let steps = traces.get(&record).map(Vec::as_slice).unwrap_or_default();
            let own = steps.iter().rfind(|step| step.batch == Some(self.batch));
            // Each record is taken back once, with its newest change of the batch.
            if own.is_some_and(|step| step.event == row.id) {
                self.one(db, (object, record, steps), counts).await?;
            }
        }
        Ok(())
    }

    async fn one(
        &self,
        db: &Write,
        (object, record, steps): (&'static Object, Id, &[trace::Step]),
        counts: &mut Counts,
    ) -> Result<()> {
        let done = db.attempt(async |db| self.reverse(db, object, (record, steps)).await).await;
        let fault = match done {
            Ok(None) => {
                counts.changed += 1;
                return Ok(());
            }
            Ok(Some((code, reason))) => {
                counts.skipped += 1;
                Fault::skipped((object.name, record), code, reason)
            }
            Err(error) if batches::is_of_one(&error) => {
                counts.failed += 1;
                Fault::failed((object.name, record), &error)
            }
            Err(error) => return Err(error),
        };
        fault.note(db, self.id)
    }
}

impl Work for Undo<'_> {
    fn total<'a>(&'a self, db: &'a Read) -> Step<'a, u64> {
        Box::pin(
            async move { Ok(u64::try_from(db.count(self.select()).await?).unwrap_or_default()) },
        )
    }

    fn look<'a>(&'a self, db: &'a Read, batch: &'a Batch) -> Step<'a, Vec<Id>> {
        Box::pin(async move {
            let mut select = self.select().show(&["id"]).by("id", true).at_most(AHEAD);
            if let Some(position) = batch.position {
                let older = Condition::Compare("id", Comparison::Less, position.into());
                select = select.only(older);
            }
            db.ids(&select).await
        })
    }

    fn act<'a>(&'a self, db: &'a Write, ids: &'a [Id], counts: &'a mut Counts) -> Step<'a, ()> {
        Box::pin(self.take_back(db, ids, counts))
    }
}
