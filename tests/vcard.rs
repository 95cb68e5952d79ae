//! vCards: what goes out is read by a program that is not ours, what comes in is as other address books write it.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value as Json, json};

use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(others_read_the_cards, what_is_no_person_has_no_card);

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
        let card = &cards[0];
        let value = |key: &str| card[key][0]["value"].clone();
        assert_eq!(card["version"][0]["value"], version);
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
        assert_eq!(value("uid"), format!("urn:uuid:{}", ana["id"].as_str().unwrap()));
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
