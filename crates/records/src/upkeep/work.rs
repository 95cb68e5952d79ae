//! A chore under way: through all records that it is about, in the order of their ids, whatever they are.

use std::collections::HashMap;

use kith_kernel::{Id, Result};
use kith_platform::{Ctx, jobs::Attempt};
use kith_store::{Comparison, Condition, Read, Select, Value, Write, equals};
use serde_json::Value as Json;

use super::{Chore, Upkeep, Wishes, done, parts::Part};
use crate::{
    Manner,
    batches::{self, AHEAD, Batch, Counts, Fault, Step, Work},
    describe::{Object, Record},
};

/// One chore under way.
struct Run<'a> {
    upkeep: &'a Upkeep,
    ctx: Ctx,
    /// The batch; what was made later is none of its business.
    id: Id,
    chore: Chore,
    parts: Vec<Part>,
}

impl Upkeep {
    pub(super) async fn run(&self, attempt: &Attempt, id: Id) -> Result<()> {
        let batch = attempt.read(async |db| batches::find(db, id).await).await?;
        let wishes = batch.wishes.map(|wishes| serde_json::from_value(wishes.0)).transpose();
        let wishes: Option<Wishes> = wishes
            .map_err(|error| kith_kernel::internal("a chore cannot be read").caused_by(error))?;
        let Wishes { chore, asked } = done(wishes, "a chore without its wishes")?;
        let parts = attempt.read(async |db| self.parts(db, &chore).await).await?;
        let run = Run { upkeep: self, ctx: asked.context(attempt, id), id, chore, parts };
        batches::drive(attempt, id, &run).await
    }
}

impl Run<'_> {
    async fn some(&self, db: &Write, wanted: &[Id], counts: &mut Counts) -> Result<()> {
        let mut of: HashMap<Id, &'static Object> = HashMap::new();
        if !wanted.is_empty() {
            for (object, condition) in &self.parts {
                // What changed since it was looked for is looked at again.
                let among = Condition::In("id", wanted.iter().copied().map(Value::from).collect());
                let select = object.rows().show(&["id"]).only(among).only(condition.clone());
                db.each(&select, |row| {
                    of.extend(row.id(0)?.map(|id| (id, *object)));
                    Ok(())
                })
                .await?;
            }
        }
        for id in wanted {
            counts.done += 1;
            let Some(object) = of.get(id).copied() else {
                counts.skipped += 1;
                continue;
            };
            match db.attempt(async |db| self.one(db, object, *id).await).await {
                Ok(()) => counts.changed += 1,
                Err(error) if batches::is_of_one(&error) => {
                    counts.failed += 1;
                    Fault::failed((object.name, *id), &error).note(db, self.id)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn one(&self, db: &Write, object: &'static Object, id: Id) -> Result<()> {
        let (records, ctx) = (&self.upkeep.records, &self.ctx);
        match self.chore {
            Chore::Archive { .. } => {
                let now = Json::from(ctx.now().to_string());
                let input = Record::from_iter([("archivedAt".to_owned(), now)]);
                records.update(ctx, db, object, (id, input, Manner::HOUSE)).await.map(drop)
            }
            Chore::Orphans | Chore::TestData | Chore::All => {
                records.delete(ctx, db, object, (id, Manner::default())).await
            }
        }
    }
}

/// How many records each part has.
pub(super) async fn count(db: &Read, parts: &[Part]) -> Result<Vec<(&'static Object, u64)>> {
    let mut counts = Vec::with_capacity(parts.len());
    for (object, condition) in parts {
        let count = db.count(object.rows().only(condition.clone())).await?;
        counts.push((*object, u64::try_from(count).unwrap_or_default()));
    }
    Ok(counts)
}

impl Work for Run<'_> {
    fn total<'a>(&'a self, db: &'a Read) -> Step<'a, u64> {
        Box::pin(async move {
            Ok(count(db, &self.parts).await?.into_iter().map(|(_, count)| count).sum())
        })
    }

    fn look<'a>(&'a self, db: &'a Read, batch: &'a Batch) -> Step<'a, Vec<Id>> {
        Box::pin(async move {
            let each = self.parts.iter().map(|(object, condition)| {
                let row = object.row_of("id", vec![condition.clone()]);
                Condition::All(vec![equals("object", object.name), row])
            });
            let older = Condition::Compare("id", Comparison::Less, self.id.into());
            let mut select = Select::from("anchors").show(&["id"]).only(older);
            select = select.only(Condition::Any(each.collect())).by("id", false).at_most(AHEAD);
            if let Some(position) = batch.position {
                select =
                    select.only(Condition::Compare("id", Comparison::Greater, position.into()));
            }
            db.ids(&select).await
        })
    }

    fn act<'a>(&'a self, db: &'a Write, ids: &'a [Id], counts: &'a mut Counts) -> Step<'a, ()> {
        Box::pin(self.some(db, ids, counts))
    }
}
