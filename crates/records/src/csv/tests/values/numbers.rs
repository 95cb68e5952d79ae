//! Numbers, exact decimals, and how a column's decimal sign is decided.

use crate::csv::values::{Decimal, DecimalSign, NumberColumn, NumberError, NumberTally};
use DecimalSign::{Comma, Point};

fn value(sign: DecimalSign, text: &str) -> Option<String> {
    sign.parse(text).ok().map(|number| number.value.to_string())
}

fn decide(values: &[&str], expected: DecimalSign) -> NumberColumn {
    let mut tally = NumberTally::new(expected);
    for value in values {
        tally.feed(value);
    }
    tally.decide().expect("numbers")
}

#[test]
fn numbers_as_people_write_them() {
    for (sign, text, expected) in [
        (Point, "1,234.56", "1234.56"),
        (Comma, "1.234,56", "1234.56"),
        (Comma, "1 234,56", "1234.56"),
        (Comma, "1\u{A0}234\u{202F}567,8", ""),
        (Comma, "1\u{202F}234\u{202F}567,8", "1234567.8"),
        (Point, "1'234.50", "1234.50"),
        (Point, "12,34,567.89", "1234567.89"),
        (Point, "(123.45)", "-123.45"),
        (Point, "$(1,000)", "-1000"),
        (Point, "-$5.50", "-5.50"),
        (Point, "$-5.50", "-5.50"),
        (Point, "5-", "-5"),
        (Point, "\u{2212}5", "-5"),
        (Point, "+5", "5"),
        (Point, ".5", "0.5"),
        (Point, "007", "7"),
        (Point, "-0.00", "0.00"),
        (Point, "22.200000000000003", "22.200000000000003"),
        (Point, "1.5E+03", "1500"),
        (Point, "1e-07", "0.0000001"),
        (Comma, "1,5e2", "150"),
        (Comma, "1.234", "1234"),
        (Point, "1.234", "1.234"),
        (Comma, "25 %", "25"),
    ] {
        assert_eq!(value(sign, text).unwrap_or_default(), expected, "{text}");
    }
}

#[test]
fn currencies_and_percent_signs_are_told() {
    for (text, expected) in [
        ("$5", "$"),
        ("€ 5", "€"),
        ("R$ 5", "R$"),
        ("US$5", "US$"),
        ("USD 5", "USD"),
        ("5 EUR", "EUR"),
        ("5€", "€"),
        ("CHF 5", "CHF"),
        ("-5 kr", ""),
    ] {
        let currency = Point.parse(text).ok().and_then(|number| number.currency);
        assert_eq!(currency.unwrap_or_default(), expected, "{text}");
    }
    let number = Point.parse("25%").expect("a number");
    assert!(number.percent);
    assert_eq!(number.value.mantissa(), 25);
}

const NO_NUMBERS: [&str; 35] = [
    "",
    " ",
    "-",
    "abc",
    "1,23",
    "1,2345",
    "1234,567",
    ",123",
    "1.",
    ".",
    "1.2.3",
    "1,234,56",
    "1 23",
    "--5",
    "(-5)",
    "$5$",
    "$5 USD",
    "5%%",
    "1e5",
    "12E3",
    "1.5e",
    "1.5e+-3",
    "1.5e+9999",
    "٣",
    "USD",
    "$",
    "TOP 5",
    "1,234 567",
    "0x10",
    "NaN",
    "inf",
    "1_000",
    "5 €uro",
    "1,,234",
    "123,45,678",
];

#[test]
fn what_is_no_number_is_refused() {
    for text in NO_NUMBERS {
        let refused = Point.parse(text).expect_err(text);
        assert!(matches!(refused, NumberError::NotANumber(_)), "{text}");
    }
}

#[test]
fn digits_without_end_are_refused() {
    for text in [
        "9".repeat(400),
        "9".repeat(39),
        format!("0.{}", "1".repeat(39)),
        "1.0e+40".to_owned(),
        "1e-39".to_owned(),
    ] {
        assert_eq!(Point.parse(&text), Err(NumberError::TooLong), "{text}");
    }
    assert_eq!(value(Point, &"9".repeat(38)), Some("9".repeat(38)));
    assert_eq!(value(Point, &format!("{}7", "0".repeat(400))), Some("7".to_owned()));
}

#[test]
fn rounding_is_half_even_and_tells_what_was_lost() {
    for (text, decimals, expected, lossy) in [
        ("2.5", 0, "2", true),
        ("3.5", 0, "4", true),
        ("-2.5", 0, "-2", true),
        ("-3.5", 0, "-4", true),
        ("0.125", 2, "0.12", true),
        ("0.1251", 2, "0.13", true),
        ("22.200000000000003", 2, "22.20", true),
        ("1.10", 1, "1.1", false),
        ("5", 2, "5.00", false),
        ("-0.001", 2, "0.00", true),
        ("0.00000000000000000000000000000000000001", 2, "0.00", true),
    ] {
        let rounded = Point.parse(text).expect("a number").value.round(decimals).expect("it fits");
        assert_eq!(
            (rounded.value.to_string().as_str(), rounded.lossy),
            (expected, lossy),
            "{text}"
        );
        assert_eq!(rounded.value.scale(), decimals);
    }
    let largest = Decimal::new(10_i128.pow(38) - 1, 0).expect("38 digits");
    assert_eq!(largest.round(1), None);
    assert_eq!(largest.round(u32::MAX), None);
}

#[test]
fn scaling_is_exact() {
    let times = |text: &str, power| {
        Point
            .parse(text)
            .expect("a number")
            .value
            .times_ten_to(power)
            .map(|value| value.to_string())
    };
    assert_eq!(times("1100.04", 6), Some("1100040000".to_owned()));
    assert_eq!(times("0.1234567", 6), Some("123456.7".to_owned()));
    assert_eq!(times("1", 38), None);
    assert_eq!(Decimal::new(1, 39), None);
    assert!(Decimal::new(150, 1).expect("15.0").is_whole());
    assert!(!Decimal::new(151, 1).expect("15.1").is_whole());
}

#[test]
fn a_column_has_one_decimal_sign() {
    let cases = [
        (&["1,234", "5.5"][..], Comma, Point, false),
        (&["1.234", "5,5"], Point, Comma, false),
        (&["1.234.567", "1.234"], Point, Comma, false),
        (&["1.234", "5.678"], Point, Point, true),
        (&["1.234", "5.678"], Comma, Comma, true),
        (&["1", "2", "n/a"], Comma, Comma, false),
        (&["1.5", "2,5", "3,5"], Point, Comma, true),
    ];
    for (values, expected, decimal, ambiguous) in cases {
        let column = decide(values, expected);
        assert_eq!((column.decimal, column.ambiguous), (decimal, ambiguous), "{values:?}");
    }
}

#[test]
fn a_column_counts_what_it_saw() {
    let column = decide(&["$1,234.5", "5%", "six", "€7", "", "1,5"], Point);
    let seen = &column.evidence;
    assert_eq!((seen.values, seen.misfits, column.misfits()), (5, 1, 2));
    assert_eq!((seen.only_point, seen.only_comma, seen.percent), (1, 1, 1));
    assert_eq!(seen.first_misfit.as_deref(), Some("six"));
    assert_eq!(seen.currencies, ["$", "€"]);
}
