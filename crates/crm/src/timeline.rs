//! The timeline of a contact, an account or a deal: its activities, tasks, notes, files, messages and changes in one list.
//!
//! Ids rise with time, so that the lists of the six are merged by their ids, each read by its index; nothing is kept twice.
//! A deal shows what belongs to it besides (`dealId`); an account what is about its contacts and deals as well.

use std::{collections::HashMap, sync::Arc};

use kith_http::{Answer, Call, Operation, Query, Routes, schema};
use kith_kernel::{Condition as Compared, Error, Id, Kind, Op, Result, Rule, internal};
use kith_platform::Ctx;
use kith_records::{Archived, Ask, Object, Records, events_page};
use kith_store::{Comparison, Condition, Read, Select, Value, equals};
use serde_json::{Value as Json, json};

/// The newest contacts, and deals, of an account whose own entries it shows.
const MOST_BENEATH: u64 = 100;

const DEFAULT_LIMIT: u64 = 50;
const LARGEST_LIMIT: u64 = 200;

/// What is entered about records.
const ENTERED: [&str; 5] = ["activity", "task", "note", "attachment", MESSAGE];

/// What is said in conversations belongs to a contact, and is about nothing.
const MESSAGE: &str = "message";

/// Objects by their names: slices meet through records.
fn kinds<const N: usize>(
    records: &Records,
    names: [&'static str; N],
) -> impl Iterator<Item = &'static Object> {
    names.into_iter().filter_map(|name| records.object(name))
}

fn parsed(json: &[u8]) -> Result<Json> {
    serde_json::from_slice(json).map_err(|error| internal("a page is no JSON").caused_by(error))
}

pub(crate) fn routes(records: &Arc<Records>) -> Routes {
    kinds(records, ["contact", "account", "deal"]).fold(
        Routes::new(),
        |routes, object: &'static Object| {
            let path = |plural: &str| format!("/api/{plural}/{{id}}/timeline");
            let summary = format!("What happened around a {}", object.name);
            let mut operation = Operation::get(path(object.plural), object.plural, &summary)
                .scope(object.plural, "read")
                .query("limit", schema::integer(), "Entries of a page, 1 to 200; 50 unless said.")
                .query("cursor", schema::string(), "Where to go on.")
                .answers(
                    200,
                    "Activities, tasks, notes, attachments, messages and changes, those first that were entered last.",
                    schema::page(schema::named("TimelineEntry")),
                );
            if let Some(alias) = object.alias {
                operation = operation.alias(path(alias));
            }
            let records = Arc::clone(records);
            routes.add(operation, move |call| show(Arc::clone(&records), object, call))
        },
    )
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let entry = schema::object(
        vec![
            ("id", schema::id()),
            (
                "kind",
                schema::one_of(&["activity", "task", "note", "attachment", "message", "change"]),
            ),
            ("at", schema::time()),
            (
                "record",
                schema::described(
                    schema::nullable(schema::open_object()),
                    "The activity, task, note, attachment or message.",
                ),
            ),
            ("change", schema::nullable(schema::named("Event"))),
        ],
        &["id", "kind", "at", "record", "change"],
    );
    vec![("TimelineEntry".to_owned(), entry)]
}

async fn show(records: Arc<Records>, object: &'static Object, call: Call) -> Result<Answer> {
    let (id, query, ctx) = (call.id("id")?, call.query()?, &call.ctx);
    query.only(&["limit", "cursor"])?;
    let asked = Asked {
        limit: query.number("limit", 1, LARGEST_LIMIT)?.unwrap_or(DEFAULT_LIMIT),
        behind: cursor(&query)?,
    };
    let page = ctx.read(async |db| {
        records.get(ctx, db, object, id).await?;
        page((&records, ctx, db), (object, id), (&query, &asked)).await
    });
    Answer::json(&page.await?)
}

/// Which part of the list is asked for.
struct Asked {
    limit: u64,
    behind: Option<Id>,
}

fn cursor(query: &Query) -> Result<Option<Id>> {
    let Some(text) = query.get("cursor")? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Error::new(Kind::Invalid, "invalid_cursor", "This is not a cursor.")
            .and("cursor", "is not a cursor")
    })
}

