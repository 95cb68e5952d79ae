//! The job that sends a mail: marked before it leaves the house, settled after, under one Message-ID throughout.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use kith_kernel::{Id, Result, Time, internal};
use kith_store::{Select, Update, Value, Write};
use lettre::{
    Message,
    message::{
        MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use serde::Deserialize;

use super::{SendMail, State, WHY, transport::Post};
use crate::{
    Settings, crash,
    jobs::{self, Attempt, Failure, Registry},
};

#[derive(Deserialize)]
struct Row {
    id: Id,
    to_address: String,
    subject: String,
    body: Option<String>,
    html: Option<String>,
    message_id: String,
    state: State,
    created_at: Time,
}

/// Registers the job that sends mails, by the server of the settings.
///
/// # Errors
/// `Unavailable` when the sender or the server's address makes no sense.
pub fn register(registry: Registry, settings: &Settings) -> Result<Registry> {
    let post = Arc::new(Post::new(settings)?);
    Ok(registry.on(move |job: SendMail, attempt| {
        let post = Arc::clone(&post);
        async move { deliver(&post, job.mail, &attempt).await }
    }))
}

/// Whether the mail server of the settings answers.
///
/// # Errors
/// `Unavailable` when none is configured or it does not.
pub async fn try_server(settings: &Settings) -> Result<()> {
    Post::new(settings)?.try_server().await
}

async fn deliver(post: &Post, mail: Id, attempt: &Attempt) -> Result<(), Failure> {
    let select = Select::from("mails").whose("id", mail);
    let row: Option<Row> =
        attempt.app.db.read_everywhere(WHY, async |db| db.first(select).await).await?;
    let Some(row) = row else { return Ok(()) };
    match row.state {
        State::Queued | State::Sending => {}
        State::Sent | State::Failed | State::Stored => return Ok(()),
    }
    if !post.is_configured() {
        let stored = Update::table("mails").set("state", "stored");
        return Ok(settle(attempt, stored.whose("id", mail)).await?);
    }
    let message = message(post, &row).map_err(Failure::GiveUp)?;
    crash::point("mail.before-sending");
    let sending = Update::table("mails").set("state", "sending").plus("attempts", 1);
    write(attempt, sending.whose("id", mail)).await?;
    crash::point("mail.sending");
    match post.hand_over(message).await {
        Ok(()) => {
            crash::point("mail.sent");
            // What it said is its receiver's from now on: it may hold a link that lets its reader in.
            let sent = Update::table("mails")
                .set("state", "sent")
                .set("sent_at", attempt.now())
                .set("error", Value::Null)
                .set("body", Value::Null)
                .set("html", Value::Null);
            Ok(settle(attempt, sent.whose("id", mail)).await?)
        }
        Err(failure) => {
            let again = matches!(failure, Failure::Retry(_)) && !attempt.is_last();
            let refused = Update::table("mails")
                .set("state", if again { "queued" } else { "failed" })
                .set("error", failure.error().in_one_line());
            write(attempt, refused.whose("id", mail)).await?;
            Err(failure)
        }
    }
}

/// The mail's new state and the end of its job in one write.
async fn settle(attempt: &Attempt, update: Update) -> Result<()> {
    attempt
        .write(async |db: &Write| {
            db.everywhere(WHY).update(update).await?;
            jobs::finish(attempt, db).await
        })
        .await
}

async fn write(attempt: &Attempt, update: Update) -> Result<()> {
    attempt.write(async |db: &Write| db.everywhere(WHY).update(update).await.map(drop)).await
}

fn message(post: &Post, row: &Row) -> Result<Message> {
    let unfit = || internal(format!("the mail {} cannot be written", row.id));
    let to = row.to_address.parse().map_err(|_| unfit())?;
    let written = u64::try_from(row.created_at.milliseconds()).unwrap_or_default();
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let builder = Message::builder()
        .from(post.from.clone())
        .to(lettre::message::Mailbox::new(None, to))
        .subject(row.subject.clone())
        .message_id(Some(row.message_id.clone()))
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(written))
        // Answering machines leave such mails alone.
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
    let text = row.body.clone().unwrap_or_default();
    let message = match row.html.clone() {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
        None => builder.singlepart(SinglePart::plain(text)),
    };
    message.map_err(|error| unfit().caused_by(error))
}
