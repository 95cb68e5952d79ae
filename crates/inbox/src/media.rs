//! Files that come in: fetched from the far side behind the message, and kept as attachments of it.

use std::sync::Arc;

use kith_kernel::{Error, Id, Kind, Result, internal};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
    outgoing::{Request, header},
    storage::{Incoming, kinds},
};
use kith_records::{Manner, Record};
use kith_store::{Select, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    Inbox,
    channels::{self, Channel, ChannelKind},
    far::Refusal,
    messages::MESSAGE,
    wire::{Media, text},
};

const LARGEST: u64 = 32 * 1024 * 1024;

/// Fetches a file of a message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fetch {
    pub(crate) message: Id,
    pub(crate) channel: Id,
    pub(crate) media: Media,
}

impl Job for Fetch {
    const NAME: &'static str = "inbox.fetch";
    const RETRY: Retry = Retry { attempts: 6, first_pause_seconds: 2, longest_pause_seconds: 600 };
}

pub(crate) fn register(registry: Registry, inbox: &Arc<Inbox>) -> Registry {
    let inbox = Arc::clone(inbox);
    registry.on(move |job: Fetch, attempt| {
        let inbox = Arc::clone(&inbox);
        async move { inbox.fetch(&attempt, &job).await }
    })
}

#[derive(Deserialize)]
struct Row {
    metadata: Option<String>,
    attachment_id: Option<Id>,
}

impl Inbox {
    async fn fetch(&self, attempt: &Attempt, job: &Fetch) -> Result<(), Failure> {
        let ctx: &Ctx = attempt;
        let channel = ctx.read(async |db| channels::load(ctx, db, job.channel).await).await?;
        match self.bytes_of(&channel, &job.media).await {
            Ok((bytes, name)) => Ok(self.keep_file(attempt, job, (&bytes, &name)).await?),
            Err(Refusal::Later(error) | Refusal::Unknown(error)) if !attempt.is_last() => {
                Err(Failure::Retry(error))
            }
            Err(refusal) => {
                let told = refusal.told();
                self.note_file(attempt, job, json!({ "state": "failed", "error": told })).await?;
                Ok(())
            }
        }
    }

    /// The bytes of a file at its far side, and its name.
    async fn bytes_of(
        &self,
        channel: &Channel,
        media: &Media,
    ) -> std::result::Result<(Vec<u8>, String), Refusal> {
        let never = |error: Error| Refusal::never(&error);
        let url = self.address_of(channel, media).await?;
        let mut request = Request::get(&url).at_most(LARGEST).following(3);
        if self.far.is_named(&url) {
            request = request.of_operator();
        }
        if channel.kind == ChannelKind::WhatsApp {
            let token = channel.need("accessToken").map_err(never)?;
            request =
                request.secret(header::AUTHORIZATION, &format!("Bearer {token}")).map_err(never)?;
        }
        let answer = self.far.bytes(request).await.map_err(|error| match error.code() {
            "address_malformed" | "address_refused" | "answer_too_large" => {
                Refusal::Never(error.in_one_line())
            }
            _ => Refusal::Later(error),
        })?;
        if !answer.status.is_success() {
            let why = format!("The far side answered {} for the file.", answer.status);
            let passes = answer.status.is_server_error() || answer.status.as_u16() == 429;
            let later = Error::new(Kind::Unavailable, "file_unavailable", why.clone());
            return Err(if passes { Refusal::Later(later) } else { Refusal::Never(why) });
        }
        let named = media
            .name
            .clone()
            .or_else(|| url.split('?').next()?.rsplit('/').next().map(str::to_owned));
        Ok((answer.body.to_vec(), named.unwrap_or_default()))
    }

    /// Where a file is.
    async fn address_of(
        &self,
        channel: &Channel,
        media: &Media,
    ) -> std::result::Result<String, Refusal> {
        let never = |error: Error| Refusal::never(&error);
        match (&media.url, &media.id, channel.kind) {
            (Some(url), _, _) => Ok(url.clone()),
            (None, Some(id), ChannelKind::WhatsApp) => {
                let token = channel.need("accessToken").map_err(never)?;
                let found = self.far.graph((id, token), None).await?;
                text(&found["url"]).ok_or_else(no_address)
            }
            (None, Some(id), ChannelKind::Telegram) => {
                let token = channel.need("botToken").map_err(never)?;
                let found =
                    self.far.telegram(("getFile", token), &json!({ "file_id": id })).await?;
                let path = text(&found["file_path"]).ok_or_else(no_address)?;
                Ok(self.far.telegram_file(&path, token))
            }
            _ => Err(no_address()),
        }
    }

