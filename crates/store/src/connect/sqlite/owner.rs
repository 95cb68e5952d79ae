//! One process at a time works through the jobs of a file of SQLite: a lock beside the file says which.

use std::fs::{File, OpenOptions, TryLockError};

use kith_kernel::{Error, Kind, Result, unavailable};

use super::{Sqlite, lock};

impl Sqlite {
    /// Takes the lock for as long as the database is open; false where the file system knows none. It ends with the
    /// process, however that ends. It is no lock of the file itself: SQLite's own would end with it.
    ///
    /// # Errors
    /// `Conflict` (`in_use`) when another process has it.
    pub(crate) fn own(&self) -> Result<bool> {
        let mut owned = lock(&self.owned);
        if owned.is_some() {
            return Ok(true);
        }
        let path = format!("{}.lock", self.path);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file: File = opened.map_err(|error| {
            unavailable(format!("The file {path} cannot be made.")).caused_by(error)
        })?;
        match file.try_lock() {
            Ok(()) => {
                *owned = Some(file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Err(in_use(&self.path)),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, path, "the file cannot be locked: let no second server use this database");
                Ok(false)
            }
        }
    }
}

fn in_use(path: &str) -> Error {
    let told = format!(
        "Another process serves {path}. Stop it first; several nodes need PostgreSQL (DATABASE_URL)."
    );
    Error::new(Kind::Conflict, "in_use", told)
}
