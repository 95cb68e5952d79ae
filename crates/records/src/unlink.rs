//! Links to what is gone for good: records that pointed at it stay, and point at nothing.

use kith_kernel::{Id, Result};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::{Condition, Delete, Select, Value, Write};
use serde_json::json;

use crate::{
    Records,
    catalog::Shape,
    describe::{Field, Kind, Record},
};

/// Rows of one transaction.
const AT_ONCE: u64 = 50;

impl Records {
    /// Of the fields that say so by themselves: a deal keeps its amount. Says how many there were.
    pub(crate) async fn clear_links(&self, ctx: &Ctx, records: &[(String, Id)]) -> Result<u64> {
        let mut sum = 0;
        let ids: Vec<Value> = records.iter().map(|(_, id)| (*id).into()).collect();
        for shape in self.shapes() {
            for field in &shape.fields {
                let Kind::Link(to, _) = field.kind else { continue };
                // What must lead somewhere leads where nothing is.
                if field.required || !records.iter().any(|(name, _)| name == to) {
                    continue;
                }
                let pointing = Condition::In(field.column, ids.clone());
                let select =
                    shape.object.rows().show(&["id", field.column, "deleted_at"]).only(pointing);
                let select = select.at_most(AT_ONCE);
                loop {
                    // Not every link has an index: nobody waits while it is looked for.
                    let some = ctx.read(async |db| db.ids(&select).await);
                    let some: Vec<Value> = some.await?.into_iter().map(Value::from).collect();
                    if some.is_empty() {
                        break;
                    }
                    let among = select.clone().only(Condition::In("id", some));
                    let some = ctx.write(async |db| clear(ctx, db, (shape, field), &among).await);
                    sum += some.await?;
                }
            }
        }
        Ok(sum)
    }

    /// The same of links that the tenant added.
    pub(crate) async fn clear_custom_links(
        &self,
        ctx: &Ctx,
        records: &[(String, Id)],
    ) -> Result<u64> {
        let mut sum = 0;
        for (_, id) in records {
            let select = Select::from("links").show(&["record_id", "relation"]);
            let select = select.whose("target_id", *id).at_most(AT_ONCE);
            loop {
                let cleared = ctx
                    .write(async |db| {
                        let mut some: Vec<(Id, String)> = Vec::new();
                        db.each(&select, |row| {
                            let relation = row.text(1)?.map(str::to_owned);
                            some.extend(row.id(0)?.zip(relation));
                            Ok(())
                        })
                        .await?;
                        for (record, relation) in &some {
                            self.clear_custom_link(ctx, db, (*record, relation, *id)).await?;
                        }
                        Ok(some.len())
                    })
                    .await?;
                sum += cleared as u64;
                if cleared == 0 {
                    break;
                }
            }
        }
        Ok(sum)
    }

    async fn clear_custom_link(
        &self,
        ctx: &Ctx,
        db: &Write,
        (record, relation, target): (Id, &str, Id),
    ) -> Result<()> {
        let mut object = None;
        let anchor = Select::from("anchors").show(&["object"]).whose("id", record);
        db.each(&anchor, |row| {
            object = row.text(0)?.map(str::to_owned);
            Ok(())
        })
        .await?;
        if let Some(object) = object {
            let shape = self.shape_named(&object)?;
            let change = |values: &mut Record| {
                values.remove(relation);
            };
            self.rewrite(ctx, db, &shape, (record, &change)).await?;
        }
        let delete = Delete::from("links").whose("record_id", record);
        db.delete(delete.whose("relation", relation).whose("target_id", target)).await.map(drop)
    }
}

async fn clear(
    ctx: &Ctx,
    db: &Write,
    (shape, field): (&Shape, &Field),
    select: &Select,
) -> Result<u64> {
    let mut some: Vec<(Id, Id, bool)> = Vec::new();
    db.each(select, |row| {
        let is_deleted = row.time(2)?.is_some();
        some.extend(row.id(0)?.zip(row.id(1)?).map(|(record, from)| (record, from, is_deleted)));
        Ok(())
    })
    .await?;
    for (record, from, is_deleted) in &some {
        let update = shape.object.change().set(field.column, Value::Null).whose("id", *record);
        if *is_deleted {
            // Nobody sees it change, and it comes back as it went.
            db.update(update).await?;
            continue;
        }
        db.update(update.set("updated_at", ctx.now()).plus("version", 1)).await?;
        let changes = json!({ "before": { field.key: from }, "after": { field.key: null } });
        let event = Event {
            name: format!("{}.updated", shape.object.name),
            object: shape.object.name,
            record: Some(*record),
            changes: Some(changes.to_string()),
            batch: ctx.batch,
        };
        events::append(ctx, db, event)?;
    }
    Ok(some.len() as u64)
}
