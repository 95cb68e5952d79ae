//! Exports: every record that fits, streamed page by page as CSV, JSON lines or vCards.

use std::sync::Arc;

use bytes::Bytes;
use calcard::vcard::VCardVersion;
use futures_util::{StreamExt, stream};
use kith_http::{Answer, Call, Query};
use kith_kernel::{Error, Kind, Result};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use serde_json::{Value as Json, json};

use crate::{
    Ask, Records,
    catalog::Shape,
    csv::{Delimiter, write::Writer},
    describe::Object,
    vcard,
};

/// Rows that are read at a time.
const ROWS: u64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Lines,
    Cards(VCardVersion),
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Lines => "jsonl",
            Self::Cards(_) => "vcard",
        }
    }
}

/// An export under way.
struct Export {
    records: Arc<Records>,
    ctx: Ctx,
    object: &'static Object,
    ask: Ask,
    format: Format,
    columns: Vec<String>,
    state: State,
}

enum State {
    Header,
    From(Option<String>),
    Done,
}

impl Records {
    /// Answers with all records that fit, as a stream.
    pub(crate) async fn export(
        self: &Arc<Self>,
        call: &Call,
        object: &'static Object,
    ) -> Result<Answer> {
        let query = call.query()?;
        let (format, ask) = read(&query, object)?;
        let pieces = self.pieces(&call.ctx, object, (ask, format)).await?;
        let (kind, ending) = match format {
            Format::Csv => ("text/csv; charset=utf-8", "csv"),
            Format::Lines => ("application/jsonl", "jsonl"),
            Format::Cards(_) => (CARDS, "vcf"),
        };
        let name = format!("attachment; filename=\"{}.{ending}\"", object.plural);
        let disposition = axum::http::header::CONTENT_DISPOSITION;
        Ok(Answer::stream(kind, axum::body::Body::from_stream(pieces)).header(disposition, &name))
    }

    /// All records of an object in pieces: `csv`, `jsonl` or `vcard`. For the command line.
    pub async fn export_pieces(
        self: &Arc<Self>,
        ctx: &Ctx,
        object: &'static Object,
        format: &str,
    ) -> Result<impl stream::Stream<Item = Result<Bytes>> + use<>> {
        let query = Query::parse(&format!("format={format}"))?;
        let (format, ask) = read(&query, object)?;
        self.pieces(ctx, object, (ask, format)).await
    }

    async fn pieces(
        self: &Arc<Self>,
        ctx: &Ctx,
        object: &'static Object,
        (mut ask, format): (Ask, Format),
    ) -> Result<impl stream::Stream<Item = Result<Bytes>> + use<>> {
        let shape = self.shape(object)?;
        if matches!(format, Format::Cards(_)) {
            ask.include = companies(ctx, &shape, &ask);
        }
        // The question is tried before the stream begins, so that a wrong one is told by its status.
        let custom = ctx
            .read(async |db| {
                let first = Ask { limit: 1, ..ask.clone() };
                self.list(ctx, db, object, &first).await?;
                self.custom_fields(db, object).await
            })
            .await?;
        note(ctx, object, (&ask, format)).await?;
        let columns = columns(&shape, custom.iter().map(|field| field.name.as_str()));
        let state = if format == Format::Csv { State::Header } else { State::From(None) };
        let export = Export {
            records: Arc::clone(self),
            ctx: ctx.clone(),
            object,
            ask,
            format,
            columns,
            state,
        };
        let pieces = stream::unfold(export, |mut export| async move {
            export.next().await.map(|piece| (piece, export))
        });
        // What sends it may ask once more after the end.
        Ok(pieces.fuse())
    }
}

/// Exports are events too.
async fn note(ctx: &Ctx, object: &Object, (ask, format): (&Ask, Format)) -> Result<()> {
    ctx.write(async |db| {
        let what = json!({ "after": { "filter": ask.rule.to_json(), "format": format.name() } });
        events::append(
            ctx,
            db,
            Event {
                name: format!("{}.exported", object.name),
                object: object.name,
                record: None,
                changes: Some(what.to_string()),
                batch: None,
            },
        )
    })
    .await
    .map(drop)
}

/// What vCards are sent as.
const CARDS: &str = "text/vcard; charset=utf-8";

fn read(query: &Query, object: &Object) -> Result<(Format, Ask)> {
    let mut asked = query.without("format");
    let format = match query.get("format")? {
        Some("csv") | None => Format::Csv,
        Some("jsonl") => Format::Lines,
        Some("vcard") if object.rules.are_people() => {
            asked = asked.without("version");
            Format::Cards(vcard::write::version(query.get("version")?)?)
        }
        Some("vcard") => return Err(wrong_format("is vcard, which is for people alone")),
        Some(_) => return Err(wrong_format("must be csv, jsonl or, for people, vcard")),
    };
    let mut ask = Ask::read(&asked)?;
    if ask.search.is_some() && ask.sort.is_empty() {
        // All that is found, not only the best of it.
        ask.sort = vec![("id".to_owned(), true)];
    }
    Ok((
        format,
        Ask {
            limit: ROWS,
            offset: 0,
            cursor: None,
            count: false,
            include: vec![],
            fields: None,
            ..ask
        },
    ))
}

