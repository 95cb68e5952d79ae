//! E-mail addresses, also with `%40` for the sign, as addresses of pages have it.

use super::{Finding, Kind};

/// What no address exceeds before its sign, and behind it (RFC 5321).
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;

/// Files for screens of two and three times the density are named like addresses: `logo@2x.png`.
const PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "gif", "webp", "svg", "avif"];

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let (mut free, mut next) = (0, 0);
    while let Some(at) = super::next(bytes, next, |byte| matches!(byte, b'@' | b'%')) {
        next = at + 1;
        let sign = match bytes[at] {
            b'@' => 1,
            _ if bytes[at..].starts_with(b"%40") => 3,
            _ => continue,
        };
        let start = local(text, free.max(at.saturating_sub(LONGEST_LOCAL)), at);
        let domain = at + sign;
        let Some(end) = start.and_then(|_| end_of_domain(text, domain)) else { continue };
        let Some(start) = start else { continue };
        found.push(Finding { kind: Kind::Email, start, end });
        free = end;
    }
}

fn is_local(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '_' | '+' | '-' | '\'' | '&' | '%' | '!')
}

/// Where the part before the sign begins.
fn local(text: &str, from: usize, at: usize) -> Option<usize> {
    let mut start = at;
    let bytes = text.as_bytes();
    while start > from {
        let letter = super::before(text, start)?;
        // A letter that begins before `from` belongs to what was found already.
        let begin = start - letter.len_utf8();
        if begin < from || !is_local(letter) || (letter == '%' && bytes[start..].starts_with(b"40"))
        {
            break;
        }
        start = begin;
    }
    // Quotes and dots before an address are no part of it.
    while start < at
        && !matches!(super::behind(text, start), Some(c) if c.is_alphanumeric() || c == '_')
    {
        start += super::behind(text, start)?.len_utf8();
    }
    (start < at && bytes[at - 1] != b'.').then_some(start)
}

/// Where a domain ends: labels with dots between them, of which the last one is of letters.
fn end_of_domain(text: &str, start: usize) -> Option<usize> {
    let mut end = start;
    let (mut label, mut good) = (start, None);
    while let Some(letter) = super::behind(text, end).filter(|_| end - start < LONGEST_DOMAIN) {
        if letter == '.' {
            if label == end {
                break;
            }
            label = end + 1;
        } else if !letter.is_alphanumeric() && letter != '-' {
            break;
        }
        end += letter.len_utf8();
        if letter != '.' && label > start && is_top(&text[label..end]) {
            good = Some(end);
        }
    }
    let end = good?;
    // `b.com` is found in `a@b.com3`; but there the last label is another one.
    let whole = !super::is_word(super::behind(text, end));
    (whole && !is_picture(&text[start..end])).then_some(end)
}

fn is_top(label: &str) -> bool {
    let letters = label.chars().all(char::is_alphabetic);
    (letters && label.chars().nth(1).is_some()) || (label.starts_with("xn--") && label.len() > 5)
}

fn is_picture(domain: &str) -> bool {
    let Some((density, ending)) = domain.split_once('.') else { return false };
    let digits = density.strip_suffix('x').unwrap_or_default();
    let scaled = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    scaled && PICTURES.contains(&ending)
}
