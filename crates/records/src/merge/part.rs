//! Parting: a merge read backwards, with what was changed by hand since left as it is, and told.

use std::collections::{HashMap, HashSet};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, conflict, not_found};
use kith_platform::Ctx;
use kith_store::{Condition, Delete, Read, Select, Update, Value, Write};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    Changes, Stored,
    moves::{self, Turn, turn_to},
    tell,
};
use crate::{Manner, Records, change::PutBack, describe::Object, erased::is_purged};

/// A turned link as it is stored.
#[derive(Debug, Clone, Deserialize)]
struct Turned {
    record_id: Id,
    field: String,
    object: String,
    from_id: Id,
}

impl Records {
    /// Takes a merge back and says what could not be.
    ///
    /// # Errors
    /// `NotFound` when there was none, `Conflict` when it was undone already, or what stays was deleted or merged itself.
    pub(super) async fn part(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        id: Id,
    ) -> Result<Json> {
        let select = Select::from("merges").whose("id", id).whose("object", object.name);
        let merge: Option<Stored> = db.first(select).await?;
        let merge = merge.ok_or_else(|| not_found("merge"))?;
        debug_assert!(merge.object == object.name && merge.id == id);
        self.refuse_parting(ctx, db, object, &merge).await?;
        let claim = Update::table("merges").set("undone_at", ctx.now()).whose("id", id);
        if db.update(claim.only(Condition::Null("undone_at"))).await? == 0 {
            return Err(undone());
        }
        db.delete(Delete::from("merged_records").whose("merge_id", id)).await?;
        let ctx = &ctx.in_batch(id);
        // What stays gives unique values back before those come that had them.
        let kept = self.put_back(ctx, db, object, &merge).await?;
        for other in &merge.others.0 {
            self.restore_alone(ctx, db, object, (*other, Manner::HOUSE)).await?;
        }
        let stayed = self.turn_back(ctx, db, &merge).await?;
        let told = json!({ "before": { "mergeId": id, "otherIds": merge.others.0 }, "after": { "kept": kept, "stayed": stayed } });
        tell(ctx, db, (object, "unmerged", merge.primary_id), (id, &told))?;
        let change = (merge.primary_id, crate::Record::new(), Manner::HOUSE);
        let record = self.update(ctx, db, object, change).await?;
        Ok(json!({
            "mergeId": id, object.name: record, "restoredIds": merge.others.0, "kept": kept, "stayed": stayed,
        }))
    }

    async fn refuse_parting(
        &self,
        ctx: &Ctx,
        db: &Read,
        object: &'static Object,
        merge: &Stored,
    ) -> Result<()> {
        if merge.undone_at.is_some() {
            return Err(undone());
        }
        match self.get(ctx, db, object, merge.primary_id).await {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => {
                let why = match error.code() {
                    "erased" | "purged" => error.message().to_owned(),
                    "merged" => format!("{} Undo that first.", error.message()),
                    _ => format!("The {} that stayed was deleted: restore it first.", object.name),
                };
                return Err(conflict("primary_gone", why));
            }
            Err(error) => return Err(error),
        }
        for other in &merge.others.0 {
            if is_purged(db, object, *other).await? {
                let why = format!("The {} {other} is not kept any more.", object.name);
                return Err(conflict("purged", why));
            }
        }
        Ok(())
    }

