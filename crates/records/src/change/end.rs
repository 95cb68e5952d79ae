//! Ending: deletion with what goes with it, and bringing back.

use kith_kernel::{Id, Result, Time};
use kith_platform::Ctx;
use kith_store::{Condition, Value, Write};
use serde_json::Value as Json;

use super::{Manner, reading, refuse_stale, save, tell};
use crate::{
    Records,
    catalog::Shape,
    custom,
    describe::{Change, Object, OnDelete, Record, What},
    encode,
    merged::refuse_merged,
};

impl Records {
    /// Deletes a record: it is no longer found, and can be restored. What cascades goes with it.
    pub async fn delete(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, manner): (Id, Manner),
    ) -> Result<()> {
        // What is looked for is found before it is asked what goes with it.
        let mut all = vec![(object, id, manner)];
        let mut at = 0;
        while let Some((object, id, manner)) = all.get(at).copied() {
            let manner = Manner { expected: None, ..manner };
            let with_it = self.cascade(db, object, id).await?;
            for (object, id) in with_it {
                // By two ways it is one record.
                if !all.iter().any(|(_, known, _)| *known == id) {
                    all.push((object, id, manner));
                }
            }
            at += 1;
        }
        // What points goes before what it points at: the way back, newest first, then finds everything in its place.
        let now = ctx.now();
        for (object, id, manner) in all.into_iter().rev() {
            self.delete_one(ctx, db, object, (id, manner, now)).await?;
        }
        Ok(())
    }

    async fn delete_one(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, manner, now): (Id, Manner, Time),
    ) -> Result<()> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let current = self.current(ctx, db, &shape, id, false).await?;
        refuse_stale(&current, manner.expected)?;
        let after = current.record.clone();
        let change = Change {
            what: What::Deleted,
            id,
            before: Some(current.record),
            after,
            given: Record::new(),
        };
        object.rules.check(&change)?;
        let update = object.change().set("deleted_at", now).set("updated_at", now);
        save::at_version(db, update, id, current.version).await?;
        db.unindex(id).await?;
        custom::release(db, id, &custom).await?;
        let all: Vec<_> = custom.iter().map(|field| (field, Json::Null)).collect();
        let told = tell::Told { change: &change, custom: &all, was: &current.custom };
        tell::tell(ctx, db, object, &told)?;
        self.follow(ctx, db, object, &change).await
    }

    /// Brings a deleted record back, with what went with it, and answers with it.
    ///
    /// # Errors
    /// `NotFound` when it is not among the deleted, `Conflict` when its external id was taken meanwhile.
    pub async fn restore(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, manner): (Id, Manner),
    ) -> Result<Record> {
        let then = gone_at(db, object, id).await?;
        let restored = self.restore_alone(ctx, db, object, (id, manner)).await?;
        let Some(then) = then else { return Ok(restored) };
        let manner = Manner { expected: None, ..manner };
        let mut all = vec![(object, id)];
        while let Some((object, id)) = all.pop() {
            for (with_it, id) in self.cascaded(db, object, (id, then)).await? {
                // By two ways it is one record.
                if gone_at(db, with_it, id).await? == Some(then)
                    && self.comes_along(ctx, db, with_it, (id, manner)).await?
                {
                    all.push((with_it, id));
                }
            }
        }
        Ok(restored)
    }

    /// Brings back what went with another; says whether it came, for another may have its place by now.
    async fn comes_along(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, manner): (Id, Manner),
    ) -> Result<bool> {
        if !object.rules.stays_away() {
            self.restore_alone(ctx, db, object, (id, manner)).await?;
            return Ok(true);
        }
        let come = async |db: &Write| self.restore_alone(ctx, db, object, (id, manner)).await;
        match db.attempt(come).await {
            Err(error) if error.code() == "taken" => Ok(false),
            come => come.map(|_| true),
        }
    }

    /// The same, of one record: what went with it stays away.
    pub(crate) async fn restore_alone(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, manner): (Id, Manner),
    ) -> Result<Record> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let current = self.current(ctx, db, &shape, id, true).await?;
        refuse_merged(db, object, id).await?;
        refuse_stale(&current, manner.expected)?;
        let mut after = current.record.clone();
        after.remove("deletedAt");
        after.insert("version".to_owned(), (current.version + 1).into());
        after.insert("updatedAt".to_owned(), ctx.now().to_string().into());
        let mut change =
            Change { what: What::Restored, id, before: None, after, given: Record::new() };
        object.rules.check(&change)?;
        if !manner.known_links {
            self.check_links(db, &shape, &mut change).await?;
        }
        come_back(ctx, db, &shape, (&mut change, current.version)).await?;
        let reading = reading(ctx, change.after.get("currency"));
        custom::claim_again(db, id, &custom, (&current.custom, reading)).await?;
        let told = tell::Told { change: &change, custom: &[], was: &current.custom };
        tell::tell(ctx, db, object, &told)?;
        self.find_by(db, &shape, &change, (&current.custom, true)).await?;
        self.follow(ctx, db, object, &change).await?;
        Ok(encode::answer(&shape, id, &change.after, (&custom, &current.custom)))
    }

    /// What went with a record at a time, and is still gone.
    async fn cascaded(
        &self,
        db: &Write,
        object: &Object,
        (id, gone_at): (Id, Time),
    ) -> Result<Vec<(&'static Object, Id)>> {
        let mut with_it = Vec::new();
        for shape in self.shapes() {
            for field in &shape.fields {
                let crate::Kind::Link(to, OnDelete::Cascade) = field.kind else { continue };
                if to != object.name {
                    continue;
                }
                let pointing =
                    shape.object.rows().whose(field.column, id).whose("deleted_at", gone_at);
                with_it.extend(
                    db.ids(&pointing.show(&["id"])).await?.into_iter().map(|id| (shape.object, id)),
                );
            }
        }
        Ok(with_it)
    }

    /// What else goes when a record is deleted; refuses when something else must not lose it.
    async fn cascade(
        &self,
        db: &Write,
        object: &Object,
        id: Id,
    ) -> Result<Vec<(&'static Object, Id)>> {
        let mut with_it = Vec::new();
        for shape in self.shapes() {
            for field in &shape.fields {
                let crate::Kind::Link(to, on_delete) = field.kind else { continue };
                if to != object.name || on_delete == OnDelete::Clear {
                    continue;
                }
                let pointing =
                    shape.object.rows().whose(field.column, id).only(Condition::Null("deleted_at"));
                if on_delete == OnDelete::Refuse {
                    if db.exists(pointing).await? {
                        let why = format!(
                            "Some {} still point at this {}.",
                            shape.object.plural, object.name
                        );
                        return Err(kith_kernel::conflict("in_use", why));
                    }
                    continue;
                }
                db.each(&pointing.show(&["id"]), |row| {
                    with_it.push((shape.object, row.id(0)?.unwrap_or_default()));
                    Ok(())
                })
                .await?;
            }
        }
        Ok(with_it)
    }
}

