//! Killed while a tenant comes of a bundle: it is there once in the end, whole, and nothing else stays.

use std::os::unix::process::ExitStatusExt;

use kith_store::Select;
use serde_json::Value as Json;

use crate::{
    attachments::files_in,
    database::{Kind, on_both},
    house::until,
    kill::{SIGABRT, Story},
    server::Server,
};

on_both!(killed_while_a_bundle_is_imported, killed_while_the_command_imports);

/// A story in which there is something to export, and the file.
async fn begin(kind: Kind) -> (Story, std::path::PathBuf) {
    let story = Story::begin(kind).await;
    let people = story.installation.data.join("people.csv");
    let rows: Vec<String> = (0..120).map(|row| format!("Contact {row}")).collect();
    std::fs::write(&people, format!("name\n{}\n", rows.join("\n"))).unwrap();
    assert!(story.installation.run(&["import", "contacts", people.to_str().unwrap()]).success());
    let server = story.serve(None);
    assert_eq!(server.upload("/api/attachments", "an offer").unwrap().status, 201);
    server.stop();
    let file = story.installation.data.join("ours.kithtenant");
    assert!(
        story.installation.run(&["tenant", "export", "--to", file.to_str().unwrap()]).success()
    );
    (story, file)
}

fn tenants(server: &Server) -> Vec<Json> {
    server.get("/api/tenants")["data"].as_array().unwrap().clone()
}

/// Every tenant's rows of a table, those of tenants that nobody sees included.
async fn rows(story: &Story) -> i64 {
    let why = "the test counts what is left of tenants";
    let db = story.database.open();
    db.read_everywhere(why, async |db| db.count(Select::from("tenants")).await).await.unwrap()
}

async fn killed_while_a_bundle_is_imported(kind: Kind) {
    for point in [
        "bundle.expected:1",
        "bundle.rows:1",
        "bundle.rows:6",
        "bundle.filled:1",
        "bundle.opened:1",
    ] {
        println!("killed at {point}");
        let (story, file) = begin(kind).await;
        let bundle = std::fs::read(&file).unwrap();
        let mut server = story.serve(Some(point));
        let taken = server.upload("/api/database/import", &bundle);
        assert!(taken.is_none_or(|taken| taken.status == 202));
        let ended = server.end().unwrap_or_else(|| panic!("{point} is never passed"));
        assert_eq!(ended.signal(), Some(SIGABRT), "it ended otherwise: {ended:?}");
        story.database.end_leases().await;
        let server = story.serve(None);
        until("the tenant is there and nothing else", async || {
            tenants(&server).len() == 2 && rows(&story).await == 3
        })
        .await;
        let contacts = server.get("/api/contacts?count=exact&limit=1");
        assert_eq!(contacts["total"], 120);
        // The bytes of both.
        until("the files are there", async || files_in(story.database.folder.path()).len() == 2)
            .await;
        server.stop();
        assert!(story.installation.run(&["audit", "verify"]).success());
    }
}

async fn killed_while_the_command_imports(kind: Kind) {
    let (story, file) = begin(kind).await;
    let words = ["tenant", "import", file.to_str().unwrap(), "--name", "Second"];
    for point in ["bundle.expected", "bundle.filled"] {
        assert!(story.installation.run_until_killed(&words, point), "{point}");
    }
    // On a file nobody else can be at work; on PostgreSQL it may be somebody else's, for a day.
    assert!(story.installation.run(&words).success());
    let left = match kind {
        Kind::Sqlite => 0,
        Kind::Postgres => 2,
    };
    assert_eq!(rows(&story).await, 3 + left);
    let told = story.installation.told(&["tenant", "export", "--to", "/none"], &[]);
    assert!(told.contains("Name one tenant of:") && told.matches("second").count() == 1, "{told}");
    let server = story.serve(None);
    assert_eq!(tenants(&server).len(), 2);
    server.stop();
}
