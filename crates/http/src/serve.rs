//! Listening: connections with their own time limits, drained before the end.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// A caller has this long to send its headers; it keeps slow ones from holding connections.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);

/// So much waits in the system for who reads slowly: they are seen to read, where megabytes would have to go first.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;

/// Whoever takes nothing of what was sent for so long is gone, or means harm; nothing else ends the writing to a socket.
#[cfg(target_os = "linux")]
const UNTAKEN: Duration = Duration::from_secs(90);

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
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                connect(stream, peer, (router.clone(), stop.clone()), &connections);
            }
            // Out of file descriptors: others end and free theirs.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(patience, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}

fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    (router, stop): (Router, CancellationToken),
    connections: &TaskTracker,
) {
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "a connection ended at once");
        return;
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
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    #[expect(clippy::disallowed_methods, reason = "the tracker owns and awaits connections")]
    tokio::spawn(connections.track_future(async move {
        let mut connection = std::pin::pin!(connection);
        let mut is_last = false;
        loop {
            tokio::select! {
                done = connection.as_mut() => {
                    if let Err(error) = done {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = ended.cancelled() => return tracing::debug!("a connection is cut off"),
                () = stop.cancelled(), if !is_last => {
                    is_last = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }));
}

/// Small answers are not held back to be sent together, and what waits for slow readers is bounded.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        let bounded = socket.set_tcp_notsent_lowat(UNSENT);
        if let Err(error) = bounded.and_then(|()| socket.set_tcp_user_timeout(Some(UNTAKEN))) {
            tracing::debug!(%error, "the system keeps as much as it likes for a connection");
        }
    }
    Ok(())
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
