//! Backup, restore and move: what comes out is what went in, on either database, and nothing is half done.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use kith_platform::events;
use kith_store::{Insert, Options, Select};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{
    attachments::{attached, bytes, contents, files_in},
    client::Client,
    database::{Database, Kind, on_both},
    import::import,
    server::Installation,
    world::World,
};

on_both!(
    what_is_moved_answers_the_same,
    what_is_backed_up_is_restored,
    a_move_needs_an_empty_place,
    a_killed_restore_is_never_served,
    a_killed_restore_leaves_no_draft,
    bad_backups_touch_nothing,
    a_backup_is_of_one_instant,
    older_backups_are_brought_up_to_date,
);

pub(crate) fn installation(folder: &Path, options: &Options) -> Installation {
    Installation {
        data: folder.to_owned(),
        database_url: options.url.clone(),
        smtp_url: String::new(),
    }
}

fn other(kind: Kind) -> Kind {
    match kind {
        Kind::Sqlite => Kind::Postgres,
        Kind::Postgres => Kind::Sqlite,
    }
}

/// Records of every kind, with whatever is spelt differently by the two databases.
#[expect(clippy::too_many_lines, reason = "one of each")]
pub(crate) async fn furnish(world: &World) {
    let ana = &world.ana;
    for (object, name, kind) in [
        ("contact", "height", "number"),
        ("contact", "since", "date"),
        ("deal", "fee", "money"),
        ("deal", "partner", "link"),
        ("contact", "codes", "multiChoice"),
    ] {
        let mut field = json!({ "object": object, "name": name, "kind": kind });
        match kind {
            "link" => field["target"] = json!("account"),
            "multiChoice" => field["options"] = json!(["b", "a", "ñ"]),
            _ => {}
        }
        ana.make("/api/custom-fields", field).await;
    }
    let account =
        ana.make("/api/accounts", json!({ "name": "Æther & Söhne 🚀", "labels": ["vip"] })).await;
    for height in [json!(1.0), json!(-0.0), json!(1e16), json!(0.1), json!(1e-7)] {
        let contact = json!({ "name": "Zoë \"Quote\" O'Neil", "accountId": account["id"],
            "height": height, "since": "1969-12-31", "codes": ["ñ", "a"] });
        ana.make("/api/contacts", contact).await;
    }
    let gone = ana.make("/api/contacts", json!({ "name": "Gone" })).await;
    let path = format!("/api/contacts/{}", gone["id"].as_str().unwrap());
    assert_eq!(ana.patch(&path, json!({ "name": "Going" })).await.status, 200);
    assert_eq!(ana.delete(&path).await.status, 204);
    let deal = ana
        .make(
            "/api/deals",
            json!({ "name": "Größe", "accountId": account["id"], "partner": account["id"],
                "fee": "12.30" }),
        )
        .await;
    let note = json!({ "content": "A\u{301} note\nin two lines", "relatedId": deal["id"] });
    ana.make("/api/notes", note).await;
    attached(ana, &deal, ("offer.txt", b"an offer")).await;
    attached(ana, &deal, ("picture.bin", &bytes(200_000))).await;
    ana.make("/api/tasks", json!({ "title": "Call", "relatedId": deal["id"] })).await;
    let rule = json!({ "field": "custom.height", "op": "gte", "value": 1 });
    let view = json!({ "object": "contacts", "name": "Tall", "rule": rule, "shared": true });
    ana.make("/api/views", view).await;
    import(world, ana, "contacts", b"name,email\nBruno,no address\nEva,eva@x.example\n", &[]).await;
    world.stranger.make("/api/contacts", json!({ "name": "Zoë of another tenant" })).await;
}

