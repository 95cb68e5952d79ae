//! Words and sentences of a text, and phrases in it.

use kith_kernel::text::{each_word, fold};

/// The longest text that is read; engines do not look at what follows.
const LONGEST: usize = 16 * 1024;

/// The beginning of a text that engines read.
pub(super) fn bounded(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Folded words with one space before and behind each, so that a phrase between spaces is whole words.
pub(super) fn spaced(text: &str) -> String {
    let folded = fold(bounded(text));
    let mut spaced = String::with_capacity(folded.len() + 2);
    spaced.push(' ');
    each_word(&folded, |word| {
        spaced.push_str(word);
        spaced.push(' ');
    });
    spaced
}

/// Whether `spaced` has a phrase; one that ends in `*` is the beginning of words.
pub(super) fn has(spaced: &str, phrase: &str) -> bool {
    let (phrase, open) = phrase.strip_suffix('*').map_or((phrase, false), |stem| (stem, true));
    spaced.match_indices(phrase).any(|(at, _)| {
        let end = at + phrase.len();
        spaced.as_bytes().get(at.wrapping_sub(1)) == Some(&b' ')
            && (open || spaced.as_bytes().get(end) == Some(&b' '))
    })
}

/// Sentences, without the space around them.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let text = bounded(text);
    let (mut sentences, mut start) = (Vec::new(), 0);
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, letter)| *letter);
        let ends = match letter {
            '\n' => true,
            '.' | '!' | '?' | '…' => {
                next.is_none_or(char::is_whitespace) && !is_short(&text[start..at])
            }
            _ => false,
        };
        if ends {
            let end = at + letter.len_utf8();
            sentences.push(text[start..end].trim());
            start = end;
        }
    }
    sentences.push(text[start..].trim());
    sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    sentences
}

/// Whether what stands before a dot is cut short: `Mr.`, `Sra.`, `p.`
fn is_short(before: &str) -> bool {
    const SHORT: [&str; 12] =
        ["mr", "mrs", "ms", "dr", "sr", "sra", "dra", "srta", "inc", "ltd", "no", "prof"];
    let last = before.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    SHORT.contains(&last.to_lowercase().as_str())
        || (last.len() == 1 && last.chars().all(char::is_alphabetic))
}
