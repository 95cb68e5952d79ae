//! Mail against a real mail server: once by Message-ID whatever happens on the way, and an outbox where there is none.

use kith_kernel::{Clock, Kind as ErrorKind, Time, invalid};
use kith_platform::{
    Ctx, Settings,
    jobs::{Registry, Worker},
    mail::{self, Mail, Posted, State},
};
use serde_json::Value;

use crate::{
    database::{Kind, on_both},
    house::House,
    sink::Sink,
};

on_both!(
    a_mail_belongs_to_its_transaction_and_arrives,
    headers_cannot_be_injected,
    a_server_that_is_busy_is_asked_again,
    a_refusal_is_final,
    a_lost_answer_repeats_the_same_message_id,
    a_silent_server_is_left,
    a_wrong_password_loses_no_mail_and_is_not_told,
    without_a_server_the_mail_stays_in_the_outbox,
);

struct Post {
    house: House,
    ctx: Ctx,
    worker: Worker,
}

async fn post(kind: Kind, url: &str) -> Post {
    let clock = Clock::fixed(Time::parse("2026-11-21T12:00:00Z").unwrap());
    let settings = [
        ("mail.smtp_url", url),
        ("mail.from", "Kith <kith@crm.example>"),
        ("mail.timeout_seconds", "5"),
    ];
    let house = House::with(kind, clock, &settings).await;
    let registry = mail::register(Registry::new(), &house.app.settings).unwrap();
    let worker = Worker::new(house.app.clone(), registry);
    Post { ctx: house.tenant(), worker, house }
}

impl Post {
    async fn send(&self, subject: &str) {
        let mail = Mail {
            to: "ana@example.com".to_owned(),
            subject: subject.to_owned(),
            text: "Olá Ana,\n\n.a dot begins this line\n".to_owned(),
            html: None,
        };
        self.ctx.write(async |db| mail::send(&self.ctx, db, &mail)).await.unwrap();
    }

    async fn outbox(&self) -> Vec<Posted> {
        let mut admin = self.ctx.clone();
        admin.actor.platform_admin = true;
        mail::outbox(&admin, None, 50).await.unwrap()
    }

    async fn run(&self) -> usize {
        self.worker.run_due().await.unwrap()
    }
}

async fn a_mail_belongs_to_its_transaction_and_arrives(kind: Kind) {
    let sink = Sink::start(&[]);
    let post = post(kind, &sink.url).await;
    let html = Some("<p>Olá</p>".to_owned());
    let mail = Mail {
        to: "ana@example.com".to_owned(),
        subject: "Olá, Ação".to_owned(),
        text: "Olá".to_owned(),
        html,
    };
    let ctx = &post.ctx;
    let refused = ctx.write(async |db| {
        mail::send(ctx, db, &mail)?;
        Err::<(), _>(invalid("name", "is wrong"))
    });
    assert!(refused.await.is_err());
    assert_eq!(post.run().await, 0);
    ctx.write(async |db| mail::send(ctx, db, &mail)).await.unwrap();
    assert_eq!(post.run().await, 1);
    let mails = sink.received(1).await;
    let headers = &mails[0]["headers"];
    assert_eq!(mails[0]["sender"], "kith@crm.example");
    assert_eq!(mails[0]["receivers"], serde_json::json!(["ana@example.com"]));
    assert_eq!(headers["subject"], "Olá, Ação");
    assert_eq!(headers["from"], "Kith <kith@crm.example>");
    assert_eq!(headers["date"], "Sat, 21 Nov 2026 12:00:00 +0000");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    assert_eq!(
        (mails[0]["text"].as_str().unwrap().trim(), mails[0]["html"].as_str().unwrap().trim()),
        ("Olá", "<p>Olá</p>")
    );
    let sent = &post.outbox().await[0];
    assert_eq!(headers["message-id"], format!("<{}@crm.example>", sent.id));
    assert_eq!((sent.state, sent.attempts, &sent.body), (State::Sent, 1, &None));
    assert_eq!(sent.tenant_id, ctx.actor.tenant);
    assert_eq!(post.run().await, 0);
}

async fn headers_cannot_be_injected(kind: Kind) {
    let sink = Sink::start(&[]);
    let post = post(kind, &sink.url).await;
    post.send("Hello\r\nBcc: all@example.com\r\n\r\nbody").await;
    for to in
        ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "<a@b.example>", "a", ""]
    {
        let mail = Mail { to: to.to_owned(), ..Mail::default() };
        let error = post.ctx.write(async |db| mail::send(&post.ctx, db, &mail)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}");
    }
    assert_eq!(post.run().await, 1);
    let mails = sink.received(1).await;
    assert_eq!(mails[0]["headers"]["subject"], "Hello  Bcc: all@example.com    body");
    assert_eq!(mails[0]["headers"]["bcc"], Value::Null);
    assert!(mails[0]["text"].as_str().unwrap().contains("\n.a dot begins"));
}

