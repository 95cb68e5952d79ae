//! Changes: create, update, delete, restore; one pipeline, in one order, for every object.
//!
//! May I (decided before) → known fields → defaults → kinds → `derive` → required → `check` → links → save → event →
//! search → labels → `after` → answer.

mod check;
mod end;
mod input;
mod put;
mod rewrite;
mod save;
mod saved;
mod tell;
mod upsert;

use std::sync::Arc;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_platform::{Ctx, anchors};
use kith_store::{Condition, Read, Write};
use serde_json::Value as Json;

use crate::{
    Records,
    catalog::Shape,
    custom::{self, CustomField, store_values},
    describe::{Change, Desk, Object, Record, What, value_of},
    encode, erased, labels, merged,
    values::Reading,
};

pub(crate) use put::PutBack;
pub(crate) use saved::Saved;
pub use upsert::Upserted;

/// A record as it is stored.
pub(crate) struct Current {
    pub(crate) record: Record,
    pub(crate) custom: Record,
    pub(crate) version: i64,
}

/// What a caller gave, sorted into built-in and custom fields.
pub(crate) struct Given {
    fields: Record,
    custom: Vec<(usize, Json)>,
}

/// A new record that was checked and is not written yet.
pub(crate) struct Draft {
    shape: Arc<Shape>,
    change: Change,
    custom: Vec<CustomField>,
    values: Vec<(usize, Json)>,
    reading: Reading,
}

/// How a change is to be made.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a wish of its own, most are given by none"
)]
pub struct Manner {
    /// The version that the caller saw; another one is refused.
    pub expected: Option<i64>,
    /// Nobody waits for the row itself: a value that is taken is told with the commit.
    pub deferred: bool,
    /// The links are known: they were looked up in this transaction, or what they lead to comes back with the record.
    pub known_links: bool,
    /// The house writes, on behalf of who asks: what only it may write is taken as well.
    pub as_house: bool,
    /// What is given stands as it is, whatever would follow from it otherwise: something is taken back.
    pub exact: bool,
}

impl Manner {
    /// The house writes, on behalf of who asks.
    pub const HOUSE: Self =
        Self { expected: None, deferred: false, known_links: false, as_house: true, exact: false };
    /// The same, of links that it looked up itself.
    pub const HOUSE_KNOWS: Self = Self { known_links: true, ..Self::HOUSE };
}

impl Records {
    /// Makes a record and answers with it.
    pub async fn create(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        input: Record,
    ) -> Result<(Id, Record)> {
        self.create_in(ctx, db, object, (input, Manner::default())).await
    }

    /// The same, in a manner.
    pub async fn create_in(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (input, manner): (Record, Manner),
    ) -> Result<(Id, Record)> {
        let saved = self.create_saved(ctx, db, object, (input, manner)).await?;
        Ok((saved.id, saved.answer()))
    }

    /// The same, with an answer that is not made yet.
    pub(crate) async fn create_saved(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (input, manner): (Record, Manner),
    ) -> Result<Saved> {
        let draft = self.draft(ctx, db, object, (input, manner)).await?;
        self.save_draft(ctx, db, object, (draft, manner)).await
    }

