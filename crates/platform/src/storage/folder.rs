//! A folder as the place of bytes: each file appears under its name whole, and on the disk.

use std::{
    fs::TryLockError,
    io::{self, ErrorKind, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::stream;
use kith_kernel::{Error, Result, internal, unavailable};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::place::{Draft, PIECE, Pending, Pieces, Place};

/// Where files are until they are whole: one folder, so that what was left is found without a walk through all.
const DRAFTS: &str = "drafts";
/// Whoever looks for drafts that were left holds them for a moment.
const MOST_TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Files beneath a folder, for their owner's eyes alone.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Beneath this folder, which is made when the first file comes.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn draft_path(&self, key: &str) -> PathBuf {
        self.root.join(DRAFTS).join(key.replace('/', "-"))
    }

    async fn begin(&self, key: &str) -> Result<Draft> {
        let path = self.draft_path(key);
        make(&self.root.join(DRAFTS)).await.map_err(|error| stuck("written", error))?;
        let mut tries = 0;
        loop {
            match held(&path).await.map_err(|error| stuck("written", error))? {
                Some(file) => return Ok(Draft { file, path: Some(path) }),
                None if tries == MOST_TRIES => {
                    return Err(unavailable("The file is being written by somebody else."));
                }
                None => tokio::time::sleep(PAUSE).await,
            }
            tries += 1;
        }
    }

    /// Removes drafts that nobody holds.
    async fn clear(&self) -> Result<u64> {
        let wrong = |error| stuck("removed", error);
        let mut all = match fs::read_dir(self.root.join(DRAFTS)).await {
            Ok(all) => all,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(wrong(error)),
        };
        let mut removed = 0;
        while let Some(entry) = all.next_entry().await.map_err(wrong)? {
            // One that was placed meanwhile is no draft any more.
            let Ok(file) = std::fs::File::open(entry.path()) else { continue };
            if file.try_lock().is_ok() {
                fs::remove_file(entry.path()).await.map_err(wrong)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn place(&self, key: &str, mut draft: Draft) -> Result<()> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        make(folder).await.map_err(|error| stuck("written", error))?;
        draft.file.sync_all().await.map_err(|error| stuck("written", error))?;
        let from = draft.path.take().ok_or_else(|| internal("a draft of another place"))?;
        fs::rename(&from, &path).await.map_err(|error| stuck("written", error))?;
        // The name is on the disk when its folder is, and each folder's when the one above is.
        let mut folder = path.parent();
        while let Some(at) = folder {
            sync(at).await.map_err(|error| stuck("written", error))?;
            folder = if at == self.root { None } else { at.parent() };
        }
        Ok(())
    }

    async fn open(&self, key: &str, (from, length): (u64, u64)) -> Result<Option<Pieces>> {
        let mut file = match File::open(self.path(key)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(stuck("read", error)),
        };
        file.seek(SeekFrom::Start(from)).await.map_err(|error| stuck("read", error))?;
        Ok(Some(Box::pin(stream::try_unfold((file, length), async |(mut file, left)| {
            if left == 0 {
                return Ok(None);
            }
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; most];
            let read = file.read(&mut piece).await.map_err(|error| stuck("read", error))?;
            if read == 0 {
                return Err(internal("a stored file is shorter than it was"));
            }
            piece.truncate(read);
            Ok(Some((piece, (file, left - read as u64))))
        }))))
    }

    async fn take_away(&self, key: &str) -> Result<()> {
        for path in [self.draft_path(key), self.path(key)] {
            match fs::remove_file(&path).await {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(stuck("removed", error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

impl Place for Folder {
    fn draft<'a>(&'a self, key: &'a str) -> Pending<'a, Draft> {
        Box::pin(self.begin(key))
    }

    fn put<'a>(&'a self, key: &'a str, draft: Draft) -> Pending<'a, ()> {
        Box::pin(self.place(key, draft))
    }

    fn get<'a>(&'a self, key: &'a str, range: (u64, u64)) -> Pending<'a, Option<Pieces>> {
        Box::pin(self.open(key, range))
    }

    fn remove<'a>(&'a self, key: &'a str) -> Pending<'a, ()> {
        Box::pin(self.take_away(key))
    }

    fn abandon<'a>(&'a self, _key: &'a str) -> Pending<'a, ()> {
        // Drafts go with what is removed.
        Box::pin(async { Ok(()) })
    }

    fn sweep(&self) -> Pending<'_, u64> {
        Box::pin(self.clear())
    }

    fn told(&self) -> String {
        format!("the folder {}", self.root.display())
    }
}

async fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await
}

/// A draft, empty and held, which the death of the process lets go of; nothing while somebody else holds it.
async fn held(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).await?.into_std().await;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // It may have been removed between the two.
    if file.metadata()?.nlink() == 0 {
        return Ok(None);
    }
    file.set_len(0)?;
    Ok(Some(File::from_std(file)))
}

async fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}

#[track_caller]
fn stuck(what: &str, error: io::Error) -> Error {
    unavailable(format!("The file cannot be {what} in the folder of files.")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drafts_that_nobody_writes_are_swept_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path().to_owned());
        assert_eq!(folder.clear().await.unwrap(), 0);
        let kept = folder.begin("uploads/a/kept").await.unwrap();
        // As a process leaves it that is killed: there, and not held.
        let left = root.path().join(DRAFTS).join("uploads-a-left");
        std::fs::write(&left, b"half").unwrap();
        assert!(folder.begin("uploads/a/kept").await.is_err(), "two write one file");
        assert_eq!(folder.clear().await.unwrap(), 1);
        assert!(!left.exists());
        folder.place("uploads/a/kept", kept).await.unwrap();
        assert!(root.path().join("uploads/a/kept").exists());
        assert_eq!(folder.clear().await.unwrap(), 0);
    }
}
