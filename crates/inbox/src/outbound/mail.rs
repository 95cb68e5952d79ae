//! Mails that go out: over the channel's own server or the house's, with the headers that keep a conversation together.

use kith_kernel::{Id, Result};
use kith_platform::{Ctx, mail::Letter};
use kith_store::{Condition, Read, Select};
use serde::Deserialize;
use serde_json::Value as Json;

use super::Sending;
use crate::{
    Inbox, channels::Channel, conversations::CONVERSATION, far::Refusal, messages::MESSAGE,
    wire::Outgoing,
};

/// Mails that are named as those before.
const MOST_REFERENCES: u64 = 20;
/// Ids that were made for mails without one are nobody else's.
const MADE: &str = "@mail.invalid";

#[derive(Deserialize)]
struct Place {
    subject: Option<String>,
    customer_handle: Option<String>,
    contact_id: Option<Id>,
}

#[derive(Deserialize)]
struct Said {
    id: Id,
    source_id: Option<String>,
    direction: Option<String>,
    metadata: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: Option<String>,
}

/// What a mail follows from.
struct Talk {
    subject: Option<String>,
    to: Option<String>,
    /// The oldest first.
    before: Vec<Said>,
}

impl Inbox {
    /// Sends a message as a mail; says its Message-ID.
    pub(super) async fn to_mail(
        &self,
        ctx: &Ctx,
        sending: &Sending,
        message: &Outgoing<'_>,
    ) -> std::result::Result<Option<String>, Refusal> {
        let channel = &sending.channel;
        let server = self.far.mail_server(&ctx.app.settings, channel.get("smtpUrl"))?;
        let of = sending.message.conversation_id;
        let talk = ctx.read(async |db| talk(db, of).await).await.map_err(Refusal::Later)?;
        let letter = letter(ctx, (sending, message), talk)?;
        server.send(&letter).await?;
        Ok(Some(letter.message_id))
    }
}

fn letter(
    ctx: &Ctx,
    (sending, message): (&Sending, &Outgoing<'_>),
    talk: Talk,
) -> std::result::Result<Letter, Refusal> {
    let channel: &Channel = &sending.channel;
    let own = channel.need("address").map_err(|error| Refusal::never(&error))?;
    let nobody = || Refusal::Never("The conversation has nobody at its far side.".to_owned());
    let domain = own.rsplit('@').next().unwrap_or("localhost");
    let has_own_server = channel.get("smtpUrl").is_some();
    let named = |said: &Said| said.source_id.clone().filter(|source| !source.ends_with(MADE));
    let is_inbound = |said: &&Said| said.direction.as_deref() == Some("INBOUND");
    let answered = talk.before.iter().rfind(is_inbound);
    let answers = sending.reply_to.clone().filter(|source| !source.ends_with(MADE));
    let subject = talk.subject.unwrap_or_else(|| channel.name.clone());
    let is_answer = answered.is_some() && !subject.trim_start().to_lowercase().starts_with("re:");
    Ok(Letter {
        from_name: channel.name.clone(),
        // Over the house's server nobody writes in a name that the house cannot vouch for.
        from: has_own_server.then(|| own.to_owned()),
        reply_to: (!has_own_server).then(|| own.to_owned()),
        to: talk.to.ok_or_else(nobody)?,
        subject: if is_answer { format!("Re: {subject}") } else { subject },
        text: message.content.to_owned(),
        message_id: format!("{}@{domain}", sending.message.id),
        in_reply_to: answers.or_else(|| answered.and_then(named)),
        references: talk
            .before
            .iter()
            .filter(|said| said.id != sending.message.id)
            .filter_map(named)
            .collect(),
        is_automatic: matches!(sending.message.sender.as_deref(), Some("AGENT" | "SYSTEM")),
        at: Some(ctx.now()),
        file: message
            .file
            .map(|file| (file.name.clone(), file.content_type.clone(), file.bytes.clone())),
    })
}

/// What a conversation says to a mail of it.
async fn talk(db: &Read, conversation: Id) -> Result<Talk> {
    let place: Option<Place> =
        db.first(Select::from(CONVERSATION.plural).whose("id", conversation)).await?;
    let select = Select::from(MESSAGE.plural)
        .show(&["id", "source_id", "direction", "metadata"])
        .whose("conversation_id", conversation)
        .whose("is_automatic", false)
        .only(Condition::In("direction", ["INBOUND", "OUTBOUND"].map(Into::into).to_vec()))
        .only(Condition::Not(Box::new(Condition::Null("source_id"))))
        .only(Condition::Null("deleted_at"))
        .by("sequence", true)
        .at_most(MOST_REFERENCES);
    let mut before: Vec<Said> = db.all(select).await?;
    before.reverse();
    let Some(place) = place else { return Ok(Talk { subject: None, to: None, before }) };
    let is_address = |text: &String| text.contains('@');
    let mut to = place.customer_handle.filter(is_address);
    if let Some(wished) = to.as_deref().and_then(|to| wished(&before, to)) {
        to = Some(wished);
    }
    if let (None, Some(contact)) = (&to, place.contact_id) {
        let select =
            Select::from("contacts").whose("id", contact).only(Condition::Null("deleted_at"));
        to = db.first::<Address>(select).await?.and_then(|found| found.email);
    }
    Ok(Talk { subject: place.subject, to, before })
}

/// Where the customer last said that answers shall go.
fn wished(before: &[Said], customer: &str) -> Option<String> {
    let address =
        |metadata: &Json, key: &str| metadata[key][0]["address"].as_str().map(str::to_owned);
    before
        .iter()
        .rev()
        .filter(|said| said.direction.as_deref() == Some("INBOUND"))
        .find_map(|said| {
            let metadata: Json = serde_json::from_str(said.metadata.as_deref()?).ok()?;
            let from = address(&metadata, "from")?;
            from.eq_ignore_ascii_case(customer)
                .then(|| address(&metadata, "replyTo"))
                .map(Option::unwrap_or_default)
        })
        .filter(|wished| wished.contains('@'))
}
