//! The sweep: every row of the tenant that names the person, wherever that is, is deleted or loses the name.

use std::sync::Arc;

use kith_kernel::{Id, Result};
use kith_platform::{Ctx, mail};
use kith_store::{
    Condition, Delete, Read, Select, Sieved, TableShape, Update, Value, Write, equals,
};
use serde_json::Value as Json;

use super::{
    Personal,
    erase::{Walk, erase_events},
    excerpts::mask_excerpts,
    mask::{Term, masked_json, masked_lines, masked_text, names, tells_of},
    subject::Found,
};
use crate::{
    batches::is_of_one,
    catalog::Shape,
    change::PutBack,
    custom::{CustomField, CustomKind},
    describe::{Field, Kind, Record},
};

/// Tables whose rows can be made anew or have served their purpose.
const DELETED: [&str; 9] = [
    "idempotency_keys",
    "notifications",
    "duplicate_groups",
    "duplicate_keys",
    "custom_values",
    "custom_uniques",
    "batch_faults",
    "inbound_deliveries",
    "merges",
];
/// People who sign in are members, whom their tenant keeps and ends otherwise; events are erased by themselves, and what
/// seals them is hashes and salts.
const PASSED_OVER: [&str; 5] = ["members", "invites", "events", "event_order", "event_salts"];
/// What a bulk change or job that is not over yet still needs.
const WORK: [&str; 3] = ["jobs", "batches", "imports"];
/// A column that is made of the texts beside it, and goes when they change.
const MADE: &str = "vector";
const PIECES: &str = "file_pieces";
const ENDED: [&str; 4] = ["done", "failed", "completed", "cancelled"];

impl Personal {
    /// How many rows a sweep looks at.
    pub(super) async fn swept(&self, ctx: &Ctx, terms: &[Term]) -> Result<u64> {
        if terms.is_empty() {
            return Ok(0);
        }
        let mut sum = 0;
        for table in self.swept_tables().chain(self.catalog.table("events")) {
            let rows = ctx.read(async |db| db.count(Select::from(table.name())).await).await?;
            sum += u64::try_from(rows).unwrap_or_default();
        }
        Ok(sum)
    }

    fn swept_tables(&self) -> impl Iterator<Item = &TableShape> {
        let tables = self.catalog.tables().iter().filter(|table| table.is_of_tenants());
        tables.filter(|table| !PASSED_OVER.contains(&table.name()))
    }

    pub(super) async fn sweep(&self, ctx: &Ctx, terms: &[Term], walk: &mut Walk) -> Result<()> {
        if terms.is_empty() {
            return Ok(());
        }
        for table in self.swept_tables() {
            if table.name() == PIECES {
                self.sweep_files(ctx, (table, terms), walk).await?;
            } else {
                self.sweep_table(ctx, (table, terms), walk).await?;
            }
        }
        self.sweep_mails(ctx, terms).await?;
        self.sweep_folder(ctx, terms).await
    }

    async fn sweep_table(
        &self,
        ctx: &Ctx,
        (table, terms): (&TableShape, &[Term]),
        walk: &mut Walk,
    ) -> Result<()> {
        let mut behind = None;
        loop {
            let found = sieved(ctx, (table, terms), behind).await?;
            for row in &found.rows {
                if table.place("wishes").is_some() && row.contains(&Value::Id(walk.batch)) {
                    continue;
                }
                self.sweep_row(ctx, (table, row), terms).await?;
                walk.counts.changed += 1;
            }
            walk.looked(ctx, found.seen).await?;
            behind = found.last;
            if behind.is_none() {
                return Ok(());
            }
        }
    }

    async fn sweep_files(
        &self,
        ctx: &Ctx,
        (table, terms): (&TableShape, &[Term]),
        walk: &mut Walk,
    ) -> Result<()> {
        let mut behind = None;
        loop {
            let rows = ctx.read(async |db| db.rows_of(table, behind.take()).await).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            behind = Some(table.key_of(last));
            self.sweep_pieces(ctx, (table, &rows), terms).await?;
            walk.looked(ctx, rows.len() as u64).await?;
        }
    }

    async fn sweep_row(
        &self,
        ctx: &Ctx,
        (table, row): (&TableShape, &[Value]),
        terms: &[Term],
    ) -> Result<()> {
        let cell = |name: &str| table.cells(row).find(|(column, _)| *column == name);
        let object = self.object_of(table, row)?;
        if let (Some(shape), Some((_, Value::Id(id)))) = (object, cell("id")) {
            return self.mask_record(ctx, (&shape, *id), terms).await;
        }
        let state = cell("state").map(|(_, state)| state.clone());
        let over = matches!(state, Some(Value::Text(state)) if ENDED.contains(&state.as_str()));
        if WORK.contains(&table.name()) && !over {
            return Ok(());
        }
        ctx.write(async |db| mask_row(db, (table, row), terms).await).await
    }

