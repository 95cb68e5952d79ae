//! Imports: files as people have them, through HTTP and in the engine, with what is not plain told and nothing lost.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
};

use kith_records::import::{Mapped, Wishes};
use kith_store::{Select, Update};
use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    house::until,
    world::World,
};

on_both!(
    a_file_with_every_quirk_arrives,
    what_stands_on_a_later_line_is_linked,
    a_dry_run_writes_nothing_and_reports_the_same,
    an_interrupted_import_goes_on_where_it_was,
    what_only_the_database_refuses_is_told,
    an_earlier_run_is_taken_back,
    an_import_that_nobody_goes_on_with_has_failed,
    uploads_leave_nothing_behind,
    a_file_that_is_none_is_refused,
    the_published_pipeline_arrives_whole,
);

/// Uploads a file with the other fields of the form, runs the jobs, and gives back the report.
pub(crate) async fn import(
    world: &World,
    by: &Client,
    object: &str,
    file: &[u8],
    fields: &[(&str, &str)],
) -> Json {
    let taken = upload(by, object, file, fields).await;
    assert_eq!(taken.0, 202, "{}", taken.1);
    world.run_jobs().await;
    let report = by.get(&format!("/api/imports/{}", taken.1["id"].as_str().unwrap())).await;
    assert_eq!(report.status, 200, "{report:?}");
    report.json
}

async fn upload(by: &Client, object: &str, file: &[u8], fields: &[(&str, &str)]) -> (u16, Json) {
    upload_as(by, object, ("../../deals.csv", file), fields).await
}

pub(crate) async fn upload_as(
    by: &Client,
    object: &str,
    (name, file): (&str, &[u8]),
    fields: &[(&str, &str)],
) -> (u16, Json) {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    let head = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=edge")];
    let answer = by.send("POST", &format!("/api/{object}/import"), &headers, body).await;
    (answer.status, answer.json)
}

/// A byte order mark, semicolons, a quoted line break, an alias in the header, a decimal comma, days first, a column
/// without a home, a near name, a stage that is new, a bad date, a row with too many cells, an external id twice.
const QUIRKS: &str = "\u{feff}Opportunity ID;Sales Agent;product;Deal Stage;engage_date;close_value;Notes;territory\r\n\
    A1;Maria;GTXPro;Won;20/10/2016;1.054,50;\"two\r\nlines; and a \"\"quote\"\"\";North\r\n\
    A2;Maria;GTX Pro;Engaging;21/10/2016;;;South\r\n\
    A3;Nobody Known;GTX Pro;Lost;31/02/2016;0;;North\r\n\
    A4;;GTX Pro;Prospecting;25/10/2016;10,005;;West;one;too many\r\n\
    A1;Maria;GTX Pro;Won;20/10/2016;1;;North\r\n\
    A5;Nobody Known;;Prospecting;26/10/2016;10,005;;West\r\n";

#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_file_with_every_quirk_arrives(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    import(&world, ana, "members", b"sales_agent\nMaria\n", &[]).await;
    ana.make("/api/products", json!({ "name": "GTX Pro" })).await;
    let report = import(&world, ana, "deals", QUIRKS.as_bytes(), &[]).await;
    assert_eq!(report["state"], "completed", "{report}");
    let counts = ["rows", "created", "skipped", "failed", "rounded"]
        .map(|count| report[count].as_u64().unwrap());
    assert_eq!(counts, [6, 3, 1, 2, 1], "{report}");
    assert_eq!(report["fileName"], "deals.csv");
    let near = &report["nearMatches"][0];
    assert_eq!((&near["value"], &near["matched"]), (&json!("GTXPro"), &json!("GTX Pro")));
    assert_eq!(report["unmatched"][0]["value"], "Nobody Known");
    assert_eq!(report["made"][0]["value"], "Engaging");
    assert!(report["customFields"][0].as_str().unwrap().contains("territory"), "{report}");
    let deals = ana.get("/api/deals?sort=externalId&include=product,owner").await;
    let first = &deals.json["data"][0];
    assert_eq!(
        (&first["amount"], &first["engagedOn"]),
        (&json!(1054.5), &json!("2016-10-20")),
        "{first}"
    );
    assert_eq!(
        (&first["product"]["name"], &first["owner"]["name"]),
        (&json!("GTX Pro"), &json!("Maria"))
    );
    assert_eq!(first["description"], "two\r\nlines; and a \"quote\"");
    assert_eq!(first["custom"]["territory"], "North");
    assert_eq!(deals.json["data"][1]["stage"], "Engaging");
    assert_eq!(deals.json["data"][2]["amount"], json!(10));
    assert_eq!(ana.get("/api/deals?custom.territory=north").await.names().len(), 1);
    let errors = ana.get(report["errorsUrl"].as_str().unwrap()).await;
    assert!(
        errors.text.contains("A3")
            && errors.text.contains("A4")
            && errors.text.contains("31/02/2016"),
        "{}",
        errors.text
    );
    assert_eq!(world.stranger.get(report["errorsUrl"].as_str().unwrap()).await.status, 404);
    let again = import(&world, ana, "deals", QUIRKS.as_bytes(), &[("onMatch", "update")]).await;
    assert_eq!((&again["created"], &again["failed"]), (&json!(0), &json!(2)), "{again}");
}

