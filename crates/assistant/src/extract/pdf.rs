//! PDF: the text of each page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Document, PlainTextOutput, output_doc_page};

use super::{
    Limits, Outcome, Pages,
    block::{Block, Form},
    text,
};

pub(super) fn read(bytes: &[u8], limits: Limits) -> Outcome {
    if !bytes.iter().take(1024).copied().collect::<Vec<_>>().windows(5).any(|five| five == b"%PDF-")
    {
        return Err("It is no PDF: it does not begin as one.".to_owned());
    }
    let document = Document::load_mem(bytes);
    let mut document = document.map_err(|error| format!("It is damaged: {error}."))?;
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err("It is protected by a password. Upload it without one.".to_owned());
    }
    let all = u32::try_from(document.get_pages().len()).unwrap_or(u32::MAX);
    if all == 0 {
        return Err("It has no pages.".to_owned());
    }
    let (mut blocks, mut left, mut broken) = (Vec::new(), limits.characters, 0_u32);
    for page in 1..=all.min(limits.pages) {
        let Some(words) = page_text(&document, page) else {
            broken += 1;
            continue;
        };
        left = left.saturating_sub(words.len());
        let paragraphs = text::read(&joined(&words)).into_iter();
        blocks.extend(paragraphs.map(|block| Block { page: Some(page), ..block }));
        if left == 0 {
            break;
        }
    }
    if broken > 0 && blocks.is_empty() {
        return Err("It is damaged: none of its pages can be read.".to_owned());
    }
    let cut = (all > limits.pages)
        .then(|| format!("Only the first {} of {all} pages were read.", limits.pages));
    let broken = (broken > 0).then(|| format!("{broken} pages could not be read."));
    let notice: Vec<String> = cut.into_iter().chain(broken).collect();
    let notice = Some(notice.join(" ")).filter(|notice| !notice.is_empty());
    blocks.retain(|block| block.form != Form::Paragraph || !block.text.trim().is_empty());
    Ok(Pages { blocks, count: Some(all), notice })
}

/// A page that its library cannot cope with is no reason to read none.
fn page_text(document: &Document, page: u32) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut words = String::new();
        output_doc_page(document, &mut PlainTextOutput::new(&mut words), page).ok()?;
        Some(words)
    }))
    .ok()
    .flatten()
}

/// Words that a line's end divides are put together, and control characters left out.
fn joined(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim_end).collect();
    let mut text = String::with_capacity(words.len());
    for line in lines {
        let is_divided = text.ends_with("-\n") && line.starts_with(char::is_lowercase);
        if is_divided && text.trim_end_matches("-\n").ends_with(char::is_lowercase) {
            text.truncate(text.len() - 2);
        }
        text.extend(line.chars().filter(|letter| !letter.is_control() || *letter == '\t'));
        text.push('\n');
    }
    text
}