    /// A new record with everything checked and nothing written.
    pub(crate) async fn draft(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (input, manner): (Record, Manner),
    ) -> Result<Draft> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let reading = reading(ctx, input.get("currency"));
        let mut given = input::sort(&shape, &custom, input, (None, reading, manner.as_house))?;
        let mut after = Record::with_capacity(shape.fields.len());
        after.extend(given.fields.iter().map(|(key, value)| (key.clone(), value.clone())));
        fill_defaults(&shape, &mut after, reading)?;
        after.retain(|_, value| !value.is_null());
        let id = ctx.new_id();
        let mut change =
            Change { what: What::Created, id, before: None, after, given: given.fields };
        self.settle(ctx, db, object, &mut change).await?;
        check_required(&shape, &change.after)?;
        custom::fill_defaults(&custom, &mut given.custom);
        custom::check_required(&custom, &given.custom, true)?;
        object.rules.check(&change)?;
        if !manner.known_links {
            self.check_links(db, &shape, &mut change).await?;
        }
        common(&mut change.after, ctx, ctx.now());
        Ok(Draft { shape, change, values: given.custom, custom, reading })
    }

    /// Writes a draft and what follows from it.
    pub(crate) async fn save_draft(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (draft, manner): (Draft, Manner),
    ) -> Result<Saved> {
        let Draft { shape, change, custom, values, reading } = draft;
        let changed: Vec<(&CustomField, Json)> = named(&custom, values);
        let values = custom::merged(Record::new(), &changed);
        self.check_custom_links(db, &changed).await?;
        anchors::add(db, change.id, object.name)?;
        save::insert((ctx, db), &shape, &change, (&values, manner)).await?;
        store_values(db, change.id, &changed, (reading, true)).await?;
        labels::store(self, ctx, db, &change).await?;
        let told = tell::Told { change: &change, custom: &changed, was: &Record::new() };
        tell::tell(ctx, db, object, &told)?;
        self.find_by(db, &shape, &change, (&values, true)).await?;
        self.follow(ctx, db, object, &change).await?;
        Ok(Saved { id: change.id, record: change.after, shape, custom, values })
    }

    /// Changes a record and answers with it as it is now.
    ///
    /// # Errors
    /// `NotFound`, `Stale` when the version is not the expected one, `Conflict` when another change got in the way.
    pub async fn update(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        change: (Id, Record, Manner),
    ) -> Result<Record> {
        Ok(self.update_in(ctx, db, object, change).await?.0.answer())
    }

    /// The same, and whether anything changed.
    #[expect(clippy::too_many_lines, reason = "the pipeline, one step a line")]
    pub(crate) async fn update_in(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (id, input, manner): (Id, Record, Manner),
    ) -> Result<(Saved, bool)> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let current = self.current(ctx, db, &shape, id, false).await?;
        refuse_stale(&current, manner.expected)?;
        let reading =
            reading(ctx, input.get("currency").or_else(|| current.record.get("currency")));
        let before = Some((id, &current.record));
        let given = input::sort(&shape, &custom, input, (before, reading, manner.as_house))?;
        let mut after = current.record.clone();
        for (key, value) in &given.fields {
            if value.is_null() {
                after.remove(key);
            } else {
                after.insert(key.clone(), value.clone());
            }
        }
        let mut change = Change {
            what: What::Updated,
            id,
            before: Some(current.record),
            after,
            given: given.fields,
        };
        self.settle(ctx, db, object, &mut change).await?;
        if manner.exact {
            restate(&mut change);
        }
        leave_archive(&mut change, manner);
        check_required(&shape, &change.after)?;
        custom::check_required(&custom, &given.custom, false)?;
        object.rules.check(&change)?;
        self.check_links(db, &shape, &mut change).await?;
        let mut changed: Vec<(&CustomField, Json)> = named(&custom, given.custom);
        changed.retain(|(field, value)| {
            current.custom.get(&field.id.to_string()).unwrap_or(&Json::Null) != value
        });
        self.check_custom_links(db, &changed).await?;
        let values = custom::merged(current.custom.clone(), &changed);
        if !differs(&change) && changed.is_empty() {
            drop(changed);
            return Ok((Saved { id, record: change.after, shape, custom, values }, false));
        }
        change.after.insert("version".to_owned(), (current.version + 1).into());
        change.after.insert("updatedAt".to_owned(), ctx.now().to_string().into());
        save::update(db, &shape, &change, (current.version, &values)).await?;
        store_values(db, id, &changed, (reading, false)).await?;
        labels::store(self, ctx, db, &change).await?;
        let told = tell::Told { change: &change, custom: &changed, was: &current.custom };
        tell::tell(ctx, db, object, &told)?;
        self.find_by(db, &shape, &change, (&values, !changed.is_empty())).await?;
        self.follow(ctx, db, object, &change).await?;
        Ok((Saved { id, record: change.after, shape, custom, values }, true))
    }

    /// Values of an event without the fields that there are no more.
    pub(crate) async fn known(
        &self,
        db: &Read,
        object: &'static Object,
        mut values: Record,
    ) -> Result<Record> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        values.retain(|key, _| match key.strip_prefix("custom.") {
            Some(name) => custom.iter().any(|field| field.name == name),
            None => shape.field(key).is_some(),
        });
        Ok(values)
    }

    /// A record as rules see it; deleted ones are not found.
    pub async fn get(
        &self,
        ctx: &Ctx,
        db: &Read,
        object: &'static Object,
        id: Id,
    ) -> Result<Record> {
        let shape = self.shape(object)?;
        Ok(self.current(ctx, db, &shape, id, false).await?.record)
    }

    pub(crate) async fn current(
        &self,
        ctx: &Ctx,
        db: &Read,
        shape: &Shape,
        id: Id,
        deleted: bool,
    ) -> Result<Current> {
        let gone = Condition::Null("deleted_at");
        let gone = if deleted { Condition::Not(Box::new(gone)) } else { gone };
        let select = shape.object.rows().show(&shape.columns).whose("id", id).only(gone);
        let mut found = None;
        db.each(&select, |row| {
            found = Some(encode::record(shape, row, ctx.actor.currency)?);
            Ok(())
        })
        .await?;
        let (mut record, custom) = match found {
            Some(found) => found,
            None if deleted => return Err(erased::gone(db, shape.object, id).await?),
            None => return Err(merged::gone(db, shape.object, id).await),
        };
        if shape.has_labels {
            let mut names = labels::of(db, &[id]).await?;
            record.insert("labels".to_owned(), Json::from(names.remove(&id).unwrap_or_default()));
        }
        let version = record.get("version").and_then(Json::as_i64).unwrap_or_default();
        Ok(Current { record, custom, version })
    }

    async fn settle(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        change: &mut Change,
    ) -> Result<()> {
        if object.rules.is_plain() {
            return Ok(());
        }
        object.rules.derive(Desk { records: self, ctx, db }, change).await?;
        change.after.retain(|_, value| !value.is_null());
        Ok(())
    }

    async fn follow(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        change: &Change,
    ) -> Result<()> {
        if object.rules.is_plain() {
            return Ok(());
        }
        object.rules.after(Desk { records: self, ctx, db }, change).await
    }
}

