//! From operations to a router: one wrapper around every handler finds out who asks, counts, bounds and answers.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body as HttpBody,
    extract::ConnectInfo,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
        request::Parts,
    },
    routing::{MethodFilter, MethodRouter, on},
};
use kith_kernel::{Actor, Error, Id, Kind, Result, forbidden, not_found, unauthenticated};
use kith_platform::App;
use tokio::sync::Semaphore;

use crate::{
    Access, Allowance, Answer, Authenticate, Call, ErrorForm, Idempotency, LimitClass, Limiter,
    Metrics, Operation, OperationCounts,
    answer::{Content, anthropic_error, openai_error, problem},
    idempotency::KEY,
};

/// The settings of this floor.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Options {
    /// Seconds that a request may take.
    pub request_seconds: u64,
    /// Bytes that a body may have.
    pub body_bytes: usize,
    /// Requests that are worked on at the same time.
    pub concurrency: usize,
    /// Front ends of other origins that may call.
    pub cors_origins: Vec<String>,
    /// Requests a minute, by address, for sign-in and the like; 0: no limit.
    #[serde(skip)]
    pub limit_auth: u32,
    /// Requests a minute, by key or user; 0: no limit.
    #[serde(skip)]
    pub limit_api: u32,
    /// Uploads a minute, by key or user; 0: no limit.
    #[serde(skip)]
    pub limit_upload: u32,
    /// Questions to models a minute, by key or user; 0: no limit.
    #[serde(skip)]
    pub limit_ai: u32,
}

type Handled = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;
type Handler = Arc<dyn Fn(Call) -> Handled + Send + Sync>;

/// Operations with their handlers.
#[derive(Default)]
pub struct Routes {
    pub(crate) all: Vec<(Operation, Handler)>,
}

impl Routes {
    /// No operations yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an operation.
    pub fn add<F, Fut>(mut self, operation: Operation, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer>> + Send + 'static,
    {
        self.all.push((operation, Arc::new(move |call| Box::pin(handler(call)))));
        self
    }

    /// Adds the operations of another.
    pub fn and(mut self, other: Self) -> Self {
        self.all.extend(other.all);
        self
    }

    /// The operations alone.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.all.iter().map(|(operation, _)| operation)
    }
}

/// What all requests share.
pub struct Http {
    app: App,
    options: Options,
    authenticate: Authenticate,
    limiter: Limiter,
    capacity: Semaphore,
}

/// One operation as the wrapper needs it.
struct Endpoint {
    http: Arc<Http>,
    operation: Operation,
    name: &'static str,
    handler: Handler,
    counts: Arc<OperationCounts>,
}

impl Http {
    /// Everything that requests share.
    pub fn new(app: App, options: Options, authenticate: Authenticate) -> Arc<Self> {
        let capacity = Semaphore::new(options.concurrency.max(1));
        Arc::new(Self { app, options, authenticate, limiter: Limiter::default(), capacity })
    }

    /// A router over the operations, and the counts of each.
    pub fn router(self: &Arc<Self>, routes: Routes) -> (Router, Arc<Metrics>) {
        let mut counts = Vec::new();
        let mut paths: Vec<(String, MethodRouter)> = Vec::new();
        for (operation, handler) in routes.all {
            let name = format!("{} {}", operation.method, operation.path);
            let counted = Arc::new(OperationCounts::new(name.clone()));
            counts.push(Arc::clone(&counted));
            let endpoint = Arc::new(Endpoint {
                http: Arc::clone(self),
                // Names live as long as the program: they are made once, at start.
                name: Box::leak(name.into_boxed_str()),
                handler,
                counts: counted,
                operation: operation.undocumented(),
            });
            let served = [endpoint.operation.path.clone()]
                .into_iter()
                .chain(endpoint.operation.aliases.clone());
            for path in served.collect::<Vec<_>>() {
                let route = endpoint.route();
                match paths.iter_mut().find(|(known, _)| *known == path) {
                    Some((_, methods)) => *methods = std::mem::take(methods).merge(route),
                    None => paths.push((path, route)),
                }
            }
        }
        let mut router = Router::new();
        for (path, methods) in paths {
            router = router.route(&path, methods);
        }
        (finish(router), Arc::new(Metrics::new(counts)))
    }
}

/// What answers where no operation does.
fn finish(router: Router) -> Router {
    let missing = |request: Request<HttpBody>| async move {
        refuse(&request, &not_found("address here; the documentation is at /docs"))
    };
    let wrong_method = |request: Request<HttpBody>| async move {
        let why = "This address does not answer to this method.";
        refuse(&request, &Error::new(Kind::Unsupported, "method_not_allowed", why))
    };
    router.fallback(missing).method_not_allowed_fallback(wrong_method)
}