fn wrong_format(why: &str) -> Error {
    let told = format!("The parameter format {why}.");
    Error::new(Kind::Invalid, "invalid_parameter", told).and("format", why)
}

/// The accounts of people, whose names stand on their cards; for those who may read accounts.
fn companies(ctx: &Ctx, shape: &Shape, ask: &Ask) -> Vec<String> {
    let has = shape.field("accountId").is_some() && ask.as_of.is_none();
    if has && ctx.actor.scopes.require("accounts", "read").is_ok() {
        vec!["account".to_owned()]
    } else {
        Vec::new()
    }
}

impl Records {
    /// Answers with one record as a vCard.
    pub(crate) async fn card(&self, call: &Call, object: &'static Object) -> Result<Answer> {
        let (id, query) = (call.id("id")?, call.query()?);
        query.only(&["version"])?;
        let version = vcard::write::version(query.get("version")?)?;
        let mut ask = Ask::default();
        ask.include = companies(&call.ctx, &*self.shape(object)?, &ask);
        let read =
            call.ctx.read(async |db| self.read(&call.ctx, db, object, (id, &ask)).await).await?;
        let record: Json = serde_json::from_slice(&read.1)
            .map_err(|error| kith_kernel::internal("a record is no JSON").caused_by(error))?;
        let mut card = Vec::new();
        vcard::write::write(&record, version, &mut card)?;
        let disposition = format!("attachment; filename=\"{id}.vcf\"");
        let header = axum::http::header::CONTENT_DISPOSITION;
        Ok(Answer::text(CARDS, card).header(header, &disposition))
    }
}

fn columns<'a>(shape: &Shape, custom: impl Iterator<Item = &'a str>) -> Vec<String> {
    let own = shape
        .fields
        .iter()
        .filter(|field| field.key != "deletedAt")
        .map(|field| field.key.to_owned());
    ["id".to_owned()]
        .into_iter()
        .chain(own)
        .chain(custom.map(|name| format!("custom.{name}")))
        .collect()
}

impl Export {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        let cursor = match std::mem::replace(&mut self.state, State::Done) {
            State::Header => {
                self.state = State::From(None);
                let mut line = Vec::new();
                row(self.columns.iter().map(|column| column.as_str().into()), &mut line);
                return Some(Ok(line.into()));
            }
            State::From(cursor) => cursor,
            State::Done => return None,
        };
        let ask = self.ask.clone().from_cursor(cursor);
        let (records, ctx, object) = (&self.records, &self.ctx, self.object);
        let page = ctx.read(async |db| records.list(ctx, db, object, &ask).await).await;
        Some(page.and_then(|page| {
            let piece = self.piece(&page.json)?;
            if let Some(next) = page.next {
                self.state = State::From(Some(next));
            }
            Ok(piece)
        }))
    }

    fn piece(&self, page: &[u8]) -> Result<Bytes> {
        let page: Json = serde_json::from_slice(page)
            .map_err(|error| kith_kernel::internal("a page is no JSON").caused_by(error))?;
        let mut out = Vec::new();
        for record in page["data"].as_array().into_iter().flatten() {
            match self.format {
                Format::Csv => {
                    row(self.columns.iter().map(|column| cell(record, column)), &mut out);
                }
                Format::Lines => {
                    out.extend_from_slice(record.to_string().as_bytes());
                    out.push(b'\n');
                }
                Format::Cards(version) => vcard::write::write(record, version, &mut out)?,
            }
        }
        Ok(out.into())
    }
}

/// The text of a value at a dotted place.
fn cell(record: &Json, column: &str) -> String {
    let value = column.split('.').fold(record, |value, key| &value[key]);
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}

/// One line; cells that a spreadsheet would run are guarded.
fn row(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    let cells: Vec<String> = cells.collect();
    let mut writer = Writer::new(out, Delimiter::Comma);
    let written = writer.write_row(cells.iter().map(String::as_str)).and_then(|()| writer.flush());
    debug_assert!(written.is_ok(), "writing into memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_harmless() {
        let mut out = Vec::new();
        row(
            [
                "a".to_owned(),
                "b,c".to_owned(),
                "d\"e".to_owned(),
                "=1+1".to_owned(),
                "-5".to_owned(),
            ]
            .into_iter(),
            &mut out,
        );
        assert_eq!(String::from_utf8(out).unwrap(), "a,\"b,c\",\"d\"\"e\",'=1+1,-5\r\n");
    }
}
