//! Inserts, updates and deletes.

use kith_kernel::Id;

use super::{Condition, equals};
use crate::{
    Value,
    sql::{Dialect, Sql},
};

/// `INSERT INTO table`; the tenant's column is added when it is run.
#[derive(Debug, Clone)]
pub struct Insert {
    pub(crate) table: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
    on_conflict: OnConflict,
}

#[derive(Debug, Clone, PartialEq)]
enum OnConflict {
    Fail,
    Keep,
    Replace { key: &'static [&'static str], replace: &'static [&'static str] },
    Add { key: &'static [&'static str], add: &'static [&'static str] },
}

impl Insert {
    /// One row.
    pub fn row(table: &'static str, cells: Vec<(&'static str, Value)>) -> Self {
        let (columns, row) = cells.into_iter().unzip();
        Self { table, columns, rows: vec![row], on_conflict: OnConflict::Fail }
    }

    /// Several rows of the same columns.
    pub fn rows(table: &'static str, columns: Vec<&'static str>, rows: Vec<Vec<Value>>) -> Self {
        Self { table, columns, rows, on_conflict: OnConflict::Fail }
    }

    /// A row that is there already stays as it is.
    pub fn or_keep(mut self) -> Self {
        self.on_conflict = OnConflict::Keep;
        self
    }

    /// Where a row with the same key is there already, these columns are replaced.
    /// The key of a tenant's table is given without the tenant.
    pub fn or_replace(
        mut self,
        key: &'static [&'static str],
        replace: &'static [&'static str],
    ) -> Self {
        self.on_conflict = OnConflict::Replace { key, replace };
        self
    }

    /// Where a row with the same key is there already, these whole-number columns are added to it.
    /// The key of a tenant's table is given without the tenant.
    pub fn or_add(mut self, key: &'static [&'static str], add: &'static [&'static str]) -> Self {
        self.on_conflict = OnConflict::Add { key, add };
        self
    }

    /// Its rows as they are bound, apart from the statement that each of them could be inserted by. None where rows of one
    /// statement are not the same as statements of one row.
    pub(crate) fn apart(self, tenant: Option<Id>) -> std::result::Result<Rows, Self> {
        let replaces =
            matches!(self.on_conflict, OnConflict::Replace { .. } | OnConflict::Add { .. });
        if replaces && self.rows.len() > 1 {
            return Err(self);
        }
        let Self { table, columns, rows, on_conflict } = self;
        let bound = |row: Vec<Value>| tenant.map(Value::Id).into_iter().chain(row).collect();
        let rows = rows.into_iter().map(bound).collect();
        let of_tenant = tenant.is_some();
        Ok(Rows { form: Form { table, columns, of_tenant, on_conflict }, rows })
    }

    pub(crate) fn sql(mut self, dialect: Dialect, tenant: Option<Id>) -> Sql {
        let mut sql = Sql::new(dialect, None);
        sql.inserts = Some((self.table, self.rows.len() as u64));
        let cells = self.rows.len() * (self.columns.len() + 1);
        sql.values.reserve(cells);
        // A column's name is seldom longer than this, a placeholder with its comma never.
        sql.text.reserve(self.columns.len() * 20 + cells * 7);
        sql.text.push_str("INSERT INTO ");
        sql.text.push_str(self.table);
        sql.text.push_str(" (");
        if tenant.is_some() {
            sql.text.push_str("tenant_id");
        }
        for (at, column) in self.columns.iter().enumerate() {
            sql.comma(at + usize::from(tenant.is_some()));
            sql.text.push_str(column);
        }
        sql.text.push_str(") VALUES ");
        for (at, row) in std::mem::take(&mut self.rows).into_iter().enumerate() {
            sql.comma(at);
            sql.text.push('(');
            for (at, cell) in tenant.map(Value::Id).into_iter().chain(row).enumerate() {
                sql.comma(at);
                sql.bind(cell);
            }
            sql.text.push(')');
        }
        self.conflict_sql(&mut sql, tenant);
        sql
    }

    fn conflict_sql(&self, sql: &mut Sql, tenant: Option<Id>) {
        let (key, columns, adds) = match &self.on_conflict {
            OnConflict::Fail => return,
            OnConflict::Keep => return sql.text.push_str(" ON CONFLICT DO NOTHING"),
            OnConflict::Replace { key, replace } => (key, replace, false),
            OnConflict::Add { key, add } => (key, add, true),
        };
        sql.text.push_str(" ON CONFLICT (");
        let key = tenant.map(|_| "tenant_id").into_iter().chain(key.iter().copied());
        for (at, column) in key.enumerate() {
            sql.comma(at);
            sql.text.push_str(column);
        }
        sql.text.push_str(") DO UPDATE SET ");
        for (at, column) in columns.iter().enumerate() {
            sql.comma(at);
            sql.text.push_str(column);
            sql.text.push_str(" = ");
            if adds {
                sql.column(self.table, column);
                sql.text.push_str(" + ");
            }
            sql.text.push_str("excluded.");
            sql.text.push_str(column);
        }
    }
}

