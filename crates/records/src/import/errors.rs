//! The rows that an import could not take, in a file of their own that every node can read: it has the import's id.

use std::{fs::File, io::Write, path::PathBuf};

use futures_util::{Stream, TryStreamExt};
use kith_kernel::{Id, Result, internal};
use kith_platform::{Ctx, files};
use kith_store::Write as Db;

use super::{
    Imports,
    run::{Line, Running},
    source::unwritable,
};
use crate::csv::write::ErrorFile;

impl Running<'_> {
    /// What these rows add to the file, each with its reason.
    pub(super) fn error_rows(&self, mut failed: Vec<(&Line, &str)>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if failed.is_empty() {
            return Ok(bytes);
        }
        failed.sort_by_key(|(line, _)| line.number);
        let unwritten = |error| internal("a row cannot be written").caused_by(error);
        let headers: Vec<String> =
            self.plan.columns.iter().map(|column| column.name.clone()).collect();
        let mut file = if self.has_errors {
            ErrorFile::append(&mut bytes, &headers, self.plan.dialect)
        } else {
            ErrorFile::create(&mut bytes, &headers, self.plan.dialect).map_err(unwritten)?
        };
        for (line, reason) in failed {
            let cells = line.cells.iter().map(String::as_str);
            file.write(cells, line.number, reason).map_err(unwritten)?;
        }
        file.flush().map_err(unwritten)?;
        drop(file);
        Ok(bytes)
    }

    /// Adds to the file, in the write that notes how far the import is.
    pub(super) async fn add_errors(&self, db: &Db, rows: &[u8]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if !self.has_errors {
            files::make(self.ctx, db, self.run.import).await?;
        }
        files::append(db, self.run.import, rows).await
    }
}

/// The file piece by piece; nothing where every row was taken.
pub(super) async fn read(
    ctx: &Ctx,
    import: Id,
) -> Result<Option<impl Stream<Item = Result<Vec<u8>>> + use<>>> {
    files::pieces(ctx, import).await
}

impl Imports {
    /// Writes the rows that failed into the data folder and says where; for the command line.
    pub async fn save_errors(&self, ctx: &Ctx, import: Id) -> Result<Option<PathBuf>> {
        let Some(pieces) = read(ctx, import).await? else { return Ok(None) };
        let path = self.folder.join(format!("{import}.errors.csv"));
        std::fs::create_dir_all(&self.folder).map_err(|error| unwritable(&error))?;
        let mut file = File::create(&path).map_err(|error| unwritable(&error))?;
        let mut pieces = std::pin::pin!(pieces);
        while let Some(piece) = pieces.try_next().await? {
            file.write_all(&piece).map_err(|error| unwritable(&error))?;
        }
        Ok(Some(path))
    }
}