fn refuse(request: &Request<HttpBody>, error: &Error) -> Response<HttpBody> {
    let request_id = request_id(request.headers(), Id::NIL);
    let mut response = problem(error, &request_id).into_response();
    decorate(&mut response, &request_id, None);
    response
}

impl Endpoint {
    fn route(self: &Arc<Self>) -> MethodRouter {
        let filter =
            MethodFilter::try_from(self.operation.method.clone()).unwrap_or(MethodFilter::GET);
        let endpoint = Arc::clone(self);
        on(filter, move |request: Request<HttpBody>| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.serve(request).await }
        })
    }

    async fn serve(self: Arc<Self>, request: Request<HttpBody>) -> Response<HttpBody> {
        let began = Instant::now();
        let (head, content) = request.into_parts();
        let id = self.http.app.ids.next();
        let request_id = request_id(&head.headers, id);
        let asked_tag = head.headers.get(header::IF_NONE_MATCH).cloned();
        let reading = matches!(head.method, Method::GET | Method::HEAD);
        let mut allowance = None;
        let seconds = self.operation.seconds.unwrap_or(self.http.options.request_seconds);
        let handled = self.handle(head, content, id, &mut allowance);
        let outcome = match tokio::time::timeout(Duration::from_secs(seconds), handled).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(
                Kind::Timeout,
                "timeout",
                format!("This took longer than {seconds} seconds."),
            )),
        };
        let answer = outcome.unwrap_or_else(|error| self.tell(&error, &request_id));
        let answer = if reading { compare_tags(answer, asked_tag.as_ref()) } else { answer };
        let mut response = answer.into_response();
        decorate(&mut response, &request_id, allowance);
        if self.operation.error_form == ErrorForm::Anthropic {
            // Its clients look for it by this name.
            let id = response.headers().get(&REQUEST_ID).cloned();
            id.map(|id| response.headers_mut().insert("request-id", id));
        }
        let took = began.elapsed();
        self.counts.count(response.status().as_u16(), took);
        tracing::debug!(
            operation = self.name,
            status = response.status().as_u16(),
            ?took,
            request_id,
            "answered"
        );
        response
    }

    fn tell(&self, error: &Error, request_id: &str) -> Answer {
        match self.operation.error_form {
            ErrorForm::Problem => problem(error, request_id),
            ErrorForm::OpenAi => openai_error(error, request_id),
            ErrorForm::Anthropic => anthropic_error(error, request_id),
        }
    }

    async fn handle(
        &self,
        mut head: Parts,
        content: HttpBody,
        id: Id,
        allowance: &mut Option<Allowance>,
    ) -> Result<Answer> {
        let _place = self.http.capacity.try_acquire().map_err(|_| {
            Error::new(
                Kind::Unavailable,
                "busy",
                "The server is at its limit. Try again in a moment.",
            )
            .retry_after(1)
        })?;
        let address = address(&head);
        let actor = self.actor(&head, address, allowance).await?;
        self.refuse_key(&head.headers)?;
        let path = Call::path_of(&mut head).await?;
        let actor = Actor { request: Some(id), address: Some(address), ..actor };
        let body_bytes = self.operation.body_bytes.unwrap_or(self.http.options.body_bytes);
        let ctx = self.http.app.on_behalf_of(actor);
        let content = std::sync::Mutex::new(content);
        (self.handler)(Call { ctx, head, path, content, body_bytes, operation: self.name }).await
    }

    /// Who asks, after the limits and before anything is looked at.
    async fn actor(
        &self,
        head: &Parts,
        address: IpAddr,
        allowance: &mut Option<Allowance>,
    ) -> Result<Actor> {
        if self.operation.access == Access::Public {
            self.http.count(self.operation.limit, &Actor::installation(), address, allowance)?;
            return Ok(Actor::installation());
        }
        let known = (self.http.authenticate)(head).await;
        let counted = known.as_ref().cloned().unwrap_or_else(|_| Actor::installation());
        self.http.count(self.operation.limit, &counted, address, allowance)?;
        let actor = known?;
        self.allow(&actor)?;
        Ok(actor)
    }

    fn allow(&self, actor: &Actor) -> Result<()> {
        match self.operation.access {
            Access::Public | Access::User => {}
            Access::Platform if actor.platform_admin => {}
            Access::Platform => {
                return Err(forbidden("Only whoever runs this installation may do this."));
            }
            Access::Role(_) if actor.tenant == Id::NIL => {
                return Err(unauthenticated(
                    "You belong to no tenant: make one, or accept an invite.",
                )
                .coded("no_tenant"));
            }
            Access::Role(role) if actor.role >= role => {}
            Access::Role(role) => {
                return Err(forbidden(format!(
                    "This takes the role {} or a higher one.",
                    role.name()
                )));
            }
        }
        match self.operation.scope {
            Some((object, action)) => actor.scopes.require(object, action),
            None if actor.scopes.allow("", "") => Ok(()),
            None if self.operation.access == Access::User => Ok(()),
            None => {
                Err(forbidden("This takes an API key with the scope *.").coded("missing_scope"))
            }
        }
    }

    fn refuse_key(&self, headers: &HeaderMap) -> Result<()> {
        if self.operation.idempotency == Idempotency::Refused && headers.contains_key(&KEY) {
            let why = "Idempotency-Key is not accepted here: the answer cannot be kept.";
            return Err(Error::new(Kind::Invalid, "idempotency_key_refused", why));
        }
        Ok(())
    }
}