/// Rows in pieces of a few sizes. Statements are cached by their text: each number of rows would have one of its own, and a
/// long one takes half a megabyte.
pub fn in_sizes(rows: Vec<Vec<Value>>) -> impl Iterator<Item = Vec<Vec<Value>>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let size = [50, 10, 1].into_iter().find(|size| *size <= rows.len())?;
        Some(rows.by_ref().take(size).collect())
    })
}

/// Rows that are not written out yet.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) form: Form,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// All that decides how a row is inserted, but its values.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) table: &'static str,
    columns: Vec<&'static str>,
    of_tenant: bool,
    on_conflict: OnConflict,
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        // Names that are equal mostly are the same.
        let same = |(a, b): (&&str, &&str)| std::ptr::eq(*a, *b) || a == b;
        self.table == other.table
            && self.of_tenant == other.of_tenant
            && self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(same)
            && self.on_conflict == other.on_conflict
    }
}

impl Form {
    /// A row of it may meet another row of the same statement.
    pub(crate) fn replaces(&self) -> bool {
        matches!(self.on_conflict, OnConflict::Replace { .. } | OnConflict::Add { .. })
    }

    /// The statement that inserts one row.
    pub(crate) fn text(&self) -> String {
        let Self { table, columns, of_tenant, on_conflict } = self.clone();
        let rows = vec![vec![Value::Null; columns.len()]];
        let insert = Insert { table, columns, rows, on_conflict };
        insert.sql(Dialect::Postgres, of_tenant.then_some(Id::NIL)).text
    }
}

/// What an update does to a column.
#[derive(Debug, Clone)]
pub enum Set {
    /// Gives it a value.
    To(Value),
    /// Adds to it.
    Plus(i64),
}

/// `UPDATE table`, of one tenant once it is run.
#[derive(Debug, Clone)]
pub struct Update {
    pub(crate) table: &'static str,
    sets: Vec<(&'static str, Set)>,
    pub(crate) conditions: Vec<Condition>,
}

impl Update {
    /// Changes rows of a table.
    pub fn table(table: &'static str) -> Self {
        Self { table, sets: Vec::new(), conditions: Vec::new() }
    }

    /// Gives a column a value.
    pub fn set(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.sets.push((column, Set::To(value.into())));
        self
    }

    /// Adds to a whole-number column.
    pub fn plus(mut self, column: &'static str, by: i64) -> Self {
        self.sets.push((column, Set::Plus(by)));
        self
    }

    /// Only in the rows for which it holds.
    pub fn only(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Only in the rows whose column has the value.
    pub fn whose(self, column: &'static str, value: impl Into<Value>) -> Self {
        self.only(equals(column, value))
    }

    pub(crate) fn sql(&self, dialect: Dialect, tenant: Option<Id>) -> Sql {
        let mut sql = Sql::new(dialect, tenant);
        sql.text.push_str("UPDATE ");
        sql.text.push_str(self.table);
        sql.text.push_str(" SET ");
        for (at, (column, set)) in self.sets.iter().enumerate() {
            sql.comma(at);
            sql.text.push_str(column);
            sql.text.push_str(" = ");
            match set {
                Set::To(value) => sql.bind(value.clone()),
                Set::Plus(by) => {
                    sql.text.push_str(column);
                    sql.text.push_str(" + ");
                    sql.bind(Value::Integer(*by));
                }
            }
        }
        sql.filter(self.table, &self.conditions);
        sql
    }
}

/// `DELETE FROM table`, of one tenant once it is run.
#[derive(Debug, Clone)]
pub struct Delete {
    pub(crate) table: &'static str,
    pub(crate) conditions: Vec<Condition>,
}

impl Delete {
    /// Deletes rows of a table.
    pub fn from(table: &'static str) -> Self {
        Self { table, conditions: Vec::new() }
    }

    /// Only the rows for which it holds.
    pub fn only(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Only the rows whose column has the value.
    pub fn whose(self, column: &'static str, value: impl Into<Value>) -> Self {
        self.only(equals(column, value))
    }

    pub(crate) fn sql(&self, dialect: Dialect, tenant: Option<Id>) -> Sql {
        let mut sql = Sql::new(dialect, tenant);
        sql.text.push_str("DELETE FROM ");
        sql.text.push_str(self.table);
        sql.filter(self.table, &self.conditions);
        sql
    }
}