async fn what_stands_on_a_later_line_is_linked(kind: Kind) {
    let world = World::new(kind).await;
    let file = b"account,revenue,subsidiary_of\nBluth,1.5,Kan-code\nKan-code,2,\nLonely,,Nobody\n";
    let mapping =
        json!({ "revenue": { "field": "annualRevenue", "scale": 1_000_000 } }).to_string();
    let report = import(&world, &world.ana, "accounts", file, &[("mapping", &mapping)]).await;
    assert_eq!((&report["created"], &report["linked"]), (&json!(3), &json!(1)), "{report}");
    assert_eq!(report["unmatched"][0]["value"], "Nobody");
    let accounts = world.ana.get("/api/accounts?sort=name&include=parent").await;
    let first = &accounts.json["data"][0];
    assert_eq!(
        (&first["parent"]["name"], &first["annualRevenue"]),
        (&json!("Kan-code"), &json!(1_500_000))
    );
    let teams = b"sales_agent,manager,regional_office\nRosa,Berta,North\n";
    let report = import(&world, &world.ana, "members", teams, &[]).await;
    assert_eq!(report["made"][0]["value"], "Berta", "{report}");
    let rosa = world.ana.get("/api/members?name=rosa&include=manager").await;
    assert_eq!(rosa.json["data"][0]["manager"]["name"], "Berta");
    assert_eq!(rosa.json["data"][0]["regionalOffice"], "North");
}

async fn a_dry_run_writes_nothing_and_reports_the_same(kind: Kind) {
    let world = World::new(kind).await;
    world.ana.make("/api/products", json!({ "name": "GTX Pro" })).await;
    let dry = import(&world, &world.ana, "deals", QUIRKS.as_bytes(), &[("dryRun", "true")]).await;
    assert_eq!(world.ana.get("/api/deals?count=exact").await.json["total"], 0);
    let stages = world.ana.get("/api/stages").await;
    assert_eq!(stages.names().len(), 6, "a stage of a dry run is not kept");
    let wet = import(&world, &world.ana, "deals", QUIRKS.as_bytes(), &[]).await;
    for part in [
        "rows",
        "created",
        "skipped",
        "failed",
        "rounded",
        "nearMatches",
        "unmatched",
        "made",
        "customFields",
    ] {
        assert_eq!(dry[part], wet[part], "{part}");
    }
}

