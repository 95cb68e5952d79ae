//! The forecast: open deals by when they are expected to close, each weighted by how probable it is.
//!
//! A deal weighs by its own probability, else its stage's, else by half. Sums are of one currency; each number comes
//! with the rule that lists its deals.

mod count;

use kith_http::{Answer, Call, Operation, Query, Routes, schema};
use kith_kernel::{Currency, Date, Error, Id, Kind, Result};
use kith_platform::Ctx;
use serde_json::{Value as Json, json};

/// Months of a forecast at most, and unless said.
const MOST_MONTHS: u64 = 36;
const MONTHS: u64 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Month,
    Owner,
    Pipeline,
}

/// What is asked.
struct Wanted {
    group: Group,
    pipeline: Option<Id>,
    owner: Option<Id>,
    currency: Currency,
    /// The first days of the months, and of the one behind the last.
    starts: Vec<Date>,
}

pub(super) fn routes() -> Routes {
    let forecast = Operation::get(
        "/api/deals/forecast",
        "deals",
        "What open deals may bring, by month, owner or pipeline",
    )
    .alias("/api/opportunities/forecast")
    .scope("deals", "read")
    .query("months", schema::integer(), "From this month on, 1 to 36; 6 unless said.")
    .query("pipelineId", schema::id(), "Deals of one pipeline.")
    .query("ownerId", schema::string(), "Deals of one member; me for one's own.")
    .query("groupBy", schema::one_of(&["month", "owner", "pipeline"]), "By month unless said.")
    .query("currency", schema::string(), "Deals of this currency; the tenant's unless said.")
    .answers(200, "Sums, each with the rule that lists its deals.", schema::named("Forecast"));
    Routes::new().add(forecast, show)
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let number = || {
        vec![
            ("count", schema::integer()),
            ("amount", schema::number()),
            ("weighted", schema::number()),
            ("rule", schema::open_object()),
        ]
    };
    let named = || schema::object(number(), &["count", "amount", "weighted", "rule"]);
    let mut group = number();
    group.push(("month", schema::string()));
    group.push(("id", schema::nullable(schema::id())));
    group.push(("name", schema::nullable(schema::string())));
    let group = schema::object(group, &["count", "amount", "weighted", "rule"]);
    let forecast = schema::object(
        vec![
            ("currency", schema::string()),
            ("groupBy", schema::one_of(&["month", "owner", "pipeline"])),
            ("from", schema::format("date")),
            ("until", schema::described(schema::format("date"), "The first day behind it.")),
            ("data", schema::list(group)),
            ("total", named()),
            ("overdue", schema::described(named(), "Expected before this month.")),
            ("later", named()),
            ("undated", named()),
        ],
        &["currency", "groupBy", "from", "until", "data", "total", "overdue", "later", "undated"],
    );
    vec![("Forecast".to_owned(), forecast)]
}

async fn show(call: Call) -> Result<Answer> {
    let query = call.query()?;
    let ctx = &call.ctx;
    let wanted = Wanted::read(ctx, &query)?;
    let forecast = ctx.read(async |db| count::forecast(ctx, db, &wanted).await).await?;
    Answer::json(&forecast)
}

/// A parameter is wrong.
pub(super) fn wrong(name: &str, why: &str) -> Error {
    Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter {name} {why}."))
        .and(name, why)
}

/// A member by id, or `me`.
pub(super) fn owner(ctx: &Ctx, query: &Query) -> Result<Option<Id>> {
    match query.get("ownerId")? {
        Some("me") => Ok(Some(ctx.actor.member.unwrap_or_default())),
        Some(_) => query.id("ownerId"),
        None => Ok(None),
    }
}

impl Wanted {
    fn read(ctx: &Ctx, query: &Query) -> Result<Self> {
        query.only(&["months", "pipelineId", "ownerId", "groupBy", "currency"])?;
        let group = match query.get("groupBy")?.unwrap_or("month") {
            "month" => Group::Month,
            "owner" => Group::Owner,
            "pipeline" => Group::Pipeline,
            _ => return Err(wrong("groupBy", "is none of month, owner, pipeline")),
        };
        let currency = match query.get("currency")? {
            Some(code) => code.parse().map_err(|_| wrong("currency", "is not a currency"))?,
            None => ctx.actor.currency,
        };
        let months = query.number("months", 1, MOST_MONTHS)?.unwrap_or(MONTHS);
        let today = ctx.now().date(ctx.actor.zone);
        let first = Date::parse(&format!("{}-01", month(today))).unwrap_or(today);
        let starts = (0..=i32::try_from(months).unwrap_or(1)).map(|by| first.plus_months(by));
        Ok(Self {
            group,
            pipeline: query.id("pipelineId")?,
            owner: owner(ctx, query)?,
            currency,
            starts: starts.collect(),
        })
    }

    fn from(&self) -> Date {
        self.starts[0]
    }

    fn until(&self) -> Date {
        self.starts[self.starts.len() - 1]
    }

    fn head(&self) -> Json {
        let group = match self.group {
            Group::Month => "month",
            Group::Owner => "owner",
            Group::Pipeline => "pipeline",
        };
        json!({
            "currency": self.currency.code(), "groupBy": group, "from": self.from(), "until": self.until(),
        })
    }
}

/// `2026-11`.
fn month(day: Date) -> String {
    let mut text = day.to_string();
    text.truncate(7);
    text
}
