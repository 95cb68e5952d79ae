//! What tells how the server is: health, status, metrics, diagnostics, the document and its page.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
};
use kith_http::{
    Access, Answer, Authenticate, Call, LimitClass, Metrics, Operation, Routes, docs, schema,
};
use kith_kernel::{Id, Result, internal, invalid, unavailable};
use kith_platform::{Ctx, mail};
use kith_records::Records;
use kith_store::Select;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{Predicate, SizeAbove},
    },
    cors::{AllowCredentials, AllowOrigin, CorsLayer},
};

/// What is known only when the router is built: counts and document, written out, as a tree takes ten times the room.
pub(crate) type Late = Arc<OnceLock<(Arc<Metrics>, Vec<u8>)>>;

/// By what the document tells tenants of their own fields.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) authenticate: Authenticate,
    pub(crate) records: Arc<Records>,
}

pub(crate) fn late() -> (Late, Late) {
    let late = Late::default();
    (Arc::clone(&late), late)
}

fn free(operation: Operation) -> Operation {
    operation.access(Access::Public).limit(LimitClass::Free)
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn routes(late: Late, own: Own) -> Routes {
    let health = schema::named("Health");
    let get = |path: &str, summary: &str| free(Operation::get(path, "health", summary));
    let routes = ["/health", "/api/health", "/api/health/live"].into_iter().fold(
        Routes::new(),
        |routes, path| {
            let operation =
                get(path, "Whether the process runs").answers(200, "It does.", health.clone());
            routes.add(operation, |_| async { Answer::json(&json!({ "status": "ok" })) })
        },
    );
    let routes =
        ["/api/health/ready", "/api/health/detailed", "/api/status"].into_iter().fold(
            routes,
            |routes, path| {
                let operation = get(path, "Whether the server can work: the database answers")
                    .answers(200, "It can.", health.clone());
                routes.add(operation, |call| async move { ready(&call.ctx).await })
            },
        );
    let (a, b, c) = (Arc::clone(&late), Arc::clone(&late), late);
    let document = free(Operation::get("/openapi.json", "documentation", "This document")).answers(
        200,
        "OpenAPI 3.1.",
        schema::open_object(),
    );
    let page = free(Operation::get("/docs", "documentation", "The documentation as a page"))
        .answers_text(200, "The page.", "text/html");
    let prometheus = Operation::get("/metrics", "system", "Counts and times for Prometheus")
        .access(Access::Platform)
        .answers_text(200, "The text format.", "text/plain");
    let metrics = Operation::get("/api/system/metrics", "system", "Counts and times")
        .access(Access::Platform)
        .answers(200, "Of this process since its start.", schema::open_object());
    routes
        .add(document, move |call| show_document(Arc::clone(&a), own.clone(), call))
        .add(page, |_| async { Ok(docs::page()) })
        .add(prometheus, move |_| {
            let kind = "text/plain; version=0.0.4";
            let shown = answer_with(&b, |known| Ok(Answer::text(kind, known.0.to_prometheus())));
            std::future::ready(shown)
        })
        .add(metrics, move |_| {
            std::future::ready(answer_with(&c, |known| Answer::json(&known.0.to_json())))
        })
        .and(platform_routes())
}

/// The document; to whoever says who they are, with the fields of their own tenant.
async fn show_document(late: Late, own: Own, call: Call) -> Result<Answer> {
    let actor = (own.authenticate)(&call.head).await.ok();
    let Some(actor) = actor.filter(|actor| actor.tenant != Id::NIL) else {
        return answer_with(&late, |known| Ok(Answer::written(known.1.clone())));
    };
    let known = late.get().ok_or_else(|| unavailable("The server is still starting."))?;
    let mut document: Json = serde_json::from_slice(&known.1)
        .map_err(|error| internal("the document cannot be read").caused_by(error))?;
    let ctx = call.ctx.app.on_behalf_of(actor);
    own.records.tell_objects(&ctx, &mut document).await?;
    own.records.tell_fields(&ctx, &mut document).await?;
    Answer::json(&document)
}

fn answer_with(
    late: &Late,
    show: impl Fn(&(Arc<Metrics>, Vec<u8>)) -> Result<Answer>,
) -> Result<Answer> {
    show(late.get().ok_or_else(|| unavailable("The server is still starting."))?)
}

fn platform_routes() -> Routes {
    let diagnostics = Operation::post(
        "/api/system/diagnostics",
        "system",
        "Look at settings and database, as kith doctor does",
    )
    .access(Access::Platform)
    .answers(200, "What was found.", schema::open_object());
    let connection =
        Operation::post("/api/system/test-connection", "system", "Try a connection to the outside")
            .access(Access::Platform)
            .typed_body::<Connection>(schema::object(
                vec![("service", schema::one_of(&["database", "smtp"]))],
                &["service"],
            ))
            .answers(
                200,
                "Whether it answered, and how long that took.",
                schema::named("Connection"),
            );
    let outbox =
        Operation::get("/api/system/outbox", "system", "Mails that were written, newest first")
            .access(Access::Platform)
            .query("limit", schema::integer(), "Mails of a page, 1 to 200.")
            .query("cursor", schema::string(), "Where to go on.")
            .answers(200, "A page.", schema::page(schema::open_object()));
    Routes::new()
        .add(diagnostics, |call| async move { diagnose(&call.ctx).await })
        .add(connection, try_connection)
        .add(outbox, |call| async move { show_outbox(&call).await })
}

async fn ready(ctx: &Ctx) -> Result<Answer> {
    ping(ctx).await?;
    Answer::json(
        &json!({ "status": "ok", "database": ctx.app.db.kind(), "version": env!("CARGO_PKG_VERSION") }),
    )
}

async fn ping(ctx: &Ctx) -> Result<()> {
    let why = "health asks whether the database answers";
    ctx.app
        .db
        .read_everywhere(why, async |db| {
            db.exists(Select::from("tenants").whose("id", Id::NIL)).await
        })
        .await
        .map(drop)
}

async fn diagnose(ctx: &Ctx) -> Result<Answer> {
    let settings = &ctx.app.settings;
    let all: Vec<Json> = settings
        .each()
        .into_iter()
        .map(|setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin.to_string() }))
        .collect();
    let database = ping(ctx).await;
    Answer::json(&json!({
        "settings": all,
        "mistakes": settings.mistakes(),
        "database": { "kind": ctx.app.db.kind(), "answers": database.is_ok() },
    }))
}

