//! Another kind for a field that has values: a dry run tells which would fail, a job rewrites the records.

use std::sync::Arc;

use kith_http::{Answer, Call};
use kith_kernel::{Id, Result, conflict, invalid};
use kith_platform::{
    Attempts, Ctx,
    jobs::{self, Attempt, Job, Registry},
};
use kith_store::{Comparison, Condition, Delete, Read, Update, Value, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{
    change::{found, save},
    input,
    linked::{self, Named},
    make::{described, tell},
    purge::AT_ONCE,
    shown::shown,
};
use crate::{
    Records,
    catalog::Shape,
    csv::values::parse_boolean,
    custom::{CACHED, CustomField, CustomKind, of_field, store_values},
    describe::Record,
    values::Reading,
};

/// Rows that would fail and are told.
const MOST_TOLD: usize = 100;
const READ_AT_ONCE: u64 = 500;

/// What a field shall become.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    kind: String,
    options: Option<Vec<String>>,
    target: Option<String>,
    dry_run: Option<bool>,
    on_fail: Option<OnFail>,
}

/// What happens when values do not fit the new kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OnFail {
    /// Nothing is done.
    Refuse,
    /// They are taken away.
    Clear,
}

/// The job that rewrites the records of a field whose kind changed.
#[derive(Debug, Serialize, Deserialize)]
struct ConvertField {
    field: Id,
}

impl Job for ConvertField {
    const NAME: &'static str = "customField.convert";
}

/// What a look at all values found.
#[derive(Default)]
struct Findings {
    values: u64,
    failing: u64,
    told: Vec<Json>,
}

pub(super) fn register(registry: Registry, records: &Arc<Records>) -> Registry {
    let records = Arc::clone(records);
    registry.on(move |job: ConvertField, attempt| {
        let records = Arc::clone(&records);
        async move { records.convert_all(&attempt, job.field).await.map_err(Into::into) }
    })
}

