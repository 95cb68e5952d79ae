//! Rollups: how many records there are of each kind, and what their amounts sum up to, kept by a reader of events.
//!
//! An event says which record changed, and the record itself says what it counts for now; what it counted for before
//! stands in `rollup_parts`. So nothing is counted twice or missed, in whichever order the events of a record are sealed,
//! and imports, deletions, undoing and merging need no rules of their own.

pub(crate) mod inbox;
mod parts;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::BoxFuture;
use kith_kernel::{Id, Result, Time};
use kith_platform::{
    Ctx,
    events::readers::{Happened, Reader},
};
use kith_store::{
    Condition, Delete, Insert, Migration, Read, Select, Step, Table, Value, Write, id, in_sizes,
    integer, padded, text,
};

use self::parts::{COUNTED, Counted, Part};

/// The name of the reader.
pub(crate) const READER: &str = "rollups";
/// The slot of what is of no time.
pub(crate) const ALWAYS: i64 = -1;
/// Sums are kept in two whole numbers of this base, so that none of them can overflow.
pub(crate) const BASE: i64 = 1_000_000_000;
/// Rows that are forgotten in one write.
const PIECE: u64 = 500;
/// A slot is a quarter of an hour: days and months of every time zone begin with one.
const SLOT_MILLISECONDS: i64 = 15 * 60 * 1000;
/// What is of a time is counted by whole days (UTC) as well, so that a month is some thirty rows and its two ends.
pub(crate) const SLOTS_OF_A_DAY: i64 = 24 * 4;

/// Keeps the rollups. Its version changes with what is counted.
pub fn reader() -> Reader {
    Reader { name: READER, version: 3, take, forget }
}

/// The measure that counts by days what another counts by slots.
pub(crate) fn by_day(measure: &str) -> String {
    format!("{measure}/day")
}

/// The slot that an instant falls in.
pub(crate) fn slot(at: Time) -> i64 {
    at.milliseconds().div_euclid(SLOT_MILLISECONDS)
}

/// When a slot begins.
pub(crate) fn begins(slot: i64) -> Time {
    Time::from_milliseconds(slot.saturating_mul(SLOT_MILLISECONDS))
}

/// The tables of the rollups.
pub fn migrations() -> Vec<Migration> {
    let rollups = vec![
        text("measure").required(),
        text("object").required(),
        integer("slot").required(),
        text("key").required(),
        integer("count").required(),
        integer("sum_high").required(),
        integer("sum_low").required(),
    ];
    let rollups = Table::of_tenant_keyed("rollups", &KEY, rollups).clustered().stays();
    let parts = vec![id("record_id").required(), text("parts").required()];
    let parts = Table::of_tenant_keyed("rollup_parts", &["record_id"], parts).clustered().stays();
    vec![Migration {
        name: "2026-11-22-rollups",
        steps: vec![Step::Create(rollups), Step::Create(parts)],
    }]
}

const KEY: [&str; 4] = ["measure", "object", "slot", "key"];
const SUMS: [&str; 3] = ["count", "sum_high", "sum_low"];

