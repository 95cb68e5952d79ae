//! Where the words of a document come from: its file, its fields, its page.

use futures_util::TryStreamExt;
use kith_kernel::{Id, Result, internal};
use kith_platform::{Ctx, storage};
use kith_records::Record;

use super::{
    Documents,
    object::{id, text},
};
use crate::extract::{
    Extracted, KINDS,
    block::{Block, Form},
};

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
            kind => {
                let file =
                    id(record, "contentId").ok_or_else(|| internal("a document has no bytes"))?;
                let bytes = self.bytes(ctx, file).await?;
                let kind = KINDS.iter().find(|known| **known == kind).copied().unwrap_or("TXT");
                self.worker.read(kind, bytes).await
            }
        }
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
