//! Routes of analytics.

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::Result;
use kith_platform::Ctx;
use kith_store::Read;
use serde_json::Value as Json;

use super::{
    answers::{agents, channels, conversations, dashboard},
    span::{INTERVALS, PERIODS, Wanted},
};

/// Every operation of analytics.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .add(
            operation("dashboard", "What the inbox took in, and how well it was answered"),
            show_dashboard,
        )
        .add(operation("agents", "The same for each agent"), show_agents)
        .add(
            operation("conversations", "Conversations by status, priority, rating and time"),
            show_conversations,
        )
        .add(operation("channels", "The same for each channel"), show_channels)
}

fn operation(name: &str, about: &str) -> Operation {
    let day = || schema::format("date");
    let schema = match name {
        "dashboard" => "AnalyticsDashboard",
        "agents" => "AnalyticsAgents",
        "channels" => "AnalyticsChannels",
        _ => "AnalyticsConversations",
    };
    Operation::get(format!("/api/analytics/{name}"), "analytics", about)
        .scope("analytics", "read")
        .query("period", schema::one_of(&PERIODS), "Up to now; 30d unless said.")
        .query("startDate", day(), "Instead of a period: the first day, with endDate.")
        .query("endDate", day(), "The last day, less than 1,100 days behind the first.")
        .query(
            "interval",
            schema::one_of(&INTERVALS),
            "Of the series, which has 400 points at most; what suits the span unless said.",
        )
        .query(
            "timezone",
            schema::string(),
            "In which days begin, such as Europe/Lisbon; one's own unless said.",
        )
        .query("channelId", schema::id(), "Of one channel.")
        .query("agentId", schema::id(), "Of one agent: its conversations, and what it wrote.")
        .answers(200, "Numbers; null where nothing is known.", schema::named(schema))
}

async fn show(
    call: &Call,
    answer: impl AsyncFn(&Ctx, &Read, &Wanted) -> Result<Json>,
) -> Result<Answer> {
    let ctx = &call.ctx;
    let wanted = Wanted::read(ctx, &call.query()?)?;
    Answer::json(&ctx.read(async |db| answer(ctx, db, &wanted).await).await?)
}

async fn show_dashboard(call: Call) -> Result<Answer> {
    show(&call, dashboard).await
}

async fn show_agents(call: Call) -> Result<Answer> {
    show(&call, agents).await
}

async fn show_conversations(call: Call) -> Result<Answer> {
    show(&call, conversations).await
}

async fn show_channels(call: Call) -> Result<Answer> {
    show(&call, channels).await
}
