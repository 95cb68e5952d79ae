//! History: the events of a record, or of the whole tenant, newest first.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kith_http::{Answer, Call, Query};
use kith_kernel::{Error, Id, Kind, Result, Time};
use kith_platform::events::{self, Event, Stored};
use kith_store::{Comparison, Condition, Read, Select, equals};
use serde_json::{Value as Json, json};

use crate::{Records, describe::Object, erased};

const DEFAULT_LIMIT: u64 = 50;
const LARGEST_LIMIT: u64 = 200;
const EXPORTED_AT_A_TIME: u64 = 500;

/// A page of the events that fit the query.
pub async fn events_page(db: &Read, query: &Query, mut conditions: Vec<Condition>) -> Result<Json> {
    let limit = query.number("limit", 1, LARGEST_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    if let Some(cursor) = query.get("cursor")? {
        let id: Id = cursor.parse().map_err(|_| {
            Error::new(Kind::Invalid, "invalid_cursor", "This is not a cursor.")
                .and("cursor", "is not a cursor")
        })?;
        conditions.push(Condition::Compare("id", Comparison::Less, id.into()));
    }
    let select = conditions.into_iter().fold(Select::from("events"), Select::only);
    let mut events: Vec<Stored> = db.all(select.by("id", true).at_most(limit + 1)).await?;
    let more = events.len() as u64 > limit;
    events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = events.last().filter(|_| more).map(|event| event.id.to_string());
    let data: Vec<Json> = events.iter().map(show).collect();
    Ok(json!({ "data": data, "nextCursor": next }))
}

/// An event as the API shows it.
pub(crate) fn show(event: &Stored) -> Json {
    let changes: Json = event
        .changes
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Json::Null);
    json!({
        "id": event.id, "action": event.name, "object": event.object, "recordId": event.record_id,
        "memberId": event.member_id, "userId": event.user_id, "credentialId": event.credential_id,
        "via": event.via, "address": event.address, "requestId": event.request_id,
        "batchId": event.batch_id, "at": event.at,
        "before": changes.get("before").cloned().unwrap_or(Json::Null),
        "after": changes.get("after").cloned().unwrap_or(Json::Null),
    })
}

impl Records {
    /// The events of a record, deleted or not.
    pub(crate) async fn history(&self, call: &Call, object: &'static Object) -> Result<Answer> {
        let (id, query) = (call.id("id")?, call.query()?);
        query.only(&["limit", "cursor"])?;
        let page = call
            .ctx
            .read(async |db| {
                if !db.exists(object.rows().whose("id", id)).await? {
                    return Err(erased::gone(db, object, id).await?);
                }
                events_page(db, &query, vec![equals("record_id", id)]).await
            })
            .await?;
        Answer::json(&page)
    }

    /// The events of the tenant, filtered.
    pub(crate) async fn audit_logs(&self, call: &Call) -> Result<Answer> {
        let query = call.query()?;
        query.only(&[
            "limit", "cursor", "action", "object", "recordId", "memberId", "userId", "since",
            "until",
        ])?;
        let conditions = audit_conditions(&query)?;
        let page = call.ctx.read(async |db| events_page(db, &query, conditions).await).await?;
        Answer::json(&page)
    }
}

impl Records {
    /// Every event that fits, as JSON lines, streamed.
    pub(crate) async fn export_audit_logs(&self, call: &Call) -> Result<Answer> {
        let query = call.query()?;
        query.only(&["action", "object", "recordId", "memberId", "userId", "since", "until"])?;
        let conditions = audit_conditions(&query)?;
        let ctx = call.ctx.clone();
        let what = Event {
            name: "event.exported".to_owned(),
            object: "event",
            record: None,
            changes: None,
            batch: None,
        };
        ctx.write(async |db| events::append(&ctx, db, what)).await?;
        let pieces = stream::unfold(Some(None), move |from: Option<Option<Id>>| {
            let (ctx, conditions) = (ctx.clone(), conditions.clone());
            async move {
                let from = from?;
                match ctx.read(async |db| piece(db, conditions, from).await).await {
                    Ok((lines, next)) => Some((Ok(lines), next.map(Some))),
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        // What sends it may ask once more after the end.
        Ok(Answer::stream("application/jsonl", axum::body::Body::from_stream(pieces.fuse())))
    }
}

/// Lines of the log behind an event, and the last of them when there are more.
async fn piece(
    db: &Read,
    conditions: Vec<Condition>,
    from: Option<Id>,
) -> Result<(Bytes, Option<Id>)> {
    let mut select = conditions.into_iter().fold(Select::from("events"), Select::only);
    if let Some(id) = from {
        select = select.only(Condition::Compare("id", Comparison::Greater, id.into()));
    }
    let events: Vec<Stored> = db.all(select.by("id", false).at_most(EXPORTED_AT_A_TIME)).await?;
    let mut lines = Vec::new();
    for event in &events {
        lines.extend_from_slice(show(event).to_string().as_bytes());
        lines.push(b'\n');
    }
    let full = events.len() as u64 == EXPORTED_AT_A_TIME;
    Ok((lines.into(), events.last().filter(|_| full).map(|event| event.id)))
}

/// The conditions of `?action=&object=&recordId=&memberId=&userId=&since=&until=`.
pub(crate) fn audit_conditions(query: &Query) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for (name, column) in [("action", "name"), ("object", "object")] {
        if let Some(text) = query.get(name)? {
            conditions.push(equals(column, text));
        }
    }
    for (name, column) in
        [("recordId", "record_id"), ("memberId", "member_id"), ("userId", "user_id")]
    {
        if let Some(id) = query.id(name)? {
            conditions.push(equals(column, id));
        }
    }
    for (name, comparison) in [("since", Comparison::Greater), ("until", Comparison::LessOrEqual)] {
        if let Some(text) = query.get(name)? {
            let wrong = || {
                Error::new(
                    Kind::Invalid,
                    "invalid_parameter",
                    format!("The parameter {name} is not a time."),
                )
                .and(name, "is not a time")
            };
            let time = Time::parse(text).ok_or_else(wrong)?;
            conditions.push(Condition::Compare("at", comparison, time.into()));
        }
    }
    Ok(conditions)
}
