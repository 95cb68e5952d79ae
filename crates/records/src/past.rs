//! The past: records as they were at an instant, from what they are and what the event log says was changed since.
//!
//! What changes without an event shows as it is now: the names of labels and stages, and what a custom field's new kind
//! made of its values.

mod cells;
mod diff;

use kith_kernel::{Date, Error, Id, Kind as ErrorKind, Result, Time};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Output, Read, Related, Select, Value};
use serde_json::Value as Json;

use crate::{
    Records,
    ask::wrong,
    catalog::Shape,
    custom::CustomField,
    describe::{Object, Record, What},
    encode, erased, labels,
    trace::{self, Step},
};

pub(crate) use cells::{Cells, compare, holds};

/// Ids and times of one event are read from the clock one after the other; no server pauses longer between them.
const SLACK_SECONDS: i64 = 60;

/// A record as it was.
pub(crate) struct Was {
    pub(crate) id: Id,
    pub(crate) record: Record,
    /// Values of custom fields by the ids of the fields.
    pub(crate) custom: Record,
}

/// Why a record cannot be shown as of an instant.
enum Absent {
    /// It was made later.
    NotYet(Time),
    /// It was deleted then.
    Deleted,
}

/// Reads an instant; a date is the beginning of that day.
pub(crate) fn instant(ctx: &Ctx, name: &str, text: &str) -> Result<Time> {
    let day = || Some(Date::parse(text)?.begins(ctx.actor.zone));
    let time = Time::parse(text)
        .or_else(day)
        .ok_or_else(|| wrong(name, "must be an instant such as 2026-05-01T00:00:00Z"))?;
    if time > ctx.now() {
        return Err(wrong(name, "lies in the future").coded("in_the_future"));
    }
    Ok(time)
}

/// Refuses what lies before everything that is known.
pub(crate) async fn refuse_before_the_beginning(db: &Read, at: Time) -> Result<()> {
    let mut first = None;
    let select = Select::from("events").show(&["at"]).by("id", false).at_most(1);
    db.each(&select, |row| {
        first = row.time(0)?;
        Ok(())
    })
    .await?;
    match first {
        Some(first) if at < first => {
            let why = format!("lies before the beginning: the first thing known is of {first}");
            Err(wrong("asOf", &why).coded("before_the_beginning"))
        }
        _ => Ok(()),
    }
}

/// The oldest id that an event behind the instant may have.
fn since(at: Time) -> Id {
    Id::first_at(at.plus_seconds(-SLACK_SECONDS))
}

/// An event behind the instant, with one of these names.
fn event_behind(at: Time, names: Vec<String>) -> Vec<Condition> {
    vec![
        Condition::Compare("id", Comparison::GreaterOrEqual, since(at).into()),
        Condition::Compare("at", Comparison::Greater, at.into()),
        Condition::In("name", names.into_iter().map(Value::from).collect()),
    ]
}

/// The record was there at the instant and is as it was.
pub(crate) fn is_as_it_was(object: &Object, at: Time) -> Condition {
    let changed = Related {
        table: "events",
        column: "record_id",
        here: "id",
        condition: Condition::All(event_behind(at, trace::names(object).to_vec())),
    };
    Condition::All(vec![
        Condition::Compare("created_at", Comparison::LessOrEqual, at.into()),
        Condition::Not(Box::new(Condition::Exists(Box::new(changed)))),
    ])
}

/// The records that were there and changed since, by their ids; no more than `most` and one.
pub(crate) async fn changed_since(
    db: &Read,
    object: &Object,
    (at, descending, most): (Time, bool, u64),
) -> Result<Vec<Id>> {
    let made = What::Created.name();
    let names = trace::names(object).into_iter().filter(|name| !name.ends_with(made)).collect();
    let later = Id::first_at(at.plus_seconds(SLACK_SECONDS));
    let select = event_behind(at, names).into_iter().fold(Select::from("events"), Select::only);
    let select = select
        .show(&["record_id"])
        .only(Condition::Compare("record_id", Comparison::Less, later.into()))
        .group("record_id")
        .by("record_id", descending)
        .at_most(most + 1);
    db.ids(&select).await
}

/// Takes changes back, the newest first.
fn rewind(
    mut was: Was,
    (steps, at): (&[Step], Time),
    custom: &[CustomField],
) -> std::result::Result<Was, Absent> {
    for step in steps.iter().rev() {
        match step.what {
            What::Created => return Err(Absent::NotYet(step.at)),
            What::Updated => was.put(&step.before, custom),
            What::Deleted => {
                was.record.remove("deletedAt");
                was.put(&step.before, custom);
            }
            What::Restored => {
                was.record.insert("deletedAt".to_owned(), step.at.to_string().into());
            }
        }
    }
    let made = was.record.get("createdAt").and_then(Json::as_str).and_then(Time::parse);
    match made.filter(|made| *made > at) {
        Some(made) => Err(Absent::NotYet(made)),
        None if was.record.contains_key("deletedAt") => Err(Absent::Deleted),
        None => Ok(was),
    }
}

impl Was {
    /// Gives fields the values that they had.
    fn put(&mut self, values: &Record, custom: &[CustomField]) {
        for (key, value) in values {
            let (place, key) = match key.strip_prefix("custom.") {
                None => (&mut self.record, key.clone()),
                Some(name) => match custom.iter().find(|field| field.name == name) {
                    Some(field) => (&mut self.custom, field.id.to_string()),
                    None => continue,
                },
            };
            if value.is_null() {
                place.remove(&key);
            } else {
                place.insert(key, value.clone());
            }
        }
    }
}

