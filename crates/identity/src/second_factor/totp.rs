//! Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1 over steps of thirty seconds, as all apps know them.

use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

pub(super) const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// Clocks may differ by a step either way.
const DRIFT: i64 = 1;

/// The step of an instant, in seconds since 1970.
pub(super) fn step_at(seconds: i64) -> i64 {
    seconds.div_euclid(STEP_SECONDS)
}

/// The code of a step.
fn code(secret: &[u8], step: i64) -> String {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let hash = sign(&key, &step.to_be_bytes());
    let hash = hash.as_ref();
    let at = usize::from(hash[hash.len() - 1] & 0x0f);
    let number =
        hash[at..at + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:0DIGITS$}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The step that a code is of: one near now and behind the last one that was used.
pub(super) fn step_of(secret: &[u8], given: &str, (now, last): (i64, i64)) -> Option<i64> {
    let mut found = None;
    // All are compared, however early one fits, so that the time tells nothing.
    for step in now - DRIFT..=now + DRIFT {
        if same(&code(secret, step), given) && step > last {
            found = Some(step);
        }
    }
    found
}

fn same(one: &str, other: &str) -> bool {
    let differ = |(a, b): (u8, u8)| a ^ b;
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).map(differ).fold(0, |all, bits| all | bits) == 0
}

/// The secret as apps take it: RFC 4648 base32.
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        for at in 0..(chunk.len() * 8).div_ceil(5) {
            let letter = (bits >> (35 - 5 * at)) & 31;
            text.push(char::from(LETTERS[usize::try_from(letter).unwrap_or_default()]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix B of RFC 6238, of which six digits are the last six of eight.
    const OF_THE_RFC: [(i64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, expected) in OF_THE_RFC {
            assert_eq!(code(b"12345678901234567890", step_at(seconds)), expected[2..]);
        }
    }

    #[test]
    fn a_code_is_good_once_and_near_its_time() {
        let secret = b"12345678901234567890";
        let given = code(secret, 100);
        assert_eq!(step_of(secret, &given, (100, 0)), Some(100));
        assert_eq!(step_of(secret, &given, (101, 0)), Some(100));
        assert_eq!(step_of(secret, &given, (99, 0)), Some(100));
        assert_eq!(step_of(secret, &given, (102, 0)), None);
        assert_eq!(step_of(secret, &given, (100, 100)), None);
        assert_eq!(step_of(secret, "", (100, 0)), None);
        assert_eq!(step_of(secret, "1234567", (100, 0)), None);
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "MY"),
            (b"fo", "MZXQ"),
            (b"foo", "MZXW6"),
            (b"foob", "MZXW6YQ"),
            (b"fooba", "MZXW6YTB"),
            (b"foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes), text);
        }
    }
}
