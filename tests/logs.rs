//! Logs of the real binary: daily files beside the terminal, and a folder that cannot be written.

use std::{fs, path::PathBuf};

use kith_kernel::{Clock, Zone};
use serde_json::Value as Json;

use crate::{
    database::{Database, Kind, on_both},
    server::{Installation, embedded},
};

on_both!(what_happened_stands_in_the_file_of_the_day, a_folder_that_cannot_be_written_is_told);

async fn installation(kind: Kind) -> (Database, Installation) {
    let database = Database::fresh(kind).await;
    let url = match kind {
        Kind::Sqlite => embedded(database.folder.path()),
        Kind::Postgres => database.options.url.clone(),
    };
    let data = database.folder.path().to_owned();
    let installation = Installation { data, database_url: url, smtp_url: String::new() };
    (database, installation)
}

async fn what_happened_stands_in_the_file_of_the_day(kind: Kind) {
    let (_database, installation) = installation(kind).await;
    let folder = installation.data.join("logs/of kith");
    let today = || Clock::system().now().date(Zone::UTC);
    let begun = today();
    let variables = [("LOG_DIR", folder.to_str().unwrap()), ("LOG_LEVEL", "info")];
    installation.serve_with(&variables).stop();
    let paths: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Around midnight there are two.
    let days = [begun, today()].map(|day| folder.join(format!("kith.{day}.log")));
    assert!(!paths.is_empty() && paths.iter().all(|path| days.contains(path)), "{paths:?}");
    let text: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()));
    // The first that is told, and the last before the process ends.
    assert!(lines.iter().any(|line| line["message"] == "migrated"), "{text}");
    assert_eq!(lines.last().unwrap()["message"], "draining background work", "{text}");
    let told = installation.told(&["doctor"], &variables);
    assert!(told.contains(folder.to_str().unwrap()) && told.contains("for 14 days"), "{told}");
}

async fn a_folder_that_cannot_be_written_is_told(kind: Kind) {
    let (_database, installation) = installation(kind).await;
    let file = installation.data.join("a file");
    fs::write(&file, "").unwrap();
    let variables = [("LOG_DIR", file.to_str().unwrap())];
    for command in ["serve", "migrate", "doctor"] {
        let told = installation.told(&[command], &variables);
        assert!(told.contains("The folder of logs (LOG_DIR)"), "{command}: {told}");
    }
}
