//! Sketches: what of a record says who it is, normalised, in one piece of text so that a million fit into memory.

use super::words;

/// What records of an object are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// People: contacts and leads.
    Person,
    /// Accounts.
    Company,
}

/// The parts of a sketch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// First names of a person.
    First,
    /// The last name; of a company its name without the legal form.
    Last,
    Email,
    Phone,
    Mobile,
    Company,
    Website,
    Street,
    City,
    PostalCode,
}

const PARTS: usize = 10;
/// No part is longer, in bytes.
const LONGEST: usize = 120;

/// A record as it is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    text: Box<str>,
    ends: [u16; PARTS],
}

/// A place to look up the value of a field by its key.
pub(super) type Values<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

impl Sketch {
    /// The sketch of a record.
    pub(super) fn of(subject: Subject, value: &Values<'_>) -> Self {
        let text = |key: &str| value(key).unwrap_or_default();
        let (first, last) = match subject {
            Subject::Person => names(text("firstName"), text("lastName"), text("name")),
            Subject::Company => (String::new(), words::company(text("name")).join(" ")),
        };
        // An account is its own company; its domain is as good as its website.
        let company = match subject {
            Subject::Person => words::company(text("company")).join(" "),
            Subject::Company => String::new(),
        };
        let website = Some(text("website")).filter(|text| !text.is_empty());
        let website = website.unwrap_or_else(|| text("domain"));
        Self::new(&[
            first,
            last,
            words::email(text("email")),
            words::phone(text("phone")),
            words::phone(text("mobile")),
            company,
            words::website(website),
            words::words(text("address.street")).join(" "),
            words::words(text("address.city")).join(" "),
            words::words(text("address.postalCode")).concat(),
        ])
    }

    fn new(parts: &[String; PARTS]) -> Self {
        let mut text =
            String::with_capacity(parts.iter().map(|part| part.len().min(LONGEST)).sum());
        let mut ends = [0; PARTS];
        for (part, end) in parts.iter().zip(&mut ends) {
            text.push_str(&part[..part.floor_char_boundary(LONGEST)]);
            *end = u16::try_from(text.len()).unwrap_or(u16::MAX);
        }
        Self { text: text.into_boxed_str(), ends }
    }

    /// A part of it; empty where the record says nothing.
    pub(super) fn get(&self, part: Part) -> &str {
        let at = part as usize;
        let start = if at == 0 { 0 } else { usize::from(self.ends[at - 1]) };
        &self.text[start..usize::from(self.ends[at])]
    }

    /// Its telephone numbers.
    pub(super) fn phones(&self) -> impl Iterator<Item = &str> {
        [Part::Phone, Part::Mobile]
            .into_iter()
            .map(|part| self.get(part))
            .filter(|one| !one.is_empty())
    }
}

/// First and last names; a name in one piece is cut at its last word.
fn names(first: &str, last: &str, whole: &str) -> (String, String) {
    if first.is_empty() && last.is_empty() {
        // Someone without a name is called by an address.
        if whole.contains('@') || !whole.chars().any(char::is_alphabetic) {
            return (String::new(), String::new());
        }
        let mut all = words::name(whole);
        let last = all.pop().unwrap_or_default();
        return (all.join(" "), last);
    }
    let of = |text: &str| if text.is_empty() { Vec::new() } else { words::name(text) };
    (of(first).join(" "), of(last).join(" "))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sketch of keys and values.
    pub(in crate::duplicates) fn sketch(subject: Subject, pairs: &[(&str, &str)]) -> Sketch {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Sketch::of(subject, &|key| {
            pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
        })
    }

    #[test]
    fn parts_are_what_was_put_in() {
        let one = sketch(
            Subject::Person,
            &[("name", "Zé da Silva"), ("email", "ZE@x.com"), ("address.postalCode", "01310-100")],
        );
        assert_eq!((one.get(Part::First), one.get(Part::Last)), ("jose", "silva"));
        assert_eq!((one.get(Part::Email), one.get(Part::PostalCode)), ("ze@x.com", "01310100"));
        assert_eq!(one.phones().count(), 0);
        let nameless = sketch(Subject::Person, &[("name", "ze@x.com")]);
        assert_eq!((nameless.get(Part::First), nameless.get(Part::Last)), ("", ""));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_where_a_letter_ends(name in "\\PC{0,300}", street in "\\PC{0,300}") {
            let one = sketch(Subject::Person, &[("name", &name), ("address.street", &street)]);
            prop_assert!(one.get(Part::Street).len() <= LONGEST);
            sketch(Subject::Company, &[("name", &name), ("address.street", &street)]);
        }
    }
}
