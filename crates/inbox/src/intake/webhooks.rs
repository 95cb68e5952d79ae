//! Webhooks: where far sides post. Each finds its channel by its own identity, is checked against that channel's secrets,
//! and is kept before it is acknowledged.

use std::sync::Arc;

use axum::http::HeaderName;
use kith_http::{Access, Answer, Body, Call, LimitClass, Operation, Routes, schema};
use kith_kernel::{
    Error, Id, Kind, Result, forbidden, invalid, malformed, not_found, unauthenticated,
};
use kith_platform::Ctx;
use serde_json::{Value as Json, json};

use super::deliveries::keep;
use crate::{
    Inbox,
    channels::{self, Channel, ChannelKind, Claim, Identity},
    signatures,
    wire::{generic, json, messenger, whatsapp},
};

const META: HeaderName = HeaderName::from_static("x-hub-signature-256");
const TELEGRAM: HeaderName = HeaderName::from_static("x-telegram-bot-api-secret-token");
pub(super) const OWN: HeaderName = HeaderName::from_static("x-kith-signature");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const TAG: &str = "inbound webhooks";

pub(super) fn posted(inbox: &Inbox, path: &str, summary: &str) -> Operation {
    Operation::post(path, TAG, summary)
        .access(Access::Public)
        .limit(LimitClass::Free)
        .body_bytes(inbox.far.options.webhook_bytes)
        .body(schema::open_object())
        .answers(200, "It is kept; what it says is worked on behind this answer.", taken())
        .refuses(401, "It is not signed by who it should be.")
        .refuses(404, "No channel that is switched on is meant.")
}

fn taken() -> schema::Schema {
    schema::object(
        vec![
            ("received", schema::boolean()),
            ("duplicate", schema::described(schema::boolean(), "It came before.")),
        ],
        &["received", "duplicate"],
    )
}

pub(crate) fn routes(inbox: &Arc<Inbox>) -> Routes {
    let mut routes = Routes::new();
    for (name, kind) in [
        ("whatsapp", ChannelKind::WhatsApp),
        ("facebook", ChannelKind::Facebook),
        ("instagram", ChannelKind::Instagram),
    ] {
        let path = format!("/api/webhooks/{name}");
        let verify = Operation::get(&path, TAG, "Say that the webhook is meant, as Meta asks")
            .access(Access::Public)
            .limit(LimitClass::Free)
            .query("hub.mode", schema::string(), "subscribe")
            .query("hub.verify_token", schema::string(), "The token of the channel.")
            .query("hub.challenge", schema::string(), "What is answered.")
            .answers_text(200, "The challenge.", "text/plain")
            .refuses(403, "The token is of no channel.");
        let (one, two) = (Arc::clone(inbox), Arc::clone(inbox));
        routes = routes
            .add(verify, move |call| verify_token(Arc::clone(&one), call, kind))
            .add(posted(inbox, &path, "What Meta tells"), move |call| {
                meta(Arc::clone(&two), call, kind)
            });
    }
    let (one, two) = (Arc::clone(inbox), Arc::clone(inbox));
    routes
        .add(
            posted(inbox, "/api/webhooks/telegram/{channelId}", "What Telegram tells"),
            move |call| telegram(Arc::clone(&one), call),
        )
        .add(
            posted(inbox, "/api/webhooks/in/{channelId}", "What a channel of one's own tells")
                .refuses(422, "It holds no message."),
            move |call| own(Arc::clone(&two), call),
        )
        .and(super::mails::routes(inbox))
}

async fn verify_token(inbox: Arc<Inbox>, call: Call, kind: ChannelKind) -> Result<Answer> {
    let query = call.query()?;
    let token = query.get("hub.verify_token")?.unwrap_or_default();
    let wrong = || forbidden("The verify token is of no channel.").coded("verify_token");
    if query.get("hub.mode")? != Some("subscribe") || token.is_empty() {
        return Err(wrong());
    }
    let challenge = query.get("hub.challenge")?.unwrap_or_default();
    // Pages and accounts of one app share one address.
    for kind in [kind, ChannelKind::Facebook, ChannelKind::Instagram] {
        let claims =
            channels::find(&call.ctx.app.db, Identity::VerifyToken, (kind.name(), token)).await?;
        for claim in claims {
            if inbox.open(&call.ctx, claim).await?.is_some() {
                return Ok(Answer::text("text/plain", challenge.to_owned()));
            }
        }
    }
    Err(wrong())
}

/// The body as JSON, and as it came.
async fn read(call: &mut Call) -> Result<(Body, Json)> {
    let body = call.body().await?;
    let json = json::read(&body.0)
        .map_err(|error| malformed(format!("The body is not JSON: {error}.")))?;
    if !json.is_object() {
        return Err(malformed("The body must be a JSON object."));
    }
    Ok((body, json))
}

pub(super) fn received(is_new: bool) -> Result<Answer> {
    Answer::json(&json!({ "received": true, "duplicate": !is_new }))
}

pub(super) fn unsigned() -> Error {
    unauthenticated("The signature does not fit the body and the secret of the channel.")
        .coded("signature")
}

