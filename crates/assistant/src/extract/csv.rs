//! CSV: each row says by itself what its cells mean.

use std::io::Cursor;

use kith_records::csv::Reader;

use super::{
    Limits, Outcome, Pages,
    block::{Block, Form},
    markdown::told,
    text,
};

pub(super) fn read(bytes: &[u8], limits: Limits) -> Outcome {
    // The same test of what is no text at all.
    text::decoded(bytes)?;
    let mut reader =
        Reader::open(Cursor::new(bytes)).map_err(|error| format!("It is no CSV: {error}."))?;
    let head = reader.headers().to_vec();
    let (mut blocks, mut left, mut broken) = (Vec::new(), limits.characters, 0_u32);
    if head.iter().all(|name| name.trim().is_empty()) {
        return Err("It has no header.".to_owned());
    }
    loop {
        let row = reader.next_row().map_err(|error| format!("It cannot be read: {error}."))?;
        let Some(row) = row else { break };
        broken += u32::from(row.fault.is_some());
        let cells: Vec<String> =
            (0..row.cells.count()).map(|at| row.cells.get(at).to_owned()).collect();
        let text = told(&head, &cells);
        left = left.saturating_sub(text.len());
        blocks.push(Block::new(Form::Row, text));
        if left == 0 {
            break;
        }
    }
    let notice = (broken > 0).then(|| format!("{broken} rows are not as the header says."));
    Ok(Pages { blocks, notice, ..Pages::default() })
}
