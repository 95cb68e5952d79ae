//! HTML: what a reader would read, without what runs, frames and leads elsewhere.

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::{
    Outcome,
    block::{Block, Form},
    markdown::told,
    text,
};

/// What is passed over with all that is within.
const PASSED: [&str; 15] = [
    "script", "style", "nav", "footer", "iframe", "noscript", "template", "svg", "math", "object",
    "select", "button", "form", "canvas", "audio",
];
/// What ends a paragraph, before and behind.
const BLOCKS: [&str; 30] = [
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "aside",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "pre",
    "figure",
    "figcaption",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "hr",
    "address",
    "details",
    "summary",
    "fieldset",
    "body",
    "html",
    "li",
    "video",
];
/// Pages that stand within a frame of navigation say so by an element for what matters.
const MATTERS: &str = "main";

pub(super) fn read(bytes: &[u8]) -> Outcome {
    let text = text::decoded(bytes)?;
    let whole = Reader::read(&text, false);
    // Pages that name their main part mean it.
    let main = if text.contains("<main") { Reader::read(&text, true) } else { Reader::default() };
    let letters =
        |reader: &Reader| reader.blocks.iter().map(|block| block.text.len()).sum::<usize>();
    let title = whole.title.trim().to_owned();
    let mut blocks = if letters(&main) > 200 { main.blocks } else { whole.blocks };
    let is_said = blocks
        .first()
        .is_some_and(|block| matches!(block.form, Form::Heading(_)) && title.contains(&block.text));
    if !title.is_empty() && !blocks.is_empty() && !is_said {
        blocks.insert(0, Block::new(Form::Heading(1), title));
    }
    Ok(blocks.into())
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    line: String,
    title: String,
    is_title: bool,
    heading: Option<u8>,
    /// Elements that are passed over, innermost last.
    passed: Vec<&'static str>,
    /// The cells of the row that is read, and of the first row of its table.
    row: Option<Vec<String>>,
    head: Vec<String>,
    main_alone: bool,
    within_main: u32,
}

impl Reader {
    fn read(text: &str, main_alone: bool) -> Self {
        let mut reader = Self { main_alone, ..Self::default() };
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(text, emitter) {
            match token {
                Ok(Token::StartTag(tag)) => {
                    let name = String::from_utf8_lossy(&tag.name).into_owned();
                    reader.opens(&name, tag.self_closing);
                }
                Ok(Token::EndTag(tag)) => reader.closes(&String::from_utf8_lossy(&tag.name)),
                Ok(Token::String(words)) => reader.says(&String::from_utf8_lossy(&words)),
                Ok(Token::Comment(_) | Token::Doctype(_) | Token::Error(_)) => {}
                Err(never) => match never {},
            }
        }
        reader.close();
        reader
    }

    fn opens(&mut self, name: &str, is_empty: bool) {
        if let Some(passed) = PASSED.iter().find(|passed| **passed == name) {
            if !is_empty && self.passed.len() < 1_000 {
                self.passed.push(passed);
            }
            return;
        }
        match name {
            "title" => self.is_title = true,
            MATTERS => self.within_main += 1,
            "br" => self.line.push('\n'),
            "table" => {
                self.close();
                self.head.clear();
            }
            "tr" => {
                self.close();
                self.row = Some(Vec::new());
            }
            "td" | "th" => self.cell(),
            "img" | "a" | "span" => {}
            _ if level(name).is_some() => {
                self.close();
                self.heading = level(name);
            }
            "li" => {
                self.close();
                self.line.push_str("- ");
            }
            _ if BLOCKS.contains(&name) => self.close(),
            _ => {}
        }
    }

    fn closes(&mut self, name: &str) {
        if let Some(at) = self.passed.iter().rposition(|passed| *passed == name) {
            self.passed.truncate(at);
            return;
        }
        match name {
            "title" => self.is_title = false,
            MATTERS => {
                self.close();
                self.within_main = self.within_main.saturating_sub(1);
            }
            "td" | "th" => self.cell(),
            "tr" => self.row(),
            _ if level(name).is_some() || BLOCKS.contains(&name) => self.close(),
            _ => {}
        }
    }

    fn says(&mut self, words: &str) {
        if self.is_title {
            if self.title.len() < 500 {
                self.title.push_str(words);
            }
            return;
        }
        if !self.passed.is_empty() || (self.main_alone && self.within_main == 0) {
            return;
        }
        for letter in words.chars() {
            // Runs of blanks are one; line ends that are meant come of elements.
            let letter = if letter.is_whitespace() { ' ' } else { letter };
            if letter != ' ' || !self.line.ends_with([' ', '\n']) {
                self.line.push(letter);
            }
        }
    }

    fn cell(&mut self) {
        let text = std::mem::take(&mut self.line).trim().to_owned();
        if let Some(row) = self.row.as_mut().filter(|row| row.len() < 500 && !text.is_empty()) {
            row.push(text);
        }
    }

    fn row(&mut self) {
        self.cell();
        let Some(row) = self.row.take().filter(|row| !row.is_empty()) else { return };
        if self.head.is_empty() {
            // A table of one row has no header.
            self.blocks.push(Block::new(Form::Row, row.join("; ")));
            self.head = row;
            return;
        }
        self.blocks.push(Block::new(Form::Row, told(&self.head, &row)));
    }

    fn close(&mut self) {
        if self.row.is_some() {
            // What stands in a cell belongs to it.
            self.line.push(' ');
            return;
        }
        let text = std::mem::take(&mut self.line);
        let text = text.trim();
        let heading = self.heading.take();
        if text.is_empty() || text == "-" {
            return;
        }
        let form = heading.map_or(Form::Paragraph, Form::Heading);
        self.blocks.push(Block::new(form, text));
    }
}

/// The level of a heading: `h2`.
fn level(name: &str) -> Option<u8> {
    let digit = name.strip_prefix('h').filter(|rest| rest.len() == 1)?;
    digit.parse().ok().filter(|level| (1..=6).contains(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(html: &str) -> Vec<(Form, String)> {
        let pages = read(html.as_bytes()).unwrap_or_default();
        pages.blocks.into_iter().map(|block| (block.form, block.text)).collect()
    }

    #[test]
    fn what_is_read_is_what_people_read() {
        let html = "<title>Lume</title><script>if (a < b) { x('<p>no</p>') }</script><nav><a>Home</a></nav>\
            <h1>Our <b>lamps</b></h1><p>They&nbsp;are\n  made of brass.<br>All of them.</p>\
            <ul><li>one<li>two</ul><table><tr><th>Lamp</th><th>Price</th></tr><tr><td><p>Lua</p></td><td>30</td></tr></table>\
            <footer>© nobody</footer><style>p { color: red }</style>";
        let expected = [
            (Form::Heading(1), "Lume"),
            (Form::Heading(1), "Our lamps"),
            (Form::Paragraph, "They are made of brass.\nAll of them."),
            (Form::Paragraph, "- one"),
            (Form::Paragraph, "- two"),
            (Form::Row, "Lamp; Price"),
            (Form::Row, "Lamp: Lua; Price: 30"),
        ];
        let told = told(html);
        let told: Vec<(Form, &str)> =
            told.iter().map(|(form, text)| (*form, text.as_str())).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_never_closed_ends_with_the_page() {
        assert_eq!(told("<p>a</p><nav><p>b"), [(Form::Paragraph, "a".to_owned())]);
        assert_eq!(told(&"<div>".repeat(100_000)), []);
        assert_eq!(told("<!-- <p>x"), []);
    }
}
