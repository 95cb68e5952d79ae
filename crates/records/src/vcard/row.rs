//! A card as a row of an import: which property goes under which header.

use calcard::vcard::{
    VCard, VCardEntry, VCardParameterName, VCardParameterValue, VCardProperty, VCardType,
    VCardValue,
};

/// The columns of a file of cards; the importer finds their fields by these names.
pub(crate) const HEADERS: [&str; 20] = [
    "External ID",
    "First name",
    "Last name",
    "Full name",
    "Email",
    "Phone",
    "Mobile",
    "Company",
    "Department",
    "Job title",
    "Street",
    "City",
    "State",
    "Postal code",
    "Country",
    "Notes",
    "Labels",
    "Birthday",
    "Website",
    "Further addresses",
];

/// The cells of a card.
///
/// # Errors
/// Why it is none.
pub(super) fn cells(lines: &str) -> Result<Vec<String>, &'static str> {
    let text = format!("BEGIN:VCARD\r\n{lines}\r\nEND:VCARD\r\n");
    let card = VCard::parse(&text).map_err(|_| "the card cannot be read")?;
    let person = Person { card };
    let [last, first] = person.name();
    let (email, mut further) = person.email();
    let [phone, mobile] = person.phones(&mut further);
    let organization = person.list(&VCardProperty::Org);
    let (company, units) = match organization.split_first() {
        Some((company, units)) => (company.clone(), units.join(", ")),
        None => (String::new(), String::new()),
    };
    let [street, city, state, postal_code, country] = person.place();
    let title = person.first(&VCardProperty::Title);
    let full_name = if first.is_empty() && last.is_empty() {
        person.first(&VCardProperty::Fn)
    } else {
        String::new()
    };
    Ok(vec![
        person.first(&VCardProperty::Uid),
        first,
        last,
        full_name,
        email,
        phone,
        mobile,
        company,
        units,
        if title.is_empty() { person.first(&VCardProperty::Role) } else { title },
        street,
        city,
        state,
        postal_code,
        country,
        person.notes(),
        person.labels(),
        person.birthday(),
        person.first(&VCardProperty::Url),
        further.join(", "),
    ])
}

struct Person {
    card: VCard,
}

impl Person {
    fn all<'a>(&'a self, property: &'a VCardProperty) -> impl Iterator<Item = &'a VCardEntry> {
        self.card.entries.iter().filter(move |entry| entry.name == *property)
    }

    /// The first value of a property that says something.
    fn first(&self, property: &VCardProperty) -> String {
        self.all(property).map(value).find(|value| !value.is_empty()).unwrap_or_default()
    }

    /// The parts of the first entry of a property, without those that are empty.
    fn list(&self, property: &VCardProperty) -> Vec<String> {
        let parts = self.all(property).map(|entry| {
            let parts = entry.values.iter().map(part);
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
        });
        parts.into_iter().find(|parts| !parts.is_empty()).unwrap_or_default()
    }

    /// The last name, and the first with those in the middle.
    fn name(&self) -> [String; 2] {
        let Some(name) = self.all(&VCardProperty::N).next() else {
            return [String::new(), String::new()];
        };
        let at = |place: usize| name.values.get(place).map(part).unwrap_or_default();
        let first = [at(1), at(2)].join(" ").trim().to_owned();
        [at(0), first]
    }

    /// The address that is preferred, and the others.
    fn email(&self) -> (String, Vec<String>) {
        let mut all: Vec<(bool, String)> = self
            .all(&VCardProperty::Email)
            .map(|entry| (!is_preferred(entry), bare(&value(entry), "mailto:")))
            .filter(|(_, address)| !address.is_empty())
            .collect();
        all.sort_by_key(|(behind, _)| *behind);
        let mut all = all.into_iter().map(|(_, address)| address);
        (all.next().unwrap_or_default(), all.collect())
    }

    /// The telephone and the mobile telephone; the other numbers go to `further`.
    fn phones(&self, further: &mut Vec<String>) -> [String; 2] {
        let (mut phone, mut mobile) = (String::new(), String::new());
        let mut all: Vec<&VCardEntry> = self.all(&VCardProperty::Tel).collect();
        all.sort_by_key(|entry| !is_preferred(entry));
        for entry in all {
            let number = bare(&value(entry), "tel:");
            let is_voice = !is(entry, &VCardType::Fax) && !is(entry, &VCardType::Pager);
            let is_mobile = is(entry, &VCardType::Cell);
            if number.is_empty() {
                continue;
            }
            if is_mobile && mobile.is_empty() {
                mobile = number;
            } else if is_voice && !is_mobile && phone.is_empty() {
                phone = number;
            } else {
                further.push(number);
            }
        }
        [phone, mobile]
    }

    /// Street, city, state, postal code and country.
    fn place(&self) -> [String; 5] {
        let mut all: Vec<&VCardEntry> = self.all(&VCardProperty::Adr).collect();
        all.sort_by_key(|entry| !is_preferred(entry));
        let of = |entry: &VCardEntry| {
            let at = |place: usize| {
                entry.values.get(place).map(part).unwrap_or_default().replace('\n', ", ")
            };
            let street = [at(0), at(2), at(1)];
            let street: Vec<String> = street.into_iter().filter(|part| !part.is_empty()).collect();
            [street.join(", "), at(3), at(4), at(5), at(6)]
        };
        let all = all.into_iter().map(of);
        all.into_iter().find(|place| place.iter().any(|part| !part.is_empty())).unwrap_or_default()
    }

    fn notes(&self) -> String {
        let notes = self.all(&VCardProperty::Note).map(value);
        notes.filter(|note| !note.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    /// The categories; Google's own for everybody says nothing.
    fn labels(&self) -> String {
        let all = self.all(&VCardProperty::Categories).flat_map(|entry| entry.values.iter());
        let all = all.map(|value| part(value).replace(',', " "));
        all.filter(|label| !label.is_empty() && label != "myContacts")
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The day as `2000-12-31` where it is whole, else as it stands.
    fn birthday(&self) -> String {
        let Some(entry) = self.all(&VCardProperty::Bday).next() else { return String::new() };
        match entry.values.first() {
            Some(VCardValue::PartialDateTime(day)) => match (day.year, day.month, day.day) {
                (Some(year), Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}"),
                _ => String::new(),
            },
            _ => value(entry),
        }
    }
}

fn value(entry: &VCardEntry) -> String {
    entry.values.first().map(part).unwrap_or_default()
}

/// The text of a value, with the words of a list in one line.
fn part(value: &VCardValue) -> String {
    let text = match value {
        VCardValue::Component(parts) => parts.join(" "),
        other => other.as_text().unwrap_or_default().to_owned(),
    };
    text.trim().replace("\r\n", "\n")
}

fn bare(value: &str, scheme: &str) -> String {
    match value.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => value[scheme.len()..].to_owned(),
        _ => value.to_owned(),
    }
}

fn is(entry: &VCardEntry, kind: &VCardType) -> bool {
    entry
        .params
        .iter()
        .any(|parameter| matches!(&parameter.value, VCardParameterValue::Type(of) if of == kind))
}

/// `TYPE=pref` of version 3, the bare `PREF` of 2.1, `PREF=1` of 4.
fn is_preferred(entry: &VCardEntry) -> bool {
    entry.params.iter().any(|parameter| {
        let says = matches!(&parameter.value, VCardParameterValue::Text(text) if text.eq_ignore_ascii_case("pref"));
        says || (parameter.name == VCardParameterName::Pref
            && matches!(parameter.value, VCardParameterValue::Null | VCardParameterValue::Integer(1)))
    })
}
