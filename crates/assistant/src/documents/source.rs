//! Where the words of a document come from: its file, its fields, its page.

use futures_util::TryStreamExt;
use kith_kernel::{Id, Result, internal};
use kith_llm::Audio;
use kith_platform::{Ctx, storage};
use kith_records::Record;

use super::{
    Documents,
    object::{id, text},
    upload::is_sound,
};
use crate::extract::{
    Extracted, KINDS,
    block::{Block, Form},
};

/// Characters of a transcript that are kept beside its document.
const LONGEST_KEPT: usize = 60_000;

impl Documents {
    /// What a document says, or why it cannot be read.
    pub(super) async fn extract(
        &self,
        ctx: &Ctx,
        record: &Record,
    ) -> Result<std::result::Result<Extracted, String>> {
        match text(record, "type") {
            "MANUAL" => Ok(Ok(manual(record))),
            "WEB" => self.page(text(record, "sourceUrl")).await,
            "VOICE" if is_sound(text(record, "originalName")) => self.heard(ctx, record).await,
            kind => {
                let file =
                    id(record, "contentId").ok_or_else(|| internal("a document has no bytes"))?;
                let bytes = self.bytes(ctx, file).await?;
                let kind = KINDS.iter().find(|known| **known == kind).copied().unwrap_or("TXT");
                self.worker.read(kind, bytes).await
            }
        }
    }

    /// What is said in a file: as it was handed in or heard before, else as a provider hears it.
    async fn heard(
        &self,
        ctx: &Ctx,
        record: &Record,
    ) -> Result<std::result::Result<Extracted, String>> {
        let known = text(record, "transcript");
        let transcript = if known.is_empty() {
            let file =
                id(record, "contentId").ok_or_else(|| internal("a document has no bytes"))?;
            let bytes = self.bytes(ctx, file).await?.into();
            let name = text(record, "originalName").to_owned();
            self.gateway.transcribe(ctx, &Audio { name, bytes }).await?.replace('\0', " ")
        } else {
            known.to_owned()
        };
        let read = self.worker.read("TXT", transcript.clone().into_bytes()).await?;
        // What was heard once is not paid for again, unless it is too long to keep beside the document.
        let kept = Some(transcript).filter(|said| said.chars().count() <= LONGEST_KEPT);
        Ok(read.map(|extracted| Extracted { transcript: kept, ..extracted }))
    }

    async fn bytes(&self, ctx: &Ctx, file: Id) -> Result<Vec<u8>> {
        let stored = ctx.read(async |db| storage::kept(db, file).await).await?;
        let size = stored.ok_or_else(|| internal("the bytes of a document are not kept"))?.size;
        let mut pieces = self.storage.read(ctx, file, (0, size)).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        while let Some(piece) = pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

fn manual(record: &Record) -> Extracted {
    let say = |mark: &str, key| format!("{mark}: {}", text(record, key).trim());
    let blocks = vec![
        Block::new(Form::Paragraph, say("Q", "question")),
        Block::new(Form::Paragraph, say("A", "answer")),
    ];
    Extracted { blocks, ..Extracted::default() }
}
