//! Custom fields that one record takes over from another, of whatever object.

use kith_kernel::{Id, Kind as ErrorKind, Result};
use kith_platform::Ctx;
use kith_store::Write;
use serde_json::Value as Json;

use crate::{
    Records,
    change::reading,
    custom::{CustomField, is_taken},
    describe::{Object, Record},
};

impl CustomField {
    /// Whether a value of the other means the same here.
    fn is_like(&self, other: &Self) -> bool {
        let own = |field: &Self| (field.kind, field.currency, field.target.clone());
        self.name == other.name && own(self) == own(other)
    }
}

impl Records {
    /// What `to` can take over of a record's custom fields, under `custom.<name>`: the values whose field has one of the
    /// same name and kind there (links to the same object, amounts in the same currency), where that takes the value.
    ///
    /// # Errors
    /// `NotFound` without the record.
    pub async fn carried(
        &self,
        ctx: &Ctx,
        db: &Write,
        (from, id): (&'static Object, Id),
        to: &'static Object,
    ) -> Result<Record> {
        let (own, there) = (self.custom_fields(db, from).await?, self.custom_fields(db, to).await?);
        let mut carried = Record::new();
        if own.is_empty() || there.is_empty() {
            return Ok(carried);
        }
        let shape = self.shape(from)?;
        let record = self.current(ctx, db, &shape, id, false).await?;
        for field in &own {
            let value = record.custom.get(&field.id.to_string()).filter(|value| !value.is_null());
            let home = there.iter().find(|home| home.is_like(field));
            if let (Some(value), Some(home)) = (value, home)
                && let Some(value) = self.taken_over(ctx, db, (home, value)).await?
            {
                carried.insert(home.key(), value);
            }
        }
        Ok(carried)
    }

    /// A value as a field takes it; none where it is none of the options, another record has it, or it points at what
    /// is gone.
    async fn taken_over(
        &self,
        ctx: &Ctx,
        db: &Write,
        (home, value): (&CustomField, &Json),
    ) -> Result<Option<Json>> {
        let reading = reading(ctx, None);
        let Ok(value) = home.canonical(value, reading) else { return Ok(None) };
        if home.unique && is_taken(db, home, &home.compared(&value, reading)).await? {
            return Ok(None);
        }
        match self.check_custom_links(db, &[(home, value.clone())]).await {
            Ok(()) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(None),
            Err(error) => Err(error),
        }
    }
}
