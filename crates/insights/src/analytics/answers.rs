//! The answers of analytics: the dashboard, agents, conversations, channels.

use std::collections::BTreeMap;

use kith_kernel::{Id, Op, Result, Rule};
use kith_platform::Ctx;
use kith_store::{Condition, Read, Select, equals};
use serde_json::{Value as Json, json};

use super::{
    metrics::{percentage, shown},
    series::series,
    span::Wanted,
    tally::{Entry, Tally, apart, entries, open},
};
use crate::{
    figures::as_of,
    links,
    rollups::{begins, inbox::is_over},
};

/// What a conversation can be.
pub(super) const STATES: [&str; 6] =
    ["ACTIVE", "WAITING", "ESCALATED", "SNOOZED", "RESOLVED", "CLOSED"];
pub(super) const PRIORITIES: [&str; 4] = ["LOW", "NORMAL", "HIGH", "URGENT"];
pub(super) const RATINGS: [i64; 5] = [1, 2, 3, 4, 5];
/// Channels, or agents, of one answer.
const MOST: usize = 200;

/// What the rollups tell of the span and of the one before.
struct Found {
    now: Vec<Entry>,
    before: Vec<Entry>,
}

impl Found {
    async fn load(db: &Read, wanted: &Wanted) -> Result<Self> {
        let mut now = entries(db, wanted, wanted.span).await?;
        now.extend(open(db, wanted).await?);
        Ok(Self { now, before: entries(db, wanted, wanted.before).await? })
    }

    /// All that is asked for, in the span and before it.
    fn tallies(&self) -> (Tally, Tally) {
        (Tally::of(&self.now), Tally::of(&self.before))
    }

    /// The same apart by channel, or by agent.
    fn apart(&self, by: fn(&Entry) -> Option<Id>) -> BTreeMap<Id, (Tally, Tally)> {
        let mut before = apart(&self.before, by);
        let now = apart(&self.now, by).into_iter();
        now.map(|(id, now)| {
            let before = before.remove(&id).unwrap_or_default();
            (id, (Tally::of(now), Tally::of(before)))
        })
        .collect()
    }
}

/// A channel or an agent, deleted or not.
struct Named {
    name: String,
    kind: Option<String>,
    is_active: bool,
}

/// What there is of a kind: these, deleted or not, and others that are there, so many at most in all.
async fn named(
    db: &Read,
    plural: &'static str,
    (known, only): (Vec<Id>, Option<Id>),
) -> Result<Vec<(Id, Option<Named>)>> {
    let show = || Select::from(plural).show(&["id", "name", "type", "is_active", "deleted_at"]);
    let mut others = show().only(Condition::Null("deleted_at")).by("id", false);
    if let Some(only) = only {
        others = others.whose("id", only);
    }
    let mut selects = vec![others.at_most(MOST as u64)];
    if !known.is_empty() {
        selects.push(show().whose_each("id", known.clone()));
    }
    let mut found = BTreeMap::new();
    for select in selects {
        db.each(&select, |row| {
            let is_active = row.bool(3)? == Some(true) && row.is_null(4)?;
            let name = row.text(1)?.unwrap_or_default().to_owned();
            let kind = row.text(2)?.map(str::to_owned);
            found.insert(row.id(0)?.unwrap_or_default(), Named { name, kind, is_active });
            Ok(())
        })
        .await?;
    }
    let others: Vec<Id> = found.keys().copied().filter(|id| !known.contains(id)).collect();
    let all = known.into_iter().chain(others).take(MOST);
    Ok(all.map(|id| (id, found.remove(&id))).collect())
}

/// Those with most conversations first, then those with most messages.
fn ranked(tallies: &BTreeMap<Id, (Tally, Tally)>) -> Vec<Id> {
    let mut ids: Vec<Id> = tallies.keys().copied().collect();
    ids.sort_by_key(|id| {
        tallies.get(id).map(|(now, _)| std::cmp::Reverse((now.began, now.messages())))
    });
    ids.truncate(MOST);
    ids
}

/// The conversations that began in the span, by the channel and the agent that are asked for, and for which these hold.
fn behind(wanted: &Wanted, more: Vec<Rule>) -> Json {
    let (from, until) = wanted.span;
    let mut rules = vec![
        links::field("createdAt", Op::Gte, json!(begins(from))),
        links::field("createdAt", Op::Lt, json!(begins(until))),
    ];
    rules.extend(selected(wanted));
    rules.extend(more);
    links::list("conversations", rules)
}

