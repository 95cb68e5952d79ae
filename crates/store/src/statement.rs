//! Statements as a closed tree: what slices may ask for, written as SQL in one place.
//!
//! Names of tables and columns are `&'static str`, so no text of a caller can become SQL; values are always bound.
//! The tenant's condition is not part of the tree: it is added when a [`crate::Read`] runs the statement.

use kith_kernel::Id;

use crate::Value;

/// The placeholders and locks in which the two databases differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What must hold of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Each of them; an empty list holds always.
    All(Vec<Condition>),
    /// At least one of them; an empty list holds never.
    Any(Vec<Condition>),
    /// The opposite; a comparison with no value counts as not holding, so this holds for it.
    Not(Box<Condition>),
    /// A column compared with a value.
    Compare(&'static str, Comparison, Value),
    /// Two columns of the row compared.
    Columns(&'static str, Comparison, &'static str),
    /// A column that has one of the values.
    In(&'static str, Vec<Value>),
    /// A column without a value.
    Null(&'static str),
    /// A (folded) text column that holds the text.
    Contains(&'static str, String),
    /// A (folded) text column that begins with the text; served by an index.
    StartsWith(&'static str, String),
    /// A (folded) text column that ends with the text.
    EndsWith(&'static str, String),
    /// The row stands behind this one in the order of the columns (all descending or all ascending).
    Behind(Vec<(&'static str, Value)>, bool),
    /// There is such a row in another table of the same tenant.
    Exists(Box<Related>),
    /// The record's text has a word that begins with each of these (folded) words.
    Words {
        /// The column that holds the record's id.
        column: &'static str,
        /// Folded words.
        words: Vec<String>,
    },
}

/// Rows of another table that belong to a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Related {
    /// The other table.
    pub table: &'static str,
    /// Its column that points here.
    pub column: &'static str,
    /// The column of this row that it points at.
    pub here: &'static str,
    /// What else must hold of it.
    pub condition: Condition,
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => " = ",
            Self::Greater => " > ",
            Self::GreaterOrEqual => " >= ",
            Self::Less => " < ",
            Self::LessOrEqual => " <= ",
        }
    }
}

/// `column = value`.
pub fn equals(column: &'static str, value: impl Into<Value>) -> Condition {
    Condition::Compare(column, Comparison::Equal, value.into())
}

/// What a select shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A column.
    Column(&'static str),
    /// How many rows.
    Count,
    /// The sum of a whole-number column; no value when there are no rows.
    Sum(&'static str),
    /// The largest value.
    Max(&'static str),
    /// The smallest value.
    Min(&'static str),
}

/// `SELECT … FROM table`, of one tenant once it is run.
#[derive(Debug, Clone)]
pub struct Select {
    pub(crate) table: &'static str,
    pub(crate) outputs: Vec<Output>,
    pub(crate) conditions: Vec<Condition>,
    order: Vec<Key>,
    group: Vec<&'static str>,
    limit: Option<u64>,
    offset: u64,
    skip_locked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    column: &'static str,
    descending: bool,
    nullable: bool,
}

impl Select {
    /// Rows of a table; without [`Self::show`], the columns that the asking struct names.
    pub fn from(table: &'static str) -> Self {
        Self {
            table,
            outputs: Vec::new(),
            conditions: Vec::new(),
            order: Vec::new(),
            group: Vec::new(),
            limit: None,
            offset: 0,
            skip_locked: false,
        }
    }

    /// Shows these columns.
    pub fn show(mut self, columns: &[&'static str]) -> Self {
        self.outputs.extend(columns.iter().copied().map(Output::Column));
        self
    }

    /// Shows this as well.
    pub fn output(mut self, output: Output) -> Self {
        self.outputs.push(output);
        self
    }

    /// Keeps the rows for which it holds.
    pub fn only(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Keeps the rows whose column has the value.
    pub fn whose(self, column: &'static str, value: impl Into<Value>) -> Self {
        self.only(equals(column, value))
    }

    /// Orders by a column that always has a value.
    pub fn by(mut self, column: &'static str, descending: bool) -> Self {
        self.order.push(Key { column, descending, nullable: false });
        self
    }

    /// Orders by a column that may lack a value; those rows come last either way.
    pub fn by_nullable(mut self, column: &'static str, descending: bool) -> Self {
        self.order.push(Key { column, descending, nullable: true });
        self
    }

    /// One row for each value of the column.
    pub fn group(mut self, column: &'static str) -> Self {
        self.group.push(column);
        self
    }

    /// No more than so many rows.
    pub fn at_most(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Passes over so many rows; for pages that are asked for by number.
    pub fn skip(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }

    /// Locks the rows until the write ends and passes over those that others hold.
    pub fn skip_locked(mut self) -> Self {
        self.skip_locked = true;
        self
    }

    pub(crate) fn sql(&self, dialect: Dialect, tenant: Option<Id>) -> Sql {
        let mut sql = Sql::new(dialect, tenant);
        sql.text.push_str("SELECT ");
        for (at, output) in self.outputs.iter().enumerate() {
            sql.comma(at);
            sql.output(*output);
        }
        sql.text.push_str(" FROM ");
        sql.text.push_str(self.table);
        sql.filter(self.table, &self.conditions);
        for (at, column) in self.group.iter().enumerate() {
            sql.text.push_str(if at == 0 { " GROUP BY " } else { ", " });
            sql.text.push_str(column);
        }
        for (at, key) in self.order.iter().enumerate() {
            sql.text.push_str(if at == 0 { " ORDER BY " } else { ", " });
            if key.nullable {
                sql.text.push_str(key.column);
                sql.text.push_str(" IS NULL, ");
            }
            sql.text.push_str(key.column);
            if key.descending {
                sql.text.push_str(" DESC");
            }
        }
        if let Some(limit) = self.limit {
            sql.text.push_str(" LIMIT ");
            sql.bind(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        }
        if self.offset > 0 {
            sql.text.push_str(" OFFSET ");
            sql.bind(Value::Integer(i64::try_from(self.offset).unwrap_or(i64::MAX)));
        }
        if self.skip_locked && dialect == Dialect::Postgres {
            sql.text.push_str(" FOR UPDATE SKIP LOCKED");
        }
        sql
    }
}

/// `INSERT INTO table`; the tenant's column is added when it is run.
#[derive(Debug, Clone)]
pub struct Insert {
    pub(crate) table: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
    on_conflict: OnConflict,
}

#[derive(Debug, Clone)]
enum OnConflict {
    Fail,
    Keep,
    Replace { key: &'static [&'static str], replace: &'static [&'static str] },
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

    pub(crate) fn sql(&self, dialect: Dialect, tenant: Option<Id>) -> Sql {
        let mut sql = Sql::new(dialect, None);
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
        for (at, row) in self.rows.iter().enumerate() {
            sql.comma(at);
            sql.text.push('(');
            let cells = tenant.map(Value::Id).into_iter().chain(row.iter().cloned());
            for (at, cell) in cells.enumerate() {
                sql.comma(at);
                sql.bind(cell);
            }
            sql.text.push(')');
        }
        self.conflict_sql(&mut sql, tenant);
        sql
    }

    fn conflict_sql(&self, sql: &mut Sql, tenant: Option<Id>) {
        match &self.on_conflict {
            OnConflict::Fail => {}
            OnConflict::Keep => sql.text.push_str(" ON CONFLICT DO NOTHING"),
            OnConflict::Replace { key, replace } => {
                sql.text.push_str(" ON CONFLICT (");
                let key = tenant.map(|_| "tenant_id").into_iter().chain(key.iter().copied());
                for (at, column) in key.enumerate() {
                    sql.comma(at);
                    sql.text.push_str(column);
                }
                sql.text.push_str(") DO UPDATE SET ");
                for (at, column) in replace.iter().enumerate() {
                    sql.comma(at);
                    sql.text.push_str(column);
                    sql.text.push_str(" = excluded.");
                    sql.text.push_str(column);
                }
            }
        }
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

/// A statement written out, with its values.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    dialect: Dialect,
    tenant: Option<Id>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect, tenant: Option<Id>) -> Self {
        Self { text: String::with_capacity(256), values: Vec::with_capacity(8), dialect, tenant }
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.text.push_str(", ");
        }
    }

    pub(crate) fn bind(&mut self, value: Value) {
        use std::fmt::Write;
        self.values.push(value);
        let sign = match self.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        };
        // Writing into a String does not fail.
        write!(self.text, "{sign}{}", self.values.len()).ok();
    }

    fn output(&mut self, output: Output) {
        let (before, column, after) = match output {
            Output::Column(column) => ("", column, ""),
            Output::Count => ("COUNT(*)", "", ""),
            // PostgreSQL sums bigint to numeric, which is no whole number any more.
            Output::Sum(column) => ("CAST(SUM(", column, ") AS BIGINT)"),
            Output::Max(column) => ("MAX(", column, ")"),
            Output::Min(column) => ("MIN(", column, ")"),
        };
        self.text.push_str(before);
        self.text.push_str(column);
        self.text.push_str(after);
    }

    fn filter(&mut self, table: &'static str, conditions: &[Condition]) {
        let mut word = " WHERE ";
        if let Some(tenant) = self.tenant {
            self.text.push_str(word);
            self.column(table, "tenant_id");
            self.text.push_str(" = ");
            self.bind(Value::Id(tenant));
            word = " AND ";
        }
        for condition in conditions {
            self.text.push_str(word);
            self.condition(table, condition);
            word = " AND ";
        }
    }

    fn column(&mut self, table: &'static str, column: &'static str) {
        self.text.push_str(table);
        self.text.push('.');
        self.text.push_str(column);
    }

    fn condition(&mut self, table: &'static str, condition: &Condition) {
        match condition {
            Condition::All(all) => self.joined(table, all, " AND ", "TRUE"),
            Condition::Any(any) => self.joined(table, any, " OR ", "FALSE"),
            Condition::Not(inner) => {
                self.text.push('(');
                self.condition(table, inner);
                self.text.push_str(") IS NOT TRUE");
            }
            Condition::Compare(column, comparison, value) => {
                self.column(table, column);
                self.text.push_str(comparison.sign());
                self.bind(value.clone());
            }
            Condition::Columns(left, comparison, right) => {
                self.column(table, left);
                self.text.push_str(comparison.sign());
                self.column(table, right);
            }
            Condition::In(column, values) => self.within(table, column, values),
            Condition::Null(column) => {
                self.column(table, column);
                self.text.push_str(" IS NULL");
            }
            Condition::Contains(column, text) => self.like(table, column, "%", text, "%"),
            Condition::EndsWith(column, text) => self.like(table, column, "%", text, ""),
            Condition::StartsWith(column, text) => self.range(table, column, text),
            Condition::Behind(keys, descending) => self.behind(table, keys, *descending),
            Condition::Exists(related) => self.exists(table, related),
            Condition::Words { column, words } => {
                self.column(table, column);
                self.text.push_str(" IN (");
                let tenant = self.tenant.unwrap_or(Id::NIL);
                crate::search::condition(self, self.dialect, tenant, table, words);
                self.text.push(')');
            }
        }
    }

    fn joined(&mut self, table: &'static str, all: &[Condition], word: &str, none: &str) {
        if all.is_empty() {
            self.text.push_str(none);
            return;
        }
        self.text.push('(');
        for (at, condition) in all.iter().enumerate() {
            if at > 0 {
                self.text.push_str(word);
            }
            self.condition(table, condition);
        }
        self.text.push(')');
    }

    fn within(&mut self, table: &'static str, column: &'static str, values: &[Value]) {
        if values.is_empty() {
            self.text.push_str("FALSE");
            return;
        }
        self.column(table, column);
        self.text.push_str(" IN (");
        for (at, value) in values.iter().enumerate() {
            self.comma(at);
            self.bind(value.clone());
        }
        self.text.push(')');
    }

    fn like(
        &mut self,
        table: &'static str,
        column: &'static str,
        before: &str,
        text: &str,
        after: &str,
    ) {
        let mut pattern = String::with_capacity(text.len() + 2);
        pattern.push_str(before);
        for letter in text.chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push_str(after);
        self.column(table, column);
        self.text.push_str(" LIKE ");
        self.bind(Value::Text(pattern));
        self.text.push_str(" ESCAPE '\\'");
    }

    fn range(&mut self, table: &'static str, column: &'static str, text: &str) {
        self.column(table, column);
        self.text.push_str(" >= ");
        self.bind(Value::Text(text.to_owned()));
        self.text.push_str(" AND ");
        self.column(table, column);
        self.text.push_str(" < ");
        // The last code point: in byte order, everything that begins with `text` stands before it.
        self.bind(Value::Text(format!("{text}\u{10ffff}")));
    }

    fn behind(&mut self, table: &'static str, keys: &[(&'static str, Value)], descending: bool) {
        self.text.push('(');
        for (at, (column, _)) in keys.iter().enumerate() {
            self.comma(at);
            self.column(table, column);
        }
        self.text.push_str(if descending { ") < (" } else { ") > (" });
        for (at, (_, value)) in keys.iter().enumerate() {
            self.comma(at);
            self.bind(value.clone());
        }
        self.text.push(')');
    }

    fn exists(&mut self, table: &'static str, related: &Related) {
        self.text.push_str("EXISTS (SELECT 1 FROM ");
        self.text.push_str(related.table);
        self.filter(related.table, std::slice::from_ref(&related.condition));
        self.text.push_str(" AND ");
        self.column(related.table, related.column);
        self.text.push_str(" = ");
        self.column(table, related.here);
        self.text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(select: &Select) -> String {
        select.sql(Dialect::Postgres, Some(Id::NIL)).text
    }

    #[test]
    fn every_statement_of_a_tenant_names_the_tenant_first() {
        let related = Related {
            table: "links",
            column: "record_id",
            here: "id",
            condition: equals("kind", "label"),
        };
        let select = Select::from("deals")
            .show(&["id"])
            .only(Condition::Exists(Box::new(related)))
            .by("id", true)
            .at_most(3);
        assert_eq!(
            written(&select),
            "SELECT id FROM deals WHERE deals.tenant_id = $1 AND EXISTS (SELECT 1 FROM links WHERE \
             links.tenant_id = $2 AND links.kind = $3 AND links.record_id = deals.id) ORDER BY id DESC LIMIT $4"
        );
    }

    #[test]
    fn what_does_not_compare_does_not_hold_and_its_opposite_does() {
        let select = Select::from("deals")
            .show(&["id"])
            .only(Condition::Not(Box::new(equals("stage", "won"))));
        assert!(written(&select).ends_with("AND (deals.stage = $2) IS NOT TRUE"));
    }

    #[test]
    fn patterns_are_bound_and_escaped() {
        let select = Select::from("deals")
            .show(&["id"])
            .only(Condition::Contains("name", "50%_\\".to_owned()));
        let sql = select.sql(Dialect::Sqlite, None);
        assert_eq!(sql.text, "SELECT id FROM deals WHERE deals.name LIKE ?1 ESCAPE '\\'");
        assert_eq!(sql.values, [Value::Text("%50\\%\\_\\\\%".to_owned())]);
    }
}
