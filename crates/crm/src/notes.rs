//! Notes: what somebody wrote down about a record.

use kith_records::{
    Field, FoundBy, Kind, Object, Plain, Routes,
    fields::{link, plain},
    folded,
};

const OWN: [Field; 7] = [
    folded!(Text, "title", "title").found_by(FoundBy::Title),
    plain("content", "content", Kind::LongText)
        .required()
        .found_by(FoundBy::Body)
        .aliases(&["note", "body", "text"]),
    plain("relatedId", "related_id", Kind::Related)
        .about("The record that it is about, of any kind."),
    folded!(Text, "relatedTo", "related_to").system().about("The kind of that record."),
    link("dealId", "deal_id", "deal")
        .about("The deal that it belongs to, beside the record that it is about: its timeline shows it.")
        .aliases(&["deal", "opportunity"]),
    link("ownerId", "owner_id", "member").aliases(&["owner", "author"]),
    plain("isPinned", "is_pinned", Kind::Bool).default("false").aliases(&["pinned"]),
];

/// Something that somebody wrote down.
pub static NOTE: Object = Object {
    name: "note",
    plural: "notes",
    shares: None,
    alias: None,
    about: "Something that somebody wrote down about a record.",
    fields: &OWN,
    rules: &Plain,
    routes: Routes::All,
    matched_by: "",
};
