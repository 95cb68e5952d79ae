//! Leads: people who may become customers, before it is known whether they do.

mod convert;

pub(crate) use convert::register;

use std::sync::Arc;

use kith_http::Routes as Served;
use kith_kernel::{Error, Id, conflict};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Record, Records, Routes, Rules, Warning,
    What,
    fields::{link, plain},
    folded,
};

use crate::{address, duplicates, notifications, people};

const OWN: [Field; 35] = {
    let [street, city, state, postal_code, country] = address::fields!();
    [
        folded!(Text, "firstName", "first_name").aliases(&["firstname", "givenname"]),
        folded!(Text, "lastName", "last_name").aliases(&["lastname", "surname", "familyname"]),
        folded!(Text, "name", "name")
            .found_by(FoundBy::Title)
            .about("First and last name; alone on create it is split at the last space.")
            .aliases(&["fullname", "lead", "leadname"]),
        folded!(Email, "email", "email")
            .found_by(FoundBy::Keyword)
            .aliases(&["emailaddress", "mail"]),
        folded!(Phone, "phone", "phone").found_by(FoundBy::Keyword).aliases(&[
            "telephone",
            "phonenumber",
            "tel",
        ]),
        folded!(Phone, "mobile", "mobile")
            .found_by(FoundBy::Keyword)
            .aliases(&["mobilephone", "cell"]),
        folded!(Text, "company", "company")
            .found_by(FoundBy::Keyword)
            .aliases(&["companyname", "organization"]),
        folded!(Text, "jobTitle", "job_title")
            .found_by(FoundBy::Body)
            .aliases(&["title", "position"]),
        plain(
            "status",
            "status",
            Kind::Choice(&["new", "contacted", "qualified", "converted", "lost"]),
        )
        .required()
        .default("\"new\"")
        .aliases(&["leadstatus"]),
        folded!(Text, "source", "source").aliases(&["leadsource", "campaign"]),
        plain(
            "qualification",
            "qualification",
            Kind::Choice(&["unqualified", "mql", "sql", "sal", "disqualified"]),
        )
        .aliases(&["qualificationstatus"]),
        plain("score", "score", Kind::Integer(0, 100)),
        folded!(Text, "scoreReason", "score_reason"),
        plain("conversionProbability", "conversion_probability", Kind::Integer(0, 100))
            .about("In percent."),
        plain("estimatedValue", "estimated_value", Kind::Money).aliases(&["value", "amount"]),
        plain("currency", "currency", Kind::Currency)
            .about("Of estimatedValue; the tenant's unless said."),
        link("accountId", "account_id", "account").aliases(&["account"]),
        plain("sourceCreatedAt", "source_created_at", Kind::Time).about(
            "When it was made in the system that it came from; createdAt says when it came here.",
        ),
        link("ownerId", "owner_id", "member").aliases(&["owner", "assignedto", "leadowner"]),
        plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
        street,
        city,
        state,
        postal_code,
        country,
        folded!(Url, "website", "website").aliases(&["url", "web"]),
        plain("description", "description", Kind::LongText)
            .found_by(FoundBy::Body)
            .aliases(&["notes", "about"]),
        plain("doNotCall", "do_not_call", Kind::Bool),
        plain("doNotText", "do_not_text", Kind::Bool),
        plain(
            "nextAction",
            "next_action",
            Kind::Choice(&["none", "qualify", "nurture", "disqualify", "convert", "followUp"]),
        ),
        plain("convertedAt", "converted_at", Kind::Time).system(),
        link("convertedContactId", "converted_contact_id", "contact").system(),
        link("convertedAccountId", "converted_account_id", "account").system(),
        link("convertedDealId", "converted_deal_id", "deal").system(),
        plain("archivedAt", "archived_at", Kind::Time)
            .system()
            .about("When it was archived: lists leave it out unless asked (?archived=)."),
    ]
};

/// Someone who may become a customer.
pub static LEAD: Object = Object {
    name: "lead",
    plural: "leads",
    shares: None,
    alias: None,
    about: "Someone who may become a customer.",
    fields: &OWN,
    rules: &Leads,
    routes: Routes::All,
    matched_by: "email",
};

struct Leads;

impl Rules for Leads {
    fn derive<'a>(&'a self, _desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            // Only the house gives convertedAt: the conversion itself, and taking it back.
            let is_kept = change.was("convertedAt").is_some()
                && !change.is_given("convertedAt")
                && !change.is_given("archivedAt");
            if change.what == What::Updated && is_kept {
                return Err(converted());
            }
            people::name(change)
        })
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            duplicates::keep(desk.db, LEAD.name, change).await?;
            notifications::assigned(desk, change, LEAD.name)
        })
    }

    fn warns(&self) -> bool {
        true
    }

    fn are_people(&self) -> bool {
        true
    }

    fn warn<'a>(&'a self, desk: Desk<'a>, made: (Id, &'a Record)) -> Warning<'a> {
        Box::pin(duplicates::warnings(desk, LEAD.name, made))
    }
}

fn converted() -> Error {
    let why = "A converted lead is kept as it was: change its contact or deal instead.";
    conflict("converted", why)
}

pub(crate) fn routes(records: &Arc<Records>) -> Served {
    convert::routes(records)
}

pub(crate) use convert::schemas;