async fn page(
    (records, ctx, db): (&Records, &Ctx, &Read),
    (object, id): (&'static Object, Id),
    (query, asked): (&Query, &Asked),
) -> Result<Json> {
    let changes = events_page(db, query, vec![equals("record_id", id)]).await?;
    let mut more = !changes["nextCursor"].is_null();
    let mut entries: Vec<(Id, Json)> = Vec::new();
    for event in changes["data"].as_array().into_iter().flatten() {
        let id = event["id"].as_str().unwrap_or_default().parse()?;
        let entry = json!({
            "id": id, "kind": "change", "at": event["at"], "record": null, "change": event,
        });
        entries.push((id, entry));
    }
    let about = about(db, object, id).await?;
    for kind in kinds(records, ENTERED) {
        if ctx.actor.scopes.allow(kind.scope(), "read") {
            let column = if kind.name == MESSAGE { "contact_id" } else { "related_id" };
            let mut found = beside(db, kind, (column, &about, asked)).await?;
            if object.name != "contact" && kind.name != MESSAGE {
                found.extend(beside(db, kind, ("deal_id", &about, asked)).await?);
                found.sort_unstable_by(|one, other| other.cmp(one));
                found.dedup();
            }
            more |= found.len() as u64 > asked.limit;
            entries.extend(found.into_iter().map(|id| (id, json!({ "kind": kind.name }))));
        }
    }
    entries.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    more |= entries.len() > limit;
    entries.truncate(limit);
    fill((records, ctx, db), &mut entries).await?;
    let next = entries.last().filter(|_| more).map(|(id, _)| *id);
    let data: Vec<Json> = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(json!({ "data": data, "nextCursor": next }))
}

/// The records whose activities, tasks and notes are shown.
async fn about(db: &Read, object: &Object, id: Id) -> Result<Vec<Value>> {
    let mut about = vec![id.into()];
    if object.name != "account" {
        return Ok(about);
    }
    for table in ["contacts", "deals"] {
        let select = Select::from(table)
            .show(&["id"])
            .whose("account_id", id)
            .only(Condition::Null("deleted_at"))
            .by("id", true)
            .at_most(MOST_BENEATH);
        db.each(&select, |row| {
            about.extend(row.id(0)?.map(Value::from));
            Ok(())
        })
        .await?;
    }
    Ok(about)
}

/// The newest records of a kind that point at these, behind the cursor.
async fn beside(
    db: &Read,
    kind: &Object,
    (column, about, asked): (&'static str, &[Value], &Asked),
) -> Result<Vec<Id>> {
    let mut select = kind
        .rows()
        .show(&["id"])
        .only(Condition::In(column, about.to_vec()))
        .only(Condition::Null("deleted_at"));
    if let Some(behind) = asked.behind {
        select = select.only(Condition::Compare("id", Comparison::Less, behind.into()));
    }
    db.ids(&select.by("id", true).at_most(asked.limit + 1)).await
}

/// Gives the entries of a page their records.
async fn fill(
    (records, ctx, db): (&Records, &Ctx, &Read),
    entries: &mut [(Id, Json)],
) -> Result<()> {
    for kind in kinds(records, ENTERED) {
        let ids: Vec<Id> =
            entries.iter().filter(|(_, one)| one["kind"] == kind.name).map(|(id, _)| *id).collect();
        if ids.is_empty() {
            continue;
        }
        let rule = Rule::Field(Compared { field: "id".to_owned(), op: Op::In, value: json!(ids) });
        let ask = Ask { rule, limit: LARGEST_LIMIT, archived: Archived::With, ..Ask::default() };
        let mut page = parsed(&records.list(ctx, db, kind, &ask).await?.json)?;
        let mut found: HashMap<String, Json> = HashMap::new();
        for record in page["data"].as_array_mut().into_iter().flatten() {
            let id = record["id"].as_str().unwrap_or_default().to_owned();
            found.insert(id, record.take());
        }
        for (id, entry) in entries.iter_mut().filter(|(_, one)| one["kind"] == kind.name) {
            let record = found.remove(&id.to_string()).unwrap_or_default();
            *entry = json!({
                "id": id, "kind": kind.name, "at": record["createdAt"], "record": record, "change": null,
            });
        }
    }
    Ok(())
}
