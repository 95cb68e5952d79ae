//! Cutting: blocks become chunks of about one size that end where the text does, a little of each again in the next.

use super::block::{Block, Form};

/// How texts are cut, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The largest chunk.
    pub(crate) size: usize,
    /// How much of the end of one stands at the beginning of the next.
    pub(crate) overlap: usize,
}

/// A piece of a document, as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) page: Option<u32>,
    /// The headings that it stands under, outermost first.
    pub(crate) heading: String,
    pub(crate) text: String,
    /// How many characters at its beginning stand at the end of the one before.
    pub(crate) overlap: usize,
}

/// Characters of all headings above a chunk.
const LONGEST_HEADING: usize = 300;

/// Cuts blocks into chunks.
pub(crate) fn cut(blocks: &[Block], cut: Cut) -> Vec<Chunk> {
    let mut cutter = Cutter { cut, done: Vec::new(), trail: Vec::new(), open: Open::default() };
    for block in blocks.iter().filter(|block| !block.text.trim().is_empty()) {
        match block.form {
            Form::Heading(level) => cutter.heading(level, block),
            Form::Row => cutter.row(block),
            Form::Paragraph => cutter.paragraph(block),
        }
    }
    cutter.close(false);
    cutter.done
}

/// The chunk that is being filled.
#[derive(Default)]
struct Open {
    text: String,
    characters: usize,
    overlap: usize,
    page: Option<u32>,
    heading: Option<String>,
}

struct Cutter {
    cut: Cut,
    done: Vec<Chunk>,
    trail: Vec<(u8, String)>,
    open: Open,
}

impl Cutter {
    fn heading(&mut self, level: u8, block: &Block) {
        // A section begins a chunk of its own, unless the one before it says next to nothing.
        if self.open.characters - self.open.overlap >= self.cut.size / 5 {
            self.close(false);
        }
        self.trail.retain(|(above, _)| *above < level);
        let text: String = block.text.trim().chars().take(120).collect();
        self.trail.push((level, text));
        if self.open.characters == 0 {
            self.open.heading = None;
        }
        self.paragraph(block);
    }

    fn row(&mut self, block: &Block) {
        let text = block.text.trim();
        let length = text.chars().count();
        if length > self.cut.size {
            return self.paragraph(block);
        }
        if self.open.characters + length + 1 > self.cut.size {
            self.close(false);
        }
        self.add(text, "\n", (block.page, length));
    }

    fn paragraph(&mut self, block: &Block) {
        let mut between = "\n\n";
        for piece in pieces(block.text.trim(), self.cut.size) {
            let length = piece.chars().count();
            if self.open.characters + length + between.len() > self.cut.size {
                self.close(true);
                // Where both do not fit, what is new goes before what was said.
                if self.open.characters + length + between.len() > self.cut.size {
                    self.open = Open::default();
                }
                between = " ";
            }
            self.add(piece, between, (block.page, length));
            between = " ";
        }
    }

    fn add(&mut self, text: &str, between: &str, (page, length): (Option<u32>, usize)) {
        if self.open.characters == self.open.overlap && self.open.heading.is_none() {
            self.open.heading = Some(self.trail());
        }
        if self.open.characters > 0 {
            self.open.text.push_str(between);
            self.open.characters += between.len();
            if self.open.characters == self.open.overlap + between.len() {
                self.open.overlap += between.len();
            }
        }
        self.open.page = self.open.page.or(page);
        self.open.text.push_str(text);
        self.open.characters += length;
    }

    fn trail(&self) -> String {
        let all: Vec<&str> = self.trail.iter().map(|(_, text)| text.as_str()).collect();
        all.join(" > ").chars().take(LONGEST_HEADING).collect()
    }

    /// Ends the chunk; the next one begins with its end where the text goes on.
    fn close(&mut self, goes_on: bool) {
        let open = std::mem::take(&mut self.open);
        if open.characters == open.overlap {
            return;
        }
        if goes_on && self.cut.overlap > 0 {
            let end = tail(&open.text, self.cut.overlap);
            let characters = end.chars().count();
            self.open = Open {
                text: end.to_owned(),
                characters,
                overlap: characters,
                page: None,
                heading: None,
            };
        }
        self.done.push(Chunk {
            page: open.page,
            heading: open.heading.unwrap_or_default(),
            text: open.text,
            overlap: open.overlap,
        });
    }
}

