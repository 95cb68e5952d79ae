//! Packets of Socket.IO (protocol 5), each in a packet of Engine.IO (protocol 4), as text.

use serde::Serialize;
use serde_json::Value as Json;

use super::frames::{LONGEST_HEADER, TEXT, put_header};

/// What stands between packets of one answer or body of polling.
pub(super) const SEPARATOR: u8 = 0x1e;

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Packet {
    /// It answers that it is there.
    Pong,
    /// It leaves.
    Close,
    /// It asks whether a second way works.
    Probe,
    /// It goes over to that way.
    Upgrade,
    /// Nothing of interest.
    Noop,
    /// It wants in, and says who it is.
    Connect(Json),
    /// It wants into a room of the protocol that there is not.
    ConnectElsewhere(String),
    /// It leaves.
    Disconnect,
    /// It says something, and asks for an answer under a number.
    Event { name: String, data: Json, ack: Option<u64> },
    /// Bytes, which nobody here takes.
    Binary,
}

/// Reads a packet; nothing where it is none.
pub(super) fn read(text: &str) -> Option<Packet> {
    let mut chars = text.chars();
    Some(match (chars.next()?, chars.as_str()) {
        ('1', _) => Packet::Close,
        ('2', "probe") => Packet::Probe,
        ('2' | '6', _) => Packet::Noop,
        ('3', _) => Packet::Pong,
        ('4', message) => read_message(message)?,
        ('5', _) => Packet::Upgrade,
        ('b', _) => Packet::Binary,
        _ => return None,
    })
}

fn read_message(text: &str) -> Option<Packet> {
    let kind = text.chars().next()?;
    let mut rest = &text[kind.len_utf8()..];
    if matches!(kind, '5' | '6') {
        return Some(Packet::Binary);
    }
    let mut place = "/";
    if rest.starts_with('/') {
        let (name, behind) = rest.split_once(',').unwrap_or((rest, ""));
        (place, rest) = (name.split('?').next().unwrap_or(name), behind);
    }
    if place != "/" {
        return Some(if kind == '0' {
            Packet::ConnectElsewhere(place.chars().take(100).collect())
        } else {
            Packet::Noop
        });
    }
    Some(match kind {
        '0' if rest.is_empty() => Packet::Connect(Json::Null),
        '0' => Packet::Connect(serde_json::from_str(rest).ok()?),
        '1' => Packet::Disconnect,
        '2' => event(rest)?,
        '3' => Packet::Noop,
        _ => return None,
    })
}

fn event(text: &str) -> Option<Packet> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (ack, rest) = text.split_at(digits);
    let ack = if ack.is_empty() { None } else { Some(ack.parse().ok()?) };
    let mut said: Vec<Json> = serde_json::from_str(rest).ok()?;
    let Json::String(name) = said.first_mut()?.take() else { return None };
    let data = said.get_mut(1).map(Json::take).unwrap_or_default();
    Some(Packet::Event { name, data, ack })
}

/// A packet as it goes out, written once for however many sockets.
pub(crate) struct Written {
    bytes: Vec<u8>,
    frame_at: usize,
}

impl Written {
    /// Text.
    pub(super) fn text(text: &str) -> Self {
        Self::with(|bytes| {
            bytes.extend_from_slice(text.as_bytes());
            Ok(())
        })
        .unwrap_or_else(|_| Self { bytes: vec![0; LONGEST_HEADER], frame_at: LONGEST_HEADER })
    }

    /// An event.
    ///
    /// # Errors
    /// Where the payload cannot be JSON.
    pub(crate) fn event(
        name: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> serde_json::Result<Self> {
        Self::with(|bytes| {
            bytes.extend_from_slice(b"42");
            serde_json::to_writer(bytes, &(name, payload))
        })
    }

    /// The answer to an event.
    ///
    /// # Errors
    /// Where it cannot be JSON.
    pub(super) fn ack(ack: u64, answer: &(impl Serialize + ?Sized)) -> serde_json::Result<Self> {
        Self::with(|bytes| {
            bytes.extend_from_slice(format!("43{ack}").as_bytes());
            serde_json::to_writer(bytes, &(answer,))
        })
    }

    fn with(
        write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> serde_json::Result<Self> {
        let mut bytes = vec![0; LONGEST_HEADER];
        write(&mut bytes)?;
        let frame_at = put_header(&mut bytes, TEXT);
        Ok(Self { bytes, frame_at })
    }

    /// How much of it there is.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// As a frame of a WebSocket.
    pub(super) fn as_frame(&self) -> &[u8] {
        &self.bytes[self.frame_at..]
    }

    /// As polling takes it.
    pub(super) fn as_text(&self) -> &[u8] {
        &self.bytes[LONGEST_HEADER..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn packets_are_read() {
        let event =
            |name: &str, data: Json, ack| Some(Packet::Event { name: name.to_owned(), data, ack });
        for (text, packet) in [
            ("3", Some(Packet::Pong)),
            ("2probe", Some(Packet::Probe)),
            ("40", Some(Packet::Connect(Json::Null))),
            ("40{\"token\":\"t\"}", Some(Packet::Connect(json!({ "token": "t" })))),
            ("40/,{\"token\":\"t\"}", Some(Packet::Connect(json!({ "token": "t" })))),
            ("40/admin,", Some(Packet::ConnectElsewhere("/admin".to_owned()))),
            ("42/admin,[\"a\"]", Some(Packet::Noop)),
            ("41", Some(Packet::Disconnect)),
            ("42[\"say\"]", event("say", Json::Null, None)),
            ("4217[\"say\",{\"a\":1},2]", event("say", json!({ "a": 1 }), Some(17))),
            ("42[\"1\",5]", event("1", json!(5), None)),
            ("451-[\"say\",{\"_placeholder\":true,\"num\":0}]", Some(Packet::Binary)),
            ("42[]", None),
            ("42[5]", None),
            ("42{}", None),
            ("4299999999999999999999[\"a\"]", None),
            ("40{", None),
            ("49", None),
            ("4", None),
            ("", None),
            ("x", None),
            ("é", None),
        ] {
            assert_eq!(read(text), packet, "{text}");
        }
    }

    #[test]
    fn packets_are_written() {
        let event = Written::event("told", &json!({ "a": 1 })).unwrap();
        assert_eq!(event.as_text(), b"42[\"told\",{\"a\":1}]");
        assert_eq!(event.as_frame()[..2], [0x81, 18]);
        let ack = Written::ack(7, &json!(true)).unwrap();
        assert_eq!(ack.as_text(), b"437[true]");
        assert_eq!(Written::text("2").as_frame(), [0x81, 1, b'2']);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in "[0-6b]{0,3}\\PC{0,60}") {
            read(&text);
        }
    }
}
