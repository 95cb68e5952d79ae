//! Texts that become links: each is the id of a record, or what one record alone is called.

use std::collections::HashMap;

use kith_kernel::{Error, Id, Result, invalid};
use kith_store::Read;
use serde_json::Value as Json;

use crate::{
    Records,
    custom::{CustomField, CustomKind},
    named::{Found, exactly, several},
};

/// What values name among the records that the field shall point at.
pub(super) struct Named(HashMap<String, Found>);

impl Records {
    /// Looks up what values name; nothing is looked up for a field that becomes no link.
    pub(super) async fn named_by(
        &self,
        db: &Read,
        field: &CustomField,
        values: &[(Id, Json)],
    ) -> Result<Named> {
        let Some(target) = field.target.as_deref() else { return Ok(Named(HashMap::new())) };
        let mut texts: Vec<String> =
            values.iter().filter_map(|(_, value)| text(value)).map(str::to_owned).collect();
        texts.sort_unstable();
        texts.dedup();
        Ok(Named(exactly(db, &*self.shape_named(target)?, &texts).await?))
    }
}

impl Named {
    /// The id of the record that a value names.
    ///
    /// # Errors
    /// `Invalid` when it names none, or several.
    pub(super) fn link(&self, field: &CustomField, value: &Json) -> Result<Json> {
        let text = text(value).unwrap_or_default();
        let object = field.target.as_deref().unwrap_or_default();
        match self.0.get(text) {
            Some(Found::Exact(id) | Found::Near(id, _)) => Ok(id.to_string().into()),
            Some(Found::Several(many)) => Err(invalid(&field.key(), several(text, object, *many))),
            Some(Found::Nothing) | None => {
                Err(invalid(&field.key(), format!("names no record ({object})")))
            }
        }
    }
}

fn text(value: &Json) -> Option<&str> {
    value.as_str().map(str::trim)
}

/// Refuses what holds no words that could name a record.
pub(super) fn refuse_others(before: &CustomField) -> Result<()> {
    match before.kind {
        CustomKind::Text
        | CustomKind::Choice
        | CustomKind::Email
        | CustomKind::Phone
        | CustomKind::Url => {}
        CustomKind::Number
        | CustomKind::Money
        | CustomKind::Date
        | CustomKind::Time
        | CustomKind::Bool
        | CustomKind::MultiChoice
        | CustomKind::Link => {
            return Err(unfit(&format!("a {} names no record", before.kind.name())));
        }
    }
    if before.default.is_some() {
        return Err(unfit("a link has no default, and this field has one: set default to null"));
    }
    Ok(())
}

fn unfit(why: &str) -> Error {
    invalid("kind", format!("cannot become a link: {why}"))
}
