//! Formats of dates, and how a column's is decided.

use crate::csv::values::{
    Date, DateColumn, DateError, DateFormat, DateOrder, DateSeparator, DateTally,
};

fn tally(values: &[&str], expected: DateOrder) -> DateTally {
    let mut tally = DateTally::new(expected);
    for value in values {
        tally.feed(value);
    }
    tally
}

fn decide(values: &[&str]) -> DateColumn {
    tally(values, DateOrder::MonthDayYear).decide().expect("dates")
}

/// The first value, in the format decided from all of them.
fn first(values: &[&str]) -> String {
    let column = decide(values);
    assert_eq!(column.misfits(), 0, "{values:?}");
    column.format.parse(values[0]).expect("a date").to_string()
}

#[test]
fn every_format_is_recognised() {
    for (values, date) in [
        (&["2017-03-01"][..], "2017-03-01"),
        (&["2017-3-1"], "2017-03-01"),
        (&["3/1/2017", "12/31/2017"], "2017-03-01"),
        (&["1/3/2017", "31/12/2017"], "2017-03-01"),
        (&["1.3.2017"], "2017-03-01"),
        (&["01-03-2017", "31-12-2017"], "2017-03-01"),
        (&["2017/03/01"], "2017-03-01"),
        (&["2017.03.01"], "2017-03-01"),
        (&["20170301"], "2017-03-01"),
        (&["1-Mar-2017"], "2017-03-01"),
        (&["1 March 2017"], "2017-03-01"),
        (&["1. März 2017"], "2017-03-01"),
        (&["Mar 1, 2017"], "2017-03-01"),
        (&["March 1 2017"], "2017-03-01"),
        (&["2017-Mar-01"], "2017-03-01"),
        (&["1/3/17", "31/12/99"], "2017-03-01"),
        (&["12/31/99"], "1999-12-31"),
        (&["1-Mar-17"], "2017-03-01"),
        (&["31.12.68"], "2068-12-31"),
        (&["31.12.69"], "1969-12-31"),
        (&["2017-03-01T10:05:30Z"], "2017-03-01T10:05:30Z"),
        (&["2017-03-01T10:05:30.250+01:00"], "2017-03-01T10:05:30.25+01:00"),
        (&["2017-03-01t10:05:30-0530"], "2017-03-01T10:05:30-05:30"),
        (&["2017-03-01 10:05"], "2017-03-01T10:05:00"),
        (&["2017-03-01 10:05:30 UTC"], "2017-03-01T10:05:30Z"),
        (&["3/1/2017 1:05 PM", "3/14/2017 12:05 am"], "2017-03-01T13:05:00"),
        (&["3/1/2017 12:05AM", "3/14/2017"], "2017-03-01T00:05:00"),
        (&["3/1/2017 23:05", "3/14/2017 0:00"], "2017-03-01T23:05:00"),
        (&["Mar 1, 2017, 10:05 AM"], "2017-03-01T10:05:00"),
    ] {
        assert_eq!(first(values), date, "{values:?}");
    }
}

#[test]
fn months_have_names_in_several_languages() {
    for (text, month) in [
        ("1 Okt 2017", 10),
        ("1 out 2017", 10),
        ("1 Dez 2017", 12),
        ("1 mai 2017", 5),
        ("1 août 2017", 8),
        ("1 ene 2017", 1),
        ("1 Sept. 2017", 9),
        ("1 MRZ 2017", 3),
    ] {
        assert_eq!(decide(&[text]).format.parse(text).expect("a date").date.month, month, "{text}");
    }
    for text in ["1 jui 2017", "1 ma 2017", "1 marble 2017", "Mar Mar 2017"] {
        assert_eq!(tally(&[text], DateOrder::MonthDayYear).decide(), None, "{text}");
    }
}

