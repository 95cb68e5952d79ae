//! A place for bytes: a folder of this machine, or what answers as S3 does.

use std::{path::PathBuf, pin::Pin};

use futures_util::{Stream, StreamExt};
use kith_kernel::{Result, internal};
use tokio::fs::File;

/// What a place gives back when it is done.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
/// Bytes as they are read.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>;

/// Bytes of a piece.
pub(super) const PIECE: usize = 64 * 1024;

/// A file of this machine that is being filled; it goes where it is not put.
pub struct Draft {
    pub(super) file: File,
    /// Where it stands, where it has a name.
    pub(super) path: Option<PathBuf>,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // One that was put is not there any more.
            std::fs::remove_file(path).ok();
        }
    }
}

/// Where the bytes of files are. Keys are ours, made of ids.
pub trait Place: Send + Sync {
    /// A file of this machine, into which the bytes come first.
    fn draft<'a>(&'a self, key: &'a str) -> Pending<'a, Draft>;

    /// Puts what was drafted; it stays, whatever happens, when this returns. Done again, it is the same.
    fn put<'a>(&'a self, key: &'a str, draft: Draft) -> Pending<'a, ()>;

    /// So many bytes from one on; nothing where there is nothing under the key.
    fn get<'a>(&'a self, key: &'a str, range: (u64, u64)) -> Pending<'a, Option<Pieces>>;

    /// Takes away what is under a key, if anything is.
    fn remove<'a>(&'a self, key: &'a str) -> Pending<'a, ()>;

    /// Ends what was begun under a key and never became whole, where such things outlive the process.
    fn abandon<'a>(&'a self, key: &'a str) -> Pending<'a, ()>;

    /// Takes away drafts whose writers died; says how many.
    fn sweep(&self) -> Pending<'_, u64>;

    /// What it is, for people; without secrets.
    fn told(&self) -> String;
}

/// Writes, reads and removes something.
pub(super) async fn probe(place: &dyn Place) -> Result<()> {
    use tokio::io::AsyncWriteExt;
    let key = format!("probes/{}", std::process::id());
    let words = b"Kith was here.";
    let mut draft = place.draft(&key).await?;
    let unwritable =
        |error| kith_kernel::unavailable("The file cannot be written.").caused_by(error);
    draft.file.write_all(words).await.map_err(unwritable)?;
    draft.file.flush().await.map_err(unwritable)?;
    place.put(&key, draft).await?;
    let found = place.get(&key, (0, words.len() as u64)).await?;
    let mut read = Vec::new();
    if let Some(mut pieces) = found {
        while let Some(piece) = pieces.next().await {
            read.extend_from_slice(&piece?);
        }
    }
    place.remove(&key).await?;
    if read != words {
        return Err(internal("what was written to the storage does not come back"));
    }
    if place.get(&key, (0, 1)).await?.is_some() {
        return Err(internal("what was removed from the storage is still there"));
    }
    Ok(())
}
