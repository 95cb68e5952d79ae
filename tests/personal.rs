//! Personal data: one bundle has all of it, and an erasure leaves none in any table or file.

use std::{fs, path::Path};

use kith::wire;
use kith_kernel::Id;
use kith_platform::{
    events::{seal_all, verify},
    mail::{self, Mail},
};
use kith_store::{Catalog, Db, Others, Value};
use serde_json::{Value as Json, json};

use crate::{
    attachments::{attached, files},
    backup::installation,
    client::Client,
    database::{Database, Kind, on_both},
    import::import,
    models::{ask, asking, header, with_models_and},
    world::World,
};

on_both!(
    nothing_is_left_of_who_was_erased,
    who_is_known_by_the_same_stays,
    an_erasure_is_asked_for_with_care,
);

/// What the person is known by, and nobody else: in lower case.
const NEEDLES: [&str; 4] = ["zuleika", "quandt", "11987654321", "4455667788"];

fn holds(bytes: &[u8]) -> Option<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let has = |needle: &str| lower.windows(needle.len()).any(|some| some == needle.as_bytes());
    NEEDLES.into_iter().find(|needle| has(needle))
}

/// The columns of all tables and tenants that name the person.
async fn in_tables(db: &Db) -> Vec<String> {
    let catalog = Catalog::of(&wire::migrations());
    let whole = db.look_at_all(&catalog, Others::GoOn).await.unwrap();
    let mut found = Vec::new();
    for table in catalog.tables() {
        let look =
            async |rows: &[Vec<Value>]| {
                for row in rows {
                    for (column, value) in table.cells(row) {
                        let needle = match value {
                            Value::Text(text) | Value::Json(text) => holds(text.as_bytes()),
                            Value::Bytes(bytes) => holds(bytes),
                            _ => None,
                        };
                        found.extend(needle.map(|needle| {
                            format!("{}.{column} has {needle}: {row:?}", table.name())
                        }));
                    }
                }
                Ok(())
            };
        whole.each_page(table, look).await.unwrap();
    }
    found
}

/// The files beneath a folder that name the person; backups are packed, and looked into otherwise.
fn in_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(in_files(&path));
        } else if let Some(needle) = holds(&fs::read(&path).unwrap()) {
            found.push(format!("{} has {needle}", path.display()));
        }
    }
    found
}

async fn tenant_of(client: &Client) -> Id {
    let me = client.get("/api/auth/me").await.json;
    let id = me["tenant"]["id"].as_str().or(me["tenantId"].as_str());
    id.unwrap_or_else(|| panic!("{me}")).parse().unwrap()
}

fn place(object: &str, record: &Json) -> String {
    format!("/api/{object}/{}", record["id"].as_str().unwrap())
}

