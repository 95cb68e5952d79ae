//! The engines, as they are served.

mod copilot;
mod entities;
mod generate;
mod intent;
mod replies;
mod score;
mod sentiment;
mod summary;
mod translate;
mod vectors;

use std::sync::Arc;

use kith_http::Routes;
use serde_json::Value as Json;

use self::{
    copilot::Copilot, entities::ExtractEntities, generate::Generate, intent::FindIntent,
    replies::SmartReplies, sentiment::FindSentiment, summary::Summarize, translate::Translate,
};
use crate::{
    Assistant,
    serve::{named, route},
};

pub(crate) fn routes(assistant: &Arc<Assistant>) -> Routes {
    route::<Copilot>(assistant)
        .and(route::<SmartReplies>(assistant))
        .and(route::<FindSentiment>(assistant))
        .and(route::<FindIntent>(assistant))
        .and(route::<ExtractEntities>(assistant))
        .and(route::<Summarize>(assistant))
        .and(route::<Translate>(assistant))
        .and(route::<Generate>(assistant))
        .and(score::routes(assistant))
        .and(vectors::routes(assistant))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    vec![
        named::<Copilot>(),
        named::<SmartReplies>(),
        named::<FindSentiment>(),
        named::<FindIntent>(),
        named::<ExtractEntities>(),
        named::<Summarize>(),
        named::<Translate>(),
        named::<Generate>(),
        score::schema(),
        vectors::schema(),
    ]
}
