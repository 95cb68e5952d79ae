//! Selects: which rows, what of them, in which order, how many.

use kith_kernel::Id;

use super::{
    Condition::{self, In},
    Related, equals,
};
use crate::{
    Value,
    sql::{Dialect, Sql},
};

/// Lengths of lists of values in the text of a statement.
const LENGTHS: [usize; 6] = [1, 2, 8, 20, 50, 200];

/// What a select shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A column.
    Column(&'static str),
    /// How many rows.
    Count,
    /// The sum of a whole-number column; no value when there are no rows.
    Sum(&'static str),
    /// How many bytes a text column has; no value when there are no rows.
    Bytes(&'static str),
    /// The largest value.
    Max(&'static str),
    /// The smallest value.
    Min(&'static str),
}

/// `SELECT … FROM table`, of one tenant once it is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub(crate) table: &'static str,
    pub(crate) outputs: Vec<Output>,
    pub(crate) conditions: Vec<Condition>,
    each_of: Option<(&'static str, Each)>,
    order: Vec<Key>,
    group: Vec<&'static str>,
    limit: Option<u64>,
    offset: u64,
    skip_locked: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Key {
    column: &'static str,
    descending: bool,
    nullable: bool,
    /// The column is one of the row of another table that belongs to this one.
    of: Option<Box<Related>>,
}

/// Values that are looked up one by one.
#[derive(Debug, Clone, PartialEq)]
pub enum Each {
    /// Texts.
    Texts(Vec<String>),
    /// Ids.
    Ids(Vec<Id>),
}

impl From<Vec<String>> for Each {
    fn from(mut texts: Vec<String>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        Self::Texts(texts)
    }
}

impl From<Vec<Id>> for Each {
    fn from(mut ids: Vec<Id>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self::Ids(ids)
    }
}

impl From<&[Id]> for Each {
    fn from(ids: &[Id]) -> Self {
        ids.to_vec().into()
    }
}

impl Select {
    /// Rows of a table; without [`Self::show`], the columns that the asking struct names.
    pub fn from(table: &'static str) -> Self {
        Self {
            table,
            outputs: Vec::new(),
            conditions: Vec::new(),
            each_of: None,
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

    /// Keeps the rows whose column has one of many values, which are looked up one by one in the column's index. An `In`
    /// leaves the way to the database, which in a table that it has not measured yet reads all of the tenant's rows.
    pub fn whose_each(mut self, column: &'static str, values: impl Into<Each>) -> Self {
        self.each_of = Some((column, values.into()));
        self
    }

    /// Orders by a column that always has a value.
    pub fn by(mut self, column: &'static str, descending: bool) -> Self {
        self.order.push(Key { column, descending, nullable: false, of: None });
        self
    }

    /// Orders by a column that may lack a value; those rows come last either way.
    pub fn by_nullable(mut self, column: &'static str, descending: bool) -> Self {
        self.order.push(Key { column, descending, nullable: true, of: None });
        self
    }

    /// Orders by a column of the one row in another table that belongs to a row; rows without one come last either way.
    pub fn by_related(mut self, of: Related, column: &'static str, descending: bool) -> Self {
        self.order.push(Key { column, descending, nullable: true, of: Some(Box::new(of)) });
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
        self.write(&mut sql);
        sql
    }

    pub(super) fn write(&self, sql: &mut Sql) {
        sql.text.push_str("SELECT ");
        for (at, output) in self.outputs.iter().enumerate() {
            sql.comma(at);
            sql.output(*output);
        }
        sql.text.push_str(" FROM ");
        self.source(sql);
        for (at, column) in self.group.iter().enumerate() {
            sql.text.push_str(if at == 0 { " GROUP BY " } else { ", " });
            sql.text.push_str(column);
        }
        for (at, key) in self.order.iter().enumerate() {
            sql.text.push_str(if at == 0 { " ORDER BY " } else { ", " });
            if key.nullable {
                sql.key(self.table, key);
                sql.text.push_str(" IS NULL, ");
            }
            sql.key(self.table, key);
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
        if self.skip_locked && sql.dialect == Dialect::Postgres {
            sql.text.push_str(" FOR UPDATE SKIP LOCKED");
        }
    }
}

impl Select {
    /// The table with what must hold of its rows.
    fn source(&self, sql: &mut Sql) {
        match (&self.each_of, sql.dialect) {
            (None, _) => {
                sql.text.push_str(self.table);
                sql.filter(self.table, &self.conditions);
            }
            (Some((column, Each::Ids(ids))), _) if ids.len() == 1 => {
                sql.text.push_str(self.table);
                let mut all = self.conditions.clone();
                all.extend(ids.iter().map(|id| equals(column, *id)));
                sql.filter(self.table, &all);
            }
            (Some((column, each)), Dialect::Sqlite) => {
                sql.text.push_str(self.table);
                let mut all = self.conditions.clone();
                all.push(In(column, each.padded()));
                sql.filter(self.table, &all);
            }
            (Some((column, each)), Dialect::Postgres) => self.source_of_each(sql, column, each),
        }
    }

    /// `OFFSET 0` keeps the planner from turning the look-ups into a join, for which it might read the whole table.
    fn source_of_each(&self, sql: &mut Sql, column: &'static str, each: &Each) {
        sql.text.push_str("unnest(CAST(CAST(");
        sql.bind(Value::Text(each.array()));
        sql.text.push_str(match each {
            Each::Texts(_) => " AS text) AS text[])) AS wanted (value), LATERAL (SELECT * FROM ",
            Each::Ids(_) => " AS text) AS uuid[])) AS wanted (value), LATERAL (SELECT * FROM ",
        });
        sql.text.push_str(self.table);
        sql.text.push_str(" WHERE ");
        sql.column(self.table, column);
        sql.text.push_str(" = wanted.value");
        sql.further(self.table, &self.conditions);
        sql.text.push_str(" OFFSET 0) AS ");
        sql.text.push_str(self.table);
    }
}

impl Each {
    fn padded(&self) -> Vec<Value> {
        match self {
            Self::Texts(texts) => in_a_length(texts.iter().cloned().map(Value::Text).collect()),
            Self::Ids(ids) => padded(ids),
        }
    }

    /// As PostgreSQL writes an array of them.
    fn array(&self) -> String {
        match self {
            Self::Texts(texts) => array(texts),
            Self::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
                format!("{{{}}}", ids.join(","))
            }
        }
    }
}

/// Ids for a condition, in one of a few lengths, the last one repeated: statements are cached by their text.
pub fn padded(ids: &[Id]) -> Vec<Value> {
    in_a_length(ids.iter().copied().map(Value::Id).collect())
}

fn in_a_length(mut values: Vec<Value>) -> Vec<Value> {
    let length = LENGTHS.into_iter().find(|length| *length >= values.len());
    if let (Some(last), Some(length)) = (values.last().cloned(), length) {
        values.resize(length, last);
    }
    values
}

fn array(texts: &[String]) -> String {
    let mut array =
        String::with_capacity(texts.iter().map(|text| text.len() + 3).sum::<usize>() + 2);
    array.push('{');
    for (at, text) in texts.iter().enumerate() {
        array.push_str(if at == 0 { "\"" } else { ",\"" });
        for letter in text.chars() {
            if matches!(letter, '"' | '\\') {
                array.push('\\');
            }
            array.push(letter);
        }
        array.push('"');
    }
    array.push('}');
    array
}

impl Sql {
    fn key(&mut self, table: &'static str, key: &Key) {
        match &key.of {
            None => self.text.push_str(key.column),
            Some(related) => {
                self.text.push_str("(SELECT ");
                self.column(related.table, key.column);
                self.related(table, related);
            }
        }
    }

    fn output(&mut self, output: Output) {
        let (before, column, after) = match output {
            Output::Column(column) => ("", column, ""),
            Output::Count => ("COUNT(*)", "", ""),
            // PostgreSQL sums bigint to numeric, which is no whole number any more.
            Output::Sum(column) => ("CAST(SUM(", column, ") AS BIGINT)"),
            Output::Bytes(column) => ("CAST(SUM(OCTET_LENGTH(", column, ")) AS BIGINT)"),
            Output::Max(column) => ("MAX(", column, ")"),
            Output::Min(column) => ("MIN(", column, ")"),
        };
        self.text.push_str(before);
        self.text.push_str(column);
        self.text.push_str(after);
    }
}
