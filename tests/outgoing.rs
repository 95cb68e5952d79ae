//! Outgoing HTTP against servers on this machine: what may not be reached, and what is broken off.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use kith_kernel::{Error, Kind};
use kith_platform::{
    Settings,
    outgoing::{Outgoing, Request, StatusCode, header},
};

/// A server of one test; it keeps the heads of all requests.
struct Far {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Far {
    /// Each request is answered by these bytes; without any, never.
    fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&heads), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || converse(stream, &kept, answer.as_ref()));
            }
        });
        Self { port, heads }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn converse(mut stream: TcpStream, kept: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> Vec<u8>) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    kept.lock().unwrap().push(head);
    let bytes = answer(&path);
    if bytes.is_empty() {
        // The other side leaves first.
        reader.read_line(&mut String::new()).ok();
    }
    stream.write_all(&bytes).ok();
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into()
}

fn see(place: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .into()
}

fn outgoing(allowed: &str) -> Outgoing {
    let settings = Settings::for_tests(&[("outgoing.allowed_hosts", allowed)]).unwrap();
    Outgoing::new(&settings).unwrap()
}

async fn refusal(outgoing: &Outgoing, url: &str) -> Error {
    outgoing.send(Request::get(url).following(5)).await.unwrap_err()
}

#[tokio::test]
async fn networks_of_ones_own_are_not_reached_whatever_they_are_called() {
    let far = Far::start(|_| ok("inside"));
    let (guarded, port) = (outgoing(""), far.port);
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "0x7f.1",
        "2130706433",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let error = refusal(&guarded, &format!("http://{host}:{port}/")).await;
        assert_eq!(error.code(), "address_refused", "{host}: {error:?}");
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(guarded.check(&format!("http://{host}:{port}/")).is_err(), "{host}");
    }
    assert_eq!(far.heads(), [""; 0]);
}

#[tokio::test]
async fn what_is_allowed_is_reached_and_nothing_beside_it() {
    let far = Far::start(|_| ok("inside"));
    let other = Far::start(|_| ok("beside"));
    let one = outgoing(&format!("127.0.0.1:{}", far.port));
    assert_eq!(one.send(Request::get(far.url("/"))).await.unwrap().body, "inside");
    assert_eq!(refusal(&one, &other.url("/")).await.code(), "address_refused");
    let all = outgoing("127.0.0.0/8");
    assert_eq!(all.send(Request::get(other.url("/"))).await.unwrap().body, "beside");
    // What settings name is reached as it is.
    let named = Request::get(other.url("/")).of_operator();
    assert_eq!(outgoing("").send(named).await.unwrap().body, "beside");
}

