//! Mailboxes that are looked into: what arrives there is kept as what webhooks bring, a bounded piece at a time.

use std::{sync::Arc, time::Duration};

use kith_kernel::{Error, Kind, Result, internal};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Registry},
    mail::{Mailbox, Patience},
};
use kith_records::{Manner, Record};
use kith_store::{Select, Write};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::deliveries::{Arrived, keep_in};
use crate::{
    Inbox,
    channels::{self, Begin, CHANNEL, Channel, ChannelKind, Look, Position},
};

/// Mails, and bytes of them, that one look takes; then others have their turn.
const MOST_MAILS: usize = 50;
const MOST_BYTES: u64 = 20 * 1024 * 1024;
/// One look takes so long at most.
const ALL: Duration = Duration::from_mins(5);
/// A mailbox that cannot be looked at is tried again after this time at the latest.
const LONGEST_PAUSE: i64 = 3_600;

/// What came of a look.
#[derive(Default)]
struct Looked {
    /// There is more.
    more: bool,
    /// Why there is no more to say.
    problem: Option<Error>,
    /// What was left out, and why.
    note: Option<String>,
}

impl Looked {
    fn failed(problem: Error) -> Self {
        Self { problem: Some(problem), ..Self::default() }
    }
}

/// A look at work.
struct Work<'a> {
    ctx: &'a Ctx,
    channel: &'a Channel,
    look: &'a Look,
    /// Mails have at most so many bytes.
    most: usize,
}

pub(super) fn register(registry: Registry, inbox: &Arc<Inbox>) -> Registry {
    let inbox = Arc::clone(inbox);
    registry.on(move |job: Look, attempt| {
        let inbox = Arc::clone(&inbox);
        async move { Box::pin(look(&inbox, &attempt, job)).await }
    })
}

async fn look(inbox: &Inbox, attempt: &Attempt, look: Look) -> Result<(), Failure> {
    // The house looks, whoever named the mailbox.
    let ctx = &attempt.app.as_system(attempt.actor.tenant);
    let found = ctx.read(async |db| {
        let Some(position) = channels::position(db, &look).await? else { return Ok(None) };
        match channels::load(ctx, db, look.channel).await {
            Ok(channel) => Ok(Some((channel, position))),
            // It was deleted, and is followed again when it is brought back.
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    });
    let Some((channel, position)) = found.await? else { return Ok(()) };
    let is_followed = channel.is_active && channel.kind == ChannelKind::Email;
    let Some(url) = channel.get("imapUrl").filter(|_| is_followed) else { return Ok(()) };
    let most = inbox.far.options.mail_bytes;
    let work = Work { ctx, channel: &channel, look: &look, most };
    let looked = inbox.look_into(&work, (url, &position)).await?;
    inbox.settle_look(attempt, &work, looked).await
}

impl Inbox {
    async fn look_into(
        &self,
        work: &Work<'_>,
        (url, position): (&str, &Position),
    ) -> Result<Looked, Failure> {
        let patience = Patience { all: ALL, ..Patience::of(&work.ctx.app.settings) };
        let opened = async {
            let place = channels::imap(url)?;
            let mailbox = self.far.mailbox(&place, patience).await?;
            Ok((channels::name_of(&place), mailbox))
        };
        let (place, mut mailbox) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return Ok(Looked::failed(error)),
        };
        let (begin, note) = work.begin(position, (place, &mailbox));
        let is_moved = position.place.as_deref() != Some(&begin.place)
            || position.validity != Some(i64::from(begin.validity));
        if is_moved {
            let ctx = work.ctx;
            ctx.write(async |db| channels::advance(db, work.look, &begin).await).await?;
        }
        let looked = work.take(&mut mailbox, begin).await?;
        // Where it said no, or too much, there is nobody to say goodbye to.
        if looked.problem.is_none() {
            mailbox.leave().await;
        }
        Ok(Looked { note: looked.note.or(note), ..looked })
    }

    /// Notes at the channel what came of a look, and has the next one come.
    async fn settle_look(
        &self,
        attempt: &Attempt,
        work: &Work<'_>,
        looked: Looked,
    ) -> Result<(), Failure> {
        let ctx = work.ctx;
        let pause = i64::try_from(self.far.options.imap_seconds).unwrap_or(i64::MAX);
        let written = async |db: &Write| {
            let Some(position) = channels::position(db, work.look).await? else {
                return jobs::finish(attempt, db).await;
            };
            let failures = if looked.problem.is_some() { position.failures + 1 } else { 0 };
            if failures != position.failures {
                channels::failed(db, work.look, failures).await?;
            }
            self.note_look(work, db, (&looked, position.failures > 0)).await?;
            let seconds = match (failures, looked.more) {
                (0, true) => 0,
                (0, false) => pause,
                _ => longer(pause, failures),
            };
            jobs::again_at(attempt, db, ctx.now().plus_seconds(seconds)).await
        };
        Box::pin(ctx.write(written)).await?;
        Ok(())
    }

    async fn note_look(
        &self,
        work: &Work<'_>,
        db: &Write,
        (looked, had_failed): (&Looked, bool),
    ) -> Result<()> {
        #[derive(Deserialize)]
        struct Told {
            status: Option<String>,
            status_reason: Option<String>,
        }
        let (ctx, id) = (work.ctx, work.channel.id);
        let select = Select::from(CHANNEL.plural).show(&["status", "status_reason"]);
        let Some(told) = db.first::<Told>(select.whose("id", id)).await? else { return Ok(()) };
        let reason = looked.problem.as_ref().map(|error| error.message().to_owned());
        let wanted = match (&reason, &looked.note) {
            (Some(_), _) => ("ERROR", reason),
            (None, Some(note)) => ("ACTIVE", Some(note.clone())),
            (None, None) if had_failed || !work.channel.is_connected => ("ACTIVE", None),
            (None, None) => return Ok(()),
        };
        if told.status.as_deref() == Some(wanted.0) && told.status_reason == wanted.1 {
            return Ok(());
        }
        let mut changes = json!({ "status": wanted.0, "statusReason": wanted.1 });
        if wanted.0 == "ACTIVE" && !work.channel.is_connected {
            changes["connectedAt"] = json!(ctx.now());
        }
        let changes: Record = Json::as_object(&changes).cloned().unwrap_or_default();
        let change = (id, changes, Manner::HOUSE_KNOWS);
        self.records.update(ctx, db, &CHANNEL, change).await.map(drop)
    }
}

