//! Mail: written into the installation's outbox in the transaction of what it follows from, then sent by a job.

mod delivery;
mod imap;
mod letter;
mod place;
mod server;
mod transport;

use kith_kernel::{Id, Result, Time, forbidden, invalid};
use kith_store::{
    Comparison, Condition, Delete, Insert, Migration, Read, Select, Step, Table, Write, id,
    integer, text, time,
};
use serde::{Deserialize, Serialize};

pub use {
    delivery::{register, try_server},
    imap::{Mailbox, Patience},
    letter::Letter,
    place::Place,
    server::{NotTaken, Server},
};

use crate::{Ctx, jobs};

/// A mail to one person.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// To whom: an address without a name.
    pub to: String,
    /// What about, in one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML, for readers that show it.
    pub html: Option<String>,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits to be sent.
    Queued,
    /// It is being sent, or was when a process died: then it is sent again under the same Message-ID.
    Sending,
    /// A mail server took it.
    Sent,
    /// It was refused for good, or too often.
    Failed,
    /// No mail server is configured: it stays here to be read.
    Stored,
}

/// A mail in the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Posted {
    /// Its id.
    pub id: Id,
    /// The tenant it was written in; [`Id::NIL`] for none.
    pub tenant_id: Id,
    /// To whom.
    pub to_address: String,
    /// What about.
    pub subject: String,
    /// Plain text, of stored mails alone: the links of others are for their receivers.
    pub body: Option<String>,
    /// What became of it.
    pub state: State,
    /// How often sending was begun.
    pub attempts: u32,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// When it was written.
    pub created_at: Time,
    /// When a mail server took it.
    pub sent_at: Option<Time>,
}

/// The job that sends a mail.
#[derive(Debug, Serialize, Deserialize)]
struct SendMail {
    mail: Id,
}

impl jobs::Job for SendMail {
    const NAME: &'static str = "mail.send";
    /// About a day.
    const RETRY: jobs::Retry =
        jobs::Retry { attempts: 30, first_pause_seconds: 10, longest_pause_seconds: 3600 };
}

const WHY: &str = "mails are of the installation, since many have no tenant";
const LONGEST_SUBJECT: usize = 250;

/// Puts a mail into the outbox and, where there is a mail server, a job for it into the queue, in the transaction of
/// what it follows from.
///
/// # Errors
/// `Invalid` when the address is none.
pub fn send(ctx: &Ctx, db: &Write, mail: &Mail) -> Result<()> {
    let to: lettre::Address =
        mail.to.trim().parse().map_err(|_| invalid("email", "is no e-mail address"))?;
    let id = ctx.new_id();
    let has_server = !ctx.app.settings.text("mail.smtp_url").is_empty();
    let host = transport::host_of(ctx.app.settings.text("mail.from"));
    // PostgreSQL stores no NUL.
    let plain = |text: &str| text.replace('\0', "");
    db.everywhere(WHY).append(Insert::row(
        "mails",
        vec![
            ("id", id.into()),
            ("tenant_id", db.actor().tenant.into()),
            ("to_address", to.to_string().into()),
            ("subject", one_line(&mail.subject).into()),
            ("body", plain(&mail.text).into()),
            ("html", mail.html.as_deref().map(plain).into()),
            ("message_id", format!("<{id}@{host}>").into()),
            ("state", if has_server { "queued" } else { "stored" }.into()),
            ("attempts", 0_i64.into()),
            ("created_at", ctx.now().into()),
        ],
    ))?;
    if has_server {
        jobs::enqueue(ctx, db, &SendMail { mail: id })?;
    }
    Ok(())
}

/// A subject may hold what a stranger typed; a line break in it would begin another header.
fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    spaced.take(LONGEST_SUBJECT).collect::<String>().trim().to_owned()
}

/// Mails of the whole installation, the newest first: those older than `before`, `limit` at most.
///
/// # Errors
/// `Forbidden` for all but those who run the installation.
pub async fn outbox(ctx: &Ctx, before: Option<Id>, limit: u64) -> Result<Vec<Posted>> {
    if !ctx.actor.platform_admin {
        return Err(forbidden("Only those who run the installation read its outbox."));
    }
    let older = before.map(|id| Condition::Compare("id", Comparison::Less, id.into()));
    let select = Select::from("mails").only(Condition::All(older.into_iter().collect()));
    let select = select.by("id", true).at_most(limit);
    let mut mails: Vec<Posted> =
        ctx.app.db.read_everywhere(WHY, async |db| db.all(select).await).await?;
    for mail in mails.iter_mut().filter(|mail| mail.state != State::Stored) {
        mail.body = None;
    }
    Ok(mails)
}

/// Mails of the actor's tenant behind one of them, some at a time, as an address, a subject and texts.
pub async fn of_tenant(db: &Read, after: Option<Id>) -> Result<Vec<Kept>> {
    let behind = after.map(|id| Condition::Compare("id", Comparison::Greater, id.into()));
    let select = Select::from("mails")
        .whose("tenant_id", db.actor().tenant)
        .only(Condition::All(behind.into_iter().collect()));
    db.everywhere(WHY).all(select.by("id", false).at_most(200)).await
}

/// Takes a mail of the actor's tenant out of the outbox; one that was not sent yet never is.
pub async fn erase(db: &Write, mail: Id) -> Result<()> {
    let delete = Delete::from("mails").whose("id", mail).whose("tenant_id", db.actor().tenant);
    db.everywhere(WHY).delete(delete).await.map(drop)
}

/// Takes some mails of the actor's tenant out of the outbox that were written before an instant and are not under way;
/// says how many.
pub async fn forget(db: &Write, (before, most): (Time, u64)) -> Result<u64> {
    let over = ["sent", "failed", "stored"].map(kith_store::Value::from).into();
    let old = Condition::Compare("created_at", Comparison::Less, before.into());
    let select = Select::from("mails").show(&["id"]).whose("tenant_id", db.actor().tenant);
    let select = select.only(old).only(Condition::In("state", over)).by("id", false).at_most(most);
    let (mut ids, outside) = (Vec::new(), db.everywhere(WHY));
    outside
        .each(&select, |row| {
            ids.extend(row.id(0)?.map(kith_store::Value::from));
            Ok(())
        })
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    outside.delete(Delete::from("mails").only(Condition::In("id", ids))).await
}

/// A mail with all that it says.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Kept {
    /// Its id.
    pub id: Id,
    /// To whom.
    pub to_address: String,
    /// What about.
    pub subject: String,
    /// Plain text.
    pub body: Option<String>,
    /// The same as HTML.
    pub html: Option<String>,
    /// When it was written.
    pub created_at: Time,
}

impl Kept {
    /// All that it says, and to whom.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let optional = [self.body.as_deref(), self.html.as_deref()];
        [self.to_address.as_str(), &self.subject].into_iter().chain(optional.into_iter().flatten())
    }
}

pub(crate) fn migration() -> Migration {
    let mails = Table::of_platform(
        "mails",
        &["id"],
        vec![
            id("id").required(),
            id("tenant_id").required(),
            text("to_address").required(),
            text("subject").required(),
            text("body"),
            text("html"),
            text("message_id").required(),
            text("state").required(),
            integer("attempts").required(),
            text("error"),
            time("created_at").required(),
            time("sent_at"),
        ],
    );
    Migration { name: "2026-11-21-mail", steps: vec![Step::Create(mails)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(one_line("Hello\r\nBcc: all@example.com\0"), "Hello  Bcc: all@example.com");
        assert_eq!(one_line(&"é".repeat(300)).chars().count(), LONGEST_SUBJECT);
    }
}
