//! A file on its way in: stored piece by piece as it comes, and gone when nobody keeps it.

use kith_kernel::{Id, Result};

use super::{PIECE, append, make, removal};
use crate::Ctx;

/// A file that somebody sends. Dropped before it is kept, as when the sender hangs up, it leaves nothing; what the death
/// of a process leaves is removed a day later, as every upload is.
pub struct Upload {
    ctx: Ctx,
    file: Id,
    /// What is not stored yet: less than a piece.
    rest: Vec<u8>,
    kept: bool,
}

impl Upload {
    /// Begins with an empty file.
    pub async fn begin(ctx: &Ctx) -> Result<Self> {
        let file = ctx.new_id();
        ctx.write(async |db| {
            make(ctx, db, file).await?;
            removal::remove_later(ctx, db, file)
        })
        .await?;
        Ok(Self { ctx: ctx.clone(), file, rest: Vec::new(), kept: false })
    }

    /// The file's id.
    pub fn file(&self) -> Id {
        self.file
    }

    /// Takes what came.
    pub async fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        while self.rest.len() + bytes.len() >= PIECE {
            let (now, later) = bytes.split_at(PIECE - self.rest.len());
            self.rest.extend_from_slice(now);
            bytes = later;
            self.store().await?;
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// Stores what is left; nothing more comes.
    pub async fn end(&mut self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { self.store().await }
    }

    async fn store(&mut self) -> Result<()> {
        let piece = std::mem::take(&mut self.rest);
        self.ctx.write(async |db| append(db, self.file, &piece).await).await
    }

    /// Keeps the file: something that is committed says what it is for.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Without a runtime the process is about to end.
        if self.kept || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (ctx, file) = (self.ctx.clone(), self.file);
        self.ctx.app.tasks.start("an upload that nobody keeps", async move {
            removal::discard(&ctx, file).await;
        });
    }
}
