//! Daily files of a log: `kith.2026-11-21.log`, of which the old ones are removed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use kith_kernel::{Clock, Date, Zone};

/// The file of the present day (UTC, as the lines are); many processes may write to it, a line at a time.
pub(super) struct Daily {
    folder: PathBuf,
    days: i64,
    clock: Clock,
    today: Date,
    file: BufWriter<File>,
}

impl Daily {
    /// Opens the file of today, and the folder with it.
    pub(super) fn open(folder: PathBuf, days: u32, clock: Clock) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let today = clock.now().date(Zone::UTC);
        let file = open(&folder, today)?;
        let daily = Self { folder, days: i64::from(days), clock, today, file };
        daily.remove_old()?;
        Ok(daily)
    }

    /// Removes the files of days that are not kept any more; whatever else lies in the folder is somebody else's.
    fn remove_old(&self) -> io::Result<()> {
        let oldest = self.today.plus_days(1 - self.days);
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_str().and_then(day_of).is_some_and(|day| day < oldest) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn turn_the_page(&mut self) -> io::Result<()> {
        let today = self.clock.now().date(Zone::UTC);
        if today == self.today {
            return Ok(());
        }
        self.file.flush()?;
        self.file = open(&self.folder, today)?;
        self.today = today;
        self.remove_old()
    }
}

impl Write for Daily {
    /// Takes one line. It reaches the file in one piece, since no more than fits is held back.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.turn_the_page()?;
        self.file.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open(folder: &std::path::Path, day: Date) -> io::Result<BufWriter<File>> {
    let path = folder.join(format!("kith.{day}.log"));
    OpenOptions::new().create(true).append(true).open(path).map(BufWriter::new)
}

/// The day of a file that is ours.
fn day_of(name: &str) -> Option<Date> {
    Date::parse(name.strip_prefix("kith.")?.strip_suffix(".log")?)
}

#[cfg(test)]
mod tests {
    use kith_kernel::Time;

    use super::*;

    fn names(folder: &std::path::Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_day_has_a_file_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        for other in ["kith.2026-11-07.log", "kith.2026-11-08.log", "kith.log", "kith-2020.log"] {
            fs::write(folder.path().join(other), "").unwrap();
        }
        let clock = Clock::fixed(Time::parse("2026-11-21T23:59:00Z").unwrap());
        let mut daily = Daily::open(folder.path().to_owned(), 14, clock.clone()).unwrap();
        daily.write_all(b"late\n").unwrap();
        assert_eq!(
            names(folder.path()),
            ["kith-2020.log", "kith.2026-11-08.log", "kith.2026-11-21.log", "kith.log"]
        );
        clock.advance_seconds(120);
        daily.write_all(b"early\n").unwrap();
        daily.flush().unwrap();
        assert_eq!(
            names(folder.path()),
            ["kith-2020.log", "kith.2026-11-21.log", "kith.2026-11-22.log", "kith.log"]
        );
        let read = |day| fs::read_to_string(folder.path().join(format!("kith.{day}.log"))).unwrap();
        assert_eq!((&*read("2026-11-21"), &*read("2026-11-22")), ("late\n", "early\n"));
    }
}
