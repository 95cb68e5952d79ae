//! Excerpts of conversations: what was cut out of a message that names the person may end in the middle of the name.

use kith_kernel::{Id, Result};
use kith_store::{Select, TableShape, Update, Value, Write};
use serde::Deserialize;

use super::mask::{MASK, Term, masked_text};

#[derive(Deserialize)]
struct Conversation {
    title: Option<String>,
    title_is_set: bool,
    last_excerpt: Option<String>,
}

/// Masks the title and the last words of a conversation where they were cut out of this message, which names the person.
pub(super) async fn mask_excerpts(
    db: &Write,
    (table, row): (&TableShape, &[Value]),
    terms: &[Term],
) -> Result<()> {
    let cell = |name: &str| table.place(name).and_then(|at| row.get(at));
    let (Some(Value::Id(message)), Some(Value::Id(conversation)), Some(Value::Text(content))) =
        (cell("id"), cell("conversation_id"), cell("content"))
    else {
        return Ok(());
    };
    let select = Select::from("ai_conversations").whose("id", *conversation);
    let Some(found) = db.first::<Conversation>(select).await? else { return Ok(()) };
    let of_it =
        || Select::from("ai_messages").show(&["id"]).whose("conversation_id", *conversation);
    let is_first = async |select: Select| -> Result<bool> {
        let first: Option<Id> = db.ids(&select.at_most(1)).await?.first().copied();
        Ok(first == Some(*message))
    };
    let left = |text: &str| masked_text(text, terms).unwrap_or_else(|| text.to_owned());
    let mut update = Update::table("ai_conversations").whose("id", *conversation);
    let mut changed = false;
    let is_cut = !found.title_is_set && found.title.is_some_and(|title| title.ends_with("..."));
    if is_cut && is_first(of_it().whose("role", "user").by("id", false)).await? {
        update = update.set("title", MASK);
        changed = true;
    }
    let is_cut = found.last_excerpt.is_some_and(|excerpt| left(&excerpt) != left(content));
    if is_cut && is_first(of_it().by("id", true)).await? {
        update = update.set("last_excerpt", MASK);
        changed = true;
    }
    if changed {
        db.update(update).await?;
    }
    Ok(())
}