async fn meta(inbox: Arc<Inbox>, mut call: Call, kind: ChannelKind) -> Result<Answer> {
    let (body, json) = read(&mut call).await?;
    let signature = call.header(&META).unwrap_or_default().to_owned();
    let kind = match json["object"].as_str() {
        Some("instagram") if kind != ChannelKind::WhatsApp => ChannelKind::Instagram,
        Some("page") if kind != ChannelKind::WhatsApp => ChannelKind::Facebook,
        _ => kind,
    };
    let pieces = match kind {
        ChannelKind::WhatsApp => whatsapp::pieces(&json),
        _ => messenger::pieces(&json),
    };
    let mut refused = None;
    let mut kept = None;
    for (identity, piece) in grouped(pieces) {
        let meant = Meant { kind, identity: &identity, body: &body, signature: &signature };
        match inbox.signed(&call.ctx, &meant).await {
            Ok((ctx, channel)) => {
                let is_new = keep(&ctx, channel.id, piece.to_string()).await?;
                kept = Some(kept.unwrap_or(false) | is_new);
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (kept, refused) {
        // What is for somebody is taken, whatever else came along.
        (Some(is_new), _) => received(is_new),
        (None, Some(error)) => Err(error),
        (None, None) => Err(not_found("channel")),
    }
}

/// Pieces of one number or page together, in order.
fn grouped(pieces: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut groups: Vec<(String, Vec<Json>)> = Vec::new();
    for (identity, piece) in pieces {
        match groups.iter_mut().find(|(known, _)| *known == identity) {
            Some((_, group)) => group.push(piece),
            None => groups.push((identity, vec![piece])),
        }
    }
    groups.into_iter().map(|(identity, group)| (identity, Json::Array(group))).collect()
}

/// For which channel something is meant, and what shall prove it.
struct Meant<'a> {
    kind: ChannelKind,
    identity: &'a str,
    body: &'a Body,
    signature: &'a str,
}

impl Inbox {
    /// A channel that is switched on, and the application inside its tenant.
    async fn open(&self, ctx: &Ctx, claim: Claim) -> Result<Option<(Ctx, Channel)>> {
        let ctx = ctx.app.as_system(claim.tenant_id);
        let found = ctx.read(async |db| channels::load(&ctx, db, claim.channel_id).await).await;
        match found {
            Ok(channel) => Ok(channel.is_active.then_some((ctx, channel))),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The channel whose secret signed what came in.
    async fn signed(&self, ctx: &Ctx, meant: &Meant<'_>) -> Result<(Ctx, Channel)> {
        let of = (meant.kind.name(), meant.identity);
        let mut is_known = false;
        for claim in channels::find(&ctx.app.db, Identity::Own, of).await? {
            let Some((ctx, channel)) = self.open(ctx, claim).await? else { continue };
            is_known = true;
            let operators = Some(self.far.options.facebook_app_secret.as_str());
            let secret = channel.get("appSecret").or(operators).filter(|text| !text.is_empty());
            let fits = secret.is_some_and(|secret| {
                signatures::is_of_meta(secret, &meant.body.0, meant.signature)
            });
            if fits {
                return Ok((ctx, channel));
            }
        }
        Err(if is_known { unsigned() } else { not_found("channel") })
    }

    pub(crate) async fn named(&self, call: &Call, kind: ChannelKind) -> Result<(Ctx, Channel)> {
        let id = call.id("channelId")?.to_string();
        let claims = channels::find(&call.ctx.app.db, Identity::Channel, ("", &id)).await?;
        for claim in claims {
            if let Some((ctx, channel)) = self.open(&call.ctx, claim).await?
                && channel.kind == kind
            {
                return Ok((ctx, channel));
            }
        }
        Err(not_found("channel"))
    }
}

async fn telegram(inbox: Arc<Inbox>, mut call: Call) -> Result<Answer> {
    let (_, json) = read(&mut call).await?;
    let (ctx, channel) = inbox.named(&call, ChannelKind::Telegram).await?;
    let given = call.header(&TELEGRAM).unwrap_or_default();
    if !signatures::is_same(channel.need("secretToken")?, given) {
        return Err(unsigned());
    }
    if json.get("update_id").is_none() {
        return Err(invalid("update_id", "is required"));
    }
    received(keep(&ctx, channel.id, json.to_string()).await?)
}

/// The key of a request: `x-api-key`, or a bearer token.
pub(super) fn given_key(call: &Call) -> Option<&str> {
    let bearer = call.header(&axum::http::header::AUTHORIZATION);
    call.header(&API_KEY).or_else(|| bearer?.strip_prefix("Bearer "))
}

async fn own(inbox: Arc<Inbox>, mut call: Call) -> Result<Answer> {
    let (body, json) = read(&mut call).await?;
    let (ctx, channel) = inbox.named(&call, ChannelKind::Api).await?;
    let by_key = match given_key(&call) {
        Some(key) => signatures::is_same(channel.need("apiKey")?, key),
        None => false,
    };
    let by_signature = match call.header(&OWN) {
        Some(header) => {
            let secret = channel.need("signingSecret")?;
            signatures::is_fresh(secret, &body.0, header, ctx.now())
        }
        None => false,
    };
    if !by_key && !by_signature {
        return Err(unsigned());
    }
    generic::check(&json)?;
    received(inbox.keep_own(&ctx, channel.id, json).await?)
}

impl Inbox {
    /// Keeps what a channel of one's own brings; what names no ids gets one, so that two that say the same are two.
    pub(crate) async fn keep_own(&self, ctx: &Ctx, channel: Id, json: Json) -> Result<bool> {
        let named = json.get("id").is_some() || json.get("messages").is_some();
        let body =
            if named { json } else { json!({ "delivery": ctx.new_id(), "messages": [json] }) };
        keep(ctx, channel, body.to_string()).await
    }
}
