//! What a file looks like: told by its first bytes, not by whoever sends it.

/// The kind of what nothing is known of.
const UNKNOWN: &str = "application/octet-stream";
/// Bytes that are looked at.
pub const LOOKED_AT: usize = 8 * 1024;

/// Kinds of texts, by the ends of names.
const TEXTS: [(&str, &str); 8] = [
    ("csv", "text/csv"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("ics", "text/calendar"),
    ("vcf", "text/vcard"),
    ("tsv", "text/tab-separated-values"),
    ("eml", "message/rfc822"),
    ("log", "text/plain"),
];

/// The kind of a file that begins so. What a browser would run is no kind of its own.
pub fn of(head: &[u8], name: &str) -> &'static str {
    if let Some(kind) = infer::get(head) {
        let kind = kind.mime_type();
        return if is_harmless(kind) { kind } else { UNKNOWN };
    }
    if !is_text(head) {
        return UNKNOWN;
    }
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    TEXTS.iter().find(|(known, _)| *known == end).map_or("text/plain", |(_, kind)| *kind)
}

fn is_harmless(kind: &str) -> bool {
    let family = kind.split('/').next().unwrap_or_default();
    match family {
        "image" => kind != "image/svg+xml",
        "audio" | "video" | "font" => true,
        "application" => {
            let known =
                ["pdf", "zip", "gzip", "x-7z-compressed", "x-tar", "rtf", "epub+zip", "msword"];
            let name = kind.strip_prefix("application/").unwrap_or_default();
            known.contains(&name) || name.starts_with("vnd.")
        }
        _ => false,
    }
}

/// UTF-8 without control characters; the last character may be cut.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty()
        && text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_what_they_are() {
        for (head, name, kind) in [
            (&b"%PDF-1.7\n"[..], "a.txt", "application/pdf"),
            (b"\x89PNG\r\n\x1a\n\0\0", "a", "image/png"),
            (b"name,email\n", "list.CSV", "text/csv"),
            (b"hello\n", "a.exe", "text/plain"),
            ("grüße\n".as_bytes(), "a.html", "text/plain"),
            (b"<!DOCTYPE html><script>", "a.html", UNKNOWN),
            (b"<?xml version=\"1.0\"?><svg/>", "a.svg", UNKNOWN),
            (b"\x7fELF\x02\x01\x01\0", "a", UNKNOWN),
            (b"\0\x01\x02", "a.txt", UNKNOWN),
            (b"", "a.txt", UNKNOWN),
        ] {
            assert_eq!(of(head, name), kind, "{name}");
        }
        // A character that is cut in the middle.
        assert_eq!(of(&"aé".as_bytes()[..2], "a"), "text/plain");
    }
}
