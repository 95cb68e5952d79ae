//! What holds for any table, any text and any bytes.

use std::collections::HashSet;
use std::io::Cursor;

use encoding_rs::WINDOWS_1252;
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Strategy, any};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Seen, drain, resume};
use crate::csv::headers::name_columns;
use crate::csv::kinds::KindTally;
use crate::csv::near::Names;
use crate::csv::values::{DateOrder, DateTally, Decimal, DecimalSign, empty, parse_boolean};
use crate::csv::write::{guard, unguard};
use crate::csv::{Delimiter, Dialect, Encoding, Reader};

fn dialects() -> impl Strategy<Value = Dialect> {
    let encodings =
        [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252].to_vec();
    (select(encodings), select(Delimiter::ALL.to_vec()), any::<bool>()).prop_map(
        |(encoding, delimiter, mark)| {
            let has_bom = mark && encoding != Encoding::Windows1252;
            Dialect { encoding, delimiter, has_bom }
        },
    )
}

/// Text of what CSV is made of, and of letters that every encoding here can spell.
fn cells() -> BoxedStrategy<String> {
    let common = "[a-c,;|\t\"\r\n 'é€ß“=-]{0,8}";
    prop_oneof![4 => common, 1 => "[x\"\n]{0,200}"].boxed()
}

fn any_cells() -> BoxedStrategy<String> {
    prop_oneof![1 => cells(), 1 => "[^\0]{0,12}"].boxed()
}

fn tables(cells: BoxedStrategy<String>) -> impl Strategy<Value = Vec<Vec<String>>> {
    (1_usize..6).prop_flat_map(move |width| {
        let header = vec("[a-z]{1,5}", width);
        let rows = vec(vec(cells.clone(), width), 0..12);
        (header, rows).prop_map(|(header, rows)| [vec![header], rows].concat())
    })
}

fn encode(text: &str, dialect: Dialect) -> Vec<u8> {
    let text = if dialect.has_bom { format!("\u{FEFF}{text}") } else { text.to_owned() };
    match dialect.encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Encoding::Windows1252 => WINDOWS_1252.encode(&text).0.into_owned(),
    }
}

/// The table as another program writes it.
fn written(table: &[Vec<String>], dialect: Dialect, always_quote: bool) -> Vec<u8> {
    let style = if always_quote { ::csv::QuoteStyle::Always } else { ::csv::QuoteStyle::Necessary };
    let mut writer = ::csv::WriterBuilder::new()
        .delimiter(dialect.delimiter.byte())
        .quote_style(style)
        .from_writer(Vec::new());
    for row in table {
        writer.write_record(row).expect("memory");
    }
    let text = String::from_utf8(writer.into_inner().expect("memory")).expect("text");
    encode(&text, dialect)
}

fn read_as(bytes: &[u8], dialect: Dialect) -> Vec<Seen> {
    drain(&mut Reader::with_dialect(Cursor::new(bytes), dialect).expect("a header"))
}

fn is_blank(row: &[String]) -> bool {
    row.iter().all(|cell| cell.bytes().all(|byte| byte.is_ascii_whitespace()))
}

fn check_round_trip(
    table: &[Vec<String>],
    dialect: Dialect,
    quote: bool,
) -> Result<(), TestCaseError> {
    let bytes = written(table, dialect, quote);
    let rows = read_as(&bytes, dialect);
    prop_assert!(rows.iter().all(|row| row.fault.is_none()));
    let read: Vec<_> = rows.iter().map(|row| &row.cells).collect();
    let expected: Vec<_> = table[1..].iter().filter(|row| !is_blank(row)).collect();
    prop_assert_eq!(read, expected);
    check_resume(&bytes, dialect, &rows)
}

fn check_resume(bytes: &[u8], dialect: Dialect, rows: &[Seen]) -> Result<(), TestCaseError> {
    for (index, row) in rows.iter().enumerate() {
        prop_assert_eq!(row.position.row, index as u64 + 1);
        prop_assert_eq!(&resume(bytes, dialect, row.position), &rows[index + 1..]);
    }
    Ok(())
}

/// Line breaks, counted in another way than the reader's.
fn breaks(text: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
    text.chars().filter(|character| matches!(character, '\n' | '\r')).count() as u64
}

