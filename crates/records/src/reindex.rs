//! The word index made anew from the records themselves: for databases that were copied without it.

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition};

use crate::{
    Records,
    catalog::Shape,
    describe::{Change, FoundBy, Record, What},
    encode,
};

/// Records of a write: fewer than would hold the writer for long.
const AT_ONCE: u64 = 100;

impl Records {
    /// Makes every record of the actor's tenant findable; says how many there are. Safe to repeat.
    pub async fn reindex(
        &self,
        ctx: &Ctx,
        progress: impl AsyncFn(u64) -> Result<()>,
    ) -> Result<u64> {
        let mut sum = 0;
        let objects = ctx.read(async |db| self.all_objects(db).await).await?;
        for object in objects {
            let shape = self.shape(object)?;
            if shape.fields.iter().all(|field| field.found_by == FoundBy::Nothing) {
                continue;
            }
            let mut after = None;
            loop {
                let (count, last) = self.reindex_some(ctx, &shape, after).await?;
                sum += count;
                progress(count).await?;
                if last.is_none() {
                    break;
                }
                after = last;
            }
        }
        Ok(sum)
    }

    /// The records behind one, some of them; says how many and which was the last.
    async fn reindex_some(
        &self,
        ctx: &Ctx,
        shape: &Shape,
        after: Option<Id>,
    ) -> Result<(u64, Option<Id>)> {
        let mut select = shape
            .object
            .rows()
            .show(&shape.columns)
            .only(Condition::Null("deleted_at"))
            .by("id", false)
            .at_most(AT_ONCE);
        if let Some(after) = after {
            select = select.only(Condition::Compare("id", Comparison::Greater, after.into()));
        }
        ctx.write(async |db| {
            let mut found: Vec<(Id, Record, Record)> = Vec::new();
            db.each(&select, |row| {
                let (record, custom) = encode::record(shape, row, ctx.actor.currency)?;
                found.extend(row.id(0)?.map(|id| (id, record, custom)));
                Ok(())
            })
            .await?;
            for (id, record, custom) in &found {
                let (after, given) = (record.clone(), Record::new());
                let change = Change { what: What::Updated, id: *id, before: None, after, given };
                self.find_by(db, shape, &change, (custom, true)).await?;
            }
            Ok((found.len() as u64, found.last().map(|(id, ..)| *id)))
        })
        .await
    }
}
