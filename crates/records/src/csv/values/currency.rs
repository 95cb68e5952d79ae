//! The signs and codes of currencies at either end of an amount.

/// ISO 4217 codes met in trade, without those that are English words (ALL, TOP, CUP, …).
const CODES: [&str; 58] = [
    "AED", "ARS", "AUD", "BGN", "BHD", "BOB", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CRC",
    "CZK", "DKK", "EGP", "EUR", "GBP", "GHS", "HKD", "HRK", "HUF", "IDR", "ILS", "INR", "ISK",
    "JOD", "JPY", "KES", "KRW", "KWD", "LKR", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "OMR",
    "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY",
    "TWD", "UAH", "USD", "UYU", "VND", "ZAR",
];

/// Whether a text is the code of a currency, in capitals.
pub(in super::super) fn is_code(text: &str) -> bool {
    CODES.binary_search(&text).is_ok()
}

/// The signs before or behind an amount of money.
pub(in super::super) fn is_currency_sign(character: char) -> bool {
    matches!(character, '$' | '¢' | '£' | '¤' | '¥' | '€' | '\u{20A0}'..='\u{20CF}')
}

/// The currency before an amount, and what follows: `€`, `R$`, `USD`.
pub(super) fn leading(text: &str) -> Option<(&str, &str)> {
    let letters = text.find(|character: char| !character.is_ascii_uppercase())?;
    let sign = text[letters..].chars().next().filter(|sign| is_currency_sign(*sign));
    let length = match sign {
        Some(sign) if letters <= 2 => letters + sign.len_utf8(),
        _ if is_code(&text[..letters]) => letters,
        _ => return None,
    };
    Some(text.split_at(length))
}

/// What stands before the currency behind an amount, and that currency.
pub(super) fn trailing(text: &str) -> Option<(&str, &str)> {
    let sign = text.chars().next_back().filter(|sign| is_currency_sign(*sign));
    let end = sign.map_or(text.len(), |sign| text.len() - sign.len_utf8());
    let letters = text[..end].trim_end_matches(|last: char| last.is_ascii_uppercase()).len();
    match sign {
        Some(_) if end - letters <= 2 => {}
        None if is_code(&text[letters..]) => {}
        _ => return None,
    }
    Some(text.split_at(letters))
}