    /// Gives the fields that the merge changed their values again, and says which were changed since.
    async fn put_back(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        merge: &Stored,
    ) -> Result<Vec<String>> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let current = self.current(ctx, db, &shape, merge.primary_id, false).await?;
        let Changes { fields, custom: values, labels } = &merge.changes.0;
        let (mut back, mut kept) = (PutBack::default(), Vec::new());
        for (key, change) in fields {
            if current.record.get(key).unwrap_or(&Json::Null) == &change["after"] {
                back.fields.insert(key.clone(), change["before"].clone());
            } else {
                kept.push(key.clone());
            }
        }
        for (id, change) in values {
            // A custom field that was deleted since has no values any more.
            let Some(field) = custom.iter().find(|field| field.id.to_string() == *id) else {
                continue;
            };
            if current.custom.get(id).unwrap_or(&Json::Null) == &change["after"] {
                back.custom.push((field.clone(), change["before"].clone()));
            } else {
                kept.push(field.key());
            }
        }
        let there =
            current.record.get("labels").and_then(Json::as_array).cloned().unwrap_or_default();
        let is_added =
            |label: &Json| label.as_str().is_some_and(|name| labels.iter().any(|it| it == name));
        if there.iter().any(is_added) {
            back.labels = Some(there.into_iter().filter(|label| !is_added(label)).collect());
        }
        self.put(ctx, db, object, (merge.primary_id, back)).await?;
        Ok(kept)
    }

    /// Turns links back that still point where the merge turned them, and says which do not.
    async fn turn_back(&self, ctx: &Ctx, db: &Write, merge: &Stored) -> Result<Vec<Json>> {
        let select = Select::from("merge_moves").whose("merge_id", merge.id);
        let turned: Vec<Turned> = db.all(select).await?;
        let mut groups: HashMap<(String, String), Vec<Turned>> = HashMap::new();
        for one in turned {
            groups.entry((one.object.clone(), one.field.clone())).or_default().push(one);
        }
        let mut stayed = Vec::new();
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        for ((name, key), turned) in groups {
            let still = self.turn_field_back(ctx, db, (merge, &name, &key, &turned)).await?;
            // A custom field that was deleted since points nowhere.
            let Some(still) = still else { continue };
            let moved = turned.iter().filter(|one| !still.contains(&one.record_id));
            stayed.extend(
                moved.map(|one| json!({ "object": name, "id": one.record_id, "field": key })),
            );
        }
        Ok(stayed)
    }

    /// Of the links of one field, those that still pointed where the merge turned them.
    async fn turn_field_back(
        &self,
        ctx: &Ctx,
        db: &Write,
        (merge, name, key, turned): (&Stored, &str, &str, &[Turned]),
    ) -> Result<Option<HashSet<Id>>> {
        let (shape, stays) = (self.shape_named(name)?, merge.primary_id);
        let ids: Vec<Id> = turned.iter().map(|one| one.record_id).collect();
        let home: HashMap<Id, Id> = turned.iter().map(|one| (one.record_id, one.from_id)).collect();
        if let Some(field) = shape.field(key) {
            let select = shape.object.rows().whose(field.column, stays);
            let mut still = pointing(db, ("id", select), &ids).await?;
            if moves::points_at(field, shape.object) {
                moves::leave_circles(db, (&shape, field), (&mut still, &home)).await?;
            }
            turn_home(ctx, db, (&shape, field), (merge, &still, &home)).await?;
            return Ok(Some(still));
        }
        let custom = self.custom_fields(db, shape.object).await?;
        let Some(field) = custom.iter().find(|field| field.id.to_string() == key) else {
            return Ok(None);
        };
        let select = Select::from("links").whose("relation", key).whose("target_id", stays);
        let still = pointing(db, ("record_id", select), &ids).await?;
        for record in &still {
            let to = home.get(record).copied().unwrap_or_default();
            self.turn_custom(ctx, db, (&shape, field), (*record, to)).await?;
        }
        Ok(Some(still))
    }
}

fn undone() -> Error {
    conflict("undone", "This merge was undone already.")
}

/// Of these records, those that a select finds.
async fn pointing(
    db: &Read,
    (key, select): (&'static str, Select),
    ids: &[Id],
) -> Result<HashSet<Id>> {
    let mut found = HashSet::new();
    for some in ids.chunks(400) {
        let some = some.iter().copied().map(Value::from).collect();
        db.each(&select.clone().show(&[key]).only(Condition::In(key, some)), |row| {
            found.extend(row.id(0)?);
            Ok(())
        })
        .await?;
    }
    Ok(found)
}

/// Each record points again at what it pointed at.
async fn turn_home(
    ctx: &Ctx,
    db: &Write,
    (shape, field): (&crate::catalog::Shape, &crate::Field),
    (merge, still, back): (&Stored, &HashSet<Id>, &HashMap<Id, Id>),
) -> Result<()> {
    let mut by_target: HashMap<Id, Vec<(Id, Id)>> = HashMap::new();
    for record in still {
        let target = back.get(record).copied().unwrap_or_default();
        by_target.entry(target).or_default().push((*record, merge.primary_id));
    }
    for (target, records) in by_target {
        let turn = Turn { shape, field, records };
        turn_to(ctx, db, &turn, (merge.id, &|_| target)).await?;
    }
    Ok(())
}
