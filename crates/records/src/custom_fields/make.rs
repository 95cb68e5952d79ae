//! New custom fields: as a caller asks for them, or as a column of an import needs them.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, conflict, invalid};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::{Insert, Read, Select, Update, Value, Write, equals};
use serde_json::{Value as Json, json};

use super::{
    MOST_FIELDS,
    input::{self, NewField},
    names,
};
use crate::{
    Records,
    custom::{CustomField, CustomKind, Row},
    describe::Object,
};

impl Records {
    /// Adds a field to an object. The caller forgets the cache after the commit.
    pub(super) async fn make_custom_field(
        &self,
        ctx: &Ctx,
        db: &Write,
        given: NewField,
    ) -> Result<Id> {
        let object = self.object_given(db, "object", &given.object).await?;
        let name = names::checked(&given.name, &*self.shape(object)?)?;
        let kind = input::kind(&given.kind)?;
        input::refuse_unique(kind, given.unique == Some(true))?;
        let mut field = CustomField {
            id: ctx.new_id(),
            object: object.name.to_owned(),
            label: input::label(given.label.as_deref().unwrap_or(&name))?,
            name,
            kind,
            options: input::options(kind, given.options)?,
            target: self.target(db, kind, given.target.as_deref()).await?,
            currency: (kind == CustomKind::Money).then_some(ctx.actor.currency),
            required: given.required.unwrap_or_default(),
            unique: given.unique.unwrap_or_default(),
            default: None,
        };
        field.default =
            input::default(&field, &given.default.unwrap_or(Json::Null), ctx.actor.zone)?;
        self.keep_custom_field(ctx, db, field).await
    }

    /// The object that a link points at.
    pub(super) async fn target(
        &self,
        db: &Read,
        kind: CustomKind,
        given: Option<&str>,
    ) -> Result<Option<String>> {
        match (kind, given) {
            (CustomKind::Link, None) => {
                Err(invalid("target", "is required: the object to link to"))
            }
            (CustomKind::Link, Some(name)) => {
                Ok(Some(self.object_given(db, "target", name).await?.name.to_owned()))
            }
            (_, Some(_)) => Err(invalid("target", "is for links alone")),
            (_, None) => Ok(None),
        }
    }

    /// Writes a field; a name whose last field is gone with all its values is taken again.
    async fn keep_custom_field(&self, ctx: &Ctx, db: &Write, mut field: CustomField) -> Result<Id> {
        db.one_at_a_time("custom_fields").await?;
        refuse_too_many(db, &field.object).await?;
        refuse_other_case(db, &field).await?;
        let retired = named(db, &field.object, &field.name).await?;
        if let Some(retired) = retired {
            field.id = refuse_taken(&retired)?;
            let update = cells(&field).into_iter().fold(
                Update::table("custom_fields").whose("id", field.id),
                |update, (column, value)| update.set(column, value),
            );
            let update = update.set("created_at", ctx.now()).set("deleted_at", Value::Null);
            db.update(update.set("purged_at", Value::Null)).await?;
        } else {
            let mut row = vec![("id", field.id.into()), ("created_at", ctx.now().into())];
            row.extend(cells(&field));
            db.insert(Insert::row("custom_fields", row)).await.map_err(|error| {
                if error.code() == "taken" { taken(&field.name).caused_by(error) } else { error }
            })?;
        }
        tell(ctx, db, ("created", field.id), &json!({ "after": described(&field) }))?;
        Ok(field.id)
    }

