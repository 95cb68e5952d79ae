//! What a mail says, apart from what it repeats of those before it and from the signature below.
//!
//! Only what stands at the end is taken off: answers between quoted lines stay where they are. What is forwarded is meant to
//! be read, and stays. Where nothing would be left, everything is.

/// A mail's text in its pieces.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) said: String,
    pub(super) quoted: Option<String>,
    pub(super) signature: Option<String>,
}

/// Lines of a signature, at most.
const LONGEST_SIGNATURE: usize = 12;
/// Letters of what says who wrote when.
const LONGEST_ATTRIBUTION: usize = 300;
/// Lines over which it may run.
const MOST_LINES: usize = 3;
/// Lines that are looked at for the other fields of a head.
const HEAD: usize = 8;

const ORIGINAL: [&str; 8] = [
    "original message",
    "original appointment",
    "ursprüngliche nachricht",
    "mensagem original",
    "mensaje original",
    "message d'origine",
    "messaggio originale",
    "oorspronkelijk bericht",
];
const FORWARDED: [&str; 8] = [
    "forwarded message",
    "begin forwarded message",
    "weitergeleitete nachricht",
    "mensagem encaminhada",
    "mensaje reenviado",
    "message transféré",
    "messaggio inoltrato",
    "doorgestuurd bericht",
];
const FORWARDING: [&str; 8] = ["fwd:", "fw:", "wg:", "enc:", "rv:", "tr:", "i:", "doorst:"];
const WROTE: [&str; 8] = [
    " wrote",
    " schrieb",
    " escreveu",
    " escribió",
    " a écrit",
    " ha scritto",
    " schreef",
    " skrev",
];
const BEGINS: [&str; 9] = ["on ", "am ", "em ", "el ", "le ", "il ", "op ", "den ", "a "];
const FROM: [&str; 5] = ["from", "von", "de", "da", "van"];
const OTHERS: [&str; 26] = [
    "sent",
    "date",
    "to",
    "cc",
    "subject",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "enviado",
    "enviada",
    "enviado em",
    "enviada em",
    "data",
    "para",
    "assunto",
    "fecha",
    "asunto",
    "envoyé",
    "à",
    "objet",
    "inviato",
    "a",
    "oggetto",
    "aan",
    "onderwerp",
];
const SENT_FROM: [&str; 7] = [
    "sent from my ",
    "sent from outlook",
    "get outlook for ",
    "enviado do meu ",
    "enviado desde mi ",
    "von meinem ",
    "gesendet mit ",
];

/// Whether a subject says that the mail passes on another.
pub(super) fn is_forward(subject: &str) -> bool {
    let subject = subject.trim_start().to_lowercase();
    FORWARDING.iter().any(|begin| subject.starts_with(begin))
}

/// The pieces of a text; of what is forwarded, nothing is taken off but the signature.
pub(super) fn split(text: &str, is_forward: bool) -> Split {
    let lines: Vec<&str> = text.lines().collect();
    let end = if is_forward { lines.len() } else { history(&lines) };
    let (own, quoted) = lines.split_at(end);
    let begins = if is_forward { own.len() } else { signature(own) };
    let (said, signature) = own.split_at(begins);
    let joined = |lines: &[&str]| lines.join("\n").trim_end().trim_start_matches('\n').to_owned();
    let some = |lines: &[&str]| Some(joined(lines)).filter(|text| !text.trim().is_empty());
    let said = joined(said);
    if said.trim().is_empty() {
        return Split { said: joined(&lines), ..Split::default() };
    }
    Split { said, quoted: some(quoted), signature: some(signature) }
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// The line at which begins what is only repeated.
fn history(lines: &[&str]) -> usize {
    // From there on nothing but quotes and blank lines.
    let is_behind = |line: &&str| is_quoted(line) || line.trim().is_empty();
    let own = lines.iter().rposition(|line| !is_behind(line)).map_or(0, |last| last + 1);
    let quotes = lines[own..].iter().position(|line| is_quoted(line)).map(|at| own + at);
    let has_quotes = lines.iter().any(|line| is_quoted(line));
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim();
        let name = line.trim_matches(['-', '_', '*', ':', ' ']).to_lowercase();
        if line.len() < 100 && FORWARDED.contains(&name.as_str()) {
            return lines.len();
        }
        let is_ruled = line.starts_with("--") && line.ends_with("--");
        if quotes == Some(at) || is_ruled && ORIGINAL.contains(&name.as_str()) {
            return at;
        }
        if is_head(lines, at) {
            return rule_above(lines, at).unwrap_or(at);
        }
        if let Some(behind) = attribution(lines, at) {
            let next = lines[behind..].iter().position(|line| !line.trim().is_empty());
            let are_next = quotes.is_some() && next.map(|next| behind + next) == quotes;
            if are_next || !has_quotes && says_wrote(lines, at, behind) {
                return at;
            }
        }
    }
    lines.len()
}

