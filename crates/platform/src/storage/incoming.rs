//! A file on its way in: a row tells of it before its first byte, and it is gone when nobody keeps it.

use kith_kernel::{Id, Result, conflict, internal};
use kith_store::{Insert, Update, Write};

use super::{Storage, Writing, Written, removal};
use crate::{Ctx, crash};

/// A file that somebody sends. Dropped before it is kept, as when the sender hangs up, it leaves nothing; what the death of
/// a process leaves is removed a day later.
pub struct Incoming {
    storage: Storage,
    ctx: Ctx,
    file: Id,
    writing: Option<Writing>,
    written: Option<Written>,
    kept: bool,
}

impl Incoming {
    pub(super) async fn begin(storage: &Storage, ctx: &Ctx) -> Result<Self> {
        let file = ctx.new_id();
        ctx.write(async |db| {
            let cells = vec![
                ("id", file.into()),
                ("state", "arriving".into()),
                ("size", 0_i64.into()),
                ("sha256", "".into()),
                ("created_at", ctx.now().into()),
            ];
            db.append(Insert::row("stored_files", cells))?;
            removal::enqueue_later(ctx, db, file)
        })
        .await?;
        crash::point("file.noted");
        let (storage, ctx) = (storage.clone(), ctx.clone());
        let mut incoming = Self { storage, ctx, file, writing: None, written: None, kept: false };
        let tenant = incoming.ctx.actor.tenant;
        incoming.writing = Some(incoming.storage.write(tenant, file).await?);
        Ok(incoming)
    }

    /// The file's id.
    pub fn file(&self) -> Id {
        self.file
    }

    /// Takes what came.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.writing {
            Some(writing) => writing.add(bytes).await,
            None => Err(internal("a file grows that has ended")),
        }
    }

    /// Nothing more comes: the bytes are where they belong.
    pub async fn end(&mut self) -> Result<Written> {
        let writing = self.writing.take().ok_or_else(|| internal("a file ends twice"))?;
        let written = writing.put().await?;
        crash::point("file.put");
        self.written = Some(written.clone());
        Ok(written)
    }

    /// In the write that says what the file is for.
    ///
    /// # Errors
    /// `Conflict` when it came so slowly that it was given up.
    pub async fn keep(&self, db: &Write) -> Result<()> {
        let written = self.written.as_ref().ok_or_else(|| internal("a file has not ended"))?;
        let update = Update::table("stored_files")
            .set("state", "kept")
            .set("size", i64::try_from(written.size).unwrap_or(i64::MAX))
            .set("sha256", written.sha256.as_str())
            .whose("id", self.file)
            .whose("state", "arriving");
        if db.update(update).await? == 1 {
            return Ok(());
        }
        Err(conflict("given_up", "The file was given up meanwhile. Send it again."))
    }

    /// What keeps it is committed.
    pub fn kept(mut self) {
        self.kept = true;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Without a runtime the process is about to end.
        if self.kept || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        self.writing = None;
        let (storage, ctx, file) = (self.storage.clone(), self.ctx.clone(), self.file);
        self.ctx.app.tasks.start("a file that nobody keeps", async move {
            if let Err(error) = removal::remove(&storage, &ctx, file).await {
                tracing::warn!(?error, %file, "a file could not be removed; it is within a day");
            }
        });
    }
}
