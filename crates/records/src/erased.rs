//! What was erased: that a record was there, and nothing else of it.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Time, not_found};
use kith_store::{
    Catalog, Condition, Delete, Read, Select, Table, Value, Write, equals, id, text, time,
};
use serde::Deserialize;

use crate::describe::Object;

/// Columns that hold the id of a record which is gone.
const POINTING: [&str; 4] = ["record_id", "target_id", "low_id", "high_id"];
/// What tells of the erasure itself, and of what happened when.
const LEFT: [&str; 5] = ["events", "event_order", "event_salts", "erased_records", "rollup_parts"];
/// Takes away what stands in other tables about records that go for good, but for what stays in some.
pub(crate) async fn take_along(
    db: &Write,
    (catalog, stays): (&Catalog, &[&str]),
    ids: &[Id],
) -> Result<()> {
    let values: Vec<Value> = ids.iter().copied().map(Value::from).collect();
    for table in catalog.tables().iter().filter(|table| table.is_of_tenants()) {
        let name = table.name();
        for column in POINTING {
            if table.place(column).is_some() && !LEFT.contains(&name) && !stays.contains(&name) {
                let of = Condition::In(column, values.clone());
                db.delete(Delete::from(name).only(of)).await?;
            }
        }
    }
    for id in ids {
        db.unindex(*id).await?;
    }
    Ok(())
}

pub(crate) fn table() -> Table {
    Table::of_tenant_keyed(
        "erased_records",
        &["record_id"],
        vec![
            id("record_id").required().references("anchors"),
            text("object").required(),
            id("batch_id").required(),
            time("erased_at").required(),
        ],
    )
    .clustered()
}

#[derive(Deserialize)]
struct Erased {
    erased_at: Time,
}

/// Why a record is not there: it was erased, its time in the trash was over, or it never was.
pub(crate) async fn gone(db: &Read, object: &Object, id: Id) -> Result<Error> {
    let select = Select::from("erased_records").whose("record_id", id);
    let erased: Option<Erased> = db.first(select.whose("object", object.name)).await?;
    if let Some(erased) = erased {
        let why = format!(
            "All that was held about this {} was erased at {}. It cannot be brought back.",
            object.name, erased.erased_at
        );
        return Ok(Error::new(ErrorKind::Gone, "erased", why));
    }
    Ok(if is_purged(db, object, id).await? { purged(object) } else { not_found(object.name) })
}

/// Whether a record was there and is not even among the deleted any more: its anchor stays for good.
pub(crate) async fn is_purged(db: &Read, object: &Object, id: Id) -> Result<bool> {
    let anchor = Select::from("anchors").whose("id", id).only(equals("object", object.name));
    Ok(db.exists(anchor).await? && !db.exists(object.rows().whose("id", id)).await?)
}

fn purged(object: &Object) -> Error {
    let why = format!(
        "This {} was deleted, and its time in the trash is over (see /api/database/retention). It cannot be brought back.",
        object.name
    );
    Error::new(ErrorKind::Gone, "purged", why)
}
