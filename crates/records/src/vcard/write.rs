//! A person's record as a vCard of version 3.0 or 4.0.

use calcard::vcard::{
    VCard, VCardEntry, VCardParameter, VCardParameterValue, VCardProperty, VCardType, VCardValue,
    VCardValueType, VCardVersion,
};
use kith_kernel::{Error, Kind, Result, Time, internal};
use serde_json::Value as Json;

const PRODUCT: &str = "-//Kith//Kith CRM//EN";

/// The version that a parameter names; 4.0 unless said.
///
/// # Errors
/// `Invalid` for any but 3.0 and 4.0.
pub(crate) fn version(given: Option<&str>) -> Result<VCardVersion> {
    match given {
        Some("3.0" | "3") => Ok(VCardVersion::V3_0),
        Some("4.0" | "4") | None => Ok(VCardVersion::V4_0),
        Some(_) => {
            let why = "The parameter version must be 3.0 or 4.0.";
            Err(Error::new(Kind::Invalid, "invalid_parameter", why)
                .and("version", "must be 3.0 or 4.0"))
        }
    }
}

/// Adds the card of a record as the API shows it, with its account where that is included.
///
/// # Errors
/// None that a record could bring about.
pub(crate) fn write(record: &Json, version: VCardVersion, out: &mut Vec<u8>) -> Result<()> {
    let mut text = String::new();
    card(record, version)
        .write_to(&mut text, version)
        .map_err(|error| internal("a card cannot be written").caused_by(error))?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn card(record: &Json, version: VCardVersion) -> VCard {
    let mut card = Card { entries: Vec::new() };
    card.add(VCardProperty::Prodid, vec![PRODUCT.to_owned()]);
    card.entries.push(uid(record, version));
    let name = text(record, &["name"]);
    card.add(VCardProperty::Fn, vec![name.clone()]);
    let (first, last) = (text(record, &["firstName"]), text(record, &["lastName"]));
    // The parts of a name are needed even where there are none.
    let parts = vec![last, first, String::new(), String::new(), String::new()];
    card.entries.push(entry(VCardProperty::N, parts));
    card.add(VCardProperty::Email, vec![text(record, &["email"])]);
    card.typed(VCardProperty::Tel, vec![text(record, &["phone"])], VCardType::Voice);
    card.typed(VCardProperty::Tel, vec![text(record, &["mobile"])], VCardType::Cell);
    card.add(VCardProperty::Org, organization(record));
    card.add(VCardProperty::Title, vec![text(record, &["jobTitle"])]);
    let place = ["street", "city", "state", "postalCode", "country"]
        .map(|part| text(record, &["address", part]));
    if place.iter().any(|part| !part.is_empty()) {
        let unused = [String::new(), String::new()];
        card.typed(VCardProperty::Adr, unused.into_iter().chain(place).collect(), VCardType::Work);
    }
    card.add(VCardProperty::Note, vec![text(record, &["description"])]);
    let labels = record["labels"].as_array().into_iter().flatten().filter_map(Json::as_str);
    card.add(VCardProperty::Categories, labels.map(str::to_owned).collect());
    card.add(VCardProperty::Rev, vec![revised(record)]);
    VCard { entries: card.entries }
}

struct Card {
    entries: Vec<VCardEntry>,
}

impl Card {
    /// Adds a property unless there is nothing to say.
    fn add(&mut self, property: VCardProperty, values: Vec<String>) {
        if values.iter().any(|value| !value.is_empty()) {
            self.entries.push(entry(property, values));
        }
    }

    fn typed(&mut self, property: VCardProperty, values: Vec<String>, kind: VCardType) {
        if values.iter().any(|value| !value.is_empty()) {
            let kind = VCardParameter::typ(VCardParameterValue::Type(kind));
            self.entries.push(entry(property, values).with_param(kind));
        }
    }
}

fn entry(property: VCardProperty, values: Vec<String>) -> VCardEntry {
    VCardEntry::new(property).with_values(values.into_iter().map(VCardValue::Text).collect())
}

/// Its id elsewhere, by which an address book knows it again, or its own.
fn uid(record: &Json, version: VCardVersion) -> VCardEntry {
    let elsewhere = text(record, &["externalId"]);
    if elsewhere.is_empty() {
        return entry(VCardProperty::Uid, vec![format!("urn:uuid:{}", text(record, &["id"]))]);
    }
    let uid = entry(VCardProperty::Uid, vec![elsewhere]);
    // A UID of version 4 is a URI unless it says that it is text.
    if version == VCardVersion::V4_0 {
        uid.with_param(VCardParameter::value(VCardParameterValue::ValueType(VCardValueType::Text)))
    } else {
        uid
    }
}

/// The company, or the account where there is none, and the unit in it.
fn organization(record: &Json) -> Vec<String> {
    let company = text(record, &["company"]);
    let company = if company.is_empty() { text(record, &["account", "name"]) } else { company };
    let unit = text(record, &["department"]);
    if unit.is_empty() { vec![company] } else { vec![company, unit] }
}

/// When it was last changed, as both versions write it: `20261121T174300Z`.
fn revised(record: &Json) -> String {
    let Some(at) = Time::parse(&text(record, &["updatedAt"])) else { return String::new() };
    let whole = at.to_string();
    let seconds = whole.split(['.', 'Z']).next().unwrap_or_default();
    let compact: String = seconds.chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
    format!("{compact}Z")
}

/// The text at a place, with line breaks as cards have them.
fn text(record: &Json, place: &[&str]) -> String {
    let value = place.iter().fold(record, |value, key| &value[*key]);
    let text = value.as_str().unwrap_or_default();
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(record: &Json, version: VCardVersion) -> String {
        let mut out = Vec::new();
        write(record, version, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn ana() -> Json {
        json!({
            "id": "018f0000-0000-7000-8000-000000000001", "name": "Ana da Conceição; a, b",
            "firstName": "Ana", "lastName": "da Conceição; a, b", "email": "ana@example.com",
            "phone": "+351 21 000", "mobile": "+351 91 000", "company": null, "account": { "name": "Acme, Lda." },
            "department": "R&D; lab", "jobTitle": "Head", "labels": ["vip", "a, b"],
            "description": "one\r\ntwo \\ three", "updatedAt": "2026-11-21T17:43:07.123Z",
            "address": { "street": "Rua 1", "city": "Lisboa", "state": null, "postalCode": "1000", "country": "PT" },
        })
    }

    #[test]
    fn a_card_of_version_4_is_as_the_rfc_has_it() {
        let expected = "BEGIN:VCARD\r\nVERSION:4.0\r\nPRODID:-//Kith//Kith CRM//EN\r\n\
            UID:urn:uuid:018f0000-0000-7000-8000-000000000001\r\nFN:Ana da Conceição\\; a\\, b\r\n\
            N:da Conceição\\; a\\, b;Ana;;;\r\nEMAIL:ana@example.com\r\nTEL;TYPE=VOICE:+351 21 000\r\n\
            TEL;TYPE=CELL:+351 91 000\r\nORG:Acme\\, Lda.;R&D\\; lab\r\nTITLE:Head\r\n\
            ADR;TYPE=WORK:;;Rua 1;Lisboa;;1000;PT\r\nNOTE:one\\ntwo \\\\ three\r\n\
            CATEGORIES:vip,a\\, b\r\nREV:20261121T174307Z\r\nEND:VCARD\r\n";
        assert_eq!(written(&ana(), VCardVersion::V4_0), expected);
    }

    #[test]
    fn ids_of_elsewhere_say_that_they_are_text() {
        let record = json!({ "id": "x", "externalId": "ext;1", "name": "A" });
        let four = written(&record, VCardVersion::V4_0);
        assert!(four.contains("UID;VALUE=TEXT:ext\\;1\r\n"), "{four}");
        assert!(written(&record, VCardVersion::V3_0).contains("VERSION:3.0\r\n"));
    }

    proptest! {
        #[test]
        fn whatever_is_written_can_be_read(name in "[^\\x00-\\x1f\\x7f]{1,200}", note in "\\PC{0,400}") {
            let name = name.trim().to_owned();
            prop_assume!(!name.is_empty());
            let record = json!({ "id": "x", "name": name, "lastName": name, "description": note });
            for version in [VCardVersion::V3_0, VCardVersion::V4_0] {
                let text = written(&record, version);
                prop_assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
                let card = VCard::parse(&text).unwrap();
                let is = |of: &VCardProperty| {
                    card.property(of).and_then(|entry| entry.values.first()?.as_text()).unwrap_or_default().to_owned()
                };
                prop_assert_eq!(is(&VCardProperty::Fn), name.clone());
                prop_assert_eq!(is(&VCardProperty::Note), note.replace("\r\n", "\n").replace('\r', "\n"));
            }
        }
    }
}