/// What people see, of both tenants.
async fn seen(clients: [&Client; 2]) -> Vec<Json> {
    let mut all = Vec::new();
    for path in [
        "/api/accounts",
        "/api/contacts",
        "/api/contacts?deleted=true",
        "/api/deals",
        "/api/notes",
        "/api/tasks",
        "/api/labels",
        "/api/members",
        "/api/pipelines",
        "/api/views",
        "/api/batches",
        "/api/custom-fields",
        "/api/imports",
        "/api/audit-logs?limit=200",
        "/api/contacts?search=zoe",
        "/api/contacts?search=quote&height[gte]=0.1&sort=height",
        "/api/search?q=zoe",
        "/api/deals?include=account",
        "/api/notes?search=lines",
        "/api/accounts?labels=vip",
        "/api/members?search=owner",
        "/api/auth/me",
    ] {
        for client in clients {
            let answer = client.get(path).await;
            // A word of which a filter knows nothing is refused alike on both.
            all.push(json!([path, answer.status.to_string(), answer.json]));
        }
    }
    // Ranks are comparable within one database only.
    for answer in &mut all {
        strike(answer, &["rank", "score", "requestId", "request_id", "instance"]);
    }
    all
}

fn strike(json: &mut Json, keys: &[&str]) {
    match json {
        Json::Object(map) => {
            for key in keys {
                map.shift_remove(*key);
            }
            for value in map.values_mut() {
                strike(value, keys);
            }
        }
        Json::Array(list) => list.iter_mut().for_each(|value| strike(value, keys)),
        // PostgreSQL spells `1e16` as a whole number, and knows no nought with a sign.
        Json::Number(number) => *json = json!(number.as_f64().unwrap() + 0.0),
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

fn assert_same(before: &[Json], after: &[Json]) {
    for (one, other) in before.iter().zip(after) {
        assert_eq!(one, other);
    }
    assert_eq!(before.len(), after.len());
    let refused: Vec<&Json> = before.iter().filter(|answer| answer[1] != "200").collect();
    // The other tenant has no such field.
    assert!(refused.len() <= 1, "{refused:?}");
}

/// The lines that tell a table's rows and hash.
fn hashes(told: &str) -> Vec<&str> {
    told.lines().filter(|line| line.trim_end().ends_with('…')).collect()
}

async fn what_is_moved_answers_the_same(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    events::seal_all(&world.app).await.unwrap();
    let before = seen([&world.ana, &world.stranger]).await;
    let there = Database::fresh(other(kind)).await;
    let (ana, stranger) = (world.ana.clone(), world.stranger.clone());
    let from = installation(world.folder(), world.options());
    // Servers keep connections to PostgreSQL, and these ones are still there.
    if kind == Kind::Postgres {
        let told = from.told(&["move", "--to", &there.options.url], &[]);
        assert!(told.contains("others are connected"), "{told}");
    }
    let folder = world.folder().to_owned();
    drop_connections(kind, &world).await;
    let told = from.told(&["move", "--to", &there.options.url], &[]);
    assert!(told.contains("Moved."), "{told}");
    {
        let (_house, router) = world.elsewhere(&there.options).await;
        assert_same(&before, &seen([&ana.at(&router), &stranger.at(&router)]).await);
        // And what is written there goes on from there.
        ana.at(&router).make("/api/contacts", json!({ "name": "Later" })).await;
    }
    // Back again, into a third database of the first kind.
    let back = Database::fresh(kind).await;
    let from = installation(&folder, &there.options);
    let told = from.told(&["move", "--to", &back.options.url], &[]);
    assert!(told.contains("Moved."), "{told}");
    assert!(hashes(&told).len() > 20, "{told}");
    let told = installation(&folder, &back.options).told(&["audit", "verify"], &[]);
    assert!(told.contains("the chain is whole") && !told.contains("broken"), "{told}");
    let (_house, router) = world.elsewhere(&back.options).await;
    let found = ana.at(&router).get("/api/contacts?search=later").await;
    assert_eq!(found.names(), ["Later"]);
}

/// Ends the connections that a world keeps, as the end of its process would.
async fn drop_connections(kind: Kind, world: &World) {
    if kind == Kind::Postgres {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        world.as_owner(end).await;
    }
}

async fn what_is_backed_up_is_restored(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let before = seen([&world.ana, &world.stranger]).await;
    let here = installation(world.folder(), world.options());
    let told = here.told(&["doctor"], &[]);
    assert!(told.contains("none was made yet"), "{told}");
    let file = world.folder().join("all.kithbackup");
    let name = file.to_str().unwrap();
    let told = here.told(&["backup", "--to", name], &[]);
    assert!(told.contains("restored into a new database and compared"), "{told}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        names(world.folder())
            .iter()
            .all(|name| !name.contains("trial") && !name.contains("partial"))
    );
    let again = here.told(&["backup", "--to", name], &[]);
    assert!(again.contains("is there already"), "{again}");
    let doctor = here.told(&["doctor"], &[]);
    assert!(doctor.contains("less than an hour ago"), "{doctor}");
    // What comes after the backup is not in it.
    world.ana.make("/api/contacts", json!({ "name": "Too late" })).await;
    for onto in [kind, other(kind)] {
        let there = Database::fresh(onto).await;
        let place = installation(there.folder.path(), &there.options);
        let restored = place.told(&["restore", name, "--to", &there.options.url], &[]);
        assert!(restored.contains("Restored what was backed up"), "{restored}");
        assert_eq!(hashes(&restored), hashes(&told));
        assert!(restored.contains("2 files of 200008 bytes"), "{restored}");
        assert_eq!(contents(there.folder.path()), contents(world.folder()));
        let (_house, router) = world.elsewhere(&there.options).await;
        assert_same(&before, &seen([&world.ana.at(&router), &world.stranger.at(&router)]).await);
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_move_needs_an_empty_place(kind: Kind) {
    let world = World::new(kind).await;
    world.ana.make("/api/contacts", json!({ "name": "First" })).await;
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("all.kithbackup");
    let name = file.to_str().unwrap();
    assert!(here.run(&["backup", "--to", name]).success());
    world.ana.make("/api/contacts", json!({ "name": "Second" })).await;
    let refused = here.told(&["restore", name], &[]);
    assert!(refused.contains("is not empty") && refused.contains("--force"), "{refused}");
    assert_eq!(world.ana.get("/api/contacts").await.json["data"].as_array().unwrap().len(), 2);
    let refused = here.told(&["restore", name, "--to", "mysql://somewhere"], &[]);
    assert!(refused.contains("must be sqlite"), "{refused}");
    drop_connections(kind, &world).await;
    let forced = here.told(&["restore", name, "--force"], &[]);
    assert!(forced.contains("What was there before is now"), "{forced}");
    let (_house, router) = world.elsewhere(world.options()).await;
    assert_eq!(world.ana.at(&router).get("/api/contacts").await.names(), ["First"]);
    match kind {
        Kind::Sqlite => {
            let old = names(world.folder()).into_iter().find(|name| {
                name.starts_with("kith.db.before-")
                    && !name.ends_with("-wal")
                    && !name.ends_with("-shm")
            });
            let old =
                Options::new(format!("sqlite:{}", world.folder().join(old.unwrap()).display()));
            let (_house, router) = world.elsewhere(&old).await;
            assert_eq!(
                world.ana.at(&router).get("/api/contacts").await.json["data"]
                    .as_array()
                    .unwrap()
                    .len(),
                2
            );
        }
        Kind::Postgres => {
            let look = "DO $$ DECLARE found text; rows bigint; BEGIN \
                SELECT nspname INTO STRICT found FROM pg_namespace WHERE nspname LIKE 'kith-before-%'; \
                PERFORM set_config('kith.tenant', (SELECT id::text FROM tenants WHERE slug = 'world-of-owner'), true); \
                EXECUTE format('SELECT COUNT(*) FROM %I.contacts', found) INTO rows; \
                IF rows <> 2 THEN RAISE EXCEPTION '% rows are left', rows; END IF; END $$";
            world.as_owner(look).await;
        }
    }
}

/// A restore that was killed: of whom, of what, and where.
async fn killed(kind: Kind, point: &str) -> (World, String, Database, Installation) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let file = world.folder().join("all.kithbackup").to_str().unwrap().to_owned();
    let here = installation(world.folder(), world.options());
    assert!(here.run(&["backup", "--to", &file]).success());
    let there = Database::fresh(kind).await;
    let target = installation(there.folder.path(), &there.options);
    assert!(target.run_until_killed(&["restore", &file], point));
    (world, file, there, target)
}

async fn a_killed_restore_leaves_no_draft(kind: Kind) {
    let (_world, name, there, target) = killed(kind, "file.drafted").await;
    let drafts = || {
        let all = files_in(there.folder.path()).into_iter();
        all.filter(|path| path.to_string_lossy().contains("draft")).count()
    };
    assert_eq!(drafts(), 1);
    match kind {
        Kind::Sqlite => target.serve(None).stop(),
        // What is half restored is not served.
        Kind::Postgres => assert!(target.run(&["restore", &name, "--force"]).success()),
    }
    assert_eq!(drafts(), 0);
}

async fn a_killed_restore_is_never_served(kind: Kind) {
    // Rows are there by then, and the records are being made findable.
    let (world, name, there, target) = killed(kind, "write.before-commit").await;
    let name = name.as_str();
    match kind {
        Kind::Sqlite => assert!(!there.folder.path().join("kith.db").exists()),
        Kind::Postgres => {
            for words in [&["serve"][..], &["migrate"], &["restore", name], &["backup"]] {
                let told = target.told(words, &[]);
                assert!(
                    told.contains("did not come to its end") || told.contains("is not empty"),
                    "{told}"
                );
            }
        }
    }
    let told = target.told(&["restore", name, "--force"], &[]);
    assert!(told.contains("Restored"), "{told}");
    let (_house, router) = world.elsewhere(&there.options).await;
    let found = world.ana.at(&router).get("/api/accounts?search=aether").await;
    assert_eq!(found.status, 200);
    assert_eq!(found.json, world.ana.get("/api/accounts?search=aether").await.json);
    let left: Vec<String> = names(there.folder.path());
    assert!(left.iter().all(|name| !name.contains("filling")), "{left:?}");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn bad_backups_touch_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("all.kithbackup");
    assert!(here.run(&["backup", "--to", file.to_str().unwrap()]).success());
    let whole = fs::read(&file).unwrap();
    let there = Database::fresh(kind).await;
    let target = installation(there.folder.path(), &there.options);
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let head = |migration: &str| {
        json!({ "kith": "9.0.0", "madeAt": "2030-01-01T00:00:00Z",
        "database": "sqlite", "rows": 0, "migrations": [migration] })
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "no backup of Kith"),
        (whole[..7].to_vec(), "no backup of Kith"),
        (whole[..8].to_vec(), "cut off"),
        (whole[..whole.len() / 2].to_vec(), "cut off"),
        (whole[..whole.len() - 1].to_vec(), "cut off"),
        (changed, "cut off or changed"),
        (b"PK\x03\x04 a zip".to_vec(), "no backup of Kith"),
        (b"KITHBAK7 of the year 2030".to_vec(), "another format"),
        (crafted(&[(1, &head("2030-01-01-later"))]), "newer Kith"),
        (crafted(&[(1, &json!({ "no": "head" }))]), "makes no sense"),
        (
            crafted(&[(1, &head("2026-11-21-anchors")), (3, &json!("rows of nothing"))]),
            "makes no sense",
        ),
        (crafted(&[]), "makes no sense"),
    ];
    for (bytes, why) in cases {
        let bad = world.folder().join("bad.kithbackup");
        fs::write(&bad, bytes).unwrap();
        let told = target.told(&["restore", bad.to_str().unwrap()], &[]);
        assert!(told.contains(why), "{why}: {told}");
        assert!(!there.folder.path().join("kith.db").exists());
    }
    let told = target.told(&["restore", "/nowhere/at.all"], &[]);
    assert!(told.contains("cannot be read"), "{told}");
    // The place is as empty as before.
    let told = target.told(&["restore", file.to_str().unwrap()], &[]);
    assert!(told.contains("Restored"), "{told}");
}

async fn a_backup_is_of_one_instant(kind: Kind) {
    let world = World::new(kind).await;
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("all.kithbackup");
    let name = file.to_str().unwrap().to_owned();
    let backing_up =
        tokio::task::spawn_blocking(move || here.told(&["backup", "--to", &name], &[]));
    let mut made = 0;
    while !backing_up.is_finished() {
        world.ana.make("/api/contacts", json!({ "name": format!("n{made}") })).await;
        made += 1;
    }
    let told = backing_up.await.unwrap();
    assert!(told.contains("Backed up"), "{told}");
    let there = Database::fresh(other(kind)).await;
    let here = installation(world.folder(), &there.options);
    assert!(here.run(&["restore", file.to_str().unwrap()]).success());
    let (_house, router) = world.elsewhere(&there.options).await;
    let ana = world.ana.at(&router);
    let contacts =
        ana.get("/api/contacts?count=exact&limit=1").await.json["total"].as_u64().unwrap();
    assert!(contacts < made, "somebody wrote while the backup was made");
    // Of each there is the event, the anchor that its row points at, and the word by which it is found.
    for number in 0..contacts {
        let found = ana.get(&format!("/api/contacts?search=n{number}&name=n{number}")).await;
        assert_eq!(found.names(), [format!("n{number}")]);
    }
    let told = here.told(&["audit", "verify"], &[]);
    assert!(told.contains("the chain is whole") && !told.contains("broken"), "{told}");
}

async fn older_backups_are_brought_up_to_date(kind: Kind) {
    let old = Database::fresh(kind).await;
    let mut migrations = kith::wire::migrations();
    migrations.truncate(migrations.len() - 3);
    {
        let db = old.open();
        db.migrate(&migrations).await.unwrap();
        let row = vec![("key", "motto".into()), ("value", "kept".into())];
        let row = Insert::row("installation", row);
        db.write_everywhere("tests", async |db| db.insert(row).await).await.unwrap();
    }
    let here = installation(old.folder.path(), &old.options);
    let file = old.folder.path().join("old.kithbackup");
    let told = here.told(&["backup", "--to", file.to_str().unwrap()], &[]);
    assert!(told.contains("Backed up"), "{told}");
    let new = Database::fresh(kind).await;
    let there = installation(new.folder.path(), &new.options);
    let told = there.told(&["restore", file.to_str().unwrap()], &[]);
    assert!(told.contains("Restored"), "{told}");
    let db = new.open();
    assert!(db.migrate(&kith::wire::migrations()).await.unwrap().is_empty());
    let motto = Select::from("installation").whose("key", "motto").whose("value", "kept");
    let kept = db.read_everywhere("tests", async |db| db.count(motto).await).await.unwrap();
    assert_eq!(kept, 1);
    let left = names(new.folder.path());
    assert!(left.iter().all(|name| !name.contains("filling")), "{left:?}");
}

/// An archive with a checksum that holds.
fn crafted(frames: &[(u8, &Json)]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for (mark, json) in frames {
        let bytes = json.to_string().into_bytes();
        gzip.write_all(&[*mark]).unwrap();
        gzip.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
        gzip.write_all(&bytes).unwrap();
    }
    let mut all = b"KITHBAK1".to_vec();
    all.extend(gzip.finish().unwrap());
    let hash = Sha256::digest(&all);
    all.extend_from_slice(&hash);
    all
}

fn names(folder: &Path) -> Vec<String> {
    let paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}
