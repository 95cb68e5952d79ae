//! Copies of a whole database: out of one, into another, and whether they are the same.

mod files;
mod fill;
mod furnish;
mod target;

use kith_kernel::{Error, Kind, Result, conflict};
use kith_platform::storage::Storage;
use kith_store::{Catalog, Db, Migration, TableShape, Tally, Tallying, Value, Whole, read_rows};

pub(crate) use files::{Copied, FilesGo};
pub(crate) use fill::{Filled, fill};
pub(crate) use furnish::{Furnished, verify_events};
pub(crate) use target::{Target, stamp};

use crate::{
    archive::{Ending, Part, Reader, Writer, damaged},
    tables,
};

/// Rows that were copied.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// The migrations of these names, in the order in which they are applied.
///
/// # Errors
/// `Conflict` (`newer_schema`) for a name that this program does not know.
pub(crate) fn migrations_of(names: &[String]) -> Result<Vec<Migration>> {
    let all = tables::migrations();
    if let Some(unknown) =
        names.iter().find(|name| all.iter().all(|migration| migration.name != name.as_str()))
    {
        let told = format!(
            "It was made by a newer Kith (it knows {unknown}). Use that version or a newer one. Nothing was touched."
        );
        return Err(conflict("newer_schema", told));
    }
    Ok(all.into_iter().filter(|one| names.iter().any(|name| name == one.name)).collect())
}

/// The migrations that made a database, by their names and as this program knows them.
///
/// # Errors
/// `Conflict` for a database of a newer Kith, one that is being filled and one that was never used.
pub(crate) async fn applied(db: &Db) -> Result<(Vec<String>, Vec<Migration>)> {
    db.pending(&tables::migrations()).await?;
    let applied = db.applied().await?;
    if applied.is_empty() {
        return Err(conflict("empty", "The database is empty: there is nothing to copy."));
    }
    let migrations = migrations_of(&applied)?;
    Ok((applied, migrations))
}

/// How many rows there are.
pub(crate) async fn count(source: &Whole, catalog: &Catalog) -> Result<u64> {
    let mut sum = 0;
    for table in catalog.tables() {
        sum += source.count(table).await?;
    }
    Ok(sum)
}

/// All rows of one database go into another.
pub(crate) async fn copy(
    (source, target): (&Whole, &Whole),
    catalog: &Catalog,
    progress: Progress<'_>,
) -> Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    for table in catalog.tables() {
        let into = async |rows: &[Vec<Value>]| {
            target.add(table, rows).await?;
            progress(rows.len() as u64);
            Ok(())
        };
        tallies.push(source.each_page(table, into).await?);
    }
    Ok(tallies)
}

/// All rows of a database go into an archive, and the bytes of its files.
pub(crate) async fn write(
    (source, archive): (&Whole, &mut Writer),
    (catalog, storage): (&Catalog, &Storage),
    progress: Progress<'_>,
) -> Result<(Vec<Tally>, Copied)> {
    let mut tallies = Vec::new();
    for table in catalog.tables() {
        archive.table(table)?;
        let into = async |rows: &[Vec<Value>]| {
            archive.rows(rows)?;
            archive.pass_on().await?;
            progress(rows.len() as u64);
            Ok(())
        };
        let tally = source.each_page(table, into).await?;
        archive.end_table(&tally)?;
        tallies.push(tally);
    }
    let copied = files::write((source, archive), (catalog, storage)).await?;
    Ok((tallies, copied))
}

/// All rows of an archive go into a database, and its files where they shall go.
///
/// # Errors
/// `Malformed` when rows or bytes are not those that the archive counts.
pub(crate) async fn read(
    (archive, target): (&mut Reader, &Whole),
    (catalog, files): (&Catalog, FilesGo<'_>),
    progress: Progress<'_>,
) -> Result<(Vec<Tally>, Copied)> {
    let mut tallies = Vec::new();
    let mut copied = Copied::default();
    let mut tables = catalog.tables().iter();
    loop {
        match archive.next()? {
            Part::Table(beginning) => {
                let table = tables.next().filter(|table| {
                    table.name() == beginning.table && table.columns() == beginning.columns
                });
                let table = table.ok_or_else(|| other_tables(&beginning.table))?;
                tallies.push(read_table((archive, target), table, progress).await?);
            }
            Part::File(file) => copied.take(archive, file, files).await?,
            Part::End if tables.next().is_none() => return Ok((tallies, copied)),
            Part::End | Part::Rows(_) | Part::TableEnd(_) | Part::Bytes(_) | Part::FileEnd(_) => {
                return Err(damaged());
            }
        }
    }
}

async fn read_table(
    (archive, target): (&mut Reader, &Whole),
    table: &TableShape,
    progress: Progress<'_>,
) -> Result<Tally> {
    let mut tallying = Tallying::new(table);
    loop {
        match archive.next()? {
            Part::Rows(bytes) => {
                let mut bytes = &bytes[..];
                while !bytes.is_empty() {
                    let rows = read_rows(&mut bytes, table)?;
                    target.add(table, &rows).await?;
                    tallying.add(&rows);
                    progress(rows.len() as u64);
                }
            }
            Part::TableEnd(told) => {
                let tally = tallying.end();
                return if same_as_told(&tally, &told) { Ok(tally) } else { Err(damaged()) };
            }
            Part::Table(_) | Part::End | Part::File(_) | Part::Bytes(_) | Part::FileEnd(_) => {
                return Err(damaged());
            }
        }
    }
}

fn same_as_told(tally: &Tally, told: &Ending) -> bool {
    (tally.table, tally.rows, &tally.hash) == (told.table.as_str(), told.rows, &told.hash)
}

pub(crate) fn other_tables(name: &str) -> Error {
    let told = format!(
        "Its table {name} has other columns than this version makes: use the version of Kith that made it."
    );
    Error::new(Kind::Conflict, "other_schema", told)
}

/// Makes sure that two databases hold the same.
///
/// # Errors
/// `Conflict` (`differs`), naming the first table that does.
pub(crate) fn compare(source: &[Tally], target: &[Tally]) -> Result<()> {
    if source == target {
        return Ok(());
    }
    let differing = source.iter().zip(target).find(|(one, other)| one != other);
    let told = differing.map_or_else(
        || "The copy has other tables.".to_owned(),
        |(one, other)| {
            format!(
                "The copy is not the same: {} has {} rows ({:.12}) and the copy {} ({:.12}).",
                one.table, one.rows, one.hash, other.rows, other.hash
            )
        },
    );
    Err(conflict("differs", told))
}
