//! Routes of activity: the calls, sums over them, and clearing the log.

use std::{collections::BTreeMap, sync::Arc};

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, Time, invalid};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Insert, Read, Select};
use serde_json::{Value as Json, json};

use super::{Activity, Status, Stored};
use crate::answers::{TAG, dollars};

const PATH: &str = "/api/system/llm-activity";
/// Calls of the last minutes that are looked at; behind them the figures are of the newest ones.
const MOST_COUNTED: u64 = 20_000;
const MINUTE: i64 = 60_000;

pub(crate) fn routes(activity: &Arc<Activity>) -> Routes {
    let list = Operation::get(PATH, TAG, "What was asked of which model, the newest first")
        .role(Role::Admin)
        .scope("ai", "read")
        .query("limit", schema::integer(), "Calls at most, 1 to 500; 100 unless said.")
        .query("provider", schema::string(), "Those of one provider.")
        .query("capability", schema::string(), "Those for one purpose: chat, embeddings.")
        .query("status", schema::one_of(&Status::NAMES), "Those that went so.")
        .query("since", schema::time(), "Those that came later.")
        .answers(200, "The calls, and how many these are.", schema::named("LlmActivity"));
    let stats = Operation::get(
        format!("{PATH}/stats"),
        TAG,
        "Sums over the last minutes and since the log was cleared",
    )
    .role(Role::Admin)
    .scope("ai", "read")
    .answers(200, "The sums.", schema::named("LlmStats"));
    let clear = Operation::delete(PATH, TAG, "Clear the log; what was used stays counted")
        .role(Role::Admin)
        .scope("ai", "write")
        .answers(
            200,
            "It is clear.",
            schema::object(
                vec![("status", schema::string()), ("message", schema::string())],
                &["status", "message"],
            ),
        );
    let to_write = || Arc::clone(activity);
    let (of_list, of_stats, of_clear) = (to_write(), to_write(), to_write());
    Routes::new()
        .add(list, move |call| show(Arc::clone(&of_list), call))
        .add(stats, move |call| sum_up(Arc::clone(&of_stats), call))
        .add(clear, move |call| forget(Arc::clone(&of_clear), call))
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn schemas() -> Vec<(String, Json)> {
    let usage = schema::object(
        vec![
            ("prompt_tokens", schema::integer()),
            ("completion_tokens", schema::integer()),
            ("total_tokens", schema::integer()),
            ("isGuess", schema::described(schema::boolean(), "The provider did not count.")),
        ],
        &["prompt_tokens", "completion_tokens", "total_tokens", "isGuess"],
    );
    let whole = schema::integer;
    let entry = schema::object(
        vec![
            ("id", schema::id()),
            ("timestamp", schema::time()),
            ("tenantId", schema::id()),
            ("capability", schema::string()),
            ("provider", schema::string()),
            ("model", schema::string()),
            ("status", schema::one_of(&Status::NAMES)),
            ("error", schema::nullable(schema::string())),
            ("durationMs", whole()),
            ("firstTokenMs", schema::nullable(whole())),
            ("usage", usage),
            ("costUsd", schema::nullable(schema::string())),
            ("attempt", whole()),
            ("totalAttempts", whole()),
        ],
        &["id", "timestamp", "capability", "provider", "model", "status", "durationMs", "usage"],
    );
    let meta = schema::object(
        vec![("count", whole()), ("timestamp", schema::time())],
        &["count", "timestamp"],
    );
    let list =
        schema::object(vec![("data", schema::list(entry)), ("meta", meta)], &["data", "meta"]);
    let tokens = schema::object(
        vec![("promptTokens", whole()), ("completionTokens", whole()), ("totalTokens", whole())],
        &["promptTokens", "completionTokens", "totalTokens"],
    );
    let all_time = schema::object(
        vec![("totalTokens", whole()), ("entriesInBuffer", whole())],
        &["totalTokens", "entriesInBuffer"],
    );
    let token_usage = schema::object(
        vec![("last5Minutes", tokens), ("allTime", all_time)],
        &["last5Minutes", "allTime"],
    );
    let stats = schema::object(
        vec![
            ("totalEntries", whole()),
            ("last5Minutes", whole()),
            ("requestsPerMinute", whole()),
            ("avgDurationMs", schema::nullable(whole())),
            ("byProvider", schema::open_object()),
            ("byStatus", schema::open_object()),
            ("byCapability", schema::open_object()),
            ("tokenUsage", token_usage),
        ],
        &[
            "totalEntries",
            "last5Minutes",
            "requestsPerMinute",
            "byProvider",
            "byStatus",
            "tokenUsage",
        ],
    );
    vec![("LlmActivity".to_owned(), list), ("LlmStats".to_owned(), stats)]
}

impl Stored {
    fn to_json(&self, tenant: Id) -> Json {
        json!({
            "id": self.id,
            "timestamp": self.created_at,
            "tenantId": tenant,
            "capability": self.capability,
            "provider": self.provider,
            "model": self.model,
            "status": self.status,
            "error": self.error,
            "durationMs": self.duration_ms,
            "firstTokenMs": self.first_token_ms,
            "usage": {
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
                "total_tokens": self.prompt_tokens + self.completion_tokens,
                "isGuess": self.is_guess,
            },
            "costUsd": self.cost.and_then(|cost| u64::try_from(cost).ok()).map(dollars),
            "attempt": self.attempt,
            "totalAttempts": self.attempts,
        })
    }
}

/// Calls since the log was cleared.
async fn calls(db: &Read, since: Option<Time>) -> Result<Select> {
    let cleared = value(db, "cleared_at").await?.map(Time::from_milliseconds);
    let select = Select::from("llm_calls").by("id", true);
    Ok(match since.max(cleared) {
        Some(since) => {
            // Ids are made in order of time, a moment before it is looked at.
            let first = Id::first_at(since.plus_milliseconds(-MINUTE));
            select
                .only(Condition::Compare("id", Comparison::GreaterOrEqual, first.into()))
                .only(Condition::Compare("created_at", Comparison::Greater, since.into()))
        }
        None => select,
    })
}

async fn value(db: &Read, name: &'static str) -> Result<Option<i64>> {
    #[derive(serde::Deserialize)]
    struct Sum {
        value: i64,
    }
    let select = Select::from("llm_sums").show(&["value"]).whose("name", name);
    Ok(db.first::<Sum>(select).await?.map(|sum| sum.value))
}

async fn show(activity: Arc<Activity>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["limit", "provider", "capability", "status", "since"])?;
    let limit = query.number("limit", 1, 500)?.unwrap_or(100);
    let since = match query.get("since")? {
        Some(text) => {
            Some(Time::parse(text).ok_or_else(|| invalid("since", "is a time (ISO 8601)"))?)
        }
        None => None,
    };
    if let Some(status) = query.get("status")?
        && !Status::NAMES.contains(&status)
    {
        return Err(invalid("status", format!("is one of {}", Status::NAMES.join(", "))));
    }
    activity.write().await;
    let ctx = &call.ctx;
    let found: Vec<Stored> = ctx
        .read(async |db| {
            let mut select = calls(db, since).await?;
            for column in ["provider", "capability", "status"] {
                if let Some(wanted) = query.get(column)? {
                    select = select.whose(column, wanted);
                }
            }
            db.all(select.at_most(limit)).await
        })
        .await?;
    let data: Vec<Json> = found.iter().map(|one| one.to_json(ctx.actor.tenant)).collect();
    let meta = json!({ "count": data.len(), "timestamp": ctx.now() });
    Answer::json(&json!({ "data": data, "meta": meta }))
}

