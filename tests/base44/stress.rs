//! Syncs under stress: a far side that falls silent, and a process that is killed.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value as Json, json};

use super::{Far, KEY, counts, sales, sync, synced};
use crate::{
    database::{Kind, on_both},
    house::until,
    kill::{SIGABRT, Story},
    server::Server,
};

on_both!(a_far_side_that_falls_silent_is_given_up, killed_in_the_middle_of_a_sync);

/// What a far side does that is there and does not answer.
const SILENCES: [fn(TcpStream); 4] = [
    wait_for_the_end,
    |mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n[").ok();
        wait_for_the_end(stream);
    },
    |mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n[").ok();
        // Slower than anybody waits for 900 bytes; it ends with the connection.
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    },
    |mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").ok();
        let piece = [b"10000\r\n".as_slice(), &[b' '; 65_536], b"\r\n"].concat();
        while stream.write_all(&piece).is_ok() {}
    },
];

fn wait_for_the_end(mut stream: TcpStream) {
    while stream.read(&mut [0; 512]).is_ok_and(|read| read > 0) {}
}

/// A far side that does each of these in turn; how often it was asked.
fn silent() -> (u16, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let at = {
                let mut count = count.lock().unwrap();
                *count += 1;
                *count - 1
            };
            std::thread::spawn(move || {
                if stream.read(&mut [0; 4_096]).is_ok_and(|read| read > 0) {
                    SILENCES[at % SILENCES.len()](stream);
                }
            });
        }
    });
    (port, asked)
}

async fn a_far_side_that_falls_silent_is_given_up(kind: Kind) {
    let (world, _, far) = synced(kind, &sales(), &[]).await;
    let good = format!("http://127.0.0.1:{}/api", far.port);
    let (port, asked) = silent();
    let bad = format!("http://127.0.0.1:{port}/api");
    let app = [("base44.app_id", "app1"), ("base44.api_key", KEY), ("base44.tenant", "*")].to_vec();
    let at = |base| {
        [app.clone(), vec![("base44.api_base", base), ("base44.timeout_seconds", "1")]].concat()
    };
    let (world, ana) = world.configured(&at(&bad));
    let begun = ana.post("/api/database/sync", json!({})).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let path = begun.headers["location"].to_str().unwrap().to_owned();
    let began = std::time::Instant::now();
    let mut now = Json::Null;
    for _ in 0..10 {
        world.run_jobs().await;
        now = ana.get(&path).await.json;
        if now["state"] == "failed" {
            break;
        }
        world.app.clock.advance_seconds(900);
    }
    assert_eq!(now["state"], "failed", "{now}");
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert_eq!(*asked.lock().unwrap(), 8, "each attempt asks once, and meets each silence twice");
    assert!(now["error"].as_str().is_some_and(|error| !error.is_empty()), "{now}");
    assert!(now["finishedAt"].is_string(), "{now}");
    // The next one, against a far side that speaks, is not kept out by it.
    let (world, ana) = world.configured(&at(&good));
    let done = sync(&world, &ana, json!({})).await;
    assert_eq!(done["state"], "completed", "{done}");
    assert_eq!(counts(&done, "Opportunity"), [2, 2, 0, 0, 0]);
}

/// A server of the story whose Base44 is this one, and that dies at a point.
fn serve(story: &Story, far: &Far, point: &str) -> Server {
    let base = format!("http://127.0.0.1:{}/api", far.port);
    let mut server = story.installation.serve_with(&[
        ("KITH_CRASH_AT", point),
        ("BASE44_APP_ID", "app1"),
        ("BASE44_API_KEY", KEY),
        ("BASE44_API_BASE", &base),
        ("BASE44_TENANT", "*"),
    ]);
    server.token = Some(story.token.clone());
    server
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn killed_in_the_middle_of_a_sync(kind: Kind) {
    let story = Story::begin(kind).await;
    let one = |at: u32| json!({ "id": format!("c{at}"), "first_name": format!("Number {at}"), "account_id": "a1" });
    let contacts: Vec<Json> = (0..330).map(one).collect();
    let accounts = json!([{ "id": "a1", "name": "Acme" }]);
    let holds = json!({ "key": KEY, "entities": { "Account": accounts, "Contact": contacts } });
    let far = Far::start(&story.installation.data, &holds);
    let points = [
        "job.before-run:1",
        "write.after-commit:8",
        "write.before-commit:8",
        "write.after-commit:9",
    ];
    for (number, point) in points.iter().enumerate() {
        let mut server = serve(&story, &far, point);
        if number == 0 {
            server.ask("POST /api/database/sync", "", Some(&json!({})));
        }
        until("it dies", async || server.ask("GET /health", "", None).is_none()).await;
        let ended = server.end().unwrap();
        assert_eq!(ended.signal(), Some(SIGABRT), "{point}: it ended otherwise: {ended:?}");
        story.database.end_leases().await;
    }
    let server = serve(&story, &far, "nowhere");
    until("it is done", async || {
        server.get("/api/database/sync")["data"][0]["state"] == "completed"
    })
    .await;
    let done = server.get("/api/database/sync")["data"][0].clone();
    assert_eq!(counts(&done, "Contact"), [330, 330, 0, 0, 0], "{done}");
    assert_eq!(counts(&done, "Account"), [1, 1, 0, 0, 0], "{done}");
    let made = server.get("/api/contacts?count=exact&limit=200");
    assert_eq!(made["total"], 330);
    let account = server.get("/api/accounts")["data"][0]["id"].clone();
    assert!(made["data"].as_array().unwrap().iter().all(|one| one["accountId"] == account));
    let batch = server.get(&format!("/api/jobs/{}", done["id"].as_str().unwrap()));
    assert_eq!((&batch["done"], &batch["changed"]), (&json!(331), &json!(331)), "{batch}");
    let (mut told, mut cursor) = (0, String::new());
    loop {
        let page = server.get(&format!("/api/audit-logs?action=contact.created&limit=200{cursor}"));
        told += page["data"].as_array().unwrap().len();
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(told, 330, "each was made once");
    let asked = far.asked.lock().unwrap();
    let resumed = asked.iter().any(|asked| asked["skip"].as_u64().unwrap() % 100 != 0);
    assert!(resumed, "it died in the middle of no page: {asked:?}");
    drop(asked);
    server.stop();
    assert!(story.installation.run(&["audit", "verify"]).success());
}
