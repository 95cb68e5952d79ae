//! Upserts: a record of another system, known again by its external id, is made or brought up to what that one says.

use kith_kernel::{Id, Result, text::fold};
use kith_platform::Ctx;
use kith_store::{Condition, Read, Write};
use serde_json::Value as Json;

use super::Manner;
use crate::{
    Records,
    describe::{Object, Record},
};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// It was made.
    Created(Id),
    /// It was there and was changed.
    Updated(Id),
    /// It was there and is as it was.
    Unchanged(Id),
}

impl Records {
    /// Makes the record of an external id, or changes the one that is there.
    pub async fn upsert(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (external, mut input): (&str, Record),
    ) -> Result<Upserted> {
        let manner = Manner::default();
        if let Some(id) = self.by_external_id(db, object, external).await? {
            let (_, changed) = self.update_in(ctx, db, object, (id, input, manner)).await?;
            return Ok(if changed { Upserted::Updated(id) } else { Upserted::Unchanged(id) });
        }
        input.insert("externalId".to_owned(), Json::from(external));
        let saved = self.create_saved(ctx, db, object, (input, manner)).await?;
        Ok(Upserted::Created(saved.id))
    }

    /// The record of an external id.
    pub async fn by_external_id(
        &self,
        db: &Read,
        object: &'static Object,
        external: &str,
    ) -> Result<Option<Id>> {
        let select =
            object.rows().show(&["id"]).whose("external_id_folded", fold(external).into_owned());
        let mut found = None;
        db.each(&select.only(Condition::Null("deleted_at")), |row| {
            found = row.id(0)?;
            Ok(())
        })
        .await?;
        Ok(found)
    }
}
