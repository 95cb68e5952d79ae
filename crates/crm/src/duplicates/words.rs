//! Normalisation: names, companies, e-mail, telephones and web addresses as they are compared.

use kith_kernel::text::{each_word, fold};
use phonenumber::{Mode, country};

use super::nicknames;

/// What stands between the parts of a name and says nothing.
const PARTICLES: [&str; 22] = [
    "da", "de", "di", "do", "das", "dos", "du", "del", "della", "e", "la", "le", "van", "von",
    "der", "den", "mr", "mrs", "ms", "dr", "dra", "sr",
];

/// Legal forms, and the like at the end of a company's name; folded, without dots.
const SUFFIXES: [&str; 48] = [
    "ltda",
    "limitada",
    "sa",
    "me",
    "mei",
    "epp",
    "eireli",
    "ei",
    "slu",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "llc",
    "llp",
    "lp",
    "plc",
    "ltd",
    "limited",
    "pty",
    "gmbh",
    "mbh",
    "ag",
    "kg",
    "kgaa",
    "ohg",
    "ug",
    "ev",
    "bv",
    "nv",
    "ab",
    "as",
    "asa",
    "oy",
    "oyj",
    "aps",
    "spa",
    "srl",
    "sarl",
    "sas",
    "sl",
    "lda",
    "kft",
    "zrt",
    "sro",
    "spzoo",
];

/// Domains at which anybody has an address: they say nothing of a company.
const OPEN_DOMAINS: [&str; 20] = [
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "hotmail.com.br",
    "outlook.com",
    "outlook.com.br",
    "live.com",
    "msn.com",
    "yahoo.com",
    "yahoo.com.br",
    "ymail.com",
    "icloud.com",
    "me.com",
    "aol.com",
    "gmx.de",
    "gmx.net",
    "web.de",
    "uol.com.br",
    "bol.com.br",
    "terra.com.br",
];

/// The words of a text, folded.
pub(super) fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut found = Vec::new();
    each_word(&folded, |word| found.push(word.to_owned()));
    found
}

/// The parts of a person's name, each by the name that its nickname stands for.
pub(super) fn name(text: &str) -> Vec<String> {
    // O'Brien is one word, and so is Jean-Luc's first half.
    let text = text.replace(['\'', '’', '`'], "");
    let all = words(&text);
    let is_more = |word: &String| !PARTICLES.contains(&word.as_str());
    let kept: Vec<String> = all.iter().filter(|word| is_more(word)).cloned().collect();
    let kept = if kept.is_empty() { all } else { kept };
    kept.into_iter().map(|word| nicknames::full(&word).to_owned()).collect()
}

/// A company's name without its legal form.
pub(super) fn company(text: &str) -> Vec<String> {
    // "S.A." is one word, "S/A" as well.
    let mut all = words(&text.replace(['.', '/', '\''], "").replace('&', " and "));
    if all.len() > 1 && all[0] == "the" {
        all.remove(0);
    }
    while all.len() > 1 && all.last().is_some_and(|word| SUFFIXES.contains(&word.as_str())) {
        all.pop();
    }
    all
}

/// An e-mail address; dots and tags of Google's mean nothing.
pub(super) fn email(text: &str) -> String {
    // Folding can leave a space of a lone accent.
    let folded = fold(text);
    let folded = folded.trim();
    let Some((local, domain)) = folded.rsplit_once('@') else { return folded.to_owned() };
    let local = local.split('+').next().unwrap_or(local);
    if matches!(domain, "gmail.com" | "googlemail.com") {
        return format!("{}@gmail.com", local.replace('.', ""));
    }
    format!("{local}@{domain}")
}

/// The domain of an address that only one company has.
pub(super) fn own_domain(email: &str) -> Option<&str> {
    let (_, domain) = email.rsplit_once('@')?;
    (!domain.is_empty() && !OPEN_DOMAINS.contains(&domain)).then_some(domain)
}

/// The host of a web address, without `www`.
pub(super) fn website(text: &str) -> String {
    let folded = fold(text.trim());
    let rest = folded.split_once("://").map_or(&*folded, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host).trim_end_matches('.').to_owned()
}

/// The digits of a telephone number, behind a `+` where it names its country.
pub(super) fn phone(text: &str) -> String {
    let is_whole = text.trim_start().starts_with('+');
    let digits: String = text.chars().filter(char::is_ascii_digit).take(20).collect();
    match digits.strip_prefix("00") {
        Some(rest) if rest.len() > 7 => format!("+{rest}"),
        _ if is_whole => format!("+{digits}"),
        _ => digits,
    }
}

/// The end of a number, which is the same however much of the front is given.
pub(super) fn phone_end(phone: &str) -> Option<&str> {
    let digits = phone.trim_start_matches('+');
    (digits.len() >= 7).then(|| &digits[digits.len().saturating_sub(8)..])
}

