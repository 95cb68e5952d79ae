//! Tests of reading mails: people and machines, threads, reports, files, and whatever else comes.

use proptest::prelude::*;

use super::*;

const OWN: &str = "help@shop.example";

fn incoming(mail: &str) -> Incoming {
    let bytes = mail.replace('\n', "\r\n").into_bytes();
    let arrivals = arrivals(&bytes, OWN);
    let last = arrivals.into_iter().next_back();
    match last {
        Some(Arrival::Message(incoming)) => *incoming,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mail_is_read() {
    let mail = incoming(
        "From: =?utf-8?q?Ana_Prad=C3=B3?= <Ana@Example.com>\nTo: Shop <help@shop.example>\nCc: bob@example.com\n\
         Subject: =?iso-8859-1?q?L=E2mpadas?=\nMessage-ID: <a1@example.com>\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n\
         References: <r1@example.com>\n <r2@example.com>\nIn-Reply-To: <r2@example.com>\n\
         Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
         Ol=E1,=20\nwhere are they?\n\nOn 20 Nov 2026, Shop <help@shop.example> wrote:\n> soon\n",
    );
    assert_eq!(mail.content, "Olá, \nwhere are they?");
    assert_eq!(mail.subject.as_deref(), Some("Lâmpadas"));
    assert_eq!(mail.person.name.as_deref(), Some("Ana Pradó"));
    assert_eq!(mail.person.handles, [(HandleKind::Email, "Ana@Example.com".to_owned())]);
    assert_eq!(
        (mail.source.as_str(), mail.reply_to.as_deref()),
        ("a1@example.com", Some("r2@example.com"))
    );
    assert_eq!(mail.references, ["r2@example.com", "r1@example.com"]);
    assert_eq!(mail.thread, "r1@example.com ana@example.com");
    assert_eq!(mail.metadata["cc"], json!([{ "address": "bob@example.com" }]));
    assert!(mail.metadata["quoted"].as_str().unwrap().ends_with("> soon"));
    assert_eq!(mail.at.map(kith_kernel::Time::seconds), Some(1_795_251_600));
    assert!(!mail.is_echo && !mail.is_automatic);
}

#[test]
fn machines_are_told_from_people() {
    let with = |headers: &str| {
        incoming(&format!("From: a@example.com\nMessage-ID: <1@x.example>\n{headers}\nHello\n"))
    };
    for headers in [
        "Auto-Submitted: auto-replied\n",
        "auto-submitted: auto-generated; owner-email=x\n",
        "Precedence: bulk\n",
        "Precedence: Junk\n",
        "List-Id: <news.example.com>\n",
        "Return-Path: <>\n",
        "X-Autoreply: yes\n",
    ] {
        assert!(with(headers).is_automatic, "{headers}");
    }
    for headers in
        ["", "Auto-Submitted: no\n", "Precedence: first-class\n", "Return-Path: <a@example.com>\n"]
    {
        assert!(!with(headers).is_automatic, "{headers}");
    }
}

#[test]
fn what_the_house_wrote_itself_is_an_echo() {
    let own =
        incoming("From: HELP@shop.example\nTo: ana@example.com\nMessage-ID: <1@x.example>\n\nHi\n");
    assert!(own.is_echo);
    assert_eq!(own.person.handles, [(HandleKind::Email, "ana@example.com".to_owned())]);
    // A form of a web page writes in the house's name.
    let form =
        "From: help@shop.example\nReply-To: Ana <ana@example.com>\nTo: help@shop.example\n\nHi\n";
    let form = incoming(form);
    assert!(!form.is_echo);
    assert_eq!(form.person.name.as_deref(), Some("Ana"));
}

#[test]
fn ids_are_made_of_the_bytes_where_there_are_none() {
    let one = incoming("From: a@example.com\n\nHello\n");
    let same = incoming("From: a@example.com\n\nHello\n");
    let other = incoming("From: a@example.com\n\nHello!\n");
    assert_eq!(one.source, same.source);
    assert_ne!(one.source, other.source);
    let nobody = incoming("Subject: x\n\nHello\n");
    assert_eq!(nobody.person.handles, [(HandleKind::External, "unknown sender".to_owned())]);
    let local = incoming("From: root@localhost\n\nHello\n");
    assert_eq!(local.person.handles, [(HandleKind::External, "root@localhost".to_owned())]);
}

const BOUNCE: &str = "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: help@shop.example\n\
    Subject: Undelivered\nMessage-ID: <b1@mx.example>\nAuto-Submitted: auto-replied\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
    --b\nContent-Type: text/plain\n\nIt could not be delivered.\n\n\
    --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
    Final-Recipient: rfc822; ana@example.com\nAction: failed\nStatus: 5.1.1\n\
    Diagnostic-Code: smtp; 550 5.1.1 <ana@example.com>:\n    no such user\n\n\
    --b\nContent-Type: message/rfc822\n\nFrom: help@shop.example\nTo: ana@example.com\n\
    Message-ID: <019a0000-0000-7000-8000-000000000001@shop.example>\nSubject: Re: Lamps\n\nSoon.\n\n--b--\n";

#[test]
fn reports_tell_of_what_was_sent() {
    let told = arrivals(BOUNCE.replace('\n', "\r\n").as_bytes(), OWN);
    let Arrival::Status { source, status, error, callback, .. } = &told[0] else {
        panic!("{told:?}")
    };
    assert_eq!(source, "019a0000-0000-7000-8000-000000000001@shop.example");
    assert_eq!(
        (*status, error.as_deref()),
        ("failed", Some("550 5.1.1 <ana@example.com>: no such user"))
    );
    assert!(callback.is_some());
    let Arrival::Message(kept) = &told[1] else { panic!("{told:?}") };
    assert!(kept.is_automatic && kept.kind == "EVENT" && !kept.is_echo);
    assert_eq!(kept.references, std::slice::from_ref(source));
    let delayed = BOUNCE.replace("Action: failed", "Action: delayed");
    assert_eq!(arrivals(delayed.as_bytes(), OWN).len(), 1);
    let headers = BOUNCE.replace("message/rfc822", "text/rfc822-headers");
    assert_eq!(arrivals(headers.as_bytes(), OWN).len(), 2);
    let receipt = "From: ana@example.com\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n\
        --b\nContent-Type: text/plain\n\nRead.\n\n--b\nContent-Type: message/disposition-notification\n\n\
        Original-Message-ID: <m@shop.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n";
    let told = arrivals(receipt.as_bytes(), OWN);
    assert!(
        matches!(&told[0], Arrival::Status { source, status: "read", .. } if source == "m@shop.example")
    );
}

#[test]
fn files_are_named() {
    let mail = "From: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\nHello\n\n\
        --c\nContent-Type: text/html\n\n<p>Hello</p>\n\n--c--\n\n\
        --b\nContent-Type: text/plain; name=notes.txt\nContent-Disposition: attachment; filename=notes.txt\n\nnotes\n\n\
        --b\nContent-Type: image/png\nContent-ID: <i1>\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n\n\
        --b\nContent-Type: message/rfc822\n\nFrom: c@example.com\nSubject: Inner/one\n\nInside\n\n--b--\n";
    let bytes = mail.replace('\n', "\r\n");
    let message = parsed(bytes.as_bytes()).unwrap();
    assert_eq!(whole_text(&message), "Hello");
    let (found, left_out) = files(&message);
    let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((names, left_out), (vec!["notes.txt", "image.png", "Inner/one.eml"], 0));
    let many = format!(
        "From: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
        "--b\nContent-Type: image/gif\n\nGIF\n\n".repeat(30)
    );
    let many = incoming(&many);
    assert_eq!((many.kind, many.metadata["filesLeftOut"].as_i64()), ("IMAGE", Some(10)));
}

#[test]
fn what_is_long_is_kept_elsewhere() {
    let quoted = "> a line that was said before\n".repeat(500);
    let mail = incoming(&format!("From: a@example.com\n\nYes.\n\n{quoted}"));
    assert_eq!(mail.content, "Yes.");
    assert!(mail.metadata.get("quoted").is_none());
    assert_eq!(mail.rest, Some(Rest::Text));
    assert!(mail.metadata.to_string().len() < LARGEST_METADATA);
}

#[test]
fn what_is_no_mail_is_none() {
    assert!(parsed(b"").is_none());
    assert!(parsed(b"\r\n\r\n").is_none());
    assert!(matches!(&arrivals(b"", OWN)[0], Arrival::Message(kept) if kept.kind == "UNKNOWN"));
}

#[test]
fn mails_within_mails_go_as_deep_as_they_like() {
    for level in [
        "Content-Type: message/rfc822\r\n\r\n",
        "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
    ] {
        let mail =
            format!("From: a@example.com\r\n{}From: b@example.com\r\n\r\nx", level.repeat(20_000));
        assert_eq!(arrivals(mail.as_bytes(), OWN).len(), 1);
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!arrivals(&bytes, OWN).is_empty());
    }

    #[test]
    fn broken_mails_are_taken(cut in 0..BOUNCE.len(), noise in "[ -~\r\n]{0,40}") {
        let at = (0..=cut).rev().find(|at| BOUNCE.is_char_boundary(*at)).unwrap_or(0);
        let mail = format!("{}{noise}{}", &BOUNCE[..at], &BOUNCE[at..]);
        for arrival in arrivals(mail.as_bytes(), OWN) {
            if let Arrival::Message(kept) = arrival {
                prop_assert!(!kept.person.handles.is_empty() && kept.metadata.to_string().len() < 16_000);
            }
        }
    }
}