async fn a_server_that_is_busy_is_asked_again(kind: Kind) {
    let sink = Sink::start(&[("SINK_REFUSE_FIRST", "2")]);
    let post = post(kind, &sink.url).await;
    post.send("Busy").await;
    for attempt in 1..=2 {
        assert_eq!(post.run().await, 1);
        let waiting = &post.outbox().await[0];
        assert_eq!((waiting.state, waiting.attempts), (State::Queued, attempt));
        assert!(waiting.error.as_deref().unwrap().contains("try again"), "{waiting:?}");
        assert_eq!(waiting.body, None, "a mail that is on its way is not shown");
        post.house.app.clock.advance_seconds(60);
    }
    assert_eq!(post.run().await, 1);
    assert_eq!(sink.received(1).await.len(), 1);
    let sent = &post.outbox().await[0];
    assert_eq!((sent.state, sent.attempts, &sent.error), (State::Sent, 3, &None));
}

async fn a_refusal_is_final(kind: Kind) {
    let sink = Sink::start(&[("SINK_REFUSE_FIRST", "9"), ("SINK_REFUSE_WITH", "550 no such user")]);
    let post = post(kind, &sink.url).await;
    post.send("Nobody").await;
    assert_eq!(post.run().await, 1);
    post.house.app.clock.advance_seconds(86_400);
    assert_eq!(post.run().await, 0);
    let failed = &post.outbox().await[0];
    assert_eq!(failed.state, State::Failed);
    assert!(failed.error.as_deref().unwrap().contains("no such user"), "{failed:?}");
}

async fn a_lost_answer_repeats_the_same_message_id(kind: Kind) {
    let sink = Sink::start(&[("SINK_CLOSE_AFTER_DATA", "1")]);
    let post = post(kind, &sink.url).await;
    post.send("Twice").await;
    assert_eq!(post.run().await, 1);
    assert_eq!(post.outbox().await[0].state, State::Queued);
    post.house.app.clock.advance_seconds(60);
    assert_eq!(post.run().await, 1);
    let mails = sink.received(2).await;
    assert_eq!(
        mails[0]["headers"], mails[1]["headers"],
        "the receiver sees that it is the same mail"
    );
    assert_eq!(post.outbox().await[0].state, State::Sent);
}

async fn a_silent_server_is_left(kind: Kind) {
    let sink = Sink::start(&[("SINK_SILENT_FIRST", "1")]);
    let quick = House::with(
        kind,
        Clock::system(),
        &[("mail.smtp_url", &sink.url), ("mail.timeout_seconds", "1")],
    )
    .await;
    let registry = mail::register(Registry::new(), &quick.app.settings).unwrap();
    let worker = Worker::new(quick.app.clone(), registry);
    let post = Post { ctx: quick.tenant(), worker, house: quick };
    post.send("Silence").await;
    assert_eq!(post.run().await, 1);
    let waiting = &post.outbox().await[0];
    assert_eq!(waiting.error.as_deref(), Some("The mail server did not answer in time."));
    assert_eq!(waiting.state, State::Queued);
}

async fn a_wrong_password_loses_no_mail_and_is_not_told(kind: Kind) {
    let sink = Sink::start(&[("SINK_PASSWORD", "right")]);
    let with = |password: &str| sink.url.replace("://", &format!("://kith:{password}@"));
    let post = post(kind, &with("geheim")).await;
    post.send("Hello").await;
    assert_eq!(post.run().await, 1);
    let waiting = &post.outbox().await[0];
    assert_eq!(waiting.state, State::Queued);
    let told = format!("{waiting:?}{:?}", post.house.app.settings);
    assert!(!told.contains("geheim"), "{told}");
    // The next start has the right one.
    let settings = Settings::for_tests(&[("mail.smtp_url", &with("right"))]).unwrap();
    let registry = mail::register(Registry::new(), &settings).unwrap();
    post.house.app.clock.advance_seconds(60);
    assert_eq!(Worker::new(post.house.app.clone(), registry).run_due().await.unwrap(), 1);
    assert_eq!(sink.received(1).await.len(), 1);
}

async fn without_a_server_the_mail_stays_in_the_outbox(kind: Kind) {
    let post = post(kind, "").await;
    for subject in ["first", "second", "third"] {
        post.send(subject).await;
    }
    // Nothing is to be done: they can be read as soon as what they follow from is there.
    let mails = post.outbox().await;
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["third", "second", "first"]);
    assert!(mails.iter().all(|mail| mail.state == State::Stored));
    assert!(mails[0].body.as_deref().unwrap().starts_with("Olá Ana"));
    assert_eq!(post.run().await, 0);
    let mut admin = post.ctx.clone();
    admin.actor.platform_admin = true;
    let page = mail::outbox(&admin, Some(mails[0].id), 1).await.unwrap();
    assert_eq!(page[0].subject, "second");
    let refused = mail::outbox(&post.ctx, None, 1).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}