/// Whether two numbers are one, where those without a country are of this one.
pub(super) fn same_phone(a: &str, b: &str, home: country::Id) -> bool {
    if a.is_empty() || b.is_empty() || phone_end(a) != phone_end(b) || phone_end(a).is_none() {
        return false;
    }
    if a == b {
        return true;
    }
    let whole = |text| {
        let number = phonenumber::parse(Some(home), text).ok()?;
        Some(number.format().mode(Mode::E164).to_string())
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => a.trim_start_matches('+') == b.trim_start_matches('+'),
    }
}

/// What a word sounds like: its first sound and the groups of the next three consonants. Soundex, with the letters that
/// Portuguese, English and German write for one sound as one.
pub(super) fn sound(word: &str) -> String {
    if !word.is_ascii() {
        return word.chars().take(3).collect();
    }
    let word = word.replace("ph", "f").replace("th", "t").replace("ch", "x").replace("sh", "x");
    let mut letters = word.chars().filter(|letter| *letter != 'h' || word.len() < 2);
    let Some(first) = letters.next() else { return String::new() };
    let mut sound = String::from(match first {
        'c' | 'k' | 'q' => 'k',
        's' | 'z' => 's',
        'v' | 'w' => 'v',
        'i' | 'y' => 'i',
        'g' | 'j' => 'g',
        other => other,
    });
    let mut last = group(first);
    for letter in letters {
        let group = group(letter);
        if let Some(code) = group
            && Some(code) != last
        {
            sound.push(code);
        }
        last = group;
        if sound.len() == 4 {
            break;
        }
    }
    sound
}

const fn group(letter: char) -> Option<char> {
    Some(match letter {
        'b' | 'f' | 'p' | 'v' | 'w' => '1',
        'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => '2',
        'd' | 't' => '3',
        'l' => '4',
        'm' | 'n' => '5',
        'r' => '6',
        '0'..='9' => letter,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_particles_and_nicknames() {
        assert_eq!(name("Zé da Silva"), ["jose", "silva"]);
        assert_eq!(name("Bob O'Brien"), ["robert", "obrien"]);
        assert_eq!(name("Ms. MARÍA de los Ángeles"), ["maria", "los", "angeles"]);
        assert_eq!(name("da"), ["da"]);
    }

    #[test]
    fn companies_lose_their_legal_form() {
        for text in ["Padaria Boa Vista Ltda.", "padaria boa vista", "The Padaria Boa Vista S.A."] {
            assert_eq!(company(text), ["padaria", "boa", "vista"], "{text}");
        }
        assert_eq!(company("Müller & Söhne GmbH"), company("Muller and Sohne"));
        assert_eq!(company("SA"), ["sa"]);
    }

    #[test]
    fn addresses_are_brought_into_one_form() {
        assert_eq!(email(" Ana.Sousa+news@GMail.com "), "anasousa@gmail.com");
        assert_eq!(email("ana.sousa@acme.com"), "ana.sousa@acme.com");
        assert_eq!(own_domain("ana@acme.com"), Some("acme.com"));
        assert_eq!(own_domain("ana@gmail.com"), None);
        assert_eq!(website("https://WWW.Acme.com:8080/about?x"), "acme.com");
    }

    #[test]
    fn numbers_of_one_line_are_one_number() {
        let home = country::Id::BR;
        let same = |a: &str, b: &str| same_phone(&phone(a), &phone(b), home);
        assert!(same("+55 (11) 98765-4321", "11 98765 4321"));
        assert!(same("0055 11 98765-4321", "(011) 98765-4321"));
        assert!(!same("+55 11 98765-4321", "+55 21 98765-4321"));
        assert!(!same("+351 987 654 321", "+55 11 98765-4321"));
        assert!(!same("", ""));
        assert!(!same("190", "190"));
    }

    #[test]
    fn words_of_one_sound_have_one_code() {
        for (a, b) in
            [("sousa", "souza"), ("philip", "filip"), ("katia", "catia"), ("meyer", "meier")]
        {
            assert_eq!(sound(a), sound(b), "{a} {b}");
        }
        assert_ne!(sound("silva"), sound("santos"));
        assert_eq!(sound(""), "");
        assert_eq!(email("\u{b4}"), "");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}", other in "[+0-9() ]{0,40}") {
            name(&text);
            company(&text);
            website(&text);
            for word in words(&text) {
                prop_assert!(sound(&word).chars().count() <= 4);
            }
            let once = email(&text);
            prop_assert_eq!(email(&once).is_empty(), once.is_empty());
            let (a, b) = (phone(&text), phone(&other));
            prop_assert_eq!(same_phone(&a, &b, country::Id::BR), same_phone(&b, &a, country::Id::BR));
        }
    }
}
