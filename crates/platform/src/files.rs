//! Files of tenants, in pieces in the database: every node reads what another one took, and a backup has them.
//!
//! A file is written from its beginning to its end and never changed in between. It is read and written piece by piece,
//! so that none needs more memory than another.

mod removal;
mod upload;

use futures_util::stream::{self, Stream};
use kith_kernel::{Error, Id, Kind, Result, internal};
use kith_store::{
    Comparison, Condition, Insert, Migration, Read, Select, Step, Table, Update, Write, bytes, id,
    integer, time,
};
use serde::Deserialize;

pub use removal::{discard, register};
pub use upload::Upload;

use crate::Ctx;

/// Bytes of a piece: large enough that a file has few, small enough that a write is over soon.
pub const PIECE: usize = 256 * 1024;
/// Pieces that are read at once: what grows by little has many small ones.
const READ_TOGETHER: u64 = 8;

#[derive(Deserialize)]
struct Size {
    size: i64,
}

/// Makes an empty file.
pub async fn make(ctx: &Ctx, db: &Write, file: Id) -> Result<()> {
    let cells = vec![("id", file.into()), ("size", 0_i64.into()), ("created_at", ctx.now().into())];
    db.insert(Insert::row("files", cells)).await.map(drop)
}

/// How many bytes a file has; nothing where there is none.
pub async fn size(db: &Read, file: Id) -> Result<Option<u64>> {
    let found: Option<Size> = db.first(Select::from("files").whose("id", file)).await?;
    Ok(found.map(|found| u64::try_from(found.size).unwrap_or_default()))
}

/// Adds to the end of a file, in pieces where it is much.
///
/// # Errors
/// `Conflict` (`contended`) when another write adds to it at the same time.
pub async fn append(db: &Write, file: Id, bytes: &[u8]) -> Result<()> {
    let before = size(db, file).await?.ok_or_else(|| internal("a file that is not there grows"))?;
    let mut start = i64::try_from(before).unwrap_or(i64::MAX);
    let grown = start.saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    let update = Update::table("files").set("size", grown).whose("id", file).whose("size", start);
    if db.update(update).await? == 0 {
        let told = "Another write added to the same file. Try again.";
        return Err(Error::new(Kind::Conflict, "contended", told));
    }
    for piece in bytes.chunks(PIECE) {
        let cells = vec![
            ("file_id", file.into()),
            ("start", start.into()),
            ("bytes", piece.to_vec().into()),
        ];
        db.append(Insert::row("file_pieces", cells))?;
        start += i64::try_from(piece.len()).unwrap_or_default();
    }
    Ok(())
}

/// The next pieces from a byte on, as one; nothing where none begins there.
async fn next(db: &Read, file: Id, from: i64) -> Result<Vec<u8>> {
    let behind = Condition::Compare("start", Comparison::GreaterOrEqual, from.into());
    let select = Select::from("file_pieces").show(&["start", "bytes"]).whose("file_id", file);
    let (mut found, mut end) = (Vec::new(), from);
    db.each(&select.only(behind).by("start", false).at_most(READ_TOGETHER), |row| {
        let bytes = row.bytes(1)?.unwrap_or_default();
        if row.integer(0)? == Some(end) {
            found.extend_from_slice(bytes);
            end += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

/// A file from its beginning to its end, a few pieces at a time, looked for when those before were taken.
///
/// # Errors
/// `Internal` where some are missing: the file was removed meanwhile.
pub async fn pieces(
    ctx: &Ctx,
    file: Id,
) -> Result<Option<impl Stream<Item = Result<Vec<u8>>> + use<>>> {
    let Some(size) = ctx.read(async |db| size(db, file).await).await? else { return Ok(None) };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let ctx = ctx.clone();
    Ok(Some(stream::try_unfold((ctx, 0_i64), move |(ctx, start)| async move {
        if start >= size {
            return Ok(None);
        }
        let bytes = ctx.read(async |db| next(db, file, start).await).await?;
        if bytes.is_empty() {
            return Err(internal("a file was removed while it was read"));
        }
        let next = start + i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        Ok(Some((bytes, (ctx, next))))
    })))
}

pub(crate) fn migration() -> Migration {
    // Files are what imports read and wrote, and go within a day; nothing that is kept names one yet.
    let files =
        Table::of_tenant("files", vec![integer("size").required(), time("created_at").required()])
            .stays();
    let pieces = Table::of_tenant_keyed(
        "file_pieces",
        &["file_id", "start"],
        vec![
            id("file_id").required().references("files"),
            integer("start").required(),
            bytes("bytes").required(),
        ],
    )
    .stays();
    Migration { name: "2026-11-22-files", steps: vec![Step::Create(files), Step::Create(pieces)] }
}
