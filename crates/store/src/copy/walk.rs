//! The walk through a table: some rows at a time, each time behind the last key.

use std::fmt::Write;

use kith_kernel::{Id, Result};

use super::Whole;
use crate::{Value, catalog::TableShape, schema::Type, sql::Sql};

/// A walk through one table.
pub(super) struct Walk<'a> {
    whole: &'a Whole,
    table: &'a TableShape,
    kinds: Vec<Type>,
    /// The tenants that are still to come, the last one first; a table of no tenant has one part.
    parts: Vec<Option<Id>>,
    after: Option<Vec<Value>>,
    begun: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(whole: &'a Whole, table: &'a TableShape) -> Self {
        let parts = if table.tenanted {
            whole.tenants.iter().rev().copied().map(Some).collect()
        } else {
            vec![None]
        };
        let kinds = table.columns.iter().map(|(_, kind)| *kind).collect();
        Self { whole, table, kinds, parts, after: None, begun: false }
    }

    /// The next rows, all of one tenant; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        while let Some(part) = self.parts.last().copied() {
            if let (false, Some(tenant)) = (self.begun, part) {
                self.whole.stand_in(tenant).await?;
            }
            self.begun = true;
            let rows = self.whole.rows(&self.page(part), &self.kinds).await?;
            if let Some(last) = rows.last() {
                self.after = Some(self.key_of(last));
                return Ok(rows);
            }
            self.parts.pop();
            (self.after, self.begun) = (None, false);
        }
        Ok(Vec::new())
    }

    fn key_of(&self, row: &[Value]) -> Vec<Value> {
        let place = |key: &&str| self.table.columns.iter().position(|(name, _)| name == key);
        self.table.key.iter().filter_map(place).map(|at| row[at].clone()).collect()
    }

    fn page(&self, tenant: Option<Id>) -> Sql {
        let mut sql = Sql::new(self.whole.dialect(), None);
        // Writing into a String does not fail.
        let key = self.table.key.join(", ");
        sql.text.push_str("SELECT ");
        for (at, (column, _)) in self.table.columns.iter().enumerate() {
            sql.comma(at);
            sql.text.push_str(column);
        }
        sql.text.push_str(" FROM ");
        sql.text.push_str(self.table.name);
        let mut word = " WHERE ";
        if let Some(tenant) = tenant {
            sql.text.push_str(word);
            sql.text.push_str("tenant_id = ");
            sql.bind(tenant.into());
            word = " AND ";
        }
        if let Some(after) = &self.after {
            sql.text.push_str(word);
            write!(sql.text, "({key}) > (").ok();
            for (at, value) in after.iter().enumerate() {
                sql.comma(at);
                sql.bind(value.clone());
            }
            sql.text.push(')');
        }
        write!(sql.text, " ORDER BY {key} LIMIT ").ok();
        sql.bind(Value::Integer(i64::try_from(self.table.rows_at_once()).unwrap_or(1)));
        sql
    }
}
