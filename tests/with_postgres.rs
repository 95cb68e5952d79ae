//! Runs a command beside a throwaway PostgreSQL of its own: `with-postgres cargo nextest run --workspace`.
//!
//! The cluster lives in a temporary folder, listens on loopback on a free port, and is stopped by its pid at the end.

use std::{
    error::Error,
    fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

/// How the tests learn of the cluster: an address of a superuser.
const ADDRESS: &str = "KITH_TEST_POSTGRES";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("with-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let program = words.next().ok_or("which command shall be run?")?;
    let binaries = binaries().ok_or("PostgreSQL is not installed: apt-get install postgresql")?;
    let folder = tempfile::Builder::new().prefix("kith-postgres-").tempdir()?;
    let owner = owner(folder.path())?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut cluster = start(&binaries, folder.path(), owner, port)?;
    let address = format!("postgres://kith@127.0.0.1:{port}/postgres");
    let ran = wait_until_ready(&binaries, port)
        .and_then(|()| Ok(Command::new(program).args(words).env(ADDRESS, address).status()?));
    stop(&mut cluster)?;
    Ok(ExitCode::from(u8::try_from(ran?.code().unwrap_or(1)).unwrap_or(1)))
}

/// The newest PostgreSQL of Debian's, or the one on the path.
fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    })
}

/// PostgreSQL refuses to run as root, who therefore lends it the user that Debian made for it.
fn owner(folder: &Path) -> Result<Option<(u32, u32)>, Box<dyn Error>> {
    let asked = |flag: &str, user: &str| -> Result<u32, Box<dyn Error>> {
        let told = Command::new("id").args([flag, user]).output()?;
        Ok(String::from_utf8(told.stdout)?.trim().parse()?)
    };
    let me: u32 =
        String::from_utf8(Command::new("id").arg("-u").output()?.stdout)?.trim().parse()?;
    if me != 0 {
        return Ok(None);
    }
    let ids = (asked("-u", "postgres")?, asked("-g", "postgres")?);
    std::os::unix::fs::chown(folder, Some(ids.0), Some(ids.1))?;
    Ok(Some(ids))
}

fn as_owner(command: &mut Command, owner: Option<(u32, u32)>) -> &mut Command {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

fn start(
    binaries: &Path,
    folder: &Path,
    owner: Option<(u32, u32)>,
    port: u16,
) -> Result<Child, Box<dyn Error>> {
    let data = folder.join("data");
    let mut init = Command::new(binaries.join("initdb"));
    init.args(["-U", "kith", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]);
    let made = as_owner(init.arg(&data).current_dir(folder), owner).status()?;
    if !made.success() {
        return Err("initdb failed".into());
    }
    let mut server = Command::new(binaries.join("postgres"));
    server
        .arg("-D")
        .arg(&data)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
        .arg(folder);
    // The data need not survive this run.
    for setting in
        ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"]
    {
        server.args(["-c", setting]);
    }
    Ok(as_owner(server.current_dir(folder), owner).stderr(Stdio::null()).spawn()?)
}

fn wait_until_ready(binaries: &Path, port: u16) -> Result<(), Box<dyn Error>> {
    for _ in 0..200 {
        let asked = Command::new(binaries.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()?;
        if asked.success() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("PostgreSQL did not start within ten seconds".into())
}

/// SIGINT ends it at once and in order; SIGKILL is for when that does not.
fn stop(cluster: &mut Child) -> Result<(), Box<dyn Error>> {
    Command::new("kill").args(["-INT", &cluster.id().to_string()]).status()?;
    for _ in 0..100 {
        if cluster.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    cluster.kill()?;
    cluster.wait()?;
    Ok(())
}
