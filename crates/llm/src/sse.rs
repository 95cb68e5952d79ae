//! Server-sent events out of bytes that are cut anywhere.

/// More than this without an end is no event of a model's.
const LONGEST_EVENT: usize = 8 << 20;

/// Gathers bytes until events are whole.
#[derive(Debug, Default)]
pub(crate) struct Events {
    rest: Vec<u8>,
    /// How far `rest` holds no end of a line.
    seen: usize,
    data: String,
    has_data: bool,
}

/// A stream that is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoStream;

impl Events {
    /// Takes bytes, and gives `each` the data of the events that are whole now.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&str),
    ) -> Result<(), NoStream> {
        self.rest.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some(length) = self.rest[self.seen..].iter().position(|byte| *byte == b'\n') {
            let end = self.seen + length;
            let line = std::str::from_utf8(&self.rest[begin..end]).map_err(|_| NoStream)?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                if std::mem::take(&mut self.has_data) {
                    each(&std::mem::take(&mut self.data));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
            begin = end + 1;
            self.seen = begin;
        }
        self.rest.drain(..begin);
        self.seen = self.rest.len();
        if self.rest.len() + self.data.len() > LONGEST_EVENT { Err(NoStream) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\r\nevent: a\r\ndata: one\r\n\r\ndata:two\ndata: three é\n\n\n\nid: 7\n\ndata: open";

    fn all(cuts: usize) -> Vec<String> {
        let (mut events, mut found) = (Events::default(), Vec::new());
        for part in STREAM.as_bytes().chunks(cuts) {
            events.take(part, |data| found.push(data.to_owned())).unwrap();
        }
        found
    }

    #[test]
    fn events_are_the_same_wherever_they_are_cut() {
        for cuts in 1..=STREAM.len() {
            assert_eq!(all(cuts), ["one", "two\nthree é"], "cut every {cuts} bytes");
        }
    }

    #[test]
    fn what_never_ends_is_no_stream() {
        let mut events = Events::default();
        let much = vec![b'a'; 1 << 20];
        let all = (0..9).map(|_| events.take(&much, |_| ())).collect::<Result<Vec<_>, _>>();
        assert_eq!(all, Err(NoStream));
        assert_eq!(Events::default().take(b"data: \xff\n\n", |_| ()), Err(NoStream));
    }
}