/// A person of whom there is something everywhere; gives back the contact and their deal.
#[expect(clippy::too_many_lines, reason = "one of each")]
async fn somebody(world: &World) -> (Json, Json) {
    let ana = &world.ana;
    for (object, name, kind) in [
        ("contact", "secondMail", "email"),
        ("contact", "motto", "text"),
        ("deal", "buyer", "link"),
        ("account", "quote", "text"),
    ] {
        let mut field = json!({ "object": object, "name": name, "kind": kind });
        if kind == "link" {
            field["target"] = json!("contact");
        }
        if name == "secondMail" {
            field["unique"] = json!(true);
        }
        ana.make("/api/custom-fields", field).await;
    }
    let lead =
        json!({ "name": "Zuleika Quandt", "email": "zuleika@quandt.example", "company": "Seven" });
    let lead = ana.make("/api/leads", lead).await;
    let converted = ana.post(&format!("{}/convert", place("leads", &lead)), json!({})).await;
    assert_eq!(converted.status, 200, "{converted:?}");
    let contact =
        ana.get("/api/contacts?email=zuleika@quandt.example").await.json["data"][0].clone();
    let path = place("contacts", &contact);
    let more = json!({ "phone": "+55 11 98765-4321", "mobile": "+55 44 5566-7788", "labels": ["vip"],
        "description": "Zuleika Quandt likes tea", "secondMail": "home@zuleika.example", "motto": "Quandt!" });
    assert_eq!(ana.patch(&path, more).await.status, 200);
    let twin = json!({ "name": "Zuleika Quandt", "email": "zuleika@quandt.example" });
    let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
    let twin = ana.send("POST", "/api/contacts", &headers, twin.to_string().into_bytes()).await;
    assert_eq!(twin.status, 201, "{twin:?}");
    let scan = ana.post("/api/duplicates/scans", json!({ "entity": "contact" })).await;
    assert_eq!(scan.status, 202);
    world.run_jobs().await;
    let merge = json!({ "primaryId": contact["id"], "otherIds": [twin.json["id"]] });
    assert_eq!(ana.post("/api/contacts/merge", merge).await.status, 200);
    let account = json!({ "name": "Seven Ltd", "quote": "Ask Zuleika Quandt" });
    let account = ana.make("/api/accounts", account).await;
    let deal = json!({ "name": "Tea for Zuleika Quandt", "amount": 700, "contactId": contact["id"],
        "buyer": contact["id"], "nextStep": "Ring +55 11 98765-4321" });
    let deal = ana.make("/api/deals", deal).await;
    for (object, key) in [("notes", "content"), ("activities", "subject"), ("tasks", "title")] {
        for about in [&contact, &account] {
            let entry = json!({ key: "Spoke to ZULEIKA QUANDT, zuleika@quandt.example", "relatedId": about["id"] });
            let entry = ana.make(&format!("/api/{object}"), entry).await;
            if object == "notes" {
                assert_eq!(ana.delete(&place(object, &entry)).await.status, 204);
            }
        }
    }
    let me = ana.get("/api/auth/me").await.json["memberId"].clone();
    world.bruno.make("/api/tasks", json!({ "title": "Thank Zuleika Quandt", "ownerId": me })).await;
    let rows = b"name,email,leadScore\nZuleika Quandt,zuleika@quandt.example,many\nEva,eva@x.example,none\n";
    import(world, ana, "contacts", rows, &[]).await;
    attached(ana, &contact, ("letter of Zuleika Quandt.txt", b"Dear ZULEIKA Quandt")).await;
    let gone = attached(ana, &contact, ("b.txt", b"zuleika@quandt.example")).await;
    assert_eq!(ana.delete(&place("attachments", &gone)).await.status, 204);
    attached(ana, &account, ("contract with Zuleika Quandt.txt", b"of Seven Ltd")).await;
    let rule = json!({ "field": "email", "op": "eq", "value": "zuleika@quandt.example" });
    let long = json!({ "name": "Eight Ltd", "description": "Tea with\nZuleika Quandt" });
    ana.make("/api/accounts", long).await;
    let view = json!({ "object": "contact", "name": "Zuleika Quandt's", "rule": rule });
    ana.make("/api/views", view).await;
    let bulk =
        json!({ "action": "update", "rule": rule, "changes": { "department": "Zuleika Quandt" } });
    assert_eq!(ana.post("/api/contacts/bulk", bulk).await.status, 202);
    world.run_jobs().await;
    let tenant = world.app.as_system(tenant_of(ana).await);
    let letter = Mail {
        to: "zuleika@quandt.example".to_owned(),
        subject: "Tea".to_owned(),
        text: "Dear Zuleika Quandt".to_owned(),
        html: None,
    };
    tenant.write(async |db| mail::send(&tenant, db, &letter)).await.unwrap();
    (ana.get(&path).await.json, deal)
}

