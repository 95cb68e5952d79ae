//! Frames of WebSocket (RFC 6455), as a server reads and writes them.

/// The bytes before the payload of a server's frame, at most.
pub(super) const LONGEST_HEADER: usize = 10;

const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// Payloads of control frames, and lengths that fit the second byte, are no longer.
const SHORT: usize = 125;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Binary,
    Ping(Vec<u8>),
    Pong,
    Close,
}

/// Why a connection is ended, as the protocol numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Protocol = 1002,
    NoText = 1007,
    TooLarge = 1009,
}

/// Reads frames as their bytes come.
pub(super) struct Reader {
    /// What is not read yet.
    buffer: Vec<u8>,
    /// The pieces of a message so far, and what it is.
    pieces: Vec<u8>,
    begun: Option<u8>,
    /// The largest message.
    most: usize,
}

/// A frame that is there in full.
struct Whole {
    is_last: bool,
    kind: u8,
    payload: std::ops::Range<usize>,
}

impl Reader {
    pub(super) fn new(most: usize) -> Self {
        Self { buffer: Vec::new(), pieces: Vec::new(), begun: None, most }
    }

    /// Takes bytes in, and hands out the messages that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame)) -> Result<(), Wrong> {
        self.buffer.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(whole) = self.whole(taken)? {
            taken = whole.payload.end;
            if let Some(frame) = self.take(whole)? {
                each(frame);
            }
        }
        if taken == self.buffer.len() {
            // Most sockets are silent most of the time.
            self.buffer = Vec::new();
        } else {
            self.buffer.drain(..taken);
        }
        Ok(())
    }

    /// The frame at a place, unmasked, when all of it has come.
    fn whole(&mut self, at: usize) -> Result<Option<Whole>, Wrong> {
        let Some(&[first, second]) = self.buffer.get(at..at + 2) else { return Ok(None) };
        let (kind, is_last) = (first & 0x0f, first & 0x80 != 0);
        let is_control = kind >= CLOSE;
        let is_known = matches!(kind, CONTINUATION..=BINARY | CLOSE..=PONG);
        // What a client sends is masked; extensions are none.
        if first & 0x70 != 0 || second & 0x80 == 0 || !is_known || (is_control && !is_last) {
            return Err(Wrong::Protocol);
        }
        let short = usize::from(second & 0x7f);
        let width = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(long) = self.buffer.get(at + 2..at + 2 + width) else { return Ok(None) };
        let long = long.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let length = if width == 0 { short } else { usize::try_from(long).unwrap_or(usize::MAX) };
        if is_control && length > SHORT {
            return Err(Wrong::Protocol);
        }
        if length > self.most || (!is_control && self.pieces.len() + length > self.most) {
            return Err(Wrong::TooLarge);
        }
        let begin = at + 2 + width + 4;
        let Some(payload) = self.buffer.get_mut(begin - 4..begin + length) else {
            return Ok(None);
        };
        let (mask, payload) = payload.split_at_mut(4);
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        Ok(Some(Whole { is_last, kind, payload: begin..begin + length }))
    }

    /// What a frame completes.
    fn take(&mut self, whole: Whole) -> Result<Option<Frame>, Wrong> {
        let payload = self.buffer.get(whole.payload).unwrap_or_default();
        match whole.kind {
            CLOSE => return Ok(Some(Frame::Close)),
            PING => return Ok(Some(Frame::Ping(payload.to_vec()))),
            PONG => return Ok(Some(Frame::Pong)),
            CONTINUATION if self.begun.is_none() => return Err(Wrong::Protocol),
            CONTINUATION => {}
            _ if self.begun.is_some() => return Err(Wrong::Protocol),
            kind => self.begun = Some(kind),
        }
        self.pieces.extend_from_slice(payload);
        if !whole.is_last {
            return Ok(None);
        }
        let message = std::mem::take(&mut self.pieces);
        match self.begun.take() {
            Some(TEXT) => String::from_utf8(message)
                .map(|text| Some(Frame::Text(text)))
                .map_err(|_| Wrong::NoText),
            _ => Ok(Some(Frame::Binary)),
        }
    }
}

