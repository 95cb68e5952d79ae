//! Numbers that prove themselves: CPF, CNPJ and payment cards.

use super::digits::{Gap, Window};

/// A CPF: 11 digits as `529.982.247-25`, `529982247-25` or at one stretch.
pub(super) fn is_cpf(window: &Window) -> bool {
    let digits = window.digits;
    let shaped = match window.lengths() {
        [11, ..] => window.groups.len() == 1,
        [9, 2, ..] => window.groups.len() == 2 && window.gap(1) == Gap::Dash,
        [3, 3, 3, 2, ..] => window.groups.len() == 4,
        _ => false,
    };
    shaped
        && digits.iter().any(|digit| *digit != digits[0])
        && check_digit(&digits[..9], u32::MAX) == digits[9]
        && check_digit(&digits[..10], u32::MAX) == digits[10]
}

/// A CNPJ of digits: `11.222.333/0001-81`, or at one stretch, or with the mark before the last two alone.
pub(super) fn is_cnpj(window: &Window) -> bool {
    let shaped = match window.lengths() {
        [14, ..] => window.groups.len() == 1,
        [12, 2, ..] => window.groups.len() == 2,
        [8, 4, 2, ..] => window.groups.len() == 3,
        [2, 3, 3, 4, 2, ..] => window.groups.len() == 5,
        _ => false,
    };
    shaped && is_company(window.digits)
}

/// Whether 14 digits, or letters and digits, are the number of a company.
pub(super) fn is_company(letters: &[u8]) -> bool {
    letters.len() == 14
        && letters.iter().any(|letter| *letter != letters[0])
        && check_digit(&letters[..12], 8) == letters[12]
        && check_digit(&letters[..13], 8) == letters[13]
}

/// The check digit of a Brazilian number: weights rise from 2 towards its beginning, and begin anew after `round` places.
fn check_digit(letters: &[u8], round: u32) -> u8 {
    let sum: u32 = letters
        .iter()
        .rev()
        .zip(0_u32..)
        // Letters count from 17 on, as the companies registered since 2026 have them.
        .map(|(letter, place)| u32::from(letter - b'0') * (2 + place % round))
        .sum();
    match sum % 11 {
        0 | 1 => b'0',
        rest => b'0' + u8::try_from(11 - rest).unwrap_or_default(),
    }
}

/// A payment card: groups as they are printed on one, a beginning that issuers have, and Luhn's digit.
pub(super) fn is_card(window: &Window) -> bool {
    let digits = window.digits;
    if !(13..=19).contains(&digits.len()) || !is_printed(window) {
        return false;
    }
    is_issued(digits) && luhn(digits)
}

fn is_printed(window: &Window) -> bool {
    let count = window.groups.len();
    if count == 1 {
        return true;
    }
    let same = (2..count).all(|at| window.gap(at) == window.gap(1));
    let shaped = match window.lengths() {
        [4, 4, 4, 1..=4, ..] => count == 4,
        [4, 6, 4 | 5, ..] => count == 3,
        _ => false,
    };
    let long = count == 5 && matches!(window.lengths(), [4, 4, 4, 4, 1..=3, ..]);
    same && matches!(window.gap(1), Gap::Space | Gap::Dash | Gap::Dot) && (shaped || long)
}

/// The beginnings that are given out: Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, Maestro, Elo, Hipercard.
fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| {
        digits[..count].iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'))
    };
    let length = digits.len();
    match first(4) {
        4000..=4999 => matches!(length, 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => length == 16,
        1800 | 2131 | 3400..=3499 | 3700..=3799 => length == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(length, 14 | 16 | 19),
        3500..=3599 | 6011 | 6440..=6599 | 6200..=6299 => length >= 16,
        5000..=5099 | 5600..=5899 | 6000..=6010 | 6012..=6199 | 6300..=6439 | 6600..=6999 => {
            length >= 13
        }
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (u32::from(digit - b'0'), place % 2) {
            (value, 0) => value,
            (value, _) => value * 2 % 10 + value / 5,
        })
        .sum();
    sum.is_multiple_of(10)
}
