//! Where a copy goes: a database that is empty, or whose content is put aside; a file gets its name only when it is whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use kith_kernel::{Error, Result, Time, conflict, internal, unavailable};
use kith_store::{Catalog, Db, Migration, Options, Others};

use crate::tables;

/// What SQLite keeps beside a file.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// How often others are looked for.
const LOOKS: usize = 25;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A database that is about to be filled.
pub(crate) struct Target {
    /// How it is reached while it is filled.
    pub(crate) filling: Options,
    place: Place,
    /// Under which name the old content is put aside.
    aside: Option<String>,
}

enum Place {
    File(PathBuf),
    Server,
}

impl Target {
    /// Looks whether it may be filled, and makes room.
    ///
    /// # Errors
    /// `Conflict` (`not_empty`, `in_use`) when there is something and it shall not be put aside.
    pub(crate) async fn prepare(options: &Options, force: bool, now: Time) -> Result<Self> {
        let aside = format!("before-{}", stamp(now));
        match options.sqlite_path() {
            Some(path) => Self::file(options, path, force.then_some(aside)),
            None => Self::server(options, force.then_some(aside)).await,
        }
    }

    fn file(options: &Options, path: PathBuf, aside: Option<String>) -> Result<Self> {
        let is_there = path.exists();
        if is_there && aside.is_none() {
            return Err(not_empty(&path.display().to_string(), "the file is there already"));
        }
        if is_there {
            // Whoever serves it would go on with the file under its new name.
            Db::open(options)?.own()?;
        }
        let staged = PathBuf::from(format!("{}.filling", path.display()));
        sweep(&staged)?;
        let filling = Options { url: format!("sqlite:{}", staged.display()), ..options.clone() };
        Ok(Self { filling, place: Place::File(path), aside: aside.filter(|_| is_there) })
    }

    async fn server(options: &Options, aside: Option<String>) -> Result<Self> {
        let db = Db::open(options)?;
        let filled = holds_rows(&db).await?;
        if let (Some(why), None) = (&filled, &aside) {
            return Err(not_empty("The database", why));
        }
        let aside = aside.filter(|_| filled.is_some()).map(|name| format!("kith-{name}"));
        if let Some(name) = &aside {
            wait_for_the_others(&db).await?;
            db.put_aside(name).await?;
        }
        Ok(Self { filling: options.clone(), place: Place::Server, aside })
    }

    /// Gives what was filled its place; says where the old content went.
    pub(crate) async fn place(self) -> Result<Option<String>> {
        let db = Db::open(&self.filling)?;
        db.finished().await?;
        db.settle().await?;
        drop(db);
        let Place::File(path) = &self.place else { return Ok(self.aside) };
        let staged = self.filling.sqlite_path().ok_or_else(|| internal("a file without a path"))?;
        let old =
            self.aside.as_ref().map(|name| PathBuf::from(format!("{}.{name}", path.display())));
        if let Some(old) = &old {
            for beside in BESIDE.into_iter().rev() {
                rename(&beside_of(path, beside), &beside_of(old, beside))?;
            }
        }
        rename(&staged, path)?;
        sweep(&staged)?;
        Ok(old.map(|old| old.display().to_string()))
    }

    /// Takes away what was filled in vain and puts the old content back.
    pub(crate) async fn give_up(self) {
        let done = match (&self.place, &self.aside) {
            (Place::File(_), _) => {
                self.filling.sqlite_path().map_or(Ok(()), |staged| sweep(&staged))
            }
            (Place::Server, Some(name)) => match Db::open(&self.filling) {
                Ok(db) => db.take_back(name).await,
                Err(error) => Err(error),
            },
            (Place::Server, None) => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(?error, "what was begun could not be taken away");
        }
    }
}

/// The sessions of a process that was killed end a moment after it.
async fn wait_for_the_others(db: &Db) -> Result<()> {
    for _ in 0..LOOKS {
        if db.others().await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let told = "Somebody is connected to this database. Stop its servers, then try again.";
    Err(conflict("in_use", told))
}

/// What a database holds, in words; nothing when it is new or has no rows.
async fn holds_rows(db: &Db) -> Result<Option<String>> {
    let mut migrations = tables::migrations();
    migrations.push(Migration::unfinished());
    let applied = db.applied().await?;
    if applied.is_empty() {
        return Ok(None);
    }
    db.pending(&migrations).await?;
    migrations.retain(|one| applied.iter().any(|name| name == one.name));
    let catalog = Catalog::of(&migrations);
    let whole = db.look_at_all(&catalog, Others::GoOn).await?;
    for table in catalog.tables() {
        let rows = whole.count(table).await?;
        if rows > 0 {
            return Ok(Some(format!("{} has {rows} rows", table.name())));
        }
    }
    Ok(None)
}

/// `20261121-090000`, fit for names.
pub(crate) fn stamp(now: Time) -> String {
    let text = now.to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("{day}-{time}")
}

fn beside_of(path: &Path, beside: &str) -> PathBuf {
    PathBuf::from(format!("{}{beside}", path.display()))
}

/// Removes a file that was being filled, with all that stands beside it.
fn sweep(staged: &Path) -> Result<()> {
    let (Some(folder), Some(name)) = (staged.parent(), staged.file_name()) else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !folder.exists() {
        return Ok(());
    }
    let name = name.to_string_lossy();
    for file in fs::read_dir(folder).map_err(|error| stuck(folder, &error))?.flatten() {
        if file.file_name().to_string_lossy().starts_with(&*name) {
            fs::remove_file(file.path()).map_err(|error| stuck(&file.path(), &error))?;
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(stuck(from, &error)),
        _ => Ok(()),
    }
}

fn stuck(path: &Path, error: &io::Error) -> Error {
    unavailable(format!("{} cannot be moved: {error}.", path.display()))
}

fn not_empty(place: &str, why: &str) -> Error {
    let told = format!(
        "{place} is not empty ({why}). Name an empty one, or put the old one aside with --force."
    );
    conflict("not_empty", told)
}