/// Bytes of which quotes, delimiters and line ends are many.
fn messy_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => select(b"\"\"\",,;\r\n\n  ab".to_vec()),
        1 => any::<u8>(),
    ];
    vec(byte, 0..120)
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        table in tables(cells()), dialect in dialects(), quote in any::<bool>(),
    ) {
        check_round_trip(&table, dialect, quote)?;
    }

    #[test]
    fn unicode_of_any_kind_is_read(
        table in tables(any_cells()), dialect in dialects(), quote in any::<bool>(),
    ) {
        let narrow = dialect.encoding == Encoding::Windows1252;
        let encoding = if narrow { Encoding::Utf8 } else { dialect.encoding };
        check_round_trip(&table, Dialect { encoding, ..dialect }, quote)?;
    }

    #[test]
    fn any_bytes_are_read_to_the_end(bytes in messy_bytes()) {
        let Ok(mut reader) = Reader::open(Cursor::new(&bytes[..])) else { return Ok(()) };
        let rows = drain(&mut reader);
        prop_assert_eq!(reader.position().byte, bytes.len() as u64);
        check_resume(&bytes, reader.dialect(), &rows)?;
        let dialect = reader.dialect();
        if matches!(dialect.encoding, Encoding::Utf8 | Encoding::Windows1252) {
            for row in &rows {
                let byte = usize::try_from(row.position.byte).expect("a small file");
                let ended = bytes[..byte].ends_with(b"\n") || bytes[..byte].ends_with(b"\r");
                let expected = 1 + breaks(&bytes[..byte]) + u64::from(!ended);
                prop_assert_eq!(row.position.line, expected);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_in_any_dialect(bytes in vec(any::<u8>(), 0..300), dialect in dialects()) {
        let Ok(mut reader) = Reader::with_dialect(Cursor::new(&bytes[..]), dialect) else {
            return Ok(());
        };
        let rows = drain(&mut reader);
        check_resume(&bytes, dialect, &rows)?;
    }

    #[test]
    fn guarded_cells_come_back(cell in "['=+@\t\r-]{0,3}.{0,5}") {
        let guarded = guard(&cell);
        prop_assert_eq!(unguard(&guarded), &cell);
    }

    #[test]
    fn columns_have_keys_of_their_own(cells in vec("[aA2 _]{0,3}|column [1-4]( 2)?", 0..12)) {
        let columns = name_columns(&cells);
        let keys: HashSet<_> = columns.iter().map(|column| &column.key).collect();
        prop_assert_eq!(keys.len(), columns.len());
    }

    #[test]
    fn decimals_are_read_as_they_are_shown(mantissa in any::<i64>(), scale in 0_u32..=38) {
        let value = Decimal::new(mantissa.into(), scale).expect("it fits");
        prop_assert_eq!(DecimalSign::Point.parse(&value.to_string()).expect("a number").value, value);
        let rounded = value.round(scale / 2).expect("it fits");
        let again = rounded.value.round(scale).expect("it fits").value;
        let half = 10_i128.pow(scale - scale / 2) / 2;
        prop_assert!((again.mantissa() - value.mantissa()).abs() <= half);
        prop_assert_eq!(rounded.lossy, again != value);
    }

    #[test]
    fn no_text_makes_a_judge_fail(
        text in prop_oneof![any::<String>(), "[0-9.,/:+eETZ%()$€ -]{0,40}", "[0-9]{1,3}[./-][a-zA-Zé0-9]{1,9}[./ -][0-9]{1,5}.{0,9}"],
        delimiter in select(Delimiter::ALL.to_vec()),
    ) {
        let mut kinds = KindTally::new(delimiter);
        let mut dates = DateTally::new(DateOrder::MonthDayYear);
        kinds.feed(&text);
        dates.feed(&text);
        kinds.guess();
        if let Some(column) = dates.decide() {
            prop_assert!(column.format.parse(&text).is_ok());
        }
        for sign in [DecimalSign::Point, DecimalSign::Comma] {
            if let Ok(number) = sign.parse(&text) {
                number.value.round(2);
                number.value.times_ten_to(9);
            }
        }
        Names::new([text.as_str(), "another"]).find(&text);
        name_columns(std::slice::from_ref(&text));
        prop_assert!(empty(&text).is_none() || parse_boolean(&text).is_none());
    }
}
