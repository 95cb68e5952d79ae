//! Several nodes of one PostgreSQL, and the one process that serves a file of SQLite.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use kith_kernel::invalid;
use kith_store::{Db, News};
use serde_json::json;

use crate::{
    database::{Database, Kind},
    house::{House, until},
    server::{Installation, Server, embedded},
    sink::Sink,
    world::World,
};

/// What a node remembers is looked for again by then, also when nobody tells it to.
const AGE: Duration = Duration::from_secs(3);

/// What a node was told.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<News>>>);

impl Ear {
    /// Listens until the test ends.
    fn of(db: &Db) -> Self {
        let (ear, db) = (Self::default(), db.clone());
        let heard = Arc::clone(&ear.0);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { db.converse(&|news| heard.lock().unwrap().push(news)).await });
        ear
    }

    /// Waits until all of it was heard, and gives back everything that was.
    async fn hears(&self, what: &[News]) -> Vec<News> {
        let told = format!("{what:?} is heard");
        until(&told, async || what.iter().all(|news| self.0.lock().unwrap().contains(news))).await;
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_committed_is_heard_by_the_others() {
    let house = House::fresh(Kind::Postgres).await;
    let other = house.another_node();
    let (mine, theirs) = (Ear::of(&house.app.db), Ear::of(&other.db));
    mine.hears(&News::ALL).await;
    theirs.hears(&News::ALL).await;
    let ctx = house.tenant();
    let refused = ctx
        .write(async |db| {
            db.tell(News::Access);
            Err::<(), _>(invalid("name", "is wrong"))
        })
        .await;
    assert!(refused.is_err());
    ctx.write(async |db| {
        db.everywhere("tests").tell(News::Jobs);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(theirs.hears(&[News::Jobs]).await, [News::Jobs]);
    // Much to tell is told in few words.
    (0..1_000).for_each(|_| house.app.db.tell(News::Fields));
    let mut heard = theirs.hears(&[News::Fields]).await;
    house.app.db.tell(News::Access);
    heard.extend(theirs.hears(&[News::Access]).await);
    assert!(heard.len() < 10, "{} words", heard.len());
    other.db.tell(News::Access);
    assert_eq!(mine.hears(&[News::Access]).await, [News::Access], "nobody hears their own words");
    // One that does not converse tells as well, before it ends.
    let command = house.another_node().db;
    command.tell(News::Jobs);
    command.tell_rest().await.unwrap();
    theirs.hears(&[News::Jobs]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_erasure_has_the_others_forget() {
    let world = World::new(Kind::Postgres).await;
    let contact = world.ana.make("/api/contacts", json!({ "name": "Zuleika Quandt" })).await;
    let path = format!("/api/contacts/{}/erase", contact["id"].as_str().unwrap());
    let asked = world.ana.post(&path, json!({ "confirm": "Zuleika Quandt" })).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    world.app.db.tell_rest().await.unwrap();
    let other = Db::open(world.options()).unwrap();
    let theirs = Ear::of(&other);
    theirs.hears(&News::ALL).await;
    world.run_jobs().await;
    world.app.db.tell_rest().await.unwrap();
    theirs.hears(&[News::Access]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_break_everything_is_heard() {
    let house = House::fresh(Kind::Postgres).await;
    let other = house.another_node();
    let (mine, theirs) = (Ear::of(&house.app.db), Ear::of(&other.db));
    mine.hears(&News::ALL).await;
    theirs.hears(&News::ALL).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'kith nodes' AND datname = current_database()";
    house.database.as_owner(cut).await;
    mine.hears(&News::ALL).await;
    theirs.hears(&News::ALL).await;
    house.app.db.tell(News::Access);
    theirs.hears(&[News::Access]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_there_is_nobody_to_talk_to() {
    let house = House::fresh(Kind::Sqlite).await;
    house.app.db.tell(News::Jobs);
    house.app.db.tell_rest().await.unwrap();
    house.app.db.converse(&|_| panic!("nobody is there")).await;
}

/// Nodes of one PostgreSQL, each with a data folder of its own.
struct Nodes {
    database: Database,
    folders: Vec<tempfile::TempDir>,
    token: String,
}

impl Nodes {
    async fn new() -> Self {
        let database = Database::fresh(Kind::Postgres).await;
        Self { database, folders: Vec::new(), token: String::new() }
    }

    fn start(&mut self, smtp_url: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let installation = Installation {
            data: folder.path().to_owned(),
            database_url: self.database.options.url.clone(),
            smtp_url: smtp_url.to_owned(),
        };
        self.folders.push(folder);
        let variables = [("JOBS_AT_ONCE", "1"), ("RATE_LIMIT_AUTH", "0"), ("RATE_LIMIT_API", "0")];
        let mut server = installation.serve_with(&variables);
        if self.token.is_empty() {
            self.token = sign(&server, "register");
        }
        server.token = Some(self.token.clone());
        server
    }
}

fn sign(server: &Server, how: &str) -> String {
    let ana = json!({ "email": "ana@acme.example", "password": "a long password" });
    let signed_in = server.ask(&format!("POST /api/auth/{how}"), "", Some(&ana)).unwrap();
    signed_in.json["token"].as_str().unwrap().to_owned()
}

fn status(server: &Server, path: &str) -> u16 {
    server.ask(&format!("GET {path}"), "", None).unwrap().status
}

fn invite(server: &Server, email: &str) {
    let guest = json!({ "email": email });
    assert_eq!(server.ask("POST /api/invites", "", Some(&guest)).unwrap().status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_ends_here_has_ended_there() {
    let mut nodes = Nodes::new().await;
    let (mut here, mut there) = (nodes.start(""), nodes.start(""));
    for _ in 0..3 {
        there.token = Some(sign(&here, "login"));
        let known_since = Instant::now();
        assert_eq!(status(&there, "/api/auth/me"), 200);
        here.token.clone_from(&there.token);
        assert_eq!(here.ask("POST /api/auth/logout", "", None).unwrap().status, 204);
        until("the session has ended", async || status(&there, "/api/auth/me") == 401).await;
        assert!(known_since.elapsed() < AGE, "it was forgotten by its age alone");
    }
    here.stop();
    there.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_field_that_is_made_here_is_known_there() {
    let mut nodes = Nodes::new().await;
    let (here, there) = (nodes.start(""), nodes.start(""));
    let contact = json!({ "name": "Bruno Costa", "custom": { "territory": "North" } });
    let make = || there.ask("POST /api/contacts", "", Some(&contact)).unwrap().status;
    let known_since = Instant::now();
    assert_eq!(make(), 422, "there is no such field yet");
    let import = here.import("contacts", "name,territory\nCarla Dias,South\n");
    until("it is done", async || here.get(&import)["state"] == "completed").await;
    until("the field is known", async || make() == 201).await;
    assert!(known_since.elapsed() < AGE, "it was looked for because of its age alone");
    here.stop();
    there.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_is_begun_where_there_is_room() {
    let mut nodes = Nodes::new().await;
    let (silent, sink) = (Sink::start(&[("SINK_SILENT_FIRST", "9")]), Sink::start(&[]));
    let here = nodes.start(&silent.url);
    invite(&here, "first@acme.example");
    // The only place for a job is taken by a mail whose server does not answer.
    silent.received(1).await;
    let there = nodes.start(&sink.url);
    assert_eq!(status(&there, "/api/auth/me"), 200);
    invite(&here, "second@acme.example");
    let mails = sink.received(1).await;
    assert_eq!(mails[0]["receivers"], json!(["second@acme.example"]));
    assert_eq!(silent.mails().len(), 1);
    there.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_outlives_its_node() {
    const ROWS: usize = 4_000;
    let mut nodes = Nodes::new().await;
    let here = nodes.start("");
    let row = |row| match row % 100 {
        7 => format!("Person {row},no address\n"),
        _ => format!("Person {row},p{row}@people.example\n"),
    };
    let rows: String = (0..ROWS).map(row).collect();
    let import = here.import("contacts", &format!("name,email\n{rows}"));
    until("it has begun", async || here.get(&import)["rows"].as_u64() > Some(0)).await;
    let there = nodes.start("");
    assert_eq!(there.get(&import)["state"], "running");
    here.kill();
    assert_eq!(there.get(&import)["state"], "running");
    nodes.database.end_leases().await;
    // Otherwise the worker looks when the lease would have ended.
    nodes.database.as_owner("NOTIFY kith, 'another jobs'").await;
    until("it is done", async || there.get(&import)["state"] == "completed").await;
    let report = there.get(&import);
    let counts = ["rows", "created", "failed"].map(|count| report[count].as_u64().unwrap());
    assert_eq!(counts, [4_000, 3_960, 40], "{report}");
    let all = there.get("/api/contacts?count=exact&limit=1");
    assert_eq!(all["total"], 3_960);
    let errors = there.ask(&format!("GET {import}/errors"), "", None).unwrap().text;
    assert_eq!(errors.matches("no address").count(), 40);
    there.stop();
    // Neither node has a copy of what was uploaded.
    for folder in &nodes.folders {
        let left = std::fs::read_dir(folder.path().join("imports")).unwrap();
        assert_eq!(left.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_goes_on_elsewhere_when_its_node_stops() {
    let mut nodes = Nodes::new().await;
    let here = nodes.start("");
    let rows: Vec<String> = (0..4_000).map(|row| format!("Person {row}\n")).collect();
    let import = here.import("contacts", &format!("name\n{}", rows.concat()));
    until("it has begun", async || here.get(&import)["rows"].as_u64() > Some(0)).await;
    let there = nodes.start("");
    here.stop();
    assert_eq!(there.get(&import)["state"], "running");
    until("it is done", async || there.get(&import)["state"] == "completed").await;
    assert_eq!(there.get("/api/contacts?count=exact&limit=1")["total"], 4_000);
    there.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_of_sqlite_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation {
        data: folder.path().to_owned(),
        database_url: embedded(folder.path()),
        smtp_url: String::new(),
    };
    let server = installation.serve(None);
    sign(&server, "register");
    assert!(!installation.run(&["serve"]).success(), "a second one serves");
    std::fs::write(folder.path().join("people.csv"), "name\nBruno Costa\n").unwrap();
    for beside in [&["doctor"][..], &["import", "contacts", "people.csv"], &["export", "contacts"]]
    {
        assert!(installation.run(beside).success(), "{beside:?} beside a server");
    }
    server.kill();
    installation.serve(None).stop();
}
