//! Tests of CSV, one file per concern.

mod headers;
mod kinds;
mod near;
mod properties;
mod reader;
mod recovery;
mod values;
mod write;

use std::io::Cursor;

use crate::csv::{Dialect, Fault, Position, Reader};

/// A row that outlives its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    line: u64,
    position: Position,
    cells: Vec<String>,
    fault: Option<Fault>,
}

fn open(bytes: &[u8]) -> Reader<Cursor<&[u8]>> {
    Reader::open(Cursor::new(bytes)).expect("a header")
}

fn drain(reader: &mut Reader<Cursor<&[u8]>>) -> Vec<Seen> {
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("memory does not fail") {
        let cells = row.cells.iter().map(str::to_owned).collect();
        rows.push(Seen { line: row.line, position: row.position, cells, fault: row.fault });
    }
    rows
}

fn read(bytes: &[u8]) -> Vec<Seen> {
    drain(&mut open(bytes))
}

/// Line and cells of rows that are all good.
fn good(bytes: &[u8]) -> Vec<(u64, Vec<String>)> {
    let good = |row: Seen| {
        assert_eq!(row.fault, None, "line {}", row.line);
        (row.line, row.cells)
    };
    read(bytes).into_iter().map(good).collect()
}

fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

fn resume(bytes: &[u8], dialect: Dialect, position: Position) -> Vec<Seen> {
    drain(&mut Reader::resume(Cursor::new(bytes), dialect, position).expect("the same header"))
}
