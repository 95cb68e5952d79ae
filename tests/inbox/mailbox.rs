//! Mailboxes that are looked into, on a real server of IMAP: what arrives comes in once, and what goes wrong is said.

use std::{
    io::{BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use super::mail::{all, arrives, channel, plain};
use crate::{
    database::{Kind, on_both},
    python::{python, start},
    sink::Sink,
    world::World,
};

on_both!(
    what_arrives_comes_in_once,
    a_mailbox_goes_on_where_it_was,
    a_wrong_password_is_said_and_mended,
    large_mails_are_left_out,
    a_mail_by_two_ways_is_one,
    channels_that_stop_are_not_looked_at,
    no_private_mailbox_is_reached,
    a_server_that_nobody_vouches_for_is_not_trusted,
);

const HERE: (&str, &str) = ("outgoing.allowed_hosts", "127.0.0.1");

/// A mail server with one mailbox.
struct Mailbox {
    process: Child,
    talk: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    port: u64,
}

impl Mailbox {
    fn start(options: &[(&str, &str)]) -> Self {
        let python = python("pymap", "pymap");
        let (mut process, mut lines) = start(python, "imap_sink.py", |command| {
            command.envs(options.iter().copied());
        });
        let told: Json = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let port = told["port"].as_u64().unwrap();
        let talk = Mutex::new((process.stdin.take().unwrap(), lines));
        Self { process, talk, port }
    }

    fn ask(&self, wish: &Json) -> Json {
        let mut talk = self.talk.lock().unwrap();
        writeln!(talk.0, "{wish}").unwrap();
        serde_json::from_str(&talk.1.next().unwrap().unwrap()).unwrap()
    }

    fn put(&self, mail: &str) {
        self.put_all(&[mail.to_owned()]);
    }

    fn put_all(&self, mails: &[String]) {
        let mails: Vec<_> =
            mails.iter().map(|mail| STANDARD.encode(mail.replace('\n', "\r\n"))).collect();
        assert_eq!(self.ask(&json!({ "append": mails })), json!(vec!["OK"; mails.len()]));
    }

    fn url(&self, password: &str) -> String {
        format!("imap://help:{password}@127.0.0.1:{}/INBOX", self.port)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

async fn contents(world: &World) -> Vec<String> {
    let messages = all(&world.ana, "/api/messages?limit=200&sort=createdAt").await;
    messages.iter().map(|one| one["content"].as_str().unwrap().to_owned()).collect()
}

async fn told(world: &World, id: &str) -> (Json, Json) {
    let channel = world.ana.get(&format!("/api/channels/{id}")).await.json;
    (channel["status"].clone(), channel["statusReason"].clone())
}

/// A minute passes, and what is due is done.
async fn later(world: &World) {
    world.app.clock.advance_seconds(61);
    world.run_jobs().await;
}

async fn followed(world: &World, mailbox: &Mailbox, more: Json) -> (String, String) {
    let mut config = more;
    config["imapUrl"] = json!(mailbox.url("word"));
    let own = channel(&world.ana, config).await;
    world.run_jobs().await;
    own
}

async fn what_arrives_comes_in_once(kind: Kind) {
    let mailbox = Mailbox::start(&[]);
    mailbox.put(&plain("old@example.com", "", "From before"));
    let world = World::with(kind, &[HERE]).await;
    let own = followed(&world, &mailbox, json!({})).await;
    assert_eq!(told(&world, &own.0).await, (json!("ACTIVE"), Json::Null));
    assert!(contents(&world).await.is_empty(), "what was there before is not taken");
    mailbox.put(&plain("i1@example.com", "", "One"));
    mailbox.put(&plain("i2@example.com", "In-Reply-To: <i1@example.com>\n", "Two"));
    world.run_jobs().await;
    assert!(contents(&world).await.is_empty(), "it is not time yet");
    later(&world).await;
    assert_eq!(contents(&world).await, ["One", "Two"]);
    assert_eq!(all(&world.ana, "/api/conversations").await.len(), 1);
    later(&world).await;
    assert_eq!(contents(&world).await, ["One", "Two"]);
    let deliveries = all(&world.ana, &format!("/api/channels/{}/deliveries", own.0)).await;
    assert_eq!(deliveries.len(), 2, "{deliveries:?}");
    let flags = mailbox.ask(&json!({ "flags": true }));
    assert_eq!(flags.as_array().unwrap().len(), 3);
    assert!(!flags.to_string().contains("Seen"), "only looked at: {flags}");
    let trial = world.ana.post(&format!("/api/channels/{}/test", own.0), json!({})).await;
    assert!(trial.json["reason"].as_str().unwrap().contains("SMTP_URL"), "{trial:?}");
    let shown = world.ana.get(&format!("/api/channels/{}", own.0)).await;
    assert!(!shown.text.contains("word@"), "{}", shown.text);
    // All that is there, where that is wished.
    let more =
        json!({ "imapUrl": mailbox.url("word"), "imapFrom": "all", "address": "b@shop.example" });
    let body = json!({ "type": "EMAIL", "name": "All", "config": more });
    world.ana.make("/api/channels", body.clone()).await;
    world.run_jobs().await;
    assert_eq!(all(&world.ana, "/api/messages").await.len(), 2 + 3);
    let mut wrong = body;
    wrong["config"]["imapFrom"] = json!("yesterday");
    let refused = world.ana.post("/api/channels", wrong).await;
    assert_eq!((refused.status, refused.text.contains("/config/imapFrom")), (422, true));
}

async fn a_mailbox_goes_on_where_it_was(kind: Kind) {
    let mailbox = Mailbox::start(&[]);
    let world = World::with(kind, &[HERE]).await;
    let own = followed(&world, &mailbox, json!({})).await;
    mailbox.put(&plain("g1@example.com", "", "One"));
    later(&world).await;
    // More than one look takes.
    let many = (0..60).map(|at| plain(&format!("g-{at}@example.com"), "", &format!("Mail {at}")));
    mailbox.put_all(&many.collect::<Vec<_>>());
    // Another process, which knows what the database holds and nothing else.
    let (world, _) = world.configured(&[HERE]);
    later(&world).await;
    assert_eq!(contents(&world).await.len(), 61);
    let deliveries = format!("/api/channels/{}/deliveries?limit=200", own.0);
    assert_eq!(all(&world.ana, &deliveries).await.len(), 61, "each was fetched once");
    // One that is made anew at the same place numbers its mails anew.
    let port = mailbox.port.to_string();
    drop(mailbox);
    later(&world).await;
    let (status, reason) = told(&world, &own.0).await;
    assert_eq!(status, "ERROR");
    assert!(reason.as_str().unwrap().contains("cannot be reached"), "{reason}");
    let anew = Mailbox::start(&[("SINK_PORT", &port)]);
    anew.put(&plain("g2@example.com", "", "Meanwhile"));
    world.app.clock.advance_seconds(200);
    world.run_jobs().await;
    let (status, reason) = told(&world, &own.0).await;
    assert_eq!(status, "ACTIVE");
    assert!(reason.as_str().unwrap().contains("anew"), "{reason}");
    anew.put(&plain("g3@example.com", "", "Three"));
    later(&world).await;
    assert_eq!(contents(&world).await.last().unwrap(), "Three");
    assert_eq!(contents(&world).await.len(), 62);
}

async fn a_wrong_password_is_said_and_mended(kind: Kind) {
    let mailbox = Mailbox::start(&[("SINK_PASSWORD", "r%ght")]);
    let world = World::with(kind, &[HERE]).await;
    let own = channel(&world.ana, json!({ "imapUrl": mailbox.url("geheim") })).await;
    world.run_jobs().await;
    let (status, reason) = told(&world, &own.0).await;
    assert_eq!(status, "ERROR");
    let reason = reason.as_str().unwrap();
    assert!(reason.contains("sign-in") && !reason.contains("geheim"), "{reason}");
    let history = world.ana.get(&format!("/api/channels/{}/history", own.0)).await.text;
    later(&world).await;
    world.app.clock.advance_seconds(3_600);
    world.run_jobs().await;
    let after = world.ana.get(&format!("/api/channels/{}/history", own.0)).await.text;
    assert_eq!(history, after, "the same reason is noted once");
    let path = format!("/api/channels/{}", own.0);
    let sink = Sink::start(&[]);
    world.ana.patch(&path, json!({ "config": { "smtpUrl": sink.url } })).await;
    let trial = world.ana.post(&format!("{path}/test"), json!({})).await.json;
    assert_eq!(trial["success"], false, "{trial}");
    assert!(trial["reason"].as_str().unwrap().contains("sign-in"), "{trial}");
    // The right one is used at once.
    let config = json!({ "config": { "imapUrl": mailbox.url("r%25ght") } });
    assert_eq!(world.ana.patch(&path, config).await.status, 200);
    world.run_jobs().await;
    assert_eq!(told(&world, &own.0).await, (json!("ACTIVE"), Json::Null));
    let trial = world.ana.post(&format!("{path}/test"), json!({})).await.json;
    let details = json!({ "smtp": "channel", "imap": "channel" });
    assert_eq!((&trial["success"], &trial["details"]), (&json!(true), &details), "{trial}");
    mailbox.put(&plain("w1@example.com", "", "One"));
    later(&world).await;
    assert_eq!(contents(&world).await, ["One"]);
}

async fn large_mails_are_left_out(kind: Kind) {
    let mailbox = Mailbox::start(&[]);
    let world = World::with(kind, &[HERE, ("channels.mail_bytes", "20000")]).await;
    let own = followed(&world, &mailbox, json!({})).await;
    mailbox.put(&plain("l1@example.com", "", &"x".repeat(30_000)));
    mailbox.put(&plain("l2@example.com", "", "Small"));
    later(&world).await;
    assert_eq!(contents(&world).await, ["Small"]);
    let (status, reason) = told(&world, &own.0).await;
    assert_eq!(status, "ACTIVE");
    assert!(reason.as_str().unwrap().contains("INBOUND_MAIL_BYTES"), "{reason}");
}

async fn a_mail_by_two_ways_is_one(kind: Kind) {
    let mailbox = Mailbox::start(&[]);
    let world = World::with(kind, &[HERE]).await;
    let own = followed(&world, &mailbox, json!({})).await;
    let mail = plain("b1@example.com", "", "Twice");
    arrives(&world, (&own.0, &own.1), &mail).await;
    mailbox.put(&mail);
    // And one that another server has stamped.
    mailbox.put(&format!("Received: from elsewhere\n{mail}"));
    later(&world).await;
    assert_eq!(contents(&world).await, ["Twice"]);
    let deliveries = all(&world.ana, &format!("/api/channels/{}/deliveries", own.0)).await;
    assert_eq!(deliveries.len(), 2, "{deliveries:?}");
}

async fn channels_that_stop_are_not_looked_at(kind: Kind) {
    let mailbox = Mailbox::start(&[]);
    let world = World::with(kind, &[HERE]).await;
    let own = followed(&world, &mailbox, json!({})).await;
    let path = format!("/api/channels/{}", own.0);
    world.ana.patch(&path, json!({ "isActive": false })).await;
    mailbox.put(&plain("s1@example.com", "", "One"));
    later(&world).await;
    assert!(contents(&world).await.is_empty());
    assert_eq!(told(&world, &own.0).await.0, "INACTIVE");
    // What arrived meanwhile is not lost.
    world.ana.patch(&path, json!({ "isActive": true })).await;
    world.run_jobs().await;
    assert_eq!(contents(&world).await, ["One"]);
    assert_eq!(world.ana.delete(&path).await.status, 204);
    mailbox.put(&plain("s2@example.com", "", "Two"));
    later(&world).await;
    assert_eq!(contents(&world).await, ["One"]);
    assert_eq!(world.ana.post(&format!("{path}/restore"), json!({})).await.status, 200);
    world.run_jobs().await;
    assert_eq!(contents(&world).await, ["One", "Two"]);
    // Without its address it is looked at no more, and begins anew with one.
    world.ana.patch(&path, json!({ "config": { "imapUrl": null } })).await;
    mailbox.put(&plain("s3@example.com", "", "Three"));
    later(&world).await;
    world.ana.patch(&path, json!({ "config": { "imapUrl": mailbox.url("word") } })).await;
    world.run_jobs().await;
    assert_eq!(contents(&world).await, ["One", "Two"]);
}

async fn no_private_mailbox_is_reached(kind: Kind) {
    let mailbox = Mailbox::start(&[]);
    let world = World::new(kind).await;
    let own = followed(&world, &mailbox, json!({})).await;
    let (status, reason) = told(&world, &own.0).await;
    assert_eq!(status, "ERROR");
    assert!(reason.as_str().unwrap().contains("OUTGOING_ALLOWED_HOSTS"), "{reason}");
}

async fn a_server_that_nobody_vouches_for_is_not_trusted(kind: Kind) {
    let world = World::with(kind, &[HERE]).await;
    let (key, certificate) = (world.folder().join("key.pem"), world.folder().join("own.pem"));
    let (key, certificate) = (key.to_str().unwrap(), certificate.to_str().unwrap());
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "9",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate])
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes no certificate");
    let mailbox = Mailbox::start(&[("SINK_CERT", certificate), ("SINK_KEY", key)]);
    let url = mailbox.url("word").replace("imap://", "imaps://");
    let own = channel(&world.ana, json!({ "imapUrl": url })).await;
    world.run_jobs().await;
    let (status, reason) = told(&world, &own.0).await;
    assert_eq!(status, "ERROR");
    assert!(reason.as_str().unwrap().contains("not trusted"), "{reason}");
}
