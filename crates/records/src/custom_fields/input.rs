//! What callers say of a custom field, checked.

use kith_kernel::{Result, Zone, invalid, text};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use crate::{
    custom::{CustomField, CustomKind},
    values::Reading,
};

const MOST_OPTIONS: usize = 200;
const LONGEST_OPTION: usize = 100;
const LONGEST_LABEL: usize = 200;

/// A field that shall be made.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewField {
    pub(super) object: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) label: Option<String>,
    pub(super) options: Option<Vec<String>>,
    pub(super) target: Option<String>,
    pub(super) required: Option<bool>,
    pub(super) unique: Option<bool>,
    pub(super) default: Option<Json>,
}

/// What shall change of a field.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changes {
    pub(super) label: Option<String>,
    pub(super) options: Option<Vec<String>>,
    pub(super) required: Option<bool>,
    pub(super) unique: Option<bool>,
    #[serde(default, deserialize_with = "also_null")]
    pub(super) default: Option<Json>,
}

/// Null takes the default away; nothing leaves it as it is.
fn also_null<'de, D: Deserializer<'de>>(given: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(given).map(Some)
}

pub(super) fn kind(given: &str) -> Result<CustomKind> {
    CustomKind::named(given).ok_or_else(|| {
        invalid("kind", format!("is none of {}", CustomKind::ALL.map(CustomKind::name).join(", ")))
    })
}

pub(super) fn label(given: &str) -> Result<String> {
    let label = given.trim();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL {
        return Err(invalid("label", format!("must have 1 to {LONGEST_LABEL} characters")));
    }
    if label.chars().any(char::is_control) {
        return Err(invalid("label", "holds a control character"));
    }
    Ok(label.to_owned())
}

/// The options of a choice: some, none twice, none that a list of them could not tell from two.
pub(super) fn options(kind: CustomKind, given: Option<Vec<String>>) -> Result<Vec<String>> {
    let given = given.unwrap_or_default();
    if !kind.has_options() {
        let why = format!("are for choice and multiChoice alone, not for {}", kind.name());
        return if given.is_empty() { Ok(given) } else { Err(invalid("options", why)) };
    }
    if given.is_empty() || given.len() > MOST_OPTIONS {
        return Err(invalid("options", format!("must be 1 to {MOST_OPTIONS} words")));
    }
    let mut options: Vec<String> = Vec::new();
    for option in given {
        let option = option.trim().to_owned();
        let barred: &[char] =
            if kind == CustomKind::MultiChoice { &['|', ',', ';'] } else { &['|'] };
        let fits = (1..=LONGEST_OPTION).contains(&option.chars().count())
            && !option.contains(char::is_control)
            && !option.contains(barred);
        if !fits {
            let why = format!(
                "must have 1 to {LONGEST_OPTION} characters each, none of them a bar, nor in a multiChoice a comma"
            );
            return Err(invalid("options", why));
        }
        if options.iter().any(|known| text::fold(known) == text::fold(&option)) {
            return Err(invalid("options", format!("holds {option} twice")));
        }
        options.push(option);
    }
    Ok(options)
}

/// The default as the field keeps it; none where it is null.
pub(super) fn default(field: &CustomField, given: &Json, zone: Zone) -> Result<Option<Json>> {
    let currency = field.currency.unwrap_or(kith_kernel::Currency::USD);
    let told = field.canonical(given, Reading { zone, currency });
    let value = told.map_err(|error| {
        let why = error.problems().first().map_or("does not fit", |place| &place.message);
        invalid("default", why)
    })?;
    if field.unique && !value.is_null() {
        return Err(invalid("default", "cannot be that of every record where values are unique"));
    }
    if field.kind == CustomKind::Link && !value.is_null() {
        return Err(invalid("default", "cannot be a link"));
    }
    Ok(Some(value).filter(|value| !value.is_null()))
}

pub(super) fn refuse_unique(kind: CustomKind, unique: bool) -> Result<()> {
    if unique && !kind.can_be_unique() {
        return Err(invalid("unique", format!("is nothing that a {} can be", kind.name())));
    }
    Ok(())
}
