//! Servers that mean harm, say too much or nothing, and one that is trusted.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use kith_kernel::{Kind, Result};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{Listed, Mailbox, Patience, Place};
use crate::{Settings, outgoing::Outgoing};

const SCHEMES: &[(&str, u16)] = &[("imap", 143), ("imaps", 993)];

/// Answers each line that comes with the next of these, `#` being the tag of the line; then it is silent.
fn answer<S: Read + Write>(stream: S, answers: &[&str]) {
    let mut stream = BufReader::new(stream);
    let mut tag = String::new();
    for answer in answers {
        let written = answer.replace('#', &tag);
        if stream.get_mut().write_all(written.as_bytes()).is_err() {
            return;
        }
        stream.get_mut().flush().ok();
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line), Ok(1..)) {
            return;
        }
        tag = line.split(' ').next().unwrap_or_default().to_owned();
    }
    stream.read_to_end(&mut Vec::new()).ok();
}

fn served(
    answers: Vec<&'static str>,
    talk: impl FnOnce(TcpStream, &[&str]) + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || talk(listener.accept().unwrap().0, &answers));
    port
}

async fn open(scheme: &str, port: u16, roots: RootCertStore) -> Result<Mailbox> {
    let url = format!("{scheme}://ana:geheim@127.0.0.1:{port}/R%26D");
    let place = Place::parse(&url, ("imapUrl", SCHEMES))?;
    let settings = Settings::for_tests(&[("outgoing.allowed_hosts", "127.0.0.1")]).unwrap();
    let patience = Patience { answer: Duration::from_millis(400), all: Duration::from_secs(5) };
    let outgoing = Outgoing::new(&settings)?;
    Mailbox::open_trusting(&place, (&outgoing, roots), patience).await
}

async fn plain(answers: Vec<&'static str>) -> Result<Mailbox> {
    let port = served(answers, answer::<TcpStream>);
    open("imap", port, RootCertStore::empty()).await
}

const GREETING: &str = "* OK hello\r\n";
const CAPABILITY: &str = "* CAPABILITY IMAP4rev1\r\n# OK\r\n";
const EXAMINED: &str =
    "* OK [UIDVALIDITY 7] x\r\n* 2 EXISTS\r\n* OK [UIDNEXT 44] x\r\n# OK [READ-ONLY]\r\n";

#[tokio::test]
async fn a_mailbox_is_read() {
    let listed = "* 1 FETCH (UID 3 RFC822.SIZE 5)\r\n* 2 FETCH (RFC822.SIZE 9 UID 43)\r\n\
        * 3 FETCH (UID 99 RFC822.SIZE 1)\r\n* 9 EXISTS\r\n# OK\r\n";
    let mail = "* 2 FETCH (FLAGS (\\Seen) BODY[] {9}\r\nA: b\r\n\r\nc UID 43)\r\n# OK\r\n";
    let mut mailbox =
        plain(vec![GREETING, CAPABILITY, "# OK\r\n", EXAMINED, listed, mail, "# OK\r\n"])
            .await
            .unwrap();
    assert_eq!((mailbox.validity, mailbox.next), (7, 44));
    let window = mailbox.window(2).await.unwrap();
    assert_eq!(window.mails, [Listed { uid: 3, bytes: 5 }, Listed { uid: 43, bytes: 9 }]);
    assert_eq!(window.until, 44);
    assert_eq!(mailbox.mail(43, 9).await.unwrap().unwrap(), b"A: b\r\n\r\nc");
    assert_eq!(mailbox.mail(5, 9).await.unwrap(), None, "it is gone");
}

#[tokio::test]
async fn what_is_too_much_or_nothing_ends() {
    let long: &'static str = Box::leak("x".repeat(70_000).into_boxed_str());
    for (answers, kind) in [
        (vec![""], Kind::Timeout),
        (vec!["* BYE\r\n"], Kind::Unavailable),
        (vec![long], Kind::Unavailable),
        (vec!["* OK \0\r\n"], Kind::Unavailable),
        (vec!["* OK {99999999999}\r\n"], Kind::TooLarge),
        (vec!["* OK {5}\r\nab"], Kind::Timeout),
        (vec![GREETING, CAPABILITY, "# NO geheim is wrong\r\n"], Kind::Unavailable),
        (vec![GREETING, CAPABILITY, "# OK\r\n", "# OK\r\n"], Kind::Unavailable),
    ] {
        let shown = format!("{:?}", answers.last().map(|last| &last[..last.len().min(40)]));
        let error = plain(answers).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), kind, "{shown}: {error:?}");
        assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
    }
    let large = "* 1 FETCH (UID 1 BODY[] {70000}\r\n";
    let opened = plain(vec![GREETING, CAPABILITY, "# OK\r\n", EXAMINED, large]).await;
    let error = opened.unwrap().mail(1, 9).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

#[tokio::test]
async fn tls_goes_to_whom_the_roots_vouch_for() {
    let folder = tempfile::tempdir().unwrap();
    let (key, own) = (folder.path().join("own.key"), folder.path().join("own.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=own"])
        .args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", key.to_str().unwrap(), "-out", own.to_str().unwrap()])
        .output();
    assert!(made.is_ok_and(|made| made.status.success()), "openssl makes no certificate");
    let certificate = CertificateDer::from_pem_file(&own).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::from_pem_file(&key).unwrap());
    let config = Arc::new(config.unwrap());
    let serve = || {
        let config = Arc::clone(&config);
        served(vec![GREETING, CAPABILITY, "# OK\r\n", EXAMINED], move |stream, answers| {
            let connection = ServerConnection::new(config).unwrap();
            answer(StreamOwned::new(connection, stream), answers);
        })
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mailbox = open("imaps", serve(), roots).await.unwrap();
    assert_eq!(mailbox.next, 44);
    let nobody = open("imaps", serve(), RootCertStore::empty()).await.map(drop).unwrap_err();
    assert!(nobody.message().contains("not trusted"), "{nobody:?}");
}