/// The line drawn above a head, which belongs to it.
fn rule_above(lines: &[&str], at: usize) -> Option<usize> {
    let above = lines[..at].iter().rposition(|line| !line.trim().is_empty())?;
    let line = lines[above].trim();
    let is_rule = line.len() >= 10 && line.chars().all(|sign| matches!(sign, '_' | '-'));
    is_rule.then_some(above)
}

/// Who wrote when, over one line or a few; the line behind it.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let mut joined = String::new();
    for behind in at + 1..=(at + MOST_LINES).min(lines.len()) {
        let line = lines[behind - 1].trim();
        if line.is_empty() || is_quoted(line) || joined.len() + line.len() > LONGEST_ATTRIBUTION {
            return None;
        }
        joined.push(' ');
        joined.push_str(line);
        if joined.ends_with(':') {
            let has_digit = joined.chars().any(|sign| sign.is_ascii_digit());
            let is_one = has_digit && (joined.contains('@') || wrote(&joined));
            return is_one.then_some(behind);
        }
    }
    None
}

fn wrote(joined: &str) -> bool {
    let folded = joined.trim().to_lowercase();
    BEGINS.iter().any(|begin| folded.starts_with(begin))
        && WROTE.iter().any(|word| folded.contains(word))
}

fn says_wrote(lines: &[&str], at: usize, behind: usize) -> bool {
    let joined: Vec<&str> = lines[at..behind].iter().map(|line| line.trim()).collect();
    wrote(&joined.join(" "))
}

/// The name of a field in front of a colon, without the stars of what was bold.
fn field(line: &str) -> Option<String> {
    let (name, value) = line.trim().trim_start_matches('*').split_once(':')?;
    let name = name.trim_matches(['*', ' ', '\u{a0}']);
    (name.len() <= 20 && !value.trim_matches(['*', ' ']).is_empty()).then(|| name.to_lowercase())
}

/// Whether a head of a mail begins there, as Outlook writes them: from whom, and at least two more fields.
fn is_head(lines: &[&str], at: usize) -> bool {
    if !field(lines[at]).is_some_and(|name| FROM.contains(&name.as_str())) {
        return false;
    }
    let rest = lines[at + 1..].iter().take(HEAD).filter(|line| !line.trim().is_empty());
    let is_field = |line: &&&str| field(line).is_some_and(|name| OTHERS.contains(&name.as_str()));
    rest.take(4).filter(is_field).count() >= 2
}

