//! Tallies: how many rows a table has, and a hash over all of them that is the same on both databases.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::cells;
use crate::{Value, catalog::TableShape};

/// What a table holds, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The table.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over all rows in order, in hexadecimal digits.
    pub hash: String,
}

/// A tally under way.
pub struct Tallying {
    table: &'static str,
    rows: u64,
    hash: Sha256,
    row: Vec<u8>,
}

impl Tallying {
    /// Begins with no rows.
    pub fn new(table: &TableShape) -> Self {
        Self { table: table.name, rows: 0, hash: Sha256::new(), row: Vec::new() }
    }

    /// Counts more rows, which come in order.
    pub fn add(&mut self, rows: &[Vec<Value>]) {
        for row in rows {
            self.row.clear();
            for cell in row {
                cells::encode(cell, &mut self.row, cells::Json::Canonical);
            }
            self.hash.update((self.row.len() as u64).to_be_bytes());
            self.hash.update(&self.row);
            self.rows += 1;
        }
    }

    /// Ends it.
    pub fn end(self) -> Tally {
        let mut hash = String::with_capacity(64);
        for byte in self.hash.finalize() {
            // Writing into a String does not fail.
            write!(hash, "{byte:02x}").ok();
        }
        Tally { table: self.table, rows: self.rows, hash }
    }
}
