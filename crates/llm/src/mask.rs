//! Personal data is found in texts, is taken out before they leave, and is put back into what returns.

mod context;
mod digits;
mod documents;
mod email;
mod hide;
mod iban;
mod network;
mod numbers;
mod phone;
#[cfg(test)]
mod tests;
mod token;
mod unmasking;
mod vault;

pub use hide::redact;
pub use unmasking::Unmasking;
pub use vault::{Masked, Vault};

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number, with or without its country.
    Phone,
    /// The number of a person in Brazil, whose check digits are right.
    Cpf,
    /// The number of a company in Brazil, whose check digits are right.
    Cnpj,
    /// The number of a payment card: a known beginning, and Luhn's digit is right.
    Card,
    /// The number of a bank account whose remainder by 97 is right.
    Iban,
    /// An address of the Internet Protocol, version 4 or 6.
    Ip,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Email, Self::Phone, Self::Cpf, Self::Cnpj, Self::Card, Self::Iban, Self::Ip];

    /// Its name in settings: lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Cpf => "cpf",
            Self::Cnpj => "cnpj",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Ip => "ip",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which kinds of personal data are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(0b111_1111);

    /// These, and one more.
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// These without one.
    pub const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    /// Whether it is one of them.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

/// A place in a text at which personal data stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The first byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

/// What is found in `text`, in order; no two overlap. Time and memory grow with its length alone.
pub fn find(text: &str, kinds: Kinds) -> Vec<Finding> {
    if kinds.is_empty() {
        return Vec::new();
    }
    // All kinds are looked for, else a card that may stay would be taken for a phone.
    let mut found = Vec::new();
    email::find(text, &mut found);
    network::find_v6(text, &mut found);
    iban::find(text, &mut found);
    found.sort_unstable_by_key(|finding| finding.start);
    found.dedup_by(|later, earlier| later.start < earlier.end);
    numbers::find(text, &mut found);
    found.sort_unstable_by_key(|finding| finding.start);
    found.retain(|finding| kinds.has(finding.kind));
    found
}

/// Where the next byte stands of which `is` holds. Most bytes are passed over many at a time, which the processor
/// compares at once.
fn next(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    const AT_ONCE: usize = 32;
    let (mut at, mut rest) = (from, bytes.get(from..)?);
    while let Some((chunk, behind)) = rest.split_first_chunk::<AT_ONCE>() {
        if chunk.iter().fold(false, |any, byte| any | is(*byte)) {
            break;
        }
        (at, rest) = (at + AT_ONCE, behind);
    }
    rest.iter().position(|byte| is(*byte)).map(|place| at + place)
}

/// The character that ends before `at`.
fn before(text: &str, at: usize) -> Option<char> {
    let byte = *text.as_bytes().get(at.checked_sub(1)?)?;
    if byte.is_ascii() { Some(char::from(byte)) } else { text[..at].chars().next_back() }
}

/// The character that begins at `at`.
fn behind(text: &str, at: usize) -> Option<char> {
    let byte = *text.as_bytes().get(at)?;
    if byte.is_ascii() { Some(char::from(byte)) } else { text[at..].chars().next() }
}

fn is_word(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}
