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
    /// The table to which it adds rows, and how many.
    pub(crate) inserts: Option<(&'static str, u64)>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect, tenant: Option<Id>) -> Self {
        Self {
            text: String::with_capacity(256),
            values: Vec::with_capacity(8),
            dialect,
            tenant,
            inserts: None,
        }
    }

    pub(crate) fn comma(&mut self, at: usize) {
        if at > 0 {
            self.text.push_str(", ");
        }
    }

    pub(crate) fn bind(&mut self, value: Value) {
        self.values.push(value);
        self.text.push(match self.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        });
        push_number(&mut self.text, self.values.len());
    }

    pub(crate) fn column(&mut self, table: &'static str, column: &'static str) {
        self.text.push_str(table);
        self.text.push('.');
        self.text.push_str(column);
    }
}

/// Statements are full of numbers, which formatting writes five times slower.
pub(crate) fn push_number(text: &mut String, number: usize) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b"0123456789"[number % 10]));
}
