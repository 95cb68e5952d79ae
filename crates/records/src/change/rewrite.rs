//! Rewriting: what the house does to the custom values of a record, without the rules of a change.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_platform::Ctx;
use kith_store::{Write, equals};

use super::save;
use crate::{
    Records,
    catalog::Shape,
    describe::{Change, Record, What},
    encode,
};

impl Records {
    /// Changes the custom values of a record, deleted or not, and how it is found by them.
    ///
    /// # Errors
    /// `Conflict` (`contended`) when somebody else changed it meanwhile.
    pub(crate) async fn rewrite(
        &self,
        ctx: &Ctx,
        db: &Write,
        shape: &Shape,
        (id, change): (Id, &(dyn Fn(&mut Record) + Sync)),
    ) -> Result<()> {
        let mut found = None;
        let select = shape.object.rows().show(&shape.columns).whose("id", id);
        db.each(&select, |row| {
            found = Some(encode::record(shape, row, ctx.actor.currency)?);
            Ok(())
        })
        .await?;
        let Some((record, mut values)) = found else { return Ok(()) };
        let before = values.clone();
        change(&mut values);
        if values == before {
            return Ok(());
        }
        let version = record.get("version").and_then(serde_json::Value::as_i64).unwrap_or_default();
        let update = shape
            .object
            .change()
            .set("custom", save::custom_value(&values))
            .plus("version", 1)
            .whose("id", id)
            .only(equals("version", version));
        if db.update(update).await? == 0 {
            let why = "The record was changed at the same time.";
            return Err(Error::new(ErrorKind::Conflict, "contended", why));
        }
        if record.contains_key("deletedAt") {
            return Ok(());
        }
        let given = Record::new();
        let change = Change { what: What::Updated, id, before: None, after: record, given };
        self.find_by(db, shape, &change, (&values, true)).await
    }
}