/// Writes the header of a frame so that it ends where its payload begins, behind [`LONGEST_HEADER`]; gives back where it
/// begins.
pub(super) fn put_header(bytes: &mut [u8], kind: u8) -> usize {
    let length = bytes.len() - LONGEST_HEADER;
    let mut header = [0x80 | kind, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let size = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if length <= SHORT => {
            header[1] = short;
            2
        }
        (_, Ok(length)) => {
            header[1] = 126;
            header[2..4].copy_from_slice(&length.to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    let begin = LONGEST_HEADER - size;
    bytes[begin..LONGEST_HEADER].copy_from_slice(&header[..size]);
    begin
}

/// A whole frame.
pub(super) fn written(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; LONGEST_HEADER];
    bytes.extend_from_slice(payload);
    let begin = put_header(&mut bytes, kind);
    bytes.drain(..begin);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client writes it.
    fn sent(kind: u8, is_last: bool, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut bytes = written(kind, payload);
        let begin = bytes.len() - payload.len();
        bytes[0] = bytes[0] & 0x7f | u8::from(is_last) << 7;
        bytes[1] |= 0x80;
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let masked: Vec<u8> = masked.collect();
        bytes.truncate(begin);
        bytes.extend(mask);
        bytes.extend(masked);
        bytes
    }

    fn read(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Frame>, Wrong> {
        let mut all = Vec::new();
        reader.feed(bytes, &mut |frame| all.push(frame))?;
        Ok(all)
    }

    fn one(bytes: &[u8]) -> Result<Vec<Frame>, Wrong> {
        read(&mut Reader::new(1_000), bytes)
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        let good = sent(TEXT, true, b"hello", [1, 2, 3, 4]);
        assert_eq!(one(&good), Ok(vec![Frame::Text("hello".to_owned())]));
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        for (bytes, wrong) in [
            (with(1, 5), Wrong::Protocol),
            (with(0, 0xc1), Wrong::Protocol),
            (with(0, 0x83), Wrong::Protocol),
            (sent(PING, false, b"", [0; 4]), Wrong::Protocol),
            (sent(PING, true, &[0; 126], [0; 4]), Wrong::Protocol),
            (sent(CONTINUATION, true, b"x", [0; 4]), Wrong::Protocol),
            ([sent(TEXT, false, b"x", [0; 4]), good.clone()].concat(), Wrong::Protocol),
            (sent(TEXT, true, &[0xff], [0; 4]), Wrong::NoText),
            (sent(TEXT, true, &[b'x'; 1_001], [0; 4]), Wrong::TooLarge),
            (vec![0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Wrong::TooLarge),
        ] {
            assert_eq!(one(&bytes), Err(wrong), "{bytes:?}");
        }
        let mut pieces = sent(TEXT, false, &[b'x'; 600], [0; 4]);
        pieces.extend(sent(CONTINUATION, true, &[b'x'; 401], [0; 4]));
        assert_eq!(one(&pieces), Err(Wrong::TooLarge));
    }

    proptest! {
        #[test]
        fn messages_come_through_however_they_are_cut(
            texts in prop::collection::vec(("\\PC{0,300}", any::<[u8; 4]>(), any::<bool>()), 1..6),
            cut in 1..40_usize,
        ) {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for (text, mask, is_cut) in &texts {
                let half = text.len() / 2;
                if *is_cut {
                    bytes.extend(sent(TEXT, false, &text.as_bytes()[..half], *mask));
                    // A ping may stand between the pieces of a message.
                    bytes.extend(sent(PING, true, b"there?", *mask));
                    bytes.extend(sent(CONTINUATION, true, &text.as_bytes()[half..], *mask));
                    expected.push(Frame::Ping(b"there?".to_vec()));
                } else {
                    bytes.extend(sent(TEXT, true, text.as_bytes(), *mask));
                }
                expected.push(Frame::Text(text.clone()));
            }
            let mut reader = Reader::new(10_000);
            let mut heard = Vec::new();
            for piece in bytes.chunks(cut) {
                heard.extend(read(&mut reader, piece).unwrap());
            }
            prop_assert_eq!(heard, expected);
            prop_assert!(reader.buffer.is_empty() && reader.pieces.is_empty());
        }

        #[test]
        fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            one(&bytes).ok();
        }

        #[test]
        fn lengths_are_written_as_they_are_read(length in 0..70_000_usize) {
            let frame = written(TEXT, &vec![b'x'; length]);
            let (at, told) = match frame[1] {
                126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
                127 => (10, usize::try_from(u64::from_be_bytes(frame[2..10].try_into().unwrap())).unwrap()),
                short => (2, usize::from(short)),
            };
            prop_assert_eq!((told, frame.len() - at), (length, length));
        }
    }
}
