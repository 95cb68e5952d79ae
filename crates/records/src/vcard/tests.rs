//! Cards as other address books write them, and as nobody should.

use std::io::Cursor;

use proptest::prelude::*;

use super::{read::Cards, row::HEADERS};
use crate::csv::Dialect;

fn cards(bytes: &[u8]) -> Vec<Result<Vec<(&'static str, String)>, String>> {
    let dialect = Dialect::of(&mut Cursor::new(bytes)).unwrap();
    let mut cards = Cards::open(Cursor::new(bytes), dialect).unwrap();
    let mut all = Vec::new();
    while let Some(card) = cards.next_card().unwrap() {
        let cells = HEADERS.into_iter().zip(card.cells).filter(|(_, cell)| !cell.is_empty());
        all.push(card.fault.map_or_else(|| Ok(cells.collect()), Err));
    }
    all
}

fn one(text: &[u8]) -> Vec<(&'static str, String)> {
    let mut all = cards(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).unwrap()
}

fn is(card: &[(&str, String)], header: &str) -> String {
    card.iter().find(|(name, _)| *name == header).map(|(_, cell)| cell.clone()).unwrap_or_default()
}

#[test]
fn a_card_of_outlook() {
    let card = one(b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;LANGUAGE=de;CHARSET=Windows-1252:M\xFCller;J\xFCrgen;;Dr.\r\n\
        FN;CHARSET=Windows-1252:J\xFCrgen M\xFCller\r\nORG:Acme GmbH;Einkauf\r\nTITLE;ENCODING=QUOTED-PRINTABLE:Gesch=E4ftsf=FChrer\r\n\
        NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:eins=0D=0A=\r\nzwei; sch=C3=B6n\r\nTEL;WORK;VOICE:+49 30 1\r\n\
        TEL;CELL;VOICE:+49 170 2\r\nTEL;WORK;FAX:+49 30 3\r\nADR;WORK;PREF:;;Hauptstr. 1;Berlin;BE;10115;Germany\r\n\
        LABEL;WORK;PREF;ENCODING=QUOTED-PRINTABLE:Hauptstr. 1=0D=0A=\r\n10115 Berlin\r\n\
        PHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n /9j/4AAQSkZJRgABAQEAYABgAAD/2wBD\r\n AAgGBgcGBQgHBwcJCQgKDBQNDAsL\r\n\r\n\
        X-MS-CARDPICTURE;TYPE=JPEG;ENCODING=BASE64:\r\n AAAA\r\n\r\nEMAIL;PREF;INTERNET:j@example.de\r\nREV:20200101T000000Z\r\nEND:VCARD\r\n");
    assert_eq!(is(&card, "First name"), "Jürgen");
    assert_eq!(is(&card, "Last name"), "Müller");
    assert_eq!(is(&card, "Company"), "Acme GmbH");
    assert_eq!(is(&card, "Department"), "Einkauf");
    assert_eq!(is(&card, "Job title"), "Geschäftsführer");
    assert_eq!(is(&card, "Notes"), "eins\nzwei; schön");
    assert_eq!(is(&card, "Phone"), "+49 30 1");
    assert_eq!(is(&card, "Mobile"), "+49 170 2");
    assert_eq!(is(&card, "Further addresses"), "+49 30 3");
    assert_eq!(is(&card, "Street"), "Hauptstr. 1");
    assert_eq!(is(&card, "Postal code"), "10115");
    assert_eq!(is(&card, "Email"), "j@example.de");
}

#[test]
fn a_card_of_apple() {
    let card = one("BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//iPhone OS 17//EN\r\nN:Silva;Ana;Maria;;\r\nFN:Ana Maria Silva\r\n\
        ORG:Acme;\r\nitem1.EMAIL;type=INTERNET:second@example.com\r\nitem1.X-ABLabel:_$!<Other>!$_\r\n\
        EMAIL;type=INTERNET;type=HOME;type=pref:first@example.com\r\nitem2.TEL:+351 1\r\nitem2.X-ABLabel:Assistant\r\n\
        TEL;type=CELL;type=VOICE;type=pref:+351 2\r\nitem3.ADR;type=HOME;type=pref:;;Rua 1\\nAndar 2;Lisboa;;1000;Portugal\r\n\
        item3.X-ABADR:pt\r\nBDAY:1980-02-29\r\nNOTE:a\\, b\\; c\\nd\r\nUID:0F-1\r\nEND:VCARD\r\n".as_bytes());
    assert_eq!(is(&card, "First name"), "Ana Maria");
    assert_eq!(is(&card, "Email"), "first@example.com");
    assert_eq!(is(&card, "Further addresses"), "second@example.com");
    assert_eq!(is(&card, "Phone"), "+351 1");
    assert_eq!(is(&card, "Mobile"), "+351 2");
    assert_eq!(is(&card, "Street"), "Rua 1, Andar 2");
    assert_eq!(is(&card, "Birthday"), "1980-02-29");
    assert_eq!(is(&card, "Notes"), "a, b; c\nd");
    assert_eq!(is(&card, "External ID"), "0F-1");
}

#[test]
fn cards_of_google_and_of_version_4() {
    let all = cards("\u{feff}BEGIN:VCARD\nVERSION:3.0\nFN:Only Name\nEMAIL;TYPE=INTERNET:o@example.com\nCATEGORIES:myContacts,Friends\nEND:VCARD\n\
        BEGIN:VCARD\nVERSION:4.0\nFN:Max\nN:Mustermann;Max;;;\nTEL;VALUE=uri;TYPE=\"voice,cell\":tel:+49-170-1\n\
        EMAIL;PREF=2:two@example.com\nEMAIL;PREF=1:one@example.com\nPHOTO:data:image/png;base64,AAAA\nBDAY:19800229\nEND:VCARD\n".as_bytes());
    let (one, two) = (all[0].as_ref().unwrap(), all[1].as_ref().unwrap());
    assert_eq!(is(one, "Full name"), "Only Name");
    assert_eq!(is(one, "Labels"), "Friends");
    assert_eq!(is(two, "Mobile"), "+49-170-1");
    assert_eq!(is(two, "Email"), "one@example.com");
    assert_eq!(is(two, "Birthday"), "1980-02-29");
}

#[test]
fn characters_are_told_where_nothing_says_them() {
    let quoted =
        one(b"BEGIN:VCARD\nVERSION:2.1\nFN;ENCODING=QUOTED-PRINTABLE:Jos=C3=A9\nEND:VCARD\n");
    assert_eq!(is(&quoted, "Full name"), "José");
    let utf16: Vec<u8> = "\u{feff}BEGIN:VCARD\r\nFN:Zoë\r\nEND:VCARD\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(is(&one(&utf16), "Full name"), "Zoë");
}

#[test]
fn bad_cards_are_told_and_good_ones_arrive() {
    let picture = "A".repeat(3 << 20);
    let long = "x".repeat(2 << 20);
    let text = format!(
        "hello\nBEGIN:VCARD\nFN:A\nPHOTO;ENCODING=b:{picture}\nEND:VCARD\nBEGIN:VCARD\nFN:Cut\nBEGIN:VCARD\nFN:B\nEND:VCARD\n\
         BEGIN:VCARD\nFN:C\nNOTE:{long}\nEND:VCARD\nBEGIN:VCARD\nFN:D\nEND:VCARD\nBEGIN:VCARD\nFN:E"
    );
    let all = cards(text.as_bytes());
    let told: Vec<String> = all
        .iter()
        .map(|card| match card {
            Ok(card) => is(card, "Full name"),
            Err(why) => why.clone(),
        })
        .collect();
    assert_eq!(told[1], "A");
    assert_eq!(told[3], "B");
    assert_eq!(told[5], "D");
    assert!(told[0].starts_with("card 1: there is text outside"), "{}", told[0]);
    assert!(told[2].starts_with("card 3: the card does not end"), "{}", told[2]);
    assert!(told[4].starts_with("card 5: the card is longer"), "{}", told[4]);
    assert!(told[6].starts_with("card 7: the card does not end"), "{}", told[6]);
    assert_eq!(told.len(), 7);
}

#[test]
fn reading_goes_on_behind_any_card() {
    let all: Vec<String> =
        (0..50).map(|number| format!("BEGIN:VCARD\r\nFN:P{number}\r\nEND:VCARD\r\n\r\n")).collect();
    let text = all.concat();
    let dialect = Dialect::of(&mut Cursor::new(&text)).unwrap();
    let mut whole = Cards::open(Cursor::new(&text), dialect).unwrap();
    for number in 1..=50 {
        assert_eq!(whole.next_card().unwrap().unwrap().number, number);
        let mut rest = Cards::resume(Cursor::new(&text), dialect, whole.position()).unwrap();
        let next = rest.next_card().unwrap().map(|card| (card.number, is_named(&card.cells)));
        assert_eq!(next, (number < 50).then(|| (number + 1, format!("P{number}"))));
    }
}

fn is_named(cells: &[String]) -> String {
    cells[3].clone()
}

proptest! {
    #[test]
    fn nothing_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..400), lines in "([A-Z;=.\\-]{0,12}[:;][ -~\\n\"\\\\é]{0,30}\\n){0,12}") {
        let mut file = b"BEGIN:VCARD\n".to_vec();
        file.extend_from_slice(lines.as_bytes());
        file.extend_from_slice(&bytes);
        file.extend_from_slice(b"\nEND:VCARD\nBEGIN:VCARD\nFN:Last\nEND:VCARD\n");
        if let Ok(dialect) = Dialect::of(&mut Cursor::new(&file)) {
            let mut cards = Cards::open(Cursor::new(&file), dialect).unwrap();
            let mut last = None;
            while let Some(card) = cards.next_card().unwrap() {
                last = Some(card);
            }
            prop_assert!(last.is_some());
        }
    }
}
