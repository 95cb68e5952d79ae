//! Answers: the reports that are read from the rollups alone, and the schemas of all.

use kith_http::schema;
use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_records::{Kind, Records};
use kith_store::Read;
use serde_json::{Value as Json, json};

use crate::{
    figures::{Figures, Sum, as_of, money},
    links, quality,
};

/// `GET /api/reports/pipeline`: the deals of each stage.
pub(crate) async fn pipeline(ctx: &Ctx, db: &Read, only: Option<Id>) -> Result<Json> {
    let figures = Figures::load(db).await?;
    let mut stages = Vec::new();
    for stage in &figures.stages {
        if stage.deleted || only.is_some() && stage.pipeline != only {
            continue;
        }
        let mut count = 0;
        let mut totals: Vec<(kith_kernel::Currency, Sum)> = Vec::new();
        for (code, sum) in figures.of_stage(stage.id) {
            let currency = code.parse().unwrap_or(ctx.actor.currency);
            count += sum.count;
            match totals.iter_mut().find(|(known, _)| *known == currency) {
                Some((_, total)) => total.add(sum),
                None => totals.push((currency, sum)),
            }
        }
        let totals: Vec<Json> = totals
            .into_iter()
            .map(|(currency, sum)| {
                json!({ "currency": currency.code(), "amount": money(sum.minor, currency) })
            })
            .collect();
        stages.push(json!({
            "pipelineId": stage.pipeline, "stageId": stage.id, "stage": stage.name, "outcome": stage.outcome,
            "count": count, "totals": totals,
            "link": links::list("deals", vec![links::is("stageId", json!(stage.id))]),
        }));
    }
    Ok(json!({ "stages": stages, "asOf": as_of(ctx, db).await? }))
}

/// `GET /api/reports/lead-status`: the leads of each status.
pub(crate) async fn lead_status(records: &Records, ctx: &Ctx, db: &Read) -> Result<Json> {
    let figures = Figures::load(db).await?;
    let field = records
        .object("leads")
        .and_then(|lead| lead.fields.iter().find(|field| field.key == "status"));
    let words = match field.map(|field| field.kind) {
        Some(Kind::Choice(words)) => words,
        _ => &[],
    };
    let statuses: Vec<Json> = words
        .iter()
        .map(|&status| {
            json!({
                "status": status, "count": figures.count("status", "lead", status),
                "link": links::list("leads", vec![links::is("status", status)]),
            })
        })
        .collect();
    Ok(json!({ "statuses": statuses, "asOf": as_of(ctx, db).await? }))
}

/// `GET /api/reports/data-quality`: what records lack or have wrong.
pub(crate) async fn data_quality(ctx: &Ctx, db: &Read) -> Result<Json> {
    let figures = Figures::load(db).await?;
    let mut report = json!({});
    for (plural, object) in quality::CHECKED {
        let (total, issues) = (figures.total(object), figures.count("issues", object, ""));
        let (mut counters, mut behind) = (json!({}), json!({}));
        for check in quality::checks(plural) {
            counters[check.name] = figures.count("quality", object, check.name).into();
            behind[check.name] = links::list(plural, vec![check.rule()]);
        }
        report[plural] = json!({
            "total": total, "issuesCount": issues, "issuesPercentage": percentage(issues, total), "counters": counters,
            "links": {
                "total": links::all(plural), "issuesCount": links::list(plural, vec![quality::any(plural)]),
                "counters": behind,
            },
        });
    }
    Ok(json!({ "report": report, "generatedAt": ctx.now(), "asOf": as_of(ctx, db).await? }))
}

/// With one decimal.
#[expect(clippy::cast_precision_loss, reason = "no tenant has 2^52 records")]
fn percentage(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1000.0 / whole as f64).round() / 10.0 }
}

fn count() -> Json {
    schema::integer()
}

fn link() -> Json {
    schema::described(schema::string(), "The list of the records that are counted.")
}

fn of_all(keys: &[&str], of: &dyn Fn() -> Json) -> Vec<(String, Json)> {
    keys.iter().map(|&key| (key.to_owned(), of())).collect()
}

fn object(keys: Vec<(String, Json)>) -> Json {
    let (names, schemas): (Vec<String>, Vec<Json>) = keys.into_iter().unzip();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    schema::object(names.iter().copied().zip(schemas).collect(), &names)
}

const TOTALS: [&str; 5] =
    ["totalContacts", "totalAccounts", "totalLeads", "totalOpportunities", "totalActivities"];
const MORE: [&str; 5] = [
    "openLeads",
    "wonOpportunities",
    "openOpportunities",
    "newLeadsLast30Days",
    "activitiesLast30Days",
];
const MONTHS: [&str; 3] = ["total", "thisMonth", "lastMonth"];

