//! The named schemas of analytics.

use kith_http::schema;
use serde_json::Value as Json;

use super::{
    answers::{PRIORITIES, STATES},
    span::INTERVALS,
};

type Keys = Vec<(&'static str, Json)>;

/// An object that has all of these keys.
fn object(keys: Keys) -> Json {
    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    schema::object(keys, &names)
}

fn counts(names: &[&'static str]) -> Keys {
    names.iter().map(|name| (*name, schema::integer())).collect()
}

/// Numbers that are null where nothing is known.
fn numbers(names: &[&'static str]) -> Keys {
    names.iter().map(|name| (*name, schema::nullable(schema::number()))).collect()
}

fn link(name: &'static str) -> Keys {
    let text = "The list of the conversations that are counted.";
    vec![(name, schema::described(schema::string(), text))]
}

fn tokens() -> Keys {
    let told = schema::nullable(schema::integer());
    let told = schema::described(told, "Of answers of agents that say how many they took.");
    let cost = schema::described(
        schema::nullable(schema::number()),
        "Of the same answers in US dollars; null where a model of one of them has no price that is known.",
    );
    vec![("tokensUsed", told), ("cost", cost)]
}

fn times() -> Keys {
    numbers(&[
        "averageFirstResponseSeconds",
        "medianFirstResponseSeconds",
        "averageResolutionSeconds",
        "medianResolutionSeconds",
    ])
}

/// The keys of an answer, between its period and how far its numbers are.
fn answer(keys: &[Keys]) -> Json {
    let mut all = vec![("period", schema::named("AnalyticsPeriod"))];
    all.extend(keys.concat());
    all.push(("asOf", schema::named("ReportState")));
    object(all)
}

fn trends() -> Keys {
    vec![("trends", schema::named("AnalyticsTrends"))]
}

fn series() -> Keys {
    vec![("timeSeriesData", schema::list(schema::named("AnalyticsPoint")))]
}

fn text(name: &'static str) -> Keys {
    vec![(name, schema::nullable(schema::string()))]
}

fn dashboard() -> Json {
    let overview = [
        counts(&["totalConversations", "openConversations", "activeAgents", "messagesProcessed"]),
        numbers(&["customerSatisfaction", "handoverRate", "resolutionRate"]),
        tokens(),
        times(),
    ];
    let channel = [
        vec![("channelId", schema::id())],
        text("channel"),
        text("type"),
        counts(&["conversations"]),
        numbers(&["percentage"]),
        link("link"),
    ];
    let links = [link("totalConversations"), link("openConversations"), link("handedOver")];
    answer(&[
        vec![("overview", object(overview.concat()))],
        trends(),
        vec![("channelBreakdown", schema::list(object(channel.concat())))],
        series(),
        vec![("links", object(links.concat()))],
    ])
}

/// Agents, or channels, each with its metrics.
fn each(name: &'static str, own: Keys, metrics: &[Keys]) -> Json {
    let keys = [
        own,
        vec![("isActive", schema::boolean()), ("metrics", object(metrics.concat()))],
        trends(),
        link("link"),
    ];
    answer(&[vec![(name, schema::list(object(keys.concat())))]])
}

fn agents() -> Json {
    let metrics = [
        counts(&["totalConversations", "openConversations", "messages", "failedMessages"]),
        counts(&["ratings"]),
        numbers(&["customerRating", "resolutionRate", "escalationRate"]),
        tokens(),
        times(),
    ];
    each("agents", [vec![("agentId", schema::id())], text("agentName")].concat(), &metrics)
}

fn channels() -> Json {
    let metrics = [
        counts(&["totalConversations", "openConversations", "inboundMessages"]),
        counts(&["outboundMessages", "failedMessages", "ratings"]),
        numbers(&["percentage", "customerSatisfaction", "resolutionRate", "handoverRate"]),
        times(),
    ];
    let own = [vec![("channelId", schema::id())], text("channel"), text("type")];
    each("channels", own.concat(), &metrics)
}

fn conversations() -> Json {
    let by = |name: &'static str, words: &[&str]| {
        let word = vec![(name, schema::one_of(words))];
        let keys = [word, counts(&["conversations"]), numbers(&["percentage"]), link("link")];
        schema::list(object(keys.concat()))
    };
    let durations = || {
        let seconds = numbers(&["averageSeconds", "medianSeconds", "percentile90Seconds"]);
        object([counts(&["conversations"]), seconds].concat())
    };
    let handover = [counts(&["conversations"]), numbers(&["rate"]), link("link")];
    let rating = [counts(&["rating", "conversations"]), link("link")];
    let ratings = vec![("byRating", schema::list(object(rating.concat())))];
    let satisfaction = [numbers(&["average"]), counts(&["ratings"]), ratings];
    let messages = [
        counts(&["inbound", "outbound", "byAgents", "byMembers", "bySystem", "notes", "failed"]),
        tokens(),
    ];
    let links = [link("totalConversations"), link("openConversations")];
    answer(&[
        counts(&["totalConversations", "openConversations"]),
        vec![
            ("byStatus", by("status", &STATES)),
            ("byPriority", by("priority", &PRIORITIES)),
            ("firstResponse", durations()),
            ("resolution", durations()),
        ],
        numbers(&["resolutionRate"]),
        vec![
            ("handover", object(handover.concat())),
            ("satisfaction", object(satisfaction.concat())),
            ("messages", object(messages.concat())),
        ],
        trends(),
        series(),
        vec![("links", object(links.concat()))],
    ])
}

/// The named schemas of analytics.
pub(crate) fn schemas() -> Vec<(String, Json)> {
    let period = vec![
        ("from", schema::time()),
        ("until", schema::described(schema::time(), "Not counted itself.")),
        ("interval", schema::one_of(&INTERVALS)),
        ("timezone", schema::string()),
    ];
    let trends = numbers(&[
        "conversationsGrowth",
        "messagesGrowth",
        "responseTimeImprovement",
        "resolutionTimeImprovement",
        "satisfactionChange",
        "handoverRateChange",
    ]);
    let point = [
        vec![("date", schema::described(schema::time(), "When it begins."))],
        counts(&["conversations", "messages"]),
        numbers(&["averageFirstResponseSeconds", "averageResolutionSeconds"]),
    ];
    let about = "Against as long a time before; null where there was nothing.";
    let all = vec![
        ("AnalyticsDashboard", dashboard()),
        ("AnalyticsAgents", agents()),
        ("AnalyticsChannels", channels()),
        ("AnalyticsConversations", conversations()),
        ("AnalyticsPeriod", object(period)),
        ("AnalyticsTrends", schema::described(object(trends), about)),
        ("AnalyticsPoint", object(point.concat())),
    ];
    all.into_iter().map(|(name, of)| (name.to_owned(), of)).collect()
}