async fn an_interrupted_import_goes_on_where_it_was(kind: Kind) {
    let world = World::new(kind).await;
    let path = world.folder().join("people.csv");
    let rows: Vec<String> =
        (0..350).map(|row| format!("Person {row},p{row}@people.example")).collect();
    let rows = rows.join(
        "
",
    );
    std::fs::write(&path, format!("name,email\n{rows}\nbroken,not an address\n")).unwrap();
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let object = world.house.object("contacts").unwrap();
    let imports = &world.house.imports;
    let id = imports.begin(&ctx, object, (&path, &Wishes::default())).await.unwrap();
    let stopped = AtomicBool::new(false);
    let progress =
        |_: (u64, u64, &kith_records::import::Report)| stopped.store(true, Ordering::Relaxed);
    {
        let mut running = Box::pin(imports.run(&ctx, id, &progress));
        // Dropped after its first chunk, as a crash would.
        std::future::poll_fn(|context| {
            let ended = running.as_mut().poll(context).is_ready();
            assert!(!ended || stopped.load(Ordering::Relaxed));
            if ended || stopped.load(Ordering::Relaxed) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
    let done = imports.run(&ctx, id, &|_| {}).await.unwrap();
    let report = done.report();
    assert_eq!((report.rows, report.created, report.failed), (351, 350, 1));
    assert_eq!(world.ana.get("/api/contacts?count=exact&limit=1").await.json["total"], 350);
}

async fn what_only_the_database_refuses_is_told(kind: Kind) {
    let world = World::new(kind).await;
    let file = b"name,email,externalId\nAna,ana@people.example,1\nBruno,bruno@people.example,2\n\
        Carla,carla@people.example,1\nbroken,no address,3\nDora,dora@people.example,4\n";
    let fields = [("matchBy", "email")];
    let report = import(&world, &world.ana, "contacts", file, &fields).await;
    let counts = ["rows", "created", "failed"].map(|count| report[count].as_u64().unwrap());
    assert_eq!(counts, [5, 3, 2], "{report}");
    let errors = world.ana.get(report["errorsUrl"].as_str().unwrap()).await.text;
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 3, "{errors}");
    assert!(lines[1].starts_with("Carla,") && lines[1].ends_with("is taken"), "{errors}");
    assert!(lines[2].starts_with("broken,"), "{errors}");
    let contacts = world.ana.get("/api/contacts?sort=name").await;
    assert_eq!(contacts.names(), ["Ana", "Bruno", "Dora"]);
    let events = world.ana.get("/api/audit-logs?action=contact.created").await;
    assert_eq!(events.json["data"].as_array().map_or(0, Vec::len), 3);
}

async fn an_earlier_run_is_taken_back(kind: Kind) {
    let world = World::new(kind).await;
    let path = world.folder().join("people.csv");
    let rows: Vec<String> =
        (0..600).map(|row| format!("Person {row},p{row}@people.example\n")).collect();
    let rows = rows.concat();
    std::fs::write(&path, format!("name,email\n{rows}broken,no address\n")).unwrap();
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let object = world.house.object("contacts").unwrap();
    let imports = world.house.imports.clone();
    let id = imports.begin(&ctx, object, (&path, &Wishes::default())).await.unwrap();
    // A node hangs behind its first chunk, until another one has done its work.
    let ((began, begins), (go_on, goes_on)) = (channel(), channel::<()>());
    let goes_on = Mutex::new(goes_on);
    let (earlier, of_earlier) = (imports.clone(), ctx.clone());
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    let earlier = tokio::spawn(async move {
        let progress = |_: (u64, u64, &kith_records::import::Report)| {
            began.send(()).ok();
            // Whoever listens to the network for all must not be the one who hangs.
            tokio::task::block_in_place(|| goes_on.lock().unwrap().recv().ok());
        };
        earlier.run(&of_earlier, id, &progress).await
    });
    begins.recv().unwrap();
    let done = imports.run(&ctx, id, &|_| {}).await.unwrap();
    drop(go_on);
    assert_eq!(earlier.await.unwrap().unwrap_err().code(), "run_lost");
    let report = done.report();
    assert_eq!((report.rows, report.created, report.failed), (601, 600, 1));
    assert_eq!(world.ana.get("/api/contacts?count=exact&limit=1").await.json["total"], 600);
    let errors = world.ana.get(&format!("/api/imports/{id}/errors")).await;
    assert_eq!(errors.text.matches("no address").count(), 1, "{}", errors.text);
}

async fn an_import_that_nobody_goes_on_with_has_failed(kind: Kind) {
    let world = World::new(kind).await;
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let (status, begun) = upload(&world.ana, "contacts", b"name\nAna\n", &[]).await;
    assert_eq!(status, 202, "{begun}");
    // As if a process had died of it each time.
    let used_up = Update::table("jobs").set("attempts", 8).set("state", "running");
    let used_up = used_up.whose("name", "import.run");
    ctx.write(async |db| db.update(used_up).await).await.unwrap();
    world.run_jobs().await;
    let import = world.ana.get(&format!("/api/imports/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!(import.json["state"], "failed", "{}", import.text);
    assert!(import.json["error"].as_str().unwrap().contains("cut off"), "{}", import.text);
    let batch = world.ana.get(&format!("/api/batches/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!(batch.json["state"], "failed", "{}", batch.text);
}

async fn uploads_leave_nothing_behind(kind: Kind) {
    let world = World::new(kind).await;
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let files = async || ctx.read(async |db| db.count(Select::from("files")).await).await.unwrap();
    let large = format!("name\n{}", "Somebody\n".repeat(100_000));
    import(&world, &world.ana, "contacts", b"name\nBruno Costa\n", &[]).await;
    assert_eq!(files().await, 0, "what was imported is not kept");
    import(&world, &world.ana, "contacts", b"PK\x03\x04 not text", &[]).await;
    assert_eq!(files().await, 0, "what cannot be imported is not kept");
    import(&world, &world.ana, "contacts", b"name,email\nBruno,no address\n", &[]).await;
    assert_eq!(files().await, 1, "the rows that failed are");
    let refused = upload(&world.ana, "contacts", large.as_bytes(), &[("nonsense", "1")]).await;
    assert_eq!(refused.0, 422);
    until("what was refused is not kept", async || files().await == 1).await;
    // The fields of a form may follow its file.
    let body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"some.csv\"\r\n\r\n{large}\r\n--edge\r\n\
         content-disposition: form-data; name=\"nonsense\"\r\n\r\n1\r\n--edge--\r\n"
    );
    let headers = [("content-type", "multipart/form-data; boundary=edge")];
    for (body, status) in [(body.clone(), 422), (body[..600_000].to_owned(), 400)] {
        let path = "/api/contacts/import";
        let refused = world.ana.send("POST", path, &headers, body.into_bytes()).await;
        assert_eq!(refused.status, status, "{refused:?}");
        until("what was refused or cut off is not kept", async || files().await == 1).await;
    }
}

async fn a_file_that_is_none_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    assert_eq!(upload(ana, "deals", b"a\n1\n", &[("mapping", "{")]).await.0, 422);
    assert_eq!(upload(ana, "deals", b"a\n1\n", &[("nonsense", "1")]).await.0, 422);
    assert_eq!(upload(&world.vera, "deals", b"a\n1\n", &[]).await.0, 403);
    // What no column goes to is told at once, by the head of a file of whatever length and encoding.
    let long = format!("name\n{}", "A\n".repeat(100_000));
    let wide: Vec<u8> =
        "\u{feff}name\tamount\nA\t1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for file in [b"name\nA\n", long.as_bytes(), &wide[..]] {
        let (status, refused) = upload(ana, "deals", file, &[("matchBy", "externalId")]).await;
        assert_eq!((status, &refused["code"]), (422, &json!("invalid")), "{refused}");
    }
    assert_eq!(ana.get("/api/imports").await.json["data"], json!([]));
    assert_eq!(ana.post("/api/deals/import", json!({})).await.status, 415);
    for (file, fields) in [
        (&b""[..], vec![]),
        (&b"PK\x03\x04 not text"[..], vec![]),
        (&b"name\nA\n"[..], vec![("mapping", "{\"nme\": \"name\"}")]),
    ] {
        let report = import(&world, ana, "deals", file, &fields).await;
        assert_eq!(report["state"], "failed", "{report}");
        assert!(report["error"].as_str().is_some_and(|error| error.len() > 10), "{report}");
    }
    assert_eq!(ana.get("/api/deals?count=exact").await.json["total"], 0);
}

/// The published data set, where it lies beside the project.
fn published() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/crm-sales");
    folder.join("sales_pipeline.csv").exists().then_some(folder)
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn the_published_pipeline_arrives_whole(kind: Kind) {
    let Some(folder) = published() else {
        println!("The published pipeline is not beside the project, so that this was not tried.");
        return;
    };
    let world = World::new(kind).await;
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let run = async |object: &str, file: &str, wishes: &Wishes| {
        let object = world.house.object(object).unwrap();
        let id =
            world.house.imports.begin(&ctx, object, (&folder.join(file), wishes)).await.unwrap();
        world.house.imports.run(&ctx, id, &|_| {}).await.unwrap().report().clone()
    };
    let millions = Mapped::parse("annualRevenue*1000000").unwrap();
    let mapping = [("revenue".to_owned(), Some(millions))].into_iter().collect();
    assert_eq!(run("members", "sales_teams.csv", &Wishes::default()).await.created, 35);
    assert_eq!(
        run("accounts", "accounts.csv", &Wishes { mapping, ..Wishes::default() }).await.created,
        85
    );
    assert_eq!(run("products", "products.csv", &Wishes::default()).await.created, 7);
    let deals = run("deals", "sales_pipeline.csv", &Wishes::default()).await;
    assert_eq!((deals.created, deals.failed), (8_800, 0));
    assert_eq!((deals.near_matches.len(), deals.near_matches[0].rows), (1, 1_480));
    assert_eq!(deals.made[0].value, "Engaging");
    let total = async |query: &str| {
        world.ana.get(&format!("/api/deals?limit=1&count=exact&{query}")).await.json["total"]
            .clone()
    };
    for (query, count) in [
        ("status=won", 4_238),
        ("status=lost", 2_473),
        ("stage=engaging", 1_589),
        ("stage=prospecting", 500),
        ("accountId[exists]=false", 1_425),
    ] {
        assert_eq!(total(query).await, count, "{query}");
    }
    let board = world.ana.get("/api/deals/board?limit=1").await;
    let won = board.json["stages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|stage| stage["stage"]["name"] == "Won")
        .unwrap();
    assert_eq!(won["totals"], json!([{ "currency": "USD", "amount": 10_005_534 }]));
    let again = run("deals", "sales_pipeline.csv", &Wishes::default()).await;
    assert_eq!((again.created, again.updated, again.skipped), (0, 0, 8_800));
}
