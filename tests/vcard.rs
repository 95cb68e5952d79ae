//! vCards: what goes out is read by a program that is not ours, what comes in is as other address books write it.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value as Json, json};

use crate::{
    database::{Kind, on_both},
    import::{import, upload_as},
    world::World,
};

on_both!(
    others_read_the_cards,
    what_is_no_person_has_no_card,
    cards_come_in,
    cards_are_of_people,
    an_interrupted_file_of_cards_goes_on,
);

/// What `vobject` reads in a text.
pub(crate) fn read_by_others(text: &str) -> Vec<Json> {
    let known = Command::new("python3").args(["-c", "import vobject"]).status();
    assert!(
        known.is_ok_and(|status| status.success()),
        "python3 has no vobject, which reads what the tests write: python3 -m pip install vobject"
    );
    let mut reader = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sinks/vobject_reader.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let read = reader.wait_with_output().unwrap();
    assert!(read.status.success(), "{text}");
    String::from_utf8(read.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const NOTE: &str = "First line, with a comma; and more.\nSecond line: ção, 漢字 — long enough to be folded more than once, \\o/.";

fn is_ana(card: &Json, id: &str) {
    let value = |key: &str| card[key][0]["value"].clone();
    assert_eq!(value("fn"), "Ana Maria da Conceição");
    assert_eq!(value("n")["family"], "da Conceição");
    assert_eq!(value("n")["given"], "Ana Maria");
    assert_eq!(value("email"), "ana@example.com");
    assert_eq!(card["tel"][0]["value"], "+351 210 000 000");
    assert_eq!(card["tel"][1], json!({ "value": "+351 910 000 000", "types": ["CELL"] }));
    assert_eq!(value("org"), json!(["Acme; Söhne, Lda.", "R&D"]));
    assert_eq!(value("title"), "Head of things");
    assert_eq!(value("note"), NOTE);
    assert_eq!(value("adr")["street"], "Rua A, 1");
    assert_eq!(value("adr")["city"], "Lisboa");
    assert_eq!(value("adr")["code"], "1000-001");
    let mut labels: Vec<String> = serde_json::from_value(value("categories")).unwrap();
    labels.sort();
    assert_eq!(labels, ["press", "vip"]);
    assert_eq!(value("uid"), format!("urn:uuid:{id}"));
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn others_read_the_cards(kind: Kind) {
    let world = World::new(kind).await;
    let account = world.ana.make("/api/accounts", json!({ "name": "Acme; Söhne, Lda." })).await;
    let ana = world
        .ana
        .make(
            "/api/contacts",
            json!({
                "firstName": "Ana Maria", "lastName": "da Conceição", "email": "ana@example.com",
                "phone": "+351 210 000 000", "mobile": "+351 910 000 000", "accountId": account["id"],
                "department": "R&D", "jobTitle": "Head of things", "description": NOTE,
                "labels": ["vip", "press"],
                "address": { "street": "Rua A, 1", "city": "Lisboa", "postalCode": "1000-001", "country": "PT" },
            }),
        )
        .await;
    world.ana.make("/api/contacts", json!({ "name": "Zé", "externalId": "crm-7" })).await;
    world.stranger.make("/api/contacts", json!({ "name": "Secret" })).await;

    for version in ["3.0", "4.0"] {
        let path = format!("/api/contacts/export?format=vcard&version={version}&sort=name");
        let file = world.ana.get(&path).await;
        assert_eq!(file.status, 200, "{}", file.text);
        assert_eq!(file.headers["content-type"], "text/vcard; charset=utf-8");
        assert!(file.headers["content-disposition"].to_str().unwrap().contains("contacts.vcf"));
        assert!(file.text.split("\r\n").all(|line| line.len() <= 75), "{}", file.text);
        let cards = read_by_others(&file.text);
        assert_eq!(cards.len(), 2);
        assert_eq!(cards[0]["version"][0]["value"], version);
        is_ana(&cards[0], ana["id"].as_str().unwrap());
        assert_eq!(cards[1]["uid"][0]["value"], "crm-7");
    }

    let path = format!("/api/contacts/{}/vcard", ana["id"].as_str().unwrap());
    let one = world.ana.get(&path).await;
    assert_eq!(one.headers["content-type"], "text/vcard; charset=utf-8");
    assert_eq!(read_by_others(&one.text).len(), 1);
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(world.ana.get(&format!("{path}?version=2.1")).await.status, 422);
    let filtered = world.ana.get("/api/customers/export?format=vcard&externalId=crm-7").await;
    assert_eq!(filtered.text.matches("BEGIN:VCARD").count(), 1);
    let log = world.ana.get("/api/audit-logs?action=contact.exported").await;
    assert_eq!(log.json["data"].as_array().unwrap().len(), 3);
}

async fn what_is_no_person_has_no_card(kind: Kind) {
    let world = World::new(kind).await;
    let refused = world.ana.get("/api/deals/export?format=vcard").await;
    assert_eq!(refused.status, 422);
    assert!(refused.json["detail"].as_str().unwrap().contains("people"), "{}", refused.text);
    let account = world.ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let path = format!("/api/accounts/{}/vcard", account["id"].as_str().unwrap());
    assert_eq!(world.ana.get(&path).await.status, 404);
    assert_eq!(world.ana.get("/api/leads/export?format=vcard&version=5").await.status, 422);
    world.ana.make("/api/leads", json!({ "name": "Lea Lead", "company": "Initech" })).await;
    let leads = world.ana.get("/api/leads/export?format=vcard").await;
    assert_eq!(read_by_others(&leads.text)[0]["org"][0]["value"], json!(["Initech"]));
}

/// A card without an end, one without anything, one of Windows-1252, one whose address is there already.
const QUIRKS: &[u8] = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:M\xFCller;J\xFCrgen\r\nEMAIL;INTERNET:j@example.com\r\nTEL;CELL:+49 170 2\r\n\
    PHOTO;ENCODING=BASE64:\r\n /9j/4AAQ\r\n\r\nEND:VCARD\r\n\
    BEGIN:VCARD\r\nFN:Cut off\r\n\
    BEGIN:VCARD\r\nVERSION:3.0\r\nN:;;;;\r\nNOTE:nobody\r\nEND:VCARD\r\n\
    BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ana Silva\r\nitem1.EMAIL;type=INTERNET:ANA@example.com\r\nTITLE:Boss\r\nBDAY:1980-02-29\r\nEND:VCARD\r\n";

async fn cards_come_in(kind: Kind) {
    let world = World::new(kind).await;
    let ana =
        world.ana.make("/api/contacts", json!({ "name": "Ana", "email": "ana@example.com" })).await;
    let dry = import(&world, &world.ana, "contacts", QUIRKS, &[("dryRun", "true")]).await;
    let counts = |report: &Json| {
        ["rows", "created", "updated", "skipped", "failed"].map(|key| report[key].as_u64().unwrap())
    };
    assert_eq!(counts(&dry), [4, 1, 0, 1, 2], "{dry}");
    let report = import(&world, &world.ana, "contacts", QUIRKS, &[("onMatch", "update")]).await;
    assert_eq!(counts(&report), [4, 1, 1, 0, 2], "{report}");
    assert_eq!(report["matchBy"], "email");
    // Columns that no card fills are not told.
    let columns = report["columns"].as_array().unwrap();
    assert!(columns.iter().all(|column| column["field"].is_string()), "{report}");
    assert!(columns.iter().any(|column| column["field"] == "custom.birthday"), "{report}");
    assert_eq!(report["state"], "completed");
    let errors = world.ana.get(report["errorsUrl"].as_str().unwrap()).await.text;
    assert!(errors.contains("2,card 2: the card does not end"), "{errors}");
    assert!(
        errors.lines().any(|line| line.contains(",3,") && line.contains("is required")),
        "{errors}"
    );
    let path = format!("/api/contacts/{}", ana["id"].as_str().unwrap());
    let changed = world.ana.get(&path).await.json;
    assert_eq!(changed["jobTitle"], "Boss");
    assert_eq!(changed["custom"]["birthday"], "1980-02-29", "{changed}");
    let found = world.ana.get("/api/contacts?email=j@example.com").await.json;
    assert_eq!(found["data"][0]["name"], "Jürgen Müller");
    assert_eq!(found["data"][0]["mobile"], "+49 170 2");
    // Again: nothing changes.
    let again = import(&world, &world.ana, "contacts", QUIRKS, &[]).await;
    assert_eq!(counts(&again), [4, 0, 0, 2, 2], "{again}");

    // What goes out comes in elsewhere.
    let file = world.ana.get("/api/contacts/export?format=vcard").await.text;
    let there = import(&world, &world.stranger, "leads", file.as_bytes(), &[]).await;
    assert_eq!(there["created"], 2, "{there}");
    let lead = world.stranger.get("/api/leads?email=ana@example.com").await.json;
    assert_eq!(lead["data"][0]["jobTitle"], "Boss");
    assert!(lead["data"][0]["externalId"].as_str().unwrap().starts_with("urn:uuid:"));
    let again = import(&world, &world.stranger, "leads", file.as_bytes(), &[]).await;
    assert_eq!(counts(&again), [2, 0, 0, 2, 0], "{again}");
}

async fn cards_are_of_people(kind: Kind) {
    let world = World::new(kind).await;
    let refused = upload_as(&world.ana, "deals", ("a.VCF", QUIRKS), &[]).await;
    assert_eq!(refused.0, 422, "{}", refused.1);
    // Cards under another name are found out when they are read.
    let report = import(&world, &world.ana, "deals", QUIRKS, &[]).await;
    assert_eq!(report["state"], "failed");
    assert!(report["error"].as_str().unwrap().contains("people"), "{report}");
    // Something else under the name of cards.
    let (status, begun) = upload_as(&world.ana, "contacts", ("a.vcf", b"name\nAna\n"), &[]).await;
    assert_eq!(status, 202);
    world.run_jobs().await;
    let path = format!("/api/imports/{}", begun["id"].as_str().unwrap());
    let report = world.ana.get(&path).await.json;
    assert_eq!((&report["created"], &report["failed"]), (&json!(0), &json!(1)), "{report}");
}

async fn an_interrupted_file_of_cards_goes_on(kind: Kind) {
    let world = World::new(kind).await;
    let card = |number| {
        format!("BEGIN:VCARD\r\nFN:Person {number}\r\nEMAIL:p{number}@example.com\r\nEND:VCARD\r\n")
    };
    let file: Vec<String> = (0..600).map(card).collect();
    let file = file.concat();
    let path = world.folder().join("people.vcf");
    std::fs::write(&path, file).unwrap();
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let object = world.house.object("contacts").unwrap();
    let wishes = kith_records::import::Wishes::default();
    let id = world.house.imports.begin(&ctx, object, (&path, &wishes)).await.unwrap();
    let token = world.app.tasks.token();
    let stopped = world.house.imports.run(&ctx, id, &|_| token.cancel()).await;
    assert_eq!(stopped.unwrap_err().code(), "stopping");
    let before = world.ana.get("/api/contacts?count=exact").await.json;
    assert_eq!(before["total"], 250);
    let (house, _) = world.elsewhere(world.options()).await;
    let ctx = house.tenant(Some("world-of-owner")).await.unwrap();
    let stored = house.imports.run(&ctx, id, &|_| {}).await.unwrap();
    assert_eq!((stored.report().rows, stored.report().created), (600, 600));
    let after = world.ana.get("/api/contacts?count=exact").await.json;
    assert_eq!(after["total"], 600);
}
