//! Routes of channels beyond the common ones: trying one, and what its far side is to be told.

use std::{sync::Arc, time::Instant};

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use serde_json::{Value as Json, json};

use super::{ChannelKind, load};
use crate::Inbox;

pub(crate) fn routes(inbox: &Arc<Inbox>) -> Routes {
    let test = Operation::post("/api/channels/{id}/test", "channels", "Try a channel")
        .role(Role::Admin)
        .scope("channels", "write")
        .idempotency(Idempotency::Refused)
        .seconds(60)
        .answers(
            200,
            "What the far side said; the channel keeps it, too.",
            schema::named("ChannelTrial"),
        );
    let webhook = Operation::get(
        "/api/channels/{id}/webhook",
        "channels",
        "What the far side of a channel is to be told",
    )
    .role(Role::Admin)
    .scope("channels", "write")
    .answers(200, "Address and tokens for the far side.", schema::named("ChannelWebhook"));
    let (one, two) = (Arc::clone(inbox), Arc::clone(inbox));
    Routes::new()
        .add(test, move |call| try_out(Arc::clone(&one), call))
        .add(webhook, move |call| webhook_of(Arc::clone(&two), call))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let trial = schema::object(
        vec![
            ("success", schema::boolean()),
            ("status", schema::one_of(&["connected", "failed"])),
            ("reason", schema::nullable(schema::string())),
            ("responseTimeMs", schema::integer()),
            ("details", schema::open_object()),
        ],
        &["success", "status", "reason", "responseTimeMs", "details"],
    );
    let text = || schema::nullable(schema::string());
    let webhook = schema::object(
        vec![
            ("url", schema::nullable(schema::string())),
            ("verifyToken", text()),
            ("secretToken", text()),
            ("apiKey", text()),
            ("signingSecret", text()),
            ("inboundKey", text()),
            ("widget", text()),
        ],
        &["url", "verifyToken", "secretToken", "apiKey", "signingSecret", "inboundKey", "widget"],
    );
    vec![("ChannelTrial".to_owned(), trial), ("ChannelWebhook".to_owned(), webhook)]
}

async fn try_out(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let began = Instant::now();
    let outcome = inbox.try_channel(&call.ctx, call.id("id")?).await?;
    Answer::json(&json!({
        "success": outcome.succeeded,
        "status": if outcome.succeeded { "connected" } else { "failed" },
        "reason": outcome.reason,
        "responseTimeMs": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "details": outcome.details,
    }))
}

async fn webhook_of(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (ctx, id) = (&call.ctx, call.id("id")?);
    let channel = ctx.read(async |db| load(ctx, db, id).await).await?;
    let base = inbox.public_url();
    let path = match channel.kind {
        ChannelKind::WhatsApp => Some("whatsapp".to_owned()),
        ChannelKind::Facebook => Some("facebook".to_owned()),
        ChannelKind::Instagram => Some("instagram".to_owned()),
        ChannelKind::Telegram => Some(format!("telegram/{id}")),
        ChannelKind::Email => Some(format!("email/{id}")),
        ChannelKind::Api => Some(format!("in/{id}")),
        ChannelKind::Website => None,
    };
    let widget = (channel.kind == ChannelKind::Website).then(|| {
        format!("<script src=\"{base}/chat/widget.js\" data-channel=\"{id}\" async></script>")
    });
    Answer::json(&json!({
        "url": path.map(|path| format!("{base}/api/webhooks/{path}")),
        "verifyToken": channel.get("verifyToken"),
        "secretToken": channel.get("secretToken"),
        "apiKey": channel.get("apiKey"),
        "signingSecret": channel.get("signingSecret"),
        "inboundKey": channel.get("inboundKey"),
        "widget": widget,
    }))
}
