//! Killed between a file's row, its bytes and its record: what was answered is there, and nothing else stays.

use std::{os::unix::process::ExitStatusExt, sync::Arc};

use kith::wire::House;
use kith_kernel::{Clock, Ids};
use kith_platform::{App, Settings, Tasks, jobs::Wake, storage::Stored};
use kith_store::Select;
use serde_json::{Value as Json, json};

use crate::{
    database::{Kind, on_both},
    house::until,
    kill::{SIGABRT, Story},
};

on_both!(killed_while_a_file_arrives, killed_while_a_file_is_removed);

const CONTENT: &str = "name\nRui Lima\n";
const DAY: i64 = 86_400;

/// The jobs that are due two days later, and what they leave: how many files in the folder, and their rows.
async fn two_days_later(story: &Story) -> (usize, Vec<Stored>) {
    let clock = Clock::fixed(Clock::system().now().plus_seconds(2 * DAY));
    let folder = story.database.folder.path();
    let data = ("store.data", &*folder.display().to_string());
    let app = App {
        db: story.database.open(),
        ids: Ids::new(clock.clone()),
        clock,
        settings: Arc::new(Settings::for_tests(&[data]).unwrap()),
        tasks: Tasks::default(),
        wake: Wake::default(),
    };
    let house = House::build(app).unwrap();
    house.take_over().await.unwrap();
    house.worker().unwrap().run_due().await.unwrap();
    let tenant = house.tenant(None).await.unwrap();
    let rows = Select::from("stored_files");
    let rows = tenant.read(async |db| db.all(rows).await).await.unwrap();
    (super::files_in(folder).len(), rows)
}

async fn killed_while_a_file_arrives(kind: Kind) {
    let mut outcomes = Vec::new();
    let places = ["file.noted:1", "file.put:1"].map(str::to_owned).into_iter();
    let writes = (1..=4).flat_map(|time| {
        ["write.before-commit", "write.after-commit"].map(|place| format!("{place}:{time}"))
    });
    for point in places.chain(writes) {
        println!("killed at {point}");
        let story = Story::begin(kind).await;
        let mut server = story.serve(Some(&point));
        let answer = server.upload("/api/attachments", CONTENT);
        if answer.is_some() {
            // What is not passed by the upload is passed by what follows.
            let more = json!({ "name": "Rui Lima" });
            until("it dies", async || server.ask("POST /api/contacts", "", Some(&more)).is_none())
                .await;
        }
        let ended = server.end().unwrap();
        assert_eq!(ended.signal(), Some(SIGABRT), "it ended otherwise: {ended:?}");
        let (files, rows) = two_days_later(&story).await;
        let server = story.serve(None);
        let kept = server.get("/api/attachments")["data"].as_array().unwrap().clone();
        let events = server.get("/api/audit-logs?action=attachment.created");
        assert_eq!(events["data"].as_array().unwrap().len(), kept.len());
        assert_eq!((files, rows.len()), (kept.len(), kept.len()), "{point}");
        assert!(rows.iter().all(Stored::is_kept));
        let answered = answer.is_some_and(|answer| answer.status == 201);
        assert!(!answered || kept.len() == 1, "{point}: it was answered and is not there");
        for one in &kept {
            let path = super::place(one, "/content");
            let read = server.ask(&format!("GET {path}"), "", None).unwrap();
            assert_eq!((read.status, read.text.as_str()), (200, CONTENT));
        }
        outcomes.push((answered, kept.len()));
        server.stop();
        assert!(story.installation.run(&["audit", "verify"]).success());
    }
    for outcome in [(false, 0), (false, 1), (true, 1)] {
        assert!(outcomes.contains(&outcome), "{outcome:?} was never seen: {outcomes:?}");
    }
}

async fn killed_while_a_file_is_removed(kind: Kind) {
    let story = Story::begin(kind).await;
    let crash = [("FILES_KEPT", "0"), ("KITH_CRASH_AT", "file.removed:1")];
    let mut server = story.installation.serve_with(&crash);
    server.token = Some(story.token.clone());
    let made: Json = server.upload("/api/attachments", CONTENT).unwrap().json;
    let stays = server.upload("/api/attachments", CONTENT).unwrap().json;
    let deleted = server.ask(&format!("DELETE {}", super::place(&made, "")), "", None);
    assert!(deleted.is_none_or(|reply| reply.status == 204));
    let ended = server.end().unwrap();
    assert_eq!(ended.signal(), Some(SIGABRT), "it ended otherwise: {ended:?}");
    let (files, rows) = two_days_later(&story).await;
    assert_eq!((files, rows.len()), (1, 1));
    assert_eq!(rows[0].id.to_string(), stays["contentId"].as_str().unwrap());
    let server = story.serve(None);
    assert_eq!(server.get("/api/attachments?deleted=true")["data"][0]["contentId"], json!(null));
    assert_eq!(server.get("/api/attachments")["data"].as_array().unwrap().len(), 1);
    server.stop();
}
