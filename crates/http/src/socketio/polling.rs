//! Sockets by polling: what is fetched by long requests, and what is posted.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use http_body_util::{BodyExt, Limited};

use super::{
    Refused, Server, packets,
    packets::SEPARATOR,
    said,
    socket::{Polled, Socket},
};

pub(super) const TEXT: &str = "text/plain; charset=UTF-8";

/// Somebody waits for what a socket is told; nobody does any more when it is dropped.
struct Waiting<'a>(&'a Socket);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.is_polled.store(false, Ordering::Release);
    }
}

impl Server {
    /// Waits for what a socket is told.
    pub(super) async fn fetched(&self, socket: &Arc<Socket>) -> Result<Response<Body>, Refused> {
        if socket.is_polled.swap(true, Ordering::AcqRel) {
            // It cannot be known which of the two gets what.
            self.end(socket);
            return Err(Refused::Request);
        }
        let _waiting = Waiting(socket);
        loop {
            let nudged = socket.nudge.notified();
            match socket.poll() {
                Polled::Texts(texts) => return Ok(said(StatusCode::OK, TEXT, texts)),
                Polled::Moved => return Ok(said(StatusCode::OK, TEXT, "6")),
                Polled::Closed => return Err(Refused::Unknown),
                Polled::Nothing => nudged.await,
            }
        }
    }

    /// Takes what a socket says.
    pub(super) async fn posted(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        body: Body,
    ) -> Result<Response<Body>, Refused> {
        let collected = Limited::new(body, self.limits.message_bytes).collect().await;
        let Ok(collected) = collected else {
            self.end(socket);
            return Ok(said(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "Too large."));
        };
        let bytes = collected.to_bytes();
        let Ok(text) = std::str::from_utf8(&bytes) else {
            self.end(socket);
            return Err(Refused::Request);
        };
        for packet in text.split(char::from(SEPARATOR)) {
            if !socket.is_open() {
                return Err(Refused::Unknown);
            }
            self.take(socket, packets::read(packet));
        }
        Ok(said(StatusCode::OK, "text/html", "ok"))
    }
}
