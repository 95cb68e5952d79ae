//! What models were used for: sums by day, which stay when the log of calls is cleared.

use std::{collections::BTreeMap, sync::Arc};

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_store::{Comparison, Condition, Select};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{
    activity::Activity,
    answers::{TAG, dollars},
    sums::DAY,
};

#[derive(Deserialize)]
struct Row {
    day: i64,
    provider: String,
    model: String,
    capability: String,
    requests: i64,
    calls: i64,
    failures: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cost: i64,
}

pub(crate) fn routes(activity: &Arc<Activity>) -> Routes {
    let text = "What models were used for: requests, tokens and cost, by provider, model, capability and day.";
    let show = Operation::get("/api/ai/usage", TAG, text)
        .role(Role::Member)
        .scope("ai", "read")
        .query(
            "days",
            schema::integer(),
            "So many days, today with them, 1 to 366; 30 unless said.",
        )
        .answers(200, "The sums.", schema::named("AiUsage"));
    let activity = Arc::clone(activity);
    Routes::new().add(show, move |call| run(Arc::clone(&activity), call))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let whole = schema::integer;
    let money = || schema::described(schema::string(), "US dollars.");
    let usage = schema::object(
        vec![
            ("totalRequests", whole()),
            ("totalTokens", whole()),
            ("totalCost", money()),
            (
                "failures",
                schema::described(whole(), "Providers that were asked and did not answer."),
            ),
            ("byProvider", schema::open_object()),
            ("byModel", schema::open_object()),
            ("byCapability", schema::open_object()),
            ("byDay", schema::open_object()),
        ],
        &[
            "totalRequests",
            "totalTokens",
            "totalCost",
            "failures",
            "byProvider",
            "byModel",
            "byCapability",
            "byDay",
        ],
    );
    vec![("AiUsage".to_owned(), schema::object(vec![("usage", usage)], &["usage"]))]
}

async fn run(activity: Arc<Activity>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["days"])?;
    let days = i64::try_from(query.number("days", 1, 366)?.unwrap_or(30)).unwrap_or(30);
    activity.write().await;
    let ctx = &call.ctx;
    let first = ctx.now().milliseconds() / DAY - days;
    let since = Condition::Compare("day", Comparison::Greater, first.into());
    let rows: Vec<Row> =
        ctx.read(async |db| db.all(Select::from("llm_usage").only(since)).await).await?;
    let cost: i64 = rows.iter().map(|row| row.cost).sum();
    let usage = json!({
        "totalRequests": rows.iter().map(|row| row.requests).sum::<i64>(),
        "totalTokens": rows.iter().map(Row::tokens).sum::<i64>(),
        "totalCost": money(cost),
        "failures": rows.iter().map(|row| row.failures).sum::<i64>(),
        "byProvider": by(&rows, |row| row.provider.clone()),
        "byModel": by(&rows, |row| format!("{}/{}", row.provider, row.model)),
        "byCapability": by(&rows, |row| row.capability.clone()),
        "byDay": by(&rows, |row| {
            kith_kernel::Time::from_milliseconds(row.day * DAY).to_string().chars().take(10).collect()
        }),
    });
    Answer::json(&json!({ "usage": usage }))
}

impl Row {
    fn tokens(&self) -> i64 {
        self.prompt_tokens + self.completion_tokens
    }
}

fn money(microdollars: i64) -> String {
    dollars(u64::try_from(microdollars).unwrap_or_default())
}

/// Sums of the rows that have the same name.
fn by(rows: &[Row], name: impl Fn(&Row) -> String) -> Json {
    let mut all: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    for row in rows {
        let [calls, tokens, cost] = all.entry(name(row)).or_default();
        *calls += row.calls;
        *tokens += row.tokens();
        *cost += row.cost;
    }
    let told = |(name, [requests, tokens, cost]): (String, [i64; 3])| {
        (name, json!({ "requests": requests, "tokens": tokens, "cost": money(cost) }))
    };
    Json::Object(all.into_iter().map(told).collect::<Map<_, _>>())
}
