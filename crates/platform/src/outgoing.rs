//! Outgoing HTTP: the one client for everything that leaves over HTTP, which reaches no private place unless the operator allows it.
//!
//! A name is resolved, its addresses are looked at, and the connection goes to those very addresses: a name that answers
//! differently a second time gains nothing. Redirects are followed only where a request asks for it, each looked at anew.

mod address;
mod allowed;
mod answer;
mod resolve;
mod stream;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use kith_kernel::{Error, Kind, Result, internal, invalid, unavailable};
use reqwest::{Client, ClientBuilder, redirect::Policy};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::Settings;

use self::{
    allowed::Allowed,
    resolve::{Guarded, Plain},
};
pub use answer::{Answer, Incoming};
pub use reqwest::{
    Method, StatusCode, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

/// The section `[outgoing]`.
#[derive(Deserialize)]
struct Section {
    allowed_hosts: Vec<String>,
    timeout_seconds: u64,
    answer_bytes: u64,
}

/// Headers of an answer; one with more is broken off.
const MOST_HEADERS: usize = 100;
const MOST_REDIRECTS: u8 = 5;
const LONGEST_URL: usize = 8_192;
/// Addresses of the operator that are remembered.
const MOST_KNOWN: usize = 256;
const CONNECT: Duration = Duration::from_secs(10);
const KEPT_OPEN: Duration = Duration::from_mins(1);
const KEPT_PER_HOST: usize = 4;
/// A host that the operator named is asked all day by many at once.
const KEPT_PER_NAMED_HOST: usize = 128;

/// Headers that are for one place alone: a redirect to another one does not take them along.
const FOR_ONE_PLACE: [HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// What asks other servers. Clones share their connections.
#[derive(Clone)]
pub struct Outgoing(Arc<Inner>);

struct Inner {
    /// Reaches public addresses, and those that the operator allows.
    guarded: Client,
    /// Reaches whatever the operator named.
    plain: Client,
    allowed: Allowed,
    /// Addresses of the operator that were read already.
    known: Mutex<HashMap<String, Url>>,
    time: Duration,
    bytes: u64,
}

/// A question to another server.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: String,
    headers: HeaderMap,
    /// Headers that hold secrets under names of their own; they stay with the first place.
    secret: Vec<HeaderName>,
    body: Bytes,
    time: Option<Duration>,
    bytes: Option<u64>,
    redirects: u8,
    of_operator: bool,
}

impl Request {
    /// A question to an address that somebody gave.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            secret: Vec::new(),
            body: Bytes::new(),
            time: None,
            bytes: None,
            redirects: 0,
            of_operator: false,
        }
    }

    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// `POST` with this body.
    pub fn post(url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, url) }
    }

    /// Adds a header.
    ///
    /// # Errors
    /// `Invalid` when a header cannot hold the value, which is not quoted.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| invalid(name.as_str(), "has characters that no header may hold"))?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Adds a header whose value is a secret: it is shown nowhere, and no redirect takes it to another place.
    ///
    /// # Errors
    /// `Invalid` when a header cannot hold the value, which is not quoted.
    pub fn secret(mut self, name: HeaderName, value: &str) -> Result<Self> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| invalid(name.as_str(), "has characters that no header may hold"))?;
        value.set_sensitive(true);
        self.headers.append(name.clone(), value);
        self.secret.push(name);
        Ok(self)
    }

    /// The whole exchange, redirects included, takes at most this long.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// An answer of more bytes is broken off.
    pub fn at_most(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Follows up to so many redirects (at most five) of a `GET` or `HEAD`. Otherwise a redirect is an answer as others are.
    pub fn following(mut self, redirects: u8) -> Self {
        self.redirects = redirects.min(MOST_REDIRECTS);
        self
    }

    /// The address comes from the operator's settings, and may therefore be a private one.
    pub fn of_operator(mut self) -> Self {
        self.of_operator = true;
        self
    }
}

impl Outgoing {
    /// As the section `[outgoing]` says.
    ///
    /// # Errors
    /// `Unavailable` when an allowed host makes no sense.
    pub fn new(settings: &Settings) -> Result<Self> {
        Self::trusting(settings, None)
    }

