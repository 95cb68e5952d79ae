//! The inbox of the demo tenant: a shop that sells lamps, with what it tells its customers, an agent that answers from it,
//! and channels whose far sides run here.

use kith_assistant::{DOCUMENT, agents::AGENT};
use kith_inbox::channels::CHANNEL;
use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_records::{Manner, Object, Record, Records};
use kith_store::{Condition, Select};
use serde_json::{Value as Json, json};

use crate::wire::House;

/// What the shop tells its customers.
const ANSWERS: [(&str, &str); 6] = [
    (
        "How long does delivery take?",
        "Lamps leave our workshop on the next working day. Delivery takes two to four working days within the country and up to nine abroad.",
    ),
    (
        "Can I send a lamp back?",
        "You can send any lamp back within 30 days. Use the box that it came in; we pay for the return.",
    ),
    (
        "Is there a warranty?",
        "Every lamp has a warranty of five years. Cables and switches are covered, broken glass is not.",
    ),
    (
        "Which bulbs fit?",
        "All table lamps take E14 bulbs of at most 40 watts, all floor lamps E27 bulbs of at most 60 watts.",
    ),
    (
        "When is the shop open?",
        "The shop is open Monday to Friday from 9:00 to 18:00, and on Saturday from 10:00 to 14:00.",
    ),
    (
        "Do you repair old lamps?",
        "We repair our own lamps, however old they are. A repair costs 35 euros and takes about a week.",
    ),
];

/// Makes it where the tenant has no channel yet.
pub(super) async fn furnish(house: &House, ctx: &Ctx) -> Result<()> {
    let known = ctx.read(async |db| db.exists(Select::from(CHANNEL.plural)).await).await?;
    if known {
        return Ok(());
    }
    tracing::info!("making the demo tenant's inbox");
    for (question, answer) in ANSWERS {
        let document = json!({
            "type": "MANUAL", "name": question, "status": "PROCESSING", "question": question,
            "answer": answer,
        });
        make(&house.records, ctx, (&DOCUMENT, document)).await?;
    }
    let agent = json!({
        "name": "Lumi", "role": "the voice of a shop that makes lamps", "isActive": true,
        "instructions": "Be friendly and brief.", "disclosure": "I am Lumi, the shop's assistant.",
    });
    let agent = make(&house.records, ctx, (&AGENT, agent)).await?;
    for channel in channels(ctx, agent) {
        make(&house.records, ctx, (&CHANNEL, channel)).await?;
    }
    Ok(())
}

/// The channel of its web chat.
pub(super) async fn chat(ctx: &Ctx) -> Result<Option<Id>> {
    let select = Select::from(CHANNEL.plural)
        .show(&["id"])
        .whose("type", "WEBSITE")
        .whose("is_active", true)
        .only(Condition::Null("deleted_at"))
        .by("id", false)
        .at_most(1);
    Ok(ctx.read(async |db| db.ids(&select).await).await?.first().copied())
}

/// A channel of each kind that has a far side, with secrets of their own, and a web chat.
fn channels(ctx: &Ctx, agent: Id) -> [Json; 5] {
    let secret = || ctx.new_id().simple();
    let page = |kind: &str, name: &str, id: &str| {
        json!({
            "type": kind, "name": name, "agentId": agent,
            "config": { "pageId": id, "accessToken": secret(), "appSecret": secret() },
        })
    };
    let whatsapp = json!({
        "type": "WHATSAPP", "name": "Lamps on WhatsApp", "agentId": agent,
        "config": { "phoneNumberId": "15550102030", "accessToken": secret(), "appSecret": secret() },
    });
    let telegram = json!({
        "type": "TELEGRAM", "name": "Lamps on Telegram", "agentId": agent,
        "config": { "botToken": format!("15550:{}", secret()) },
    });
    [
        whatsapp,
        page("FACEBOOK", "Lamps on Messenger", "15550102031"),
        page("INSTAGRAM", "Lamps on Instagram", "15550102032"),
        telegram,
        json!({
            "type": "WEBSITE", "name": "Lamps on the web", "agentId": agent,
            "config": { "title": "Lamps", "greeting": "Good day! Ask me anything about our lamps.", "color": "#8a4b08" },
        }),
    ]
}

async fn make(
    records: &Records,
    ctx: &Ctx,
    (object, input): (&'static Object, Json),
) -> Result<Id> {
    let input: Record = input.as_object().cloned().unwrap_or_default();
    let made =
        ctx.write(async |db| records.create_in(ctx, db, object, (input, Manner::HOUSE)).await);
    Ok(made.await?.0)
}
