//! Short words for descriptions: `text!("firstName", "first_name")` and the fields that every object has.
//!
//! The names of columns are written out by macros, since a `const` cannot join strings; nothing else needs one.

use kith_store::{ColumnSpec, Table, date, id, integer, json, number, text, time};

use crate::describe::{Field, Kind, OnDelete, Writable};

/// A field with a folded copy in `<column>_folded`.
#[macro_export]
macro_rules! folded {
    ($kind:ident, $key:literal, $column:literal) => {
        $crate::Field::new($key, $column, concat!($column, "_folded"), $crate::Kind::$kind)
    };
}

/// A field whose column is all it needs.
pub const fn plain(key: &'static str, column: &'static str, kind: Kind) -> Field {
    Field::new(key, column, column, kind)
}

/// A link to a record of an object, cleared when that record is deleted.
pub const fn link(key: &'static str, column: &'static str, object: &'static str) -> Field {
    plain(key, column, Kind::Link(object, OnDelete::Clear))
}

/// The fields that every object has, in front of and behind its own.
pub(crate) const COMMON: [Field; 6] = [
    folded!(Text, "externalId", "external_id")
        .about("Its id in another system; unique per object.")
        .aliases(&["externalid", "id", "recordid"]),
    plain("version", "version", Kind::Integer(1, i64::MAX))
        .system()
        .about("Rises with each change; see If-Match."),
    plain("createdAt", "created_at", Kind::Time).system().about("When it was made."),
    plain("updatedAt", "updated_at", Kind::Time).system().about("When it was last changed."),
    plain("createdBy", "created_by", Kind::Link("member", OnDelete::Clear))
        .system()
        .about("Who made it."),
    plain("deletedAt", "deleted_at", Kind::Time).system().about("When it was deleted, if it was."),
];

/// The table of an object: its own columns and those that every object has.
pub fn table(name: &'static str, columns: Vec<ColumnSpec>) -> Table {
    Table::of_tenant(name, columns.into_iter().chain(common()).collect()).unique_where(
        &["external_id_folded"],
        "external_id_folded IS NOT NULL AND deleted_at IS NULL",
    )
}

/// The columns of the fields that every object has.
pub(crate) fn common() -> [ColumnSpec; 9] {
    [
        text("external_id"),
        text("external_id_folded"),
        integer("version").required(),
        time("created_at").required(),
        time("updated_at").required(),
        id("created_by").references("anchors"),
        time("deleted_at"),
        id("batch_id"),
        json("custom"),
    ]
}

/// The columns of fields, in order: for the first migration of an object.
pub fn columns(fields: &[Field]) -> Vec<ColumnSpec> {
    fields.iter().filter(|field| field.kind.is_stored()).flat_map(column).collect()
}

fn column(field: &Field) -> Vec<ColumnSpec> {
    let plain = match field.kind {
        Kind::Text | Kind::Email | Kind::Phone | Kind::Url => {
            return vec![text(field.column), text(field.folded)];
        }
        Kind::LongText | Kind::Json | Kind::Currency | Kind::Choice(_) => text(field.column),
        Kind::Integer(..) | Kind::Money => integer(field.column),
        Kind::Number => number(field.column),
        Kind::Date => date(field.column),
        Kind::Time => time(field.column),
        Kind::Bool => kith_store::bool(field.column),
        Kind::Link(..) | Kind::Related => id(field.column).references("anchors"),
        Kind::Id => id(field.column),
        Kind::Labels => return vec![],
    };
    vec![plain]
}

/// Whether a caller may write a field.
pub(crate) fn is_writable(field: &Field) -> bool {
    field.writable == Writable::User
}
