//! Tools of agents: bound to the person of the conversation, by an allow-list, with the agent's own rights. No argument of
//! theirs names a record, so that nothing a customer writes can make one reach another's.

use kith_kernel::{Actor, Id, Result, Role, Via};
use kith_llm::{Tool, ToolCall};
use kith_platform::Ctx;
use kith_records::{Ask, Object, Record, Records};
use serde_json::{Map, Value as Json, json};

use super::{rules::TOOLS, talk::Agent};
use crate::model::strict;

/// Bytes of the arguments of a call.
const LARGEST: usize = 8_000;
const MOST_ROWS: u64 = 10;
/// Fields of the person that an agent may change.
const CHANGED: [&str; 4] = ["firstName", "lastName", "company", "jobTitle"];

/// What a call came to.
pub(super) enum Called {
    /// What the model is told.
    Told(Json),
    /// It asks for a member.
    HandOver(String),
}

/// The tools that an agent is offered.
pub(super) fn offered(agent: &Agent) -> Vec<Tool> {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let tool = |name: &str, about: &str, parameters: Json| Tool {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        parameters,
        strict: false,
    };
    let all = [
        tool("read_record", "What is known of the person who writes.", strict(&[])),
        tool("search_records", "The deals of the person who writes.", strict(&[])),
        tool(
            "create_task",
            "A task for a colleague, about the person who writes.",
            strict(&[("title", text("What is to be done."))]),
        ),
        tool(
            "create_note",
            "A note about the person who writes, for colleagues.",
            strict(&[("content", text("What is to be remembered."))]),
        ),
        tool(
            "update_contact",
            "Corrects what is known of the person who writes.",
            strict(&CHANGED.map(|key| (key, json!({ "type": ["string", "null"] })))),
        ),
        tool(
            "hand_over",
            "Passes the conversation on to a colleague: when the documents do not answer, or the person asks for it.",
            strict(&[("reason", text("Why."))]),
        ),
    ];
    let allowed = agent.tools();
    let is_allowed = |tool: &Tool| tool.name == "hand_over" || allowed.contains(&tool.name);
    all.into_iter().filter(is_allowed).collect()
}

/// Who an agent's tools act as.
fn acting(ctx: &Ctx, agent: &Agent) -> Ctx {
    let role =
        if agent.permission.as_deref() == Some("member") { Role::Member } else { Role::Viewer };
    let actor = Actor { role, via: Via::Assistant, member: None, ..ctx.actor.clone() };
    ctx.app.on_behalf_of(actor)
}

/// Does what a model asks for, where it may; what it may not is told to it.
pub(super) async fn call(
    records: &Records,
    (ctx, agent, contact): (&Ctx, &Agent, Option<Id>),
    call: &ToolCall,
) -> Result<Called> {
    let told = |why: &str| Ok(Called::Told(json!({ "error": why })));
    let arguments: Option<Map<String, Json>> = Some(&call.arguments)
        .filter(|text| text.len() <= LARGEST)
        .and_then(|text| serde_json::from_str(text).ok());
    let Some(arguments) = arguments else { return told("The arguments are no JSON object.") };
    let text = |key: &str| arguments.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    if call.name == "hand_over" {
        return Ok(Called::HandOver(text("reason")));
    }
    if !TOOLS.contains(&call.name.as_str()) || !agent.tools().contains(&call.name) {
        return told("There is no such tool.");
    }
    let Some(contact) = contact else { return told("Nobody knows who writes.") };
    let ctx = acting(ctx, agent);
    let done = match call.name.as_str() {
        "read_record" => shown(records, &ctx, contact).await,
        "search_records" => deals(records, &ctx, contact).await,
        name if ctx.actor.role < Role::Member => {
            return told(&format!("This agent changes nothing, so that it cannot {name}."));
        }
        "create_task" => {
            let made = json!({ "title": text("title"), "relatedId": contact });
            make(records, &ctx, ("task", made)).await
        }
        "create_note" => {
            let made = json!({ "content": text("content"), "relatedId": contact });
            make(records, &ctx, ("note", made)).await
        }
        "update_contact" => change(records, &ctx, (contact, &arguments)).await,
        _ => return told("There is no such tool."),
    };
    match done {
        Ok(json) => Ok(Called::Told(json)),
        Err(error) if error.kind() == kith_kernel::Kind::Internal => Err(error),
        Err(error) => told(error.message()),
    }
}

fn object(records: &Records, name: &str) -> Result<&'static Object> {
    records.object(name).ok_or_else(|| kith_kernel::internal("no such object"))
}

async fn shown(records: &Records, ctx: &Ctx, contact: Id) -> Result<Json> {
    let kind = object(records, "contact")?;
    let record = ctx.read(async |db| records.get(ctx, db, kind, contact).await).await?;
    let keys = ["name", "firstName", "lastName", "company", "jobTitle", "status", "labels"];
    let shown = keys.iter().filter_map(|key| Some(((*key).to_owned(), record.get(*key)?.clone())));
    Ok(Json::Object(shown.collect()))
}

async fn deals(records: &Records, ctx: &Ctx, contact: Id) -> Result<Json> {
    let kind = object(records, "deal")?;
    let rule = kith_kernel::Rule::Field(kith_kernel::Condition {
        field: "contactId".to_owned(),
        op: kith_kernel::Op::Eq,
        value: json!(contact),
    });
    let fields = ["name", "stage", "status", "amount", "currency", "expectedCloseDate"];
    let ask = Ask {
        rule,
        limit: MOST_ROWS,
        fields: Some(fields.map(str::to_owned).to_vec()),
        ..Ask::default()
    };
    let page = ctx.read(async |db| records.list(ctx, db, kind, &ask).await).await?;
    serde_json::from_slice(&page.json)
        .map_err(|error| kith_kernel::internal("a page is no JSON").caused_by(error))
}

async fn make(records: &Records, ctx: &Ctx, (name, input): (&str, Json)) -> Result<Json> {
    let kind = object(records, name)?;
    let input: Record = input.as_object().cloned().unwrap_or_default();
    let (id, _) = ctx.write(async |db| records.create(ctx, db, kind, input).await).await?;
    Ok(json!({ "made": name, "id": id }))
}

async fn change(
    records: &Records,
    ctx: &Ctx,
    (contact, arguments): (Id, &Map<String, Json>),
) -> Result<Json> {
    let kind = object(records, "contact")?;
    let changes: Record = CHANGED
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), arguments.get(*key)?.clone())))
        .filter(|(_, value)| value.is_string())
        .collect();
    let change = (contact, changes, kith_records::Manner::default());
    ctx.write(async |db| records.update(ctx, db, kind, change).await).await?;
    Ok(json!({ "changed": true }))
}