    /// The object whose records a table has.
    fn object_of(&self, table: &TableShape, row: &[Value]) -> Result<Option<Arc<Shape>>> {
        let known = self.records.shapes().iter().find(|one| one.object.table() == table.name());
        if known.is_some() || table.name() != "object_records" {
            return Ok(known.map(Arc::clone));
        }
        match table.place("object").and_then(|at| row.get(at)) {
            Some(Value::Text(name)) => self.records.shape_named(name).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// A record of somebody else keeps everything but the words that name the person.
    async fn mask_record(
        &self,
        ctx: &Ctx,
        (shape, id): (&Shape, Id),
        terms: &[Term],
    ) -> Result<()> {
        let done = ctx
            .write(async |db| {
                let Some(found) = self.any(ctx, db, (shape, id)).await? else { return Ok(()) };
                let custom = self.records.custom_fields(db, shape.object).await?;
                let fields = masked_fields(shape, &found, terms);
                if found.record.contains_key("deletedAt") {
                    return mask_deleted(db, (shape, id), (&found, &fields, terms)).await;
                }
                let custom = masked_custom(&custom, &found, terms);
                let back = PutBack { fields, custom, labels: None };
                self.records.put(ctx, db, shape.object, (id, back)).await
            })
            .await;
        match done {
            // Its own rules are in the way, and are no reason to keep the name.
            Err(error) if is_of_one(&error) => {
                ctx.write(async |db| {
                    let Some(found) = self.any(ctx, db, (shape, id)).await? else { return Ok(()) };
                    let fields = masked_fields(shape, &found, terms);
                    mask_deleted(db, (shape, id), (&found, &fields, terms)).await?;
                    db.unindex(id).await
                })
                .await
            }
            done => done,
        }
    }

    /// Lines may begin in one piece and end in the next.
    async fn sweep_pieces(
        &self,
        ctx: &Ctx,
        (table, rows): (&TableShape, &[Vec<Value>]),
        terms: &[Term],
    ) -> Result<()> {
        for (at, row) in rows.iter().enumerate() {
            let with_next = [Some(row), rows.get(at + 1)];
            let mut bytes = Vec::new();
            let mut places = Vec::new();
            for row in with_next.into_iter().flatten() {
                let key = table.key_of(row);
                let of_same = places.is_empty() || key.first() == table.key_of(&rows[at]).first();
                let stored = ctx.read(async |db| stored_piece(db, &key).await).await?;
                if let (true, Some(stored)) = (of_same, stored) {
                    places.push((key, bytes.len(), stored.len()));
                    bytes.extend_from_slice(&stored);
                }
            }
            let Some(masked) = masked_lines(&bytes, terms) else { continue };
            ctx.write(async |db| {
                for (key, from, length) in &places {
                    let piece = masked[*from..*from + *length].to_vec();
                    let update = Update::table(PIECES).set("bytes", piece);
                    let update = key.iter().fold(update, |update, (column, value)| {
                        update.whose(column, value.clone())
                    });
                    db.update(update).await?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn sweep_mails(&self, ctx: &Ctx, terms: &[Term]) -> Result<()> {
        let mut after = None;
        loop {
            let page = ctx.read(async |db| mail::of_tenant(db, after).await).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for mail in page.iter().filter(|mail| mail.texts().any(|text| names(text, terms))) {
                ctx.write(async |db| mail::erase(db, mail.id).await).await?;
            }
        }
    }

    /// Rows that the command line's imports could not take, in files beside the database.
    async fn sweep_folder(&self, ctx: &Ctx, terms: &[Term]) -> Result<()> {
        let mut imports: Vec<Id> = Vec::new();
        ctx.read(async |db| {
            db.each(&Select::from("imports").show(&["id"]), |row| {
                imports.extend(row.id(0)?);
                Ok(())
            })
            .await
        })
        .await?;
        for import in imports {
            let path = self.folder.join("imports").join(format!("{import}.errors.csv"));
            let Ok(bytes) = std::fs::read(&path) else { continue };
            if let Some(masked) = masked_lines(&bytes, terms) {
                std::fs::write(&path, masked).map_err(|error| {
                    kith_kernel::unavailable(format!("{} cannot be written.", path.display()))
                        .caused_by(error)
                })?;
            }
        }
        Ok(())
    }

    /// Events that name the person lose their content, whatever they are about.
    pub(super) async fn sweep_events(
        &self,
        ctx: &Ctx,
        terms: &[Term],
        walk: &mut Walk,
    ) -> Result<()> {
        let Some(table) = self.catalog.table("events").filter(|_| !terms.is_empty()) else {
            return Ok(());
        };
        let mut behind = None;
        loop {
            let found = sieved(ctx, (table, terms), behind).await?;
            let ids: Vec<Id> = found
                .rows
                .iter()
                .filter_map(|row| match table.place("id").and_then(|at| row.get(at)) {
                    Some(Value::Id(id)) => Some(*id),
                    _ => None,
                })
                .collect();
            for some in ids.chunks(100) {
                erase_events(ctx, some).await?;
            }
            walk.looked(ctx, found.seen).await?;
            behind = found.last;
            if behind.is_none() {
                return Ok(());
            }
        }
    }
}

/// The rows of a page of a table that name the person.
async fn sieved(
    ctx: &Ctx,
    (table, terms): (&TableShape, &[Term]),
    behind: Option<Vec<(&'static str, Value)>>,
) -> Result<Sieved> {
    ctx.read(async |db| db.sieve(table, behind, &|text| tells_of(text, terms)).await).await
}

/// A row that is no record: it goes where it can be made anew, and else loses the name.
async fn mask_row(db: &Write, (table, row): (&TableShape, &[Value]), terms: &[Term]) -> Result<()> {
    let key = table.key_of(row).into_iter().map(|(column, value)| equals(column, value));
    let key = Condition::All(key.collect());
    if table.name() == "merges" {
        let id = table.place("id").and_then(|at| row.get(at)).cloned();
        for journal in ["merge_moves", "merged_records"] {
            let id = id.clone().unwrap_or(Value::Null);
            db.delete(Delete::from(journal).whose("merge_id", id)).await?;
        }
    }
    if table.name() == "ai_messages" {
        mask_excerpts(db, (table, row), terms).await?;
    }
    if DELETED.contains(&table.name()) || table.name() == "jobs" {
        return db.delete(Delete::from(table.name()).only(key)).await.map(drop);
    }
    let mut update = Update::table(table.name());
    let mut changed = false;
    for (column, value) in table.cells(row) {
        if let Some(value) = masked_cell(value, terms) {
            update = update.set(column, value);
            changed = true;
        }
    }
    if changed {
        let made = table.place(MADE).is_some();
        let update = if made { update.set(MADE, Value::Null) } else { update };
        db.update(update.only(key)).await?;
    }
    Ok(())
}

async fn stored_piece(db: &Read, key: &[(&'static str, Value)]) -> Result<Option<Vec<u8>>> {
    let select = Select::from(PIECES).show(&["bytes"]);
    let select =
        key.iter().fold(select, |select, (column, value)| select.whose(column, value.clone()));
    let mut found = None;
    db.each(&select, |row| {
        found = row.bytes(0)?.map(<[u8]>::to_vec);
        Ok(())
    })
    .await?;
    Ok(found)
}

fn masked_cell(value: &Value, terms: &[Term]) -> Option<Value> {
    match value {
        Value::Text(text) => masked_text(text, terms).map(Value::Text),
        Value::Json(text) => {
            let json: Json = serde_json::from_str(text).ok()?;
            masked_json(&json, terms).as_ref().map(Value::from)
        }
        Value::Null
        | Value::Bytes(_)
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Id(_)
        | Value::Time(_)
        | Value::Date(_) => None,
    }
}

fn is_words(field: &Field) -> bool {
    matches!(field.kind, Kind::Text | Kind::LongText | Kind::Json)
}

/// Words are masked; an address or a number is taken away, since what is left is none.
fn masked_fields(shape: &Shape, found: &Found, terms: &[Term]) -> Record {
    let mut fields = Record::new();
    for field in &shape.fields {
        let value = found.record.get(field.key);
        let left = value.filter(|value| value.is_string() || field.kind == Kind::Json);
        if let Some(left) = left.and_then(|value| masked_json(value, terms)) {
            let left = if is_words(field) { left } else { Json::Null };
            fields.insert(field.key.to_owned(), left);
        }
    }
    fields
}

fn masked_custom(
    custom: &[CustomField],
    found: &Found,
    terms: &[Term],
) -> Vec<(CustomField, Json)> {
    let changed = custom.iter().filter_map(|field| {
        let left = masked_json(found.custom.get(&field.id.to_string())?, terms)?;
        let left = if field.kind == CustomKind::Text { left } else { Json::Null };
        Some((field.clone(), left))
    });
    changed.collect()
}

/// A deleted record is no part of searches, and has no event for what nobody sees.
async fn mask_deleted(
    db: &Write,
    (shape, id): (&Shape, Id),
    (found, fields, terms): (&Found, &Record, &[Term]),
) -> Result<()> {
    let mut update = shape.object.change().plus("version", 1);
    for field in &shape.fields {
        let Some(left) = fields.get(field.key) else { continue };
        let text: Option<&str> = left.as_str();
        update = update.set(field.column, text);
        if field.kind.is_folded() {
            update = update.set(field.folded, field.folded_value(left));
        }
    }
    if let Some(custom) = masked_json(&Json::Object(found.custom.clone()), terms) {
        update = update.set("custom", Value::from(&custom));
    }
    db.update(update.whose("id", id)).await.map(drop)
}
