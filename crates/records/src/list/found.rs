//! Search across objects: what fits some words best, with the names of it.

use std::collections::HashMap;

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Condition, Read, Select, Value};
use serde_json::{Value as Json, json};

use crate::{
    Records,
    describe::{FoundBy, Object},
};

impl Records {
    /// The records of any object that fit the words best, with their names.
    #[expect(clippy::too_many_lines, reason = "one query for each kind of record, in one pass")]
    pub(crate) async fn found(
        &self,
        ctx: &Ctx,
        db: &Read,
        (words, object, limit): (&[String], Option<&'static Object>, u32),
    ) -> Result<Vec<Json>> {
        let hits = db.search(words, object.map(|object| object.plural), limit).await?;
        let mut found = Vec::with_capacity(hits.len());
        let mut names: HashMap<Id, String> = HashMap::new();
        for shape in self.shapes() {
            let plural = shape.object.plural;
            if !ctx.actor.scopes.allow(plural, "read") {
                continue;
            }
            let ids: Vec<Value> = hits
                .iter()
                .filter(|hit| hit.object == plural)
                .map(|hit| hit.record.into())
                .collect();
            let Some(title) = shape
                .fields
                .iter()
                .find(|field| field.found_by == FoundBy::Title)
                .filter(|_| !ids.is_empty())
            else {
                continue;
            };
            let select = Select::from(plural)
                .show(&["id", title.column])
                .only(Condition::In("id", ids))
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
            if let (Some(name), Some(object)) = (names.get(&hit.record), self.object(&hit.object)) {
                found.push(json!({ "object": object.name, "id": hit.record, "name": name, "rank": hit.rank }));
            }
        }
        Ok(found)
    }
}
