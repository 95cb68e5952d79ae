//! A folder as the place of bytes: each file appears under its name whole, and on the disk.

use std::{
    io::{self, ErrorKind, SeekFrom},
    path::{Path, PathBuf},
};

use futures_util::stream;
use kith_kernel::{Error, Result, internal, unavailable};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::place::{Draft, PIECE, Pending, Pieces, Place};

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

    /// Beside the file, so that it is renamed within one file system.
    fn draft_path(&self, key: &str) -> PathBuf {
        self.root.join(format!("{key}.draft"))
    }

    async fn begin(&self, key: &str) -> Result<Draft> {
        let path = self.draft_path(key);
        let folder = path.parent().unwrap_or(&self.root);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .await
            .map_err(|error| stuck("written", error))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&path).await.map_err(|error| stuck("written", error))?;
        Ok(Draft { file, path: Some(path) })
    }

    async fn place(&self, key: &str, mut draft: Draft) -> Result<()> {
        let path = self.path(key);
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

    fn told(&self) -> String {
        format!("the folder {}", self.root.display())
    }
}

async fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}

#[track_caller]
fn stuck(what: &str, error: io::Error) -> Error {
    unavailable(format!("The file cannot be {what} in the folder of files.")).caused_by(error)
}
