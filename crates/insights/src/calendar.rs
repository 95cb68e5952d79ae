//! The calendar: the activities of some days, those that start then, or are due then when they have no start.

use kith_http::Query;
use kith_kernel::{Date, Op, Result, Rule, internal, not_found};
use kith_platform::Ctx;
use kith_records::{Archived, Ask, Records};
use kith_store::Read;
use serde_json::{Value as Json, json};

use crate::{
    ask::{self, wrong},
    links,
};

/// Days that are shown at once.
const MOST_DAYS: i64 = 366;
const LARGEST_LIMIT: u64 = 200;

/// What is asked.
pub(crate) struct Wanted {
    from: Date,
    to: Date,
    limit: u64,
    cursor: Option<String>,
}

/// A day, under either of two names.
fn day(query: &Query, (name, other): (&str, &str)) -> Result<Option<Date>> {
    let given = match (query.get(name)?, query.get(other)?) {
        (Some(_), Some(_)) => return Err(wrong(name, "is given twice")),
        (one, other) => one.or(other),
    };
    ask::day(name, given)
}

impl Wanted {
    pub(crate) fn read(ctx: &Ctx, query: &Query) -> Result<Self> {
        query.only(&["from_date", "to_date", "fromDate", "toDate", "limit", "cursor"])?;
        let today = ctx.now().date(ctx.actor.zone);
        let first = Date::parse(&format!("{}-01", &today.to_string()[..7])).unwrap_or(today);
        let from = day(query, ("from_date", "fromDate"))?.unwrap_or(first);
        let to = day(query, ("to_date", "toDate"))?;
        let to = to.unwrap_or_else(|| from.plus_months(1).plus_days(-1));
        if to < from {
            return Err(wrong("to_date", "stands before from_date"));
        }
        if to.days() - from.days() >= MOST_DAYS {
            return Err(wrong("to_date", "is more than a year behind from_date"));
        }
        let limit = query.number("limit", 1, LARGEST_LIMIT)?.unwrap_or(LARGEST_LIMIT);
        Ok(Self { from, to, limit, cursor: query.get("cursor")?.map(str::to_owned) })
    }

    fn rule(&self) -> Rule {
        let until = self.to.plus_days(1);
        let starts = links::between("startsAt", self.from, until);
        let mut due = links::between("dueAt", self.from, until);
        due.push(links::field("startsAt", Op::Exists, json!(false)));
        Rule::Any(vec![Rule::All(starts), Rule::All(due)])
    }
}

/// `GET /api/reports/calendar`.
pub(crate) async fn calendar(
    records: &Records,
    ctx: &Ctx,
    db: &Read,
    wanted: &Wanted,
) -> Result<Json> {
    let object = records.object("activities").ok_or_else(|| not_found("calendar"))?;
    let (limit, cursor) = (wanted.limit, wanted.cursor.clone());
    let ask = Ask {
        rule: wanted.rule(),
        limit,
        cursor,
        count: true,
        archived: Archived::With,
        ..Ask::default()
    };
    let page = records.list(ctx, db, object, &ask).await?;
    let page: Json = serde_json::from_slice(&page.json)
        .map_err(|error| internal("a page is no JSON").caused_by(error))?;
    Ok(json!({
        "from": wanted.from, "to": wanted.to, "total": page["total"], "activities": page["data"],
        "nextCursor": page["nextCursor"], "link": links::list("activities", vec![wanted.rule()]),
    }))
}
