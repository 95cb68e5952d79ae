//! Personal data made unreadable for good, for logs and previews.

use super::{Finding, Kind, Kinds, find};

/// `text` with personal data hidden: `a***@example.com`, `[REDACTED]` for phones and addresses, `***.***.***-25`,
/// `**.***/****-**`, `****-****-****-1111`, `DE** **** 3000`.
pub fn redact(text: &str, kinds: Kinds) -> String {
    let (mut hidden, mut copied) = (String::with_capacity(text.len()), 0);
    for Finding { kind, start, end } in find(text, kinds) {
        hidden.push_str(&text[copied..start]);
        hide(kind, &text[start..end], &mut hidden);
        copied = end;
    }
    hidden.push_str(&text[copied..]);
    hidden
}

fn hide(kind: Kind, value: &str, to: &mut String) {
    match kind {
        Kind::Email => hide_email(value, to),
        Kind::Phone | Kind::Ip => to.push_str("[REDACTED]"),
        Kind::Cpf => to.extend(["***.***.***-", last(value, 2)]),
        Kind::Cnpj => to.push_str("**.***/****-**"),
        Kind::Card => {
            to.push_str("****-****-****-");
            to.extend(digits_at_end(value, 4));
        }
        Kind::Iban => {
            to.extend([&value[..2], "** **** ", last(value, 4).trim_start_matches([' ', '-'])]);
        }
    }
}

fn hide_email(value: &str, to: &mut String) {
    let sign = if value.contains('@') { "@" } else { "%40" };
    let (local, domain) = value.split_once(sign).unwrap_or((value, ""));
    to.extend(local.chars().next());
    to.extend(["***", sign, domain]);
}

fn last(value: &str, count: usize) -> &str {
    value.get(value.len().saturating_sub(count)..).unwrap_or_default()
}

/// The last digits, without what stands between them.
fn digits_at_end(value: &str, count: usize) -> Vec<char> {
    let digits: Vec<char> = value.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(count)..].to_vec()
}
