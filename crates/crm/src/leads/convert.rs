//! Converting a lead: a contact, its account and a deal are made of it, in one transaction.

mod carry;
mod relink;

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Kind, Result, internal, invalid, text::fold};
use kith_platform::Attempts;
use kith_records::{
    Desk, Manner, Object, Record, Records,
    batches::{self, New},
};
use kith_store::{Condition, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{LEAD, converted};

use relink::RelinkLead;
pub(crate) use relink::register;

/// A deal that names no day is expected to close after so many.
const DAYS_TO_CLOSE: i64 = 30;

/// What a contact takes over from its lead under the same name.
const SHARED: [&str; 17] = [
    "firstName",
    "lastName",
    "email",
    "phone",
    "mobile",
    "jobTitle",
    "company",
    "source",
    "labels",
    "address.street",
    "address.city",
    "address.state",
    "address.postalCode",
    "address.country",
    "description",
    "doNotCall",
    "doNotText",
];

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Convert {
    account: Option<Json>,
    contact: Option<Json>,
    deal: Option<Json>,
    owner_id: Option<Id>,
}

/// What becomes of one of the three.
enum Wish {
    /// As the lead suggests, with these fields in place of its own.
    Make(Record),
    /// A record that is there.
    Take(Id),
    /// Nothing.
    Leave,
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let one_of = |text: &str| schema::described(schema::any(), text);
    let convert = Operation::post(
        "/api/leads/{id}/convert",
        "leads",
        "Make a contact, an account and a deal of a lead",
    )
    .scope("leads", "write")
    .idempotency(Idempotency::Replays)
    .typed_body::<Convert>(schema::object(
        vec![
            (
                "account",
                one_of("{id} of one that is there, fields of a new one, or false; else the lead's own, or one of its company's name."),
            ),
            ("contact", one_of("{id} of one that is there, or fields in place of the lead's.")),
            ("deal", one_of("Fields of the deal, or false for none.")),
            ("ownerId", schema::described(schema::id(), "Whose they shall be; the lead's owner's unless said.")),
        ],
        &[],
    ))
    .answers(200, "The lead as it is now, and what was made of it.", schema::named("ConvertedLead"))
    .refuses(409, "It was converted before.");
    let records = Arc::clone(records);
    Routes::new().add(convert, move |call| handle(Arc::clone(&records), call))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let converted = schema::object(
        vec![
            ("lead", schema::named("Lead")),
            ("contact", schema::named("Contact")),
            ("account", schema::nullable(schema::named("Account"))),
            ("deal", schema::nullable(schema::named("Deal"))),
            (
                "keptOnLead",
                schema::described(
                    schema::list(schema::string()),
                    "Custom fields of the lead whose values stand on the lead alone.",
                ),
            ),
        ],
        &["lead", "contact", "account", "deal", "keptOnLead"],
    );
    vec![("ConvertedLead".to_owned(), converted)]
}

async fn handle(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let wanted: Convert = body.parse()?;
    let mut attempts = Attempts::new();
    loop {
        let wanted = wanted.clone();
        let done = call
            .write(&body, async |db| {
                let batch = call.ctx.new_id();
                let ctx = &call.ctx.in_batch(batch);
                batches::begin(
                    ctx,
                    db,
                    &New::done(batch, batches::Kind::Convert, (LEAD.name, "convert")),
                )?;
                Answer::json(&convert(Desk { records: &records, ctx, db }, id, wanted).await?)
            })
            .await;
        if attempts.end_with(&done) {
            return done;
        }
    }
}

async fn convert(desk: Desk<'_>, id: Id, wanted: Convert) -> Result<Json> {
    let lead = desk.records.get(desk.ctx, desk.db, &LEAD, id).await?;
    if lead.contains_key("convertedAt") {
        return Err(converted());
    }
    let owner = wanted.owner_id.map(|id| json!(id)).or_else(|| lead.get("ownerId").cloned());
    let account = wish("account", wanted.account)?;
    let place = Place { lead: id, owner: owner.as_ref(), account: None };
    let account = account_of(desk, &lead, (account, &place)).await?;
    let contact = wish("contact", wanted.contact)?;
    let place = Place { account: account.as_ref().map(|one| one.0), ..place };
    let contact = contact_of(desk, &lead, (contact, &place)).await?;
    let deal = deal_of(desk, &lead, (wish("deal", wanted.deal)?, &place, contact.0)).await?;
    let (to, deal_id) = (contact.0, deal.as_ref().map(|one| one.0));
    let relinked = RelinkLead { lead: id, contact: to, deal: deal_id, batch: desk.ctx.batch };
    relink::begin(desk, relinked).await?;
    let changes = object([
        ("status", json!("converted")),
        ("convertedAt", json!(desk.ctx.now())),
        ("convertedContactId", json!(contact.0)),
        ("convertedAccountId", json!(account.as_ref().map(|one| one.0))),
        ("convertedDealId", json!(deal.as_ref().map(|one| one.0))),
    ]);
    let lead = desk.records.update(desk.ctx, desk.db, &LEAD, (id, changes, Manner::HOUSE)).await?;
    let (account, deal) = (account.map(|one| one.1), deal.map(|one| one.1));
    let made: Vec<&Record> =
        [Some(&contact.1), account.as_ref(), deal.as_ref()].into_iter().flatten().collect();
    let kept = carry::kept(&lead, &made);
    Ok(json!({
        "lead": lead, "contact": contact.1, "account": account, "deal": deal, "keptOnLead": kept,
    }))
}

/// Where the new records belong.
struct Place<'a> {
    lead: Id,
    owner: Option<&'a Json>,
    account: Option<Id>,
}

