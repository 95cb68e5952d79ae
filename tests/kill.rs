//! The binary killed between any two steps: what the database holds happened once or not at all, a mail arrives under
//! one Message-ID, and the chain of events is whole.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt};

use kith_platform::crash::POINTS;
use serde_json::{Value as Json, json};

use crate::{
    database::{Database, Kind, on_both},
    house::until,
    server::{Installation, Reply, Server, embedded},
    sink::Sink,
};

on_both!(
    killed_before_a_commit,
    killed_after_a_commit,
    killed_while_a_job_runs,
    killed_while_a_mail_is_sent,
    killed_while_events_are_sealed,
    killed_while_events_are_read,
    killed_while_a_file_is_imported,
    killed_while_a_batch_is_undone,
    killed_while_a_person_is_erased,
);

/// What `abort` ends a process with.
pub(crate) const SIGABRT: i32 = 6;

async fn killed_before_a_commit(kind: Kind) {
    killed_while_writing(kind, "write.before-commit").await;
}

async fn killed_after_a_commit(kind: Kind) {
    killed_while_writing(kind, "write.after-commit").await;
}

/// The first writes are of the start, then come the contact, the invite and its mail: some of them in the background,
/// so that each place is tried until every outcome was seen.
async fn killed_while_writing(kind: Kind, point: &str) {
    let mut seen = BTreeSet::new();
    for time in 1..=7 {
        seen.extend(killed_at(kind, point, time).await);
    }
    let all = [(false, false), (true, false), (true, true)];
    assert_eq!(seen, BTreeSet::from(all), "answers to the contact and to the invite");
}

async fn killed_while_a_job_runs(kind: Kind) {
    killed_at(kind, "job.", 1).await;
}

async fn killed_while_a_mail_is_sent(kind: Kind) {
    killed_at(kind, "mail.", 1).await;
}

async fn killed_while_events_are_sealed(kind: Kind) {
    killed_at(kind, "seal.", 1).await;
}

/// What is counted is counted once: each start goes on with the chunk that was not committed.
async fn killed_while_events_are_read(kind: Kind) {
    let story = Story::begin(kind).await;
    let file = story.installation.data.join("accounts.csv");
    let rows: Vec<String> = (0..900).map(|row| format!("Account {row}")).collect();
    std::fs::write(&file, format!("name\n{}\n", rows.join("\n"))).unwrap();
    assert!(story.installation.run(&["import", "accounts", file.to_str().unwrap()]).success());
    for point in ["read.before-commit:2", "read.after-commit:1", "read.before-commit:1"] {
        let mut server = story.serve(Some(point));
        until("it dies", async || server.ask("GET /health", "", None).is_none()).await;
        let ended = server.end().unwrap();
        assert_eq!(ended.signal(), Some(SIGABRT), "it ended otherwise: {ended:?}");
    }
    let server = story.serve(None);
    until("all is read", async || {
        let state = server.get("/api/reports/progress");
        state["sequence"] == state["latest"]
    })
    .await;
    assert_eq!(server.get("/api/reports/dashboard-stats")["totalAccounts"], 900);
    server.stop();
}

/// By the command line, of a file whose records are not known again by anything: what was taken is not taken twice.
async fn killed_while_a_file_is_imported(kind: Kind) {
    let story = Story::begin(kind).await;
    let file = story.installation.data.join("accounts.csv");
    let rows: Vec<String> = (0..2_000).map(|row| format!("Account {row}")).collect();
    std::fs::write(&file, format!("name\n{}\n", rows.join("\n"))).unwrap();
    let words = ["import", "accounts", file.to_str().unwrap()];
    let mut killed = 0;
    // Each begins where the one before it died, until one comes to the end: far enough to get on each time.
    while story.installation.run_until_killed(&words, "write.after-commit:7") {
        killed += 1;
        assert!(killed < 20, "it does not get on");
    }
    assert!(killed >= 2, "it was killed {killed} times");
    let server = story.serve(None);
    assert_eq!(server.get("/api/accounts?count=exact&limit=1")["total"], 2_000);
    let imports = server.get("/api/imports");
    let all = imports["data"].as_array().unwrap();
    assert_eq!(
        (all.len(), &all[0]["state"], &all[0]["created"]),
        (1, &json!("completed"), &json!(2_000))
    );
    server.stop();
    // Once more: another import.
    assert!(story.installation.run(&words).success());
    assert!(story.installation.run(&["audit", "verify"]).success());
}

