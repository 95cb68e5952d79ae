//! Telephone numbers, with their country and as they are written within Brazil, the United States, Portugal, Spain,
//! Britain and Germany.

use super::{
    context::{Around, Said},
    digits::{Gap, Window},
};

/// Whether a number is written as phones are.
pub(super) fn is_written(window: &Window, around: &Around) -> bool {
    if window.plus {
        return is_international(window.digits);
    }
    if is_date(window) || around.priced {
        return false;
    }
    if window.digits.starts_with(b"00") && window.is_first() && window.digits.len() >= 11 {
        return around.said != Said::Other && is_international(&window.digits[2..]);
    }
    if window.groups.len() == 1 {
        return around.said != Said::Other && is_bare(window.digits);
    }
    if window.gap(1) == Gap::Wide {
        return false;
    }
    let home =
        is_brazilian(window) || is_american(window) || is_iberian(window) || is_trunk(window);
    (home && !(around.said == Said::Other && unmarked(window))) || is_bracketed_country(window)
}

/// Whether a number may be a phone because the words before it say so.
pub(super) fn is_told(window: &Window, around: &Around) -> bool {
    let joined = (1..window.groups.len()).all(|at| window.gap(at) != Gap::Wide);
    around.said == Said::Phone
        && !around.priced
        && (7..=13).contains(&window.digits.len())
        && joined
        && !is_date(window)
}

/// Whether there is nothing but spaces between the groups.
fn unmarked(window: &Window) -> bool {
    !window.groups[0].opened && (1..window.groups.len()).all(|at| window.gap(at) == Gap::Space)
}

/// Phones of Brazil, Portugal and Britain at one stretch, by their length and beginning.
fn is_bare(digits: &[u8]) -> bool {
    match digits.len() {
        9 => digits[0] == b'9' && matches!(digits[1], b'1' | b'2' | b'3' | b'6'),
        11 => is_mobile_of_brazil(digits) || (digits[0] == b'0' && digits[1] != b'0'),
        12 => digits[0] == b'0' && is_mobile_of_brazil(&digits[1..]),
        13 => digits.starts_with(b"55") && is_mobile_of_brazil(&digits[2..]),
        _ => false,
    }
}

fn is_mobile_of_brazil(digits: &[u8]) -> bool {
    digits.len() == 11 && is_area_of_brazil(digits) && digits[2] == b'9'
}

fn is_area_of_brazil(digits: &[u8]) -> bool {
    digits[0] != b'0' && digits[1] != b'0'
}

/// A country's code and what follows it, all digits.
fn is_international(digits: &[u8]) -> bool {
    if !(8..=16).contains(&digits.len()) {
        return false;
    }
    let rest = |count: usize| {
        let rest = &digits[count..];
        // The zero for calls from within, which many leave in: +44 (0)20 …
        rest.strip_prefix(b"0").unwrap_or(rest)
    };
    match (digits[0], digits[1]) {
        (b'1', _) => digits.len() == 11 && is_area_of_america(&digits[1..]),
        (b'7', _) => digits.len() == 11,
        (b'5', b'5') => (10..=11).contains(&rest(2).len()) && is_area_of_brazil(rest(2)),
        (b'3', b'4') => digits.len() == 11 && digits[2] >= b'5',
        (b'4', b'4') => (9..=10).contains(&rest(2).len()),
        (b'4', b'9') => (6..=13).contains(&rest(2).len()),
        (b'3', b'5') if digits[2] == b'1' => digits.len() == 12,
        (b'2', b'0' | b'7')
        | (b'3', b'0'..=b'3' | b'6' | b'9')
        | (b'4', b'0' | b'1' | b'3'..=b'8')
        | (b'5', b'1'..=b'8')
        | (b'6', b'0'..=b'6')
        | (b'8', b'1' | b'2' | b'4' | b'6')
        | (b'9', b'0'..=b'5' | b'8') => (7..=13).contains(&(digits.len() - 2)),
        (b'2' | b'3' | b'4' | b'5' | b'6' | b'8' | b'9', _) => {
            (6..=12).contains(&(digits.len() - 3))
        }
        _ => false,
    }
}

/// A country in brackets without its plus: `(351) 964 338 274`.
fn is_bracketed_country(window: &Window) -> bool {
    let country = window.groups[0].opened && window.gap(1) == Gap::Bracket;
    country
        && matches!(window.lengths()[0], 2 | 3)
        && is_international(window.digits)
        && window.digits.len() >= 11
}

