//! Far sides of channels that run here: WhatsApp, Messenger, Instagram and Telegram as they are met over HTTP, with true
//! signatures, states of messages, refusals and limits, and a page on which to be the customer.
//!
//! Nothing of the rest of the house is known here: it is asked, and asks, over HTTP alone.

mod faults;
mod graph;
mod hooks;
mod page;
mod state;
mod telegram;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State as Extracted},
    http::HeaderMap,
    response::Response,
    routing::any,
};
use tokio::net::TcpListener;

use state::State;
pub use state::{Kind, Line};

/// What a file may hold that is sent here.
const PATIENCE: Duration = Duration::from_secs(20);
const LARGEST_BODY: usize = 32 * 1024 * 1024;

fn client() -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    #[expect(clippy::disallowed_methods, reason = "the simulator is no part of the house")]
    let builder = reqwest::Client::builder();
    Ok(builder.timeout(PATIENCE).no_proxy().tls_backend_preconfigured(tls).build()?)
}

/// Two far sides have addresses of two parts: those of bots begin with `bot`.
async fn either(
    state: Extracted<Arc<State>>,
    path: Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if path.0.0.starts_with("bot") {
        telegram::method(state, path, headers, body).await
    } else {
        graph::node(&state.0, &path.0.1, &headers)
    }
}

/// The lines of far sides.
#[derive(Clone)]
pub struct Lines(Arc<State>);

impl Lines {
    /// Takes over lines: those that are known get what is new of them, others are added.
    pub fn know(&self, lines: Vec<Line>) {
        self.0.know(lines);
    }
}

/// Far sides that are not served yet.
pub struct Simulator {
    state: Arc<State>,
}

impl Simulator {
    /// For these lines: numbers, pages and bots, each with the webhook that is told what happens.
    ///
    /// # Errors
    /// `Other` where there can be no client.
    pub fn new(lines: Vec<Line>) -> io::Result<Self> {
        let client = client().map_err(io::Error::other)?;
        Ok(Self { state: Arc::new(State::new(lines, client)) })
    }

    /// What takes over lines that are made, or changed, while it is served.
    pub fn lines(&self) -> Lines {
        Lines(Arc::clone(&self.state))
    }

    /// Everything that is served.
    pub fn router(&self) -> Router {
        let state = Arc::clone(&self.state);
        page::routes()
            .merge(graph::routes())
            .merge(telegram::routes())
            .route("/{version}/{node}", any(either))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(state)
    }

    /// Serves on a listener until the future ends; tells webhooks what happens meanwhile.
    ///
    /// # Errors
    /// What the listener says.
    pub async fn serve(
        self,
        listener: TcpListener,
        until: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let teller = hooks::tell(Arc::clone(&self.state));
        let router = self.router();
        let served = axum::serve(listener, router).with_graceful_shutdown(until);
        tokio::select! {
            done = async { served.await } => done,
            () = teller => Ok(()),
        }
    }

    /// The page on which to be the customer.
    pub fn page(address: SocketAddr) -> String {
        format!("http://{address}/")
    }
}
