//! Keys of records, kept in step with them, so that a record's duplicates are found by a look into an index.

use kith_kernel::{Id, Result};
use kith_records::{Change, What};
use kith_store::{Condition, Delete, Insert, Read, Select, Step, Table, Value, Write, id, text};
use serde_json::Value as Json;

use super::{
    entity::Entity,
    keys,
    sketch::{Part, Sketch},
};

/// Records that are looked at because of one key; more have something in common that tells nobody apart.
const MOST_OF_A_KEY: u64 = 200;

pub(super) fn table() -> Step {
    let keys = Table::of_tenant_keyed(
        "duplicate_keys",
        &["key", "record_id"],
        vec![text("key").required(), id("record_id").required().references("anchors")],
    );
    Step::Create(keys.clustered())
}

/// Keeps the keys of a record in step with a change of it.
pub(crate) async fn keep(db: &Write, object: &str, change: &Change) -> Result<()> {
    let Some(entity) = Entity::of(object) else { return Ok(()) };
    let touched =
        change.what != What::Updated || entity.fields.iter().any(|(key, _)| change.changes(key));
    if !touched {
        return Ok(());
    }
    let of = |value: &dyn Fn(&str) -> Option<Json>| {
        let values: Vec<(&str, Json)> =
            entity.fields.iter().filter_map(|(key, _)| Some((*key, value(key)?))).collect();
        keys_of(entity, &sketch(entity, &values))
    };
    let was = match change.what {
        What::Created | What::Restored => Vec::new(),
        What::Updated | What::Deleted => of(&|key| change.was(key).cloned()),
    };
    let is = match change.what {
        What::Created | What::Updated | What::Restored => of(&|key| change.get(key).cloned()),
        What::Deleted => Vec::new(),
    };
    let gone: Vec<Value> =
        was.iter().filter(|key| !is.contains(key)).map(|key| key.as_str().into()).collect();
    if !gone.is_empty() {
        let delete = Delete::from("duplicate_keys").only(Condition::In("key", gone));
        db.delete(delete.whose("record_id", change.id)).await?;
    }
    let new: Vec<Vec<Value>> = is
        .into_iter()
        .filter(|key| !was.contains(key))
        .map(|key| vec![key.into(), change.id.into()])
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    db.append(Insert::rows("duplicate_keys", vec!["key", "record_id"], new).or_keep())
}

/// The sketch of values by their keys.
pub(super) fn sketch(entity: &Entity, values: &[(&str, Json)]) -> Sketch {
    Sketch::of(entity.subject, &|key| {
        values.iter().find(|(known, _)| *known == key).and_then(|(_, value)| value.as_str())
    })
}

/// Keys of one object are none of another.
fn keys_of(entity: &Entity, sketch: &Sketch) -> Vec<String> {
    let mut keys = keys::kept(entity.subject, sketch);
    for key in &mut keys {
        key.insert_str(0, &entity.object[..1]);
    }
    keys
}

/// Records that may be the same as a sketch: by its keys and its e-mail address.
pub(super) async fn candidates(
    db: &Read,
    entity: &Entity,
    sketch: &Sketch,
    email: Option<&str>,
) -> Result<Vec<Id>> {
    let mut found: Vec<Id> = Vec::new();
    let mut look = Vec::new();
    for key in keys_of(entity, sketch) {
        look.push(Select::from("duplicate_keys").show(&["record_id"]).whose("key", key));
    }
    let email = email.filter(|email| entity.has_email_index && !email.is_empty());
    if let Some(email) = email {
        let folded = kith_kernel::text::fold(email.trim()).into_owned();
        look.push(Select::from(entity.table).show(&["id"]).whose("email_folded", folded));
    }
    debug_assert!(look.len() <= 6, "of {:?}", sketch.get(Part::Last));
    for select in look {
        found.extend(db.ids(&select.at_most(MOST_OF_A_KEY)).await?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
