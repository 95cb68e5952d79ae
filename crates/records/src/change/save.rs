//! Saving: a record as columns, at the version that was read.

use kith_kernel::{Currency, Error, Id, Kind as ErrorKind, Result};
use kith_platform::Ctx;
use kith_store::{Document, Insert, Update, Value, Write, equals};
use serde_json::Value as Json;

use crate::{
    Manner, Records,
    catalog::Shape,
    describe::{Change, Field, FoundBy, Object, Record, What, value_of},
};

fn currency(change: &Change) -> Currency {
    change.text("currency").and_then(|code| code.parse().ok()).unwrap_or(Currency::USD)
}

pub(super) async fn insert(
    (ctx, db): (&Ctx, &Write),
    shape: &Shape,
    change: &Change,
    (custom, manner): (&Record, Manner),
) -> Result<()> {
    let currency = currency(change);
    let mut cells: Vec<(&'static str, Value)> = Vec::with_capacity(shape.fields.len() * 2 + 3);
    cells.push(("id", change.id.into()));
    for field in shape.fields.iter().filter(|field| field.kind.is_stored()) {
        let value = value_of(&change.after, field.key).unwrap_or(&Json::Null);
        cells.push((field.column, field.stored(value, currency)?));
        if field.kind.is_folded() {
            cells.push((field.folded, field.folded_value(value)));
        }
    }
    cells.push(("batch_id", ctx.batch.into()));
    cells.push(("custom", custom_value(custom)));
    if shape.object.shares.is_some() {
        cells.push(("object", shape.object.name.into()));
    }
    let insert = Insert::row(shape.object.table(), cells);
    if manner.deferred {
        return db.append(insert);
    }
    db.insert(insert).await.map(drop).map_err(|error| name(shape, error))
}

pub(super) async fn update(
    db: &Write,
    shape: &Shape,
    change: &Change,
    (version, custom): (i64, &Record),
) -> Result<()> {
    let currency = currency(change);
    let mut update = shape.object.change();
    for field in
        shape.fields.iter().filter(|field| field.kind.is_stored() && field.key != "version")
    {
        // An amount is stored in units of its currency, so it is written anew with it.
        let follows = field.kind == crate::Kind::Money && change.changes("currency");
        if change.changes(field.key) || follows {
            let value = value_of(&change.after, field.key).unwrap_or(&Json::Null);
            update = update.set(field.column, field.stored(value, currency)?);
            if field.kind.is_folded() {
                update = update.set(field.folded, field.folded_value(value));
            }
        }
    }
    let update = update.set("custom", custom_value(custom));
    at_version(db, update, change.id, version).await.map_err(|error| name(shape, error))
}

/// Writes when the record is still at the version that was read.
///
/// # Errors
/// `Conflict` (`contended`) when it is not.
pub(super) async fn at_version(db: &Write, update: Update, id: Id, version: i64) -> Result<()> {
    let update = update.plus("version", 1).whose("id", id).only(equals("version", version));
    if db.update(update).await? == 1 {
        return Ok(());
    }
    let why =
        "Others changed this record at the same time. Read it again, then repeat your change.";
    Err(Error::new(ErrorKind::Conflict, "contended", why))
}

pub(super) fn custom_value(custom: &Record) -> Value {
    if custom.is_empty() {
        Value::Null
    } else {
        Value::Json(serde_json::to_string(custom).unwrap_or_default())
    }
}

/// A taken value is told by the field's key instead of the column's name.
pub(super) fn name(shape: &Shape, error: Error) -> Error {
    if error.code() != "taken" {
        return error;
    }
    let column =
        error.problems().first().map(|problem| problem.pointer.trim_start_matches('/').to_owned());
    let field = column.and_then(|column| {
        shape.fields.iter().find(|field| field.column == column || field.folded == column)
    });
    match field {
        Some(field) => kith_kernel::conflict(
            "taken",
            format!("Another {} has this {} already.", shape.object.name, field.key),
        )
        .and(format!("/{}", field.key), "is taken")
        .caused_by(error),
        None => error,
    }
}

impl Records {
    /// What a commit says of a record whose row nobody waited for, in the words of the object.
    pub(crate) fn taken(&self, object: &'static Object, error: Error) -> Error {
        match self.shape(object) {
            Ok(shape) => name(&shape, error),
            Err(_) => error,
        }
    }

    /// Keeps the search index in step with a change, or with its custom fields where they changed.
    pub(crate) async fn find_by(
        &self,
        db: &Write,
        shape: &Shape,
        change: &Change,
        (custom, other): (&Record, bool),
    ) -> Result<()> {
        let is_found = |field: &&Field| field.found_by != FoundBy::Nothing;
        let touched = other
            || change.what != What::Updated
            || shape.fields.iter().filter(is_found).any(|field| change.changes(field.key));
        if !touched || !shape.fields.iter().any(|field| field.found_by != FoundBy::Nothing) {
            return Ok(());
        }
        let mut document = Document {
            record: Some(change.id),
            object: shape.object.plural,
            ..Document::default()
        };
        for field in shape.fields.iter().filter(is_found) {
            let Some(text) = change.text(field.key) else { continue };
            let place = match field.found_by {
                FoundBy::Title => &mut document.title,
                FoundBy::Keyword => &mut document.keywords,
                FoundBy::Body => &mut document.body,
                FoundBy::Nothing => continue,
            };
            place.push_str(text);
            place.push(' ');
        }
        for text in custom.values().flat_map(texts) {
            document.body.push_str(text);
            document.body.push(' ');
        }
        db.index(&document, change.what == What::Updated).await
    }
}

/// The words of a custom value; ids are not what anybody searches for.
fn texts(value: &Json) -> Vec<&str> {
    match value {
        Json::String(text) if text.parse::<Id>().is_err() => vec![text],
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect(),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => vec![],
    }
}