fn wish(name: &str, given: Option<Json>) -> Result<Wish> {
    match given {
        None | Some(Json::Null | Json::Bool(true)) => Ok(Wish::Make(Record::new())),
        Some(Json::Bool(false)) if name != "contact" => Ok(Wish::Leave),
        Some(Json::Object(mut fields)) => match fields.remove("id") {
            None => Ok(Wish::Make(fields)),
            Some(_) if name == "deal" => Err(invalid("deal/id", "is given by the server")),
            Some(_) if !fields.is_empty() => {
                Err(invalid(name, "names a record that is there, so it takes no other fields"))
            }
            Some(id) => {
                let id = id.as_str().and_then(|id| id.parse().ok());
                Ok(Wish::Take(id.ok_or_else(|| invalid(&format!("{name}/id"), Id::EXPECTED))?))
            }
        },
        Some(_) => Err(invalid(name, "must be an object")),
    }
}

/// An object by its name: slices meet through records.
fn kind(desk: Desk<'_>, name: &str) -> Result<&'static Object> {
    desk.records.object(name).ok_or_else(|| internal(format!("there is no object named {name}")))
}

fn object<const N: usize>(pairs: [(&str, Json); N]) -> Record {
    let given = pairs.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Fields of the lead, overlaid by what the caller gave, in either spelling.
fn overlaid(mut suggested: Record, given: Record) -> Record {
    for (key, value) in given {
        let camel = kith_kernel::text::camel_case(&key);
        let key = if suggested.contains_key(&camel) { camel } else { key };
        // A group that is given takes the place of the lead's.
        let group = format!("{key}.");
        suggested.retain(|known, _| !known.starts_with(&group));
        suggested.insert(key, value);
    }
    suggested
}

fn may(desk: Desk<'_>, object: &Object, action: &str) -> Result<()> {
    desk.ctx.actor.scopes.require(object.scope(), action)
}

/// A record that is there, as an answer; links that point at no record of the tenant's are refused like others.
async fn taken(desk: Desk<'_>, kind: &'static Object, id: Id) -> Result<(Id, Record)> {
    may(desk, kind, "read")?;
    // A change of nothing is a read that answers in the same form.
    match desk.records.update(desk.ctx, desk.db, kind, (id, Record::new(), Manner::HOUSE)).await {
        Ok(record) => Ok((id, record)),
        Err(error) if error.kind() == Kind::NotFound => {
            let why = format!("points at no {} of yours", kind.name);
            Err(invalid(&format!("{}/id", kind.name), why).coded("unknown_link"))
        }
        Err(error) => Err(error),
    }
}

async fn made(desk: Desk<'_>, kind: &'static Object, fields: Record) -> Result<(Id, Record)> {
    may(desk, kind, "write")?;
    desk.records.create_in(desk.ctx, desk.db, kind, (fields, Manner::HOUSE)).await
}

async fn account_of(
    desk: Desk<'_>,
    lead: &Record,
    (wish, place): (Wish, &Place<'_>),
) -> Result<Option<(Id, Record)>> {
    let account = kind(desk, "account")?;
    let given = match wish {
        Wish::Leave => return Ok(None),
        Wish::Take(id) => return known_account(desk, (account, id), place).await.map(Some),
        Wish::Make(given) => given,
    };
    if given.is_empty() {
        let own = lead.get("accountId").and_then(Json::as_str).and_then(|id| id.parse().ok());
        let company = lead.get("company").and_then(Json::as_str);
        let known = match (own, company) {
            (Some(id), _) => Some(id),
            (None, Some(company)) => same_name(desk, company).await?,
            (None, None) => return Ok(None),
        };
        if let Some(id) = known {
            return known_account(desk, (account, id), place).await.map(Some);
        }
    }
    let mut suggested: Record = ["website", "address.city", "address.state", "address.country"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), lead.get(*key)?.clone())))
        .collect();
    suggested.extend(object([
        ("name", lead.get("company").cloned().unwrap_or_default()),
        ("type", json!("prospect")),
        ("ownerId", place.owner.cloned().unwrap_or_default()),
    ]));
    let carried = carry::besides(desk, (place.lead, account), &given).await?;
    let mut fields = house_keeps_out(account, overlaid(suggested, given))?;
    fields.extend(carried);
    made(desk, account, fields).await.map(Some)
}

