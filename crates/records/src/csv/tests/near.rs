//! Names that were meant.

use crate::csv::near::{Match, Names, Why};

fn find(candidates: &[&str], wanted: &str) -> Match {
    Names::new(candidates.iter().copied()).find(wanted)
}

const PRODUCTS: [&str; 7] = [
    "GTX Basic",
    "GTX Pro",
    "MG Special",
    "MG Advanced",
    "GTX Plus Pro",
    "GTX Plus Basic",
    "GTK 500",
];

#[test]
fn folding_is_exact_but_not_identical() {
    assert_eq!(find(&PRODUCTS, "GTX Pro"), Match::Exact { index: 1, identical: true });
    assert_eq!(find(&PRODUCTS, "GTXPro"), Match::Exact { index: 1, identical: false });
    assert_eq!(
        find(&["Łódź-Süd S.A."], "lodz sud sa"),
        Match::Exact { index: 0, identical: false }
    );
}

#[test]
fn typing_errors_are_near() {
    let near = |edits| Match::Near { index: 0, why: Why { edits } };
    assert_eq!(find(&["technology"], "technolgy"), near(1));
    assert_eq!(find(&["Acme Corporation"], "Acme Croporatoin"), near(2));
    assert_eq!(find(&["Müller GmbH"], "Mueller GmbH"), near(1));
    assert_eq!(Why { edits: 1 }.to_string(), "one letter differs");
}

#[test]
fn other_names_are_not_near() {
    for (candidate, wanted) in [
        ("GTX 100", "GTX 200"),
        ("Store 1", "Store 11"),
        ("Bob", "Rob"),
        ("Anna", "Hanna"),
        ("Kancity", "Cancity"),
        ("Acme Corporation", "Acne Co-operation"),
        ("C++", "C#"),
        ("C", "C++"),
        ("technology", "technol"),
        ("anything", ""),
        ("???", "!!!"),
    ] {
        assert_eq!(find(&[candidate], wanted), Match::None, "{candidate} {wanted}");
    }
    assert_eq!(find(&PRODUCTS, "GTX Pr"), Match::Near { index: 1, why: Why { edits: 1 } });
    assert_eq!(find(&PRODUCTS, "GTX Plus"), Match::None);
}

#[test]
fn ties_are_nothing() {
    assert_eq!(find(&["marketing", "markering"], "markexing"), Match::None);
    assert_eq!(find(&["GTX Pro", "GTXPro"], "gtx pro"), Match::None);
    assert_eq!(find(&["GTX Pro", "GTXPro"], "GTXPro"), Match::Exact { index: 1, identical: true });
    assert_eq!(find(&["Acme", "Acme"], "Acme"), Match::None);
    assert_eq!(
        find(&["marketing", "marxeting"], "marketinq"),
        Match::Near { index: 0, why: Why { edits: 1 } }
    );
}
