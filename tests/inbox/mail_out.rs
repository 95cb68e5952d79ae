//! Mails that go out: with the headers of their conversation, once where that can be known, over servers that may be reached.

use serde_json::{Value as Json, json};

use super::mail::{all, arrives, channel, plain};
use crate::{
    agents::documents,
    attachments::attached,
    database::{Kind, on_both},
    sink::Sink,
    world::World,
};

on_both!(
    an_answer_goes_out_and_its_answer_joins,
    the_house_sends_for_channels_without_a_server,
    the_house_may_write_first,
    servers_refuse_for_good_or_for_now,
    nobody_knows_what_a_lost_answer_said,
    a_returned_mail_has_failed,
    no_private_server_is_reached,
    machines_are_not_answered,
);

const HERE: (&str, &str) = ("outgoing.allowed_hosts", "127.0.0.1");

/// A world in which Ana wrote a mail to a channel that sends over that server; the channel, its key, the conversation.
async fn asked(kind: Kind, url: Option<&str>) -> (World, (String, String), String) {
    let world = World::with(kind, &[HERE]).await;
    let config = url.map_or_else(|| json!({}), |url| json!({ "smtpUrl": url }));
    let own = channel(&world.ana, config).await;
    let mail = plain("q1@example.com", "References: <q0@example.com>\n", "Where is it?");
    arrives(&world, (&own.0, &own.1), &mail).await;
    let id = all(&world.ana, "/api/conversations").await[0]["id"].as_str().unwrap().to_owned();
    (world, own, id)
}