#[tokio::test]
async fn an_address_of_the_operators_is_open_to_nobody_else() {
    let far = Far::start(|_| ok("inside"));
    let one = outgoing("");
    // The second time it is known already.
    for _ in 0..2 {
        let named = Request::post(far.url("/chat"), "{}").of_operator();
        assert_eq!(one.send(named).await.unwrap().body, "inside");
    }
    assert_eq!(refusal(&one, &far.url("/chat")).await.code(), "address_refused");
    let posted = one.send(Request::post(far.url("/chat"), "{}")).await;
    assert_eq!(posted.unwrap_err().code(), "address_refused");
    for wrong in ["", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/"] {
        let error = one.send(Request::post(wrong, "{}").of_operator()).await.unwrap_err();
        assert_eq!(error.code(), "address_malformed", "{wrong}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_no_place_that_may_not_be_reached() {
    let inside = Far::start(|_| ok("inside"));
    let place = inside.url("/secret");
    let door = Far::start(move |path| match path {
        "/literal" => see(&place),
        "/name" => see(&place.replace("127.0.0.1", "localhost")),
        "/mapped" => see(&place.replace("127.0.0.1", "[::ffff:127.0.0.1]")),
        "/file" => see("file:///etc/passwd"),
        "/round" => see("/round"),
        "/home" => see("/end"),
        _ => ok("end"),
    });
    let one = outgoing(&format!("127.0.0.1:{}", door.port));
    for path in ["/literal", "/name", "/mapped"] {
        assert_eq!(refusal(&one, &door.url(path)).await.code(), "address_refused", "{path}");
        // An address of the operator's is no reason to go on to another one.
        let named = Request::get(door.url(path)).of_operator().following(3);
        assert_eq!(outgoing("").send(named).await.unwrap_err().code(), "address_refused");
    }
    assert_eq!(refusal(&one, &door.url("/file")).await.code(), "address_malformed");
    assert_eq!(refusal(&one, &door.url("/round")).await.code(), "outgoing_failed");
    assert_eq!(one.send(Request::get(door.url("/home")).following(1)).await.unwrap().body, "end");
    let as_it_is = one.send(Request::get(door.url("/literal"))).await.unwrap();
    assert_eq!(as_it_is.status, StatusCode::FOUND);
    assert_eq!(inside.heads(), [""; 0]);
}

#[tokio::test]
async fn secrets_stay_with_the_place_they_are_for() {
    let far = Far::start(|_| ok("far"));
    let place = far.url("/far");
    let near = Far::start(move |path| if path == "/near" { see("/next") } else { see(&place) });
    let request = Request::get(near.url("/near"))
        .header(header::AUTHORIZATION, "Bearer abc")
        .and_then(|request| request.secret(header::HeaderName::from_static("api_key"), "geheim"))
        .and_then(|request| request.header(header::ACCEPT, "text/plain"))
        .unwrap();
    let all = outgoing("127.0.0.1/32");
    assert_eq!(all.send(request.following(3)).await.unwrap().body, "far");
    assert!(near.heads().iter().all(|head| head.contains("geheim") && head.contains("Bearer abc")));
    let [head] = &far.heads()[..] else { panic!("one request") };
    assert!(!head.contains("geheim") && !head.contains("Bearer") && head.contains("text/plain"));
}

#[tokio::test]
async fn an_answer_is_read_to_its_bounds() {
    let far = Far::start(|path| match path {
        "/told" => ok(&"x".repeat(2_000)),
        "/untold" => {
            let body = "x".repeat(2_000);
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}").into()
        }
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf".into(),
        "/headers" => {
            let headers = "x-one: 1\r\n".repeat(200);
            format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into()
        }
        _ => b"NONSENSE\r\n\r\n".to_vec(),
    });
    let all = outgoing("127.0.0.1");
    let ask = async |path: &str| all.send(Request::get(far.url(path)).at_most(1_000)).await;
    for (path, code) in [
        ("/told", "answer_too_large"),
        ("/untold", "answer_too_large"),
        ("/cut", "outgoing_failed"),
        ("/headers", "outgoing_failed"),
        ("/nonsense", "outgoing_failed"),
    ] {
        let error = ask(path).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, code), "{path}: {error:?}");
    }
    let whole = all.send(Request::get(far.url("/untold")).at_most(2_000)).await.unwrap();
    assert_eq!(whole.body.len(), 2_000);
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_left() {
    let far = Far::start(|path| match path {
        "/body" => b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec(),
        _ => Vec::new(),
    });
    let all = outgoing("127.0.0.1");
    let slow = Request::get(far.url("/never")).within(Duration::from_millis(100));
    let error = all.send(slow).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Timeout, "outgoing_timeout"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refusal(&all, &format!("http://{nobody}/?token=geheim")).await;
    assert_eq!(error.code(), "outgoing_failed");
    assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_address_is_told() {
    let all = outgoing("");
    for url in
        ["", "example.com", "ftp://example.com", "file:///etc/passwd", "http://a:b@c.example/"]
    {
        assert_eq!(refusal(&all, url).await.code(), "address_malformed", "{url}");
    }
    assert!(all.check("https://example.com/hook").is_ok());
}
