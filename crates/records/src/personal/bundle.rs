//! The bundle: every row of the tenant that is about a person, table by table, as a stream.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
    sync::Arc,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kith_http::{Answer, Call};
use kith_kernel::{Id, Result};
use kith_platform::{
    Ctx,
    events::{self, Event},
    mail,
};
use kith_store::{TableShape, Value};
use serde_json::{Map, Value as Json, json};

use super::{Personal, mask::tells_of, subject::Subject};
use crate::{describe::Object, labels};

/// Columns that are about who did something, or are kept to compare by.
const OF_OTHERS: [&str; 4] = ["tenant_id", "address", "user_id", "credential_id"];

/// The column of records that have bytes in the storage, which are read under an address of their own.
const CONTENT: &str = "content_id";

/// A bundle under way.
struct Walk {
    ctx: Ctx,
    subject: Subject,
    ids: HashSet<Id>,
    /// The subject's ids as texts hold them.
    written: Vec<String>,
    /// The tables that are still to come, the next one last.
    tables: Vec<TableShape>,
    behind: Option<Vec<(&'static str, Value)>>,
    /// Whether a row of this table was shown, and of any.
    open: bool,
    any: bool,
    ended: bool,
}

/// Answers with everything that is held about whom a record is about.
pub(super) async fn show(personal: Arc<Personal>, call: Call) -> Result<Answer> {
    let (id, ctx) = (call.id("id")?, call.ctx.clone());
    call.query()?.only(&[])?;
    let (subject, about, labels) = ctx
        .read(async |db| {
            let subject = personal.subject(&ctx, db, id).await?;
            let about = personal.about(db, (&subject, None)).await?;
            let ids: Vec<Id> = subject.records.iter().map(|(_, id)| *id).collect();
            Ok((subject, about, labels::of(db, &ids).await?))
        })
        .await?;
    let object = personal.person.object.name;
    let event = Event {
        name: format!("{object}.disclosed"),
        object,
        record: Some(id),
        changes: None,
        batch: None,
    };
    ctx.write(async |db| events::append(&ctx, db, event)).await?;
    let head = head(&ctx, (object, id), &subject, labels);
    let walk = Walk::new(&personal, ctx, subject, about);
    let rest = stream::unfold(Some(walk), |walk| async move {
        let mut walk = walk?;
        match walk.next().await {
            Ok(bytes) => Some((Ok(bytes), (!walk.ended).then_some(walk))),
            Err(error) => Some((Err(error), None)),
        }
    });
    let head = stream::once(async move { Ok(Bytes::from(head)) });
    // What sends it may ask once more after the end.
    Ok(Answer::stream("application/json", Body::from_stream(head.chain(rest).fuse())))
}

/// What stands before the rows.
fn head(
    ctx: &Ctx,
    (object, id): (&str, Id),
    subject: &Subject,
    labels: HashMap<Id, Vec<String>>,
) -> String {
    let mut labels: Vec<String> = labels.into_values().flatten().collect();
    labels.sort_unstable();
    labels.dedup();
    let list = |all: &[(String, Id)]| -> Json {
        all.iter().map(|(object, id)| json!({ "object": object, "id": id })).collect()
    };
    let mut head = json!({
        "id": id, "object": object, "madeAt": ctx.now(), "labels": labels,
        "records": list(&subject.records), "knownByTheSame": list(&subject.others),
    })
    .to_string();
    head.pop();
    head.push_str(",\"held\":{");
    head
}

impl Walk {
    fn new(
        personal: &Personal,
        ctx: Ctx,
        subject: Subject,
        about: Vec<(&'static Object, Id)>,
    ) -> Self {
        let own = subject.records.iter().map(|(_, id)| *id);
        let ids = own.clone().chain(about.into_iter().map(|(_, id)| id)).collect();
        let written = own.map(|id| id.to_string()).collect();
        let tables = personal.catalog.tables().iter().rev();
        let tables = tables.filter(|table| table.is_of_tenants()).cloned().collect();
        Self {
            ctx,
            subject,
            ids,
            written,
            tables,
            behind: None,
            open: false,
            any: false,
            ended: false,
        }
    }

    /// What a page of a table holds of them.
    async fn next(&mut self) -> Result<Bytes> {
        let Some(table) = self.tables.last().cloned() else { return self.end().await };
        let behind = self.behind.take();
        let rows = self.ctx.read(async |db| db.rows_of(&table, behind).await).await?;
        let mut out = String::new();
        for row in &rows {
            if !self.is_about(&table, row) {
                continue;
            }
            if self.any {
                out.push(',');
            }
            if !self.open {
                // Writing into a String does not fail.
                write!(out, "\"{}\":[", table.name()).ok();
            }
            (self.open, self.any) = (true, true);
            out.push_str(&self.shown(&table, row).to_string());
        }
        if let Some(last) = rows.last() {
            self.behind = Some(table.key_of(last));
        } else {
            self.tables.pop();
            if std::mem::take(&mut self.open) {
                out.push(']');
            }
        }
        Ok(out.into())
    }

    fn is_about(&self, table: &TableShape, row: &[Value]) -> bool {
        table.cells(row).any(|(column, value)| match value {
            Value::Id(id) => self.ids.contains(id),
            Value::Text(text) | Value::Json(text) => self.is_named(text),
            Value::Bytes(bytes) if matches!(column, "bytes" | "answer") => {
                self.is_named(&String::from_utf8_lossy(bytes))
            }
            Value::Bytes(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::Time(_)
            | Value::Date(_) => false,
        })
    }

    fn is_named(&self, text: &str) -> bool {
        tells_of(text, &self.subject.terms) || self.written.iter().any(|id| text.contains(id))
    }

    /// A row without what is not about them: of a file, the lines that are.
    fn shown(&self, table: &TableShape, row: &[Value]) -> Json {
        let mut shown = Map::new();
        for (column, value) in table.cells(row) {
            let is_shadow = column.ends_with("_folded") || OF_OTHERS.contains(&column);
            if is_shadow && !(column == "address" && table.name() != "events") {
                continue;
            }
            let value = match value {
                Value::Bool(flag) => json!(flag),
                Value::Integer(number) => json!(number),
                Value::Number(number) => json!(number),
                Value::Text(text) if column == "changes" => {
                    serde_json::from_str(text).unwrap_or(Json::Null)
                }
                Value::Text(text) => json!(text),
                Value::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
                Value::Id(id) => json!(id),
                Value::Time(time) => json!(time),
                Value::Date(date) => json!(date.to_string()),
                Value::Bytes(bytes) if column == "bytes" => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let lines = text.lines().filter(|line| self.is_named(line));
                    json!(lines.collect::<Vec<_>>())
                }
                Value::Bytes(_) | Value::Null => continue,
            };
            if column == CONTENT && !value.is_null() {
                let id = table.cells(row).find(|(column, _)| *column == "id");
                if let Some((_, Value::Id(id))) = id {
                    let place = format!("/api/{}/{id}/content", table.name());
                    shown.insert("content".to_owned(), place.into());
                }
            }
            shown.insert(column.to_owned(), value);
        }
        Json::Object(shown)
    }

    /// The mails, which stand in a table of the installation.
    async fn end(&mut self) -> Result<Bytes> {
        self.ended = true;
        let mut mails = Vec::new();
        let mut after = None;
        loop {
            let page = self.ctx.read(async |db| mail::of_tenant(db, after).await).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let about = page.iter().filter(|mail| mail.texts().any(|text| self.is_named(text)));
            mails.extend(about.map(|mail| json!(mail)));
        }
        Ok(format!("}},\"mails\":{}}}", Json::Array(mails)).into())
    }
}
