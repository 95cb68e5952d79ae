//! Dialects and the quirks of files that are well formed.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use super::{drain, good, open, resume, row};
use crate::csv::{Delimiter, Encoding, Error, Notes, Reader};

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn rows_know_the_line_they_begin_on_and_cells_are_as_they_stand() {
    let text = b"name,note\nAda, two words \nBob,\"first\nsecond, \"\"third\"\"\"\nCid,x\n";
    let expected = [
        row(2, &["Ada", " two words "]),
        row(3, &["Bob", "first\nsecond, \"third\""]),
        row(5, &["Cid", "x"]),
    ];
    assert_eq!(good(text), expected);
}

#[test]
fn every_line_end_is_one_line() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["a,b", "1,\"x", "y\"", "2,z"].join(end);
        let inside = format!("x{end}y");
        assert_eq!(good(text.as_bytes()), [row(2, &["1", &inside]), row(4, &["2", "z"])]);
    }
    assert_eq!(
        good(b"a,b\r\n1,2\n3,4\r5,6"),
        [row(2, &["1", "2"]), row(3, &["3", "4"]), row(4, &["5", "6"]),]
    );
}

#[test]
fn empty_lines_count_as_lines_but_are_no_rows() {
    let mut reader = open(b"\n\na,b\n\n1,2\n,\n , \n\"\",\n3,4\n\n\n");
    let rows = drain(&mut reader);
    let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [5, 9]);
    assert_eq!(reader.notes(), Notes { blank: 3, ..Notes::default() });
    assert_eq!(reader.position().row, 2);
    assert_eq!(reader.position().byte, reader.total_bytes());
}

#[test]
fn a_cell_of_one_quote_is_not_blank() {
    assert_eq!(good(b"a\n\"\"\"\"\n"), [row(2, &["\""])]);
}

#[test]
fn short_rows_are_filled_and_empty_extras_dropped() {
    let mut reader = open(b"a,b,c\n1\n1,2,3,, ,\n");
    let cells: Vec<_> = drain(&mut reader).into_iter().map(|row| (row.cells, row.fault)).collect();
    let owned = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    assert_eq!(cells, [(owned(["1", "", ""]), None), (owned(["1", "2", "3"]), None)]);
    assert_eq!(reader.notes().short, 1);
}

#[test]
fn blanks_around_quotes_are_no_text() {
    assert_eq!(good(b"a, \"b\" ,c\n1, \"x, y\" , z\n"), [row(2, &["1", "x, y", " z"])]);
}

#[test]
fn quotes_inside_a_cell_without_quotes_are_text() {
    assert_eq!(good(b"a,b\n5\" disk,x\n"), [row(2, &["5\" disk", "x"])]);
}

#[test]
fn encodings_are_told_apart() {
    let text = "name;città\nJürgen;Łódź 🦀\n";
    let expected = [row(2, &["Jürgen", "Łódź 🦀"])];
    let bom = |text: &str| format!("\u{FEFF}{text}");
    let cases = [
        (text.as_bytes().to_vec(), Encoding::Utf8, false),
        (bom(text).into_bytes(), Encoding::Utf8, true),
        (utf16(text, false), Encoding::Utf16Le, false),
        (utf16(&bom(text), false), Encoding::Utf16Le, true),
        (utf16(text, true), Encoding::Utf16Be, false),
        (utf16(&bom(text), true), Encoding::Utf16Be, true),
    ];
    for (bytes, encoding, has_bom) in cases {
        let reader = open(&bytes);
        assert_eq!(reader.dialect().encoding, encoding);
        assert_eq!(reader.dialect().has_bom, has_bom);
        assert_eq!(reader.headers(), ["name", "città"]);
        assert_eq!(good(&bytes), expected, "{encoding:?}");
    }
}

#[test]
fn utf16_of_other_scripts_is_known_without_a_mark() {
    let text = "имя,город\nАнна,Пермь\nОлег,Тверь\n";
    for big in [false, true] {
        assert_eq!(
            good(&utf16(text, big)),
            [row(2, &["Анна", "Пермь"]), row(3, &["Олег", "Тверь"])]
        );
    }
}