fn selected(wanted: &Wanted) -> Vec<Rule> {
    let of = |name: &str, id: Option<Id>| id.map(|id| links::is(name, json!(id)));
    of("channelId", wanted.channel).into_iter().chain(of("agentId", wanted.agent)).collect()
}

/// The conversations that are not over.
fn unended(wanted: &Wanted) -> Json {
    let open: Vec<&str> = STATES.into_iter().filter(|state| !is_over(Some(state))).collect();
    let mut rules = vec![links::field("status", Op::In, json!(open))];
    rules.extend(selected(wanted));
    links::list("conversations", rules)
}

fn period(wanted: &Wanted) -> Json {
    json!({
        "from": begins(wanted.span.0), "until": begins(wanted.span.1),
        "interval": wanted.interval, "timezone": wanted.zone.name(),
    })
}

/// Two objects as one.
fn with(mut one: Json, other: Json) -> Json {
    if let (Some(keys), Json::Object(more)) = (one.as_object_mut(), other) {
        keys.extend(more);
    }
    one
}

/// `GET /api/analytics/dashboard`.
pub(super) async fn dashboard(ctx: &Ctx, db: &Read, wanted: &Wanted) -> Result<Json> {
    let found = Found::load(db, wanted).await?;
    let (now, before) = found.tallies();
    let agents = Select::from("agents").only(Condition::Null("deleted_at"));
    let overview = json!({
        "totalConversations": now.began, "openConversations": now.open,
        "activeAgents": db.count(agents.only(equals("is_active", true))).await?,
        "messagesProcessed": now.messages(),
        "customerSatisfaction": now.satisfaction(), "handoverRate": now.handover_rate(),
        "resolutionRate": now.resolution_rate(), "tokensUsed": now.tokens(), "cost": now.cost(),
    });
    let handed = links::field("handedOverAt", Op::Exists, json!(true));
    let points = series(db, wanted).await?;
    Ok(json!({
        "period": period(wanted),
        "overview": with(overview, now.times()),
        "trends": now.trends(&before),
        "channelBreakdown": breakdown(db, wanted, &found).await?,
        "timeSeriesData": shown(&wanted.points, &points),
        "links": {
            "totalConversations": behind(wanted, vec![]), "openConversations": unended(wanted),
            "handedOver": behind(wanted, vec![handed]),
        },
        "asOf": as_of(ctx, db).await?,
    }))
}

/// The channels by which conversations began.
async fn breakdown(db: &Read, wanted: &Wanted, found: &Found) -> Result<Json> {
    let tallies = found.apart(|entry| entry.channel);
    let whole: i64 = tallies.values().map(|(now, _)| now.began).sum();
    let mut known = ranked(&tallies);
    known.retain(|id| tallies.get(id).is_some_and(|(now, _)| now.began > 0));
    let only = known.clone();
    let names = named(db, "channels", (known, wanted.channel)).await?;
    let shown = names.into_iter().filter(|(id, _)| only.contains(id));
    let shown = shown.filter_map(|(id, named)| {
        let (now, _) = tallies.get(&id)?;
        Some(json!({
            "channelId": id, "channel": named.as_ref().map(|named| &named.name),
            "type": named.as_ref().and_then(|named| named.kind.as_ref()),
            "conversations": now.began, "percentage": percentage(now.began, whole),
            "link": behind(wanted, vec![links::is("channelId", json!(id))]),
        }))
    });
    Ok(shown.collect())
}

/// `GET /api/analytics/agents`.
pub(super) async fn agents(ctx: &Ctx, db: &Read, wanted: &Wanted) -> Result<Json> {
    let found = Found::load(db, wanted).await?;
    let mut tallies = found.apart(|entry| entry.agent);
    let names = named(db, "agents", (ranked(&tallies), wanted.agent)).await?;
    let mut agents = Vec::new();
    for (id, named) in names {
        let (now, before) = tallies.remove(&id).unwrap_or_default();
        let metrics = json!({
            "totalConversations": now.began, "openConversations": now.open,
            "messages": now.said(Some("OUTBOUND"), None), "failedMessages": now.failed,
            "customerRating": now.satisfaction(), "ratings": now.rating().count,
            "resolutionRate": now.resolution_rate(), "escalationRate": now.handover_rate(),
            "tokensUsed": now.tokens(), "cost": now.cost(),
        });
        agents.push(json!({
            "agentId": id, "agentName": named.as_ref().map(|named| &named.name),
            "isActive": named.is_some_and(|named| named.is_active),
            "metrics": with(metrics, now.times()), "trends": now.trends(&before),
            "link": behind(wanted, vec![links::is("agentId", json!(id))]),
        }));
    }
    Ok(json!({ "period": period(wanted), "agents": agents, "asOf": as_of(ctx, db).await? }))
}

