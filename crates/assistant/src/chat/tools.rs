//! What the assistant may do: look at records, make and change them, propose to delete them; all as the member may.

use kith_kernel::{Actor, Error, Id, Kind, Result, Role, Rule, Via, internal, invalid};
use kith_llm::Tool;
use kith_platform::Ctx;
use kith_records::{
    Ask, Manner, Object, Record,
    batches::{self, Kind as BatchKind, New},
};
use serde_json::{Map, Value as Json, json};

use super::{actions::Action, stored::Conversation};
use crate::{Assistant, model::strict};

/// What may be looked at.
const READ: [&str; 12] = [
    "account", "contact", "lead", "deal", "task", "activity", "note", "product", "pipeline",
    "stage", "member", "label",
];
/// What may be made, changed and deleted.
const WRITTEN: [&str; 7] = ["account", "contact", "lead", "deal", "task", "activity", "note"];
/// Rows of a list.
const MOST_ROWS: u64 = 20;
/// Bytes of what a tool tells.
const LARGEST: usize = 16_000;
/// Letters of a search.
const LONGEST_SEARCH: usize = 200;

/// What came of a call.
pub(crate) enum Done {
    /// What the model is told.
    Told(Json),
    /// A member is asked first.
    Waits,
}

/// The tools that are offered to a member.
pub(crate) fn offered(role: Role) -> Vec<Tool> {
    let mut tools = Vec::from(looking());
    if role >= Role::Member {
        tools.extend(changing());
    }
    tools
}

fn tool(name: &str, description: &str, parameters: Json) -> Tool {
    let (name, description) = (name.to_owned(), Some(description.to_owned()));
    Tool { name, description, parameters, strict: false }
}

fn one_of(objects: &[&str]) -> (&'static str, Json) {
    ("object", json!({ "type": "string", "enum": objects }))
}

fn of_record() -> (&'static str, Json) {
    ("id", json!({ "type": "string", "description": "The id of the record." }))
}

fn looking() -> [Tool; 3] {
    let rule = "A rule: {\"field\":\"amount\",\"op\":\"gt\",\"value\":1000}, or {\"all\":[…]}, {\"any\":[…]}, {\"not\":…}.";
    let find = json!({
        "type": "object",
        "properties": {
            "object": one_of(&READ).1,
            "search": { "type": "string", "description": "Words that the record has." },
            "filter": { "type": "object", "description": rule, "additionalProperties": true },
            "sort": { "type": "string", "description": "A field; with - before it descending." },
            "limit": { "type": "integer", "minimum": 1, "maximum": MOST_ROWS },
        },
        "required": ["object"],
        "additionalProperties": false,
    });
    let one = strict(&[one_of(&READ), of_record()]);
    [
        tool("find_records", "Records of one kind, by words or a rule.", find),
        tool("read_record", "One record with all its fields.", one),
        tool("describe_object", "The fields of a kind of record.", strict(&[one_of(&READ)])),
    ]
}

fn changing() -> [Tool; 3] {
    let about = "Values by the keys of fields; describe_object tells them.";
    let open = json!({ "type": "object", "description": about, "additionalProperties": true });
    let fields = || ("fields", open.clone());
    let new = strict(&[one_of(&WRITTEN), fields()]);
    let change = strict(&[one_of(&WRITTEN), of_record(), fields()]);
    let gone = strict(&[one_of(&WRITTEN), of_record()]);
    let delete = "Proposes to delete a record; the member is asked first.";
    [
        tool("create_record", "Makes a record, such as a task.", new),
        tool("update_record", "Changes fields of a record.", change),
        tool("delete_record", delete, gone),
    ]
}

/// Who changes something on a model's proposal: the member, marked.
fn marked(ctx: &Ctx) -> Ctx {
    ctx.app.on_behalf_of(Actor { via: Via::Assistant, ..ctx.actor.clone() })
}

impl Assistant {
    /// Does what a model asks for; what is wrong with it is told to the model.
    ///
    /// # Errors
    /// What is nobody's fault but ours, or passes.
    pub(crate) async fn call(&self, ctx: &Ctx, name: &str, arguments: &str) -> Result<Done> {
        match self.try_call(ctx, name, arguments).await {
            Err(error) if error.kind() == Kind::Internal => Err(error),
            Err(error) => Ok(Done::Told(refused(&error))),
            done => done,
        }
    }