async fn sum_up(activity: Arc<Activity>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    activity.write().await;
    let ctx = &call.ctx;
    let now = ctx.now().milliseconds();
    let since = Time::from_milliseconds(now - 5 * MINUTE);
    let (found, entries, tokens) = ctx
        .read(async |db| {
            let select = calls(db, Some(since)).await?.at_most(MOST_COUNTED);
            let found: Vec<Stored> = db.all(select).await?;
            Ok((found, value(db, "entries").await?, value(db, "tokens").await?))
        })
        .await?;
    Answer::json(&stats(&found, now, (entries.unwrap_or_default(), tokens.unwrap_or_default())))
}

fn stats(found: &[Stored], now: i64, (entries, tokens): (i64, i64)) -> Json {
    let count = |name: fn(&Stored) -> &str| {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for one in found {
            *counts.entry(name(one)).or_default() += 1;
        }
        json!(counts)
    };
    let sum = |number: fn(&Stored) -> i64| found.iter().map(number).sum::<i64>();
    let all = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let last_minute =
        found.iter().filter(|one| one.created_at.milliseconds() > now - MINUTE).count();
    let durations = sum(|one| one.duration_ms);
    let (asked, answered) = (sum(|one| one.prompt_tokens), sum(|one| one.completion_tokens));
    json!({
        "totalEntries": entries,
        "last5Minutes": all,
        "requestsPerMinute": last_minute,
        "avgDurationMs": (all > 0).then(|| (durations + all / 2) / all.max(1)),
        "byProvider": count(|one| &one.provider),
        "byStatus": count(|one| &one.status),
        "byCapability": count(|one| &one.capability),
        "tokenUsage": {
            "last5Minutes": {
                "promptTokens": asked, "completionTokens": answered, "totalTokens": asked + answered,
            },
            "allTime": { "totalTokens": tokens, "entriesInBuffer": entries },
        },
    })
}

async fn forget(activity: Arc<Activity>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    activity.write().await;
    let ctx: &Ctx = &call.ctx;
    ctx.write(async |db| {
        for (name, value) in
            [("cleared_at", ctx.now().milliseconds()), ("entries", 0), ("tokens", 0)]
        {
            let cells = vec![("name", name.into()), ("value", value.into())];
            db.insert(Insert::row("llm_sums", cells).or_replace(&["name"], &["value"])).await?;
        }
        Ok(())
    })
    .await?;
    Answer::json(&json!({ "status": "success", "message": "The log of models is clear." }))
}