impl Http {
    fn count(
        &self,
        class: LimitClass,
        actor: &Actor,
        address: IpAddr,
        allowance: &mut Option<Allowance>,
    ) -> Result<()> {
        let limit = match class {
            LimitClass::Free => 0,
            LimitClass::Auth => self.options.limit_auth,
            LimitClass::Api => self.options.limit_api,
            LimitClass::Upload => self.options.limit_upload,
            LimitClass::Ai => self.options.limit_ai,
        };
        let who = actor.credential.filter(|_| actor.via == kith_kernel::Via::Key).or(actor.user);
        let limit = actor.requests_per_minute.filter(|_| class == LimitClass::Api).unwrap_or(limit);
        if limit == 0 {
            return Ok(());
        }
        let counted = match who.filter(|_| class != LimitClass::Auth) {
            Some(who) => self.limiter.count((class as u8, who), limit),
            None => self.limiter.count((class as u8, address), limit),
        };
        *allowance = Some(counted);
        match counted.wait_seconds {
            None => Ok(()),
            Some(wait) => {
                let why = format!("More than {limit} requests in a minute. Wait {wait} seconds.");
                Err(Error::new(Kind::TooMany, "rate_limited", why).retry_after(wait))
            }
        }
    }
}

fn address(head: &Parts) -> IpAddr {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip())
}

/// The caller's own name for the request, when it is a plain word; else ours.
pub(crate) fn request_id(headers: &HeaderMap, id: Id) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let plain = |text: &&str| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    given.filter(plain).map_or_else(|| id.to_string(), str::to_owned)
}

/// Answers 304 when the caller has this state already; states without a version are told by their bytes.
fn compare_tags(answer: Answer, asked: Option<&HeaderValue>) -> Answer {
    use std::hash::{DefaultHasher, Hasher};
    if answer.status != StatusCode::OK {
        return answer;
    }
    let own = answer.headers.iter().find(|(name, _)| name == header::ETAG);
    let (tag, answer) = match (own, &answer.content) {
        (Some((_, tag)), _) => (tag.clone(), answer),
        (None, Content::Whole(_, bytes)) => {
            let mut hasher = DefaultHasher::new();
            hasher.write(bytes);
            let tag = format!("W/\"{:016x}\"", hasher.finish());
            match HeaderValue::from_str(&tag) {
                Ok(value) => (value, answer.header(header::ETAG, &tag)),
                Err(_) => return answer,
            }
        }
        (None, Content::Empty | Content::Stream(..)) => return answer,
    };
    let known = asked.and_then(|asked| asked.to_str().ok()).is_some_and(|asked| {
        let tag = tag.to_str().unwrap_or_default();
        asked.trim() == "*" || asked.split(',').any(|one| one.trim() == tag)
    });
    if known {
        return Answer::nothing()
            .status(304)
            .header(header::ETAG, tag.to_str().unwrap_or_default());
    }
    answer
}

static SECURITY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
];
static POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The headers that every answer has.
fn decorate(response: &mut Response<HttpBody>, request_id: &str, allowance: Option<Allowance>) {
    let headers = response.headers_mut();
    headers.reserve(SECURITY.len() + 8);
    for (name, value) in &SECURITY {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| POLICY.clone());
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(&REQUEST_ID, value);
    }
    if let Some(allowance) = allowance {
        headers.insert(&LIMIT, HeaderValue::from(allowance.limit));
        headers.insert(&REMAINING, HeaderValue::from(allowance.remaining));
        headers.insert(&RESET, HeaderValue::from(allowance.reset_seconds));
    }
}
