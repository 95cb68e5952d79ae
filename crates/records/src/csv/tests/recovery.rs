//! Rows that cannot be used, and how reading goes on behind them.

use super::{Seen, open, read, resume};
use crate::csv::Fault;

const KIB: usize = 1024;

fn faults(rows: &[Seen]) -> Vec<(u64, Option<Fault>)> {
    rows.iter().map(|row| (row.line, row.fault.clone())).collect()
}

#[test]
fn cells_beyond_the_header_make_a_row_bad() {
    let rows = read(b"a,b\n1,2,,x\n3,4\n");
    let fault = Fault::ExtraCells { expected: 2, found: 4, first: "x".to_owned() };
    assert_eq!(faults(&rows), [(2, Some(fault)), (3, None)]);
    assert_eq!(rows[0].cells, ["1", "2", "", "x"]);
}

#[test]
fn a_nul_makes_a_row_bad() {
    let rows = read(b"a,b\n1,x\0y\n3,4\n");
    assert_eq!(faults(&rows), [(2, Some(Fault::NulCharacter { column: 2 })), (3, None)]);
}

#[test]
fn a_quote_never_closed_costs_one_line() {
    let rows = read(b"a,b\n1,2\n3,\"four\n5,6\n7,8\n");
    let fault = Fault::UnclosedQuote { column: 2 };
    assert_eq!(faults(&rows), [(2, None), (3, Some(fault)), (4, None), (5, None)]);
    assert_eq!(rows[1].cells, ["3,\"four", ""]);
    assert_eq!(rows[3].cells, ["7", "8"]);
}

#[test]
fn a_quote_closed_by_that_of_a_later_row_costs_one_line() {
    let rows = read(b"a,b\n1,\"two\n3,four\n5,\"six\"\n7,8\n");
    let fault = Fault::TextAfterQuote { column: 2 };
    assert_eq!(faults(&rows), [(2, Some(fault)), (3, None), (4, None), (5, None)]);
    assert_eq!(rows[2].cells, ["5", "six"]);
}

#[test]
fn text_behind_a_closing_quote_costs_its_line() {
    let rows = read(b"a,b\n\"Joe \"the man\" Doe\",x\n3,4\n");
    assert_eq!(faults(&rows), [(2, Some(Fault::TextAfterQuote { column: 1 })), (3, None)]);
    assert_eq!(rows[0].cells[0], "\"Joe \"the man\" Doe\",x");
}

#[test]
fn sound_lines_before_the_open_quote_go_with_it() {
    let rows = read(b"a,b\n\"x\ny\",\"z\n5,6\n");
    assert_eq!(faults(&rows), [(2, Some(Fault::UnclosedQuote { column: 2 })), (4, None)]);
    assert_eq!(rows[0].cells[0], "\"x\ny\",\"z");
}

#[test]
fn a_quote_does_not_swallow_a_large_file() {
    let mut text = b"a,b\n1,\"two\n".to_vec();
    while text.len() < 3 * KIB * KIB {
        text.extend_from_slice(b"3,four\r\n");
    }
    let rows = read(&text);
    assert_eq!(rows[0].fault, Some(Fault::UnclosedQuote { column: 2 }));
    assert_eq!(rows.iter().filter(|row| row.fault.is_some()).count(), 1);
    assert_eq!(rows.len(), 1 + (text.len() - 11) / 8);
    assert_eq!(rows[rows.len() - 1].line, rows.len() as u64 + 1);
}

#[test]
fn cells_have_a_longest_length() {
    let text = |length: usize| format!("a,b\n1,\"{}\n\"\n2,x\n", "y".repeat(length - 1));
    assert_eq!(faults(&read(text(256 * KIB).as_bytes())), [(2, None), (4, None)]);
    let fault = Fault::CellTooLong { column: 2 };
    let rows = read(text(256 * KIB + 1).as_bytes());
    assert_eq!(faults(&rows), [(2, Some(fault)), (4, None)]);
}

#[test]
fn rows_have_a_longest_length() {
    let cells = vec!["x".repeat(128 * KIB - 1); 8].join(",");
    let header = "a,b,c,d,e,f,g,h,i";
    assert_eq!(cells.len(), KIB * KIB - 1);
    for (end, extra, fault) in [
        ("\n", "", None),
        ("\r\n", ",", None),
        ("\n", ",x", Some(Fault::RowTooLong)),
        ("\r", ",xy", Some(Fault::RowTooLong)),
        ("\r\n", ",xyz", Some(Fault::RowTooLong)),
    ] {
        let text = [header, &format!("{cells}{extra}"), "1,2", ""].join(end);
        let rows = read(text.as_bytes());
        assert_eq!(faults(&rows), [(2, fault), (3, None)], "{end:?} {extra}");
        assert_eq!(rows[1].cells[1], "2");
        assert_eq!(
            resume(text.as_bytes(), open(text.as_bytes()).dialect(), rows[0].position),
            rows[1..]
        );
    }
}

#[test]
fn a_line_without_end_is_passed_over() {
    for open_quote in ["", "\""] {
        let text = format!("a,b\n1,{open_quote}{}\r\n2,x\n", "y".repeat(5 * KIB * KIB));
        let rows = read(text.as_bytes());
        assert_eq!(faults(&rows), [(2, Some(Fault::RowTooLong)), (3, None)]);
        assert_eq!(rows[0].cells, ["", ""]);
        let text = format!("a,b\n1,{open_quote}{}", "y".repeat(5 * KIB * KIB));
        assert_eq!(faults(&read(text.as_bytes())), [(2, Some(Fault::RowTooLong))]);
    }
}

#[test]
fn rows_have_a_largest_count_of_cells() {
    let text = format!("a,b\n{}\n1,2\n", "x,".repeat(5000));
    assert_eq!(faults(&read(text.as_bytes())), [(2, Some(Fault::TooManyCells)), (3, None)]);
}

/// Every line begins a record that goes on to the limit: were only its first line given up, each
/// would cost a megabyte.
#[test]
fn quotes_made_to_waste_time_do_not() {
    let text = format!("a,b,c\n{}", "a\",b,\"\n".repeat(400_000));
    let rows = read(text.as_bytes());
    assert!(rows.iter().all(|row| row.fault.is_some()));
    assert!(rows.len() < 400_000);
}
