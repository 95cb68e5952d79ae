//! Migrations: forward only, owned by the slices, applied in order under a lock.

use kith_kernel::{Result, conflict};

use crate::{
    Table,
    schema::{ColumnSpec, Index},
};

/// One named change of the schema; names begin with a date, so that their order is their age.
pub struct Migration {
    /// `2026-11-21-deals`; never changed once released.
    pub name: &'static str,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One step of a migration.
pub enum Step {
    /// Makes a table.
    Create(Table),
    /// Adds a column that may lack a value or has a default.
    AddColumn(&'static str, ColumnSpec),
    /// Adds an index to a tenant's table.
    AddIndex(&'static str, &'static [&'static str]),
    /// Makes what keyword search needs, which each database does its own way.
    Search,
}

/// The name that stands among the migrations of a database while it is being filled.
const UNFINISHED: &str = "unfinished-copy";

impl Migration {
    /// What is noted before a database is filled and taken back at the end ([`crate::Db::finished`]): in between no
    /// program but the one that fills it takes it for whole.
    pub fn unfinished() -> Self {
        Self { name: UNFINISHED, steps: Vec::new() }
    }
}

impl Step {
    pub(crate) fn index(table: &'static str, columns: &'static [&'static str]) -> String {
        let index = Index { columns, unique: false, only: None };
        Table::of_tenant(table, vec![]).create_index(&index)
    }
}

pub(crate) const LEDGER: &str = "schema_migrations";

/// The migrations that are still to do.
///
/// # Errors
/// `Conflict` when something was applied that this program does not know.
pub(crate) fn pending<'a>(
    migrations: &'a [Migration],
    applied: &[String],
) -> Result<Vec<&'a Migration>> {
    let fills = migrations.iter().any(|migration| migration.name == UNFINISHED);
    if !fills && applied.iter().any(|name| name == UNFINISHED) {
        let told = "A copy into this database did not come to its end. Make it again with --force.";
        return Err(conflict("unfinished_copy", told));
    }
    if let Some(unknown) = applied
        .iter()
        .find(|name| migrations.iter().all(|migration| migration.name != name.as_str()))
    {
        return Err(conflict(
            "newer_schema",
            format!(
                "The database was migrated by a newer Kith (it has {unknown}). Start that version, or restore a backup."
            ),
        ));
    }
    Ok(migrations.iter().filter(|m| !applied.iter().any(|name| name == m.name)).collect())
}

/// The tables that belong to no tenant.
pub(crate) fn platform_tables(migrations: &[Migration]) -> Vec<&'static str> {
    let steps = migrations.iter().flat_map(|migration| &migration.steps);
    steps
        .filter_map(|step| match step {
            Step::Create(table) if !table.tenanted => Some(table.name),
            _ => None,
        })
        .collect()
}