/// Pieces of a paragraph of at most so many characters: all of it, or sentences, or words, or letters.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    if text.chars().nth(most).is_none() && text.len() <= most {
        return vec![text];
    }
    let mut found = Vec::new();
    for sentence in split(text, ends_sentence) {
        if sentence.chars().count() <= most {
            found.push(sentence);
            continue;
        }
        let mut from = 0;
        while let Some(end) = within(&sentence[from..], most) {
            found.push(sentence[from..from + end].trim());
            from += end;
        }
        found.push(sentence[from..].trim());
    }
    found.retain(|piece| !piece.is_empty());
    found
}

/// Where a text of more characters is cut: behind the last word that fits, or in the middle of one.
fn within(text: &str, most: usize) -> Option<usize> {
    let (end, _) = text.char_indices().nth(most)?;
    let blank = text[..end].rfind(char::is_whitespace).filter(|at| *at > end / 2);
    Some(blank.unwrap_or(end))
}

fn split(text: &str, ends: impl Fn(char, Option<char>) -> bool) -> Vec<&str> {
    let (mut found, mut start) = (Vec::new(), 0);
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if ends(letter, letters.peek().map(|(_, next)| *next)) {
            let end = at + letter.len_utf8();
            found.push(text[start..end].trim());
            start = end;
        }
    }
    found.push(text[start..].trim());
    found.retain(|piece| !piece.is_empty());
    found
}

fn ends_sentence(letter: char, next: Option<char>) -> bool {
    match letter {
        '\n' | '。' | '！' | '？' => true,
        '.' | '!' | '?' | '…' => next.is_none_or(char::is_whitespace),
        _ => false,
    }
}

/// The end of a text: its last sentences that fit, else its last words.
fn tail(text: &str, most: usize) -> &str {
    let count = text.chars().count();
    if count <= most {
        return text;
    }
    let Some((from, _)) = text.char_indices().nth(count - most) else { return text };
    let rest = &text[from..];
    let sentence = rest.char_indices().zip(rest.chars().skip(1).map(Some).chain([None])).find_map(
        |((at, letter), next)| ends_sentence(letter, next).then_some(at + letter.len_utf8()),
    );
    let word = rest.find(char::is_whitespace);
    let at = sentence.filter(|at| !rest[*at..].trim().is_empty()).or(word).unwrap_or(0);
    rest[at..].trim_start()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paragraph(text: &str) -> Block {
        Block::new(Form::Paragraph, text)
    }

    const SMALL: Cut = Cut { size: 60, overlap: 20 };

    #[test]
    fn chunks_end_where_sentences_do_and_begin_with_the_end_of_the_last() {
        let text = "The first sentence is here. A second one follows. And the third one ends it.";
        let chunks = cut(&[paragraph(text)], SMALL);
        let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "The first sentence is here. A second one follows.",
                "second one follows. And the third one ends it."
            ]
        );
        assert_eq!(chunks[1].overlap, "second one follows. ".len());
    }

    #[test]
    fn headings_are_known_and_rows_stay_whole() {
        let blocks = [
            Block::new(Form::Heading(1), "Prices"),
            Block::new(Form::Heading(2), "Lamps"),
            Block::new(Form::Row, "name: Lua; price: 30; colour: white"),
            Block::new(Form::Row, "name: Sol; price: 45; colour: brass"),
            Block::new(Form::Heading(2), "Chairs"),
            Block::new(Form::Row, "name: Rio; price: 90"),
        ];
        let chunks = cut(&blocks, SMALL);
        assert_eq!(chunks[0].heading, "Prices");
        assert_eq!(chunks[1].heading, "Prices > Lamps");
        assert_eq!(chunks[1].text, "name: Sol; price: 45; colour: brass");
        assert_eq!(chunks[2].heading, "Prices > Chairs");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_large(
            texts in prop::collection::vec("[a-zé .\n]{0,200}", 0..8),
            size in 20_usize..120,
            part in 0_usize..50,
        ) {
            let blocks: Vec<Block> = texts.iter().map(|text| paragraph(text)).collect();
            let chunks = cut(&blocks, Cut { size, overlap: size * part / 100 });
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            let mut all = String::new();
            for chunk in &chunks {
                prop_assert!(chunk.text.chars().count() <= size, "{chunk:?}");
                all.extend(chunk.text.chars().skip(chunk.overlap));
            }
            prop_assert_eq!(letters(&all), letters(&texts.concat()));
        }
    }
}