#[derive(Debug, Deserialize)]
struct Connection {
    service: String,
}

async fn try_connection(mut call: Call) -> Result<Answer> {
    let wanted: Connection = call.parse().await?;
    let began = std::time::Instant::now();
    let tried = match wanted.service.as_str() {
        "database" => ping(&call.ctx).await,
        "smtp" => mail::try_server(&call.ctx.app.settings).await,
        _ => return Err(invalid("service", "is none of database, smtp")),
    };
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let why = tried.as_ref().err().map(|error| error.message().to_owned());
    Answer::json(
        &json!({ "service": wanted.service, "succeeded": tried.is_ok(), "milliseconds": milliseconds, "detail": why }),
    )
}

async fn show_outbox(call: &Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["limit", "cursor"])?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let mut mails = mail::outbox(&call.ctx, query.id("cursor")?, limit + 1).await?;
    let more = mails.len() as u64 > limit;
    mails.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = mails.last().filter(|_| more).map(|mail| mail.id.to_string());
    Answer::json(&json!({ "data": mails, "nextCursor": next }))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let health = schema::object(
        vec![
            ("status", schema::string()),
            ("database", schema::string()),
            ("version", schema::string()),
        ],
        &["status"],
    );
    let connection = schema::object(
        vec![
            ("service", schema::string()),
            ("succeeded", schema::boolean()),
            ("milliseconds", schema::integer()),
            ("detail", schema::nullable(schema::string())),
        ],
        &["service", "succeeded", "milliseconds"],
    );
    vec![("Health".to_owned(), health), ("Connection".to_owned(), connection)]
}

/// Bytes from which an answer is worth compressing.
const COMPRESSED_FROM: u64 = 1_024;

/// What is read in parts is of the same bytes whole.
fn is_plain(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::ACCEPT_RANGES)
}

/// What pages of everybody may ask, without cookies: what may be asked of a web chat is said by its channel.
fn is_open(path: &str) -> bool {
    path.starts_with("/api/chat/") || path.starts_with("/api/v1/chat/") || path == "/chat/widget.js"
}

/// What lies around the whole router.
pub(crate) fn layers(router: Router, origins: &[String]) -> Router {
    let router = router.layer(CatchPanicLayer::new()).layer(
        CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_FROM).and(is_plain)),
    );
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let is_listed = move |origin: &HeaderValue| origins.contains(origin);
    let listed = is_listed.clone();
    let named = |name| HeaderName::from_static(name);
    router.layer(
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(move |origin, head| {
                is_open(head.uri.path()) || is_listed(origin)
            }))
            .allow_credentials(AllowCredentials::predicate(move |origin, head| {
                !is_open(head.uri.path()) && listed(origin)
            }))
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                named("idempotency-key"),
                named("x-api-key"),
                named("x-request-id"),
                named("x-tenant-id"),
            ])
            .expose_headers([
                header::ETAG,
                header::LOCATION,
                header::RETRY_AFTER,
                named("ratelimit-limit"),
                named("ratelimit-remaining"),
                named("ratelimit-reset"),
                named("x-request-id"),
            ]),
    )
}
