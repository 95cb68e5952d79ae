//! What holds for every agent.

use std::collections::HashSet;

use kith_gateway::Wanted;
use kith_kernel::{Id, Result, invalid};
use kith_llm::{Provider, models};
use kith_records::{Change, What};
use kith_store::{Condition, Read, Select};
use serde_json::{Value as Json, json};

use super::hours::Hours;

const MOST_DOCUMENTS: usize = 200;
const MOST_WORDS: usize = 100;

/// What an agent may use beside its documents.
pub(crate) const TOOLS: [&str; 6] =
    ["search_records", "read_record", "create_task", "create_note", "update_contact", "hand_over"];

/// Its state follows from whether it shall answer; training has states of its own.
pub(super) fn derive(change: &mut Change) {
    match change.what {
        What::Created => {}
        What::Updated if !change.changes("status") => {}
        What::Updated | What::Deleted | What::Restored => return,
    }
    let active = change.get("isActive") == Some(&Json::Bool(true));
    let state = match (active, change.text("status")) {
        (true, Some("TRAINING")) => return,
        (true, _) => "ACTIVE",
        (false, Some("ACTIVE")) => "INACTIVE",
        (false, _) => return,
    };
    if change.text("status") != Some(state) {
        change.set("status", state);
        change.set("statusReason", Json::Null);
    }
}

/// Refuses documents that are not there: another tenant's are not.
pub(super) async fn check_documents(db: &Read, change: &Change) -> Result<()> {
    if !change.changes("documentIds") {
        return Ok(());
    }
    let named = change.get("documentIds").and_then(Json::as_array);
    let named: Vec<Option<Id>> = named
        .filter(|named| named.len() <= MOST_DOCUMENTS)
        .into_iter()
        .flatten()
        .map(|id| id.as_str().and_then(|id| id.parse().ok()))
        .collect();
    let ids: Vec<Id> = named.iter().copied().flatten().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let select = Select::from("documents").show(&["id"]).whose_each("id", ids);
    let there = db.ids(&select.only(Condition::Null("deleted_at"))).await?;
    let there: HashSet<Id> = there.into_iter().collect();
    let missing = |id: &Option<Id>| id.is_some_and(|id| !there.contains(&id));
    match named.iter().position(missing) {
        Some(at) => Err(invalid(&format!("documentIds.{at}"), "is no document")),
        None => Ok(()),
    }
}

/// Refuses a model that nobody is known to run; whoever writes down its provider, knows.
fn model(change: &Change) -> Result<()> {
    let Some(name) = change.text("model").filter(|_| change.changes("model")) else {
        return Ok(());
    };
    let wanted = Wanted::of(name)?;
    let is_known = |name: &str| {
        let mut all = Provider::ALL.into_iter();
        all.any(|provider| {
            name == provider.default_model()
                || models(provider).any(|known| name.starts_with(&known.name))
        })
    };
    match (wanted.provider, &wanted.model) {
        (None, Some(name)) if !is_known(name) => Err(invalid(
            "model",
            "is no model that is known here: write provider/model for one of your own, or auto",
        )),
        _ => Ok(()),
    }
}

/// Refuses what makes no sense, naming it.
pub(super) fn check(change: &Change) -> Result<()> {
    let within = |key: &str, least: f64, most: f64| match change.get(key).and_then(Json::as_f64) {
        Some(value) if !(least..=most).contains(&value) => {
            Err(invalid(key, format!("must be between {least} and {most}")))
        }
        _ => Ok(()),
    };
    within("temperature", 0.0, 2.0)?;
    within("evidence", 0.0, 1.0)?;
    model(change)?;
    texts(change, "tools", TOOLS.len(), |name| {
        TOOLS
            .contains(&name)
            .then_some(())
            .ok_or_else(|| format!("is none of {}", TOOLS.join(", ")))
    })?;
    texts(change, "documentIds", MOST_DOCUMENTS, |text| {
        text.parse::<Id>().map(drop).map_err(|_| Id::EXPECTED.to_owned())
    })?;
    if let Some(hours) = change.get("workingHours") {
        Hours::parse(hours).map_err(|why| invalid("workingHours", why))?;
    }
    escalation(change)
}

fn texts(
    change: &Change,
    key: &str,
    most: usize,
    fits: impl Fn(&str) -> std::result::Result<(), String>,
) -> Result<()> {
    let Some(value) = change.get(key) else { return Ok(()) };
    let list = value.as_array().filter(|list| list.len() <= most);
    let list =
        list.ok_or_else(|| invalid(key, format!("must be a list of at most {most} texts")))?;
    for (at, item) in list.iter().enumerate() {
        let place = format!("{key}.{at}");
        let text = item.as_str().ok_or_else(|| invalid(&place, "must be text"))?;
        fits(text).map_err(|why| invalid(&place, why))?;
    }
    Ok(())
}

fn escalation(change: &Change) -> Result<()> {
    let Some(given) = change.get("escalation") else { return Ok(()) };
    let wrong = |key: &str, why: &str| Err(invalid(&format!("escalation.{key}"), why));
    let Json::Object(keys) = given else { return Err(invalid("escalation", "must be an object")) };
    for (key, value) in keys {
        let fits = match key.as_str() {
            "words" => value.as_array().is_some_and(|list| {
                list.len() <= MOST_WORDS
                    && list
                        .iter()
                        .all(|word| word.as_str().is_some_and(|word| !word.trim().is_empty()))
            }),
            "sentiment" => value == &json!("negative") || value.is_null(),
            "afterReplies" => value.as_u64().is_some_and(|count| (1..=100).contains(&count)),
            "message" => value.as_str().is_some_and(|text| text.len() <= 2_000),
            _ => return wrong(key, "is none of words, sentiment, afterReplies, message"),
        };
        if !fits {
            return wrong(key, "does not fit: see the documentation of agents");
        }
    }
    Ok(())
}
