//! Guarded cells and files of errors.

use super::{drain, open, row};
use crate::csv::write::{ErrorFile, Writer, guard, unguard};
use crate::csv::{Delimiter, Dialect, Encoding};

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn dialect(encoding: Encoding, delimiter: Delimiter) -> Dialect {
    Dialect { encoding, delimiter, has_bom: false }
}

#[test]
fn formulas_are_guarded_and_numbers_are_not() {
    for formula in [
        "=1+1",
        "+49 30 123",
        "-x",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "-",
        "'=x",
        "=",
        "-1+cmd|' /C calc'!A0",
    ] {
        assert_eq!(guard(formula), format!("'{formula}"));
        assert_eq!(unguard(&guard(formula)), formula);
    }
    for plain in ["", "-5", "-1.234,56", "+5", "-5 %", "x=1", "'quoted'", "a-b", "'-5"] {
        assert_eq!(guard(plain), plain);
        assert_eq!(unguard(plain), plain);
    }
}

#[test]
fn cells_are_quoted_where_they_must_be() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Delimiter::Semicolon);
    writer.write_row(["a;b", "c,d", "e\"f", "g\nh", " i ", ""].into_iter()).expect("memory");
    writer.write_row([""].into_iter()).expect("memory");
    writer.flush().expect("memory");
    drop(writer);
    assert_eq!(bytes, b"\"a;b\";c,d;\"e\"\"f\";\"g\nh\"; i ;\r\n\"\"\r\n");
}

#[test]
fn an_error_file_can_be_mended_and_read_again() {
    let source = b"id;note\n1;x\0y\n2;a;b;c\n3;\"open\n4;=1\n";
    let mut reader = open(source);
    let (headers, dialect) = (reader.headers().to_vec(), reader.dialect());
    let mut bytes = Vec::new();
    let mut file = ErrorFile::create(&mut bytes, &headers, dialect).expect("memory");
    while let Some(row) = reader.next_row().expect("memory") {
        let reason = row.fault.map_or("refused".to_owned(), |fault| fault.to_string());
        file.write(row.cells.iter(), row.line, &reason).expect("memory");
    }
    file.flush().expect("memory");
    drop(file);
    let mut again = open(&bytes);
    assert_eq!(again.headers(), ["id", "note", "line", "reason"]);
    let rows: Vec<_> = drain(&mut again).into_iter().map(|row| (row.line, row.cells)).collect();
    assert_eq!(
        rows,
        [
            row(2, &["1", "x\u{FFFD}y", "2", "a NUL character in column 2"]),
            row(3, &["2", "a", "3", "4 cells under a header of 2; beyond it stands “b”"]),
            row(4, &["3;\"open", "", "4", "the quote that opens column 2 is never closed"]),
            row(5, &["4", "'=1", "5", "refused"]),
        ]
    );
}

#[test]
fn an_error_file_has_names_of_its_own_and_a_mark_where_it_helps() {
    let mut bytes = Vec::new();
    let dialect = dialect(Encoding::Windows1252, Delimiter::Comma);
    let headers = owned(&["reason", "line", "line 2"]);
    let mut file = ErrorFile::create(&mut bytes, &headers, dialect).expect("memory");
    file.write(["ä"].into_iter(), 7, "why").expect("memory");
    file.flush().expect("memory");
    drop(file);
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(text, "\u{FEFF}reason,line,line 2,line 3,reason 2\r\nä,,,7,why\r\n");
}

#[test]
fn an_error_file_is_gone_on_with_without_a_second_header() {
    let mut bytes = Vec::new();
    let (headers, dialect) = (owned(&["a"]), dialect(Encoding::Utf8, Delimiter::Tab));
    ErrorFile::create(&mut bytes, &headers, dialect).expect("memory").flush().expect("memory");
    let mut file = ErrorFile::append(&mut bytes, &headers, dialect);
    file.write(["1"].into_iter(), 2, "why").expect("memory");
    file.flush().expect("memory");
    drop(file);
    assert_eq!(bytes, b"a\tline\treason\r\n1\t2\twhy\r\n");
}