/// The line at which a signature begins.
fn signature(lines: &[&str]) -> usize {
    let is_rule = |line: &&str| matches!(*line, "--" | "-- ");
    if let Some(at) = lines.iter().rposition(is_rule) {
        let below = lines[at + 1..].iter().filter(|line| !line.trim().is_empty()).count();
        if below <= LONGEST_SIGNATURE {
            return at;
        }
    }
    let last = lines.iter().rposition(|line| !line.trim().is_empty());
    let is_device = |at: &usize| {
        let line = lines[*at].trim().to_lowercase();
        line.len() <= 80 && SENT_FROM.iter().any(|begin| line.starts_with(begin))
    };
    last.filter(is_device).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        split(text, false).said
    }

    #[test]
    fn what_is_repeated_below_is_taken_off() {
        for below in [
            "On Sat, 21 Nov 2026 at 09:00, Shop <help@shop.example> wrote:\n> Hello\n>\n> Bye",
            "On Sat, 21 Nov 2026 at 09:00, A Very Long Name Of A Shop\n<help@shop.example> wrote:\n\n> Hello",
            "Am Sa., 21. Nov. 2026 um 09:00 Uhr schrieb Shop <help@shop.example>:\n\n> Hallo",
            "Em sáb., 21 de nov. de 2026 às 09:00, Loja <help@shop.example>\nescreveu:\n\n> Olá",
            "2026-11-21 9:00 GMT-03:00 Shop <help@shop.example>:\n> Hello",
            "-----Original Message-----\nFrom: Shop\nHello",
            "________________________________\nFrom: Shop <help@shop.example>\nSent: Saturday\nTo: Ana\nSubject: Lamps\n\nHello",
            "*De:* Loja\n*Enviada em:* sábado\n*Para:* Ana\n*Assunto:* Luz\n\nOlá",
            "> Hello\n> Bye\n",
            "On Sat, 21 Nov 2026 at 09:00, Shop wrote:\nHello without any sign of a quote",
        ] {
            let whole = format!("Yes, please.\n\nAna\n\n{below}");
            let pieces = split(&whole, false);
            assert_eq!(pieces.said, "Yes, please.\n\nAna", "{below}");
            assert_eq!(pieces.quoted.as_deref(), Some(below.trim_end()), "{below}");
        }
    }

    #[test]
    fn what_is_said_stays() {
        for whole in [
            // Between the lines.
            "On Sat, 21 Nov 2026 at 09:00, Shop <help@shop.example> wrote:\n> When?\nOn Monday.\n> Where?\nAt home.",
            // Below, as some write.
            "> When?\n\nOn Monday.",
            "---------- Forwarded message ---------\nFrom: Bob <b@x.example>\nDate: Sat\nSubject: Hi\nTo: Ana\n\nHello",
            "See below.\n\nBegin forwarded message:\n\nFrom: Bob\nDate: Sat\nTo: Ana\n\nOn 21 Nov 2026, X wrote:\n> Hello",
            "From: here to there\nit is far",
            "On Monday at 9 I wrote:\nit is blue.\n> and not red\nRight?",
            "Two things:\n1: a\n2: b",
            "> only a quote",
            "--",
            "",
        ] {
            assert_eq!(said(whole), whole, "{whole}");
        }
        let passed = "Look.\n\nFrom: Bob\nSent: Sat\nTo: Ana\nSubject: Hi\n\nHello";
        assert!(is_forward("FW: Hi") && !is_forward("Re: Hi"));
        assert_eq!(split(passed, true).said, passed);
    }

    #[test]
    fn signatures_are_taken_off() {
        let pieces = split("Hello\n\n-- \nAna Prado\n+351 21 555 0101", false);
        assert_eq!(pieces.said, "Hello");
        assert_eq!(pieces.signature.as_deref(), Some("-- \nAna Prado\n+351 21 555 0101"));
        assert_eq!(said("Hello\n\nSent from my iPhone"), "Hello");
        let list = format!("Hello\n--\n{}", "more\n".repeat(20).trim_end());
        assert_eq!(said(&list), list);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            lines in proptest::collection::vec(
                "(> ?|On 1 |From: |To: |Sent: |-- ?|)[a-z@:é ]{0,12}( wrote:)?", 0..20
            ),
        ) {
            let text = lines.join("\n");
            let pieces = split(&text, false);
            let mut all = pieces.said;
            for more in [pieces.signature, pieces.quoted].into_iter().flatten() {
                all.push('\n');
                all.push_str(&more);
            }
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&all), words(&text));
        }
    }
}
