//! Custom fields as the API shows them.

use kith_http::{Answer, Call};
use kith_kernel::{Result, invalid};
use kith_store::{Comparison, Condition, Select};
use serde_json::{Value as Json, json};

use crate::{Records, custom::Row};

const DEFAULT_LIMIT: u64 = 50;
const LARGEST_LIMIT: u64 = 200;

/// A field as an answer.
pub(super) fn shown(row: Row) -> Json {
    let (created, retired, purged) = (row.created_at, row.deleted_at, row.purged_at);
    let converting = row.converting_from.clone();
    let field = row.field();
    json!({
        "id": field.id, "object": field.object, "name": field.name, "key": field.key(),
        "label": field.label, "kind": field.kind.name(), "options": field.options,
        "target": field.target, "currency": field.currency.map(|one| one.code().to_owned()),
        "required": field.required, "unique": field.unique, "default": field.default,
        "createdAt": created, "retiredAt": retired, "purgedAt": purged, "convertingFrom": converting,
    })
}

impl Records {
    /// A page of fields in the order in which they were made.
    pub(super) async fn list_custom_fields(&self, call: &Call) -> Result<Answer> {
        let query = call.query()?;
        query.only(&["object", "retired", "limit", "cursor"])?;
        let limit = query.number("limit", 1, LARGEST_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
        let gone = Condition::Null("deleted_at");
        let mut select = Select::from("custom_fields").only(match query.get("retired")? {
            None | Some("false") => gone,
            Some("true") => Condition::Not(Box::new(gone)),
            Some(_) => return Err(invalid("retired", "must be true or false")),
        });
        if let Some(name) = query.get("object")? {
            let object =
                call.ctx.read(async |db| self.object_given(db, "object", name).await).await?;
            select = select.whose("object", object.name);
        }
        if let Some(id) = query.id("cursor")? {
            select = select.only(Condition::Compare("id", Comparison::Greater, id.into()));
        }
        let select = select.by("id", false).at_most(limit + 1);
        let mut rows: Vec<Row> = call.ctx.read(async |db| db.all(select).await).await?;
        let more = rows.len() as u64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
        let data: Vec<Json> = rows.into_iter().map(shown).collect();
        Answer::json(&json!({ "data": data, "nextCursor": next }))
    }
}
