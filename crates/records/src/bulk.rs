//! Bulk changes: up to a thousand records by their ids at once, or all that fit a rule by a job.

mod rule;

use kith_http::{Answer, Call, schema, schema::Schema};
use kith_kernel::{Actor, Error, Id, Result, Role, Rule, forbidden, invalid};
use kith_platform::{Attempts, Ctx};
use kith_store::Write;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::{
    Manner, Records,
    batches::{self, Counts, Fault, Kind, New, Reached, State},
    describe::Object,
};

pub(crate) use rule::register;

const MOST_IDS: usize = 1_000;
/// So many records share a transaction, so that no write holds the others up for long.
const CHUNK: usize = 50;

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Action {
    Update,
    Delete,
    Restore,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }
}

/// The body of a bulk change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bulk {
    action: Action,
    ids: Option<Vec<Id>>,
    rule: Option<Json>,
    filter: Option<Json>,
    #[serde(default)]
    changes: Map<String, Json>,
    dry_run: Option<bool>,
}

/// What is done to each record.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deed {
    action: Action,
    changes: Map<String, Json>,
}

/// Which records.
enum Which {
    Ids(Vec<Id>),
    Fitting(Rule),
}

/// What may be sent.
pub(crate) fn body() -> Schema {
    let rule = "Instead of ids: all records that fit it, by a job; as in ?filter=.";
    schema::object(
        vec![
            ("action", schema::one_of(&["update", "delete", "restore"])),
            ("ids", schema::nullable(schema::list(schema::id()))),
            ("rule", schema::described(schema::any(), rule)),
            ("filter", schema::described(schema::any(), "Another name of rule.")),
            ("changes", schema::open_object()),
            (
                "dryRun",
                schema::described(
                    schema::nullable(schema::boolean()),
                    "With a rule: says how many fit, and what would become of the first.",
                ),
            ),
        ],
        &["action"],
    )
}

/// Deleting and restoring many takes what deleting and restoring one takes.
fn may_end(actor: &Actor, object: &Object) -> Result<()> {
    if actor.role < Role::Admin {
        return Err(forbidden("Deleting and restoring take the role admin or a higher one."));
    }
    actor.scopes.require(object.scope(), "delete")
}

impl Bulk {
    fn which(&mut self) -> Result<Which> {
        let rule = match (self.rule.take(), self.filter.take()) {
            (Some(_), Some(_)) => {
                return Err(invalid("filter", "is another name of rule: give one"));
            }
            (Some(rule), None) | (None, Some(rule)) if !rule.is_null() => Some(rule),
            _ => None,
        };
        match (self.ids.take(), rule) {
            (Some(_), None) if self.dry_run == Some(true) => {
                Err(invalid("dryRun", "goes with a rule"))
            }
            (Some(ids), None) if (1..=MOST_IDS).contains(&ids.len()) => Ok(Which::Ids(ids)),
            (Some(_), None) => Err(invalid("ids", format!("must hold 1 to {MOST_IDS} ids"))),
            (None, Some(rule)) => Rule::parse(&rule).map(Which::Fitting),
            (None, None) => Err(invalid("ids", "are required, or a rule")),
            (Some(_), Some(_)) => Err(invalid("rule", "goes without ids")),
        }
    }
}

impl Records {
    /// Changes, deletes or restores records; each succeeds or fails by itself.
    pub(crate) async fn bulk(&self, call: &mut Call, object: &'static Object) -> Result<Answer> {
        let mut bulk: Bulk = call.parse().await?;
        if bulk.action != Action::Update {
            may_end(&call.ctx.actor, object)?;
        }
        if (bulk.action == Action::Update) == bulk.changes.is_empty() {
            return Err(invalid("changes", "are needed to update, and for nothing else"));
        }
        let which = bulk.which()?;
        let deed = Deed { action: bulk.action, changes: bulk.changes };
        match which {
            Which::Ids(ids) => self.at_once(&call.ctx, object, (&deed, &ids)).await,
            Which::Fitting(rule) if bulk.dry_run == Some(true) => {
                self.try_by_rule(&call.ctx, object, (&deed, &rule)).await
            }
            Which::Fitting(rule) => self.begin_by_rule(&call.ctx, object, (deed, &rule)).await,
        }
    }

    async fn at_once(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (deed, ids): (&Deed, &[Id]),
    ) -> Result<Answer> {
        // What no record could take is told at once, and not by each of them.
        ctx.read(async |db| self.check_changes(ctx, db, object, &deed.changes).await).await?;
        let batch = ctx.new_id();
        let ctx = ctx.in_batch(batch);
        let mut failed = Vec::new();
        for (number, chunk) in ids.chunks(CHUNK).enumerate() {
            let place = Place {
                batch,
                of: ids.len(),
                is_first: number == 0,
                is_last: (number + 1) * CHUNK >= ids.len(),
            };
            let errors = self.chunks(&ctx, object, (deed, chunk, place)).await?;
            failed.extend(errors.into_iter().map(|(id, error)| {
                json!({ "id": id, "code": error.code(), "message": error.in_one_line(), "errors": error.problems() })
            }));
        }
        let succeeded = ids.len() - failed.len();
        Answer::json(&json!({ "batchId": batch, "succeeded": succeeded, "failed": failed }))
    }

    async fn chunks(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (deed, ids, place): (&Deed, &[Id], Place),
    ) -> Result<Vec<(Id, Error)>> {
        let mut attempts = Attempts::new();
        loop {
            let done =
                ctx.write(async |db| self.chunk(ctx, db, object, (deed, ids, place)).await).await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }

    async fn chunk(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (deed, ids, place): (&Deed, &[Id], Place),
    ) -> Result<Vec<(Id, Error)>> {
        if place.is_first {
            let of = (object.name, deed.action.name());
            let total = Some(place.of as u64);
            batches::begin(ctx, db, &New { total, ..New::running(place.batch, Kind::Bulk, of) })?;
        }
        let batch = batches::find(db, place.batch).await?;
        let mut failed = Vec::new();
        for id in ids {
            match self.act(ctx, db, object, (*id, deed)).await {
                Ok(()) => {}
                Err(error) if error.code() == "contended" => return Err(error),
                Err(error) => failed.push((*id, error)),
            }
        }
        let mut counts: Counts = batch.counts.0;
        counts.done += ids.len() as u64;
        counts.failed += failed.len() as u64;
        counts.changed += (ids.len() - failed.len()) as u64;
        for (id, error) in &failed {
            Fault::failed((object.name, *id), error).note(db, place.batch)?;
        }
        let state = if place.is_last { State::Completed } else { State::Running };
        batch.reached(ctx, db, Reached::at(state, counts)).await?;
        Ok(failed)
    }

    /// Does it to one record, with a way back.
    async fn act(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, deed): (Id, &Deed),
    ) -> Result<()> {
        let manner = Manner::default();
        db.attempt(async |db| match deed.action {
            Action::Update => {
                let changes = deed.changes.clone();
                self.update(ctx, db, object, (id, changes, manner)).await.map(drop)
            }
            Action::Delete => self.delete(ctx, db, object, (id, manner)).await,
            Action::Restore => self.restore(ctx, db, object, (id, manner)).await.map(drop),
        })
        .await
    }
}

/// Where a chunk stands in its batch.
#[derive(Clone, Copy)]
struct Place {
    batch: Id,
    of: usize,
    is_first: bool,
    is_last: bool,
}
