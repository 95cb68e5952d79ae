//! Objects that tenants add, as the engine sees them: all of one description, told apart by their names.

use crate::{
    describe::{Field, FoundBy, Kind, Object, Plain, Routes},
    fields::{link, plain},
    folded,
};

/// The table of their records.
pub(crate) const TABLE: &str = "object_records";
const LONGEST_NAME: usize = 40;

/// What each of them has besides the fields that every object has; the rest are custom fields.
pub(crate) const OWN: [Field; 4] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title).aliases(&["title"]),
    plain("description", "description", Kind::LongText).found_by(FoundBy::Body),
    link("ownerId", "owner_id", "member").aliases(&["owner"]).about("The member who owns it."),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
];

/// The one that a path names: what routes are declared for before any is known.
pub(crate) static NAMED: Object = Object {
    name: "{object}",
    plural: "{object}",
    shares: Some(TABLE),
    alias: None,
    about: "A record of an object that the tenant added.",
    fields: &OWN,
    rules: &Plain,
    routes: Routes::All,
    matched_by: "",
};

/// Whether a name may be that of an object that a tenant added: a small letter, then letters and digits.
pub(crate) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric())
        && name.len() <= LONGEST_NAME
}

/// The description of an object that a tenant added. It lives as long as the program: there is one for each name.
pub(crate) fn object(name: &str) -> &'static Object {
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    Box::leak(Box::new(Object { name, plural: name, ..NAMED }))
}