fn revenue(of: &dyn Fn() -> Json, with_currency: bool) -> (String, Json) {
    let mut keys = of_all(&MONTHS, of);
    if with_currency {
        keys.push(("currency".to_owned(), schema::string()));
    }
    ("revenue".to_owned(), object(keys))
}

fn with(mut keys: Vec<(String, Json)>, more: Vec<(&str, Json)>) -> Vec<(String, Json)> {
    keys.extend(more.into_iter().map(|(name, of)| (name.to_owned(), of)));
    keys
}

fn newest() -> Json {
    schema::list(schema::open_object())
}

fn dashboards() -> Vec<(String, Json)> {
    let numbers = |names: &[&str]| {
        let mut keys = of_all(names, &count);
        keys.push(revenue(&schema::number, true));
        keys
    };
    let behind = |names: &[&str]| {
        let mut keys = of_all(names, &link);
        keys.push(revenue(&link, false));
        object(keys)
    };
    let all: Vec<&str> = TOTALS.into_iter().chain(MORE).collect();
    let stats = with(
        numbers(&TOTALS),
        vec![
            ("recentActivities", newest()),
            ("links", behind(&TOTALS)),
            ("asOf", schema::named("ReportState")),
        ],
    );
    let lists = ["activities", "leads", "opportunities"];
    let bundle = with(
        Vec::new(),
        vec![
            ("stats", object(numbers(&all))),
            ("lists", object(of_all(&lists, &newest))),
            ("links", behind(&all)),
            ("asOf", schema::named("ReportState")),
            (
                "cached",
                schema::described(schema::boolean(), "Never: the numbers are kept, not cached."),
            ),
        ],
    );
    vec![
        ("DashboardStats".to_owned(), object(stats)),
        ("DashboardBundle".to_owned(), object(bundle)),
    ]
}

fn breakdowns() -> Vec<(String, Json)> {
    let total =
        with(Vec::new(), vec![("currency", schema::string()), ("amount", schema::number())]);
    let stage = with(
        Vec::new(),
        vec![
            ("pipelineId", schema::nullable(schema::id())),
            ("stageId", schema::id()),
            ("stage", schema::string()),
            ("outcome", schema::one_of(&["open", "won", "lost"])),
            ("count", count()),
            ("totals", schema::list(object(total))),
            ("link", link()),
        ],
    );
    let status =
        with(Vec::new(), vec![("status", schema::string()), ("count", count()), ("link", link())]);
    let report = |name: &str, of: Json| {
        object(with(
            Vec::new(),
            vec![(name, schema::list(of)), ("asOf", schema::named("ReportState"))],
        ))
    };
    vec![
        ("PipelineReport".to_owned(), report("stages", object(stage))),
        ("LeadStatusReport".to_owned(), report("statuses", object(status))),
    ]
}

fn quality_report() -> Json {
    let kinds = quality::CHECKED.map(|(plural, _)| {
        let names: Vec<&str> = quality::checks(plural).iter().map(|check| check.name).collect();
        let behind = with(
            of_all(&["total", "issuesCount"], &link),
            vec![("counters", object(of_all(&names, &link)))],
        );
        let kind = with(
            of_all(&["total", "issuesCount"], &count),
            vec![
                ("issuesPercentage", schema::number()),
                ("counters", object(of_all(&names, &count))),
                ("links", object(behind)),
            ],
        );
        (plural.to_owned(), object(kind))
    });
    object(with(
        Vec::new(),
        vec![
            ("report", object(kinds.into())),
            ("generatedAt", schema::time()),
            ("asOf", schema::named("ReportState")),
        ],
    ))
}

/// The named schemas of reports.
pub(crate) fn schemas() -> Vec<(String, Json)> {
    let place = |text: &str| schema::described(count(), text);
    let state = with(
        Vec::new(),
        vec![
            ("at", schema::time()),
            ("sequence", place("The last event that the numbers know of.")),
            ("latest", place("The last event that has a place in the order.")),
            (
                "rebuilding",
                schema::described(schema::boolean(), "The numbers are being counted anew."),
            ),
        ],
    );
    let calendar = with(
        Vec::new(),
        vec![
            ("from", schema::format("date")),
            ("to", schema::format("date")),
            ("total", count()),
            ("activities", schema::list(schema::named("Activity"))),
            ("nextCursor", schema::nullable(schema::string())),
            ("link", link()),
        ],
    );
    let mut all = dashboards();
    all.extend(breakdowns());
    all.push(("DataQualityReport".to_owned(), quality_report()));
    all.push(("CalendarReport".to_owned(), object(calendar)));
    all.push(("ReportState".to_owned(), object(state)));
    all
}