#[test]
fn windows_1252_is_what_is_not_utf8() {
    let mut reader = open(b"name;price\nM\xFCller;5 \x80\nplain;\"a \x93b\x94\"\n");
    assert_eq!(reader.dialect().encoding, Encoding::Windows1252);
    let rows = drain(&mut reader);
    assert_eq!(rows[0].cells, ["Müller", "5 €"]);
    assert_eq!(rows[1].cells, ["plain", "a “b”"]);
    assert_eq!(reader.notes(), Notes::default());
}

#[test]
fn a_late_row_in_windows_1252_does_not_change_the_rest() {
    let mut bytes = b"name,city\n".to_vec();
    for _ in 0..20_000 {
        bytes.extend_from_slice("Zoë,Malmö\n".as_bytes());
    }
    bytes.extend_from_slice(b"J\xF6rg,\"K\xF6ln \"\"am\"\" Rhein\"\nZo\xC3\xAB,x\n");
    let mut reader = open(&bytes);
    assert_eq!(reader.dialect().encoding, Encoding::Utf8);
    let rows = drain(&mut reader);
    assert_eq!(rows[0].cells, ["Zoë", "Malmö"]);
    assert_eq!(rows[20_000].cells, ["Jörg", "Köln \"am\" Rhein"]);
    assert_eq!(rows[20_001].cells, ["Zoë", "x"]);
    assert_eq!(reader.notes().windows1252, 1);
}

#[test]
fn glued_files_are_read_by_their_majority() {
    let mut reader = open("n,c\nZoë,a\nMalmö,b\nJ?rg,c\n".as_bytes());
    assert_eq!(drain(&mut reader).len(), 3);
    let glued = b"n,c\nZo\xC3\xAB,a\nMalm\xC3\xB6,b\nJ\xF6rg,c\n";
    let mut reader = open(glued);
    assert_eq!(reader.dialect().encoding, Encoding::Utf8);
    let names: Vec<String> =
        drain(&mut reader).into_iter().map(|row| row.cells[0].clone()).collect();
    assert_eq!(names, ["Zoë", "Malmö", "Jörg"]);
}

#[test]
fn malformed_utf16_is_replaced_and_counted() {
    let mut bytes = utf16("\u{FEFF}a,b\nx", false);
    bytes.extend_from_slice(&[0x00, 0xD8]);
    bytes.extend_from_slice(&utf16(",y\nz,w\n", false));
    let mut reader = open(&bytes);
    let rows = drain(&mut reader);
    assert_eq!(rows[0].cells, ["x\u{FFFD}", "y"]);
    assert_eq!(reader.notes().replaced, 1);
    assert_eq!(resume(&bytes, reader.dialect(), rows[0].position), rows[1..]);
    bytes.push(0x20);
    assert_eq!(drain(&mut open(&bytes)).len(), 3);
}

#[test]
fn delimiters_are_told_by_what_makes_the_rows_alike() {
    let cases = [
        ("a,b\n1,2\n", Delimiter::Comma),
        ("name;price\nA;1,50\nB;2,75\n", Delimiter::Semicolon),
        ("a;b, c;d\n1;2,5;3\n4;5,5;6\n", Delimiter::Semicolon),
        ("a\tb\n1,2\t3,4\n", Delimiter::Tab),
        ("a|b|c\n1|x;y|3\n", Delimiter::Pipe),
        ("a,b\n\"x;y;z\",2\n\"p;q;r\",4\n", Delimiter::Comma),
        ("\"a\";\"b\"\n\"1,1\";\"2,2\"\n", Delimiter::Semicolon),
        ("a;note\n1;\"one, two,\nthree\"\n2;x\n", Delimiter::Semicolon),
        ("name\nSmith, John\nDoe, Jane\n", Delimiter::Comma),
        ("only\nvalues\n", Delimiter::Comma),
        ("a;b;c", Delimiter::Semicolon),
    ];
    for (text, delimiter) in cases {
        assert_eq!(open(text.as_bytes()).dialect().delimiter, delimiter, "{text}");
    }
}

#[test]
fn a_first_line_may_say_the_delimiter() {
    let text = b"sep=;\r\na;b,c\r\n1;2,3\r\n";
    let reader = open(text);
    assert_eq!(reader.headers(), ["a", "b,c"]);
    assert_eq!(good(text), [row(3, &["1", "2,3"])]);
    let first = drain(&mut open(text))[0].position;
    assert_eq!(resume(text, reader.dialect(), first), []);
}