/// Each start goes on where the one before it died, and no record is deleted twice.
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn killed_while_a_batch_is_undone(kind: Kind) {
    let story = Story::begin(kind).await;
    let file = story.installation.data.join("accounts.csv");
    let rows: Vec<String> = (0..1_000).map(|row| format!("Account {row}")).collect();
    std::fs::write(&file, format!("name\n{}\n", rows.join("\n"))).unwrap();
    assert!(story.installation.run(&["import", "accounts", file.to_str().unwrap()]).success());
    let server = story.serve(None);
    let import = server.get("/api/batches")["data"][0]["id"].as_str().unwrap().to_owned();
    server.stop();
    // It dies when the job begins, and then again and again, as far as it gets.
    let mut killed = 0;
    loop {
        let point = if killed == 0 { "job.before-run:1" } else { "write.after-commit:9" };
        let mut server = story.serve(Some(point));
        if killed == 0 {
            server.ask(&format!("POST /api/batches/{import}/undo"), "", None);
        }
        let done = || {
            let undo = server.ask("GET /api/batches?kind=undo", "", None);
            undo.is_some_and(|undo| undo.json["data"][0]["state"] == "completed")
        };
        let over = std::cell::Cell::new(false);
        until("it ends or dies", async || {
            over.set(done());
            over.get() || server.ask("GET /health", "", None).is_none()
        })
        .await;
        if over.get() {
            server.kill();
            break;
        }
        let ended = server.end().unwrap();
        assert_eq!(ended.signal(), Some(SIGABRT), "it ended otherwise: {ended:?}");
        killed += 1;
        assert!(killed < 40, "it does not get on");
        story.database.end_leases().await;
    }
    assert!(killed >= 3, "it was killed {killed} times");
    let server = story.serve(None);
    let job = server.get("/api/batches?kind=undo")["data"][0].clone();
    let counted = ["total", "done", "changed", "skipped", "failed"].map(|key| job[key].clone());
    assert_eq!(counted, [1_000, 1_000, 1_000, 0, 0].map(Json::from), "{job}");
    assert_eq!(job["state"], "completed");
    assert_eq!(server.get("/api/accounts?count=exact&limit=1")["total"], 0);
    let deleted = server.get("/api/accounts?deleted=true&count=exact&limit=1");
    assert_eq!(deleted["total"], 1_000);
    let mut events = 0;
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/audit-logs?action=account.deleted&limit=200{cursor}"));
        events += count(&page);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(events, 1_000, "each was deleted once");
    server.stop();
    assert!(story.installation.run(&["audit", "verify"]).success());
}

/// However often it dies on the way, nothing of the person is left in the end, and no more than the person went.
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn killed_while_a_person_is_erased(kind: Kind) {
    let story = Story::begin(kind).await;
    let server = story.serve(None);
    let zoe = json!({ "name": "Zuleika Quandt", "email": "zuleika@quandt.example" });
    let made = server.ask("POST /api/contacts", "", Some(&zoe)).unwrap().json;
    let id = made["id"].as_str().unwrap().to_owned();
    for number in 0..40 {
        let note = json!({ "content": format!("Note {number}"), "relatedId": id });
        assert_eq!(server.ask("POST /api/notes", "", Some(&note)).unwrap().status, 201);
        let deal = json!({ "name": format!("Deal {number} of Zuleika Quandt"), "contactId": id });
        assert_eq!(server.ask("POST /api/deals", "", Some(&deal)).unwrap().status, 201);
    }
    server.stop();
    let mut killed = 0;
    loop {
        let point = if killed == 0 { "job.before-run:1" } else { "write.after-commit:40" };
        let mut server = story.serve(Some(point));
        if killed == 0 {
            let confirm = json!({ "confirm": id });
            server.ask(&format!("POST /api/contacts/{id}/erase"), "", Some(&confirm));
        }
        let over = std::cell::Cell::new(false);
        until("it ends or dies", async || {
            let jobs = server.ask("GET /api/batches?kind=erase", "", None);
            over.set(jobs.is_some_and(|jobs| jobs.json["data"][0]["state"] == "completed"));
            over.get() || server.ask("GET /health", "", None).is_none()
        })
        .await;
        if over.get() {
            server.kill();
            break;
        }
        assert_eq!(server.end().unwrap().signal(), Some(SIGABRT), "it ended otherwise");
        killed += 1;
        assert!(killed < 60, "it does not get on");
        story.database.end_leases().await;
    }
    assert!(killed >= 3, "it was killed {killed} times");
    let server = story.serve(None);
    let gone = server.ask(&format!("GET /api/contacts/{id}"), "", None).unwrap();
    assert_eq!((gone.status, &gone.json["code"]), (410, &json!("erased")));
    assert_eq!(server.get("/api/notes?count=exact&deleted=true&limit=1")["total"], 0);
    let deals = server.get("/api/deals?count=exact&limit=200");
    assert_eq!(deals["total"], 40);
    assert!(!deals.to_string().contains("Quandt"), "{deals}");
    assert!(!server.get("/api/audit-logs?limit=200").to_string().contains("Quandt"));
    server.stop();
    assert!(story.installation.run(&["audit", "verify"]).success());
}

#[test]
fn every_point_is_visited() {
    // Those of files are visited in attachments/kill.rs, those of bundles in tenant_bundles/kill.rs.
    let visited = ["write.", "job.", "mail.", "seal.", "read.", "file.", "bundle."];
    for point in POINTS {
        assert!(visited.iter().any(|prefix| point.starts_with(prefix)), "{point} is not tried");
    }
}