#[test]
fn an_ambiguous_column_says_so_and_takes_what_is_expected() {
    let values = ["3/1/2017", "4/4/2017", ""];
    for order in [DateOrder::MonthDayYear, DateOrder::DayMonthYear] {
        let column = tally(&values, order).decide().expect("dates");
        assert_eq!((column.format.order, column.ambiguous), (order, true));
        assert_eq!((column.evidence.values, column.evidence.either), (2, 2));
    }
    let column =
        tally(&["3/1/2017", "13/1/2017"], DateOrder::MonthDayYear).decide().expect("dates");
    assert_eq!((column.format.order, column.ambiguous), (DateOrder::DayMonthYear, false));
    assert_eq!(column.evidence.only_day_first, 1);
    assert!(!decide(&["1.3.2017"]).ambiguous);
    assert!(!decide(&["2017-03-01"]).ambiguous);
    assert!(decide(&["01/02/03"]).ambiguous);
}

#[test]
fn a_column_at_odds_with_itself_follows_the_majority_and_says_so() {
    let column = decide(&["1/13/2017", "14/1/2017", "15/1/2017", "1/2/2017"]);
    assert_eq!((column.format.order, column.ambiguous), (DateOrder::DayMonthYear, true));
    assert_eq!((column.evidence.only_month_first, column.misfits()), (1, 1));
    let column = decide(&["2017-03-01", "2017-03-02", "soon", "31/02/2017"]);
    assert_eq!(column.format.separator, DateSeparator::Dash);
    assert_eq!((column.misfits(), column.evidence.first_misfit.as_deref()), (2, Some("soon")));
}

#[test]
fn parsing_is_strict() {
    let format = decide(&["12/31/2017"]).format;
    assert_eq!(format.to_string(), "M/D/YYYY");
    for text in
        ["31/12/2017", "2/29/2017", "2/31/2016", "4/31/2017", "0/1/2017", "1/0/2017", "1/1/0000"]
    {
        assert!(matches!(format.parse(text), Err(DateError::NoSuchDay(_))), "{text}");
    }
    for text in [
        "",
        "1/1",
        "1/1/17",
        "1/1/2017x",
        "1/1/2017 10:00",
        "1-1-2017",
        "1/1-2017",
        "2017/1/1",
        "+1/1/2017",
        "1//1/2017",
        "١/١/٢٠١٧",
        "1/1/20170",
        "001/1/2017",
        "1/1/2017T",
        "1 /1/2017",
    ] {
        assert!(matches!(format.parse(text), Err(DateError::Format(..))), "{text}");
    }
    assert_eq!(
        format.parse(" 2/29/2016 ").expect("a leap day").date,
        Date::new(2016, 2, 29).expect("one")
    );
    let wrong = format.parse("1-1-2017").expect_err("dashes").to_string();
    assert_eq!(wrong, "“1-1-2017” is not a date like M/D/YYYY");
}

#[test]
fn times_are_strict_too() {
    let format = DateFormat {
        order: DateOrder::YearMonthDay,
        separator: DateSeparator::Dash,
        short_year: false,
        timed: true,
    };
    for time in [
        "24:00",
        "10:60",
        "10:5",
        "10",
        "13:00 PM",
        "0:30 AM",
        "10:00:00.",
        "10:00+15:00",
        "10:00 CET",
        "10:00+1",
    ] {
        assert!(format.parse(&format!("2017-03-01 {time}")).is_err(), "{time}");
    }
    for time in ["9:05", "09:05:07.123456789123", "12:00 pm", "10:00+14", "10:00z"] {
        assert!(format.parse(&format!("2017-03-01 {time}")).is_ok(), "{time}");
    }
}

#[test]
fn formats_survive_json() {
    let column = decide(&["1.3.17 10:00"]);
    let json = serde_json::to_string(&column.format).expect("plain data");
    assert_eq!(json, r#"{"order":"dayMonthYear","separator":"dot","shortYear":true,"timed":true}"#);
    assert_eq!(serde_json::from_str::<DateFormat>(&json).expect("the same"), column.format);
}
