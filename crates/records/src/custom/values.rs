//! Values of custom fields on their way into a record: defaults, what is required, the side table, links.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, invalid};
use kith_store::{Condition, Delete, Insert, Read, Write};
use serde_json::Value as Json;

use super::{CustomField, CustomKind, unique};
use crate::{Records, describe::Record, values::Reading};

/// Values by the places of their fields in the catalog.
type Placed = Vec<(usize, Json)>;

/// Gives a new record the defaults of the fields that it was not given.
pub(crate) fn fill_defaults(fields: &[CustomField], given: &mut Placed) {
    for (at, field) in fields.iter().enumerate() {
        let missing = given.iter().all(|(known, value)| *known != at || value.is_null());
        if let Some(default) = field.default.as_ref().filter(|_| missing) {
            given.retain(|(known, _)| *known != at);
            given.push((at, default.clone()));
        }
    }
}

/// Refuses a new record without a required value, and a change that takes one away.
pub(crate) fn check_required(fields: &[CustomField], given: &Placed, is_new: bool) -> Result<()> {
    let lacks = |at: usize| match given.iter().find(|(known, _)| *known == at) {
        Some((_, value)) => value.is_null(),
        None => is_new,
    };
    let mut missing = fields.iter().enumerate().filter(|(at, field)| field.required && lacks(*at));
    let Some((_, first)) = missing.next() else { return Ok(()) };
    let place = |field: &CustomField| format!("/custom/{}", field.name);
    let why = format!("{} is required.", first.key());
    let error = Error::new(ErrorKind::Invalid, "required", why).and(place(first), "is required");
    Err(missing.fold(error, |error, (_, field)| error.and(place(field), "is required")))
}

/// Keeps the values of custom fields where filters, orders and links find them.
pub(crate) async fn store_values(
    db: &Write,
    record: Id,
    changed: &[(&CustomField, Json)],
    (reading, is_new): (Reading, bool),
) -> Result<()> {
    for (field, value) in changed {
        if field.kind == CustomKind::Link {
            point(db, record, field, (value, is_new)).await?;
        }
        if field.unique {
            unique::claim(db, record, field, (&field.compared(value, reading), is_new)).await?;
        }
        if value.is_null() {
            let gone = Delete::from("custom_values")
                .whose("record_id", record)
                .whose("field_id", field.id);
            db.delete(gone).await?;
            continue;
        }
        let insert = Insert::row(
            "custom_values",
            vec![
                ("record_id", record.into()),
                ("field_id", field.id.into()),
                (field.kind.column(), field.compared(value, reading)),
            ],
        );
        db.append(insert.or_replace(&["record_id", "field_id"], replaced(field.kind)))?;
    }
    Ok(())
}

/// A link of a custom field is also a row, with keys to the anchors of both records.
async fn point(
    db: &Write,
    record: Id,
    field: &CustomField,
    (value, is_new): (&Json, bool),
) -> Result<()> {
    let relation = field.id.to_string();
    if !is_new {
        let gone = Delete::from("links").whose("record_id", record);
        db.delete(gone.whose("relation", relation.as_str())).await?;
    }
    let target: Option<Id> = value.as_str().and_then(|text| text.parse().ok());
    let Some(target) = target else { return Ok(()) };
    db.append(Insert::row(
        "links",
        vec![
            ("record_id", record.into()),
            ("relation", relation.into()),
            ("target_id", target.into()),
        ],
    ))
}

const fn replaced(kind: CustomKind) -> &'static [&'static str] {
    match kind {
        CustomKind::Text
        | CustomKind::Choice
        | CustomKind::MultiChoice
        | CustomKind::Link
        | CustomKind::Email
        | CustomKind::Phone
        | CustomKind::Url => &["words"],
        CustomKind::Number => &["number"],
        CustomKind::Money => &["minor"],
        CustomKind::Date | CustomKind::Time => &["instant"],
        CustomKind::Bool => &["flag"],
    }
}

/// The `custom` column with these changes: values of fields that this node does not know stay as they are.
pub(crate) fn merged(mut stored: Record, changed: &[(&CustomField, Json)]) -> Record {
    for (field, value) in changed {
        if value.is_null() {
            stored.remove(&field.id.to_string());
        } else {
            stored.insert(field.id.to_string(), value.clone());
        }
    }
    stored
}

impl Records {
    /// Refuses links of custom fields to what is not there (any more), or is another tenant's.
    pub(crate) async fn check_custom_links(
        &self,
        db: &Read,
        changed: &[(&CustomField, Json)],
    ) -> Result<()> {
        let links = changed.iter().filter(|(field, _)| field.kind == CustomKind::Link);
        for (field, value) in links {
            let Some(id) = value.as_str().and_then(|text| text.parse::<Id>().ok()) else {
                continue;
            };
            let object = field.target.as_deref().unwrap_or_default();
            let target = self.shape_named(object)?.object;
            let select = target.rows().whose("id", id);
            if !db.exists(select.only(Condition::Null("deleted_at"))).await? {
                let why = format!("points at no {object} of yours");
                return Err(invalid(&field.key(), why).coded("unknown_link"));
            }
        }
        Ok(())
    }
}
