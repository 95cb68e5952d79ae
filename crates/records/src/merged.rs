//! What was merged: which record stands for one that is gone.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, conflict};
use kith_store::{Read, Select, Table, id};

use crate::{describe::Object, erased};

pub(crate) fn table() -> Table {
    Table::of_tenant_keyed(
        "merged_records",
        &["record_id"],
        vec![
            id("record_id").required().references("anchors"),
            id("merge_id").required().references("merges"),
            id("primary_id").required().references("anchors"),
        ],
    )
    .clustered()
}

/// Why a record is not found: what was merged says into which one.
pub(crate) async fn gone(db: &Read, object: &Object, id: Id) -> Error {
    match survivor(db, id).await {
        Ok(Some(primary)) => {
            let why = format!("This {} was merged into {primary}.", object.name);
            Error::new(ErrorKind::NotFound, "merged", why)
        }
        Ok(None) => erased::gone(db, object, id).await.unwrap_or_else(|error| error),
        Err(error) => error,
    }
}

/// The record into which one was merged.
async fn survivor(db: &Read, id: Id) -> Result<Option<Id>> {
    let mut found = None;
    let select = Select::from("merged_records").show(&["primary_id"]).whose("record_id", id);
    db.each(&select, |row| {
        found = row.id(0)?;
        Ok(())
    })
    .await?;
    Ok(found)
}

/// A record that was merged comes back with all that it lost, or not at all.
///
/// # Errors
/// `Conflict` (`merged`).
pub(crate) async fn refuse_merged(db: &Read, object: &Object, id: Id) -> Result<()> {
    match survivor(db, id).await? {
        None => Ok(()),
        Some(primary) => {
            let why =
                format!("This {} was merged into {primary}: undo the merge instead.", object.name);
            Err(conflict("merged", why))
        }
    }
}
