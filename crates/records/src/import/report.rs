//! What an import found and did, for people to read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// No more different values than this are told of one kind of finding.
const MOST_TOLD: usize = 200;

/// Counts, and everything that was not plain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// Rows that were read.
    pub rows: u64,
    /// Records that were made.
    pub created: u64,
    /// Records that were changed.
    pub updated: u64,
    /// Rows whose record was there and stays as it is.
    pub skipped: u64,
    /// Rows that could not be taken; they stand in the error file with their reasons.
    pub failed: u64,
    /// Amounts that had more decimals than their currency and were rounded half-even.
    pub rounded: u64,
    /// Links within the file that were set.
    pub linked: u64,
    /// Values that named nothing to the letter and were taken for what is nearest.
    pub near_matches: Vec<Finding>,
    /// Values that name nothing that exists; the field was left empty.
    pub unmatched: Vec<Finding>,
    /// What was made because a value named it.
    pub made: Vec<Finding>,
    /// Custom fields that columns became.
    pub custom_fields: Vec<String>,
    /// Other things worth knowing.
    pub notes: Vec<String>,
}

/// A value of a column, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The column's name.
    pub column: String,
    /// The value as it stands in the file.
    pub value: String,
    /// What it was taken for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub matched: Option<String>,
    /// In how many rows.
    pub rows: u64,
}

/// What one chunk adds to a report.
#[derive(Debug, Default, Clone)]
pub(crate) struct Findings {
    pub(crate) near: BTreeMap<(String, String), (String, u64)>,
    pub(crate) unmatched: BTreeMap<(String, String), u64>,
    pub(crate) made: Vec<(String, String)>,
}

impl Report {
    /// Adds what a chunk found.
    pub(crate) fn add(&mut self, findings: Findings) {
        for ((column, value), (matched, rows)) in findings.near {
            tell(&mut self.near_matches, Finding { column, value, matched: Some(matched), rows });
        }
        for ((column, value), rows) in findings.unmatched {
            tell(&mut self.unmatched, Finding { column, value, matched: None, rows });
        }
        for (column, value) in findings.made {
            tell(&mut self.made, Finding { column, value, matched: None, rows: 0 });
        }
    }

    /// Adds a note, once.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) && self.notes.len() < MOST_TOLD {
            self.notes.push(note);
        }
    }
}

fn tell(all: &mut Vec<Finding>, finding: Finding) {
    let is_same = |one: &Finding| one.column == finding.column && one.value == finding.value;
    match all.iter().position(is_same) {
        Some(at) => all[at].rows += finding.rows,
        None if all.len() < MOST_TOLD => all.push(finding),
        None => {}
    }
}
