//! DOCX: a zip of XML, of which the text, its headings and tables are read.

use std::io::{Cursor, Read};

use quick_xml::{Reader, events::Event};
use zip::ZipArchive;

use super::{
    Limits, Outcome,
    block::{Block, Form},
    markdown::told,
};

/// Parts of the archive; office programs make some dozens.
const MOST_PARTS: usize = 10_000;
/// Bytes of the text, unpacked, with all that says how it looks.
const LARGEST: u64 = 128 << 20;
const BROKEN: &str = "It is no DOCX, or a damaged one";

pub(super) fn read(bytes: &[u8], limits: Limits) -> Outcome {
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err("It is protected by a password, or of an old format of Word. Save it as .docx without one.".to_owned());
    }
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("{BROKEN}: {error}."))?;
    if archive.len() > MOST_PARTS {
        return Err(format!(
            "It is an archive of more than {MOST_PARTS} parts, which no DOCX has."
        ));
    }
    let part = archive.by_name("word/document.xml");
    let part = part.map_err(|_| format!("{BROKEN}: it has no text part."))?;
    let most = LARGEST.min(limits.bounds.memory / 4);
    let mut text = Vec::new();
    let read = part.take(most + 1).read_to_end(&mut text);
    read.map_err(|error| format!("{BROKEN}: {error}."))?;
    if text.len() as u64 > most {
        return Err(format!(
            "Unpacked it has more than {} MB of text, which is more than is read.",
            most >> 20
        ));
    }
    let mut words = Words { left: limits.characters, ..Words::default() };
    words.read(&text)?;
    Ok(words.blocks.into())
}

#[derive(Default)]
struct Words {
    blocks: Vec<Block>,
    line: String,
    heading: Option<u8>,
    /// Text that is shown stands in `w:t` alone.
    is_text: bool,
    /// Tables within tables are read as part of the outer cell.
    tables: u32,
    row: Vec<String>,
    cell: String,
    head: Vec<String>,
    left: usize,
}

impl Words {
    fn read(&mut self, text: &[u8]) -> Result<(), String> {
        let mut reader = Reader::from_reader(text);
        reader.config_mut().check_end_names = false;
        loop {
            match reader.read_event().map_err(|error| format!("{BROKEN}: {error}."))? {
                Event::Start(tag) => self.opens(tag.local_name().as_ref(), &tag),
                Event::Empty(tag) => {
                    self.opens(tag.local_name().as_ref(), &tag);
                    self.closes(tag.local_name().as_ref());
                }
                Event::End(tag) => self.closes(tag.local_name().as_ref()),
                Event::Text(words) if self.is_text => {
                    let words = words.decode().map_err(|error| format!("{BROKEN}: {error}."))?;
                    self.line.push_str(&words);
                }
                Event::CData(words) if self.is_text => {
                    let words = words.decode().map_err(|error| format!("{BROKEN}: {error}."))?;
                    self.line.push_str(&words);
                }
                Event::GeneralRef(name) if self.is_text => self.line.extend(letter(&name)),
                // Entities of its own are how a page becomes a billion: no office program makes any.
                Event::DocType(_) => {
                    return Err("It defines entities of its own, which are not read.".to_owned());
                }
                Event::Eof => break,
                Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_) => {}
            }
            if self.left == 0 {
                break;
            }
        }
        self.paragraph();
        Ok(())
    }

    fn opens(&mut self, name: &[u8], tag: &quick_xml::events::BytesStart<'_>) {
        match name {
            b"t" => self.is_text = true,
            b"tab" => self.line.push('\t'),
            b"br" | b"cr" => self.line.push('\n'),
            b"pStyle" => {
                let value =
                    tag.attributes().flatten().find(|one| one.key.local_name().as_ref() == b"val");
                self.heading = value.and_then(|value| level(&value.value));
            }
            b"tbl" => {
                self.tables += 1;
                if self.tables == 1 {
                    self.head.clear();
                }
            }
            _ => {}
        }
    }

    fn closes(&mut self, name: &[u8]) {
        match name {
            b"t" => self.is_text = false,
            b"p" => self.paragraph(),
            b"tc" if self.tables == 1 => self.row.push(std::mem::take(&mut self.cell)),
            b"tr" if self.tables == 1 => self.row(),
            b"tbl" => self.tables = self.tables.saturating_sub(1),
            _ => {}
        }
    }

    fn paragraph(&mut self) {
        let line = std::mem::take(&mut self.line);
        let (text, heading) = (line.trim(), self.heading.take());
        if text.is_empty() {
            return;
        }
        self.left = self.left.saturating_sub(text.len());
        if self.tables > 0 {
            if !self.cell.is_empty() {
                self.cell.push(' ');
            }
            self.cell.push_str(text);
            return;
        }
        self.blocks.push(Block::new(heading.map_or(Form::Paragraph, Form::Heading), text));
    }

    fn row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if row.iter().all(String::is_empty) {
            return;
        }
        if self.head.is_empty() {
            self.blocks.push(Block::new(Form::Row, row.join("; ")));
            self.head = row;
        } else {
            self.blocks.push(Block::new(Form::Row, told(&self.head, &row)));
        }
    }
}

/// The letter of a reference: one of the five that XML knows, or a number.
fn letter(name: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Ok(Some(letter)) = name.resolve_char_ref() {
        return Some(letter);
    }
    match &**name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    }
}

/// `Heading2`, `Titre 2`, `Ttulo2`, `Überschrift 2`: the number at the end; `Title` is the first.
fn level(style: &[u8]) -> Option<u8> {
    let style = String::from_utf8_lossy(style).to_lowercase();
    let known = ["heading", "titre", "tulo", "berschrift", "title", "titolo", "kop", "rubrik"];
    known.iter().any(|known| style.contains(known)).then(|| {
        let digit = style.chars().rev().find_map(|letter| letter.to_digit(10)).unwrap_or(1);
        u8::try_from(digit.clamp(1, 6)).unwrap_or(1)
    })
}