impl Records {
    /// Records as they were; those alone that were there and not deleted.
    pub(crate) async fn were(
        &self,
        ctx: &Ctx,
        db: &Read,
        (shape, custom): (&Shape, &[CustomField]),
        (ids, at): (&[Id], Time),
    ) -> Result<Vec<Was>> {
        let all = self.rewound(ctx, db, (shape, custom), (ids, at)).await?;
        Ok(all.into_iter().filter_map(|(_, was)| was.ok()).collect())
    }

    async fn rewound(
        &self,
        ctx: &Ctx,
        db: &Read,
        (shape, custom): (&Shape, &[CustomField]),
        (ids, at): (&[Id], Time),
    ) -> Result<Vec<(Id, std::result::Result<Was, Absent>)>> {
        let mut found = Vec::new();
        let select = shape.object.rows().show(&shape.columns).whose_each("id", ids);
        db.each(&select, |row| {
            let (record, custom) = encode::record(shape, row, ctx.actor.currency)?;
            found.push(Was { id: row.id(0)?.unwrap_or_default(), record, custom });
            Ok(())
        })
        .await?;
        let mut names = if shape.has_labels { labels::of(db, ids).await? } else { <_>::default() };
        let mut steps = trace::steps(db, shape.object, (ids, Some(since(at)))).await?;
        let last = last_changes(db, shape.object, (ids, at)).await?;
        let rewound = found.into_iter().map(|mut was| {
            let id = was.id;
            if shape.has_labels {
                let names = names.remove(&id).unwrap_or_default();
                was.record.insert("labels".to_owned(), Json::from(names));
            }
            let mut steps = steps.remove(&id).unwrap_or_default();
            steps.retain(|step| step.at > at);
            let was = rewind(was, (&steps, at), custom).map(|mut was| {
                if let Some((_, time)) = last.iter().find(|(record, _)| *record == id) {
                    was.record.insert("updatedAt".to_owned(), time.to_string().into());
                }
                was
            });
            (id, was)
        });
        Ok(rewound.collect())
    }

    /// A record as it was.
    ///
    /// # Errors
    /// `NotFound`, with what is known, when it was not made yet or deleted then.
    pub(crate) async fn was(
        &self,
        ctx: &Ctx,
        db: &Read,
        of: (&Shape, &[CustomField]),
        (id, at): (Id, Time),
    ) -> Result<Was> {
        let all = self.rewound(ctx, db, of, (&[id], at)).await?;
        let Some((_, was)) = all.into_iter().next() else {
            return Err(erased::gone(db, of.0.object, id).await?);
        };
        match was {
            Ok(was) => Ok(was),
            Err(absent) => Err(self.absent(db, of.0.object, (id, at, absent)).await?),
        }
    }

    async fn absent(
        &self,
        db: &Read,
        object: &Object,
        (id, at, absent): (Id, Time, Absent),
    ) -> Result<Error> {
        let steps = trace::steps(db, object, (&[id], None)).await?;
        let steps = steps.get(&id).map(Vec::as_slice).unwrap_or_default();
        let (code, why) = match absent {
            Absent::NotYet(made) => (
                "before_the_beginning",
                format!("was made at {made}: ask for that instant or a later one"),
            ),
            Absent::Deleted => {
                let gone = steps.iter().rfind(|step| step.what == What::Deleted && step.at <= at);
                let gone = gone.map_or(at, |step| step.at);
                ("deleted_then", format!("was deleted at {gone}: ask for an earlier instant"))
            }
        };
        Ok(Error::new(ErrorKind::NotFound, code, format!("This {} {why}.", object.name)))
    }
}

/// When each record was last changed until the instant.
async fn last_changes(
    db: &Read,
    object: &Object,
    (ids, at): (&[Id], Time),
) -> Result<Vec<(Id, Time)>> {
    let names = trace::names(object).into_iter().map(Value::from).collect();
    let select = Select::from("events")
        .show(&["record_id"])
        .output(Output::Max("at"))
        .whose_each("record_id", ids)
        .only(Condition::In("name", names))
        .only(Condition::Compare("at", Comparison::LessOrEqual, at.into()))
        .group("record_id");
    let mut found = Vec::new();
    db.each(&select, |row| {
        found.extend(row.id(0)?.zip(row.time(1)?));
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The fields of an answer that were asked for.
pub(crate) fn chosen(answer: Record, wanted: Option<&[String]>) -> Record {
    let Some(wanted) = wanted else { return answer };
    let has = |key: &str| wanted.iter().any(|wanted| wanted == key);
    let inside = |group: &str, value: Json| {
        let Json::Object(inside) = value else { return None };
        let kept: Record =
            inside.into_iter().filter(|(key, _)| has(&format!("{group}.{key}"))).collect();
        (!kept.is_empty()).then_some(Json::Object(kept))
    };
    let kept = answer.into_iter().filter_map(|(key, value)| {
        if key == "id" || has(&key) {
            return Some((key, value));
        }
        let value = inside(&key, value)?;
        Some((key, value))
    });
    kept.collect()
}
