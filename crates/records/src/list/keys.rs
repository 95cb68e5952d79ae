//! The keys of an order: columns of the record, and values of custom fields.

use kith_kernel::{Error, Kind as ErrorKind, Result, text::nearest};
use kith_store::{Condition, Select};

use crate::{
    catalog::Shape,
    custom::{self, CustomField},
    describe::{Field, Kind},
};

/// So many fields are named to who asked for another one.
const MOST_NAMED: usize = 60;

/// A column to sort by.
pub(super) struct SortKey<'a> {
    /// The custom field in whose values the column is.
    pub(super) custom: Option<&'a CustomField>,
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    /// Where its value stands in the row.
    pub(super) at: usize,
    pub(super) descending: bool,
    pub(super) nullable: bool,
}

/// Ids rise with time, so the order of ids is the order in which records were made.
pub(super) fn is_id(key: &str) -> bool {
    key == "id" || key == "createdAt" || key == "created_at"
}

fn is_sortable(field: &Field) -> bool {
    !matches!(field.kind, Kind::Labels | Kind::LongText | Kind::Json)
}

/// No list can be put in this order; names the fields by which it can.
fn unsortable(shape: &Shape, custom: &[CustomField], key: &str) -> Error {
    let own = shape.fields.iter().filter(|field| is_sortable(field)).map(|field| field.key);
    let own = ["id"].into_iter().chain(own).map(str::to_owned);
    let all: Vec<String> = own.chain(custom.iter().map(CustomField::key)).collect();
    let meant = nearest(key, all.iter().map(String::as_str).chain(shape.keys()));
    let meant = meant.filter(|known| all.iter().any(|one| one == known));
    let meant = meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    let why = if shape.field(key).is_some() {
        "cannot be sorted by".to_owned()
    } else {
        format!("is no field of {}", shape.object.plural)
    };
    let more = all.len().saturating_sub(MOST_NAMED);
    let mut named = all[..all.len() - more].join(", ");
    if more > 0 {
        named = format!("{named} and {more} more");
    }
    let shown: String = key.chars().take(80).collect();
    let why = format!("names {shown}, which {why}{meant}");
    let end = if meant.is_empty() { "." } else { "" };
    let message = format!("The parameter sort {why}{end} It can be: {named}.");
    Error::new(ErrorKind::Invalid, "invalid_sort", message).and("sort", why)
}

pub(super) fn sort_keys<'a>(
    shape: &Shape,
    custom: &'a [CustomField],
    sort: &[(String, bool)],
) -> Result<Vec<SortKey<'a>>> {
    let plain = |column, kind, at, descending, nullable| SortKey {
        custom: None,
        column,
        kind,
        at,
        descending,
        nullable,
    };
    sort.iter()
        .map(|(key, descending)| {
            if is_id(key) {
                return Ok(plain("id", Kind::Related, 0, *descending, false));
            }
            let name = key.strip_prefix("custom.").unwrap_or(key);
            let own = custom.iter().find(|field| field.name == name);
            let Some(field) = shape.field(key) else {
                let field = own.ok_or_else(|| unsortable(shape, custom, key))?;
                let (column, kind) = (field.kind.column(), field.kind.like());
                return Ok(SortKey {
                    custom: Some(field),
                    ..plain(column, kind, 0, *descending, true)
                });
            };
            if !is_sortable(field) {
                return Err(unsortable(shape, custom, key));
            }
            let column = field.compared();
            let at = shape
                .columns
                .iter()
                .position(|known| *known == column)
                .unwrap_or(shape.columns.len());
            let nullable = !(field.required || field.key == "version" || field.key == "updatedAt");
            Ok(plain(column, field.kind, at, *descending, nullable))
        })
        .collect()
}

impl SortKey<'_> {
    /// The condition on the column, wherever it is.
    pub(super) fn holds(&self, condition: Condition) -> Condition {
        match self.custom {
            Some(field) => custom::of_field(field, Some(condition)),
            None => condition,
        }
    }

    pub(super) fn missing(&self) -> Condition {
        match self.custom {
            Some(field) => Condition::Not(Box::new(custom::of_field(field, None))),
            None => Condition::Null(self.column),
        }
    }

    pub(super) fn order(&self, select: Select) -> Select {
        match self.custom {
            Some(field) => {
                select.by_related(custom::related(field, None), self.column, self.descending)
            }
            None if self.nullable => select.by_nullable(self.column, self.descending),
            None => select.by(self.column, self.descending),
        }
    }
}
