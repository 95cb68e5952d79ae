//! Search across objects: what fits some words best, with the names of it.

use std::collections::HashMap;

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Condition, Read};
use serde_json::{Value as Json, json};

use crate::{
    Records,
    describe::{FoundBy, Object},
};

impl Records {
    /// The records of any object that fit the words best, with their names.
    pub(crate) async fn found(
        &self,
        ctx: &Ctx,
        db: &Read,
        (words, object, limit): (&[String], Option<&'static Object>, u32),
    ) -> Result<Vec<Json>> {
        let hits = db.search(words, object.map(|object| object.plural), limit).await?;
        let mut found = Vec::with_capacity(hits.len());
        let mut names: HashMap<Id, String> = HashMap::new();
        let mut objects: Vec<&str> = hits.iter().map(|hit| hit.object.as_str()).collect();
        objects.sort_unstable();
        objects.dedup();
        for plural in objects {
            let Ok(shape) = self.shape_named(plural) else { continue };
            if !ctx.actor.scopes.allow(shape.object.scope(), "read") {
                continue;
            }
            let title = shape.fields.iter().find(|field| field.found_by == FoundBy::Title);
            let Some(title) = title else { continue };
            let of_object = hits.iter().filter(|hit| hit.object == plural);
            let ids: Vec<Id> = of_object.map(|hit| hit.record).collect();
            let select = shape
                .object
                .rows()
                .show(&["id", title.column])
                .whose_each("id", ids)
                .only(Condition::Null("deleted_at"));
            db.each(&select, |row| {
                names.insert(
                    row.id(0)?.unwrap_or_default(),
                    row.text(1)?.unwrap_or_default().to_owned(),
                );
                Ok(())
            })
            .await?;
        }
        for hit in hits {
            let shape = self.shape_named(&hit.object);
            if let (Some(name), Ok(shape)) = (names.get(&hit.record), shape) {
                found.push(json!({ "object": shape.object.name, "id": hit.record, "name": name, "rank": hit.rank }));
            }
        }
        Ok(found)
    }
}
