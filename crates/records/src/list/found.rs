//! Search across objects: what fits some words best, with the names of it.

use std::collections::HashMap;

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Condition, Hit, MAX_CANDIDATES, Read, Select};
use serde_json::{Value as Json, json};

use crate::{
    Archived, Records,
    catalog::Shape,
    describe::{FoundBy, Object},
};

impl Records {
    /// The records of any object that fit the words best, with their names.
    pub(crate) async fn found(
        &self,
        ctx: &Ctx,
        db: &Read,
        (words, object, limit, archived): (&[String], Option<&'static Object>, u32, Archived),
    ) -> Result<Vec<Json>> {
        // What is left out leaves room for others.
        let most = if archived == Archived::With { limit } else { limit.max(MAX_CANDIDATES) };
        let hits = db.search(words, object.map(|object| object.plural), most).await?;
        let names = self.names_of(ctx, db, (&hits, archived)).await?;
        let mut found = Vec::new();
        for hit in hits {
            if found.len() == limit as usize {
                break;
            }
            let shape = self.shape_named(&hit.object);
            if let (Some(name), Ok(shape)) = (names.get(&hit.record), shape) {
                found.push(json!({ "object": shape.object.name, "id": hit.record, "name": name, "rank": hit.rank }));
            }
        }
        Ok(found)
    }

    /// The names of what may be read and shown of what was found.
    async fn names_of(
        &self,
        ctx: &Ctx,
        db: &Read,
        (hits, archived): (&[Hit], Archived),
    ) -> Result<HashMap<Id, String>> {
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
            let Some(select) = shown(&shape, select, archived) else { continue };
            db.each(&select, |row| {
                names.insert(
                    row.id(0)?.unwrap_or_default(),
                    row.text(1)?.unwrap_or_default().to_owned(),
                );
                Ok(())
            })
            .await?;
        }
        Ok(names)
    }
}

/// Which records of an object are found; none, where only archived ones are and it knows no archive.
fn shown(shape: &Shape, select: Select, archived: Archived) -> Option<Select> {
    let inside = shape.field("archivedAt").map(|field| Condition::Null(field.column));
    match (archived, inside) {
        (Archived::With, _) | (Archived::Without, None) => Some(select),
        (Archived::Without, Some(out)) => Some(select.only(out)),
        (Archived::Only, Some(out)) => Some(select.only(Condition::Not(Box::new(out)))),
        (Archived::Only, None) => None,
    }
}