/// Conversations with the assistant in which the person is named.
async fn talk(ana: &Client) {
    let path = "/api/ai/conversations";
    let titled = json!({ "title": "On Zuleika Quandt", "metadata": { "for": ["Zuleika Quandt"] } });
    let titled = ana.make(path, titled).await;
    let note = json!({ "role": "assistant", "content": "Ring +55 11 98765-4321",
        "metadata": { "who": "zuleika@quandt.example" } });
    ana.make(&format!("{}/messages", place("ai/conversations", &titled)), note).await;
    // The name is cut in the middle by the title, and by the excerpt of the answer, which repeats the message.
    let begin = "Please tell me what is left to do for Zuleika Quandt";
    let other = ana.make("/api/contacts", json!({ "name": "Eva" })).await;
    let gone = json!({ "object": "contact", "id": other["id"], "why": "as Zuleika Quandt asked" });
    let gone = format!("CALL delete_record {gone} ;");
    let said = ana.post("/api/ai/chat", json!({ "message": format!("{begin}: {gone}") })).await;
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(said.json["pending"].as_array().unwrap().len(), 1, "{said:?}");
    let cut = ana.make(path, json!({})).await;
    let long = format!("{}Zuleika Quandt likes tea", "ö ".repeat(95));
    let long = json!({ "role": "assistant", "content": long });
    ana.make(&format!("{}/messages", place("ai/conversations", &cut)), long).await;
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn nothing_is_left_of_who_was_erased(kind: Kind) {
    let (world, ana, _far) = with_models_and(kind, &[("llm.openai_model", "crm-1")]).await;
    let ana = &ana;
    talk(ana).await;
    let mut question = asking("openai/good-1");
    question["temperature"] = json!(0);
    for told in ["", "hit"] {
        assert_eq!(header(&ask(ana, question.clone()).await, "x-kith-cache"), told);
    }
    let bystander =
        ana.make("/api/contacts", json!({ "name": "Zulei Quan", "phone": "551198765432" })).await;
    let (contact, deal) = somebody(&world).await;
    let bystander = ana.get(&place("contacts", &bystander)).await.json;
    let path = place("contacts", &contact);
    seal_all(&world.app).await.unwrap();
    let before: Vec<String> = in_tables(&world.app.db)
        .await
        .into_iter()
        .filter_map(|line| Some(line.split_once('.')?.0.to_owned()))
        .collect();
    for table in ["ai_conversations", "ai_messages", "ai_actions"] {
        assert!(before.iter().any(|known| known == table), "nothing in {table}");
    }
    let bundle = ana.get(&format!("{path}/personal-data")).await;
    assert_eq!(bundle.status, 200, "{bundle:?}");
    for table in &before {
        let held = &bundle.json["held"][table];
        let is_there = held.is_array() || matches!(table.as_str(), "mails" | "wakeups");
        assert!(is_there, "the bundle lacks {table}: {}", bundle.text);
    }
    assert_eq!(bundle.json["mails"].as_array().unwrap().len(), 1, "{}", bundle.json["mails"]);
    assert_eq!(bundle.json["labels"], json!(["vip"]));
    let letter = bundle.json["held"]["attachments"].as_array().unwrap();
    let letter = letter.iter().find(|one| one["name"] == "letter of Zuleika Quandt.txt").unwrap();
    let read = ana.get(letter["content"].as_str().unwrap()).await;
    assert_eq!(read.text, "Dear ZULEIKA Quandt");
    let link = letter["content"].as_str().unwrap().replace("/content", "/link");
    let link = ana.post(&link, json!({})).await.json["path"].clone();
    assert_eq!(world.nobody.get(link.as_str().unwrap()).await.status, 200);
    assert_eq!(files(&world).len(), 3);
    assert!(!bundle.text.contains("Zulei Quan\""), "others are none of it");
    let asked = ana.post(&format!("{path}/erase"), json!({ "confirm": "zuleika quandt" })).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let again = ana.post(&format!("{path}/erase"), json!({ "confirm": contact["id"] })).await;
    assert_eq!((again.status, &again.json["code"]), (409, &json!("running")));
    world.run_jobs().await;
    let job = ana.get(&format!("/api/jobs/{}", asked.json["id"].as_str().unwrap())).await.json;
    assert_eq!((&job["state"], &job["error"]), (&json!("completed"), &json!(null)), "{job}");
    // Every row was looked at.
    assert!(job["total"] == job["done"] && job["total"].as_u64() > Some(100), "{job}");
    assert!(job["changed"].as_u64() > Some(5), "{job}");

    let left = in_tables(&world.app.db).await;
    assert!(left.is_empty(), "{}", left.join("\n"));
    let talks = ana.get("/api/ai/conversations").await.json["data"].clone();
    let told: Vec<[&Json; 2]> = talks
        .as_array()
        .unwrap()
        .iter()
        .map(|talk| [&talk["title"], &talk["lastMessageExcerpt"]])
        .collect();
    assert!(told.contains(&[&json!("On [erased]"), &json!("Ring [erased]")]), "{told:?}");
    assert!(told.contains(&[&json!(null), &json!("[erased]")]), "{told:?}");
    assert_eq!(header(&ask(ana, question).await, "x-kith-cache"), "", "no answer is kept");
    let left = in_files(world.folder());
    assert!(left.is_empty(), "{}", left.join("\n"));
    assert_eq!(files(&world).len(), 1, "what is at others stays");
    assert_eq!(world.nobody.get(link.as_str().unwrap()).await.status, 404);
    let names = ana.get("/api/attachments").await;
    assert_eq!(names.names(), ["contract with [erased].txt"]);
    for question in
        ["/api/search?q=quandt", "/api/contacts?search=zuleika", "/api/notes?search=zuleika"]
    {
        assert_eq!(ana.get(question).await.json["data"], json!([]), "{question}");
    }
    for rest in
        ["", "/history", "/timeline", "/diff", "?asOf=2026-11-21T09:00:00Z", "/personal-data"]
    {
        let gone = ana.get(&format!("{path}{rest}")).await;
        assert_eq!((gone.status, &gone.json["code"]), (410, &json!("erased")), "{rest} {gone:?}");
    }
    for (rest, body) in [("restore", json!({})), ("erase", json!({ "confirm": contact["id"] }))] {
        assert_eq!(ana.post(&format!("{path}/{rest}"), body).await.status, 410, "{rest}");
    }
    assert_eq!(world.stranger.get(&path).await.status, 404);
    let undo = format!("/api/batches/{}/undo", asked.json["id"].as_str().unwrap());
    assert_eq!(ana.post(&undo, json!({})).await.json["code"], "erased");
    let deal = ana.get(&place("deals", &deal)).await.json;
    assert_eq!(
        (&deal["name"], &deal["amount"]),
        (&json!("Tea for [erased]"), &json!(700)),
        "{deal}"
    );
    assert_eq!((&deal["contactId"], &deal["custom"]["buyer"]), (&json!(null), &json!(null)));
    assert_eq!(ana.get(&place("contacts", &bystander)).await.json, bystander);

    seal_all(&world.app).await.unwrap();
    let verdict = verify(&world.app.as_system(tenant_of(ana).await)).await.unwrap();
    assert!(verdict.first_broken.is_none() && verdict.erased > 10, "{verdict:?}");
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("after.kithbackup");
    assert!(here.run(&["backup", "--to", file.to_str().unwrap()]).success());
    let there = Database::fresh(Kind::Sqlite).await;
    let restored = here.run(&["restore", file.to_str().unwrap(), "--to", &there.options.url]);
    assert!(restored.success());
    let left = in_tables(&there.open()).await;
    assert!(left.is_empty(), "{}", left.join("\n"));
    assert!(in_files(there.folder.path()).is_empty());
}

async fn who_is_known_by_the_same_stays(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let one = json!({ "name": "Rui Lima", "email": "rui@one.example" });
    let one = ana.make("/api/contacts", one).await;
    let other = json!({ "name": "Rui Lima", "email": "rui@two.example" });
    let other = ana.make("/api/contacts", other).await;
    let note = json!({ "content": "Rui Lima <rui@one.example>", "relatedId": other["id"] });
    let note = ana.make("/api/notes", note).await;
    let path = place("contacts", &one);
    let bundle = ana.get(&format!("{path}/personal-data")).await;
    assert!(!bundle.text.contains("rui@two.example"), "{bundle:?}");
    assert_eq!(bundle.json["knownByTheSame"], json!([{ "object": "contact", "id": other["id"] }]));
    let asked = ana.post(&format!("{path}/erase"), json!({ "confirm": one["id"] })).await;
    world.run_jobs().await;
    let job = ana.get(&format!("/api/jobs/{}", asked.json["id"].as_str().unwrap())).await.json;
    assert_eq!(job["result"]["skipped"][0]["code"], "known_by_the_same", "{job}");
    assert_eq!(ana.get(&place("contacts", &other)).await.json, other);
    let note = ana.get(&place("notes", &note)).await.json;
    assert_eq!(note["content"], "Rui Lima <[erased]>");
}

async fn an_erasure_is_asked_for_with_care(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, bruno) = (&world.ana, &world.bruno);
    let contact = ana.make("/api/contacts", json!({ "name": "Zuleika Quandt" })).await;
    let path = place("contacts", &contact);
    let confirm = json!({ "confirm": contact["id"] });
    assert_eq!(bruno.post(&format!("{path}/erase"), confirm.clone()).await.status, 403);
    assert_eq!(bruno.get(&format!("{path}/personal-data")).await.status, 403);
    for body in [json!({}), json!({ "confirm": "" }), json!({ "confirm": "Zuleika" })] {
        assert_eq!(ana.post(&format!("{path}/erase"), body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(world.stranger.post(&format!("{path}/erase"), confirm.clone()).await.status, 404);
    assert_eq!(ana.get(&path).await.status, 200);
    // Who was deleted is erased as well.
    assert_eq!(ana.delete(&path).await.status, 204);
    assert_eq!(ana.post(&format!("{path}/erase"), confirm).await.status, 202);
    world.run_jobs().await;
    assert_eq!(ana.get(&path).await.status, 410);
    let names: Vec<Json> = ana.get("/api/audit-logs?object=contact").await.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].clone())
        .collect();
    assert_eq!(names[..2], [json!("contact.erased"), json!("contact.erasing")]);
}