    /// Adds a field for a column of a file. The caller forgets the cache after the commit.
    ///
    /// # Errors
    /// `Conflict` when the object has a field of that name, `Invalid` when there are too many.
    pub async fn add_custom_field(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        field: (&str, &str, CustomKind),
    ) -> Result<CustomField> {
        let (name, label, kind) = field;
        let shape = self.shape(object)?;
        let known: Vec<Row> =
            db.all(Select::from("custom_fields").whose("object", object.name)).await?;
        let known: Vec<String> = known.into_iter().map(|row| row.field().name).collect();
        let name = names::free(name, |name| {
            names::is_word(name)
                || shape.field(name).is_some()
                || known.iter().any(|one| one.eq_ignore_ascii_case(name))
        });
        let field = CustomField {
            id: ctx.new_id(),
            object: object.name.to_owned(),
            name,
            label: label.chars().take(200).collect(),
            kind,
            options: Vec::new(),
            target: None,
            currency: None,
            required: false,
            unique: false,
            default: None,
        };
        let id = self.keep_custom_field(ctx, db, field.clone()).await?;
        Ok(CustomField { id, ..field })
    }
}

async fn refuse_too_many(db: &Read, object: &str) -> Result<()> {
    let present = Select::from("custom_fields")
        .whose("object", object)
        .only(kith_store::Condition::Null("deleted_at"));
    if db.count(present).await? >= i64::try_from(MOST_FIELDS).unwrap_or(i64::MAX) {
        return Err(invalid("name", format!("would be more than {MOST_FIELDS} custom fields")));
    }
    Ok(())
}

/// Names that differ in their case alone would be one column of a file.
async fn refuse_other_case(db: &Read, field: &CustomField) -> Result<()> {
    let present = Select::from("custom_fields")
        .whose("object", &*field.object)
        .only(kith_store::Condition::Null("deleted_at"));
    let rows: Vec<Row> = db.all(present).await?;
    let names = rows.into_iter().map(|row| row.field().name);
    let other = |name: &String| *name != field.name && name.eq_ignore_ascii_case(&field.name);
    names.into_iter().find(other).map_or(Ok(()), |name| Err(taken(&format!("the name {name}"))))
}

async fn named(db: &Read, object: &str, name: &str) -> Result<Option<Row>> {
    let select = Select::from("custom_fields").whose("object", object);
    db.first(select.only(equals("name", name))).await
}

/// The id of a retired field whose values are all gone.
fn refuse_taken(row: &Row) -> Result<Id> {
    match (row.deleted_at, row.purged_at) {
        (None, _) => Err(taken("this name")),
        (Some(_), None) => {
            let why = "A deleted field of this name still has values that are being removed. Try again later.";
            Err(Error::new(ErrorKind::Conflict, "retired", why).and("/name", "is retired"))
        }
        (Some(_), Some(_)) => Ok(row.id),
    }
}

fn taken(name: &str) -> Error {
    conflict("taken", format!("The object has a custom field of {name} already."))
        .and("/name", "is taken")
}

fn cells(field: &CustomField) -> Vec<(&'static str, Value)> {
    let options = (!field.options.is_empty()).then(|| Json::from(field.options.clone()));
    vec![
        ("object", field.object.as_str().into()),
        ("name", field.name.as_str().into()),
        ("label", field.label.as_str().into()),
        ("kind", field.kind.name().into()),
        ("options", options.as_ref().map_or(Value::Null, Value::from)),
        ("target", field.target.as_deref().into()),
        ("currency", field.currency.map(|currency| currency.code().to_owned()).into()),
        ("required", field.required.into()),
        ("is_unique", field.unique.into()),
        ("default_value", field.default.as_ref().map_or(Value::Null, Value::from)),
    ]
}

/// What events tell of a field.
pub(super) fn described(field: &CustomField) -> Json {
    json!({
        "object": field.object, "name": field.name, "label": field.label, "kind": field.kind.name(),
        "options": field.options, "target": field.target, "required": field.required,
        "unique": field.unique, "default": field.default,
    })
}

/// Writes `customField.<what>` into the event log.
pub(super) fn tell(ctx: &Ctx, db: &Write, (what, field): (&str, Id), changes: &Json) -> Result<()> {
    let event = Event {
        name: format!("customField.{what}"),
        object: "customField",
        record: Some(field),
        changes: Some(changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}
