//! Names, keys and units of columns.

use crate::csv::headers::{Header, Origin, key_of, name_columns};

fn columns(cells: &[&str]) -> Vec<Header> {
    name_columns(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>())
}

fn unit(name: &str) -> Option<(String, u32, Option<String>)> {
    let unit = columns(&[name]).remove(0).unit?;
    assert_eq!(unit.key, key_of(&unit.name));
    Some((unit.name, unit.power, unit.currency))
}

#[test]
fn one_key_for_all_ways_to_write_a_name() {
    for name in
        ["E-Mail Address", "email_address", "EmailAddress", "e.mail  address", "EMAIL-ADDRESS"]
    {
        assert_eq!(key_of(name), "emailaddress");
    }
    for (name, key) in [
        ("Straße", "strasse"),
        ("Téléphone", "telephone"),
        ("Te\u{301}le\u{301}phone", "telephone"),
        ("Customer's name", "customersname"),
        ("Phone #", "phonenumber"),
        ("Discount %", "discountpercent"),
        ("R&D", "randd"),
        ("Ελλάδα", "ελλαδα"),
        ("Имя", "имя"),
        ("电话", "电话"),
        ("Łódź", "lodz"),
    ] {
        assert_eq!(key_of(name), key, "{name}");
    }
}

#[test]
fn words_are_split_where_people_mark_them() {
    for (name, words) in [
        ("year_established", vec!["year", "established"]),
        ("customerID", vec!["customer", "id"]),
        ("customerIDs", vec!["customer", "ids"]),
        ("HTTPServerName", vec!["http", "server", "name"]),
        ("Address2 City", vec!["address2", "city"]),
        ("Q1Revenue", vec!["q1", "revenue"]),
        ("  office.location ", vec!["office", "location"]),
    ] {
        assert_eq!(columns(&[name])[0].words, words);
    }
}

#[test]
fn names_lose_needless_blanks_and_marks() {
    let header = &columns(&["\u{FEFF} First\r\n name\t"])[0];
    assert_eq!((header.name.as_str(), header.key.as_str()), ("First name", "firstname"));
}

#[test]
fn repeated_names_get_a_number_that_is_free() {
    let columns = columns(&["E-mail", "Name", "Email", "email 2", "EMAIL"]);
    let found: Vec<_> =
        columns.iter().map(|column| (column.name.as_str(), column.key.as_str())).collect();
    assert_eq!(
        found,
        [
            ("E-mail", "email"),
            ("Name", "name"),
            ("Email 3", "email3"),
            ("email 2", "email2"),
            ("EMAIL 4", "email4"),
        ]
    );
    assert_eq!(columns[2].origin, Origin::Repeated { first: 0 });
    assert_eq!(columns[3].origin, Origin::Given);
}

#[test]
fn nameless_columns_are_numbered() {
    let columns = columns(&["a", "", " ", "***", "column 2"]);
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "column 2 2", "column 3", "column 4", "column 2"]);
    assert_eq!(columns[3].origin, Origin::Generated);
    assert_eq!(columns[4].origin, Origin::Given);
}

#[test]
fn units_stand_in_brackets_or_behind() {
    let dollar = || Some("$".to_owned());
    let euro = || Some("EUR".to_owned());
    for (name, bare, power, currency) in [
        ("revenue (in millions)", "revenue", 6, None),
        ("Revenue ($M)", "Revenue", 6, dollar()),
        ("Revenue [$ MM]", "Revenue", 6, dollar()),
        ("Revenue (M$)", "Revenue", 6, dollar()),
        ("Revenue (US$m)", "Revenue", 6, Some("US$".to_owned())),
        ("Revenue (USD bn)", "Revenue", 9, Some("USD".to_owned())),
        ("revenue_millions", "revenue", 6, None),
        ("revenueInMillions", "revenue", 6, None),
        ("revenue_usd_millions", "revenue", 6, Some("USD".to_owned())),
        ("umsatz in TEUR/thousands", "umsatz", 3, euro()),
        ("Umsatz in T€", "Umsatz", 3, Some("€".to_owned())),
        ("Umsatz (Mio. EUR)", "Umsatz", 6, euro()),
        ("Umsatz Mrd. €", "Umsatz", 9, Some("€".to_owned())),
        ("Receita (R$ milhões)", "Receita", 6, Some("R$".to_owned())),
        ("Sales ('000)", "Sales", 3, None),
        ("Sales (in 000s)", "Sales", 3, None),
        ("budget kEUR", "budget", 3, euro()),
        ("budget (kUSD)", "budget", 3, Some("USD".to_owned())),
        ("Price (thousands of euros)", "Price", 3, euro()),
        ("Amount ($)", "Amount", 0, dollar()),
        ("amount_usd", "amount", 0, Some("USD".to_owned())),
        ("Year (est.) revenue (millions)", "Year (est.) revenue", 6, None),
    ] {
        assert_eq!(unit(name), Some((bare.to_owned(), power, currency)), "{name}");
    }
}

#[test]
fn names_that_only_look_like_units_have_none() {
    for name in [
        "revenue",
        "millions",
        "Million Dollar Club",
        "Height (m)",
        "Salary (k)",
        "Plan B",
        "Check in",
        "Date of",
        "Visits to Mars",
        "Size M",
        "(millions)",
        "Revenue (thousands, millions)",
        "Name (de)",
        "Price ($/€)",
        "",
    ] {
        assert_eq!(unit(name), None, "{name}");
    }
    assert_eq!(columns(&["Revenue ($M)"])[0].key, "revenuem");
}
