//! Mails in HTML as text: paragraphs as lines, what is quoted behind `>`, addresses of links behind their words.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// What is passed over with all that is within.
const PASSED: [&str; 7] = ["script", "style", "title", "template", "svg", "object", "noscript"];
/// What begins and ends a line.
const BLOCKS: [&str; 26] = [
    "p", "div", "section", "article", "header", "footer", "ul", "ol", "li", "dl", "dt", "dd",
    "pre", "table", "tr", "thead", "tbody", "hr", "address", "h1", "h2", "h3", "h4", "h5", "h6",
    "center",
];
/// Deeper quotes look as this one.
const DEEPEST: usize = 20;

#[derive(Default)]
struct Reader {
    text: String,
    line: String,
    passed: Option<(&'static str, usize)>,
    quotes: usize,
    /// Where the link that is open leads, and where its words begin.
    link: Option<(String, usize)>,
    is_verbatim: bool,
}

/// What a reader of the page would read.
pub(super) fn readable(html: &str) -> String {
    let mut reader = Reader::default();
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Ok(Token::StartTag(tag)) => {
                let name = String::from_utf8_lossy(&tag.name);
                let leads = tag.attributes.get(b"href".as_slice());
                let leads = leads.map(|leads| String::from_utf8_lossy(leads).into_owned());
                reader.opens(&name, tag.self_closing, leads);
            }
            Ok(Token::EndTag(tag)) => reader.closes(&String::from_utf8_lossy(&tag.name)),
            Ok(Token::String(words)) => reader.says(&String::from_utf8_lossy(&words)),
            Ok(Token::Comment(_) | Token::Doctype(_) | Token::Error(_)) => {}
            Err(never) => match never {},
        }
    }
    reader.ends_line();
    reader.text.trim().to_owned()
}

impl Reader {
    fn opens(&mut self, name: &str, is_empty: bool, leads: Option<String>) {
        if let Some((passed, depth)) = &mut self.passed {
            if name == *passed && !is_empty {
                *depth += 1;
            }
            return;
        }
        if let Some(passed) = PASSED.iter().find(|passed| **passed == name) {
            self.passed = (!is_empty).then_some((passed, 1));
            return;
        }
        match name {
            "br" => self.breaks(),
            "blockquote" => {
                self.ends_line();
                self.quotes += 1;
            }
            "a" => self.link = leads.map(|leads| (leads, self.line.len())),
            "td" | "th" if !self.line.is_empty() => self.line.push(' '),
            "li" => {
                self.ends_line();
                self.line.push_str("- ");
            }
            "p" => {
                self.ends_line();
                self.leaves_blank();
            }
            _ if BLOCKS.contains(&name) => self.ends_line(),
            _ => {}
        }
        self.is_verbatim |= name == "pre";
    }

    fn closes(&mut self, name: &str) {
        if let Some((passed, depth)) = &mut self.passed {
            if name == *passed {
                *depth -= 1;
                if *depth == 0 {
                    self.passed = None;
                }
            }
            return;
        }
        match name {
            "blockquote" => {
                self.ends_line();
                self.quotes = self.quotes.saturating_sub(1);
            }
            "a" => self.ends_link(),
            "p" => {
                self.ends_line();
                self.leaves_blank();
            }
            "pre" => {
                self.ends_line();
                self.is_verbatim = false;
            }
            _ if BLOCKS.contains(&name) => self.ends_line(),
            _ => {}
        }
    }

    fn says(&mut self, words: &str) {
        if self.passed.is_some() {
            return;
        }
        for sign in words.chars() {
            match sign {
                '\n' if self.is_verbatim => self.breaks(),
                sign if sign.is_whitespace() => {
                    if !self.line.is_empty() && !self.line.ends_with(' ') {
                        self.line.push(' ');
                    }
                }
                // What is there for machines alone.
                '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{34f}' => {}
                sign => self.line.push(sign),
            }
        }
    }

    /// The address of a link stands behind its words, where these do not say it.
    fn ends_link(&mut self) {
        let Some((leads, begins)) = self.link.take() else { return };
        let leads = leads.trim();
        let words = self.line.get(begins..).unwrap_or_default().trim();
        let is_web = leads.starts_with("http://") || leads.starts_with("https://");
        let bare = |text: &str| {
            let text = text.split_once("://").map_or(text, |(_, rest)| rest);
            text.trim_end_matches('/').to_lowercase()
        };
        if is_web && !words.is_empty() && leads.len() <= 500 && bare(words) != bare(leads) {
            let shown = format!(" <{leads}>");
            self.line.push_str(&shown);
        }
    }

    fn breaks(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.link = self.link.take().map(|(leads, _)| (leads, 0));
        for _ in 0..self.quotes.min(DEEPEST) {
            self.text.push('>');
        }
        if self.quotes > 0 && !line.trim().is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn ends_line(&mut self) {
        if !self.line.trim().is_empty() {
            self.breaks();
        }
        self.line.clear();
    }

    fn leaves_blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") && self.quotes == 0 {
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_are_read_as_people_read_them() {
        let html = "<html><head><title>x</title><style>p{color:red}</style></head><body>\
            <p>Ol&aacute;   <b>Ana</b>,</p><div>one<br>two</div><ul><li>a</li><li>b</li></ul>\
            <a href=\"https://shop.example/\">shop.example</a> and <a href='https://x.example/y'>this</a>\
            <script>alert(1)</script><table><tr><td>1</td><td>2</td></tr></table>\
            <blockquote>said <blockquote>before</blockquote></blockquote></body></html>";
        let expected = "Olá Ana,\n\none\ntwo\n- a\n- b\nshop.example and this <https://x.example/y>\n1 2\n\
                        > said\n>> before";
        assert_eq!(readable(html), expected);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read(html in "(<(/?(p|div|a|pre|blockquote|script|br|td)( href=\"https://a.b/c\")?)>|[a-z é&;<\n]){0,60}") {
            let text = readable(&html);
            prop_assert!(text.len() <= html.len() * 40 + 10);
        }
    }
}
