//! Custom fields that are there: found, changed, deleted.

use kith_kernel::{Error, Id, Result, conflict, invalid, not_found};
use kith_platform::{Ctx, jobs};
use kith_store::{Condition, Delete, Read, Select, Update, Value, Write};
use serde_json::{Value as Json, json};

use super::{
    input::{self, Changes},
    make::{described, tell},
    purge::PurgeField,
};
use crate::{
    Records,
    custom::{CACHED, CustomField, CustomKind, Row, claim_all, let_go},
    values::Reading,
};

/// A field, when it is not deleted.
pub(super) async fn found(db: &Read, id: Id) -> Result<Row> {
    let select = Select::from("custom_fields").whose("id", id);
    let row: Option<Row> = db.first(select.only(Condition::Null("deleted_at"))).await?;
    row.ok_or_else(|| not_found("custom field"))
}

impl Records {
    /// Changes what may change of a field. The caller forgets the cache after the commit.
    pub(super) async fn change_custom_field(
        &self,
        ctx: &Ctx,
        db: &Write,
        (id, given): (Id, Changes),
    ) -> Result<()> {
        let before = found(db, id).await?.field();
        let mut field = before.clone();
        if let Some(label) = &given.label {
            field.label = input::label(label)?;
        }
        if let Some(options) = given.options {
            field.options = input::options(field.kind, Some(options))?;
            refuse_lost_options(ctx, db, &before, &field).await?;
        }
        field.required = given.required.unwrap_or(field.required);
        field.unique = given.unique.unwrap_or(field.unique);
        input::refuse_unique(field.kind, field.unique)?;
        let default = given.default.or(field.default.take()).unwrap_or(Json::Null);
        field.default = input::default(&field, &default, ctx.actor.zone)?;
        if field == before {
            return Ok(());
        }
        if field.unique && !before.unique {
            claim_all(db, self.shape_named(&field.object)?.object, &field).await?;
        } else if before.unique && !field.unique {
            let_go(db, &field).await?;
        }
        save(db, &field).await?;
        let told = json!({ "before": described(&before), "after": described(&field) });
        tell(ctx, db, ("updated", id), &told)
    }

    /// Deletes a field: it is no longer shown at once, a job takes its values away, and its name stays its own till then.
    pub(super) async fn delete_custom_field(&self, ctx: &Ctx, db: &Write, id: Id) -> Result<()> {
        let field = found(db, id).await?.field();
        let update = Update::table("custom_fields").whose("id", id).set("deleted_at", ctx.now());
        db.update(update.set("is_unique", false)).await?;
        db.delete(Delete::from("custom_uniques").whose("field_id", id)).await?;
        // Nodes that have not heard of it may write values for as long as they remember the field.
        let due = ctx.now().plus_seconds(2 * i64::try_from(CACHED.as_secs()).unwrap_or(3));
        jobs::enqueue_at(ctx, db, &PurgeField { field: id }, due)?;
        tell(ctx, db, ("deleted", id), &json!({ "before": described(&field) }))
    }
}

pub(super) async fn save(db: &Write, field: &CustomField) -> Result<()> {
    let options = (!field.options.is_empty()).then(|| Json::from(field.options.clone()));
    let update = Update::table("custom_fields")
        .whose("id", field.id)
        .set("label", field.label.as_str())
        .set("kind", field.kind.name())
        .set("options", options.as_ref().map_or(Value::Null, Value::from))
        .set("target", field.target.as_deref())
        .set("currency", field.currency.map(|currency| currency.code().to_owned()))
        .set("required", field.required)
        .set("is_unique", field.unique)
        .set("default_value", field.default.as_ref().map_or(Value::Null, Value::from));
    db.update(update).await.map(drop)
}

/// An option that records have cannot go.
async fn refuse_lost_options(
    ctx: &Ctx,
    db: &Read,
    before: &CustomField,
    field: &CustomField,
) -> Result<()> {
    let reading = Reading { zone: ctx.actor.zone, currency: ctx.actor.currency };
    for option in before.options.iter().filter(|option| !field.options.contains(option)) {
        let value = match field.kind {
            CustomKind::MultiChoice => Json::from(vec![option.as_str()]),
            _ => Json::from(option.as_str()),
        };
        let Value::Text(words) = before.compared(&value, reading) else { continue };
        let holds = match field.kind {
            CustomKind::MultiChoice => Condition::Contains("words", words),
            _ => kith_store::equals("words", words),
        };
        let select = Select::from("custom_values").whose("field_id", field.id).only(holds);
        if db.exists(select).await? {
            return Err(option_in_use(option));
        }
    }
    Ok(())
}

fn option_in_use(option: &str) -> Error {
    let why = format!("Some records have {option}: change them first.");
    let place = invalid("options", format!("leaves out {option}, which some records have"));
    conflict("option_in_use", why).with_problems(place.problems().to_vec())
}
