//! Bulk changes by a rule: a dry run that tells what would happen, and a job that does it.

use std::sync::Arc;

use kith_http::Answer;
use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Rule, internal};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Job, Registry, Retry},
};
use kith_store::{Comparison, Condition, Read, Select, Value, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Action, Deed};
use crate::{
    Archived, Manner, Records,
    batches::{self, AHEAD, Asked, Batch, Counts, Fault, Kind, New, State, Step, Work},
    describe::{Object, Record},
    filter::Filter,
};

/// Records that a dry run tries.
const SAMPLE: u64 = 5;
/// The error by which a dry run takes back what it tried.
const DRY_RUN: &str = "dry_run";

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Wishes {
    deed: Deed,
    rule: Json,
    asked: Asked,
}

/// The job that changes what fits a rule.
#[derive(Debug, Serialize, Deserialize)]
struct BulkByRule {
    batch: Id,
}

impl Job for BulkByRule {
    const NAME: &'static str = "records.bulk";
    const RETRY: Retry = batches::RETRY;
}

pub(crate) fn register(registry: Registry, records: &Arc<Records>) -> Registry {
    let records = Arc::clone(records);
    let registry = registry.on(move |job: BulkByRule, attempt| {
        let records = Arc::clone(&records);
        async move { batches::outcome(records.run_by_rule(&attempt, job.batch).await) }
    });
    registry.when_given_up::<BulkByRule>(|job, ctx, db, error| {
        Box::pin(batches::given_up(ctx, db, job.batch, error))
    })
}

/// One bulk change under way.
struct ByRule<'a> {
    records: &'a Records,
    ctx: Ctx,
    object: &'static Object,
    id: Id,
    deed: Deed,
    rule: Rule,
}

impl Records {
    /// The records that a rule is about.
    async fn fitting(
        &self,
        ctx: &Ctx,
        db: &Read,
        object: &'static Object,
        (rule, action): (&Rule, Action),
    ) -> Result<Select> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let filter = Filter::new(ctx, &shape, &custom, rule);
        let condition = filter.condition(rule)?;
        let shown = filter.archived(Archived::Without, rule);
        let there = Condition::Null("deleted_at");
        let there = if action == Action::Restore { Condition::Not(Box::new(there)) } else { there };
        let select = object.rows().only(there).only(condition);
        Ok(shown.into_iter().fold(select, Select::only))
    }

    /// Notes the batch and enqueues its job.
    pub(super) async fn begin_by_rule(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (deed, rule): (Deed, &Rule),
    ) -> Result<Answer> {
        let id = ctx.new_id();
        let action = deed.action;
        // What no record could take is told now, and not by each of them.
        ctx.read(async |db| {
            self.fitting(ctx, db, object, (rule, action)).await?;
            self.check_changes(ctx, db, object, &deed.changes).await
        })
        .await?;
        let wishes = Wishes { deed, rule: rule.to_json(), asked: Asked::by(ctx) };
        let wishes = serde_json::to_value(wishes).ok();
        let shown = ctx
            .write(async |db| {
                let new = New::running(id, Kind::Rule, (object.name, action.name()));
                batches::begin(ctx, db, &New { state: State::Queued, wishes, ..new })?;
                jobs::enqueue(ctx, db, &BulkByRule { batch: id })?;
                batches::find(db, id).await?.shown(db, ctx.now()).await
            })
            .await?;
        Ok(Answer::json(&shown)?.accepted(&format!("/api/jobs/{id}")))
    }

    /// How many records fit, and what would become of the first; nothing stays.
    pub(super) async fn try_by_rule(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (deed, rule): (&Deed, &Rule),
    ) -> Result<Answer> {
        let (count, ids) = ctx
            .read(async |db| {
                let select = self.fitting(ctx, db, object, (rule, deed.action)).await?;
                self.check_changes(ctx, db, object, &deed.changes).await?;
                let first = select.clone().show(&["id"]).by("id", false).at_most(SAMPLE);
                Ok((db.count(select).await?, db.ids(&first).await?))
            })
            .await?;
        let mut sample = Vec::new();
        let tried = ctx
            .write(async |db| -> Result<()> {
                for id in ids {
                    sample.push(self.try_one(ctx, db, object, (id, deed)).await?);
                }
                Err(Error::new(ErrorKind::Internal, DRY_RUN, "a dry run"))
            })
            .await;
        match tried {
            Err(error) if error.code() != DRY_RUN => Err(error),
            _ => Answer::json(&json!({
                "dryRun": true, "action": deed.action.name(), "matching": count, "sample": sample,
            })),
        }
    }

    async fn try_one(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, deed): (Id, &Deed),
    ) -> Result<Json> {
        let before = self.as_it_is(ctx, db, object, (id, deed.action)).await?;
        if let Err(error) = self.act(ctx, db, object, (id, deed)).await {
            if !batches::is_of_one(&error) {
                return Err(error);
            }
            return Ok(json!({
                "id": id, "before": null, "after": null, "error": error.in_one_line(),
            }));
        }
        let after = match deed.action {
            Action::Delete => Record::new(),
            Action::Update | Action::Restore => {
                self.as_it_is(ctx, db, object, (id, Action::Update)).await?
            }
        };
        let (before, after) = match deed.action {
            Action::Update => differing(&before, &after),
            Action::Delete | Action::Restore => (before, after),
        };
        let shown = |record: Record| if record.is_empty() { Json::Null } else { record.into() };
        Ok(json!({ "id": id, "before": shown(before), "after": shown(after), "error": null }))
    }

    async fn as_it_is(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, action): (Id, Action),
    ) -> Result<Record> {
        match action {
            Action::Restore => Ok(Record::new()),
            // A change of nothing is a read that answers in the same form.
            Action::Update | Action::Delete => {
                self.update(ctx, db, object, (id, Record::new(), Manner::default())).await
            }
        }
    }

    async fn run_by_rule(&self, attempt: &Attempt, id: Id) -> Result<()> {
        let batch = attempt.read(async |db| batches::find(db, id).await).await?;
        let wishes = batch.wishes.map(|wishes| serde_json::from_value(wishes.0)).transpose();
        let wishes: Option<Wishes> =
            wishes.map_err(|error| internal("a bulk change cannot be read").caused_by(error))?;
        let wishes = wishes.ok_or_else(|| internal("a bulk change without its wishes"))?;
        let work = ByRule {
            records: self,
            ctx: wishes.asked.context(attempt, id),
            object: self.shape_named(&batch.object)?.object,
            id,
            rule: Rule::parse(&wishes.rule)?,
            deed: wishes.deed,
        };
        batches::drive(attempt, id, &work).await
    }
}

