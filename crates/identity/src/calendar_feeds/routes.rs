//! Routes of calendar feeds.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use serde_json::{Value, json};

use super::{NewFeed, seen_by};
use crate::{
    Identity,
    pages::{Paging, listed},
    with,
};

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let list = "One's own calendar feeds, without their addresses; for admins everybody's.";
    let list = Operation::get("/api/calendar-feeds", "calendar", list).answers(
        200,
        "A page of feeds.",
        schema::page(schema::named("CalendarFeed")),
    );
    let new = schema::object(vec![("name", schema::string())], &["name"]);
    let make =
        "Makes a feed of one's tasks, activities and closings; its address is shown this once.";
    let make = Operation::post("/api/calendar-feeds", "calendar", make)
        .role(Role::Viewer)
        .idempotency(Idempotency::Refused)
        .typed_body::<NewFeed>(new)
        .answers(201, "The feed, with its address in `url`.", schema::named("CalendarFeed"));
    let revoke =
        Operation::delete("/api/calendar-feeds/{id}", "calendar", "Revokes a feed at once.")
            .role(Role::Viewer)
            .answers_nothing(204, "Its address leads nowhere any more.");
    Routes::new()
        .add(listed(list), with(identity, show_all))
        .add(make, with(identity, create))
        .add(revoke, with(identity, revoke_one))
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let url = "Its address, with the secret; only where it was just made.";
    let feed = schema::object(
        vec![
            ("id", schema::id()),
            ("name", schema::string()),
            ("memberId", schema::described(schema::id(), "Whose it is.")),
            ("createdAt", schema::time()),
            ("url", schema::described(schema::string(), url)),
            (
                "path",
                schema::described(schema::string(), "Its end, where the API stands elsewhere."),
            ),
        ],
        &["id", "name", "memberId", "createdAt"],
    );
    vec![("CalendarFeed".to_owned(), feed)]
}

async fn show_all(_: Arc<Identity>, call: Call) -> Result<Answer> {
    let (paging, seen) = (Paging::of(&call.query()?)?, seen_by(&call.ctx)?);
    let rows = call.ctx.read(async |db| paging.read::<super::Feed>(db, seen).await).await?;
    Answer::json(&paging.page(rows, |feed| feed.id))
}

async fn create(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let given: NewFeed = call.parse().await?;
    let (feed, secret) = identity.make_feed(&call.ctx, &given).await?;
    let path = format!("/api/calendar/{secret}.ics");
    let shown = json!({
        "id": feed.id, "name": feed.name, "memberId": feed.member_id, "createdAt": feed.created_at,
        "path": path, "url": identity.options.link(&path),
    });
    Ok(Answer::json(&shown)?.created(&format!("/api/calendar-feeds/{}", feed.id)))
}

async fn revoke_one(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    identity.revoke_feed(&call.ctx, call.id("id")?).await?;
    Ok(Answer::nothing())
}
