//! Signatures: whether what came in is from whom it says, told from the raw body in constant time.

use hmac::{Hmac, KeyInit, Mac};
use kith_kernel::Time;
use sha2::Sha256;

use crate::channels::hexadecimal;

/// A signed body is taken for so long, in seconds before and behind the clock.
const TOLERANCE: i64 = 300;

/// `X-Hub-Signature-256: sha256=<hex>`.
pub(crate) fn is_of_meta(secret: &str, body: &[u8], header: &str) -> bool {
    header.strip_prefix("sha256=").is_some_and(|signature| is_signed(secret, &[body], signature))
}

/// `X-Kith-Signature: t=<seconds>,v1=<hex>` over `<seconds>.<body>`.
pub(crate) fn is_fresh(secret: &str, body: &[u8], header: &str, now: Time) -> bool {
    let part = |name: &str| {
        header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(time), Some(signature)) = (part("t"), part("v1")) else { return false };
    let Ok(seconds) = time.parse::<i64>() else { return false };
    let is_near = now.seconds().saturating_sub(seconds).saturating_abs() <= TOLERANCE;
    is_near && is_signed(secret, &[time.as_bytes(), b".", body], signature)
}

/// The signature of what is sent, in hexadecimal digits.
pub(crate) fn signed(secret: &str, pieces: &[&[u8]]) -> String {
    over(secret, pieces).map(|mac| hexadecimal(&mac.finalize().into_bytes())).unwrap_or_default()
}

fn over(secret: &str, pieces: &[&[u8]]) -> Option<Hmac<Sha256>> {
    // A key of any length is one.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    for piece in pieces {
        mac.update(piece);
    }
    Some(mac)
}

fn is_signed(secret: &str, pieces: &[&[u8]], signature: &str) -> bool {
    let (Some(signature), Some(mac)) = (unhexed(signature), over(secret, pieces)) else {
        return false;
    };
    // Compares in constant time.
    mac.verify_slice(&signature).is_ok()
}

fn unhexed(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// Whether two secrets are the same; how long it takes says nothing of where they differ.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let keyed = |text: &str| over("compared", &[text.as_bytes()]);
    match (keyed(one), keyed(other)) {
        (Some(one), Some(other)) => one.verify(&other.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_of_the_body_and_of_now() {
        let hex = signed("secret", &[b"1700000000.{}"]);
        let header = format!("t=1700000000,v1={hex}");
        let at = |seconds: i64| Time::from_milliseconds(seconds * 1000);
        assert!(is_fresh("secret", b"{}", &header, at(1_700_000_299)));
        assert!(!is_fresh("secret", b"{}", &header, at(1_700_000_301)));
        assert!(!is_fresh("secret", b"{ }", &header, at(1_700_000_000)));
        assert!(!is_fresh("other", b"{}", &header, at(1_700_000_000)));
        assert!(!is_fresh("secret", b"{}", "t=x,v1=y", at(1_700_000_000)));
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "abcd"));
    }

    #[test]
    fn known_signatures_of_other_makers_fit() {
        // RFC 4231, test case 2.
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let what = b"what do ya want for nothing?";
        assert!(is_of_meta("Jefe", what, &format!("sha256={known}")));
        assert!(!is_of_meta("Jefe", what, known));
    }
}