/// Writes that a record is there again, without what it gives up where another has it by now.
async fn come_back(
    ctx: &Ctx,
    db: &Write,
    shape: &Shape,
    (change, version): (&mut Change, i64),
) -> Result<()> {
    let (object, id) = (shape.object, change.id);
    let update = || object.change().set("deleted_at", Value::Null).set("updated_at", ctx.now());
    let columns = object.rules.gives_up();
    if columns.is_empty() {
        let written = save::at_version(db, update(), id, version).await;
        return written.map_err(|error| save::name(shape, error));
    }
    let whole = async |db: &Write| save::at_version(db, update(), id, version).await;
    match db.attempt(whole).await {
        Err(error) if error.code() == "taken" => {}
        written => return written,
    }
    let without = columns.iter().fold(update(), |update, column| update.set(column, Value::Null));
    for field in shape.fields.iter().filter(|field| columns.contains(&field.column)) {
        change.after.insert(field.key.to_owned(), Json::Null);
    }
    save::at_version(db, without, id, version).await.map_err(|error| save::name(shape, error))
}

/// When a record was deleted, where it is.
async fn gone_at(db: &Write, object: &Object, id: Id) -> Result<Option<Time>> {
    let mut at = None;
    let select = object.rows().show(&["deleted_at"]).whose("id", id);
    db.each(&select, |row| {
        at = row.time(0)?;
        Ok(())
    })
    .await?;
    Ok(at)
}
