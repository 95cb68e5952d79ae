//! What a tenant may set: how sure one must be, and of which country telephone numbers are.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Result, Role, invalid};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_records::Records;
use kith_store::{Insert, Read, Select, Step, Table, Write, number, text};
use phonenumber::country;
use serde::Deserialize;
use serde_json::{Value as Json, json};

const PATH: &str = "/api/duplicates/settings";
const TAG: &str = "duplicates";

/// What was measured, and why this one: docs/duplicates.md.
pub(super) const THRESHOLD: f64 = 0.5;
const LEAST: f64 = 0.05;
const MOST: f64 = 0.99;
const HOME: country::Id = country::Id::BR;

/// What holds for a tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) threshold: f64,
    pub(super) home: country::Id,
}

#[derive(Deserialize)]
struct Stored {
    threshold: f64,
    country: String,
}

#[derive(Deserialize)]
struct Changes {
    threshold: Option<f64>,
    country: Option<String>,
}

pub(super) fn table() -> Step {
    let columns =
        vec![text("name").required(), number("threshold").required(), text("country").required()];
    Step::Create(Table::of_tenant_keyed("duplicate_settings", &["name"], columns))
}

impl Settings {
    pub(super) async fn of(db: &Read) -> Result<Self> {
        let stored: Option<Stored> =
            db.first(Select::from("duplicate_settings").whose("name", "all")).await?;
        Ok(match stored {
            Some(stored) => {
                Self { threshold: stored.threshold, home: stored.country.parse().unwrap_or(HOME) }
            }
            None => Self { threshold: THRESHOLD, home: HOME },
        })
    }

    fn shown(self) -> Json {
        json!({ "threshold": self.threshold, "country": self.home.as_ref() })
    }
}

/// A threshold that a caller gives.
pub(super) fn threshold(given: f64) -> Result<f64> {
    if (LEAST..=MOST).contains(&given) {
        return Ok(given);
    }
    Err(invalid("threshold", format!("must be from {LEAST} to {MOST}")))
}

pub(super) fn threshold_schema() -> schema::Schema {
    json!({ "type": "number", "minimum": LEAST, "maximum": MOST, "description": "How sure one must be." })
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let settings = schema::object(
        vec![("threshold", threshold_schema()), ("country", country_schema())],
        &["threshold", "country"],
    );
    vec![("DuplicateSettings".to_owned(), settings)]
}

fn country_schema() -> schema::Schema {
    schema::described(
        json!({ "type": "string", "pattern": "^[A-Za-z]{2}$" }),
        "Of telephone numbers that name none: two letters, as in ISO 3166.",
    )
}

pub(super) fn routes(_records: &Arc<Records>) -> Routes {
    let named = || schema::named("DuplicateSettings");
    let read = Operation::get(PATH, TAG, "How duplicates are told").scope(TAG, "read").answers(
        200,
        "What holds for the tenant.",
        named(),
    );
    let patch = Operation::patch(PATH, TAG, "Set how sure one must be, and the country of numbers")
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Changes>(schema::object(
            vec![
                ("threshold", schema::nullable(threshold_schema())),
                ("country", schema::nullable(country_schema())),
            ],
            &[],
        ))
        .answers(200, "What holds from now on.", named());
    Routes::new()
        .add(read, |call| async move { Answer::json(&call.ctx.read(Settings::of).await?.shown()) })
        .add(patch, change)
}

async fn change(mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let given: Changes = body.parse()?;
    let wanted = given.threshold.map(threshold).transpose()?;
    let unknown = || invalid("country", "is no country of the ISO's list");
    let home = given.country.map(|name| name.to_uppercase().parse().map_err(|_| unknown()));
    let home: Option<country::Id> = home.transpose()?;
    let ctx = &call.ctx;
    call.write(&body, async |db| {
        let before = Settings::of(db).await?;
        let after = Settings {
            threshold: wanted.unwrap_or(before.threshold),
            home: home.unwrap_or(before.home),
        };
        store(ctx, db, (before, after)).await?;
        Answer::json(&after.shown())
    })
    .await
}

async fn store(ctx: &Ctx, db: &Write, (before, after): (Settings, Settings)) -> Result<()> {
    let row = Insert::row(
        "duplicate_settings",
        vec![
            ("name", "all".into()),
            ("threshold", after.threshold.into()),
            ("country", after.home.as_ref().into()),
        ],
    );
    db.insert(row.or_replace(&["name"], &["threshold", "country"])).await?;
    let changes = json!({ "before": before.shown(), "after": after.shown() });
    let event = Event {
        name: "duplicateSettings.updated".to_owned(),
        object: "duplicateSettings",
        record: None,
        changes: Some(changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}