    /// Puts bytes where files are; what is handed back makes an attachment of them, in the write that keeps them.
    pub(crate) async fn put_file(
        &self,
        ctx: &Ctx,
        (bytes, name): (&[u8], &str),
        message: Id,
    ) -> Result<(Incoming, Record)> {
        let mut incoming = self.storage.receive(ctx).await?;
        incoming.add(bytes).await?;
        let written = incoming.end().await?;
        let kind = kinds::of(&bytes[..bytes.len().min(kinds::LOOKED_AT)], name);
        let input: Json = json!({
            "name": shown(name), "contentType": kind, "size": written.size, "sha256": written.sha256,
            "contentId": incoming.file(), "relatedId": message,
        });
        Ok((incoming, input.as_object().cloned().unwrap_or_default()))
    }

    /// Makes an attachment of what was put where files are.
    pub(crate) async fn attach(
        &self,
        (ctx, db): (&Ctx, &Write),
        (incoming, input): (&Incoming, &Record),
    ) -> Result<Id> {
        let object = self.records.object("attachment");
        let object = object.ok_or_else(|| internal("there are no attachments"))?;
        incoming.keep(db).await?;
        let manner = Manner { known_links: false, ..Manner::HOUSE_KNOWS };
        Ok(self.records.create_in(ctx, db, object, (input.clone(), manner)).await?.0)
    }

    async fn keep_file(
        &self,
        attempt: &Attempt,
        job: &Fetch,
        (bytes, name): (&[u8], &str),
    ) -> Result<()> {
        let ctx: &Ctx = attempt;
        let (incoming, input) = self.put_file(ctx, (bytes, name), job.message).await?;
        ctx.write(async |db| {
            let row: Option<Row> =
                db.first(Select::from(MESSAGE.plural).whose("id", job.message)).await?;
            let Some(row) = row.filter(|row| row.attachment_id.is_none()) else {
                return jobs::finish(attempt, db).await;
            };
            let id = self.attach((ctx, db), (&incoming, &input)).await?;
            let media = json!({ "state": "kept", "name": shown(name) });
            let changes =
                json!({ "attachmentId": id, "metadata": with_media(row.metadata.as_deref(), media) });
            let changes: Record = changes.as_object().cloned().unwrap_or_default();
            self.records.update(ctx, db, &MESSAGE, (job.message, changes, Manner::HOUSE_KNOWS)).await?;
            jobs::finish(attempt, db).await
        })
        .await?;
        incoming.kept();
        Ok(())
    }

    async fn note_file(&self, attempt: &Attempt, job: &Fetch, media: Json) -> Result<()> {
        let ctx: &Ctx = attempt;
        ctx.write(async |db| {
            let row: Option<Row> =
                db.first(Select::from(MESSAGE.plural).whose("id", job.message)).await?;
            if let Some(row) = row {
                let changes = json!({ "metadata": with_media(row.metadata.as_deref(), media) });
                let changes: Record = changes.as_object().cloned().unwrap_or_default();
                self.records
                    .update(ctx, db, &MESSAGE, (job.message, changes, Manner::HOUSE_KNOWS))
                    .await?;
            }
            jobs::finish(attempt, db).await
        })
        .await
    }
}

fn no_address() -> Refusal {
    Refusal::Never("The far side names no address of the file.".to_owned())
}

fn with_media(metadata: Option<&str>, media: Json) -> Json {
    let known: Option<Json> = metadata.and_then(|text| serde_json::from_str(text).ok());
    let mut known = known.filter(Json::is_object).unwrap_or_else(|| json!({}));
    known["media"] = media;
    known
}

/// A file's name without a path and control characters.
fn shown(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let harmless = |sign: &char| {
        !sign.is_control()
            && !matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    let name: String = last.chars().filter(harmless).take(120).collect();
    match name.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}
