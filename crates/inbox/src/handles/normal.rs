//! Handles as they are compared.

use super::HandleKind;

const LONGEST: usize = 300;

/// The form in which two handles of one kind are the same; nothing where a value cannot be one.
pub(super) fn key(kind: HandleKind, value: &str) -> Option<String> {
    let value = value.trim();
    if value.is_empty() || value.len() > LONGEST {
        return None;
    }
    match kind {
        HandleKind::Phone | HandleKind::WhatsApp => number(value),
        HandleKind::Email => address(value),
        HandleKind::WhatsAppScoped
        | HandleKind::Messenger
        | HandleKind::Instagram
        | HandleKind::Telegram
        | HandleKind::Website
        | HandleKind::External => Some(value.to_owned()),
    }
}

/// The digits of a number with its country; numbers of mobile phones in Brazil with their ninth digit.
fn number(value: &str) -> Option<String> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    if !(7..=15).contains(&digits.len()) {
        return None;
    }
    Some(with_ninth(digits).unwrap_or_else(|| digits.to_owned()))
}

/// `55 11 8765-4321` as it is since 2016: `55 11 98765-4321`.
fn with_ninth(digits: &str) -> Option<String> {
    let rest = digits.strip_prefix("55").filter(|rest| rest.len() == 10)?;
    let (area, own) = rest.split_at_checked(2)?;
    matches!(own.as_bytes().first(), Some(b'6'..=b'9')).then(|| format!("55{area}9{own}"))
}

/// An address without what mail servers pass over: case, tags, and dots at Google.
fn address(value: &str) -> Option<String> {
    let (local, domain) = value.rsplit_once('@')?;
    let (local, domain) = (local.to_lowercase(), domain.trim_end_matches('.').to_lowercase());
    let local = local.split('+').next().unwrap_or_default();
    if local.is_empty() || !domain.contains('.') {
        return None;
    }
    match domain.as_str() {
        "gmail.com" | "googlemail.com" => {
            let local = local.replace('.', "");
            (!local.is_empty()).then(|| format!("{local}@gmail.com"))
        }
        _ => Some(format!("{local}@{domain}")),
    }
}

/// Whether an address is one of the world's, and none of one machine.
pub(crate) fn is_address(text: &str) -> bool {
    let plain = |sign: char| {
        !sign.is_whitespace() && !sign.is_control() && !r#"<>(),;:"\[]"#.contains(sign)
    };
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        let labels = || domain.split('.');
        (1..=64).contains(&local.len())
            && !local.contains('@')
            && local.chars().all(plain)
            && labels().count() > 1
            && labels().all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|sign| sign.is_alphanumeric() || sign == '-')
            })
    })
}

/// How a number may stand at a contact, by its digits alone: with and without country and ninth digit.
pub(super) fn spellings(value: &str) -> Vec<String> {
    let Some(full) = number(value) else { return Vec::new() };
    let mut all = vec![full.clone()];
    if let Some(rest) = full.strip_prefix("55").filter(|rest| rest.len() == 11) {
        let (area, own) = rest.split_at(2);
        let old = own.strip_prefix('9').map(|own| format!("{area}{own}"));
        all.push(rest.to_owned());
        all.extend(old.iter().map(|old| format!("55{old}")));
        all.extend(old);
    } else if let Some(national) = national(&full) {
        all.push(national);
    }
    all
}

/// The number without its country, as people at home write it.
fn national(digits: &str) -> Option<String> {
    let parsed = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let national = parsed.national().value().to_string();
    (national.len() >= 7).then_some(national)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_brazil_have_nine_digits() {
        let full = "5511987654321";
        for given in ["+55 11 98765-4321", "551187654321", "55 (11) 8765-4321"] {
            assert_eq!(key(HandleKind::WhatsApp, given).as_deref(), Some(full), "{given}");
        }
        // A landline has none.
        assert_eq!(key(HandleKind::Phone, "+55 11 3765-4321").as_deref(), Some("551137654321"));
        assert!(spellings("5511987654321").contains(&"1187654321".to_owned()));
        assert!(spellings("+44 20 7946 0958").contains(&"2079460958".to_owned()));
        assert_eq!(key(HandleKind::Phone, "12"), None);
    }

    #[test]
    fn addresses_lose_their_tags() {
        let same = key(HandleKind::Email, "Ana.Silva+shop@GMAIL.com");
        assert_eq!(same.as_deref(), Some("anasilva@gmail.com"));
        let other = key(HandleKind::Email, "Ana.Silva+shop@Example.org");
        assert_eq!(other.as_deref(), Some("ana.silva@example.org"));
        assert_eq!(key(HandleKind::Email, "nobody"), None);
    }
}