fn is_brazilian(window: &Window) -> bool {
    let digits = window.digits;
    let marked = window.groups[0].opened || !unmarked(window);
    match window.lengths() {
        [2, 5, 4, 0, ..] => is_area_of_brazil(digits) && (digits[2] == b'9' || marked),
        [2, 4, 4, 0, ..] => is_area_of_brazil(digits) && marked && !are_years(&digits[2..]),
        [2, 1, 4, 4, 0, ..] => is_area_of_brazil(digits) && digits[2] == b'9',
        [2, 9, 0, ..] => is_mobile_of_brazil(digits),
        [2, 8, 0, ..] => is_area_of_brazil(digits) && window.groups[0].opened,
        [3, 5, 4, 0, ..] => {
            digits[0] == b'0' && is_area_of_brazil(&digits[1..]) && digits[3] == b'9'
        }
        [3, 4, 4, 0, ..] => digits[0] == b'0' && is_area_of_brazil(&digits[1..]) && marked,
        [5, 4, 0, ..] => digits[0] == b'9' && window.gap(1) == Gap::Dash,
        [4, 4, 0, ..] => {
            window.gap(1) == Gap::Dash && matches!(digits[0], b'2'..=b'5') && !is_year(digits)
        }
        [4, 3, 4, 0, ..] | [4, 7, 0, ..] => matches!(&digits[..4], b"0800" | b"0300" | b"0900"),
        [2, 2, 5, 4, 0, ..] => digits.starts_with(b"55") && is_mobile_of_brazil(&digits[2..]),
        _ => false,
    }
}

fn is_year(digits: &[u8]) -> bool {
    digits.starts_with(b"19") || digits.starts_with(b"20")
}

fn are_years(digits: &[u8]) -> bool {
    digits.len() == 8 && is_year(digits) && is_year(&digits[4..])
}

fn is_american(window: &Window) -> bool {
    let digits = window.digits;
    match window.lengths() {
        [3, 3, 4, 0, ..] => is_area_of_america(digits),
        [1, 3, 3, 4, 0, ..] => digits[0] == b'1' && is_area_of_america(&digits[1..]),
        [3, 7, 0, ..] => window.groups[0].opened && is_area_of_america(digits),
        _ => false,
    }
}

/// Ten digits of which neither the area nor the exchange begins with 0 or 1.
fn is_area_of_america(digits: &[u8]) -> bool {
    digits.len() == 10 && digits[0] >= b'2' && digits[3] >= b'2'
}

/// Nine digits in the groups of Portugal and Spain. With dots they are an amount.
fn is_iberian(window: &Window) -> bool {
    let shaped = matches!(
        window.lengths(),
        [3, 3, 3, 0, ..]
            | [2, 3, 2, 2, 0, ..]
            | [3, 2, 2, 2, 0, ..]
            | [2, 3, 4, 0, ..]
            | [3, 6, 0, ..]
    );
    let dotted =
        (1..window.groups.len()).any(|at| window.gap(at).is_tight() && window.gap(at) != Gap::Dash);
    shaped
        && !dotted
        && matches!(window.digits[0], b'2' | b'6'..=b'9')
        && !window.digits.ends_with(b"000000")
        && window.digits.len() == 9
}

/// A zero, an area and a number, as Britain, Germany, France and others write within.
fn is_trunk(window: &Window) -> bool {
    let digits = window.digits;
    let area = if window.groups[0].opened { 3..=6 } else { 2..=5 };
    let dots = (1..window.groups.len()).all(|at| window.gap(at) == Gap::Dot);
    // The rest of a longer number begins with a zero as well.
    let begins = window.is_first() || window.gap(0) != Gap::Space;
    begins
        && digits[0] == b'0'
        && digits[1] != b'0'
        && (9..=12).contains(&digits.len())
        && area.contains(&window.groups[0].length())
        && window.groups[1..].iter().all(|group| group.length() >= 2)
        && (!dots || window.groups.len() >= 4)
}

/// Days, with or without the time behind them.
fn is_date(window: &Window) -> bool {
    let count = window.groups.len();
    if count < 3 || window.gap(1) != window.gap(2) {
        return false;
    }
    matches!(window.lengths(), [4, 1..=2, 1..=2, ..] | [1..=2, 1..=2, 4, ..] | [2, 2, 2, 0, ..])
        && !window.groups[0].opened
        && (window.gap(1).is_tight() || count == 3)
}