/// A value on its way to another kind; what does not fit is refused by that kind.
fn carried(kind: CustomKind, value: &Json) -> Json {
    let words = || match value {
        Json::String(text) => text.clone(),
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    match kind {
        CustomKind::Number => {
            serde_json::from_str(words().trim()).unwrap_or_else(|_| value.clone())
        }
        CustomKind::Bool => parse_boolean(&words()).map_or_else(|| value.clone(), Json::from),
        CustomKind::MultiChoice if value.is_array() => value.clone(),
        CustomKind::MultiChoice => json!([words()]),
        CustomKind::Time if value.as_str().is_some_and(|text| text.len() == 10) => {
            Json::from(format!("{}T00:00:00Z", words()))
        }
        CustomKind::Money
        | CustomKind::Text
        | CustomKind::Choice
        | CustomKind::Link
        | CustomKind::Date
        | CustomKind::Time
        | CustomKind::Email
        | CustomKind::Phone
        | CustomKind::Url => Json::from(words()),
    }
}

impl CustomField {
    fn converted(&self, value: &Json, (ctx, named): (&Ctx, &Named)) -> Result<Json> {
        if self.kind == CustomKind::Link {
            return named.link(self, value);
        }
        self.canonical(&carried(self.kind, value), reading(ctx))
    }
}

fn reading(ctx: &Ctx) -> Reading {
    Reading { zone: ctx.actor.zone, currency: ctx.actor.currency }
}

/// The field as it shall become, but for what a link points at.
fn wished(ctx: &Ctx, before: &CustomField, wish: &Wish) -> Result<CustomField> {
    let kind = input::kind(&wish.kind)?;
    if kind == before.kind {
        return Err(invalid("kind", format!("is {} already", kind.name())));
    }
    if kind == CustomKind::Link {
        linked::refuse_others(before)?;
    }
    if before.unique {
        return Err(invalid("kind", "cannot change while values are unique: set unique to false"));
    }
    let given = wish.options.clone();
    let kept = given.or_else(|| {
        (kind.has_options() && before.kind.has_options()).then(|| before.options.clone())
    });
    let mut field = CustomField {
        kind,
        options: input::options(kind, kept)?,
        target: None,
        currency: (kind == CustomKind::Money).then_some(ctx.actor.currency),
        default: None,
        ..before.clone()
    };
    if let Some(default) = &before.default {
        field.default = input::default(&field, &carried(kind, default), ctx.actor.zone)?;
    }
    Ok(field)
}

impl Records {
    /// Tells what would fail, or changes the kind and leaves the records to a job.
    pub(super) async fn convert(&self, call: &mut Call) -> Result<Answer> {
        let id = call.id("id")?;
        let wish: Wish = call.parse().await?;
        let ctx = &call.ctx;
        let row = ctx.read(async |db| found(db, id).await).await?;
        if row.converting_from.is_some() {
            return Err(conflict("converting", "The field is being converted. Wait for its end."));
        }
        let before = row.field();
        let mut field = wished(ctx, &before, &wish)?;
        let (kind, target) = (field.kind, wish.target.as_deref());
        field.target = ctx.read(async |db| self.target(db, kind, target).await).await?;
        let found = self.look_through(ctx, &field).await?;
        if wish.dry_run == Some(true) {
            return Answer::json(&report(&found, None));
        }
        if found.failing > 0 && wish.on_fail != Some(OnFail::Clear) {
            let why = format!("{} of {} values do not fit.", found.failing, found.values);
            let error = conflict(
                "unconvertible",
                why + " A dry run lists them; onFail: clear takes them away.",
            );
            return Err(error.and("/kind", format!("does not fit {} values", found.failing)));
        }
        let after = ctx.write(async |db| begin(ctx, db, (&before, &field)).await).await?;
        self.forget_custom_fields(ctx);
        Ok(Answer::json(&report(&found, Some(&after)))?
            .accepted(&format!("/api/custom-fields/{id}")))
    }

    async fn look_through(&self, ctx: &Ctx, field: &CustomField) -> Result<Findings> {
        let shape = self.shape_named(&field.object)?;
        let mut findings = Findings::default();
        let mut from = None;
        loop {
            let (page, named) = ctx
                .read(async |db| {
                    let page = values(db, &shape, field, from).await?;
                    let named = self.named_by(db, field, &page).await?;
                    Ok((page, named))
                })
                .await?;
            for (record, value) in &page {
                findings.values += 1;
                if let Err(error) = field.converted(value, (ctx, &named)) {
                    findings.failing += 1;
                    if findings.told.len() < MOST_TOLD {
                        let why = error.problems().first().map_or("", |place| &place.message);
                        findings.told.push(json!({ "id": record, "value": value, "reason": why }));
                    }
                }
            }
            from = page.last().map(|(record, _)| *record);
            if (page.len() as u64) < READ_AT_ONCE {
                return Ok(findings);
            }
        }
    }

    async fn convert_all(&self, attempt: &Attempt, id: Id) -> Result<()> {
        let row = attempt.read(async |db| found(db, id).await).await;
        let field = match row {
            Ok(row) => row.field(),
            // It was deleted meanwhile, with all its values.
            Err(error) if error.code() == "not_found" => return Ok(()),
            Err(error) => return Err(error),
        };
        let shape = self.shape_named(&field.object)?;
        let (mut from, mut cleared) = (None, 0_u64);
        loop {
            let (last, lost) = self.convert_some(attempt, &shape, (&field, from)).await?;
            cleared += lost;
            if last.is_none() {
                break;
            }
            from = last;
        }
        attempt
            .write(async |db| {
                let update = Update::table("custom_fields").whose("id", id);
                db.update(update.set("converting_from", Value::Null)).await?;
                let told = json!({ "after": { "kind": field.kind.name(), "cleared": cleared } });
                tell(attempt, db, ("converted", id), &told)?;
                jobs::finish(attempt, db).await
            })
            .await
    }

    /// Rewrites some records; says which was the last and how many values were lost.
    async fn convert_some(
        &self,
        ctx: &Ctx,
        shape: &Shape,
        (field, from): (&CustomField, Option<Id>),
    ) -> Result<(Option<Id>, u64)> {
        let mut attempts = Attempts::new();
        loop {
            let done = ctx
                .write(async |db| {
                    let mut page = values(db, shape, field, from).await?;
                    page.truncate(usize::try_from(AT_ONCE).unwrap_or(50));
                    let named = self.named_by(db, field, &page).await?;
                    let mut lost = 0;
                    for (record, value) in &page {
                        let converted = field.converted(value, (ctx, &named)).unwrap_or(Json::Null);
                        lost += u64::from(converted.is_null());
                        self.convert_one(ctx, db, shape, (field, *record, converted)).await?;
                    }
                    Ok((page.last().map(|(record, _)| *record), lost))
                })
                .await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }

    async fn convert_one(
        &self,
        ctx: &Ctx,
        db: &Write,
        shape: &Shape,
        (field, record, value): (&CustomField, Id, Json),
    ) -> Result<()> {
        let key = field.id.to_string();
        let set = |values: &mut Record| {
            if value.is_null() {
                values.remove(&key);
            } else {
                values.insert(key.clone(), value.clone());
            }
        };
        self.rewrite(ctx, db, shape, (record, &set)).await?;
        let of = |table| Delete::from(table).whose("record_id", record);
        db.delete(of("links").whose("relation", key.as_str())).await?;
        db.delete(of("custom_values").whose("field_id", field.id)).await?;
        if value.is_null() {
            return Ok(());
        }
        store_values(db, record, &[(field, value)], (reading(ctx), true)).await
    }
}

/// The kind is the new one at once; a job rewrites the records when every node has heard of it.
async fn begin(
    ctx: &Ctx,
    db: &Write,
    (before, field): (&CustomField, &CustomField),
) -> Result<Json> {
    if found(db, field.id).await?.field() != *before {
        return Err(conflict("contended", "The field was changed at the same time."));
    }
    save(db, field).await?;
    let update = Update::table("custom_fields").whose("id", field.id);
    db.update(update.set("converting_from", before.kind.name())).await?;
    let due = ctx.now().plus_seconds(2 * i64::try_from(CACHED.as_secs()).unwrap_or(3));
    jobs::enqueue_at(ctx, db, &ConvertField { field: field.id }, due)?;
    let told = json!({ "before": described(before), "after": described(field) });
    tell(ctx, db, ("updated", field.id), &told)?;
    found(db, field.id).await.map(shown)
}

/// The values of a field as they are shown, in the order of their records, deleted ones too.
async fn values(
    db: &Read,
    shape: &Shape,
    field: &CustomField,
    from: Option<Id>,
) -> Result<Vec<(Id, Json)>> {
    let mut select = shape
        .object
        .rows()
        .show(&["id", "custom"])
        .only(of_field(field, None))
        .by("id", false)
        .at_most(READ_AT_ONCE);
    if let Some(from) = from {
        select = select.only(Condition::Compare("id", Comparison::Greater, from.into()));
    }
    let key = field.id.to_string();
    let mut found = Vec::new();
    db.each(&select, |row| {
        let stored: Record =
            row.json(1)?.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let value = stored.get(&key).cloned().unwrap_or(Json::Null);
        found.push((row.id(0)?.unwrap_or_default(), value));
        Ok(())
    })
    .await?;
    Ok(found)
}

fn report(found: &Findings, field: Option<&Json>) -> Json {
    json!({ "values": found.values, "failing": found.failing, "failures": found.told, "field": field })
}
