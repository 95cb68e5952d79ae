//! Links: whatever points at a record that goes is turned to the one that stays, wherever descriptions say there is a link.

use std::collections::{BTreeMap, HashMap, HashSet};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, conflict};
use kith_platform::Ctx;
use kith_store::{Condition, Insert, Read, Select, Value, Write, equals};
use serde_json::{Value as Json, json};

use super::{Wish, tell};
use crate::{
    Records,
    catalog::Shape,
    custom::{CustomField, CustomKind, store_values},
    describe::{Field, Kind, Object, Record},
};

/// Links that one merge turns: it holds the writer while it does.
const MOST_MOVES: usize = 2_000;
const ROWS_AT_ONCE: usize = 400;
/// Records above a record that are looked at for a circle.
const DEEPEST: usize = 20;

/// A link that was turned.
#[derive(Clone)]
pub(super) struct Move {
    pub(super) object: &'static Object,
    pub(super) record: Id,
    /// The key of a field, or the id of a custom one.
    pub(super) field: String,
    pub(super) from: Id,
}

/// A field, the records in which it is turned, and where to.
pub(super) struct Turn<'a> {
    pub(super) shape: &'a Shape,
    pub(super) field: &'a Field,
    pub(super) records: Vec<(Id, Id)>,
}

impl Records {
    /// Turns every link from the others to the record that stays.
    pub(super) async fn turn_links(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (merge, wish): (Id, &Wish),
    ) -> Result<Vec<Move>> {
        let mut moved: Vec<Move> = Vec::new();
        for shape in self.shapes() {
            for field in shape.fields.iter().filter(|field| points_at(field, object)) {
                let records = pointing(db, shape, field, (wish, MOST_MOVES - moved.len())).await?;
                moved.extend(records.iter().map(|(record, from)| Move {
                    object: shape.object,
                    record: *record,
                    field: field.key.to_owned(),
                    from: *from,
                }));
                let turn = Turn { shape, field, records };
                turn_to(ctx, db, &turn, (merge, &|_| wish.primary)).await?;
            }
            for field in &self.custom_fields(db, shape.object).await? {
                if field.kind == CustomKind::Link && field.target.as_deref() == Some(object.name) {
                    let room = MOST_MOVES - moved.len();
                    for (record, from) in pointing_custom(db, field, (wish, room)).await? {
                        self.turn_custom(ctx, db, (shape, field), (record, wish.primary)).await?;
                        let field = field.id.to_string();
                        moved.push(Move { object: shape.object, record, field, from });
                    }
                }
            }
        }
        Ok(moved)
    }

    /// Writes a custom link anew where it is shown, filtered and followed.
    pub(super) async fn turn_custom(
        &self,
        ctx: &Ctx,
        db: &Write,
        (shape, field): (&Shape, &CustomField),
        (record, to): (Id, Id),
    ) -> Result<()> {
        let key = field.id.to_string();
        let change = |values: &mut Record| {
            values.insert(key.clone(), json!(to));
        };
        self.rewrite(ctx, db, shape, (record, &change)).await?;
        let deleted = shape
            .object
            .rows()
            .whose("id", record)
            .only(Condition::Not(Box::new(Condition::Null("deleted_at"))));
        // What is deleted holds no unique value.
        let unique = field.unique && !db.exists(deleted).await?;
        let field = CustomField { unique, ..field.clone() };
        let reading = crate::change::reading(ctx, None);
        store_values(db, record, &[(&field, json!(to))], (reading, false)).await
    }

    /// Refuses what would make a record stand above itself: the one that stays may not stand beneath one that goes.
    pub(super) async fn refuse_circle(&self, db: &Write, shape: &Shape, wish: &Wish) -> Result<()> {
        if shape.fields.iter().any(|field| points_at(field, shape.object)) {
            // Others may be about to put the one above the other.
            db.one_at_a_time(shape.object.name).await?;
        }
        for field in shape.fields.iter().filter(|field| points_at(field, shape.object)) {
            let mut at = Some(wish.primary);
            for _ in 0..=DEEPEST {
                let Some(id) = at else { break };
                at = above(db, shape, field, id).await?;
                if at.is_some_and(|id| wish.others.contains(&id)) {
                    return Err(circular(shape.object, field.key));
                }
            }
        }
        for field in &self.custom_fields(db, shape.object).await? {
            let own = Select::from("links")
                .whose("record_id", wish.primary)
                .whose("relation", field.id.to_string())
                .only(Condition::In("target_id", ids(&wish.others)));
            if field.target.as_deref() == Some(shape.object.name) && db.exists(own).await? {
                return Err(circular(shape.object, &field.key()));
            }
        }
        Ok(())
    }
}

fn circular(object: &Object, key: &str) -> Error {
    let why = format!(
        "By its {key} the {} that stays belongs to one that goes, and would belong to itself. Merge the other way round, or change {key} first.",
        object.name
    );
    conflict("circular", why)
}

