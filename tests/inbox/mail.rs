//! Mails that come in: kept as they came, threaded by what they name, with their files; machines get no answer.

use serde_json::{Value as Json, json};

use super::intake::signed;
use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_mail_becomes_a_message_with_its_files,
    a_mail_is_taken_from_who_has_the_key,
    a_thread_is_one_conversation,
    mails_of_all_makes_come_in,
    machines_are_kept_and_wake_nobody,
    an_address_of_two_tenants_is_of_both,
    a_channel_of_mail_has_an_address,
    a_mail_that_is_made_to_do_harm_is_kept_unread,
);

/// A channel for mail, with its key.
pub(super) async fn channel(client: &Client, config: Json) -> (String, String) {
    let mut config = config;
    config["address"] = json!("help@shop.example");
    let body = json!({ "type": "EMAIL", "name": "Shop help", "config": config });
    let channel = client.make("/api/channels", body).await;
    let id = channel["id"].as_str().unwrap().to_owned();
    let told = client.get(&format!("/api/channels/{id}/webhook")).await;
    assert!(told.json["url"].as_str().unwrap().ends_with(&format!("/api/webhooks/email/{id}")));
    (id, told.json["inboundKey"].as_str().unwrap().to_owned())
}

/// A mail is handed over, and worked on.
pub(super) async fn arrives(world: &World, (channel, key): (&str, &str), mail: &str) -> Answer {
    let answer = handed(world, (channel, key), mail.replace('\n', "\r\n").into_bytes()).await;
    world.run_jobs().await;
    answer
}

async fn handed(world: &World, (channel, key): (&str, &str), mail: Vec<u8>) -> Answer {
    let path = format!("/api/webhooks/email/{channel}");
    let headers = [("content-type", "message/rfc822"), ("x-api-key", key)];
    world.nobody.send("POST", &path, &headers, mail).await
}

pub(super) async fn all(client: &Client, path: &str) -> Vec<Json> {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"].as_array().unwrap().clone()
}

