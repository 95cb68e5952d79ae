//! Adding, naming and deleting custom objects.

use kith_kernel::{Error, Id, Result, conflict, invalid, text::camel_case};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::{Condition, Insert, Select, Update, Value, Write, equals};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{CustomObject, MOST_OBJECTS, find::find, named};
use crate::{
    Records,
    added::{TABLE, is_name},
    custom_fields,
};

const LONGEST_LABEL: usize = 100;
const LONGEST_DESCRIPTION: usize = 1_000;

/// An object as a caller asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewObject {
    name: String,
    label: Option<String>,
    plural_label: Option<String>,
    description: Option<String>,
}

/// What may be changed of an object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changes {
    label: Option<String>,
    plural_label: Option<String>,
    description: Option<Json>,
}

impl Records {
    /// Adds an object; one of a name that was deleted comes back with its fields.
    pub(super) async fn make_object(
        &self,
        ctx: &Ctx,
        db: &Write,
        given: NewObject,
    ) -> Result<String> {
        let name = self.checked_name(&given.name)?;
        let label = label("label", given.label.as_deref().unwrap_or(&name))?;
        let plural = label_or(given.plural_label.as_deref(), "pluralLabel", &label)?;
        let description = description(given.description)?;
        let all = Select::from("objects").only(Condition::Null("deleted_at"));
        if db.count(all).await? >= MOST_OBJECTS {
            return Err(invalid("name", format!("would be more than {MOST_OBJECTS} objects")));
        }
        let known: Option<CustomObject> = db.first(named(&name)).await?;
        let id = match known {
            Some(known) if known.deleted_at.is_none() => return Err(taken(&name)),
            Some(known) => {
                let update =
                    Update::table("objects").set("label", label).set("plural_label", plural);
                let update = update.set("description", description).set("deleted_at", Value::Null);
                db.update(update.whose("id", known.id)).await?;
                known.id
            }
            None => {
                let id = ctx.new_id();
                let row = vec![
                    ("id", id.into()),
                    ("name", name.as_str().into()),
                    ("label", label.into()),
                    ("plural_label", plural.into()),
                    ("description", description.into()),
                    ("created_by", ctx.actor.member.into()),
                    ("created_at", ctx.now().into()),
                ];
                db.insert(Insert::row("objects", row)).await.map_err(|error| {
                    if error.code() == "taken" { taken(&name).caused_by(error) } else { error }
                })?;
                id
            }
        };
        let made = find(db, &name).await?;
        tell(ctx, db, ("created", id), &json!({ "after": made.shown() }))?;
        Ok(name)
    }

    /// A name that means nothing else.
    fn checked_name(&self, given: &str) -> Result<String> {
        let name = camel_case(given.trim());
        if !is_name(&name) {
            let why = "must begin with a small letter and hold letters and digits alone, at most 40, such as vehicle";
            return Err(unfit(why));
        }
        let same = |word: &str| word.eq_ignore_ascii_case(&name);
        let is_built_in = self.objects().any(|object| {
            same(object.name) || same(object.plural) || object.alias.is_some_and(same)
        });
        if is_built_in || custom_fields::is_word(&name) {
            return Err(unfit("means something else already"));
        }
        Ok(name)
    }
}

/// Changes what people see of an object.
pub(super) async fn change(ctx: &Ctx, db: &Write, (name, given): (&str, Changes)) -> Result<()> {
    let before = find(db, name).await?;
    let mut update = Update::table("objects").whose("id", before.id);
    let mut changed = false;
    if let Some(text) = given.label {
        (update, changed) = (update.set("label", label("label", &text)?), true);
    }
    if let Some(text) = given.plural_label {
        (update, changed) = (update.set("plural_label", label("pluralLabel", &text)?), true);
    }
    if let Some(text) = given.description {
        let text = match text {
            Json::Null => None,
            Json::String(text) => Some(text),
            _ => return Err(invalid("description", "must be a text or null")),
        };
        (update, changed) = (update.set("description", description(text)?), true);
    }
    if changed {
        db.update(update).await?;
        let after = find(db, name).await?;
        let told = json!({ "before": before.shown(), "after": after.shown() });
        tell(ctx, db, ("updated", before.id), &told)?;
    }
    Ok(())
}

/// Deletes an object that has no records any more.
pub(super) async fn delete(ctx: &Ctx, db: &Write, name: &str) -> Result<()> {
    let found = find(db, name).await?;
    let records = Select::from(TABLE).whose("object", name).only(Condition::Null("deleted_at"));
    if db.exists(records).await? {
        let why = "It still has records: delete them first (POST …/records/bulk with a rule).";
        return Err(conflict("in_use", why));
    }
    let linked = Select::from("custom_fields")
        .only(equals("target", name))
        .only(Condition::Null("deleted_at"));
    if db.exists(linked).await? {
        let why = "A custom field links to it: delete that field first.";
        return Err(conflict("in_use", why));
    }
    db.update(Update::table("objects").set("deleted_at", ctx.now()).whose("id", found.id)).await?;
    tell(ctx, db, ("deleted", found.id), &json!({ "before": found.shown() }))
}

fn label(key: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let plain = !text.is_empty() && text.chars().count() <= LONGEST_LABEL;
    if plain && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(invalid(key, format!("must be a line of 1 to {LONGEST_LABEL} characters")))
}

fn label_or(given: Option<&str>, key: &str, otherwise: &str) -> Result<String> {
    given.map_or_else(|| Ok(otherwise.to_owned()), |text| label(key, text))
}

fn description(given: Option<String>) -> Result<Option<String>> {
    let given = given.filter(|text| !text.trim().is_empty());
    if given
        .as_ref()
        .is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION || text.contains('\0'))
    {
        return Err(invalid(
            "description",
            format!("must have at most {LONGEST_DESCRIPTION} characters"),
        ));
    }
    Ok(given)
}

fn unfit(why: &str) -> Error {
    invalid("name", why).coded("invalid_name")
}

fn taken(name: &str) -> Error {
    conflict("taken", format!("There is an object of the name {name} already."))
        .and("/name", "is taken")
}

fn tell(ctx: &Ctx, db: &Write, (what, id): (&str, Id), changes: &Json) -> Result<()> {
    let event = Event {
        name: format!("object.{what}"),
        object: "object",
        record: Some(id),
        changes: Some(changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}
