//! Every table as its rows are copied: which there are, with which columns, in which order.

use crate::{Migration, Step, Value, schema::Type};

/// The table whose rows are pieces of files, so that few of them are much.
const PIECES: &str = "file_pieces";
/// Rows of tables whose rows are narrow, at once.
const ROWS: u64 = 500;
/// Rows of tables that hold files, at once.
const BULKY_ROWS: u64 = 8;

/// Every table that migrations make, in an order in which links point backwards.
#[derive(Debug, Clone)]
pub struct Catalog {
    tables: Vec<TableShape>,
}

/// A table as its rows are copied.
#[derive(Debug, Clone)]
pub struct TableShape {
    pub(crate) name: &'static str,
    pub(crate) tenanted: bool,
    stays: bool,
    pub(crate) key: &'static [&'static str],
    pub(crate) columns: Vec<(&'static str, Type)>,
}

impl Catalog {
    /// The tables as these migrations leave them.
    pub fn of(migrations: &[Migration]) -> Self {
        let mut tables: Vec<TableShape> = Vec::new();
        for step in migrations.iter().flat_map(|migration| &migration.steps) {
            match step {
                Step::Create(table) => {
                    let tenant = table.tenanted.then_some(("tenant_id", Type::Id));
                    let own = table.columns.iter().map(|column| (column.name, column.kind));
                    tables.push(TableShape {
                        name: table.name,
                        tenanted: table.tenanted,
                        stays: table.stays,
                        key: table.key,
                        columns: tenant.into_iter().chain(own).collect(),
                    });
                }
                Step::AddColumn(name, column) => {
                    if let Some(table) = tables.iter_mut().find(|table| table.name == *name) {
                        table.columns.push((column.name, column.kind));
                    }
                }
                Step::AddIndex(..) | Step::Search => {}
            }
        }
        Self { tables }
    }

    /// The tables, each before those that point at it.
    pub fn tables(&self) -> &[TableShape] {
        &self.tables
    }

    /// The tables whose rows a tenant takes along.
    pub fn of_one_tenant(&self) -> Self {
        let goes = |table: &&TableShape| table.tenanted && !table.stays;
        Self { tables: self.tables.iter().filter(goes).cloned().collect() }
    }

    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&TableShape> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl TableShape {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its rows belong to tenants.
    pub fn is_of_tenants(&self) -> bool {
        self.tenanted
    }

    /// The cells of a row with the names of their columns.
    pub fn cells<'a>(&self, row: &'a [Value]) -> impl Iterator<Item = (&'static str, &'a Value)> {
        self.columns.iter().map(|(name, _)| *name).zip(row)
    }

    /// What tells a row from the others of its tenant.
    pub fn key_of(&self, row: &[Value]) -> Vec<(&'static str, Value)> {
        let place = |key: &&'static str| Some((*key, row.get(self.place(key)?)?.clone()));
        self.key.iter().filter_map(place).collect()
    }

    /// Its columns with their types, in order: what a copy must agree with.
    pub fn columns(&self) -> Vec<(String, String)> {
        let name = |kind: &Type| format!("{kind:?}").to_lowercase();
        self.columns.iter().map(|(column, kind)| ((*column).to_owned(), name(kind))).collect()
    }

    /// The place of a column in a row.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| *name == column)
    }

    /// The table with these columns alone, in their order, as an older copy has them; none where it lacks one.
    pub fn only(&self, columns: &[(String, String)]) -> Option<Self> {
        let own = self.columns();
        let places = columns.iter().map(|wanted| own.iter().position(|column| column == wanted));
        let places: Option<Vec<usize>> = places.collect();
        let columns = places?.into_iter().map(|at| self.columns[at]).collect();
        Some(Self { columns, ..self.clone() })
    }

    pub(crate) fn rows_at_once(&self) -> u64 {
        if self.name == PIECES { BULKY_ROWS } else { ROWS }
    }
}

/// What others may do while all is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Go on: what they change meanwhile is not seen.
    GoOn,
    /// Wait with their changes until the end.
    Wait,
}