pub(crate) fn reading(ctx: &Ctx, currency: Option<&Json>) -> Reading {
    let named = currency.and_then(Json::as_str).and_then(|code| code.parse().ok());
    Reading { zone: ctx.actor.zone, currency: named.unwrap_or(ctx.actor.currency) }
}

fn named(custom: &[CustomField], given: Vec<(usize, Json)>) -> Vec<(&CustomField, Json)> {
    given.into_iter().map(|(at, value)| (&custom[at], value)).collect()
}

fn named_pairs(custom: &[(CustomField, Json)]) -> Vec<(&CustomField, Json)> {
    custom.iter().map(|(field, value)| (field, value.clone())).collect()
}

fn fill_defaults(shape: &Shape, after: &mut Record, reading: Reading) -> Result<()> {
    for field in &shape.fields {
        if let Some(text) = field.default
            && value_of(after, field.key).is_none_or(Json::is_null)
        {
            let value: Json = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            after.insert(field.key.to_owned(), field.canonical(&value, reading)?);
        }
    }
    if shape.has_currency && value_of(after, "currency").is_none_or(Json::is_null) {
        after.insert("currency".to_owned(), reading.currency.code().into());
    }
    Ok(())
}

fn common(after: &mut Record, ctx: &Ctx, now: kith_kernel::Time) {
    let now = Json::from(now.to_string());
    after.insert("version".to_owned(), 1.into());
    after.insert("createdAt".to_owned(), now.clone());
    after.insert("updatedAt".to_owned(), now);
    if let Some(member) = ctx.actor.member {
        after.insert("createdBy".to_owned(), member.to_string().into());
    }
}

/// What somebody takes up again is in the archive no more.
fn leave_archive(change: &mut Change, manner: Manner) {
    if !manner.as_house && change.was("archivedAt").is_some() && differs(change) {
        change.after.remove("archivedAt");
    }
}

/// What was given stands, whatever followed from it.
fn restate(change: &mut Change) {
    for (key, value) in &change.given {
        if value.is_null() {
            change.after.remove(key);
        } else {
            change.after.insert(key.clone(), value.clone());
        }
    }
}

fn check_required(shape: &Shape, after: &Record) -> Result<()> {
    let missing: Vec<_> = shape
        .fields
        .iter()
        .filter(|field| field.required && field.writable == crate::Writable::User)
        .filter(|field| {
            value_of(after, field.key)
                .is_none_or(|value| value.is_null() || value.as_str() == Some(""))
        })
        .collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let error = Error::new(ErrorKind::Invalid, "required", format!("{} is required.", first.key));
    Err(missing.iter().fold(error, |error, field| {
        error.and(format!("/{}", field.key.replace('.', "/")), "is required")
    }))
}

fn differs(change: &Change) -> bool {
    let Some(before) = &change.before else { return true };
    before.len() != change.after.len()
        || change.after.iter().any(|(key, value)| before.get(key) != Some(value))
}

fn refuse_stale(current: &Current, expected: Option<i64>) -> Result<()> {
    match expected {
        Some(version) if version != current.version => Err(Error::new(
            ErrorKind::Stale,
            "stale",
            format!(
                "The record is at version {}: read it again, then repeat your change.",
                current.version
            ),
        )),
        Some(_) | None => Ok(()),
    }
}
