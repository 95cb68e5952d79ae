//! Markdown: its headings and tables; everything else stays as it is written.

use super::block::{Block, Form};

/// The blocks of a text.
pub(super) fn read(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in text.lines() {
        reader.line(line);
    }
    reader.close();
    reader.blocks
}

#[derive(Default)]
struct Reader<'a> {
    blocks: Vec<Block>,
    lines: Vec<&'a str>,
    /// Within a fence nothing is a heading.
    is_fenced: bool,
    /// The cells of the first row of a table.
    head: Vec<String>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.is_fenced = !self.is_fenced;
            return;
        }
        if self.is_fenced {
            self.lines.push(line);
            return;
        }
        if let Some((level, heading)) = heading(trimmed) {
            self.close();
            self.blocks.push(Block::new(Form::Heading(level), heading));
            return;
        }
        let is_line = |mark| !trimmed.is_empty() && trimmed.chars().all(|letter| letter == mark);
        if let (1, Some(level)) = (
            self.lines.len(),
            if is_line('=') {
                Some(1)
            } else if is_line('-') {
                Some(2)
            } else {
                None
            },
        ) {
            let heading = self.lines.pop().unwrap_or_default();
            self.blocks.push(Block::new(Form::Heading(level), heading.trim()));
            return;
        }
        if trimmed.starts_with('|') && trimmed.len() > 1 {
            return self.row(trimmed);
        }
        self.head.clear();
        if trimmed.is_empty() { self.close() } else { self.lines.push(line) }
    }

    fn row(&mut self, line: &str) {
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let is_rule = cells
            .iter()
            .all(|cell| !cell.is_empty() && cell.chars().all(|letter| matches!(letter, '-' | ':')));
        if is_rule {
            return;
        }
        if self.head.is_empty() {
            self.close();
            self.head = cells;
            return;
        }
        self.blocks.push(Block::new(Form::Row, told(&self.head, &cells)));
    }

    fn close(&mut self) {
        if !self.lines.is_empty() {
            let text = std::mem::take(&mut self.lines).join("\n");
            self.blocks.push(Block::new(Form::Paragraph, text));
        }
    }
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let text = line.trim_start_matches('#');
    let level =
        u8::try_from(line.len() - text.len()).ok().filter(|level| (1..=6).contains(level))?;
    text.starts_with([' ', '\t']).then(|| (level, text.trim().trim_end_matches('#').trim()))
}

/// A row with what its cells mean.
pub(super) fn told(head: &[String], cells: &[String]) -> String {
    let named = cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
    let told = named.map(|(at, cell)| match head.get(at).map(|name| name.trim()) {
        Some(name) if !name.is_empty() => format!("{name}: {}", cell.trim()),
        _ => cell.trim().to_owned(),
    });
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_tables_are_known() {
        let text = "Intro\n=====\nHello\nthere\n\n## Prices ##\n\n| Lamp | Price |\n|---|--:|\n| Lua | 30 |\n\n```\n# no heading\n```\n";
        let blocks = read(text);
        let told: Vec<(Form, &str)> =
            blocks.iter().map(|block| (block.form, block.text.as_str())).collect();
        assert_eq!(
            told,
            [
                (Form::Heading(1), "Intro"),
                (Form::Paragraph, "Hello\nthere"),
                (Form::Heading(2), "Prices"),
                (Form::Row, "Lamp: Lua; Price: 30"),
                (Form::Paragraph, "# no heading"),
            ]
        );
    }
}