/// Where something is counted: measure, object, slot, key.
type Place = (String, &'static str, i64, String);

/// What is to be added to the rollups.
#[derive(Default)]
struct Sums(BTreeMap<Place, (i64, i64, i64)>);

impl Sums {
    fn add(&mut self, counted: &Counted, parts: &str, sign: i64) {
        for part in Part::read(parts) {
            let mut add = |measure, slot, key| {
                let sum = self.0.entry((measure, counted.object, slot, key));
                let (count, high, low) = sum.or_default();
                *count += sign;
                *high += sign * part.sum.div_euclid(BASE);
                *low += sign * part.sum.rem_euclid(BASE);
            };
            if part.slot != ALWAYS {
                let day = part.slot.div_euclid(SLOTS_OF_A_DAY);
                add(by_day(&part.measure), day, part.key.clone());
            }
            add(part.measure, part.slot, part.key);
        }
    }

    /// In one order, so that two that wait for each other's rows cannot be.
    fn rows(self) -> Vec<Vec<Value>> {
        let changed = self.0.into_iter().filter(|(_, sum)| *sum != (0, 0, 0));
        changed
            .map(|((measure, object, slot, key), (count, high, low))| {
                vec![
                    measure.into(),
                    object.into(),
                    slot.into(),
                    key.into(),
                    count.into(),
                    high.into(),
                    low.into(),
                ]
            })
            .collect()
    }
}

fn take<'a>(_: &'a Ctx, db: &'a Write, events: &'a [Happened]) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (mut sums, mut changed, mut gone) = (Sums::default(), Vec::new(), Vec::new());
        for counted in &COUNTED {
            let ids = concerned(db, counted, events).await?;
            if ids.is_empty() {
                continue;
            }
            let (was, mut is) = (before(db, &ids).await?, parts::now(db, counted, &ids).await?);
            for id in ids {
                let (old, new) = (was.get(&id), is.remove(&id));
                if old == new.as_ref() {
                    continue;
                }
                if let Some(old) = old {
                    sums.add(counted, old, -1);
                }
                match new {
                    Some(new) => {
                        sums.add(counted, &new, 1);
                        changed.push(vec![id.into(), new.into()]);
                    }
                    None => gone.push(id),
                }
            }
        }
        write(db, (sums, changed, &gone)).await
    })
}

/// The records of a kind that the events tell of: by their own, and by those of what belongs to them.
async fn concerned(db: &Read, counted: &Counted, events: &[Happened]) -> Result<Vec<Id>> {
    let told = |object: &str| -> BTreeSet<Id> {
        let of_object = events.iter().filter(|event| event.object == object);
        of_object.filter_map(|event| event.record_id).collect()
    };
    let mut ids = told(counted.object);
    if let Some(within) = &counted.told_by {
        let inner: Vec<Id> = told(within.object).into_iter().collect();
        let select = Select::from(within.plural).show(&[within.column]);
        if !inner.is_empty() {
            db.each(&select.whose_each("id", inner), |row| {
                ids.extend(row.id(0)?);
                Ok(())
            })
            .await?;
        }
    }
    Ok(ids.into_iter().collect())
}

async fn write(db: &Write, (sums, changed, gone): (Sums, Vec<Vec<Value>>, &[Id])) -> Result<()> {
    if !gone.is_empty() {
        let gone = Condition::In("record_id", padded(gone));
        db.delete(Delete::from("rollup_parts").only(gone)).await?;
    }
    in_sizes(changed).try_for_each(|rows| {
        let row = Insert::rows("rollup_parts", vec!["record_id", "parts"], rows);
        db.append(row.or_replace(&["record_id"], &["parts"]))
    })?;
    in_sizes(sums.rows()).try_for_each(|rows| {
        let columns = KEY.into_iter().chain(SUMS).collect();
        db.append(Insert::rows("rollups", columns, rows).or_add(&KEY, &SUMS))
    })
}

/// What the records counted for until now.
async fn before(db: &Write, ids: &[Id]) -> Result<HashMap<Id, String>> {
    let mut found = HashMap::new();
    let select = Select::from("rollup_parts").show(&["record_id", "parts"]);
    db.each(&select.whose_each("record_id", ids), |row| {
        let parts = row.text(1)?.unwrap_or_default().to_owned();
        found.insert(row.id(0)?.unwrap_or_default(), parts);
        Ok(())
    })
    .await?;
    Ok(found)
}

fn forget(db: &Write) -> BoxFuture<'_, Result<bool>> {
    Box::pin(async move {
        for (table, column) in [("rollup_parts", "record_id"), ("rollups", "slot")] {
            let piece = Select::from(table).show(&[column]).at_most(PIECE);
            let piece = Condition::Among(column, Box::new(piece));
            if db.delete(Delete::from(table).only(piece)).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    })
}
