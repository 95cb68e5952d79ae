//! Members as people of the tenant: who owns what. Roles, invites and sign-in are the affair of `identity`.

use kith_records::{
    Field, FoundBy, Kind, Object, Plain, Routes,
    fields::{link, plain},
    folded,
};

const OWN: [Field; 10] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title).aliases(&[
        "member",
        "salesagent",
        "agent",
        "fullname",
    ]),
    folded!(Email, "email", "email").found_by(FoundBy::Keyword).aliases(&["emailaddress", "mail"]),
    folded!(Phone, "phone", "phone")
        .found_by(FoundBy::Keyword)
        .aliases(&["telephone", "phonenumber"]),
    folded!(Text, "jobTitle", "job_title").aliases(&["title", "position"]),
    link("managerId", "manager_id", "member")
        .aliases(&["manager", "supervisor", "reportsto"])
        .made_on_import(),
    folded!(Text, "regionalOffice", "regional_office")
        .found_by(FoundBy::Body)
        .aliases(&["office", "region", "location"]),
    folded!(Text, "timezone", "timezone").about("An IANA name; the tenant's unless said."),
    plain("role", "role", Kind::Choice(&["viewer", "member", "admin", "owner"]))
        .system()
        .default("\"member\""),
    plain("status", "status", Kind::Choice(&["active", "inactive", "invited"]))
        .system()
        .default("\"active\""),
    plain("userId", "user_id", Kind::Id)
        .system()
        .about("The user who signs in as this member, if there is one."),
];

/// Someone who works in the tenant, with or without a sign-in.
pub static MEMBER: Object = Object {
    name: "member",
    plural: "members",
    shares: None,
    alias: None,
    about: "Someone who works in the tenant, with or without a sign-in.",
    fields: &OWN,
    rules: &Plain,
    routes: Routes::Kept,
    matched_by: "name",
};
