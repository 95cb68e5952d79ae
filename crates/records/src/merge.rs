//! Merging: records that are one become one, with all that points at them, and can be parted again.
//!
//! Everything happens in one transaction and is written down: what changed of the record that stays, and every link that
//! was turned from one record to another. Parting reads that journal backwards.

mod fill;
mod moves;
mod part;
mod routes;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, invalid};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::{
    Insert, Json as StoredJson, Migration, Step, Table, Value, Write, id, json, text, time,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{Manner, Records, catalog::Shape, describe::Object, merged};

pub use routes::{merge_routes, merge_schemas};

/// No more records than this become one at once.
const MOST_OTHERS: usize = 20;

/// What is to be merged.
#[derive(Debug, Clone)]
struct Wish {
    primary: Id,
    others: Vec<Id>,
}

/// A merge as it is stored.
#[derive(Debug, Deserialize)]
struct Stored {
    id: Id,
    object: String,
    primary_id: Id,
    others: StoredJson<Vec<Id>>,
    changes: StoredJson<Changes>,
    undone_at: Option<kith_kernel::Time>,
}

/// What a merge did to the record that stays: fields by their keys, custom ones by their ids.
#[derive(Debug, Default, Deserialize)]
struct Changes {
    fields: Map<String, Json>,
    custom: Map<String, Json>,
    labels: Vec<String>,
}

pub(crate) fn migration() -> Migration {
    let merges = Table::of_tenant(
        "merges",
        vec![
            text("object").required(),
            id("primary_id").required().references("anchors"),
            json("others").required(),
            json("changes").required(),
            id("created_by"),
            time("created_at").required(),
            time("undone_at"),
        ],
    );
    let moves = Table::of_tenant_keyed(
        "merge_moves",
        &["merge_id", "record_id", "field"],
        vec![
            id("merge_id").required().references("merges"),
            id("record_id").required().references("anchors"),
            text("field").required(),
            text("object").required(),
            id("from_id").required().references("anchors"),
        ],
    )
    .clustered();
    let steps = [merges, moves, merged::table()].into_iter().map(Step::Create).collect();
    Migration { name: "2026-11-21-merges", steps }
}

impl Wish {
    fn checked(&self) -> Result<()> {
        if self.others.is_empty() {
            return Err(invalid("otherIds", "names no record"));
        }
        if self.others.len() > MOST_OTHERS {
            return Err(invalid("otherIds", format!("names more than {MOST_OTHERS} records")));
        }
        for (at, id) in self.others.iter().enumerate() {
            let field = format!("otherIds.{at}");
            if *id == self.primary {
                return Err(invalid(&field, "is the record that stays"));
            }
            if self.others[..at].contains(id) {
                return Err(invalid(&field, "is given twice"));
            }
        }
        Ok(())
    }
}

impl Records {
    /// Makes one record of several and says what that changed.
    ///
    /// # Errors
    /// `NotFound` for the record that stays, `Invalid` for others that are not there, `Conflict` where a record would
    /// come to stand above itself.
    async fn merge(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        wish: &Wish,
    ) -> Result<Json> {
        let shape = self.shape(object)?;
        let before = self.current(ctx, db, &shape, wish.primary, false).await?;
        let mut others = Vec::with_capacity(wish.others.len());
        for (at, id) in wish.others.iter().enumerate() {
            let other = self.current(ctx, db, &shape, *id, false).await;
            others.push(other.map_err(|error| missing(object, at, error))?);
        }
        self.refuse_circle(db, &shape, wish).await?;
        let merge = ctx.new_id();
        let ctx = &ctx.in_batch(merge);
        let input = self.filled(db, &shape, (wish, &before, &others)).await?;
        let moved = self.turn_links(ctx, db, object, (merge, wish)).await?;
        for id in &wish.others {
            self.delete(ctx, db, object, (*id, Manner::HOUSE)).await?;
        }
        let change = (wish.primary, input, Manner::HOUSE);
        let record = self.update(ctx, db, object, change).await?;
        let after = self.current(ctx, db, &shape, wish.primary, false).await?;
        let changes = fill::changes(&before, &after);
        note(ctx, db, (object, merge), (wish, &changes)).await?;
        moves::note(db, merge, &moved).await?;
        let counts = moves::counts(&moved);
        tell(
            ctx,
            db,
            (object, "merged", wish.primary),
            (
                merge,
                &json!({
                    "after": { "mergeId": merge, "otherIds": wish.others, "moved": counts },
                }),
            ),
        )?;
        Ok(json!({
            "mergeId": merge, object.name: record, "otherIds": wish.others,
            "fields": changes["fields"].as_object().map(|fields| fields.keys().collect::<Vec<_>>()),
            "moved": counts, "dryRun": false,
        }))
    }
}

fn missing(object: &Object, at: usize, error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let why = match error.code() {
        "merged" => format!("was merged into another {} already", object.name),
        _ => format!("is no {} of yours", object.name),
    };
    invalid(&format!("otherIds.{at}"), why).coded("unknown_link")
}

async fn note(
    ctx: &Ctx,
    db: &Write,
    (object, merge): (&Object, Id),
    (wish, changes): (&Wish, &Json),
) -> Result<()> {
    let row = vec![
        ("id", merge.into()),
        ("object", object.name.into()),
        ("primary_id", wish.primary.into()),
        ("others", Value::from(&json!(wish.others))),
        ("changes", Value::from(changes)),
        ("created_by", ctx.actor.member.into()),
        ("created_at", ctx.now().into()),
    ];
    db.insert(Insert::row("merges", row)).await?;
    let rows = wish.others.iter().map(|id| vec![(*id).into(), merge.into(), wish.primary.into()]);
    let columns = vec!["record_id", "merge_id", "primary_id"];
    db.insert(Insert::rows("merged_records", columns, rows.collect())).await.map(drop)
}

fn tell(
    ctx: &Ctx,
    db: &Write,
    (object, what, record): (&'static Object, &str, Id),
    (merge, changes): (Id, &Json),
) -> Result<()> {
    let event = Event {
        name: format!("{}.{what}", object.name),
        object: object.name,
        record: Some(record),
        changes: Some(changes.to_string()),
        batch: Some(merge),
    };
    events::append(ctx, db, event).map(drop)
}

/// Keys of a record that a merge leaves alone.
fn is_kept(shape: &Shape, key: &str) -> bool {
    const OWN: [&str; 5] = ["version", "createdAt", "updatedAt", "createdBy", "deletedAt"];
    OWN.contains(&key) || shape.field(key).is_none()
}
