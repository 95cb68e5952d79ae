//! People: whoever writes for the first time is found among contacts, or becomes one; a number is never required.

use kith_kernel::{Id, Result, internal, text::fold};
use kith_platform::Ctx;
use kith_records::{Manner, Record, Records};
use kith_store::{Condition, Read, Select, Update, Value, Write};
use serde::Deserialize;
use serde_json::json;

use super::{HANDLE, HandleKind, normal};

const LONGEST_NAME: usize = 200;

/// Someone as a channel knows them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    /// What they are called there.
    pub(crate) name: Option<String>,
    /// By what they are known, the surest first.
    pub(crate) handles: Vec<(HandleKind, String)>,
    /// Where they come from, for a contact that is made: `WhatsApp`.
    pub(crate) source: &'static str,
}

#[derive(Deserialize)]
struct Known {
    id: Id,
    contact_id: Id,
}

/// The contact that a person is; made where there is none. Who they are may be known already: then what else they are
/// known by is noted.
pub(crate) async fn find_or_create(
    records: &Records,
    (ctx, db): (&Ctx, &Write),
    (person, is): (&Person, Option<Id>),
    channel: Id,
) -> Result<Id> {
    let mut keyed: Vec<(HandleKind, &str, String)> = person
        .handles
        .iter()
        .filter_map(|(kind, value)| Some((*kind, value.as_str(), normal::key(*kind, value)?)))
        .collect();
    keyed.dedup_by(|one, other| one.0 == other.0 && one.2 == other.2);
    let mut locks: Vec<String> =
        keyed.iter().map(|(kind, _, key)| format!("handle {} {key}", kind.name())).collect();
    // In one order for all, so that two do not wait for each other.
    locks.sort_unstable();
    for lock in &locks {
        db.one_at_a_time(lock).await?;
    }
    let mut contact = is;
    let mut unknown = Vec::new();
    for (kind, value, key) in &keyed {
        match known(db, *kind, key).await? {
            Some(handle) => {
                seen(ctx, db, handle.id).await?;
                contact = contact.or(Some(handle.contact_id));
            }
            None => unknown.push((*kind, *value, key.clone())),
        }
    }
    let contact = match contact {
        Some(contact) => contact,
        None => match matching(db, &keyed).await? {
            Some(contact) => contact,
            None => make(records, (ctx, db), person).await?,
        },
    };
    for (kind, value, _) in unknown {
        join(records, (ctx, db), (contact, channel), (kind, value)).await?;
    }
    Ok(contact)
}

/// Notes by what a contact is known on a channel.
async fn join(
    records: &Records,
    (ctx, db): (&Ctx, &Write),
    (contact, channel): (Id, Id),
    (kind, value): (HandleKind, &str),
) -> Result<()> {
    let handle = json!({
        "contactId": contact, "kind": kind.name(), "value": value, "evidence": "channel",
        "channelId": channel, "lastSeenAt": ctx.now(),
    });
    let handle: Record = handle.as_object().cloned().unwrap_or_default();
    records.create_in(ctx, db, &HANDLE, (handle, Manner::HOUSE_KNOWS)).await.map(drop)
}

async fn known(db: &Read, kind: HandleKind, key: &str) -> Result<Option<Known>> {
    let select = Select::from(HANDLE.plural)
        .whose("kind", kind.name())
        .whose("key", key.to_owned())
        .only(Condition::Null("deleted_at"));
    db.first(select).await
}

async fn seen(ctx: &Ctx, db: &Write, handle: Id) -> Result<()> {
    let update = Update::table(HANDLE.plural).set("last_seen_at", ctx.now()).whose("id", handle);
    db.update(update).await.map(drop)
}

/// The one contact with a number or address of the person; none where several have it.
async fn matching(db: &Read, keyed: &[(HandleKind, &str, String)]) -> Result<Option<Id>> {
    for (kind, value, _) in keyed {
        let conditions = match kind {
            HandleKind::Phone | HandleKind::WhatsApp => {
                let spellings: Vec<Value> =
                    normal::spellings(value).into_iter().map(Value::from).collect();
                vec![
                    Condition::In("phone_folded", spellings.clone()),
                    Condition::In("mobile_folded", spellings),
                ]
            }
            HandleKind::Email => {
                vec![kith_store::equals("email_folded", fold(value).into_owned())]
            }
            _ => continue,
        };
        let mut found = Vec::new();
        for condition in conditions {
            let select = Select::from("contacts")
                .show(&["id"])
                .only(condition)
                .only(Condition::Null("deleted_at"))
                .at_most(2);
            found.extend(db.ids(&select).await?);
        }
        found.sort_unstable();
        found.dedup();
        if let [one] = found[..] {
            return Ok(Some(one));
        }
    }
    Ok(None)
}

async fn make(records: &Records, (ctx, db): (&Ctx, &Write), person: &Person) -> Result<Id> {
    let object = records.object("contact").ok_or_else(|| internal("there are no contacts"))?;
    // What is no number or address is none of theirs; they are known by what else they have.
    let value = |wanted: &[HandleKind]| {
        let fits = |(kind, value): &&(HandleKind, String)| {
            wanted.contains(kind) && normal::key(*kind, value).is_some()
        };
        person.handles.iter().find(fits).map(|(_, value)| value)
    };
    let phone = value(&[HandleKind::Phone, HandleKind::WhatsApp]);
    let email = value(&[HandleKind::Email]);
    let named = person.name.as_deref().map(cleaned).filter(|name| !name.is_empty());
    let fallback = || {
        let first = person.handles.iter().map(|(_, value)| cleaned(value));
        first.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "Unknown".to_owned())
    };
    let mut input = Record::from_iter([
        ("name".to_owned(), json!(named.unwrap_or_else(fallback))),
        ("source".to_owned(), json!(person.source)),
    ]);
    if let Some(phone) = phone {
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        input.insert("phone".to_owned(), json!(format!("+{digits}")));
    }
    if let Some(email) = email {
        input.insert("email".to_owned(), json!(email));
    }
    Ok(records.create_in(ctx, db, object, (input, Manner::HOUSE_KNOWS)).await?.0)
}

/// A name without control characters, of a bounded length.
fn cleaned(name: &str) -> String {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_NAME).collect()
}
