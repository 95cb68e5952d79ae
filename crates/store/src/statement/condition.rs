//! What must hold of a row, and how that is written.

use kith_kernel::Id;

use super::Select;
use crate::{Value, sql::Sql};

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
    /// A column that has one of the values of a select's only column; worked out before the rows are looked at.
    Among(&'static str, Box<Select>),
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

impl Sql {
    pub(super) fn filter(&mut self, table: &'static str, conditions: &[Condition]) {
        if self.tenant.is_some() || !conditions.is_empty() {
            self.text.push_str(" WHERE ");
            self.all(table, conditions);
        }
    }

    /// The same behind a condition that was written already.
    pub(super) fn further(&mut self, table: &'static str, conditions: &[Condition]) {
        if self.tenant.is_some() || !conditions.is_empty() {
            self.text.push_str(" AND ");
            self.all(table, conditions);
        }
    }

    fn all(&mut self, table: &'static str, conditions: &[Condition]) {
        if let Some(tenant) = self.tenant {
            self.column(table, "tenant_id");
            self.text.push_str(" = ");
            self.bind(Value::Id(tenant));
        }
        for (at, condition) in conditions.iter().enumerate() {
            if at > 0 || self.tenant.is_some() {
                self.text.push_str(" AND ");
            }
            self.condition(table, condition);
        }
    }

    fn condition(&mut self, table: &'static str, condition: &Condition) {
        match condition {
            Condition::All(all) => self.joined(table, all, " AND ", "TRUE"),
            Condition::Any(any) => self.joined(table, any, " OR ", "FALSE"),
            Condition::Not(inner) => self.not(table, inner),
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
            Condition::Among(column, select) => self.among(table, column, select),
            Condition::Words { column, words } => {
                self.column(table, column);
                self.text.push_str(" IN (");
                let tenant = self.tenant.unwrap_or(Id::NIL);
                crate::search::condition(self, self.dialect, tenant, table, words);
                self.text.push(')');
            }
        }
    }

    fn not(&mut self, table: &'static str, condition: &Condition) {
        self.text.push('(');
        self.condition(table, condition);
        self.text.push_str(") IS NOT TRUE");
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

    fn among(&mut self, table: &'static str, column: &'static str, select: &Select) {
        self.column(table, column);
        self.text.push_str(" IN (");
        select.write(self);
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
        self.text.push_str("EXISTS (SELECT 1");
        self.related(table, related);
    }

    /// ` FROM other WHERE …)`: the rows of another table that belong to this one.
    pub(super) fn related(&mut self, table: &'static str, related: &Related) {
        self.text.push_str(" FROM ");
        self.text.push_str(related.table);
        let inner = if related.table == table {
            self.text.push_str(" AS also");
            "also"
        } else {
            related.table
        };
        self.filter(inner, std::slice::from_ref(&related.condition));
        self.text.push_str(" AND ");
        self.column(inner, related.column);
        self.text.push_str(" = ");
        self.column(table, related.here);
        self.text.push(')');
    }
}
