//! Templates: texts with variables, written once and filled when they are sent.

use std::collections::BTreeSet;

use kith_kernel::{Result, invalid};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Record, Routes, Rules, What,
    fields::{columns, link, plain, table},
    folded,
};
use kith_store::{Condition, Migration, Select, Step};
use serde::Deserialize;
use serde_json::{Value as Json, json};

const MOST_VARIABLES: usize = 50;
const LONGEST_NAME: usize = 60;

const OWN: [Field; 8] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title),
    folded!(Text, "category", "category").default("\"general\""),
    folded!(Text, "language", "language").about("As the channel writes it: pt_BR, en_US."),
    plain("content", "content", Kind::LongText)
        .required()
        .found_by(FoundBy::Body)
        .about("With variables as {{name}}; {{contact.firstName}} and the like fill themselves."),
    plain("variables", "variables", Kind::Json)
        .system()
        .about("The names in its content, in order."),
    plain("isActive", "is_active", Kind::Bool).default("true"),
    link("channelId", "channel_id", "channel")
        .about("The channel whose far side knows it, for templates of WhatsApp."),
    folded!(Text, "approvedName", "approved_name")
        .about("Its name at the far side, where it was approved there."),
];

/// A text with variables.
pub static TEMPLATE: Object = Object {
    name: "messageTemplate",
    plural: "message_templates",
    shares: None,
    alias: Some("messages/templates"),
    about: "A text with variables, to be sent again and again.",
    fields: &OWN,
    rules: &Templates,
    routes: Routes::All,
    matched_by: "name",
};

pub(crate) fn migration() -> Migration {
    let templates = table(TEMPLATE.plural, columns(TEMPLATE.fields)).index(&["name_folded", "id"]);
    Migration { name: "2026-12-01-inbox-7-templates", steps: vec![Step::Create(templates)] }
}

struct Templates;

impl Rules for Templates {
    fn derive<'a>(&'a self, _desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            if matches!(change.what, What::Created | What::Updated)
                && let Some(content) = change.text("content")
            {
                let names = names(content)?;
                if change.get("variables") != Some(&json!(names)) {
                    change.set("variables", json!(names));
                }
            }
            Ok(())
        })
    }

    fn check(&self, _change: &Change) -> Result<()> {
        Ok(())
    }
}

/// A piece of a template.
#[derive(Debug, PartialEq)]
enum Piece<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// A template cut into its pieces.
///
/// # Errors
/// `Invalid` where a variable is not closed, or is none.
fn pieces(content: &str) -> Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = content;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (name, behind) = behind
            .split_once("}}")
            .ok_or_else(|| invalid("content", "has {{ without }} behind it"))?;
        let name = name.trim();
        let fits = !name.is_empty()
            && name.len() <= LONGEST_NAME
            && name.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.'));
        if !fits {
            let shown: String = name.chars().take(LONGEST_NAME).collect();
            return Err(invalid(
                "content",
                format!("has the variable {shown:?}, which is no name"),
            ));
        }
        pieces.extend([Piece::Text(before), Piece::Variable(name)]);
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// The names of its variables, each once, in order.
fn names(content: &str) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for piece in pieces(content)? {
        if let Piece::Variable(name) = piece
            && seen.insert(name)
        {
            names.push(name.to_owned());
        }
    }
    if names.len() > MOST_VARIABLES {
        return Err(invalid("content", format!("has more than {MOST_VARIABLES} variables")));
    }
    Ok(names)
}

#[derive(Deserialize)]
struct Row {
    content: String,
    is_active: Option<bool>,
    language: Option<String>,
    approved_name: Option<String>,
}

/// Writes the text of a new message that is made of a template.
///
/// # Errors
/// `Invalid`, naming the variables that have no value.
pub(crate) async fn fill(desk: Desk<'_>, change: &mut Change) -> Result<()> {
    let Some(template) = change.link("templateId") else { return Ok(()) };
    let select =
        Select::from(TEMPLATE.plural).whose("id", template).only(Condition::Null("deleted_at"));
    let row: Option<Row> = desk.db.first(select).await?;
    let row = row.ok_or_else(|| invalid("templateId", "is no template"))?;
    if row.is_active == Some(false) {
        return Err(invalid("templateId", "is a template that is switched off"));
    }
    let contact = contact(desk, change).await?;
    let given = change.get("variables").and_then(Json::as_object).cloned().unwrap_or_default();
    let (text, values) = filled(&row.content, &given, &contact)?;
    change.set("content", text);
    if let Some(name) = row.approved_name {
        change.set("type", "TEMPLATE");
        let language = row.language.unwrap_or_else(|| "en_US".to_owned());
        let template = json!({ "name": name, "language": language, "values": values });
        change.set("metadata", json!({ "template": template }));
    }
    Ok(())
}

/// The person that it is sent to, whose fields fill variables.
async fn contact(desk: Desk<'_>, change: &Change) -> Result<Record> {
    let (Some(id), Some(object)) = (change.link("contactId"), desk.records.object("contact"))
    else {
        return Ok(Record::new());
    };
    match desk.records.get(desk.ctx, desk.db, object, id).await {
        Ok(record) => Ok(record),
        Err(error) if error.kind() == kith_kernel::Kind::NotFound => Ok(Record::new()),
        Err(error) => Err(error),
    }
}

fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::String(_) | Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The text with its variables filled, and their values in order.
fn filled(content: &str, given: &Record, contact: &Record) -> Result<(String, Vec<String>)> {
    let value = |name: &str| {
        given.get(name).and_then(text_of).or_else(|| {
            let field = name.strip_prefix("contact.").unwrap_or(name);
            contact.get(field).and_then(text_of)
        })
    };
    let (mut text, mut values, mut missing) = (String::new(), Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for piece in pieces(content)? {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Variable(name) => match value(name) {
                Some(filled) => {
                    text.push_str(&filled);
                    if seen.insert(name) {
                        values.push(filled);
                    }
                }
                None if seen.insert(name) => missing.push(name),
                None => {}
            },
        }
    }
    if missing.is_empty() {
        return Ok((text, values));
    }
    Err(invalid("variables", format!("lacks {}", missing.join(", "))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(json: &Json) -> Record {
        json.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn variables_are_filled_by_what_is_given_and_by_the_contact() {
        let contact = record(&json!({ "firstName": "Ana", "name": "Ana Silva" }));
        let given = record(&json!({ "order": 42 }));
        let (text, values) =
            filled("Hello {{ contact.firstName }}, order {{order}} / {{order}}.", &given, &contact)
                .unwrap();
        assert_eq!(text, "Hello Ana, order 42 / 42.");
        assert_eq!(values, ["Ana", "42"]);
        let missing = filled("{{a}} {{b}} {{a}}", &given, &contact).unwrap_err();
        assert!(missing.to_string().contains("lacks a, b"), "{missing}");
        assert_eq!(names("{{b}} {{a}} {{b}}").unwrap(), ["b", "a"]);
        assert!(names("{{a").is_err() && names("{{}}").is_err() && names("{{a b}}").is_err());
    }

    proptest! {
        #[test]
        fn what_fills_is_not_filled_again(value in "\\{\\{[a-z]{1,3}\\}\\}|[a-z{}]{0,9}") {
            prop_assume!(!value.is_empty());
            let given = record(&json!({ "x": value }));
            let (text, _) = filled("<{{x}}>", &given, &Record::new()).unwrap();
            prop_assert_eq!(text, format!("<{value}>"));
        }
    }
}