#[test]
fn what_is_no_table_is_refused_with_a_name() {
    let refused = |bytes: &[u8]| Reader::open(Cursor::new(bytes.to_vec())).err().expect("refused");
    assert!(matches!(refused(b""), Error::Empty));
    assert!(matches!(refused(b"\n\r\n \n"), Error::Empty));
    assert!(refused(b"PK\x03\x04rest").to_string().contains("workbook"));
    assert!(refused(b"a,\"b\n1,2\n").to_string().contains("never closed"));
    let wide = vec!["x"; 1001].join(",");
    assert!(refused(wide.as_bytes()).to_string().contains("1000 cells"));
}

#[test]
fn a_file_that_shrank_is_not_gone_on_with() {
    let text = b"a,b\n1,2\n3,4\n";
    let mut reader = open(text);
    drain(&mut reader);
    let (dialect, end) = (reader.dialect(), reader.position());
    let shorter = Cursor::new(&text[..8]);
    assert!(matches!(Reader::resume(shorter, dialect, end), Err(Error::Position(_))));
}

#[test]
fn dialects_and_positions_survive_json() {
    let reader = open(b"a;b\n1;2\n");
    let json = serde_json::to_string(&reader.dialect()).expect("plain data");
    assert_eq!(json, r#"{"encoding":"utf-8","delimiter":";","hasBom":false}"#);
    assert_eq!(
        serde_json::from_str::<crate::csv::Dialect>(&json).expect("the same"),
        reader.dialect()
    );
    let json = serde_json::to_string(&reader.position()).expect("plain data");
    assert_eq!(json, r#"{"byte":4,"line":2,"row":0}"#);
}

/// A source that gives a few bytes at a time, and fails once on the way.
struct Slow {
    bytes: Cursor<Vec<u8>>,
    calls: u32,
}

impl Read for Slow {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = room.len().min(3);
        self.bytes.read(&mut room[..length])
    }
}

impl Seek for Slow {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[test]
fn sources_may_give_little_at_a_time() {
    let text = "a,b\r\nJürgen,\"x\r\ny\"\r\nz,\"\"\"\"\r\n";
    for bytes in [text.as_bytes().to_vec(), utf16(&format!("\u{FEFF}{text}"), true)] {
        let slow = Slow { bytes: Cursor::new(bytes.clone()), calls: 0 };
        let mut reader = Reader::open(slow).expect("a header");
        let mut cells = Vec::new();
        while let Some(row) = reader.next_row().expect("it is only slow") {
            cells.extend(row.cells.iter().map(str::to_owned));
        }
        assert_eq!(cells, ["Jürgen", "x\r\ny", "z", "\""]);
    }
}

#[test]
fn a_file_on_disk_is_gone_on_with_where_it_was_left() {
    let mut file = tempfile::tempfile().expect("a temporary file");
    writeln!(file, "id,note").expect("room on disk");
    for id in 0..30_000 {
        writeln!(file, "{id},\"a note, with\na second line\"").expect("room on disk");
    }
    let mut reader = Reader::open(file.try_clone().expect("a second handle")).expect("a header");
    for _ in 0..12_345 {
        reader.next_row().expect("a sound disk");
    }
    let (dialect, position) = (reader.dialect(), reader.position());
    assert!(position.byte < reader.total_bytes());
    let mut reader = Reader::resume(file, dialect, position).expect("the same header");
    let row = reader.next_row().expect("a sound disk").expect("a row");
    assert_eq!((row.cells.get(0), row.line), ("12345", 2 + 2 * 12_345));
    assert_eq!(row.position.row, 12_346);
}

/// What must be seen together falls on both sides of the border between two fills.
#[test]
fn borders_of_the_window_do_not_show() {
    for length in 65_500..65_540 {
        let long = "x".repeat(length);
        let text = format!("a,b\r\n{long},\"é\"\"\r\nß\"\r\n1,\"2\" \r\n🦀,\r\n");
        let expected = [row(2, &[&long, "é\"\r\nß"]), row(4, &["1", "2"]), row(5, &["🦀", ""])];
        assert_eq!(good(text.as_bytes()), expected, "{length}");
    }
}
