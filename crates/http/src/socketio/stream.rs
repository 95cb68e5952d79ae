//! Sockets by WebSocket, from the handshake to the end of the stream.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ring::digest;
use tokio::{io::Ready, net::TcpStream, time::timeout};

use super::{
    Asked, Refused, Server, busy,
    frames::{Frame, Reader, Wrong},
    packets::{self, Packet, Written},
    socket::Socket,
};

/// What the protocol has both sides add to the key of a handshake.
const MARK: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A handshake, or the move from polling, takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The other side has so long to hang up after it was told that it is over.
const GOODBYE: Duration = Duration::from_secs(2);
/// So much is read at once.
const READ: usize = 4_096;

/// One that polls and may move here is let go of its long request so often.
const RELEASE: Duration = Duration::from_millis(100);

/// Why it is over with a stream; nothing where the other side just left.
type Over = Option<Wrong>;

impl Server {
    /// Opens a WebSocket.
    pub(super) fn streams(
        self: &Arc<Self>,
        mut request: Request<Body>,
        asked: &Asked,
    ) -> Result<Response<Body>, Refused> {
        if request.method() != Method::GET {
            return Err(Refused::Method);
        }
        let accepted = accepted(&request).ok_or(Refused::Request)?;
        let (socket, polls) = match &asked.key {
            Some(key) => (self.known(key)?, true),
            None => match self.open(&request)? {
                Some(socket) => (socket, false),
                None => return Ok(busy()),
            },
        };
        let upgrade = hyper::upgrade::on(&mut request);
        let server = Arc::clone(self);
        self.app.tasks.start("a socket", async move {
            let stream = opened(upgrade).await;
            match stream {
                Some(stream) if polls => server.moves(&socket, stream).await,
                Some((stream, rest)) => {
                    socket.send(&Written::text(&server.opening(&socket, false)));
                    let is_there = socket.move_to(&stream);
                    let reader = Reader::new(server.limits.message_bytes);
                    if is_there {
                        server.attend(&socket, &stream, (reader, rest)).await;
                    }
                }
                // It goes on polling.
                None if polls => {}
                None => server.end(&socket),
            }
        });
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = answer.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
        Ok(answer)
    }

    /// Waits until a socket that polls goes over to a stream, if it does, and goes on with it there.
    async fn moves(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        (stream, rest): (Arc<TcpStream>, Bytes),
    ) {
        let mut reader = Reader::new(self.limits.message_bytes);
        let mut is_moved = false;
        let moving = async {
            let mut said = rest;
            loop {
                let fed = reader.feed(&said, &mut |frame| match frame {
                    Frame::Text(text) => match packets::read(&text) {
                        Some(Packet::Probe) => {
                            drop(stream.try_write(Written::text("3probe").as_frame()));
                        }
                        Some(Packet::Upgrade) => is_moved |= socket.move_to(&stream),
                        packet => self.take(socket, packet),
                    },
                    Frame::Binary | Frame::Ping(_) | Frame::Pong | Frame::Close => {}
                });
                if fed.is_err() || is_moved || !socket.is_open() {
                    return;
                }
                socket.release();
                timeout(RELEASE, stream.readable()).await.ok();
                let mut buffer = [0; 512];
                said = match stream.try_read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Bytes::new(),
                    Err(_) => return,
                };
            }
        };
        timeout(PATIENCE, moving).await.ok();
        if is_moved {
            self.attend(socket, &stream, (reader, Bytes::new())).await;
        }
    }

    /// Goes on with a socket until its stream ends.
    async fn attend(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        stream: &Arc<TcpStream>,
        (mut reader, rest): (Reader, Bytes),
    ) {
        let mut went = self.hear(socket, &mut reader, &rest);
        drop(rest);
        while went.is_ok() && socket.is_open() {
            tokio::select! {
                ready = stream.ready(socket.interest()) => {
                    went = match ready {
                        Ok(ready) => self.go_on(socket, stream, (&mut reader, ready)),
                        Err(_) => Err(None),
                    };
                }
                // There is something to write, or it is over.
                () = socket.nudge.notified() => {}
            }
        }
        self.end_because(socket, went.err().flatten());
        drop(reader);
        timeout(GOODBYE, goodbye(stream)).await.ok();
    }

    /// Reads and writes what can be.
    fn go_on(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        stream: &TcpStream,
        (reader, ready): (&mut Reader, Ready),
    ) -> Result<(), Over> {
        if ready.is_writable() && !socket.flush() {
            return Err(None);
        }
        // On the stack: an idle socket keeps no room for it.
        let mut buffer = [0; READ];
        while ready.is_readable() || ready.is_read_closed() {
            match stream.try_read(&mut buffer) {
                Ok(0) => return Err(None),
                Ok(count) => self.hear(socket, reader, buffer.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Err(None),
            }
        }
        Ok(())
    }

    fn hear(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        reader: &mut Reader,
        bytes: &[u8],
    ) -> Result<(), Over> {
        let mut is_over = false;
        let fed = reader.feed(bytes, &mut |frame| match frame {
            Frame::Text(text) => self.take(socket, packets::read(&text)),
            Frame::Binary => self.take(socket, Some(Packet::Binary)),
            Frame::Ping(payload) => socket.pong(&payload),
            Frame::Pong => {}
            Frame::Close => is_over = true,
        });
        match fed {
            Err(wrong) => Err(Some(wrong)),
            Ok(()) if is_over => Err(None),
            Ok(()) => Ok(()),
        }
    }
}

/// The stream of a connection that was a request, and what came with it already.
async fn opened(upgrade: OnUpgrade) -> Option<(Arc<TcpStream>, Bytes)> {
    let upgraded = timeout(PATIENCE, upgrade).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((Arc::new(parts.io.into_inner()), parts.read_buf))
}

/// Waits for the other side to hang up, so that it hears what was said last.
async fn goodbye(stream: &TcpStream) {
    if socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write).is_err() {
        return;
    }
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut [0; 256]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// The answer to the key of a handshake; none where it is no handshake.
fn accepted<B>(request: &Request<B>) -> Option<HeaderValue> {
    let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    let upgrade = header(header::UPGRADE)?;
    let is_meant = upgrade.eq_ignore_ascii_case(b"websocket")
        && header(header::SEC_WEBSOCKET_VERSION)? == b"13";
    let key = header(header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24 && is_meant)?;
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, MARK].concat());
    HeaderValue::from_str(&STANDARD.encode(digest)).ok()
}
