//! What texts name among the records of an object, to the letter: by id, name, external id, address.

use std::collections::{HashMap, HashSet};

use kith_kernel::{Id, Result, text::fold};
use kith_store::{Condition, Read, equals};

use crate::catalog::Shape;

/// So many names are asked for at once.
const AT_ONCE: usize = 200;

/// What a name turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// The record of this name.
    Exact(Id),
    /// A record of a name that is nearly this one.
    Near(Id, String),
    /// So many records: none is meant for certain.
    Several(usize),
    /// No record.
    Nothing,
}

/// Says that a text is no more one record's than another's.
pub(crate) fn several(text: &str, object: &str, many: usize) -> String {
    let shown: String = text.chars().take(80).collect();
    format!(
        "names {shown:?}, which {many} records ({object}) are called: give the id of the one that is meant"
    )
}

/// What texts name among the records of an object, to the letter: an id, a name, an external id, an address.
pub(crate) async fn exactly(
    db: &Read,
    shape: &Shape,
    texts: &[String],
) -> Result<HashMap<String, Found>> {
    let ids = by_id(db, shape, texts).await?;
    let names = by_name(db, shape, texts).await?;
    let mut all = HashMap::new();
    for text in texts {
        let id = text.parse::<Id>().ok().filter(|id| ids.contains(id));
        let found = match (id, names.get(fold(text).as_ref())) {
            (Some(id), _) => Some(Found::Exact(id)),
            (None, Some((id, 1))) => Some(Found::Exact(*id)),
            (None, Some((_, many))) => Some(Found::Several(*many)),
            (None, None) => otherwise(db, shape, text).await?,
        };
        all.extend(found.map(|found| (text.clone(), found)));
    }
    Ok(all)
}

/// Those of the texts that are ids of records.
async fn by_id(db: &Read, shape: &Shape, texts: &[String]) -> Result<HashSet<Id>> {
    let ids: Vec<Id> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let mut found = HashSet::new();
    for ids in ids.chunks(AT_ONCE) {
        let rows = shape.object.rows().show(&["id"]).whose_each("id", ids.to_vec());
        found.extend(db.ids(&rows.only(Condition::Null("deleted_at"))).await?);
    }
    Ok(found)
}

/// The record of an external id or an address.
async fn otherwise(db: &Read, shape: &Shape, text: &str) -> Result<Option<Found>> {
    let ways = [
        Some(equals("external_id_folded", fold(text).into_owned())),
        shape
            .field("email")
            .filter(|_| text.contains('@'))
            .map(|field| equals(field.folded, field.fold(text))),
    ];
    for way in ways.into_iter().flatten() {
        let select =
            shape.object.rows().show(&["id"]).only(way).only(Condition::Null("deleted_at"));
        match db.ids(&select.at_most(2)).await?[..] {
            [] => {}
            [id] => return Ok(Some(Found::Exact(id))),
            [..] => return Ok(Some(Found::Several(2))),
        }
    }
    Ok(None)
}

/// The oldest record of each name, and how many have it, by the folded name.
async fn by_name(
    db: &Read,
    shape: &Shape,
    names: &[String],
) -> Result<HashMap<String, (Id, usize)>> {
    let mut found: HashMap<String, (Id, usize)> = HashMap::new();
    each_of_field(db, shape, ("name", names), &mut |text, id| {
        let (oldest, count) = found.entry(text.to_owned()).or_insert((id, 0));
        *oldest = id.min(*oldest);
        *count += 1;
    })
    .await?;
    Ok(found)
}

/// The oldest record with each value of a folded field, by the folded value.
pub(crate) async fn by_field(
    db: &Read,
    shape: &Shape,
    of: (&str, &[String]),
) -> Result<HashMap<String, Id>> {
    let mut found = HashMap::new();
    // The oldest is found here: asked for an order, SQLite would walk through the whole table by its ids.
    each_of_field(db, shape, of, &mut |text, id| {
        found
            .entry(text.to_owned())
            .and_modify(|oldest: &mut Id| *oldest = id.min(*oldest))
            .or_insert(id);
    })
    .await?;
    Ok(found)
}

/// Shows `each` the folded value and the id of every record that has one of these values.
async fn each_of_field(
    db: &Read,
    shape: &Shape,
    (key, values): (&str, &[String]),
    each: &mut (dyn FnMut(&str, Id) + Send),
) -> Result<()> {
    let Some(field) = shape.field(key).filter(|field| field.kind.is_folded()) else {
        return Ok(());
    };
    let values: HashSet<String> = values.iter().map(|value| field.fold(value)).collect();
    let values: Vec<String> = values.into_iter().collect();
    for values in values.chunks(AT_ONCE) {
        let select = shape
            .object
            .rows()
            .show(&["id", field.folded])
            .whose_each(field.folded, values.to_vec())
            .only(Condition::Null("deleted_at"));
        db.each(&select, |row| {
            if let (Some(id), Some(text)) = (row.id(0)?, row.text(1)?) {
                each(text, id);
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}
