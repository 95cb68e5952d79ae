//! The trash: deleted records whose time is over go for good, some in each write, with all that hangs on them.

use std::sync::Arc;

use kith_kernel::{Id, Result, Time};
use kith_platform::{
    Attempts, Ctx,
    events::{self, Event},
};
use kith_store::{Catalog, Comparison, Condition, Delete, Select, Value, Write};
use serde_json::json;

use super::{Retention, keep::stop_if_asked};
use crate::{
    Manner, Records,
    describe::{Desk, Kind, Object, Routes},
    encode,
    erased::take_along,
};

/// Records of one write.
const AT_ONCE: u64 = 20;
/// What keeps a tenant going stays among the deleted: what is there leads to it.
const KEPT: [&str; 3] = ["member", "pipeline", "stage"];
/// What tells of records that are gone: into which one they were merged, and why a batch passed them over. Keys by which
/// duplicates are found went with the deletion.
const STAYS: [&str; 4] = ["merged_records", "merge_moves", "batch_faults", "duplicate_keys"];

/// What empties the trash of tenants.
#[derive(Clone)]
pub struct Trash {
    records: Arc<Records>,
    /// Every table.
    catalog: Catalog,
}

impl Trash {
    /// Of the records of this engine, in these tables.
    pub fn new(records: &Arc<Records>, catalog: Catalog) -> Self {
        Self { records: Arc::clone(records), catalog }
    }

    /// What was deleted before an instant goes; that is noted first, so that nobody is told half a past.
    pub(super) async fn empty(
        &self,
        ctx: &Ctx,
        (retention, before): (&Retention, Time),
    ) -> Result<()> {
        if retention.trash_before.is_none_or(|known| known < before) {
            let update = retention.update().set("trash_before", before);
            ctx.write(async |db| db.update(update).await).await?;
        }
        let objects = ctx.read(async |db| self.records.all_objects(db).await).await?;
        for object in objects.into_iter().filter(|object| !KEPT.contains(&object.name)) {
            let old = Condition::Compare("deleted_at", Comparison::Less, before.into());
            let select = object.rows().show(&["id"]).only(old).by("id", false).at_most(AT_ONCE);
            let mut behind = Id::NIL;
            loop {
                stop_if_asked(ctx)?;
                let next = Condition::Compare("id", Comparison::Greater, behind.into());
                let select = select.clone().only(next);
                let ids = ctx.read(async |db| db.ids(&select).await).await?;
                let Some(last) = ids.last() else { break };
                behind = *last;
                self.purge(ctx, object, (&ids, before)).await?;
            }
        }
        Ok(())
    }

    /// Takes some records of an object away, behind what leads to them.
    async fn purge(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (ids, before): (&[Id], Time),
    ) -> Result<()> {
        let named: Vec<_> = ids.iter().map(|id| (object.name.to_owned(), *id)).collect();
        self.records.clear_custom_links(ctx, &named).await?;
        self.records.clear_links(ctx, &named).await?;
        self.delete_files(ctx, ids).await?;
        ctx.write(async |db| self.purge_in(ctx, db, object, (ids, before)).await).await
    }

    async fn purge_in(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (ids, before): (&[Id], Time),
    ) -> Result<()> {
        let shape = self.records.shape(object)?;
        let old = Condition::Compare("deleted_at", Comparison::Less, before.into());
        let among = Condition::In("id", ids.iter().copied().map(Value::from).collect());
        // What somebody brought back meanwhile stays.
        let select = object.rows().show(&shape.columns).only(among).only(old);
        let mut found = Vec::new();
        db.each(&select, |row| {
            let id = row.id(0)?.unwrap_or_default();
            let (mut record, _) = encode::record(&shape, row, ctx.actor.currency)?;
            record.insert("id".to_owned(), id.to_string().into());
            found.push((id, record));
            Ok(())
        })
        .await?;
        for (_, record) in &found {
            if !object.rules.is_plain() {
                object.rules.forget(Desk { records: &self.records, ctx, db }, record).await?;
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let gone: Vec<Id> = found.iter().map(|(id, _)| *id).collect();
        take_along(db, (&self.catalog, &STAYS), &gone).await?;
        let gone = gone.into_iter().map(Value::from).collect();
        db.delete(Delete::from(object.table()).only(Condition::In("id", gone))).await?;
        let told = json!({ "after": { "object": object.name, "count": found.len(), "deletedBefore": before } });
        let event = Event {
            name: "retention.purged".to_owned(),
            object: "retention",
            record: None,
            changes: Some(told.to_string()),
            batch: ctx.batch,
        };
        events::append(ctx, db, event).map(drop)
    }

    /// Files that are attached to what goes are deleted as anybody deletes them, and go in their own time.
    async fn delete_files(&self, ctx: &Ctx, ids: &[Id]) -> Result<()> {
        for object in self.records.objects().filter(|object| object.routes == Routes::Uploaded) {
            let related = object.fields.iter().find(|field| field.kind == Kind::Related);
            let Some(related) = related else { continue };
            let at = Condition::In(related.column, ids.iter().copied().map(Value::from).collect());
            let select = object.rows().show(&["id"]).only(at).at_most(AT_ONCE);
            let select = select.only(Condition::Null("deleted_at"));
            while self.delete_some(ctx, object, &select).await? {
                stop_if_asked(ctx)?;
            }
        }
        Ok(())
    }

    async fn delete_some(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        select: &Select,
    ) -> Result<bool> {
        let mut attempts = Attempts::new();
        loop {
            let done = ctx
                .write(async |db| {
                    let ids = db.ids(select).await?;
                    for id in &ids {
                        self.records.delete(ctx, db, object, (*id, Manner::default())).await?;
                    }
                    Ok(!ids.is_empty())
                })
                .await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }
}
