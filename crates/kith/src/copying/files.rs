//! The bytes of files, out of a storage into an archive and back, a piece at a time.

use futures_util::StreamExt;
use kith_kernel::{Id, Result};
use kith_platform::{
    crash,
    storage::{Counted, Storage, Writing},
};
use kith_store::{Catalog, TableShape, Value, Whole};

use crate::archive::{FileBeginning, Part, Reader, Writer, damaged};

/// The table that tells of all files.
const TABLE: &str = "stored_files";
/// Files that are named when something is wrong with them.
const MOST_NAMED: usize = 10;

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Files whose bytes are not in the storage, or not those that came once.
    pub(crate) amiss: u64,
    named: Vec<String>,
}

/// What becomes of the files of an archive.
#[derive(Clone, Copy)]
pub(crate) enum FilesGo<'a> {
    /// They are read, and compared with what the archive says of them.
    Nowhere,
    /// They are written to a storage, under these ids.
    To(&'a Storage, &'a (dyn Fn(FileBeginning) -> FileBeginning + Sync)),
}

/// A file as its row tells of it.
struct Told {
    file: FileBeginning,
    size: u64,
    sha256: String,
}

/// The bytes of all files of which the tables tell go into an archive.
pub(super) async fn write(
    (source, archive): (&Whole, &mut Writer),
    (catalog, storage): (&Catalog, &Storage),
) -> Result<Copied> {
    let mut copied = Copied::default();
    // A database of before there were files has none.
    let Some(table) = catalog.table(TABLE) else { return Ok(copied) };
    let each = async |rows: &[Vec<Value>]| {
        for told in rows.iter().filter_map(|row| told(table, row)) {
            copied.put(archive, storage, &told).await?;
        }
        Ok(())
    };
    source.each_page(table, each).await?;
    Ok(copied)
}

fn told(table: &TableShape, row: &[Value]) -> Option<Told> {
    let cell = |name: &str| table.place(name).and_then(|at| row.get(at));
    let id = |name: &str| match cell(name) {
        Some(Value::Id(id)) => Some(*id),
        _ => None,
    };
    let text = |name: &str| match cell(name) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let Some(Value::Integer(size)) = cell("size") else { return None };
    // What arrives and what goes is nobody's.
    text("state").filter(|state| *state == "kept")?;
    Some(Told {
        file: FileBeginning { tenant: id("tenant_id")?, file: id("id")? },
        size: u64::try_from(*size).ok()?,
        sha256: text("sha256")?.to_owned(),
    })
}

impl Copied {
    async fn put(&mut self, archive: &mut Writer, storage: &Storage, told: &Told) -> Result<()> {
        let FileBeginning { tenant, file } = told.file;
        let Some(mut pieces) = storage.find(tenant, file, (0, told.size)).await? else {
            self.miss(file);
            return Ok(());
        };
        archive.file(told.file)?;
        let mut counted = Counted::default();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            counted.add(&piece);
            archive.bytes(&piece)?;
            archive.pass_on().await?;
        }
        let written = counted.written();
        if written.sha256 != told.sha256 {
            self.miss(file);
        }
        (self.files, self.bytes) = (self.files + 1, self.bytes + written.size);
        archive.end_file(&written)
    }

    fn miss(&mut self, file: Id) {
        self.amiss += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(file.to_string());
        }
    }

    /// Takes a file that began.
    pub(crate) async fn take(
        &mut self,
        archive: &mut Reader,
        file: FileBeginning,
        go: FilesGo<'_>,
    ) -> Result<()> {
        let mut writing: Option<Writing> = match go {
            FilesGo::Nowhere => None,
            FilesGo::To(storage, named) => {
                let file = named(file);
                Some(storage.write(file.tenant, file.file).await?)
            }
        };
        let mut counted = Counted::default();
        let told = loop {
            match archive.next()? {
                Part::Bytes(piece) => {
                    counted.add(&piece);
                    if let Some(writing) = &mut writing {
                        writing.add(&piece).await?;
                        crash::point("file.drafted");
                    }
                }
                Part::FileEnd(told) => break told,
                Part::Table(_) | Part::Rows(_) | Part::TableEnd(_) | Part::File(_) | Part::End => {
                    return Err(damaged());
                }
            }
        };
        if told != counted.written() {
            return Err(damaged());
        }
        if let Some(writing) = writing {
            writing.put().await?;
        }
        (self.files, self.bytes) = (self.files + 1, self.bytes + told.size);
        Ok(())
    }

    /// Makes sure that as much was read as was written.
    pub(crate) fn compare(&self, written: &Self) -> Result<()> {
        if (self.files, self.bytes) == (written.files, written.bytes) {
            return Ok(());
        }
        Err(kith_kernel::conflict("differs", "The copy has other files."))
    }

    /// How many there were, and which are amiss, for people.
    pub(crate) fn told(&self) -> String {
        let told = format!("  {} files of {} bytes", self.files, self.bytes);
        if self.amiss == 0 {
            return told;
        }
        let named = self.named.join(", ");
        let why = "are missing in the storage or are not what they were";
        format!("{told}\n  {} files {why}: {named}", self.amiss)
    }
}