/// Says for each point whether the contact and the invite were answered.
async fn killed_at(kind: Kind, prefix: &str, time: u32) -> Vec<(bool, bool)> {
    let mut answered = Vec::new();
    for point in POINTS.into_iter().filter(|point| point.starts_with(prefix)) {
        let point = format!("{point}:{time}");
        println!("killed at {point}");
        let told = Story::begin(kind).await.tell(&point).await;
        answered.push((told.contact.is_some(), told.invite.is_some()));
    }
    answered
}

/// An installation in which somebody works while it is killed.
pub(crate) struct Story {
    pub(crate) database: Database,
    sink: Sink,
    pub(crate) installation: Installation,
    pub(crate) token: String,
}

/// What the process answered before it ended.
struct Told {
    contact: Option<Reply>,
    invite: Option<Reply>,
}

impl Story {
    /// A tenant, made before anything is killed.
    pub(crate) async fn begin(kind: Kind) -> Self {
        let database = Database::fresh(kind).await;
        let sink = Sink::start(&[]);
        let folder = database.folder.path();
        let url = match kind {
            Kind::Sqlite => embedded(folder),
            Kind::Postgres => database.options.url.clone(),
        };
        let installation =
            Installation { data: folder.to_owned(), database_url: url, smtp_url: sink.url.clone() };
        let server = installation.serve(None);
        let ana = json!({ "email": "ana@acme.example", "password": "a long password" });
        let signed_in = server.ask("POST /api/auth/register", "", Some(&ana)).unwrap();
        assert_eq!(signed_in.status, 201, "{signed_in:?}");
        let token = signed_in.json["token"].as_str().unwrap().to_owned();
        server.stop();
        // Nothing is left over that the next process would begin with.
        assert!(installation.run(&["audit", "verify"]).success());
        Self { database, sink, installation, token }
    }

    pub(crate) fn serve(&self, crash_at: Option<&str>) -> Server {
        let mut server = self.installation.serve(crash_at);
        server.token = Some(self.token.clone());
        server
    }

    async fn tell(self, point: &str) -> Told {
        let told = self.work_until_killed(point);
        self.database.end_leases().await;
        let server = self.serve(None);
        until("all mails are sent", async || {
            let mails = server.get("/api/system/outbox");
            mails["data"].as_array().unwrap().iter().all(|mail| mail["state"] == "sent")
        })
        .await;
        self.look_at_the_invite(&server, &told).await;
        look_at_the_contact(&server, &told);
        server.stop();
        let verified = self.installation.run(&["audit", "verify"]);
        assert!(verified.success(), "the chain of events is broken");
        told
    }

    fn work_until_killed(&self, point: &str) -> Told {
        let mut server = self.serve(Some(point));
        let contact = make_contact(&server);
        let guest = json!({ "email": "guest@acme.example" });
        let invite = server.ask("POST /api/invites", "", Some(&guest));
        for reply in [&contact, &invite].into_iter().flatten() {
            assert_eq!(reply.status, 201, "{reply:?}");
        }
        let ended = server.end().unwrap_or_else(|| panic!("{point} is never passed"));
        assert_eq!(ended.signal(), Some(SIGABRT), "it ended otherwise: {ended:?}");
        Told { contact, invite }
    }

    /// There is one invite or none, with its event and its mail.
    async fn look_at_the_invite(&self, server: &Server, told: &Told) {
        let invites = count(&server.get("/api/invites"));
        assert!(invites <= 1 && (told.invite.is_none() || invites == 1), "{invites} invites");
        assert_eq!(count(&server.get("/api/audit-logs?action=invite.created")), invites);
        assert_eq!(count(&server.get("/api/system/outbox")), invites, "mails in the outbox");
        let mails = self.sink.received(invites).await;
        let ids: BTreeSet<&str> =
            mails.iter().map(|mail| mail["headers"]["message-id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), invites, "mails that arrived: {mails:?}");
        for mail in &mails {
            assert_eq!(mail["receivers"], json!(["guest@acme.example"]));
            assert_eq!(mail["text"], mails[0]["text"]);
        }
    }
}

fn make_contact(server: &Server) -> Option<Reply> {
    let contact = json!({ "name": "Bruno Costa" });
    server.ask("POST /api/contacts", "idempotency-key: the first\r\n", Some(&contact))
}

/// There is one contact or none, with its event; asked for again under the same key there is one.
fn look_at_the_contact(server: &Server, told: &Told) {
    let contacts = count(&server.get("/api/contacts"));
    assert!(contacts <= 1 && (told.contact.is_none() || contacts == 1), "{contacts} contacts");
    let events = || count(&server.get("/api/audit-logs?action=contact.created"));
    assert_eq!(events(), contacts);
    let again = make_contact(server).unwrap();
    assert_eq!(again.status, 201, "{again:?}");
    if let Some(first) = &told.contact {
        assert_eq!(again.json["id"], first.json["id"]);
    }
    assert_eq!((count(&server.get("/api/contacts")), events()), (1, 1));
    let found = server.get("/api/search?q=bruno");
    assert_eq!(found["data"][0]["id"], again.json["id"]);
}

fn count(page: &Json) -> usize {
    page["data"].as_array().unwrap().len()
}
