//! Links: records that point at a person stay, and point at nobody.

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Condition, Delete, Select, Value, Write};
use serde_json::json;

use super::{
    Personal,
    erase::{AT_ONCE, tell},
    subject::Subject,
};
use crate::{
    batches::Counts,
    catalog::Shape,
    describe::{Field, Kind, Record},
};

impl Personal {
    /// Of the fields that say so by themselves: a deal keeps its amount.
    pub(super) async fn clear_links(
        &self,
        ctx: &Ctx,
        subject: &Subject,
        counts: &mut Counts,
    ) -> Result<()> {
        let ids: Vec<Value> = subject.records.iter().map(|(_, id)| (*id).into()).collect();
        for shape in self.records.shapes() {
            for field in &shape.fields {
                let Kind::Link(to, _) = field.kind else { continue };
                if !subject.records.iter().any(|(name, _)| name == to) {
                    continue;
                }
                let pointing = Condition::In(field.column, ids.clone());
                let select = shape.object.rows().show(&["id", field.column]).only(pointing);
                let select = select.at_most(AT_ONCE);
                loop {
                    let some = ctx.write(async |db| clear(ctx, db, (shape, field), &select).await);
                    let cleared = some.await?;
                    counts.done += cleared;
                    counts.changed += cleared;
                    if cleared == 0 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The same of links that the tenant added.
    pub(super) async fn clear_custom_links(
        &self,
        ctx: &Ctx,
        subject: &Subject,
        counts: &mut Counts,
    ) -> Result<()> {
        for (_, id) in &subject.records {
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
                counts.done += cleared as u64;
                counts.changed += cleared as u64;
                if cleared == 0 {
                    break;
                }
            }
        }
        Ok(())
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
            let shape = self.records.shape_named(&object)?;
            let change = |values: &mut Record| {
                values.remove(relation);
            };
            self.records.rewrite(ctx, db, &shape, (record, &change)).await?;
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
    let mut some: Vec<(Id, Id)> = Vec::new();
    db.each(select, |row| {
        some.extend(row.id(0)?.zip(row.id(1)?));
        Ok(())
    })
    .await?;
    for (record, from) in &some {
        let update = shape.object.change().set(field.column, Value::Null);
        let update = update.set("updated_at", ctx.now()).plus("version", 1);
        db.update(update.whose("id", *record)).await?;
        let changes = json!({ "before": { field.key: from }, "after": { field.key: null } });
        let batch = ctx.batch.unwrap_or_default();
        tell(ctx, db, (shape.object, "updated", *record), (batch, Some(changes)))?;
    }
    Ok(some.len() as u64)
}