/// An account that is there gets what it lacks, where the caller may change it.
async fn known_account(
    desk: Desk<'_>,
    (account, id): (&'static Object, Id),
    place: &Place<'_>,
) -> Result<(Id, Record)> {
    let (id, known) = taken(desk, account, id).await?;
    if may(desk, account, "write").is_err() {
        return Ok((id, known));
    }
    let lacks = carry::lacking(desk, (place.lead, account), &known).await?;
    if lacks.is_empty() {
        return Ok((id, known));
    }
    Ok((id, desk.records.update(desk.ctx, desk.db, account, (id, lacks, Manner::HOUSE)).await?))
}

/// The oldest account of a name, whatever its case.
async fn same_name(desk: Desk<'_>, name: &str) -> Result<Option<Id>> {
    let select = Select::from("accounts")
        .show(&["id"])
        .whose("name_folded", fold(name).into_owned())
        .only(Condition::Null("deleted_at"))
        .by("id", false)
        .at_most(1);
    let mut found = None;
    desk.db
        .each(&select, |row| {
            found = row.id(0)?;
            Ok(())
        })
        .await?;
    Ok(found)
}

/// The house writes these records; what a caller gave must still be theirs to give.
fn house_keeps_out(kind: &Object, fields: Record) -> Result<Record> {
    let kept = ["id", "version", "createdAt", "updatedAt", "createdBy", "deletedAt"];
    let own = kind.fields.iter().filter(|field| field.writable == kith_records::Writable::System);
    let kept: Vec<&str> = kept.into_iter().chain(own.map(|field| field.key)).collect();
    match fields.keys().find(|key| kept.contains(&kith_kernel::text::camel_case(key).as_str())) {
        None => Ok(fields),
        Some(key) => Err(invalid(key, "is kept by the server and cannot be set")),
    }
}

async fn contact_of(
    desk: Desk<'_>,
    lead: &Record,
    (wish, place): (Wish, &Place<'_>),
) -> Result<(Id, Record)> {
    let contact = kind(desk, "contact")?;
    match wish {
        Wish::Take(id) => {
            let (_, chosen) = taken(desk, contact, id).await?;
            may(desk, contact, "write")?;
            let mut changes =
                object([("leadId", json!(place.lead)), ("labels", both(&chosen, lead))]);
            changes.extend(carry::lacking(desk, (place.lead, contact), &chosen).await?);
            if chosen.get("accountId").is_none_or(Json::is_null) {
                changes.extend(object([("accountId", json!(place.account))]));
            }
            let change = (id, changes, Manner::HOUSE);
            Ok((id, desk.records.update(desk.ctx, desk.db, contact, change).await?))
        }
        Wish::Make(given) => {
            let shared = SHARED.iter().filter_map(|key| Some((*key, lead.get(*key)?)));
            let mut fields: Record =
                shared.map(|(key, value)| (key.to_owned(), value.clone())).collect();
            // Someone known by an address alone is called by it, and has no parts of a name.
            if !(fields.contains_key("firstName") || fields.contains_key("lastName")) {
                fields.extend(object([("name", lead.get("name").cloned().unwrap_or_default())]));
            }
            fields.extend(object([
                ("status", json!("prospect")),
                ("leadScore", lead.get("score").cloned().unwrap_or_default()),
                ("accountId", json!(place.account)),
                ("ownerId", place.owner.cloned().unwrap_or_default()),
            ]));
            let carried = carry::besides(desk, (place.lead, contact), &given).await?;
            let mut fields = house_keeps_out(contact, overlaid(fields, given))?;
            fields.extend(carried);
            fields.insert("leadId".to_owned(), json!(place.lead));
            made(desk, contact, fields).await
        }
        Wish::Leave => Err(invalid("contact", "must be an object")),
    }
}

/// The labels of both, each once.
fn both(contact: &Record, lead: &Record) -> Json {
    let of = |record: &Record| record.get("labels").and_then(Json::as_array).cloned();
    let all = of(contact).unwrap_or_default().into_iter().chain(of(lead).unwrap_or_default());
    all.collect()
}

async fn deal_of(
    desk: Desk<'_>,
    lead: &Record,
    (wish, place, contact): (Wish, &Place<'_>, Id),
) -> Result<Option<(Id, Record)>> {
    let Wish::Make(given) = wish else { return Ok(None) };
    let deal = kind(desk, "deal")?;
    let name = lead.get("company").or_else(|| lead.get("name")).cloned().unwrap_or_default();
    let zone = desk.ctx.actor.zone;
    let expected = desk.ctx.now().date(zone).plus_days(DAYS_TO_CLOSE);
    let suggested = object([
        ("name", name),
        ("amount", lead.get("estimatedValue").cloned().unwrap_or_default()),
        ("currency", lead.get("currency").cloned().unwrap_or_default()),
        ("source", lead.get("source").cloned().unwrap_or_default()),
        ("labels", lead.get("labels").cloned().unwrap_or_default()),
        ("expectedCloseDate", json!(expected)),
        ("accountId", json!(place.account)),
        ("contactId", json!(contact)),
        ("ownerId", place.owner.cloned().unwrap_or_default()),
    ]);
    let carried = carry::besides(desk, (place.lead, deal), &given).await?;
    let mut fields = house_keeps_out(deal, overlaid(suggested, given))?;
    fields.extend(carried);
    fields.insert("leadId".to_owned(), json!(place.lead));
    made(desk, deal, fields).await.map(Some)
}