/// `GET /api/analytics/channels`.
pub(super) async fn channels(ctx: &Ctx, db: &Read, wanted: &Wanted) -> Result<Json> {
    let found = Found::load(db, wanted).await?;
    let mut tallies = found.apart(|entry| entry.channel);
    let whole: i64 = tallies.values().map(|(now, _)| now.began).sum();
    let names = named(db, "channels", (ranked(&tallies), wanted.channel)).await?;
    let mut channels = Vec::new();
    for (id, named) in names {
        let (now, before) = tallies.remove(&id).unwrap_or_default();
        let metrics = json!({
            "totalConversations": now.began, "openConversations": now.open,
            "percentage": percentage(now.began, whole),
            "inboundMessages": now.said(Some("INBOUND"), None),
            "outboundMessages": now.said(Some("OUTBOUND"), None), "failedMessages": now.failed,
            "customerSatisfaction": now.satisfaction(), "ratings": now.rating().count,
            "resolutionRate": now.resolution_rate(), "handoverRate": now.handover_rate(),
        });
        channels.push(json!({
            "channelId": id, "channel": named.as_ref().map(|named| &named.name),
            "type": named.as_ref().and_then(|named| named.kind.as_ref()),
            "isActive": named.is_some_and(|named| named.is_active),
            "metrics": with(metrics, now.times()), "trends": now.trends(&before),
            "link": behind(wanted, vec![links::is("channelId", json!(id))]),
        }));
    }
    Ok(json!({ "period": period(wanted), "channels": channels, "asOf": as_of(ctx, db).await? }))
}

/// `GET /api/analytics/conversations`.
pub(super) async fn conversations(ctx: &Ctx, db: &Read, wanted: &Wanted) -> Result<Json> {
    let found = Found::load(db, wanted).await?;
    let (now, before) = found.tallies();
    let points = series(db, wanted).await?;
    let ratings: Vec<Json> = RATINGS
        .iter()
        .map(|rating| {
            json!({
                "rating": rating, "conversations": now.ratings.get(rating).copied().unwrap_or_default(),
                "link": behind(wanted, vec![links::is("rating", *rating)]),
            })
        })
        .collect();
    let handed = links::field("handedOverAt", Op::Exists, json!(true));
    Ok(json!({
        "period": period(wanted), "totalConversations": now.began, "openConversations": now.open,
        "byStatus": by(wanted, &now, ("status", &STATES)),
        "byPriority": by(wanted, &now, ("priority", &PRIORITIES)),
        "firstResponse": now.response.to_json(), "resolution": now.resolution.to_json(),
        "resolutionRate": now.resolution_rate(),
        "handover": {
            "conversations": now.handed, "rate": now.handover_rate(), "link": behind(wanted, vec![handed]),
        },
        "satisfaction": {
            "average": now.satisfaction(), "ratings": now.rating().count, "byRating": ratings,
        },
        "messages": messages(&now),
        "trends": now.trends(&before), "timeSeriesData": shown(&wanted.points, &points),
        "links": { "totalConversations": behind(wanted, vec![]), "openConversations": unended(wanted) },
        "asOf": as_of(ctx, db).await?,
    }))
}

/// The conversations of each word of a field.
fn by(wanted: &Wanted, tally: &Tally, (field, words): (&str, &[&'static str])) -> Json {
    let counts = if field == "status" { &tally.statuses } else { &tally.priorities };
    let shown = words.iter().map(|word| {
        let count = counts.get(*word).copied().unwrap_or_default();
        json!({
            field: word, "conversations": count, "percentage": percentage(count, tally.began),
            "link": behind(wanted, vec![links::is(field, *word)]),
        })
    });
    shown.collect()
}

fn messages(tally: &Tally) -> Json {
    let by = |sender: &str| tally.said(Some("OUTBOUND"), Some(sender));
    json!({
        "inbound": tally.said(Some("INBOUND"), None), "outbound": tally.said(Some("OUTBOUND"), None),
        "byAgents": by("AGENT"), "byMembers": by("HUMAN"), "bySystem": by("SYSTEM"),
        "notes": tally.notes, "failed": tally.failed, "tokensUsed": tally.tokens(), "cost": tally.cost(),
    })
}
