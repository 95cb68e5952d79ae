//! Unique values: a row for each, whose key the database lets stand once only.

use std::collections::BTreeMap;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, conflict};
use kith_store::{Condition, Delete, Insert, Read, Row, Select, Value, Write};
use serde_json::Value as Json;

use super::{CustomField, CustomKind};
use crate::{
    describe::{Object, Record},
    values::Reading,
};

/// Values that may be there already when a field becomes unique: they are looked through in one transaction.
const MOST_VALUES: usize = 100_000;
/// Duplicates that are told.
const MOST_TOLD: usize = 20;
const ROWS_AT_ONCE: usize = 500;

/// A compared value as text, the same on both databases.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Time(time) => Some(time.milliseconds().to_string()),
        Value::Null
        | Value::Bool(_)
        | Value::Bytes(_)
        | Value::Id(_)
        | Value::Date(_)
        | Value::Json(_) => None,
    }
}

/// Takes a value for a record, and gives back the one that it had.
///
/// # Errors
/// `Conflict` (`taken`) when another record has it.
pub(super) async fn claim(
    db: &Write,
    record: Id,
    field: &CustomField,
    (value, is_new): (&Value, bool),
) -> Result<()> {
    if !is_new {
        let gone = Delete::from("custom_uniques").whose("field_id", field.id);
        db.delete(gone.whose("record_id", record)).await?;
    }
    let Some(value) = text(value) else { return Ok(()) };
    let cells =
        vec![("field_id", field.id.into()), ("value", value.into()), ("record_id", record.into())];
    let claimed = db.insert(Insert::row("custom_uniques", cells)).await;
    claimed.map(drop).map_err(|error| match error.code() {
        "taken" => {
            conflict("taken", format!("Another {} has this {} already.", field.object, field.label))
                .and(format!("/custom/{}", field.name), "is taken")
                .caused_by(error)
        }
        _ => error,
    })
}

/// Whether some record has a value.
pub(crate) async fn is_taken(db: &Read, field: &CustomField, value: &Value) -> Result<bool> {
    let Some(value) = text(value) else { return Ok(false) };
    let select = Select::from("custom_uniques").whose("field_id", field.id);
    db.exists(select.whose("value", value)).await
}

/// A deleted record gives its unique values back.
pub(crate) async fn release(db: &Write, record: Id, fields: &[CustomField]) -> Result<()> {
    if fields.iter().any(|field| field.unique) {
        db.delete(Delete::from("custom_uniques").whose("record_id", record)).await?;
    }
    Ok(())
}

/// A record that comes back takes its unique values again.
pub(crate) async fn claim_again(
    db: &Write,
    record: Id,
    fields: &[CustomField],
    (values, reading): (&Record, Reading),
) -> Result<()> {
    for field in fields.iter().filter(|field| field.unique) {
        let value = values.get(&field.id.to_string()).unwrap_or(&Json::Null);
        claim(db, record, field, (&field.compared(value, reading), true)).await?;
    }
    Ok(())
}

/// No value is taken any more.
pub(crate) async fn let_go(db: &Write, field: &CustomField) -> Result<()> {
    db.delete(Delete::from("custom_uniques").whose("field_id", field.id)).await.map(drop)
}

/// Takes every value that records have.
///
/// # Errors
/// `Conflict` (`duplicates`), naming them, when some have the same.
pub(crate) async fn claim_all(db: &Write, object: &Object, field: &CustomField) -> Result<()> {
    let values = values(db, object, field).await?;
    if values.len() > MOST_VALUES {
        let why = format!("More than {MOST_VALUES} values are there already.");
        return Err(Error::new(ErrorKind::Invalid, "too_many_values", why));
    }
    refuse_duplicates(&values, field)?;
    for chunk in values.chunks(ROWS_AT_ONCE) {
        let rows = chunk
            .iter()
            .map(|(record, value)| vec![field.id.into(), value.as_str().into(), (*record).into()]);
        let columns = vec!["field_id", "value", "record_id"];
        db.insert(Insert::rows("custom_uniques", columns, rows.collect())).await?;
    }
    Ok(())
}

/// The values of records that are not deleted.
async fn values(db: &Read, object: &Object, field: &CustomField) -> Result<Vec<(Id, String)>> {
    let alive = object.row_of("record_id", vec![Condition::Null("deleted_at")]);
    let select = Select::from("custom_values")
        .show(&["record_id", field.kind.column()])
        .whose("field_id", field.id)
        .only(alive)
        .at_most(MOST_VALUES as u64 + 1);
    let mut values = Vec::new();
    db.each(&select, |row| {
        if let Some(value) = stored(field.kind, row)? {
            values.push((row.id(0)?.unwrap_or_default(), value));
        }
        Ok(())
    })
    .await?;
    Ok(values)
}

fn stored(kind: CustomKind, row: Row<'_>) -> Result<Option<String>> {
    let value: Value = match kind.column() {
        "number" => row.number(1)?.into(),
        "minor" | "flag" => row.integer(1)?.into(),
        "instant" => row.time(1)?.into(),
        _ => row.text(1)?.into(),
    };
    Ok(text(&value))
}

fn refuse_duplicates(values: &[(Id, String)], field: &CustomField) -> Result<()> {
    let mut holders: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
    for (record, value) in values {
        holders.entry(value).or_default().push(*record);
    }
    holders.retain(|_, records| records.len() > 1);
    if holders.is_empty() {
        return Ok(());
    }
    let why = format!(
        "{} cannot be unique: {} values are there more than once.",
        field.key(),
        holders.len()
    );
    Err(holders.iter().take(MOST_TOLD).fold(conflict("duplicates", why), |error, (value, of)| {
        let ids: Vec<String> = of.iter().take(5).map(Id::to_string).collect();
        let shown: String = value.chars().take(80).collect();
        error
            .and("/unique", format!("{shown:?} stands in {} records: {}", of.len(), ids.join(", ")))
    }))
}
