//! Addresses of the Internet Protocol.

use std::net::Ipv6Addr;

use super::{Finding, Kind, context};

/// The longest form of an address of version 6, with one of version 4 at its end.
const LONGEST: usize = 45;

/// Addresses of version 6: those that say enough to be one (`a::b` is a path in a program).
pub(super) fn find_v6(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(colon) = super::next(bytes, at, |byte| byte == b':') {
        let (start, end) = around(bytes, colon, at);
        let end = end - usize::from(bytes[end - 1] == b'.');
        // An address may stand before the colon of a sentence.
        let single = bytes[..end].ends_with(b":") && !bytes[..end].ends_with(b"::");
        let end = end - usize::from(single);
        if end > start && is_v6(text, start, end) {
            found.push(Finding { kind: Kind::Ip, start, end });
        }
        at = end.max(colon + 1);
    }
}

fn around(bytes: &[u8], colon: usize, from: usize) -> (usize, usize) {
    let inside = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut start = colon;
    while start > from && bytes[start - 1].is_ascii_hexdigit() {
        start -= 1;
    }
    let mut end = colon + 1;
    while end < bytes.len() && end - start <= LONGEST && inside(bytes[end]) {
        end += 1;
    }
    (start, end)
}

fn is_v6(text: &str, start: usize, end: usize) -> bool {
    let address = &text[start..end];
    let whole =
        !super::is_word(super::before(text, start)) && !super::is_word(super::behind(text, end));
    let digits = address.bytes().filter(u8::is_ascii_hexdigit).count();
    let telling =
        address == "::1" || (digits >= 4 && address.bytes().any(|byte| byte.is_ascii_digit()));
    whole && telling && address.parse::<Ipv6Addr>().is_ok()
}

/// Whether four groups of digits with dots between them are an address, and no version or chapter.
pub(super) fn is_v4(text: &str, start: usize, end: usize) -> bool {
    let mut highest = 0;
    for part in text[start..end].split('.') {
        let plain = part == "0" || !part.starts_with('0');
        let Some(value) = part.parse::<u8>().ok().filter(|_| plain) else { return false };
        highest = highest.max(value);
    }
    if context::says_version(text, start) {
        return false;
    }
    highest > 9 || context::says_address(text, start)
}
