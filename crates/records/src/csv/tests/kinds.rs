//! What a column without a home becomes.

use crate::csv::Delimiter;
use crate::csv::kinds::{Guess, Kind, KindTally};
use crate::csv::values::{DateOrder, DecimalSign};

fn guess(values: &[&str]) -> Guess {
    let mut tally = KindTally::new(Delimiter::Comma);
    for value in values {
        tally.feed(value);
    }
    tally.guess()
}

fn kind(values: &[&str]) -> Kind {
    guess(values).kind
}

#[test]
fn plain_kinds() {
    for (values, expected) in [
        (&["", "-", "n/a"][..], Kind::Empty),
        (&["yes", "No", ""], Kind::Boolean),
        (&["1", "0", "1"], Kind::Boolean),
        (&["1", "1"], Kind::Integer),
        (&["1", "0", "2"], Kind::Integer),
        (&["-5", "999999999999999"], Kind::Integer),
        (&["a@b.example", "c.d+e@f.example"], Kind::Email),
        (&["https://a.example/x", "www.b.example"], Kind::Url),
        (&["+49 30 123456", "(030) 123-4567"], Kind::Phone),
        (&["+4930123456", "+4930123457"], Kind::Phone),
        (&["555 123 456", "555 123 457"], Kind::Phone),
        (&["555.123.4567", "555.123.4568"], Kind::Phone),
        (&["a@b.example", "a@b"], Kind::Text),
        (&["some text"], Kind::Text),
    ] {
        assert_eq!(kind(values), expected, "{values:?}");
    }
}

#[test]
fn codes_stay_text() {
    for values in [
        &["01234", "98765"][..],
        &["1234567890123456", "1"],
        &["007.5"],
        &["12E3"],
        &["GTX 500"],
        &["TOP 10"],
        &["1/2", "3/4"],
        &["$5", "€6"],
    ] {
        assert_eq!(kind(values), Kind::Text, "{values:?}");
    }
}

#[test]
fn numbers_bring_their_decimal_sign() {
    let Kind::Number(column) = kind(&["1,5", "2", "1.234,5"]) else { panic!("numbers") };
    assert_eq!((column.decimal, column.ambiguous), (DecimalSign::Comma, false));
    let Kind::Number(column) = kind(&["$1,234", "5"]) else { panic!("numbers") };
    assert_eq!((column.decimal, column.ambiguous), (DecimalSign::Point, true));
    assert_eq!(column.evidence.currencies, ["$"]);
    assert_eq!(kind(&["1,5", "2.5"]), Kind::Text);
    assert!(matches!(kind(&["1234567.89", "7654321.12"]), Kind::Number(_)));
    assert!(matches!(kind(&["1 234 567", "89"]), Kind::Number(_)));
}

#[test]
fn dates_bring_their_format() {
    let Kind::Date(column) = kind(&["3/1/2017", "12/31/2017", ""]) else { panic!("dates") };
    assert_eq!((column.format.order, column.ambiguous), (DateOrder::MonthDayYear, false));
    assert_eq!(kind(&["3/1/2017", "2017-01-03"]), Kind::Text);
    assert_eq!(kind(&["13/1/2017", "1/13/2017"]), Kind::Text);
}

#[test]
fn the_delimiter_says_what_to_expect() {
    let orders = Delimiter::ALL.map(DateOrder::expected);
    assert_eq!(orders[0], DateOrder::MonthDayYear);
    assert_eq!(orders[1..], [DateOrder::DayMonthYear; 3]);
    let signs = Delimiter::ALL.map(DecimalSign::expected);
    let point = DecimalSign::Point;
    assert_eq!(signs, [point, DecimalSign::Comma, point, point]);
}

#[test]
fn choices_need_few_texts_and_many_rows() {
    let values = |options: usize, rows: usize| {
        let mut tally = KindTally::new(Delimiter::Comma);
        for row in 0..rows {
            tally.feed(&format!("option {}", row % options));
        }
        tally.guess()
    };
    let options = ["option 0", "option 1", "option 2"].map(str::to_owned).to_vec();
    assert_eq!(values(3, 50).kind, Kind::Choice(options));
    assert_eq!(values(3, 49).kind, Kind::Text);
    assert_eq!(values(20, 99).kind, Kind::Text);
    assert!(matches!(values(20, 100).kind, Kind::Choice(_)));
    assert_eq!(values(21, 1000).kind, Kind::Text);
    let long = "x".repeat(41);
    assert_eq!(kind(&vec![long.as_str(); 60]), Kind::Text);
}

#[test]
fn a_guess_counts() {
    let guess = guess(&["é", "", "abc", "null"]);
    assert_eq!((guess.values, guess.empties, guess.longest), (2, 2, 3));
}
