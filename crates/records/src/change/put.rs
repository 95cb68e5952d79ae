//! Putting back: values as they were, without the rules of a change, since they were right once.

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::Write;
use serde_json::Value as Json;

use super::{named_pairs, reading, save, tell};
use crate::{
    Records,
    custom::{CustomField, merged, store_values},
    describe::{Change, Object, Record, What},
    labels,
};

/// Values that a record gets again; null takes one away.
#[derive(Debug, Default)]
pub(crate) struct PutBack {
    pub(crate) fields: Record,
    pub(crate) custom: Vec<(CustomField, Json)>,
    pub(crate) labels: Option<Vec<Json>>,
}

impl Records {
    /// Gives a record values that it had before. Nothing is derived anew: what was derived is among them.
    pub(crate) async fn put(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, back): (Id, PutBack),
    ) -> Result<()> {
        if back.fields.is_empty() && back.custom.is_empty() && back.labels.is_none() {
            return Ok(());
        }
        let shape = self.shape(object)?;
        let current = self.current(ctx, db, &shape, id, false).await?;
        let mut after = current.record.clone();
        let mut given = Record::new();
        for (key, value) in back.fields {
            if value.is_null() {
                after.remove(&key);
            } else {
                after.insert(key, value);
            }
        }
        if let Some(labels) = back.labels {
            after.insert("labels".to_owned(), Json::Array(labels.clone()));
            given.insert("labels".to_owned(), Json::Array(labels));
        }
        after.insert("version".to_owned(), (current.version + 1).into());
        after.insert("updatedAt".to_owned(), ctx.now().to_string().into());
        let reading = reading(ctx, after.get("currency"));
        let mut change =
            Change { what: What::Updated, id, before: Some(current.record), after, given };
        self.check_links(db, &shape, &mut change).await?;
        let changed = named_pairs(&back.custom);
        let values = merged(current.custom.clone(), &changed);
        save::update(db, &shape, &change, (current.version, &values)).await?;
        store_values(db, id, &changed, (reading, false)).await?;
        labels::store(self, ctx, db, &change).await?;
        let told = tell::Told { change: &change, custom: &changed, was: &current.custom };
        tell::tell(ctx, db, object, &told)?;
        self.find_by(db, &shape, &change, (&values, !changed.is_empty())).await?;
        self.follow(ctx, db, object, &change).await
    }
}
