//! What a merged record takes over: the values that it lacks, from the others in their order.

use kith_kernel::{Id, Result};
use kith_store::{Condition, Read};
use serde_json::{Map, Value as Json, json};

use super::{Wish, is_kept};
use crate::{
    Records,
    catalog::Shape,
    change::Current,
    custom::CustomKind,
    describe::{Field, Kind, Object, Record},
    fields::is_writable,
};

type Sources<'a> = (&'a Wish, &'a Current, &'a [Current]);

impl Records {
    /// The change of the record that stays: its empty fields from the first of the others that has a value, a yes where
    /// any says yes, and the labels of all.
    pub(super) async fn filled(
        &self,
        db: &Read,
        shape: &Shape,
        (wish, primary, others): Sources<'_>,
    ) -> Result<Record> {
        let mut input = Record::new();
        for field in
            shape.fields.iter().filter(|field| is_writable(field) && !is_kept(shape, field.key))
        {
            for other in others {
                let Some(value) = taken(field, &primary.record, &other.record) else { continue };
                if self.may_point(db, field.kind, (wish, value)).await? {
                    input.insert(field.key.to_owned(), value.clone());
                    break;
                }
            }
        }
        if shape.has_labels {
            input.extend(labels(primary, others).map(|labels| ("labels".to_owned(), labels)));
        }
        let custom = self.filled_custom(db, shape, (wish, primary, others)).await?;
        if !custom.is_empty() {
            input.insert("custom".to_owned(), Json::Object(custom));
        }
        Ok(input)
    }

    async fn filled_custom(
        &self,
        db: &Read,
        shape: &Shape,
        (wish, primary, others): Sources<'_>,
    ) -> Result<Record> {
        let mut filled = Record::new();
        for field in &self.custom_fields(db, shape.object).await? {
            let key = field.id.to_string();
            let of =
                |current: &Current| current.custom.get(&key).filter(|it| !is_empty(it)).cloned();
            if of(primary).is_some() {
                continue;
            }
            let target = field.target.as_deref().and_then(|name| self.stored_object(name));
            let found = others.iter().find_map(of);
            let Some(value) = found else { continue };
            let points = match target.filter(|_| field.kind == CustomKind::Link) {
                Some(object) => self.is_there(db, object, (wish, &value)).await?,
                None => true,
            };
            if points {
                filled.insert(field.name.clone(), value);
            }
        }
        Ok(filled)
    }

    /// A link is taken over when it points at something that is there and stays.
    async fn may_point(
        &self,
        db: &Read,
        kind: Kind,
        (wish, value): (&Wish, &Json),
    ) -> Result<bool> {
        match kind {
            Kind::Link(name, _) => match self.stored_object(name) {
                Some(object) => self.is_there(db, object, (wish, value)).await,
                None => Ok(false),
            },
            Kind::Related => Ok(false),
            Kind::Text
            | Kind::LongText
            | Kind::Json
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Integer(..)
            | Kind::Number
            | Kind::Money
            | Kind::Currency
            | Kind::Date
            | Kind::Time
            | Kind::Bool
            | Kind::Choice(_)
            | Kind::Id
            | Kind::Labels => Ok(true),
        }
    }

    async fn is_there(
        &self,
        db: &Read,
        object: &Object,
        (wish, value): (&Wish, &Json),
    ) -> Result<bool> {
        let id: Option<Id> = value.as_str().and_then(|text| text.parse().ok());
        let Some(id) = id.filter(|id| *id != wish.primary && !wish.others.contains(id)) else {
            return Ok(false);
        };
        db.exists(object.rows().whose("id", id).only(Condition::Null("deleted_at"))).await
    }
}

fn is_empty(value: &Json) -> bool {
    value.is_null() || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty)
}

/// What a record takes over from another in one field.
fn taken<'a>(field: &Field, primary: &Record, other: &'a Record) -> Option<&'a Json> {
    let value = other.get(field.key).filter(|value| !is_empty(value))?;
    let own = primary.get(field.key).filter(|value| !is_empty(value));
    match field.kind {
        Kind::Labels => None,
        // Whoever asked once not to be called is not called.
        Kind::Bool => (value == &Json::Bool(true) && own != Some(value)).then_some(value),
        // An amount is worth what it says in its own currency alone.
        Kind::Money if primary.get("currency") != other.get("currency") => None,
        _ if own.is_none() => Some(value),
        _ => None,
    }
}

/// The labels of all, when the others have some that it lacks.
fn labels(primary: &Current, others: &[Current]) -> Option<Json> {
    let of = |current: &Current| current.record.get("labels").and_then(Json::as_array).cloned();
    let mut all = of(primary).unwrap_or_default();
    let before = all.len();
    for label in others.iter().filter_map(of).flatten() {
        if !all.contains(&label) && all.len() < crate::values::MOST_LABELS {
            all.push(label);
        }
    }
    (all.len() > before).then_some(Json::Array(all))
}

/// What a merge changed of the record that stays, for the journal.
pub(super) fn changes(before: &Current, after: &Current) -> Json {
    let differing = |was: &Record, is: &Record| -> Map<String, Json> {
        let own = ["version", "updatedAt", "labels"];
        let keys = is.keys().chain(was.keys().filter(|key| !is.contains_key(*key)));
        let changed =
            keys.filter(|key| !own.contains(&key.as_str()) && was.get(*key) != is.get(*key));
        changed
            .map(|key| (key.clone(), json!({ "before": was.get(key), "after": is.get(key) })))
            .collect()
    };
    let labels = |current: &Current| current.record.get("labels").and_then(Json::as_array).cloned();
    let had = labels(before).unwrap_or_default();
    let added: Vec<Json> = labels(after)
        .unwrap_or_default()
        .into_iter()
        .filter(|label| !had.contains(label))
        .collect();
    json!({
        "fields": differing(&before.record, &after.record),
        "custom": differing(&before.custom, &after.custom),
        "labels": added,
    })
}