pub(super) fn plain(id: &str, headers: &str, text: &str) -> String {
    format!(
        "From: Ana Prado <ana@example.com>\nTo: help@shop.example\nSubject: Lamps\nMessage-ID: <{id}>\n\
         Date: Sat, 21 Nov 2026 08:59:00 +0000\n{headers}Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
}

const WITH_FILES: &str = "From: =?utf-8?q?Ana_Prad=C3=B3?= <Ana+shop@example.com>\nTo: help@shop.example\nCc: bob@example.com\n\
    Subject: =?utf-8?b?TMOibXBhZGFz?=\nMessage-ID: <m1@example.com>\nDate: Sat, 21 Nov 2026 08:59:00 +0000\n\
    Content-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain; charset=iso-8859-1\n\
    Content-Transfer-Encoding: quoted-printable\n\nOl=E1, it is broken.\n\n--=20\nAna\n\n\
    --c\nContent-Type: text/html\n\n<p>Hello</p>\n\n--c--\n\n\
    --b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"../bill.pdf\"\nContent-Transfer-Encoding: base64\n\n\
    JVBERi0xLjQKJeLjz9MK\n\n\
    --b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=notes.txt\n\nnotes\n\n--b--\n";

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn a_mail_becomes_a_message_with_its_files(kind: Kind) {
    let world = World::new(kind).await;
    let own = channel(&world.ana, json!({})).await;
    let own = (own.0.as_str(), own.1.as_str());
    let taken = arrives(&world, own, WITH_FILES).await;
    assert_eq!(
        (taken.status, &taken.json),
        (200, &json!({ "received": true, "duplicate": false }))
    );
    let conversation = &all(&world.ana, "/api/conversations").await[0];
    assert_eq!(conversation["subject"], "Lâmpadas");
    assert_eq!(conversation["customerHandle"], "Ana+shop@example.com");
    let contact = format!("/api/contacts/{}", conversation["contactId"].as_str().unwrap());
    let contact = world.ana.get(&contact).await.json;
    assert_eq!((&contact["name"], &contact["source"]), (&json!("Ana Pradó"), &json!("Email")));
    assert_eq!(all(&world.ana, "/api/handles").await[0]["key"], "ana@example.com");
    let message = &all(&world.ana, "/api/messages").await[0];
    assert_eq!(message["content"], "Olá, it is broken.");
    assert_eq!(
        (&message["sourceId"], &message["isAutomatic"]),
        (&json!("m1@example.com"), &json!(false))
    );
    assert_eq!(message["sentAt"], "2026-11-21T08:59:00.000Z");
    assert_eq!(message["metadata"]["signature"], "-- \nAna");
    assert_eq!(message["metadata"]["cc"][0]["address"], "bob@example.com");
    let files = message["metadata"]["files"].as_array().unwrap();
    assert_eq!(
        (&files[0]["state"], &files[1]["name"]),
        (&json!("kept"), &json!("notes.txt")),
        "{message}"
    );
    assert_eq!(message["attachmentId"], files[0]["attachmentId"]);
    let attachments = all(&world.ana, "/api/attachments?sort=name").await;
    let shown: Vec<_> = attachments.iter().map(|one| (&one["name"], &one["contentType"])).collect();
    let (pdf, text) = (json!("application/pdf"), json!("text/plain"));
    assert_eq!(shown, [(&json!("bill.pdf"), &pdf), (&json!("notes.txt"), &text)]);
    assert!(attachments.iter().all(|one| one["relatedId"] == message["id"]));
    let path = format!("/api/attachments/{}/content", attachments[1]["id"].as_str().unwrap());
    assert_eq!(world.ana.get(&path).await.text.trim(), "notes");
    assert_eq!(all(&world.ana, "/api/channels").await[0]["status"], "ACTIVE");
    // The same once more is the same, also by another way.
    let again = arrives(&world, own, WITH_FILES).await;
    assert_eq!(again.json["duplicate"], true);
    let other = format!("Received: from elsewhere\n{WITH_FILES}");
    assert_eq!(arrives(&world, own, &other).await.json["duplicate"], false);
    assert_eq!(all(&world.ana, "/api/messages").await.len(), 1);
    assert_eq!(all(&world.ana, "/api/attachments").await.len(), 2);
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn a_mail_is_taken_from_who_has_the_key(kind: Kind) {
    let world = World::with(kind, &[("channels.mail_bytes", "20000")]).await;
    let own = channel(&world.ana, json!({})).await;
    let own = (own.0.as_str(), own.1.as_str());
    let mail = plain("k1@example.com", "", "Hello");
    let path = format!("/api/webhooks/email/{}", own.0);
    let send = async |headers: &[(&str, &str)], body: &str| {
        world.nobody.send("POST", &path, headers, body.as_bytes().to_vec()).await
    };
    let kind = ("content-type", "message/rfc822");
    for headers in [
        vec![kind],
        vec![kind, ("x-api-key", "")],
        vec![kind, ("x-api-key", "another")],
        vec![kind, ("authorization", "Bearer another")],
        vec![kind, ("authorization", "Basic !!")],
        vec![kind, ("x-kith-signature", "t=1,v1=00")],
    ] {
        let refused = send(&headers, &mail).await;
        assert_eq!(
            (refused.status, &refused.json["code"]),
            (401, &json!("signature")),
            "{headers:?}"
        );
    }
    // By a bearer, by a password as addresses hold it, by a signature.
    let bearer = format!("Bearer {}", own.1);
    assert_eq!(send(&[kind, ("authorization", &bearer)], &mail).await.status, 200);
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("kith:{}", own.1),
    );
    let basic = format!("Basic {basic}");
    assert_eq!(send(&[("authorization", &basic)], &mail).await.json["duplicate"], true);
    let seconds = world.app.clock.now().seconds();
    let hex = signed(own.1, &format!("{seconds}.{mail}")).replace("sha256=", "");
    let signature = format!("t={seconds},v1={hex}");
    let taken = send(&[kind, ("x-kith-signature", &signature)], &mail).await;
    assert_eq!((taken.status, &taken.json["duplicate"]), (200, &json!(true)));
    let key = ("x-api-key", own.1);
    assert_eq!(send(&[("content-type", "application/json"), key], "{}").await.status, 415);
    assert_eq!(send(&[kind, key], "no mail at all").await.status, 400);
    assert_eq!(send(&[kind, key], "").await.status, 400);
    let large = plain("k2@example.com", "", &"x".repeat(30_000));
    assert_eq!(send(&[kind, key], &large).await.status, 413);
    // Nobody else's, none of another kind, and none that is switched off.
    let (api, _) = super::own_channel(&world.ana).await;
    let elsewhere = format!("/api/webhooks/email/{api}");
    let wrong =
        world.nobody.send("POST", &elsewhere, &[kind, key], mail.clone().into_bytes()).await;
    assert_eq!(wrong.status, 404);
    world.ana.patch(&format!("/api/channels/{}", own.0), json!({ "isActive": false })).await;
    assert_eq!(send(&[kind, key], &mail).await.status, 404);
    world.run_jobs().await;
    assert_eq!(all(&world.ana, "/api/messages").await.len(), 1);
    assert!(all(&world.stranger, "/api/messages").await.is_empty());
}

async fn a_thread_is_one_conversation(kind: Kind) {
    let world = World::new(kind).await;
    let own = channel(&world.ana, json!({})).await;
    let own = (own.0.as_str(), own.1.as_str());
    // The answer comes before what it answers.
    let answer = plain("t2@example.com", "In-Reply-To: <t1@example.com>\n", "And blue.");
    arrives(&world, own, &answer).await;
    arrives(&world, own, &plain("t1@example.com", "", "Red?")).await;
    let third = plain(
        "t3@example.com",
        "References: <t1@example.com> <gone@example.com>\nIn-Reply-To: <gone@example.com>\n",
        "Or green?\n\nOn 20 Nov 2026, Shop <help@shop.example> wrote:\n> Which?",
    );
    arrives(&world, own, &third).await;
    let conversations = all(&world.ana, "/api/conversations").await;
    assert_eq!(conversations.len(), 1, "{conversations:?}");
    assert_eq!(conversations[0]["messageCount"], 3);
    let messages = all(&world.ana, "/api/messages?sort=sequence").await;
    assert_eq!(messages[2]["content"], "Or green?");
    assert!(messages[2]["metadata"]["quoted"].as_str().unwrap().contains("> Which?"));
    // Who was in copy speaks in the same conversation, which stays Ana's.
    let bob = plain("t4@example.com", "In-Reply-To: <t3@example.com>\n", "I like blue.")
        .replace("Ana Prado <ana@", "Bob <bob@");
    arrives(&world, own, &bob).await;
    let conversations = all(&world.ana, "/api/conversations").await;
    assert_eq!((conversations.len(), &conversations[0]["messageCount"]), (1, &json!(4)));
    assert_eq!(conversations[0]["customerHandle"], "ana@example.com");
    // A letter to many, of which the house knows nothing: each answer is a conversation of its own.
    for (id, who) in [("n1@example.com", "Ana Prado <ana@"), ("n2@example.com", "Bob <bob@")] {
        let mail = plain(id, "In-Reply-To: <news@elsewhere.example>\n", "Stop.");
        arrives(&world, own, &mail.replace("Ana Prado <ana@", who)).await;
    }
    // And what names nothing begins one.
    arrives(&world, own, &plain("t9@example.com", "", "Something else")).await;
    assert_eq!(all(&world.ana, "/api/conversations").await.len(), 4);
    assert_eq!(all(&world.ana, "/api/contacts").await.len(), 2);
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn mails_of_all_makes_come_in(kind: Kind) {
    let world = World::new(kind).await;
    let own = channel(&world.ana, json!({})).await;
    let own = (own.0.as_str(), own.1.as_str());
    let html = "From: ana@example.com\nMessage-ID: <h@x.example>\nContent-Type: text/html; charset=utf-8\n\n\
        <div>Olá<br>again</div><blockquote>before</blockquote>\n";
    arrives(&world, own, html).await;
    // Neither UTF-8 nor without the byte that no text of PostgreSQL holds.
    let mut raw =
        b"From: b@example.com\r\nMessage-ID: <r@x.example>\r\n\r\ncaf\xe9 \0 \xff".to_vec();
    assert_eq!(handed(&world, own, raw.clone()).await.status, 200);
    raw.truncate(30);
    assert_eq!(handed(&world, own, raw).await.status, 200);
    let long = plain(
        "l@x.example",
        "",
        &"sixty-four letters of a line that goes on and on and on, ever..\n".repeat(1_100),
    );
    arrives(&world, own, &long).await;
    let broken = "From: c@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHi";
    arrives(&world, own, broken).await;
    let deep = format!(
        "From: d@example.com\n{}\nHi",
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n".repeat(300)
    );
    arrives(&world, own, &deep).await;
    let messages = all(&world.ana, "/api/messages?sort=createdAt").await;
    assert_eq!(messages.len(), 6, "{messages:#?}");
    assert_eq!(messages[0]["content"], "Olá\nagain");
    assert_eq!(messages[0]["metadata"]["quoted"], "> before");
    assert!(messages[1]["content"].as_str().unwrap().starts_with("caf"), "{}", messages[1]);
    let cut = &messages[3];
    assert_eq!(cut["content"].as_str().unwrap().chars().count(), 65_000);
    assert_eq!(cut["metadata"]["whole"]["state"], "kept", "{}", cut["metadata"]);
    let path = format!(
        "/api/attachments/{}/content",
        cut["metadata"]["whole"]["attachmentId"].as_str().unwrap()
    );
    assert_eq!(world.ana.get(&path).await.text.len(), 1_100 * 64 - 1);
    let failures = all(&world.ana, "/api/channels").await;
    assert_eq!(failures[0]["status"], "ACTIVE");
}

async fn machines_are_kept_and_wake_nobody(kind: Kind) {
    let world = World::new(kind).await;
    let own = channel(&world.ana, json!({})).await;
    let own = (own.0.as_str(), own.1.as_str());
    arrives(&world, own, &plain("a1@example.com", "", "Hello?")).await;
    let id = all(&world.ana, "/api/conversations").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{id}");
    world.ana.put(&format!("{path}/close"), json!({ "reason": "solved" })).await;
    let absent = plain(
        "a2@example.com",
        "In-Reply-To: <a1@example.com>\nAuto-Submitted: auto-replied\n",
        "I am on leave.",
    );
    arrives(&world, own, &absent).await;
    let conversation = world.ana.get(&path).await.json;
    assert_eq!(
        (&conversation["status"], &conversation["messageCount"]),
        (&json!("CLOSED"), &json!(2))
    );
    assert_eq!(conversation["waitingSince"], Json::Null);
    let messages = all(&world.ana, "/api/messages?sort=sequence").await;
    assert_eq!(
        (&messages[1]["isAutomatic"], &messages[1]["content"]),
        (&json!(true), &json!("I am on leave."))
    );
    assert_eq!(messages[1]["metadata"]["automatic"], "auto-replied");
    // A person opens it again.
    arrives(&world, own, &plain("a3@example.com", "In-Reply-To: <a2@example.com>\n", "Here!"))
        .await;
    assert_eq!(world.ana.get(&path).await.json["status"], "ACTIVE");
    // The house wrote from elsewhere: that is no customer.
    let echo = plain("a4@example.com", "In-Reply-To: <a3@example.com>\n", "We are, too.")
        .replace("Ana Prado <ana@example.com>", "HELP@shop.example")
        .replace("To: help@shop.example", "To: ana@example.com");
    arrives(&world, own, &echo).await;
    let messages = all(&world.ana, "/api/messages?sort=sequence").await;
    let last = &messages[3];
    assert_eq!((&last["sender"], &last["direction"]), (&json!("HUMAN"), &json!("OUTBOUND")));
    assert_eq!((&last["status"], &last["metadata"]["echo"]), (&json!("sent"), &json!(true)));
    assert_eq!(all(&world.ana, "/api/contacts").await.len(), 1);
}

async fn an_address_of_two_tenants_is_of_both(kind: Kind) {
    let world = World::new(kind).await;
    let one = channel(&world.ana, json!({})).await;
    let two = channel(&world.stranger, json!({})).await;
    let mail = plain("s@example.com", "", "Hello");
    assert_eq!(arrives(&world, (&one.0, &two.1), &mail).await.status, 401);
    assert_eq!(arrives(&world, (&one.0, &one.1), &mail).await.json["duplicate"], false);
    assert!(all(&world.stranger, "/api/messages").await.is_empty());
    assert_eq!(arrives(&world, (&two.0, &two.1), &mail).await.json["duplicate"], false);
    for owner in [&world.ana, &world.stranger] {
        assert_eq!(all(owner, "/api/messages").await.len(), 1);
    }
}

async fn a_channel_of_mail_has_an_address(kind: Kind) {
    let world = World::new(kind).await;
    for (config, at) in [
        (json!({}), "/config/address"),
        (json!({ "address": "Shop <help@shop.example>" }), "/config/address"),
        (
            json!({ "address": "a@b.example", "smtpUrl": "http://x:geheim@m.example" }),
            "/config/smtpUrl",
        ),
        (
            json!({ "address": "a@b.example", "smtpUrl": "smtp://geheim@m.example" }),
            "/config/smtpUrl",
        ),
        (
            json!({ "address": "a@b.example", "imapUrl": "imap://a:geheim@m.example" }),
            "/config/imapUrl",
        ),
        (json!({ "address": "a@b.example", "imapUrl": "imaps://m.example" }), "/config/imapUrl"),
    ] {
        let body = json!({ "type": "EMAIL", "name": "x", "config": config });
        let refused = world.ana.post("/api/channels", body).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text.contains(at) && !refused.text.contains("geheim"), "{}", refused.text);
    }
}

async fn a_mail_that_is_made_to_do_harm_is_kept_unread(kind: Kind) {
    let world = World::new(kind).await;
    let (channel, key) = channel(&world.ana, json!({})).await;
    let own = (channel.as_str(), key.as_str());
    let encoded = "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n";
    let within = |id: &str, headers: &str, inner: &str| {
        format!(
            "From: ana@example.com\nTo: help@shop.example\nMessage-ID: <{id}>\n{headers}\n{inner}\n"
        )
    };
    let deep = "Content-Type: message/rfc822\n\n".repeat(30_000);
    arrives(&world, own, &within("h1@example.com", encoded, &deep)).await;
    // However its headers are dressed up.
    let dressed = format!("\u{c}{encoded}");
    arrives(&world, own, &within("h2@example.com", &dressed, &deep)).await;
    // One within another that is meant well is read, and so is what comes behind.
    let good = plain("i1@example.com", "", "The lamp is broken.");
    arrives(&world, own, &within("h3@example.com", encoded, &good)).await;
    arrives(&world, own, &plain("h4@example.com", "", "Is it open?")).await;
    let messages = all(&world.ana, "/api/messages?sort=createdAt").await;
    let kinds: Vec<_> = messages.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "UNKNOWN").count(), 2, "{messages:?}");
    assert!(messages.iter().any(|one| one["content"] == "Is it open?"), "{messages:?}");
    let read = messages.iter().find(|one| one["sourceId"] == "h3@example.com");
    assert_eq!(read.unwrap()["metadata"]["files"][0]["name"], "Lamps.eml", "{read:?}");
}