async fn above(db: &Read, shape: &Shape, field: &Field, id: Id) -> Result<Option<Id>> {
    let mut above = None;
    let select = shape.object.rows().show(&[field.column]).whose("id", id);
    db.each(&select, |row| {
        above = row.id(0)?;
        Ok(())
    })
    .await?;
    Ok(above)
}

/// Takes out what would come to stand above itself: where it came from may stand beneath it by now.
pub(super) async fn leave_circles(
    db: &Write,
    (shape, field): (&Shape, &Field),
    (turned, home): (&mut HashSet<Id>, &HashMap<Id, Id>),
) -> Result<()> {
    db.one_at_a_time(shape.object.name).await?;
    for from in home.values().copied().collect::<HashSet<Id>>() {
        let mut at = Some(from);
        for _ in 0..=DEEPEST {
            let Some(id) = at else { break };
            if home.get(&id) == Some(&from) {
                turned.remove(&id);
            }
            at = above(db, shape, field, id).await?;
        }
    }
    Ok(())
}

fn ids(all: &[Id]) -> Vec<Value> {
    all.iter().copied().map(Value::from).collect()
}

/// Whether a field may point at records of an object.
pub(super) fn points_at(field: &Field, object: &Object) -> bool {
    match field.kind {
        Kind::Link(name, _) => name == object.name,
        Kind::Related => true,
        Kind::Text
        | Kind::LongText
        | Kind::Json
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Integer(..)
        | Kind::Number
        | Kind::Money
        | Kind::Currency
        | Kind::Date
        | Kind::Time
        | Kind::Bool
        | Kind::Choice(_)
        | Kind::Id
        | Kind::Labels => false,
    }
}

/// The records that point at one that goes, deleted ones too, and at which.
async fn pointing(
    db: &Read,
    shape: &Shape,
    field: &Field,
    (wish, room): (&Wish, usize),
) -> Result<Vec<(Id, Id)>> {
    let select = shape
        .object
        .rows()
        .show(&["id", field.column])
        .only(Condition::In(field.column, ids(&wish.others)));
    found(db, select, room).await
}

async fn pointing_custom(
    db: &Read,
    field: &CustomField,
    (wish, room): (&Wish, usize),
) -> Result<Vec<(Id, Id)>> {
    let select = Select::from("links")
        .show(&["record_id", "target_id"])
        .only(Condition::In("target_id", ids(&wish.others)))
        .only(equals("relation", field.id.to_string()));
    found(db, select, room).await
}

async fn found(db: &Read, select: Select, room: usize) -> Result<Vec<(Id, Id)>> {
    let mut found: Vec<(Id, Id)> = Vec::new();
    db.each(&select.at_most(room as u64 + 1), |row| {
        found.extend(row.id(0)?.zip(row.id(1)?));
        Ok(())
    })
    .await?;
    if found.len() <= room {
        return Ok(found);
    }
    let why = format!(
        "More than {MOST_MOVES} records point at those that go. Let some of them point at the one that stays first, by bulk changes."
    );
    Err(Error::new(ErrorKind::Invalid, "too_many_links", why))
}

/// Turns a field of records, and tells of each.
pub(super) async fn turn_to(
    ctx: &Ctx,
    db: &Write,
    turn: &Turn<'_>,
    (merge, to): (Id, &(dyn Fn(Id) -> Id + Sync)),
) -> Result<()> {
    let mut by_target: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for (record, from) in &turn.records {
        by_target.entry(to(*from)).or_default().push(*record);
    }
    for (target, records) in by_target {
        for some in records.chunks(ROWS_AT_ONCE) {
            let update = turn
                .shape
                .object
                .change()
                .set(turn.field.column, target)
                .set("updated_at", ctx.now())
                .plus("version", 1);
            db.update(update.only(Condition::In("id", ids(some)))).await?;
        }
    }
    for (record, from) in &turn.records {
        let key = turn.field.key;
        let changes = json!({ "before": { key: from }, "after": { key: to(*from) } });
        tell(ctx, db, (turn.shape.object, "updated", *record), (merge, &changes))?;
    }
    Ok(())
}

pub(super) async fn note(db: &Write, merge: Id, moved: &[Move]) -> Result<()> {
    const COLUMNS: [&str; 5] = ["merge_id", "record_id", "field", "object", "from_id"];
    for some in moved.chunks(ROWS_AT_ONCE) {
        let rows = some.iter().map(|one| {
            let field = one.field.as_str().into();
            vec![merge.into(), one.record.into(), field, one.object.name.into(), one.from.into()]
        });
        db.insert(Insert::rows("merge_moves", COLUMNS.to_vec(), rows.collect())).await?;
    }
    Ok(())
}

/// How many records of each kind were turned.
pub(super) fn counts(moved: &[Move]) -> Json {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in moved {
        *counts.entry(one.object.plural).or_default() += 1;
    }
    json!(counts)
}