    /// The same, which trusts the certificates of a file besides.
    ///
    /// # Errors
    /// `Unavailable` when an allowed host makes no sense, or the file holds no certificate.
    pub fn trusting(settings: &Settings, authority: Option<&Path>) -> Result<Self> {
        let section: Section = settings.section("outgoing")?;
        let allowed = Allowed::parse(&section.allowed_hosts)?;
        let guard = Guarded::new(allowed.clone());
        let roots = roots(authority)?;
        let inner = Inner {
            guarded: built(client(&roots, KEPT_PER_HOST).dns_resolver(guard))?,
            plain: built(client(&roots, KEPT_PER_NAMED_HOST).dns_resolver(Plain))?,
            allowed,
            known: Mutex::default(),
            time: Duration::from_secs(section.timeout_seconds),
            bytes: section.answer_bytes,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Asks, and reads the whole answer. Any status is an answer.
    ///
    /// # Errors
    /// As [`Self::open`]; `Unavailable` (`answer_too_large`) for more bytes than asked for.
    pub async fn send(&self, request: Request) -> Result<Answer> {
        self.open(request).await?.whole().await
    }

    /// Asks, and gives the answer when its headers are there; its body is read in pieces.
    ///
    /// # Errors
    /// `Invalid` for an address that is none (`address_malformed`) or that may not be reached (`address_refused`);
    /// `Timeout` (`outgoing_timeout`) and `Unavailable` (`outgoing_failed`) when there is no answer.
    pub async fn open(&self, request: Request) -> Result<Incoming> {
        let deadline = Instant::now() + request.time.unwrap_or(self.0.time);
        let bytes = request.bytes.unwrap_or(self.0.bytes);
        let mut url = self.address(&request)?;
        if !request.method.is_safe() {
            let answer = self.ask_once(request, url, deadline).await?;
            return Ok(Incoming::new(answer, (deadline, bytes)));
        }
        let (first, mut headers) = (url.clone(), request.headers.clone());
        let mut left = request.redirects;
        loop {
            let home = first.origin() == url.origin();
            let client = self.client(&url, request.of_operator && home)?;
            let asked = client
                .request(request.method.clone(), url.clone())
                .headers(headers.clone())
                .body(request.body.clone())
                .send();
            let answer = timeout_at(deadline, asked)
                .await
                .map_err(|_| late())?
                .map_err(|error| failed(&url, error))?;
            match redirect(&url, &answer)? {
                Some(next) if left > 0 => {
                    if next.origin() != first.origin() {
                        for name in FOR_ONE_PLACE.iter().chain(&request.secret) {
                            headers.remove(name);
                        }
                    }
                    (url, left) = (next, left - 1);
                }
                Some(_) if request.redirects > 0 => {
                    let why = "The address redirects too often.";
                    return Err(Error::new(Kind::Unavailable, "outgoing_failed", why));
                }
                _ => return Ok(Incoming::new(answer, (deadline, bytes))),
            }
        }
    }

    /// Asks what nobody redirects.
    async fn ask_once(
        &self,
        request: Request,
        url: Url,
        deadline: Instant,
    ) -> Result<reqwest::Response> {
        let client = self.client(&url, request.of_operator)?;
        let mut asked = reqwest::Request::new(request.method, url.clone());
        *asked.headers_mut() = request.headers;
        *asked.body_mut() = Some(request.body.into());
        let answer = timeout_at(deadline, client.execute(asked)).await.map_err(|_| late())?;
        answer.map_err(|error| failed(&url, error))
    }

    /// The address of a question; those of the operator without a query, which are few, are read once.
    fn address(&self, request: &Request) -> Result<Url> {
        if !request.of_operator {
            return parsed(&request.url);
        }
        let known = || self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = known().get(&request.url) {
            return Ok(url.clone());
        }
        let url = parsed(&request.url)?;
        if url.query().is_none() {
            let mut known = known();
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(request.url.clone(), url.clone());
        }
        Ok(url)
    }

    /// Whether a question to this address would be asked, as far as can be told without resolving its name: for what
    /// is configured now and called later.
    ///
    /// # Errors
    /// `Invalid`, as [`Self::open`].
    pub fn check(&self, url: &str) -> Result<()> {
        self.client(&parsed(url)?, false).map(drop)
    }

    /// Where a host that somebody gave may be reached, for what speaks no HTTP: the connection goes to these very addresses.
    ///
    /// # Errors
    /// `Invalid` (`address_refused`) where none may be, `Unavailable` where the name has none.
    pub async fn addresses(&self, (host, port): (&str, u16)) -> Result<Vec<SocketAddr>> {
        let unknown = || {
            let why = format!("{host} cannot be found.");
            Error::new(Kind::Unavailable, "outgoing_failed", why)
        };
        let looked_up = tokio::net::lookup_host((host, port));
        let found = tokio::time::timeout(self.0.time, looked_up).await.map_err(|_| late())?;
        let found: Vec<SocketAddr> = found.map_err(|error| unknown().caused_by(error))?.collect();
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let is_named = Url::parse(&format!("http://{bracketed}:{port}/"))
            .is_ok_and(|url| self.0.allowed.names(&url));
        let may: Vec<SocketAddr> = found
            .iter()
            .copied()
            .filter(|place| is_named || self.0.allowed.may_reach(place.ip()))
            .collect();
        match (may.is_empty(), found.is_empty()) {
            (false, _) => Ok(may),
            (true, true) => Err(unknown()),
            (true, false) => Err(address::refused()),
        }
    }

    fn client(&self, url: &Url, of_operator: bool) -> Result<&Client> {
        if of_operator || self.0.allowed.names(url) {
            return Ok(&self.0.plain);
        }
        match address::literal(url) {
            Some(address) if !self.0.allowed.may_reach(address) => Err(address::refused()),
            _ => Ok(&self.0.guarded),
        }
    }
}

/// Whom TLS trusts: what browsers do, and an authority of the operator's own.
pub(crate) fn roots(authority: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let Some(path) = authority else { return Ok(roots) };
    let wrong = || unavailable(format!("{} holds no certificate in PEM.", path.display()));
    let own = CertificateDer::pem_file_iter(path).map_err(|error| wrong().caused_by(error))?;
    let before = roots.len();
    for certificate in own {
        let certificate = certificate.map_err(|error| wrong().caused_by(error))?;
        roots.add(certificate).map_err(|error| wrong().caused_by(error))?;
    }
    if roots.len() == before { Err(wrong()) } else { Ok(roots) }
}

/// A client without redirects, proxies, cookies and decompression.
fn client(roots: &RootCertStore, kept_per_host: usize) -> ClientBuilder {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|tls| tls.with_root_certificates(roots.clone()).with_no_client_auth());
    #[expect(clippy::disallowed_methods, reason = "this is the owner of outgoing HTTP")]
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .http1_max_headers(MOST_HEADERS)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(KEPT_OPEN)
        .pool_max_idle_per_host(kept_per_host)
        .user_agent(concat!("Kith/", env!("CARGO_PKG_VERSION")));
    match tls {
        Ok(tls) => builder.tls_backend_preconfigured(tls),
        // Without versions of TLS there is no client, which building it then says.
        Err(_) => builder.tls_backend_preconfigured(()),
    }
}

fn built(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| internal("no client for outgoing HTTP").caused_by(error))
}

