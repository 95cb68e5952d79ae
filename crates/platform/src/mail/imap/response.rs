//! Answers of IMAP servers, read without going deeper than a server nests: of what it says only what was asked for is looked at.

/// Stands in the text of a response for a piece that came with its length; no server may send it as text.
pub(super) const LITERAL: u8 = 0;

/// A response: its text, and what stands where the text has [`LITERAL`].
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) text: Vec<u8>,
    pub(super) literals: Vec<Vec<u8>>,
}

/// What a server says of a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) uid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) body: Option<Vec<u8>>,
}

/// How a command ended, with the server's words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) is_ok: bool,
    pub(super) words: String,
}

/// The length of the piece that follows a line, where one does: `… {310}`.
pub(super) fn announced(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(&inner[open + 1..]).ok()?.trim_end_matches('+');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// A line without the length at its end.
pub(super) fn without_length(line: &[u8]) -> &[u8] {
    let open = line.iter().rposition(|byte| *byte == b'{').unwrap_or(line.len());
    &line[..open]
}

impl Response {
    fn words(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// How the command of that tag ended; nothing where this says something else.
    pub(super) fn ended(&self, tag: &str) -> Option<Ended> {
        let text = self.words();
        let rest = text.strip_prefix(tag)?.strip_prefix(' ')?;
        let (status, words) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Ended { is_ok: status.eq_ignore_ascii_case("OK"), words: words.to_owned() })
    }

    /// Whether it is said to nobody's command, and begins so.
    pub(super) fn is_untagged(&self, word: &str) -> bool {
        let rest = self.text.strip_prefix(b"* ").unwrap_or_default();
        rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether the server waits for what comes next.
    pub(super) fn asks_on(&self) -> bool {
        self.text.first() == Some(&b'+')
    }

    /// The number behind a code: `* OK [UIDNEXT 4392]`.
    pub(super) fn code(&self, name: &str) -> Option<u32> {
        if !self.is_untagged("OK [") {
            return None;
        }
        let text = self.words();
        let inner = text.split_once('[')?.1.split_once(']')?.0;
        let (key, number) = inner.split_once(' ')?;
        key.eq_ignore_ascii_case(name).then(|| number.trim().parse().ok())?
    }

    /// Whether a word stands among what the server can do.
    pub(super) fn can(&self, word: &str) -> bool {
        self.is_untagged("CAPABILITY ")
            && self.words().split_whitespace().any(|one| one.eq_ignore_ascii_case(word))
    }

    /// What it says of a mail; nothing where it speaks of something else.
    pub(super) fn fetched(mut self) -> Option<Fetched> {
        let text = std::mem::take(&mut self.text);
        let rest = text.strip_prefix(b"* ")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = rest.get(digits..)?;
        let head = rest.get(..8).filter(|head| head.eq_ignore_ascii_case(b" FETCH ("))?;
        let mut tokens = Tokens { rest: rest.get(head.len()..)?, literals: 0 };
        let mut fetched = Fetched::default();
        while let Some(Token::Word(name)) = tokens.next() {
            let Some(value) = tokens.next() else { break };
            match (name.to_ascii_uppercase().as_slice(), value) {
                (b"UID", Token::Word(value)) => fetched.uid = number(value),
                (b"RFC822.SIZE", Token::Word(value)) => fetched.size = number(value),
                (b"BODY[]", Token::Literal(at)) => {
                    fetched.body = self.literals.get_mut(at).map(std::mem::take);
                }
                (b"BODY[]", Token::Quoted(value)) => fetched.body = Some(value.to_vec()),
                _ => {}
            }
        }
        Some(fetched)
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

enum Token<'a> {
    Word(&'a [u8]),
    Quoted(&'a [u8]),
    /// The place of what came with its length.
    Literal(usize),
    /// A list, whatever is in it.
    List,
}

/// The words of a list, from behind its bracket to its end.
struct Tokens<'a> {
    rest: &'a [u8],
    literals: usize,
}

impl<'a> Tokens<'a> {
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let mut at = 1;
        loop {
            match self.rest.get(at)? {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        let inner = &self.rest[1..at];
        self.rest = &self.rest[at + 1..];
        Some(inner)
    }

    fn list(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.rest.first()? {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'"' => {
                    self.quoted()?;
                    continue;
                }
                &LITERAL => self.literals += 1,
                _ => {}
            }
            self.rest = &self.rest[1..];
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn next(&mut self) -> Option<Token<'a>> {
        while let Some(rest) = self.rest.strip_prefix(b" ") {
            self.rest = rest;
        }
        match self.rest.first()? {
            b')' => None,
            b'(' => self.list().map(|()| Token::List),
            b'"' => self.quoted().map(Token::Quoted),
            &LITERAL => {
                self.rest = &self.rest[1..];
                self.literals += 1;
                Some(Token::Literal(self.literals - 1))
            }
            _ => {
                let ends = |byte: &u8| matches!(*byte, b' ' | b'(' | b')' | LITERAL);
                let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                Some(Token::Word(word))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(text: &str, literals: &[&str]) -> Response {
        let literals = literals.iter().map(|one| one.as_bytes().to_vec()).collect();
        Response { text: text.as_bytes().to_vec(), literals }
    }

    #[test]
    fn a_mail_is_found_among_what_else_is_told() {
        let told = response(
            "* 12 FETCH (FLAGS (\\Seen $a) ENVELOPE (\0 \"a \\\" ) b\" ((NIL))) uid 7 X {3} BODY[] \0 RFC822.SIZE 4)",
            &["no", "mail"],
        );
        let fetched = told.fetched().unwrap();
        assert_eq!(
            (fetched.uid, fetched.size, fetched.body),
            (Some(7), Some(4), Some(b"mail".to_vec()))
        );
        for other in ["* 3 EXISTS", "* 3 FETCHED (UID 1)", "A1 OK", "* FETCH (", "* 1 FETCH"] {
            assert_eq!(response(other, &[]).fetched(), None, "{other}");
        }
        let deep = format!("* 1 FETCH (BODYSTRUCTURE {} UID 3)", "(".repeat(60_000));
        assert_eq!(response(&deep, &[]).fetched(), Some(Fetched::default()));
    }

    #[test]
    fn codes_lengths_and_ends_are_read() {
        assert_eq!(response("* OK [UIDNEXT 44] next", &[]).code("uidnext"), Some(44));
        assert_eq!(response("* OK [UIDNEXT x] next", &[]).code("UIDNEXT"), None);
        assert_eq!(announced(b"* 1 FETCH (BODY[] {310}"), Some(310));
        assert_eq!(announced(b"a {12+}"), Some(12));
        for none in ["a {}", "a {-1}", "{9", "a}", "{99999999999999999999999}"] {
            assert_eq!(announced(none.as_bytes()), None, "{none}");
        }
        let ended = response("K1 NO [X] refused", &[]).ended("K1").unwrap();
        assert_eq!((ended.is_ok, ended.words.as_str()), (false, "[X] refused"));
        assert_eq!(response("K12 OK", &[]).ended("K1"), None);
        assert!(response("* CAPABILITY IMAP4rev1 auth=plain", &[]).can("AUTH=PLAIN"));
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_is_read(text in "(\\* [0-9]{0,3} FETCH \\()?[()\"\\\\a-z0-9 \\[\\]\0{}]{0,60}", tag in "[A-Z]?") {
            let told = response(&text, &["x"]);
            told.ended(&tag);
            told.code("UIDNEXT");
            announced(text.as_bytes());
            without_length(text.as_bytes());
            told.fetched();
        }
    }
}
