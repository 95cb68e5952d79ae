//! Listening: connections with their own time limits, drained before the end.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A caller has this long to send its headers; it keeps slow ones from holding connections.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);

/// So much waits in the system for who reads slowly: they are seen to read, where megabytes would have to go first.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;

/// The connection that a call came by.
#[derive(Debug, Clone, Default)]
pub struct Connection(CancellationToken);

impl Connection {
    /// Hangs up. Only this ends the connection of somebody who reads nothing: nobody asks the answer for more then, nor
    /// for its failure.
    pub fn cut_off(&self) {
        self.0.cancel();
    }
}

/// Serves until `stop`, then finishes the requests that are under way, for `patience` at most.
///
/// # Errors
/// Only those of the listener itself; what goes wrong on a connection ends that connection.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    patience: Duration,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => connect(stream, peer, router.clone(), &graceful),
            // Out of file descriptors: others end and free theirs.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}

fn connect(stream: TcpStream, peer: SocketAddr, router: Router, graceful: &GracefulShutdown) {
    // Small answers are not held back to be sent together.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended at once");
        return;
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "the system keeps as much as it likes for a connection");
    }
    let own = Connection::default();
    let ended = own.0.clone();
    let service = router.map_request(move |mut request: Request<hyper::body::Incoming>| {
        strip_version(&mut request);
        request.extensions_mut().insert(own.clone());
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let watched = graceful.watch(connection);
    #[expect(
        clippy::disallowed_methods,
        reason = "the graceful shutdown owns and awaits connections"
    )]
    tokio::spawn(async move {
        tokio::select! {
            done = watched => if let Err(error) = done {
                tracing::debug!(%error, "a connection ended early");
            },
            () = ended.cancelled() => tracing::debug!("a connection is cut off"),
        }
    });
}

/// `/api/v1/…` is the same router as `/api/…`.
fn strip_version<B>(request: &mut Request<B>) {
    let Some(rest) =
        request.uri().path_and_query().and_then(|path| path.as_str().strip_prefix("/api/v1/"))
    else {
        return;
    };
    if let Ok(uri) = format!("/api/{rest}").parse() {
        *request.uri_mut() = uri;
    }
}
