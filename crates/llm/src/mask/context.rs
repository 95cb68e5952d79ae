//! What the words around a number say of it.

/// How many bytes before a number are read for what it is called.
const BACK: usize = 40;

/// How many words before a number are asked.
const WORDS: usize = 4;

/// Beginnings of words that announce a phone.
const PHONE: [&str; 37] = [
    "tel",
    "tlf",
    "tfno",
    "phone",
    "fone",
    "celular",
    "cel",
    "cell",
    "mobile",
    "mobil",
    "móvil",
    "movil",
    "handy",
    "whats",
    "wpp",
    "zap",
    "call",
    "ring",
    "dial",
    "ligar",
    "ligue",
    "liga",
    "ligu",
    "llama",
    "llame",
    "llám",
    "fax",
    "sms",
    "rufnummer",
    "anruf",
    "ruf",
    "contactable",
    "discar",
    "disque",
    "marque",
    "signal",
    "viber",
];

/// Beginnings of words that announce a number of another kind.
const OTHER: [&str; 71] = [
    "order",
    "pedido",
    "invoice",
    "fatura",
    "factura",
    "nota",
    "id",
    "protocol",
    "ticket",
    "chamado",
    "ref",
    "sku",
    "ean",
    "isbn",
    "issn",
    "gtin",
    "lote",
    "lot",
    "batch",
    "serial",
    "séri",
    "seri",
    "tracking",
    "rastre",
    "nif",
    "código",
    "codigo",
    "code",
    "nº",
    "account",
    "conta",
    "cuenta",
    "processo",
    "version",
    "versão",
    "versión",
    "build",
    "timestamp",
    "matrícula",
    "matricula",
    "case",
    "caso",
    "contract",
    "contrato",
    "rg",
    "cep",
    "zip",
    "po",
    "cnh",
    "pis",
    "nsu",
    "boleto",
    "agência",
    "imei",
    "ncm",
    "expediente",
    "albarán",
    "bestellnummer",
    "rechnung",
    "kunden",
    "auftrag",
    "total",
    "valor",
    "price",
    "amount",
    "preço",
    "contribuinte",
    "vat",
    "dni",
    "nie",
    "cif",
];

/// Whole words that only look like the beginnings above.
const NEITHER: [&str; 9] =
    ["idea", "port", "porto", "policy", "portal", "possible", "ideal", "seriously", "contact"];

/// What follows a number that counts something.
const COUNTED: [&str; 31] = [
    "€", "$", "£", "¥", "%", "r$", "us$", "eur", "usd", "brl", "gbp", "reais", "real", "euro",
    "dólar", "dolar", "dollar", "pound", "libra", "pesos", "user", "unit", "unid", "km", "kg",
    "view", "visita", "people", "pessoas", "personas", "habit",
];

/// What is said of a number by the words before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Phone,
    Other,
    Nothing,
}

/// The surroundings of a number.
pub(super) struct Around {
    /// What it is called.
    pub(super) said: Said,
    /// Whether the sign of a currency stands before it.
    pub(super) priced: bool,
}

impl Around {
    pub(super) fn new(text: &str, start: usize) -> Self {
        if is_link_to_phone(text, start) {
            return Self { said: Said::Phone, priced: false };
        }
        let before = back(text, start);
        Self { said: said(before), priced: is_priced(before) }
    }
}

/// The text before a number, up to the number before that.
fn back(text: &str, start: usize) -> &str {
    let mut from = start.saturating_sub(BACK);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = &text[from..start];
    before.rfind(|letter: char| letter.is_ascii_digit()).map_or(before, |at| &before[at + 1..])
}

fn said(before: &str) -> Said {
    let lower = before.to_lowercase();
    let words = lower.rsplit(|letter: char| !letter.is_alphabetic() && letter != 'º');
    for word in words.filter(|word| !word.is_empty()).take(WORDS) {
        let any = |stems: &[&str]| stems.iter().any(|stem| begins(word, stem));
        if NEITHER.contains(&word) {
            continue;
        }
        if any(&PHONE) {
            return Said::Phone;
        }
        if any(&OTHER) {
            return Said::Other;
        }
    }
    Said::Nothing
}

/// Short stems are whole words, or their plural.
fn begins(word: &str, stem: &str) -> bool {
    match word.strip_prefix(stem) {
        Some(rest) => {
            stem.len() > 3 || rest.is_empty() || rest == "s" || (stem == "tel" && rest.len() < 8)
        }
        None => false,
    }
}

fn is_priced(before: &str) -> bool {
    let before = before.trim_end();
    before.ends_with(['$', '€', '£', '¥'])
        || ["EUR", "USD", "BRL", "GBP"].iter().any(|code| before.ends_with(code))
}

/// Whether a number that ends at `end` says how much or how many there is of something.
pub(super) fn counts_something(text: &str, end: usize) -> bool {
    let rest = text[end..].trim_start_matches([' ', '\u{a0}']);
    let word: String = rest.chars().take(8).flat_map(char::to_lowercase).collect();
    COUNTED.iter().any(|counted| word.starts_with(counted))
}

/// Whether an address of a page leads to the phone that begins at `start`.
pub(super) fn is_link_to_phone(text: &str, start: usize) -> bool {
    let before = &text.as_bytes()[start.saturating_sub(12)..start];
    [&b"wa.me/"[..], b"tel:", b"sms:", b"phone=", b"tel:+", b"/+"]
        .iter()
        .any(|end| before.ends_with(end))
}

/// Whether a version is announced.
pub(super) fn says_version(text: &str, start: usize) -> bool {
    let lower = back(text, start).to_lowercase();
    let mut words = lower.rsplit(|letter: char| !letter.is_alphabetic());
    let near = words.by_ref().filter(|word| !word.is_empty()).take(2);
    near.into_iter().any(|word| {
        matches!(
            word,
            "v" | "ver"
                | "version"
                | "versão"
                | "versao"
                | "versión"
                | "release"
                | "build"
                | "firmware"
                | "seção"
                | "section"
                | "sección"
                | "chapter"
                | "capítulo"
        )
    })
}

/// Whether an address of a computer is announced.
pub(super) fn says_address(text: &str, start: usize) -> bool {
    let lower = back(text, start).to_lowercase();
    let mut words = lower.split(|letter: char| !letter.is_alphanumeric());
    words.any(|word| matches!(word, "ip" | "ipv" | "dns" | "host" | "servidor" | "server" | "ping"))
}
