//! What was erased: that a record was there, and nothing else of it.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Time, not_found};
use kith_store::{Read, Select, Table, id, text, time};
use serde::Deserialize;

use crate::describe::Object;

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

/// Why a record is not there: it was erased, or never was.
pub(crate) async fn gone(db: &Read, object: &Object, id: Id) -> Result<Error> {
    let select = Select::from("erased_records").whose("record_id", id);
    let erased: Option<Erased> = db.first(select.whose("object", object.name)).await?;
    Ok(erased.map_or_else(
        || not_found(object.name),
        |erased| {
            let why = format!(
                "All that was held about this {} was erased at {}. It cannot be brought back.",
                object.name, erased.erased_at
            );
            Error::new(ErrorKind::Gone, "erased", why)
        },
    ))
}
