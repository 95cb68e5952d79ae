//! SQL as it is written out: text, bound values, and the placeholders of either database.

use kith_kernel::Id;

use crate::Value;

/// The placeholders and locks in which the two databases differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement written out, with its values.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    pub(crate) dialect: Dialect,
    pub(crate) tenant: Option<Id>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect, tenant: Option<Id>) -> Self {
        Self { text: String::with_capacity(256), values: Vec::with_capacity(8), dialect, tenant }
    }

    pub(crate) fn comma(&mut self, at: usize) {
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

    pub(crate) fn column(&mut self, table: &'static str, column: &'static str) {
        self.text.push_str(table);
        self.text.push('.');
        self.text.push_str(column);
    }
}
