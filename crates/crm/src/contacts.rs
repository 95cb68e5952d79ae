//! Contacts: people. A customer is a contact seen with what orders maintain.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes as Served, schema};
use kith_kernel::{Id, Result};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Manner, Object, Pending, Record, Records, Routes, Rules,
    Warning,
    fields::{link, plain},
    folded,
};
use serde::Deserialize;

use crate::{address, duplicates, notifications, people};

const OWN: [Field; 35] = {
    let [street, city, state, postal_code, country] = address::fields!();
    [
        folded!(Text, "firstName", "first_name").aliases(&["firstname", "givenname", "forename"]),
        folded!(Text, "lastName", "last_name").aliases(&["lastname", "surname", "familyname"]),
        folded!(Text, "name", "name")
            .found_by(FoundBy::Title)
            .about("First and last name; alone on create it is split at the last space.")
            .aliases(&["fullname", "contact", "contactname", "customer", "customername"]),
        folded!(Email, "email", "email")
            .found_by(FoundBy::Keyword)
            .aliases(&["emailaddress", "mail"]),
        folded!(Phone, "phone", "phone").found_by(FoundBy::Keyword).aliases(&[
            "telephone",
            "phonenumber",
            "tel",
            "workphone",
        ]),
        folded!(Phone, "mobile", "mobile").found_by(FoundBy::Keyword).aliases(&[
            "mobilephone",
            "cell",
            "cellphone",
        ]),
        folded!(Text, "jobTitle", "job_title")
            .found_by(FoundBy::Body)
            .aliases(&["title", "position", "role"]),
        folded!(Text, "department", "department"),
        folded!(Text, "company", "company")
            .found_by(FoundBy::Body)
            .about("The company's name, where it is no account.")
            .aliases(&["companyname", "organization"]),
        link("accountId", "account_id", "account").aliases(&["account", "accountname"]),
        plain("sourceCreatedAt", "source_created_at", Kind::Time).about(
            "When it was made in the system that it came from; createdAt says when it came here.",
        ),
        link("ownerId", "owner_id", "member").aliases(&["owner", "assignedto", "contactowner"]),
        plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
        folded!(Text, "source", "source").aliases(&["leadsource"]),
        plain(
            "status",
            "status",
            Kind::Choice(&["active", "prospect", "customer", "inactive", "archived"]),
        )
        .default("\"active\""),
        street,
        city,
        state,
        postal_code,
        country,
        folded!(Url, "avatarUrl", "avatar_url").aliases(&["avatar"]),
        plain("description", "description", Kind::LongText)
            .found_by(FoundBy::Body)
            .aliases(&["notes", "about"]),
        plain("doNotCall", "do_not_call", Kind::Bool),
        plain("doNotText", "do_not_text", Kind::Bool),
        plain(
            "sentiment",
            "sentiment",
            Kind::Choice(&["positive", "neutral", "negative", "mixed"]),
        ),
        plain("leadScore", "lead_score", Kind::Integer(0, 100)).aliases(&["score"]),
        folded!(Text, "scoreReason", "score_reason"),
        plain(
            "nextAction",
            "next_action",
            Kind::Choice(&["none", "followUp", "nurture", "qualify", "disqualify"]),
        ),
        plain("lastContactedAt", "last_contacted_at", Kind::Time).aliases(&["lastcontacted"]),
        plain("lastMessageAt", "last_message_at", Kind::Time).system(),
        plain("totalSpend", "total_spend", Kind::Money)
            .system()
            .default("0")
            .about("What the orders of this person come to."),
        plain("currency", "currency", Kind::Currency)
            .about("Of totalSpend; the tenant's unless said."),
        plain("visits", "visits", Kind::Integer(0, 1_000_000_000))
            .system()
            .default("0")
            .about("How many orders there were."),
        plain("lastPurchaseDate", "last_purchase_date", Kind::Date).system(),
        link("leadId", "lead_id", "lead").system().about("The lead that it came from."),
    ]
};

/// A person.
pub static CONTACT: Object = Object {
    name: "contact",
    plural: "contacts",
    shares: None,
    alias: Some("customers"),
    about: "A person. As a customer, with what orders maintain: totalSpend, visits, lastPurchaseDate.",
    fields: &OWN,
    rules: &Contacts,
    routes: Routes::All,
    matched_by: "email",
};

struct Contacts;

impl Rules for Contacts {
    fn derive<'a>(&'a self, _desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move { people::name(change) })
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            duplicates::keep(desk.db, CONTACT.name, change).await?;
            notifications::assigned(desk, change, CONTACT.name)
        })
    }

    fn warns(&self) -> bool {
        true
    }

    fn are_people(&self) -> bool {
        true
    }

    fn warn<'a>(&'a self, desk: Desk<'a>, made: (Id, &'a Record)) -> Warning<'a> {
        Box::pin(duplicates::warnings(desk, CONTACT.name, made))
    }
}

#[derive(Debug, Deserialize)]
struct Labels {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// Labels that are added and taken away without naming the others.
pub(crate) fn routes(records: &Arc<Records>) -> Served {
    let labels = Operation::post(
        "/api/contacts/{id}/labels",
        "contacts",
        "Add labels to a contact and take some away",
    )
    .alias("/api/customers/{id}/labels")
    .scope("contacts", "write")
    .idempotency(Idempotency::Replays)
    .typed_body::<Labels>(schema::object(
        vec![("add", schema::list(schema::string())), ("remove", schema::list(schema::string()))],
        &[],
    ))
    .answers(200, "The contact as it is now.", schema::named("Contact"));
    let records = Arc::clone(records);
    Served::new().add(labels, move |call| change_labels(Arc::clone(&records), call))
}

async fn change_labels(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let wanted: Labels = body.parse()?;
    call.write(&body, async |db| {
        let contact = records.get(&call.ctx, db, &CONTACT, id).await?;
        let labels = merged(&contact, &wanted);
        let changes = Record::from_iter([("labels".to_owned(), labels.into())]);
        Answer::json(
            &records.update(&call.ctx, db, &CONTACT, (id, changes, Manner::default())).await?,
        )
    })
    .await
}

fn merged(contact: &Record, wanted: &Labels) -> Vec<String> {
    let fold = |name: &str| kith_kernel::text::fold(name.trim()).into_owned();
    let removed: Vec<String> = wanted.remove.iter().map(|name| fold(name)).collect();
    let has = contact.get("labels").and_then(serde_json::Value::as_array).into_iter().flatten();
    let has =
        has.filter_map(serde_json::Value::as_str).filter(|name| !removed.contains(&fold(name)));
    has.map(str::to_owned).chain(wanted.add.iter().cloned()).collect()
}