    async fn try_call(&self, ctx: &Ctx, name: &str, arguments: &str) -> Result<Done> {
        let arguments: Map<String, Json> = serde_json::from_str(arguments)
            .map_err(|_| invalid("arguments", "are a JSON object"))?;
        match name {
            "find_records" => self.find(ctx, &arguments).await.map(Done::Told),
            "read_record" => self.read(ctx, &arguments).await.map(Done::Told),
            "describe_object" => self.describe(ctx, &arguments).map(Done::Told),
            "create_record" | "update_record" => {
                self.write(ctx, (name, &arguments)).await.map(Done::Told)
            }
            "delete_record" => {
                // It is there, and may be deleted, before anybody is asked.
                let (object, id) = (self.written(ctx, &arguments, "delete")?, id(&arguments)?);
                ctx.read(async |db| self.records.get(ctx, db, object, id).await).await?;
                Ok(Done::Waits)
            }
            _ => Err(invalid("tool", format!("{name:?} is not known"))),
        }
    }

    fn named(&self, arguments: &Map<String, Json>, known: &[&str]) -> Result<&'static Object> {
        let name = arguments.get("object").and_then(Json::as_str).unwrap_or_default();
        let why = || invalid("object", format!("is one of {}", known.join(", ")));
        let name = known.iter().find(|known| **known == name).ok_or_else(why)?;
        self.records.object(name).ok_or_else(|| internal("no such object"))
    }

    fn looked_at(&self, ctx: &Ctx, arguments: &Map<String, Json>) -> Result<&'static Object> {
        let object = self.named(arguments, &READ)?;
        ctx.actor.scopes.require(object.scope(), "read")?;
        Ok(object)
    }

    fn written(
        &self,
        ctx: &Ctx,
        arguments: &Map<String, Json>,
        action: &str,
    ) -> Result<&'static Object> {
        let object = self.named(arguments, &WRITTEN)?;
        if ctx.actor.role < Role::Member {
            return Err(kith_kernel::forbidden("Viewers change nothing."));
        }
        ctx.actor.scopes.require(object.scope(), action)?;
        Ok(object)
    }

    async fn find(&self, ctx: &Ctx, arguments: &Map<String, Json>) -> Result<Json> {
        let object = self.looked_at(ctx, arguments)?;
        let text = |key: &str| arguments.get(key).and_then(Json::as_str).map(str::trim);
        let search = text("search").filter(|text| !text.is_empty());
        if search.is_some_and(|search| search.len() > LONGEST_SEARCH) {
            return Err(invalid("search", format!("has {LONGEST_SEARCH} letters at most")));
        }
        let filter = arguments
            .get("filter")
            .filter(|filter| filter.as_object().is_some_and(|filter| !filter.is_empty()));
        let sort =
            text("sort").filter(|text| !text.is_empty()).map(|key| match key.strip_prefix('-') {
                Some(key) => (key.to_owned(), true),
                None => (key.to_owned(), false),
            });
        let limit = arguments.get("limit").and_then(Json::as_u64).unwrap_or(10);
        let ask = Ask {
            rule: filter.map_or_else(|| Ok(Rule::always()), Rule::parse)?,
            search: search.map(str::to_owned),
            sort: sort.into_iter().collect(),
            limit: limit.clamp(1, MOST_ROWS),
            ..Ask::default()
        };
        let page = ctx.read(async |db| self.records.list(ctx, db, object, &ask).await).await?;
        let mut page: Json = parsed(&page.json)?;
        let mut rows = match page["data"].take() {
            Json::Array(rows) => rows,
            _ => Vec::new(),
        };
        rows.iter_mut().for_each(without_nothing);
        let found = rows.len();
        while json!(rows).to_string().len() > LARGEST && rows.len() > 1 {
            rows.pop();
        }
        let more = rows.len() < found || page["nextCursor"].is_string();
        Ok(json!({ "records": rows, "hasMore": more }))
    }

    async fn read(&self, ctx: &Ctx, arguments: &Map<String, Json>) -> Result<Json> {
        let (object, id) = (self.looked_at(ctx, arguments)?, id(arguments)?);
        let ask = Ask::default();
        let read =
            ctx.read(async |db| self.records.read(ctx, db, object, (id, &ask)).await).await?;
        let mut record: Json = parsed(&read.1)?;
        without_nothing(&mut record);
        Ok(json!({ "record": record }))
    }

    fn describe(&self, ctx: &Ctx, arguments: &Map<String, Json>) -> Result<Json> {
        let object = self.looked_at(ctx, arguments)?;
        let fields = object.fields.iter().map(|field| {
            json!({
                "key": field.key, "kind": format!("{:?}", field.kind), "required": field.required,
                "about": field.about,
            })
        });
        Ok(
            json!({ "object": object.name, "about": object.about, "fields": fields.collect::<Json>() }),
        )
    }

    async fn write(
        &self,
        ctx: &Ctx,
        (name, arguments): (&str, &Map<String, Json>),
    ) -> Result<Json> {
        let object = self.written(ctx, arguments, "write")?;
        let fields = arguments.get("fields").and_then(Json::as_object);
        let fields: Record = fields.ok_or_else(|| invalid("fields", "are an object"))?.clone();
        if fields.is_empty() {
            return Err(invalid("fields", "name what is to be written"));
        }
        let is_new = name == "create_record";
        let id = if is_new { None } else { Some(id(arguments)?) };
        let batch = ctx.new_id();
        let ctx = marked(ctx).in_batch(batch);
        let action = if is_new { "create" } else { "update" };
        let mut record = ctx
            .write(async |db| {
                batches::begin(
                    &ctx,
                    db,
                    &New::done(batch, BatchKind::Assistant, (object.name, action)),
                )?;
                match id {
                    None => Ok(self.records.create(&ctx, db, object, fields.clone()).await?.1),
                    Some(id) => {
                        let change = (id, fields.clone(), Manner::default());
                        self.records.update(&ctx, db, object, change).await
                    }
                }
            })
            .await
            .map(Json::Object)?;
        without_nothing(&mut record);
        Ok(json!({ "record": record, "batch": batch }))
    }

    /// Does what a member was asked about and has accepted.
    pub(crate) async fn carry_out(
        &self,
        ctx: &Ctx,
        conversation: Id,
        action: &Action,
    ) -> Result<Json> {
        let arguments = action.arguments();
        if action.tool != "delete_record" {
            return Err(internal("only deletions are proposed"));
        }
        let (object, id) = (self.written(ctx, &arguments, "delete")?, id(&arguments)?);
        let batch = ctx.new_id();
        let ctx = marked(ctx).in_batch(batch);
        ctx.write(async |db| {
            Conversation::find(&ctx, db, conversation).await?;
            action.decide(&ctx, db, true).await?;
            self.records.delete(&ctx, db, object, (id, Manner::default())).await?;
            batches::begin(
                &ctx,
                db,
                &New::done(batch, BatchKind::Assistant, (object.name, "delete")),
            )
        })
        .await?;
        Ok(json!({ "deleted": id, "object": object.name, "batch": batch }))
    }
}

fn id(arguments: &Map<String, Json>) -> Result<Id> {
    let text = arguments.get("id").and_then(Json::as_str).unwrap_or_default();
    text.parse().map_err(|_| invalid("id", "is the id of a record"))
}

fn parsed(json: &[u8]) -> Result<Json> {
    serde_json::from_slice(json).map_err(|error| internal("an answer is no JSON").caused_by(error))
}

/// Leaves out keys without a value, which only cost tokens.
fn without_nothing(record: &mut Json) {
    if let Some(record) = record.as_object_mut() {
        record.retain(|_, value| !value.is_null());
    }
}

/// An error, as a model is told.
fn refused(error: &Error) -> Json {
    let problems: Vec<Json> = error
        .problems()
        .iter()
        .map(|problem| json!({ "pointer": problem.pointer, "message": problem.message }))
        .collect();
    json!({ "error": error.message(), "code": error.code(), "problems": problems })
}
