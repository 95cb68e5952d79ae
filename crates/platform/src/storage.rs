//! Storage: files that are kept, their bytes in a place of their own and what is known of each in a row of its tenant.
//!
//! The row comes first and says that bytes arrive, then the bytes, then what the file is for, in one write with the row's
//! new state. Whatever ends in between leaves a row that no one keeps, and a job takes it away with its bytes. In the
//! same manner a file goes: its row says so in the write that forgets it, and a job removes the bytes, as often as it takes.

mod folder;
mod incoming;
pub mod kinds;
mod place;
mod removal;
mod s3;
mod writing;

use std::sync::Arc;

use kith_kernel::{Id, Result, Time, internal};
use kith_store::{Migration, Read, Select, Step, Table, Update, Write, integer, text, time};
use serde::Deserialize;

pub use folder::Folder;
pub use incoming::Incoming;
pub use place::{Draft, Pending, Pieces, Place};
pub use s3::{S3, S3Options};
pub use writing::{Counted, Writing, Written};

use crate::{Ctx, jobs};

/// Where the bytes of all files are.
#[derive(Clone)]
pub struct Storage {
    place: Arc<dyn Place>,
}

/// What a row says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Its bytes come, or came and nobody kept them.
    Arriving,
    /// Something names it.
    Kept,
    /// Nothing names it any more.
    Doomed,
}

/// A file as it is kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Stored {
    /// Its id.
    pub id: Id,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
    state: State,
}

impl Stored {
    /// Whether something names it.
    pub fn is_kept(&self) -> bool {
        self.state == State::Kept
    }
}

/// Where the bytes of a file are within the place: `uploads/<tenant>/2026/11/<file>`.
pub fn key(tenant: Id, file: Id) -> String {
    let bytes = file.as_bytes();
    // The first 48 bits of an id are its time.
    let milliseconds = bytes[..6].iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
    let made = Time::from_milliseconds(milliseconds).to_string();
    let (year, month) = (made.get(..4).unwrap_or("0000"), made.get(5..7).unwrap_or("00"));
    format!("uploads/{tenant}/{year}/{month}/{file}")
}

impl Storage {
    /// Over a place.
    pub fn new(place: Arc<dyn Place>) -> Self {
        Self { place }
    }

    /// Takes a file that comes in.
    pub async fn receive(&self, ctx: &Ctx) -> Result<Incoming> {
        Incoming::begin(self, ctx).await
    }

    /// Writes a file of which a row tells already, as copies do.
    pub async fn write(&self, tenant: Id, file: Id) -> Result<Writing> {
        Writing::begin(&self.place, key(tenant, file)).await
    }

    /// So many bytes of a file of the actor's tenant, from one on.
    ///
    /// # Errors
    /// `Unavailable` where the place cannot be reached; `Internal` where the bytes are not in it.
    pub async fn read(&self, ctx: &Ctx, file: Id, range: (u64, u64)) -> Result<Pieces> {
        let found = self.find(ctx.actor.tenant, file, range).await?;
        found
            .ok_or_else(|| internal(format!("the bytes of the file {file} are not in the storage")))
    }

    /// The same of any tenant; nothing where there are none.
    pub async fn find(&self, tenant: Id, file: Id, range: (u64, u64)) -> Result<Option<Pieces>> {
        self.place.get(&key(tenant, file), range).await
    }

    /// Takes the bytes of a file away, whatever its row says.
    pub async fn remove(&self, tenant: Id, file: Id) -> Result<()> {
        self.place.remove(&key(tenant, file)).await
    }

    /// Ends what is left of a file that never became whole.
    async fn abandon(&self, tenant: Id, file: Id) -> Result<()> {
        self.place.abandon(&key(tenant, file)).await
    }

    /// Adds the job that removes files.
    pub fn register(&self, registry: jobs::Registry) -> jobs::Registry {
        removal::register(registry, self)
    }

    /// Removes every file of the actor's tenant that nothing names any more, and returns when their bytes are gone.
    pub async fn remove_doomed(&self, ctx: &Ctx) -> Result<()> {
        removal::remove_doomed(self, ctx).await
    }

    /// Takes away what processes that died were writing; says how many files that were.
    pub async fn sweep(&self) -> Result<u64> {
        self.place.sweep().await
    }

    /// What it is, for people.
    pub fn told(&self) -> String {
        self.place.told()
    }

    /// Writes, reads and removes something, and says where.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn probe(&self) -> Result<String> {
        place::probe(&*self.place).await?;
        Ok(self.place.told())
    }
}

/// A file that is kept; nothing where there is none.
pub async fn kept(db: &Read, file: Id) -> Result<Option<Stored>> {
    db.first(Select::from("stored_files").whose("id", file).whose("state", "kept")).await
}

/// Forgets a file: from this write on nothing names it, and its bytes go.
pub async fn doom(ctx: &Ctx, db: &Write, file: Id) -> Result<()> {
    let update = Update::table("stored_files").set("state", "doomed").whose("id", file);
    if db.update(update).await? > 0 {
        removal::enqueue(ctx, db, file)?;
    }
    Ok(())
}

pub(crate) fn migration() -> Migration {
    let files = Table::of_tenant(
        "stored_files",
        vec![
            text("state").required(),
            integer("size").required(),
            text("sha256").required(),
            time("created_at").required(),
        ],
    )
    .index(&["state", "id"]);
    Migration { name: "2026-11-24-stored-files", steps: vec![Step::Create(files)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_and_from_when() {
        let tenant: Id = "0193504c-8a00-7000-8000-000000000001".parse().unwrap();
        let at = Id::first_at(Time::parse("2026-03-09T23:59:59Z").unwrap());
        assert_eq!(key(tenant, at), format!("uploads/{tenant}/2026/03/{at}"));
    }
}