async fn answered(world: &World, conversation: &str, body: Json) -> Json {
    let path = format!("/api/conversations/{conversation}/messages");
    let message = world.ana.make(&path, body).await;
    world.run_jobs().await;
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    world.ana.get(&path).await.json
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn an_answer_goes_out_and_its_answer_joins(kind: Kind) {
    let sink = Sink::start(&[("SINK_PASSWORD", "wörd@1")]);
    let url = sink.url.replace("smtp://", "smtp://help%40shop.example:w%C3%B6rd%401@");
    let (world, own, conversation) = asked(kind, Some(&url)).await;
    let channel = world.ana.get(&format!("/api/channels/{}", own.0)).await;
    assert_eq!(channel.json["config"]["smtpUrl"], "***");
    assert!(!channel.text.contains("w%C3%B6rd"));
    let trial = world.ana.post(&format!("/api/channels/{}/test", own.0), json!({})).await;
    assert_eq!((trial.status, &trial.json["success"]), (200, &json!(true)), "{trial:?}");
    let said =
        answered(&world, &conversation, json!({ "content": "Olá,\n.it comes on Monday." })).await;
    assert_eq!(said["status"], "sent", "{said}");
    let mails = sink.received(1).await;
    let (mail, headers) = (&mails[0], &mails[0]["headers"]);
    assert_eq!(mail["sender"], "help@shop.example");
    assert_eq!(mail["receivers"], json!(["ana@example.com"]));
    assert_eq!(headers["from"], "Shop help <help@shop.example>");
    assert_eq!(
        (&headers["to"], &headers["subject"]),
        (&json!("ana@example.com"), &json!("Re: Lamps"))
    );
    let id = said["id"].as_str().unwrap();
    assert_eq!(said["sourceId"], format!("{id}@shop.example"));
    assert_eq!(headers["message-id"], format!("<{id}@shop.example>"));
    assert_eq!(headers["in-reply-to"], "<q1@example.com>");
    assert_eq!(headers["references"], "<q1@example.com>");
    assert_eq!((&headers["reply-to"], &headers["auto-submitted"]), (&Json::Null, &Json::Null));
    assert_eq!(
        mail["text"].as_str().unwrap().replace("\r\n", "\n").trim(),
        "Olá,\n.it comes on Monday."
    );
    // The customer answers from another address.
    let answer = plain("q2@example.com", &format!("In-Reply-To: <{id}@shop.example>\n"), "Thanks!")
        .replace("<ana@example.com>", "<ana@home.example>");
    arrives(&world, (&own.0, &own.1), &answer).await;
    let messages = all(&world.ana, "/api/messages?sort=sequence").await;
    assert_eq!(messages.len(), 3);
    assert_eq!(
        (&messages[2]["conversationId"], &messages[2]["replyToId"]),
        (&json!(conversation), &json!(id))
    );
    // What went out comes back by a rule of the mailbox: it is known.
    let back = format!(
        "From: help@shop.example\nTo: ana@example.com\nMessage-ID: <{id}@shop.example>\n\nOlá\n"
    );
    arrives(&world, (&own.0, &own.1), &back).await;
    assert_eq!(all(&world.ana, "/api/messages").await.len(), 3);
    let next = answered(&world, &conversation, json!({ "content": "Gladly." })).await;
    assert_eq!(next["status"], "sent", "{next}");
    let mails = sink.received(2).await;
    let references = mails[1]["headers"]["references"].as_str().unwrap().split_whitespace().count();
    assert_eq!((references, &mails[1]["headers"]["in-reply-to"]), (3, &json!("<q2@example.com>")));
    // Answers go where the customer wants them.
    let wish = plain(
        "q3@example.com",
        "In-Reply-To: <q2@example.com>\nReply-To: desk@example.com\n",
        "There, please.",
    );
    arrives(&world, (&own.0, &own.1), &wish).await;
    // With a file.
    let message = all(&world.ana, "/api/messages?sort=sequence").await[0].clone();
    let file = attached(&world.ana, &message, ("bill.txt", b"42")).await;
    let body = json!({ "content": "Here.", "attachmentId": file["id"] });
    let with = answered(&world, &conversation, body).await;
    assert_eq!(with["status"], "sent", "{with}");
    let mails = sink.received(3).await;
    assert_eq!(mails[2]["receivers"], json!(["desk@example.com"]));
    assert_eq!(
        (&mails[2]["files"][0]["name"], &mails[2]["files"][0]["size"]),
        (&json!("bill.txt"), &json!(2))
    );
    assert_eq!(mails[2]["text"].as_str().unwrap().trim(), "Here.");
}

async fn the_house_sends_for_channels_without_a_server(kind: Kind) {
    let (world, own, conversation) = asked(kind, None).await;
    let none = answered(&world, &conversation, json!({ "content": "One" })).await;
    assert_eq!(none["status"], "failed");
    assert!(none["error"].as_str().unwrap().contains("SMTP_URL"), "{none}");
    let trial = world.ana.post(&format!("/api/channels/{}/test", own.0), json!({})).await;
    assert_eq!((&trial.json["success"], &trial.json["status"]), (&json!(false), &json!("failed")));
    let sink = Sink::start(&[]);
    let settings = [("mail.smtp_url", sink.url.as_str()), ("mail.from", "Kith <kith@crm.example>")];
    let (world, _) = world.configured(&settings);
    let said = answered(&world, &conversation, json!({ "content": "Two" })).await;
    assert_eq!(said["status"], "sent", "{said}");
    let headers = &sink.received(1).await[0]["headers"];
    // In the house's name: it vouches for no other.
    assert_eq!(headers["from"], "Shop help <kith@crm.example>");
    assert_eq!(headers["reply-to"], "Shop help <help@shop.example>");
    assert_eq!(headers["in-reply-to"], "<q1@example.com>");
    let trial = world.ana.post(&format!("/api/channels/{}/test", own.0), json!({})).await;
    assert_eq!(trial.json["details"]["smtp"], "house", "{trial:?}");
}

async fn the_house_may_write_first(kind: Kind) {
    let sink = Sink::start(&[]);
    let world = World::with(kind, &[HERE]).await;
    let own = channel(&world.ana, json!({ "smtpUrl": sink.url })).await;
    let contact =
        world.ana.make("/api/contacts", json!({ "name": "Rui", "email": "rui@example.com" })).await;
    let body = json!({ "channelId": own.0, "contactId": contact["id"], "subject": "Your order" });
    let conversation = world.ana.make("/api/conversations", body).await;
    let conversation = conversation["id"].as_str().unwrap();
    let said = answered(&world, conversation, json!({ "content": "It left." })).await;
    assert_eq!(said["status"], "sent", "{said}");
    let mails = sink.received(1).await;
    assert_eq!(mails[0]["receivers"], json!(["rui@example.com"]));
    assert_eq!(mails[0]["headers"]["subject"], "Your order");
    assert_eq!(mails[0]["headers"]["in-reply-to"], Json::Null);
    let answer = plain(
        "w1@example.com",
        &format!("In-Reply-To: <{}>\n", said["sourceId"].as_str().unwrap()),
        "Good.",
    );
    arrives(&world, (&own.0, &own.1), &answer.replace("ana@", "rui@")).await;
    assert_eq!(all(&world.ana, "/api/conversations").await[0]["messageCount"], 2);
    assert_eq!(all(&world.ana, "/api/conversations").await.len(), 1);
}

async fn servers_refuse_for_good_or_for_now(kind: Kind) {
    let never =
        Sink::start(&[("SINK_REFUSE_FIRST", "9"), ("SINK_REFUSE_WITH", "550 no such user")]);
    let (world, own, conversation) = asked(kind, Some(&never.url)).await;
    let refused = answered(&world, &conversation, json!({ "content": "One" })).await;
    assert_eq!(refused["status"], "failed");
    assert!(refused["error"].as_str().unwrap().contains("no such user"), "{refused}");
    let later = Sink::start(&[("SINK_REFUSE_FIRST", "1"), ("SINK_REFUSE_WITH", "451 greylisted")]);
    let path = format!("/api/channels/{}", own.0);
    world.ana.patch(&path, json!({ "config": { "smtpUrl": later.url } })).await;
    let waits = answered(&world, &conversation, json!({ "content": "Two" })).await;
    assert_eq!(
        (&waits["status"], waits["error"].as_str().unwrap().contains("greylisted")),
        (&json!("queued"), true)
    );
    world.app.clock.advance_seconds(60);
    world.run_jobs().await;
    let path_of = |message: &Json| format!("/api/messages/{}", message["id"].as_str().unwrap());
    assert_eq!(world.ana.get(&path_of(&waits)).await.json["status"], "sent");
    assert_eq!(later.received(1).await.len(), 1);
    // Nobody is there, and then somebody is.
    world.ana.patch(&path, json!({ "config": { "smtpUrl": "smtp://127.0.0.1:9" } })).await;
    let alone = answered(&world, &conversation, json!({ "content": "Three" })).await;
    assert_eq!(alone["status"], "queued", "{alone}");
    world.ana.patch(&path, json!({ "config": { "smtpUrl": later.url } })).await;
    world.app.clock.advance_seconds(60);
    world.run_jobs().await;
    assert_eq!(world.ana.get(&path_of(&alone)).await.json["status"], "sent");
    assert_eq!(later.received(2).await[1]["text"].as_str().unwrap().trim(), "Three");
    // A wrong password can be mended.
    let closed = Sink::start(&[("SINK_PASSWORD", "right")]);
    let url = closed.url.replace("smtp://", "smtp://a:wrong@");
    world.ana.patch(&path, json!({ "config": { "smtpUrl": url } })).await;
    let trial = world.ana.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(trial.json["success"], false, "{trial:?}");
    assert_eq!(world.ana.get(&path).await.json["status"], "ERROR");
    let shut = answered(&world, &conversation, json!({ "content": "Four" })).await;
    assert_eq!(shut["status"], "queued", "{shut}");
}

async fn nobody_knows_what_a_lost_answer_said(kind: Kind) {
    let sink = Sink::start(&[("SINK_CLOSE_AFTER_DATA", "1")]);
    let (world, own, conversation) = asked(kind, Some(&sink.url)).await;
    let said = answered(&world, &conversation, json!({ "content": "One" })).await;
    assert_eq!(said["status"], "inDoubt", "{said}");
    world.app.clock.advance_seconds(3_600);
    world.run_jobs().await;
    assert_eq!(sink.received(1).await.len(), 1, "it is not sent twice");
    // The customer answers it, so that it belongs where it does.
    let id = said["id"].as_str().unwrap();
    let answer = plain("d1@example.com", &format!("In-Reply-To: <{id}@shop.example>\n"), "Thanks");
    arrives(&world, (&own.0, &own.1), &answer).await;
    assert_eq!(all(&world.ana, "/api/conversations").await.len(), 1);
    // It comes back to the mailbox: it was sent.
    let back = format!(
        "From: help@shop.example\nTo: ana@example.com\nMessage-ID: <{id}@shop.example>\n\nOne\n"
    );
    arrives(&world, (&own.0, &own.1), &back).await;
    let known = world.ana.get(&format!("/api/messages/{id}")).await.json;
    assert_eq!(
        (&known["status"], &known["sourceId"]),
        (&json!("sent"), &json!(format!("{id}@shop.example")))
    );
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn a_returned_mail_has_failed(kind: Kind) {
    let sink = Sink::start(&[]);
    let (world, own, conversation) = asked(kind, Some(&sink.url)).await;
    let said = answered(&world, &conversation, json!({ "content": "One" })).await;
    let id = said["id"].as_str().unwrap();
    let bounce = |action: &str, name: &str| {
        format!(
            "From: MAILER-DAEMON@mx.example\nTo: help@shop.example\nSubject: Undelivered\nMessage-ID: <{name}@mx.example>\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\nSorry.\n\n--b\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; ana@example.com\nAction: {action}\nStatus: 5.2.2\n\
             Diagnostic-Code: smtp; 552 mailbox full\n\n--b\nContent-Type: text/rfc822-headers\n\n\
             Message-ID: <{id}@shop.example>\nSubject: Re: Lamps\n\n--b--\n"
        )
    };
    let path = format!("/api/messages/{id}");
    arrives(&world, (&own.0, &own.1), &bounce("delayed", "b1")).await;
    assert_eq!(world.ana.get(&path).await.json["status"], "sent");
    arrives(&world, (&own.0, &own.1), &bounce("failed", "b2")).await;
    let failed = world.ana.get(&path).await.json;
    assert_eq!(
        (&failed["status"], &failed["error"]),
        (&json!("failed"), &json!("552 mailbox full"))
    );
    let conversations = all(&world.ana, "/api/conversations").await;
    assert_eq!(
        (conversations.len(), &conversations[0]["messageCount"]),
        (1, &json!(3 + 1)),
        "{conversations:?}"
    );
    let last = &all(&world.ana, "/api/messages?sort=-sequence").await[0];
    assert_eq!((&last["type"], &last["isAutomatic"]), (&json!("EVENT"), &json!(true)));
    assert_eq!(all(&world.ana, "/api/contacts").await.len(), 1, "a mail server is no contact");
    // What is read was not lost.
    let read = format!(
        "From: ana@example.com\nMessage-ID: <r@example.com>\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nRead\n\n--b\nContent-Type: message/disposition-notification\n\n\
         Original-Message-ID: <{id}@shop.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n"
    );
    arrives(&world, (&own.0, &own.1), &read).await;
    assert_eq!(world.ana.get(&path).await.json["status"], "read");
    arrives(&world, (&own.0, &own.1), &bounce("failed", "b3")).await;
    assert_eq!(world.ana.get(&path).await.json["status"], "read");
    // Another tenant's report moves nothing here.
    let two = channel(&world.stranger, json!({})).await;
    arrives(&world, (&two.0, &two.1), &bounce("failed", "b4")).await;
    assert_eq!(world.ana.get(&path).await.json["status"], "read");
}

async fn no_private_server_is_reached(kind: Kind) {
    let sink = Sink::start(&[]);
    let world = World::new(kind).await;
    let own = channel(&world.ana, json!({ "smtpUrl": sink.url })).await;
    arrives(&world, (&own.0, &own.1), &plain("p1@example.com", "", "Hello")).await;
    let id = all(&world.ana, "/api/conversations").await[0]["id"].as_str().unwrap().to_owned();
    let said = answered(&world, &id, json!({ "content": "One" })).await;
    assert_eq!(said["status"], "failed", "{said}");
    assert!(said["error"].as_str().unwrap().contains("OUTGOING_ALLOWED_HOSTS"), "{said}");
    let trial = world.ana.post(&format!("/api/channels/{}/test", own.0), json!({})).await;
    assert_eq!(trial.json["success"], false, "{trial:?}");
    assert!(sink.mails().is_empty());
}

async fn machines_are_not_answered(kind: Kind) {
    let sink = Sink::start(&[]);
    let world = World::with(kind, &[HERE]).await;
    let own = channel(&world.ana, json!({ "smtpUrl": sink.url })).await;
    documents(&world, &world.ana).await;
    let agent = json!({ "name": "Paula", "role": "baker", "isActive": true });
    let agent = world.ana.make("/api/agents", agent).await;
    let path = format!("/api/channels/{}", own.0);
    let set = world.ana.patch(&path, json!({ "agentId": agent["id"] })).await;
    assert_eq!(set.status, 200, "{set:?}");
    let settle = async || {
        for _ in 0..3 {
            world.read_events().await;
            world.app.clock.advance_seconds(3);
            world.run_jobs().await;
        }
    };
    let absent = plain("x1@example.com", "Auto-Submitted: auto-replied\n", "I am on leave.");
    arrives(&world, (&own.0, &own.1), &absent).await;
    settle().await;
    assert_eq!(all(&world.ana, "/api/messages").await.len(), 1, "nobody answers a machine");
    // A person is, and by what says that a machine wrote.
    let asks =
        plain("x2@example.com", "In-Reply-To: <x1@example.com>\n", "When does the bakery open?");
    arrives(&world, (&own.0, &own.1), &asks).await;
    settle().await;
    let messages = all(&world.ana, "/api/messages?sort=sequence").await;
    assert!(messages.len() > 2, "{messages:#?}");
    assert_eq!(messages[2]["direction"], "OUTBOUND");
    let mails = sink.received(1).await;
    assert_eq!(mails[0]["headers"]["auto-submitted"], "auto-replied");
    assert_eq!(mails[0]["headers"]["in-reply-to"], "<x2@example.com>");
}
