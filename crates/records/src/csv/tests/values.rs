//! Dates, numbers, yes and no, and nothing.

mod dates;
mod numbers;

use crate::csv::values::{Empty, empty, parse_boolean};

#[test]
fn yes_and_no_in_several_languages() {
    for yes in ["true", "YES", " y ", "1", "ja", "Sim", "sí", "on", "WAHR"] {
        assert_eq!(parse_boolean(yes), Some(true), "{yes}");
    }
    for no in ["False", "no", "N", "0", "nein", "não", "nao", "off", "FALSCH"] {
        assert_eq!(parse_boolean(no), Some(false), "{no}");
    }
    for neither in ["", "2", "maybe", "yes!", "01"] {
        assert_eq!(parse_boolean(neither), None, "{neither}");
    }
}

#[test]
fn nothing_is_written_in_several_ways() {
    for (text, which) in [
        ("", Empty::Blank),
        (" \u{A0}\t", Empty::Blank),
        ("-", Empty::Dash),
        (" — ", Empty::Dash),
        ("N/A", Empty::NotAvailable),
        ("#N/A", Empty::NotAvailable),
        ("NULL", Empty::Null),
        ("\\N", Empty::Null),
        ("None", Empty::None),
    ] {
        assert_eq!(empty(text), Some(which), "{text}");
    }
    for text in ["0", "NA", "nothing", "nullify", ".", "\\n"] {
        assert_eq!(empty(text), None, "{text}");
    }
}