/// Each pause is twice the one before.
fn longer(pause: i64, failures: i64) -> i64 {
    let doubled = 1_i64.checked_shl(u32::try_from(failures - 1).unwrap_or(0).min(16));
    pause.saturating_mul(doubled.unwrap_or(1)).min(LONGEST_PAUSE.max(pause))
}

impl Work<'_> {
    /// Where a look begins, and what is to be said of that.
    fn begin(
        &self,
        known: &Position,
        (place, mailbox): (String, &Mailbox),
    ) -> (Begin, Option<String>) {
        let is_same_place = known.place.as_deref() == Some(&place);
        let is_same = is_same_place && known.validity == Some(i64::from(mailbox.validity));
        let before = known.next_uid.and_then(|next| u32::try_from(next).ok()).filter(|_| is_same);
        let takes_all = self.channel.get("imapFrom") == Some("all");
        let next = before.unwrap_or(if takes_all { 1 } else { mailbox.next });
        let note = (is_same_place && !is_same && !takes_all).then(|| {
            "The mailbox numbers its mails anew; what arrived since the last look is not taken."
                .to_owned()
        });
        (Begin { place, validity: mailbox.validity, next }, note)
    }

    /// Takes what arrived, in order.
    async fn take(&self, mailbox: &mut Mailbox, mut at: Begin) -> Result<Looked, Failure> {
        let window = match mailbox.window(at.next).await {
            Ok(window) => window,
            Err(error) => return Ok(Looked::failed(error)),
        };
        let (mut looked, mut bytes) = (Looked::default(), 0_u64);
        for (count, mail) in window.mails.iter().enumerate() {
            if self.ctx.app.tasks.is_stopping() {
                return Err(Failure::Stopped(internal("the application stops")));
            }
            bytes = bytes.saturating_add(mail.bytes);
            let is_enough = count > 0 && (count >= MOST_MAILS || bytes > MOST_BYTES);
            if is_enough || mailbox.is_late() {
                looked.more = true;
                return Ok(looked);
            }
            at.next = mail.uid.saturating_add(1);
            let is_large = mail.bytes > self.most as u64;
            let read = if is_large { Err(None) } else { read(mailbox, mail.uid, self.most).await };
            match read {
                Ok(mail) => self.keep(mail, &at).await?,
                Err(Some(error)) => return Ok(Looked { problem: Some(error), ..looked }),
                Err(None) => {
                    looked.note = Some(self.left_out(mail.bytes));
                    self.keep(None, &at).await?;
                    // It is larger than the server said, and stands in the way of what comes behind it.
                    if !is_large {
                        looked.more = true;
                        return Ok(looked);
                    }
                }
            }
        }
        if at.next < window.until {
            at.next = window.until;
            self.keep(None, &at).await?;
        }
        looked.more = window.until < mailbox.next;
        Ok(looked)
    }

    fn left_out(&self, bytes: u64) -> String {
        let most = self.most;
        format!("A mail of {bytes} bytes was left out; mails may have {most} (INBOUND_MAIL_BYTES).")
    }

    /// Keeps a mail, and in the same write that it was looked at.
    async fn keep(&self, mail: Option<Vec<u8>>, at: &Begin) -> Result<(), Failure> {
        let kept = mail.filter(|bytes| !bytes.is_empty()).map(|bytes| Arrived::of(&bytes));
        let ctx = self.ctx;
        ctx.write(async |db| {
            if let Some(kept) = &kept {
                keep_in((ctx, db), self.channel.id, kept).await?;
            }
            channels::advance(db, self.look, at).await
        })
        .await?;
        Ok(())
    }
}

/// A mail; without an error where it is larger than mails may be.
async fn read(
    mailbox: &mut Mailbox,
    uid: u32,
    most: usize,
) -> Result<Option<Vec<u8>>, Option<Error>> {
    match mailbox.mail(uid, most).await {
        Ok(mail) => Ok(mail),
        Err(error) if error.kind() == Kind::TooLarge => Err(None),
        Err(error) => Err(Some(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::longer;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert_eq!(
            [1, 2, 3, 9, 900].map(|failures| longer(60, failures)),
            [60, 120, 240, 3_600, 3_600]
        );
        assert_eq!(longer(7_200, 5), 7_200);
    }
}
