//! What can have duplicates, and which of its fields say so.

use kith_kernel::{Id, Result, invalid};
use kith_records::{Object, Records};
use kith_store::Row;

use super::sketch::{Sketch, Subject};

/// An object whose records are compared.
#[derive(Debug)]
pub(super) struct Entity {
    /// The object's name.
    pub(super) object: &'static str,
    /// Its table.
    pub(super) table: &'static str,
    pub(super) subject: Subject,
    /// Keys of the fields that are compared, and their columns.
    pub(super) fields: &'static [(&'static str, &'static str)],
    /// Its table has an index of folded e-mail addresses.
    pub(super) has_email_index: bool,
    /// A column that has a value once the record is over and done with.
    pub(super) over: Option<&'static str>,
}

const PERSON: [(&str, &str); 10] = [
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("name", "name"),
    ("email", "email"),
    ("phone", "phone"),
    ("mobile", "mobile"),
    ("company", "company"),
    ("address.street", "address_street"),
    ("address.city", "address_city"),
    ("address.postalCode", "address_postal_code"),
];

static ENTITIES: [Entity; 3] = [
    Entity {
        object: "contact",
        table: "contacts",
        subject: Subject::Person,
        fields: &PERSON,
        has_email_index: true,
        over: None,
    },
    Entity {
        object: "lead",
        table: "leads",
        subject: Subject::Person,
        fields: &PERSON,
        has_email_index: true,
        over: Some("converted_at"),
    },
    Entity {
        object: "account",
        table: "accounts",
        subject: Subject::Company,
        fields: &[
            ("name", "name"),
            ("domain", "domain"),
            ("website", "website"),
            ("email", "email"),
            ("phone", "phone"),
            ("address.street", "address_street"),
            ("address.city", "address_city"),
            ("address.postalCode", "address_postal_code"),
        ],
        has_email_index: false,
        over: None,
    },
];

/// The object of a name in any case.
pub(super) fn object(records: &Records, key: &str, name: &str) -> Result<&'static Object> {
    let found = records.object(&name.to_lowercase());
    found.ok_or_else(|| invalid(key, "is no kind of record"))
}

impl Entity {
    /// The entity of an object.
    pub(super) fn of(object: &str) -> Option<&'static Self> {
        ENTITIES.iter().find(|entity| entity.object == object)
    }

    /// The entity that a caller names.
    pub(super) fn named(records: &Records, key: &str, name: &str) -> Result<&'static Self> {
        Self::of(object(records, key, name)?.name)
            .ok_or_else(|| invalid(key, "is none of contact, account, lead"))
    }

    /// The columns of a select that [`Self::read`] understands.
    pub(super) fn columns(&self) -> Vec<&'static str> {
        ["id"].into_iter().chain(self.fields.iter().map(|(_, column)| *column)).collect()
    }

    /// A record as it is compared, from a row of [`Self::columns`].
    pub(super) fn read(&self, row: Row<'_>) -> Result<(Id, Sketch)> {
        let mut values = [""; PERSON.len()];
        for (at, value) in values.iter_mut().enumerate().take(self.fields.len()) {
            *value = row.text(at + 1)?.unwrap_or_default();
        }
        let place = |key: &str| self.fields.iter().position(|(known, _)| *known == key);
        let sketch = Sketch::of(self.subject, &|key| place(key).map(|at| values[at]));
        Ok((row.id(0)?.unwrap_or_default(), sketch))
    }
}
