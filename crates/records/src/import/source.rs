//! The file of an import: where it lies, or an upload brought to this node.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
};

use futures_util::TryStreamExt;
use kith_kernel::{Error, Kind, Result, unavailable};
use kith_platform::{Ctx, files};

use super::state::Stored;

/// Opens the file of an import. An upload is copied to this node's disk first, since it is read up to three times.
///
/// # Errors
/// `Unavailable` where the file cannot be read or the disk not be written; `NotFound` for an upload that is too old.
pub(super) async fn open(ctx: &Ctx, stored: &Stored, folder: &Path) -> Result<File> {
    let Some(upload) = stored.file_id else {
        return File::open(&stored.path).map_err(|error| {
            unavailable("The file of the import is not there (any more).").caused_by(error)
        });
    };
    let pieces = files::pieces(ctx, upload).await?.ok_or_else(|| {
        let told = "The file of the import is not kept any more: it was uploaded too long ago.";
        Error::new(Kind::NotFound, "file_gone", told)
    })?;
    let mut copy = nameless(folder, &ctx.new_id().to_string())?;
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.try_next().await? {
        copy.write_all(&piece).map_err(|error| unwritable(&error))?;
    }
    Ok(copy)
}

/// A file that has lost its name already: however the process ends, nothing of it is left.
fn nameless(folder: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    let path = folder.join(name);
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
    let file = file.map_err(|error| unwritable(&error))?;
    fs::remove_file(&path).map_err(|error| unwritable(&error))?;
    Ok(file)
}

pub(super) fn unwritable(error: &std::io::Error) -> Error {
    unavailable(format!("The data folder cannot be written: {error}."))
}
