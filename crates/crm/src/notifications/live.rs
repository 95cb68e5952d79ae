//! Notifications by sockets: members hear of what they shall know, and say what they have read.

use kith_http::{Happening, LiveEvents, Piece, Said, To};
use kith_kernel::{Id, Result, Role};
use serde_json::{Value as Json, json};

use super::{Why, mark_read, unread};

/// Objects whose new owners are notified.
const OWNED: [&str; 6] = ["account", "activity", "contact", "deal", "lead", "task"];

/// What members are told of changes that they are notified of.
pub fn tell_sockets(happening: &Happening<'_>) -> Vec<Piece> {
    let Happening { event, record, after, .. } = happening;
    let member = |key: &str| after.get(key)?.as_str()?.parse::<Id>().ok();
    let told = if event.name == "task.reminded" {
        member("memberId").map(|member| (member, Why::Reminder))
    } else {
        let is_change = event.name.ends_with(".created") || event.name.ends_with(".updated");
        let by_somebody = event.via != "system";
        let is_owned = OWNED.contains(&event.object.as_str());
        let owner = member("ownerId").filter(|_| is_change && is_owned && by_somebody);
        owner.filter(|owner| Some(*owner) != event.member_id).map(|owner| (owner, Why::Assigned))
    };
    let Some((member, why)) = told else { return Vec::new() };
    let payload = [
        ("kind", json!(why.name())),
        ("object", json!(event.object)),
        ("recordId", json!(record)),
        ("at", json!(event.at)),
    ];
    let payload = payload.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    vec![Piece { name: "new_notification", to: To::Member(member), payload, lean: None }]
}

/// What sockets may say of notifications.
pub fn live_events() -> LiveEvents {
    LiveEvents::new().on("mark_notification_read", mark).on("request_unread_notifications", count)
}

async fn mark(said: Said) -> Result<Json> {
    said.require(Role::Viewer, ("notifications", "write"))?;
    let id = said.id("notificationId")?;
    let notification = mark_read(&said.ctx, id).await?;
    said.reply("notification_marked_read", &json!({ "notificationId": id }));
    Ok(notification)
}

async fn count(said: Said) -> Result<Json> {
    said.require(Role::Viewer, ("notifications", "read"))?;
    let ctx = &said.ctx;
    let told = json!({ "unread": ctx.read(async |db| unread(ctx, db).await).await? });
    said.reply("unread_notifications", &told);
    Ok(told)
}