/// The keys that differ, as they were and as they would be.
fn differing(before: &Record, after: &Record) -> (Record, Record) {
    let keys = after.keys().filter(|key| !matches!(key.as_str(), "version" | "updatedAt"));
    let keys: Vec<&String> = keys.filter(|key| before.get(*key) != after.get(*key)).collect();
    let of = |record: &Record| {
        let value = |key: &&String| (**key).clone();
        keys.iter().map(|key| (value(key), record.get(*key).cloned().unwrap_or_default())).collect()
    };
    (of(before), of(after))
}

impl ByRule<'_> {
    /// What fits and was there when the change was asked for.
    async fn fitting(&self, db: &Read) -> Result<Select> {
        let of = (&self.rule, self.deed.action);
        let select = self.records.fitting(&self.ctx, db, self.object, of).await?;
        Ok(select.only(Condition::Compare("id", Comparison::Less, self.id.into())))
    }

    async fn some(&self, db: &Write, wanted: &[Id], counts: &mut Counts) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let among = Condition::In("id", wanted.iter().copied().map(Value::from).collect());
        let select = self.fitting(db).await?.only(among).show(&["id"]);
        let still = db.ids(&select).await?;
        for id in wanted {
            counts.done += 1;
            let of = (self.object.name, *id);
            if !still.contains(id) {
                counts.skipped += 1;
                let why = "It stopped fitting the rule before its turn.";
                Fault::skipped(of, "no_longer_fits", why.to_owned()).note(db, self.id)?;
                continue;
            }
            match self.records.act(&self.ctx, db, self.object, (*id, &self.deed)).await {
                Ok(()) => counts.changed += 1,
                Err(error) if batches::is_of_one(&error) => {
                    counts.failed += 1;
                    Fault::failed(of, &error).note(db, self.id)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Work for ByRule<'_> {
    fn total<'a>(&'a self, db: &'a Read) -> Step<'a, u64> {
        Box::pin(async move {
            Ok(u64::try_from(db.count(self.fitting(db).await?).await?).unwrap_or_default())
        })
    }

    fn look<'a>(&'a self, db: &'a Read, batch: &'a Batch) -> Step<'a, Vec<Id>> {
        Box::pin(async move {
            let mut select = self.fitting(db).await?.show(&["id"]).by("id", false).at_most(AHEAD);
            if let Some(position) = batch.position {
                let newer = Condition::Compare("id", Comparison::Greater, position.into());
                select = select.only(newer);
            }
            db.ids(&select).await
        })
    }

    fn act<'a>(&'a self, db: &'a Write, ids: &'a [Id], counts: &'a mut Counts) -> Step<'a, ()> {
        Box::pin(self.some(db, ids, counts))
    }
}
