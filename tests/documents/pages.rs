//! Pages of the web: what they say is found; what may not be read, or is nowhere, says why.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use super::{ask, place, titles};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(a_page_is_read_where_its_site_allows, a_page_leads_nowhere_private);

type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A site with some pages; it tells who asked for what.
async fn site() -> (String, Seen) {
    let seen = Seen::default();
    let router = Router::new().fallback(page).with_state(Arc::clone(&seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = async move { axum::serve(listener, router).await.unwrap() };
    #[expect(clippy::disallowed_methods, reason = "the other side of the wire")]
    tokio::spawn(served);
    (format!("http://{address}"), seen)
}

async fn page(State(seen): State<Seen>, headers: HeaderMap, uri: Uri) -> Response {
    let agent = headers[header::USER_AGENT].to_str().unwrap().to_owned();
    seen.lock().unwrap().push((uri.path().to_owned(), agent));
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match uri.path() {
        "/robots.txt" => "User-agent: *\nDisallow: /private\n".into_response(),
        "/terms" => (html, "<title>Terms</title><nav>Home</nav><main><p>Lamps may be sent back for thirty days.</p></main><script>x()</script>").into_response(),
        "/moved" => Redirect::to("/terms").into_response(),
        "/hidden" => Redirect::to("/private/x").into_response(),
        "/metadata" => Redirect::to("http://169.254.169.254/latest/meta-data/").into_response(),
        "/loop" => Redirect::to("/loop").into_response(),
        "/picture" => ([(header::CONTENT_TYPE, "image/png")], "x").into_response(),
        "/large" => (html, "x".repeat(6 << 20)).into_response(),
        "/long" => (html, format!("<p>{}</p>", "many words ".repeat(10_000))).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn scraped(world: &World, url: &str) -> Json {
    let made = world.ana.make("/api/knowledge/scrape", json!({ "url": url })).await;
    assert_eq!((&made["type"], &made["status"]), (&json!("WEB"), &json!("PROCESSING")));
    world.run_jobs().await;
    world.ana.get(&place(&made, "")).await.json
}

async fn a_page_is_read_where_its_site_allows(kind: Kind) {
    let (site, seen) = site().await;
    let host = site.strip_prefix("http://").unwrap().to_owned();
    let world = World::with(kind, &[("outgoing.allowed_hosts", &host)]).await;
    let read = scraped(&world, &format!("{site}/moved")).await;
    assert_eq!((&read["status"], &read["name"]), (&json!("COMPLETED"), &json!(host)), "{read}");
    let content = world.ana.get(&place(&read, "/content")).await.json["content"].clone();
    assert_eq!(
        content,
        "Terms\n\nHome\n\nLamps may be sent back for thirty days.".replace("Home\n\n", "")
    );
    assert_eq!(titles(&ask(&world.ana, "May I send a lamp back?").await), [host.as_str()]);
    for (path, why) in [
        ("/private/x", "robots.txt"),
        ("/hidden", "robots.txt"),
        ("/nowhere", "404"),
        ("/loop", "too often"),
        ("/picture", "image/png"),
    ] {
        let read = scraped(&world, &format!("{site}{path}")).await;
        let error = read["error"].as_str().unwrap_or_default();
        assert!(read["status"] == "ERROR" && error.contains(why), "{path}: {read}");
    }
    let long = scraped(&world, &format!("{site}/long")).await;
    assert_eq!(
        (&long["status"], &long["characters"]),
        (&json!("COMPLETED"), &json!(50_000)),
        "{long}"
    );
    let seen = seen.lock().unwrap().clone();
    assert!(
        seen.iter().all(|(path, agent)| agent.starts_with("Kith/") && path != "/private/x"),
        "{seen:?}"
    );
    assert!(seen.iter().any(|(path, _)| path == "/robots.txt"));
}

async fn a_page_leads_nowhere_private(kind: Kind) {
    let (site, seen) = site().await;
    let host = site.strip_prefix("http://").unwrap().to_owned();
    let world = World::with(kind, &[("outgoing.allowed_hosts", &host)]).await;
    let read = scraped(&world, &format!("{site}/metadata")).await;
    let error = read["error"].as_str().unwrap_or_default();
    assert!(read["status"] == "ERROR" && error.contains("network of one's own"), "{read}");
    for url in ["http://169.254.169.254/", "http://127.0.0.1:1/", "ftp://example.com/", "nonsense"]
    {
        let refused = world.ana.post("/api/knowledge/scrape", json!({ "url": url })).await;
        assert_eq!(refused.status, 422, "{url} {refused:?}");
    }
    assert!(seen.lock().unwrap().iter().all(|(path, _)| path != "/latest/meta-data/"));
}
