//! PDF: a page of sections, each a table of numbers with a bar beside each number.
//!
//! The fonts are those that every reader brings along, so that no file of ours carries one; they know the letters of
//! Windows-1252.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{Line, Section, Sheet};

const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const LEFT: f32 = 50.0;
/// Numbers end here, bars begin behind it.
const NUMBERS: f32 = 330.0;
const BARS: f32 = 342.0;
const LONGEST_BAR: f32 = 203.0;
const TOP: f32 = 790.0;
const BOTTOM: f32 = 60.0;
const ROW: f32 = 16.0;
const SIZE: f32 = 10.0;
/// Characters of a name that fit before the numbers.
const LONGEST_NAME: usize = 36;
/// No report is longer; a tenant with a thousand stages gets those that fit.
const MOST_PAGES: usize = 200;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// Pages as they are filled, from top to bottom.
struct Pages {
    done: Vec<Content>,
    page: Content,
    y: f32,
}

/// The report as a PDF.
pub(crate) fn write(sheet: &Sheet) -> Vec<u8> {
    let mut pages = Pages { done: Vec::new(), page: Content::new(), y: TOP };
    pages.text((LEFT, 20.0, BOLD), sheet.title);
    pages.down(18.0);
    pages.text((LEFT, 9.0, PLAIN), &sheet.at);
    pages.down(12.0);
    for section in &sheet.sections {
        pages.section(section);
    }
    pages.done.push(pages.page);
    document(sheet.title, pages.done)
}

impl Pages {
    fn down(&mut self, by: f32) {
        self.y -= by;
        if self.y < BOTTOM {
            self.done.push(std::mem::replace(&mut self.page, Content::new()));
            self.y = TOP;
        }
    }

    fn text(&mut self, (x, size, font): (f32, f32, Name<'_>), text: &str) {
        self.page.begin_text();
        self.page.set_font(font, size);
        self.page.next_line(x, self.y);
        self.page.show(Str(&encoded(text)));
        self.page.end_text();
    }

    fn section(&mut self, section: &Section) {
        self.down(ROW);
        // A heading stands with its first row.
        if self.y < BOTTOM + 2.0 * ROW {
            self.down(HEIGHT);
        }
        self.text((LEFT, 13.0, BOLD), &section.title);
        self.down(4.0);
        self.page.set_line_width(0.5).move_to(LEFT, self.y);
        self.page.line_to(BARS + LONGEST_BAR, self.y).stroke();
        self.down(ROW);
        let amount = |line: &Line| line.value.as_f64().unwrap_or_default().max(0.0);
        let largest = section.lines.iter().map(amount).fold(0.0, f64::max);
        for line in &section.lines {
            if self.done.len() >= MOST_PAGES {
                return;
            }
            let share = if largest > 0.0 { amount(line) / largest } else { 0.0 };
            self.line(line, share);
        }
    }

    fn line(&mut self, line: &Line, share: f64) {
        let mut name = line.name.clone();
        if name.chars().count() > LONGEST_NAME {
            name = name.chars().take(LONGEST_NAME - 1).chain(['…']).collect();
        }
        if let Some(currency) = &line.currency {
            name = format!("{name} ({currency})");
        }
        self.text((LEFT, SIZE, PLAIN), &name);
        let number = line.value.to_string();
        self.text((NUMBERS - width(&number), SIZE, PLAIN), &number);
        #[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
        let long = LONGEST_BAR * share as f32;
        if long > 0.0 {
            self.page.set_fill_rgb(0.21, 0.45, 0.70);
            self.page.rect(BARS, self.y - 1.5, long, SIZE).fill_nonzero();
            self.page.set_fill_rgb(0.0, 0.0, 0.0);
        }
        self.down(ROW);
    }
}

/// How wide a number is: in Helvetica all digits are as wide as one another.
fn width(number: &str) -> f32 {
    let thousandths = |letter: char| match letter {
        '.' => 278.0,
        '-' => 333.0,
        _ => 556.0,
    };
    number.chars().map(thousandths).sum::<f32>() * SIZE / 1000.0
}

/// Text in Windows-1252; what it has no letter for is a question mark.
fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0_u8; 4];
    for letter in text.chars() {
        let (byte, _, unmappable) =
            encoding_rs::WINDOWS_1252.encode(letter.encode_utf8(&mut buffer));
        match byte.as_ref() {
            [byte] if !unmappable && !letter.is_control() => bytes.push(*byte),
            _ => bytes.push(b'?'),
        }
    }
    bytes
}

fn document(title: &str, pages: Vec<Content>) -> Vec<u8> {
    let mut last = 0;
    let mut next = || {
        last += 1;
        Ref::new(last)
    };
    let [catalog, tree, plain, bold, info] = [(); 5].map(|()| next());
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).title(TextStr(title)).producer(TextStr("Kith"));
    for (font, base) in [(plain, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        let mut font = pdf.type1_font(font);
        font.base_font(base).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let mut kids = Vec::new();
    for content in pages {
        let (id, stream) = (next(), next());
        kids.push(id);
        let mut page = pdf.page(id);
        page.parent(tree).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(stream);
        page.resources().fonts().pair(PLAIN, plain).pair(BOLD, bold);
        page.finish();
        pdf.stream(stream, &content.finish());
    }
    let count = i32::try_from(kids.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(kids).count(count);
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_western_europe_are_written_and_others_marked() {
        assert_eq!(encoded("São €…"), b"S\xe3o \x80\x85");
        assert_eq!(encoded("名(\n"), b"?(?");
    }
}
