//! The keys of an order: columns of the record, and values of custom fields.

use kith_kernel::{Error, Kind as ErrorKind, Result};
use kith_store::{Condition, Select};

use crate::{
    catalog::Shape,
    custom::{self, CustomField},
    describe::Kind,
    filter::Filter,
};

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

pub(super) fn sort_keys<'a>(
    shape: &Shape,
    custom: &'a [CustomField],
    sort: &[(String, bool)],
    filter: &Filter<'_>,
) -> Result<Vec<SortKey<'a>>> {
    let unsortable = |key: &str| {
        Error::new(ErrorKind::Invalid, "invalid_sort", format!("{key} cannot be sorted by."))
            .and("sort", "cannot be sorted by this field")
    };
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
                let field = own.ok_or_else(|| filter.unknown(key))?;
                let (column, kind) = (field.kind.column(), field.kind.like());
                return Ok(SortKey {
                    custom: Some(field),
                    ..plain(column, kind, 0, *descending, true)
                });
            };
            if matches!(field.kind, Kind::Labels | Kind::LongText) {
                return Err(unsortable(key));
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
