//! The dashboard: totals, revenue, and the newest records, each number with the list behind it.

use kith_kernel::{Currency, Date, Op, Result, Rule, internal};
use kith_platform::Ctx;
use kith_records::{Ask, Records};
use kith_store::Read;
use serde_json::{Value as Json, json};

use crate::{
    figures::{Figures, Sum, as_of, during, money},
    links,
};

/// Totals by their names, with the object and its list.
pub(crate) const TOTALS: [(&str, &str, &str); 5] = [
    ("totalContacts", "contact", "contacts"),
    ("totalAccounts", "account", "accounts"),
    ("totalLeads", "lead", "leads"),
    ("totalOpportunities", "deal", "deals"),
    ("totalActivities", "activity", "activities"),
];

/// What a lead is before its end.
const OPEN_LEADS: [&str; 3] = ["new", "contacted", "qualified"];
const RECENTLY: i64 = 30;
const ACTIVITIES: (&str, u64, &[&str]) =
    ("activities", 10, &["id", "type", "subject", "createdAt"]);
const LEADS: (&str, u64, &[&str]) = ("leads", 5, &["id", "name", "company", "status", "createdAt"]);
const DEALS: (&str, u64, &[&str]) =
    ("deals", 5, &["id", "name", "amount", "currency", "stage", "status", "createdAt"]);

/// Days that the dashboard looks at, in the time zone of whoever asks.
struct Days {
    this_month: Date,
    next_month: Date,
    last_month: Date,
    recent: Date,
}

impl Days {
    fn of(ctx: &Ctx) -> Self {
        let today = ctx.now().date(ctx.actor.zone);
        let first = format!("{}-01", &today.to_string()[..7]);
        let this_month = Date::parse(&first).unwrap_or(today);
        Self {
            this_month,
            next_month: this_month.plus_months(1),
            last_month: this_month.plus_months(-1),
            recent: today.plus_days(-RECENTLY),
        }
    }
}

/// What was won, in one currency: in all, this month, last month.
pub(crate) struct Revenue {
    currency: Currency,
    total: Sum,
    this_month: Sum,
    last_month: Sum,
}

impl Revenue {
    pub(crate) async fn load(ctx: &Ctx, db: &Read, figures: &Figures) -> Result<Self> {
        let (currency, days) = (ctx.actor.currency, Days::of(ctx));
        let this = (currency, days.this_month, days.next_month);
        let last = (currency, days.last_month, days.this_month);
        Ok(Self {
            currency,
            total: figures.won(ctx, currency),
            this_month: figures.won_between(ctx, db, this).await?,
            last_month: figures.won_between(ctx, db, last).await?,
        })
    }

    pub(crate) fn to_json(&self) -> Json {
        let shown = |sum: Sum| money(sum.minor, self.currency);
        json!({
            "currency": self.currency.code(), "total": shown(self.total),
            "thisMonth": shown(self.this_month), "lastMonth": shown(self.last_month),
        })
    }

    pub(crate) fn links(&self, ctx: &Ctx) -> Json {
        let days = Days::of(ctx);
        let won = |more: Vec<Rule>| {
            let own = [links::is("status", "won"), links::of_currency(ctx, self.currency)];
            links::list("deals", own.into_iter().chain(more).collect())
        };
        let between = |from, until| won(links::between("closedAt", from, until));
        json!({
            "total": won(vec![]),
            "thisMonth": between(days.this_month, days.next_month),
            "lastMonth": between(days.last_month, days.this_month),
        })
    }
}

/// Totals and revenue, with their links.
async fn stats(ctx: &Ctx, db: &Read, figures: &Figures) -> Result<(Json, Json)> {
    let (mut stats, mut behind) = (json!({}), json!({}));
    for (name, object, plural) in TOTALS {
        stats[name] = figures.total(object).into();
        behind[name] = links::all(plural);
    }
    let revenue = Revenue::load(ctx, db, figures).await?;
    stats["revenue"] = revenue.to_json();
    behind["revenue"] = revenue.links(ctx);
    Ok((stats, behind))
}

/// `GET /api/reports/dashboard-stats`.
pub(crate) async fn dashboard(records: &Records, ctx: &Ctx, db: &Read) -> Result<Json> {
    let figures = Figures::load(db).await?;
    let (mut answer, links) = stats(ctx, db, &figures).await?;
    answer["recentActivities"] = newest(records, ctx, db, ACTIVITIES).await?;
    answer["links"] = links;
    answer["asOf"] = as_of(ctx, db).await?;
    Ok(answer)
}

/// `GET /api/reports/dashboard-bundle`.
pub(crate) async fn bundle(records: &Records, ctx: &Ctx, db: &Read) -> Result<Json> {
    let figures = Figures::load(db).await?;
    let (mut stats, mut behind) = stats(ctx, db, &figures).await?;
    let recent = Days::of(ctx).recent;
    let since = || vec![links::field("createdAt", Op::Gte, json!(recent))];
    let open: i64 = OPEN_LEADS.iter().map(|one| figures.count("status", "lead", one)).sum();
    stats["openLeads"] = open.into();
    behind["openLeads"] =
        links::list("leads", vec![links::field("status", Op::In, json!(OPEN_LEADS))]);
    for (name, outcome) in [("wonOpportunities", "won"), ("openOpportunities", "open")] {
        stats[name] = figures.deals(outcome).into();
        behind[name] = links::list("deals", vec![links::is("status", outcome)]);
    }
    for (name, object, plural) in [
        ("newLeadsLast30Days", "lead", "leads"),
        ("activitiesLast30Days", "activity", "activities"),
    ] {
        let made = during(ctx, db, ("created", object), (recent, None)).await?;
        stats[name] = made.values().map(|sum| sum.count).sum::<i64>().into();
        behind[name] = links::list(plural, since());
    }
    let lists = json!({
        "activities": newest(records, ctx, db, ACTIVITIES).await?,
        "leads": newest(records, ctx, db, LEADS).await?,
        "opportunities": newest(records, ctx, db, DEALS).await?,
    });
    Ok(json!({
        "stats": stats, "lists": lists, "links": behind, "asOf": as_of(ctx, db).await?, "cached": false,
    }))
}

/// The newest records of a kind; none for a key that may not read them.
async fn newest(
    records: &Records,
    ctx: &Ctx,
    db: &Read,
    (plural, limit, fields): (&'static str, u64, &[&str]),
) -> Result<Json> {
    let Some(object) = records.object(plural).filter(|_| ctx.actor.scopes.allow(plural, "read"))
    else {
        return Ok(json!([]));
    };
    let fields = Some(fields.iter().map(|&field| field.to_owned()).collect());
    let ask = Ask { limit, fields, ..Ask::default() };
    let page = records.list(ctx, db, object, &ask).await?;
    let mut page: Json = serde_json::from_slice(&page.json)
        .map_err(|error| internal("a page is no JSON").caused_by(error))?;
    Ok(page["data"].take())
}