/// An address that can be asked at all.
fn parsed(url: &str) -> Result<Url> {
    let wrong = |why: &str| Err(invalid("url", why).coded("address_malformed"));
    if url.len() > LONGEST_URL {
        return wrong("is too long");
    }
    let Ok(url) = Url::parse(url.trim()) else {
        return wrong("is no address: https://example.com/path");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not hold a user or a password");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return wrong("names no host");
    }
    Ok(url)
}

/// Where an answer sends the one who asked.
fn redirect(url: &Url, answer: &reqwest::Response) -> Result<Option<Url>> {
    let is_redirect = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(place) = answer.headers().get(header::LOCATION).filter(|_| is_redirect) else {
        return Ok(None);
    };
    let place = place.to_str().ok().and_then(|place| url.join(place).ok());
    let place = place.ok_or_else(|| {
        Error::new(Kind::Unavailable, "outgoing_failed", "The address redirects to nowhere.")
    })?;
    parsed(place.as_str()).map(Some)
}

fn late() -> Error {
    Error::new(Kind::Timeout, "outgoing_timeout", "The other server did not answer in time.")
}

/// What went wrong, without the address: paths and queries hold secrets at times.
fn failed(url: &Url, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let host = url.host_str().unwrap_or_default();
    if resolve::was_refused(&error) {
        return address::refused();
    }
    if error.is_timeout() {
        return late().caused_by(error);
    }
    let why = if error.is_connect() {
        format!("{host} cannot be reached.")
    } else {
        format!("{host} gave no answer that can be read.")
    };
    Error::new(Kind::Unavailable, "outgoing_failed", why).caused_by(error)
}
