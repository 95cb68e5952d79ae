//! Links: checked before they are stored, followed when a list is asked to include what they point at.

use std::collections::HashMap;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, invalid};
use kith_platform::Ctx;
use kith_store::{Condition, Read, Row, Select};

use crate::{
    Records,
    catalog::Shape,
    custom::CustomField,
    describe::{Change, Field, Kind, Record},
    encode::{Encoder, Line},
    labels,
};

/// A link whose records are shown with a list.
pub(crate) struct Include {
    pub(crate) name: String,
    pub(crate) object: String,
    /// Where the link, or the custom values with it, stand in the row.
    at: usize,
    custom: Option<Id>,
}

impl Include {
    /// What the link of a row points at.
    pub(crate) fn of(&self, row: Row<'_>) -> Result<Option<Id>> {
        let Some(field) = self.custom else { return row.id(self.at) };
        let values: Option<Record> =
            row.json(self.at)?.and_then(|text| serde_json::from_str(text).ok());
        let value = values.as_ref().and_then(|values| values.get(&field.to_string())?.as_str());
        Ok(value.and_then(|text| text.parse().ok()))
    }
}

/// No more includes than this at once.
const MOST_INCLUDES: usize = 8;

impl Records {
    /// Refuses links to what is not there (any more), and notes which object a free link points at.
    pub(crate) async fn check_links(
        &self,
        db: &Read,
        shape: &Shape,
        change: &mut Change,
    ) -> Result<()> {
        let changed: Vec<_> = shape
            .fields
            .iter()
            .filter(|field| {
                matches!(field.kind, Kind::Link(..) | Kind::Related) && change.changes(field.key)
            })
            .filter_map(|field| Some((*field, change.link(field.key)?)))
            .collect();
        for (field, id) in changed {
            let object = if let Kind::Link(object, _) = field.kind {
                object
            } else {
                let object =
                    self.anchored(db, id).await?.ok_or_else(|| dangling(field.key, "record"))?;
                change.set("relatedTo", object);
                object
            };
            let target = self.shape_named(object)?.object;
            let select = target.rows().whose("id", id).only(Condition::Null("deleted_at"));
            if !db.exists(select).await? {
                return Err(dangling(field.key, object));
            }
        }
        Ok(())
    }

    /// Which object a record is of.
    async fn anchored(&self, db: &Read, id: Id) -> Result<Option<&'static str>> {
        let mut found = None;
        db.each(&Select::from("anchors").show(&["object"]).whose("id", id), |row| {
            found = row.text(0)?.map(str::to_owned);
            Ok(())
        })
        .await?;
        Ok(found.and_then(|name| self.stored_object(&name)).map(|object| object.name))
    }

    /// Whoever may not read what a link points at may not include it either.
    pub(crate) fn may_include(&self, ctx: &Ctx, includes: &[Include]) -> Result<()> {
        includes.iter().try_for_each(|include| {
            let target = self.shape_named(&include.object)?.object;
            ctx.actor.scopes.require(target.scope(), "read")
        })
    }

    /// Adds labels and included records to the lines of a page.
    pub(crate) async fn complete(
        &self,
        db: &Read,
        shape: &Shape,
        includes: &[Include],
        lines: &mut [Line],
        wanted: Option<&[String]>,
    ) -> Result<()> {
        if shape.has_labels
            && !lines.is_empty()
            && wanted.is_none_or(|wanted| wanted.iter().any(|key| key == "labels"))
        {
            let ids: Vec<Id> = lines.iter().map(|line| line.id).collect();
            let named = labels::of(db, &ids).await?;
            for line in lines.iter_mut() {
                let names = named.get(&line.id).map(Vec::as_slice).unwrap_or_default();
                write_labels(names, &mut line.json);
            }
        }
        for (number, include) in includes.iter().enumerate() {
            let ids: Vec<Id> = lines.iter().filter_map(|line| line.links[number]).collect();
            let found = self.included(db, &include.object, ids).await?;
            for line in lines.iter_mut() {
                line.json.extend_from_slice(format!(",\"{}\":", include.name).as_bytes());
                let record = line.links[number].and_then(|id| found.get(&id));
                line.json.extend_from_slice(record.map_or(b"null", Vec::as_slice));
            }
        }
        Ok(())
    }

    /// Records of an object, as JSON by their ids.
    async fn included(
        &self,
        db: &Read,
        object: &str,
        mut ids: Vec<Id>,
    ) -> Result<HashMap<Id, Vec<u8>>> {
        ids.sort_unstable();
        ids.dedup();
        let mut found = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let shape = self.shape_named(object)?;
        let custom = self.custom_fields(db, shape.object).await?;
        let default_currency = db.actor().currency;
        let encoder = Encoder { shape: &shape, custom: &custom, wanted: None, default_currency };
        let select = shape
            .object
            .rows()
            .show(&shape.columns)
            .whose_each("id", ids)
            .only(Condition::Null("deleted_at"));
        db.each(&select, |row| {
            let mut json = Vec::with_capacity(512);
            let id = encoder.row(row, &mut json)?;
            found.insert(id, json);
            Ok(())
        })
        .await?;
        let ids: Vec<Id> = found.keys().copied().collect();
        let named = if shape.has_labels { labels::of(db, &ids).await? } else { HashMap::new() };
        for (id, json) in &mut found {
            if shape.has_labels {
                write_labels(named.get(id).map(Vec::as_slice).unwrap_or_default(), json);
            }
            json.push(b'}');
        }
        Ok(found)
    }
}

/// The links that a list is asked to follow.
pub(crate) fn includes(
    shape: &Shape,
    custom: &[CustomField],
    names: &[String],
) -> Result<Vec<Include>> {
    if names.len() > MOST_INCLUDES {
        return Err(wrong_include(&format!("names more than {MOST_INCLUDES} links")));
    }
    names
        .iter()
        .map(|name| {
            let own = name.strip_prefix("custom.").and_then(|own| {
                custom.iter().find(|field| field.name == own && field.target.is_some())
            });
            if let Some(field) = own {
                return Ok(Include {
                    name: name.clone(),
                    object: field.target.clone().unwrap_or_default(),
                    at: shape.columns.len() - 1,
                    custom: Some(field.id),
                });
            }
            let field = include_field(shape, name).ok_or_else(|| {
                let all = shape.fields.iter().filter(|field| matches!(field.kind, Kind::Link(..)));
                let all: Vec<_> = all.filter_map(|field| field.key.strip_suffix("Id")).collect();
                wrong_include(&format!(
                    "names no link of {}; there are {}",
                    shape.object.plural,
                    all.join(", ")
                ))
            })?;
            let Kind::Link(object, _) = field.kind else {
                return Err(wrong_include("names no link"));
            };
            let at = shape.columns.iter().position(|column| *column == field.column).unwrap_or(0);
            Ok(Include { name: name.clone(), object: object.to_owned(), at, custom: None })
        })
        .collect()
}

/// The field whose link an include follows (`accountId` for `account`).
fn include_field<'a>(shape: &'a Shape, name: &str) -> Option<&'a Field> {
    shape.fields.iter().find(|field| {
        matches!(field.kind, Kind::Link(..)) && field.key.strip_suffix("Id") == Some(name)
    })
}

fn write_labels(names: &[String], json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"labels\":");
    // Writing into a Vec does not fail.
    serde_json::to_writer(json, names).ok();
}

fn dangling(key: &str, object: &str) -> Error {
    invalid(key, format!("points at no {object} of yours")).coded("unknown_link")
}

fn wrong_include(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, "invalid_parameter", format!("The parameter include {why}."))
        .and("include", why)
}
