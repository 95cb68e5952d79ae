//! Imports over HTTP: a file is taken as it streams in, a job reads it, its report can be asked for.

use std::path::Path;

use axum::{body::Body, http::header};
use kith_http::{Answer, Call, Form, LimitClass, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, invalid, not_found};
use kith_platform::{Ctx, files::Upload, jobs};
use serde_json::{Value as Json, json};

use super::{
    Imports, OnMatch, RunImport, Wishes, errors,
    plan::{self, HEAD, not_people},
    rows::is_of_cards,
    state::{self, Begun},
};
use crate::describe::Object;

/// Files may be this large; they are stored and read in pieces.
const LARGEST_FILE: usize = 2 << 30;
/// A file may take this long to arrive.
const SECONDS_TO_ARRIVE: u64 = 3_600;
const LARGEST_NAME: usize = 200;

/// The route by which one kind of records is imported.
pub fn object_route(imports: &Imports, object: &'static Object) -> Routes {
    let about = if object.rules.are_people() {
        "CSV: any delimiter and encoding. Or vCards (.vcf) of version 2.1, 3.0 or 4.0."
    } else {
        "CSV: any delimiter and encoding."
    };
    let form = json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": { "type": "string", "format": "binary", "description": about },
            "mapping": { "type": "string", "description": "JSON: column to field, to {field, scale}, or to null." },
            "matchBy": { "type": "string", "description": "The field by which records are known again." },
            "onMatch": { "type": "string", "enum": ["skip", "update"] },
            "dryRun": { "type": "string", "enum": ["true", "false"] },
        },
    });
    let path = |plural: &str| format!("/api/{plural}/import");
    let mut operation = Operation::post(
        path(&object.path()),
        object.scope(),
        &format!("Import {} from a file", object.plural),
    )
    .role(if object.routes == crate::Routes::Kept { Role::Admin } else { Role::Member })
    .scope(object.scope(), "write")
    .upload(form, LARGEST_FILE, SECONDS_TO_ARRIVE)
    .answers(202, "The import; Location is where it can be followed.", schema::named("Import"));
    if let Some(alias) = object.alias {
        operation = operation.alias(path(alias));
    }
    let imports = imports.clone();
    Routes::new().add(operation, move |call| take(imports.clone(), object, call))
}

/// The routes by which imports are followed.
pub fn import_routes(imports: &Imports) -> Routes {
    let list = Operation::get("/api/imports", "imports", "The newest imports")
        .scope("imports", "read")
        .query("limit", schema::integer(), "Imports at most, 1 to 200.")
        .answers(200, "Newest first.", schema::page(schema::named("Import")));
    let read =
        Operation::get("/api/imports/{id}", "imports", "How far an import is, and what it found")
            .scope("imports", "read")
            .answers(200, "The import.", schema::named("Import"));
    let errors =
        Operation::get("/api/imports/{id}/errors", "imports", "The rows that could not be taken")
            .scope("imports", "read")
            .limit(LimitClass::Api)
            .answers_text(
                200,
                "The rows as they came, each with its line and the reason.",
                "text/csv",
            );
    let (a, b) = (imports.clone(), imports.clone());
    Routes::new()
        .add(list, move |call| list_imports(a.clone(), call))
        .add(read, move |call| read_import(b.clone(), call))
        .add(errors, read_errors)
}

async fn take(imports: Imports, object: &'static Object, mut call: Call) -> Result<Answer> {
    let object = imports.records.meant(&call, object).await?;
    // What is refused from here on is dropped, and with it the upload.
    let (Sent { upload, head, name }, wishes) = receive(&mut call, object).await?;
    imports.check(&call.ctx, object, (&wishes, Some((&head, &name)))).await?;
    let id = call.ctx.new_id();
    note(&call, object, (id, upload.file(), &name, &wishes)).await?;
    upload.keep();
    let stored = call.ctx.read(async |db| state::find(db, id).await).await?;
    Ok(Answer::json(&stored.to_json(&object.path()))?.accepted(&format!("/api/imports/{id}")))
}

async fn note(call: &Call, object: &'static Object, of: (Id, Id, &str, &Wishes)) -> Result<()> {
    let (id, file, file_name, wishes) = of;
    let ctx = &call.ctx;
    ctx.write(async |db| {
        let begun =
            Begun { id, object: object.name, file_name, path: "", file: Some(file), wishes };
        state::begin(ctx, db, &begun).await?;
        jobs::enqueue(ctx, db, &RunImport { import: id }).map(drop)
    })
    .await
}

/// A file that came.
struct Sent {
    upload: Upload,
    /// What it begins with.
    head: Vec<u8>,
    name: String,
}

/// Stores the file as it comes and reads the other fields of the form.
async fn receive(call: &mut Call, object: &'static Object) -> Result<(Sent, Wishes)> {
    let mut form = Form::of(call)?;
    let mut wishes = Wishes::default();
    let mut file = None;
    while let Some(field) = form.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" if file.is_some() => return Err(invalid("file", "is given twice")),
            "file" => {
                let name = plain_name(field.file_name());
                let is_card =
                    field.content_type().is_some_and(|kind| CARDS.contains(&kind.essence_str()));
                if (is_card || is_of_cards(&name)) && !object.rules.are_people() {
                    return Err(not_people(object));
                }
                let name =
                    if is_card && !is_of_cards(&name) { format!("{name}.vcf") } else { name };
                let (upload, head) = store(&call.ctx, &form, field).await?;
                file = Some(Sent { upload, head, name });
            }
            other => wish(&mut wishes, other, &Form::text(field).await?)?,
        }
    }
    Ok((file.ok_or_else(|| invalid("file", "is required"))?, wishes))
}

/// What cards are sent as, now and of old.
const CARDS: [&str; 3] = ["text/vcard", "text/x-vcard", "text/directory"];

/// The last part of a name, for people alone: the file is stored under its id.
fn plain_name(name: Option<&str>) -> String {
    let last = name.and_then(|name| name.rsplit(['/', '\\']).next()).unwrap_or_default();
    let shown: String =
        last.chars().filter(|letter| !letter.is_control()).take(LARGEST_NAME).collect();
    if shown.is_empty() { "import.csv".to_owned() } else { shown }
}

async fn store(
    ctx: &Ctx,
    form: &Form,
    mut field: multer::Field<'static>,
) -> Result<(Upload, Vec<u8>)> {
    let mut upload = Upload::begin(ctx).await?;
    let (mut size, mut head) = (0, Vec::new());
    while let Some(piece) = form.piece(&mut field, size).await? {
        size += piece.len();
        head.extend(piece.iter().take(HEAD - head.len()));
        upload.add(&piece).await?;
    }
    upload.end().await?;
    Ok((upload, head))
}

fn wish(wishes: &mut Wishes, name: &str, value: &str) -> Result<()> {
    match name {
        "mapping" => {
            let read = serde_json::from_str(value);
            wishes.mapping =
                read.map_err(|error| invalid("mapping", format!("cannot be read: {error}")))?;
        }
        "matchBy" | "match_by" => wishes.match_by = Some(value.to_owned()),
        "onMatch" | "on_match" => {
            wishes.on_match = match value {
                "skip" => OnMatch::Skip,
                "update" => OnMatch::Update,
                _ => return Err(invalid("onMatch", "is none of skip, update")),
            };
        }
        "dryRun" | "dry_run" => {
            wishes.dry_run = match value {
                "true" | "1" => true,
                "false" | "0" | "" => false,
                _ => return Err(invalid("dryRun", "is neither true nor false")),
            };
        }
        _ => {
            let known = ["file", "mapping", "matchBy", "onMatch", "dryRun"];
            let meant = kith_kernel::text::nearest(name, known)
                .map(|known| format!("; did you mean {known}?"));
            return Err(invalid(name, format!("is not known here{}", meant.unwrap_or_default())));
        }
    }
    Ok(())
}

async fn list_imports(imports: Imports, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["limit"])?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let found = call.ctx.read(async |db| state::newest(db, limit).await).await?;
    let data: Vec<Json> =
        found.iter().map(|stored| stored.to_json(&imports.path(&stored.object))).collect();
    Answer::json(&json!({ "data": data, "nextCursor": null }))
}

async fn read_import(imports: Imports, call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    let stored = call.ctx.read(async |db| state::find(db, id).await).await?;
    Answer::json(&stored.to_json(&imports.path(&stored.object)))
}

async fn read_errors(call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    call.ctx.read(async |db| state::find(db, id).await).await?;
    let rows = errors::read(&call.ctx, id).await?;
    let rows = rows.ok_or_else(|| not_found("error file: every row was taken"))?;
    let name = format!("attachment; filename=\"{id}.errors.csv\"");
    Ok(Answer::stream("text/csv; charset=utf-8", Body::from_stream(rows))
        .header(header::CONTENT_DISPOSITION, &name))
}

impl Imports {
    fn path(&self, object: &str) -> String {
        self.records.stored_object(object).map_or_else(String::new, Object::path)
    }

    /// Refuses wishes that no file could fulfil.
    /// Refuses what can be seen to fail before a job looks through the whole file.
    async fn check(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (wishes, head): (&Wishes, Option<(&[u8], &str)>),
    ) -> Result<()> {
        let shape = self.records.shape(object)?;
        let custom = ctx.read(async |db| self.records.custom_fields(db, object).await).await?;
        plan::check(&shape, &custom, wishes)?;
        head.map_or(Ok(()), |head| plan::check_head(head, &shape, &custom, wishes))
    }

    /// An import of a file on this machine, noted and not yet run; for the command line.
    pub async fn begin(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        of: (&Path, &Wishes),
    ) -> Result<Id> {
        let (path, wishes) = of;
        self.check(ctx, object, (wishes, None)).await?;
        let id = ctx.new_id();
        let file_name = plain_name(path.to_str());
        let path = path.display().to_string();
        let begun = Begun {
            id,
            object: object.name,
            file_name: &file_name,
            path: &path,
            file: None,
            wishes,
        };
        ctx.write(async |db| state::begin(ctx, db, &begun).await).await?;
        Ok(id)
    }
}

/// The schema of an import.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn schemas() -> Vec<(String, Json)> {
    let finding = schema::object(
        vec![
            ("column", schema::string()),
            ("value", schema::string()),
            ("matched", schema::string()),
            ("rows", schema::integer()),
        ],
        &["column", "value", "rows"],
    );
    let column = schema::object(
        vec![
            ("column", schema::string()),
            ("field", schema::nullable(schema::string())),
            ("dateFormat", schema::nullable(schema::string())),
            ("scale", schema::integer()),
            ("note", schema::nullable(schema::string())),
        ],
        &["column", "field"],
    );
    let counts = [
        "rows",
        "created",
        "updated",
        "skipped",
        "failed",
        "rounded",
        "linked",
        "bytes",
        "totalBytes",
    ];
    let mut keys: Vec<(&str, Json)> = vec![
        ("id", schema::id()),
        ("object", schema::string()),
        ("path", schema::string()),
        ("fileName", schema::string()),
        ("state", schema::one_of(&["queued", "running", "completed", "failed"])),
        ("dryRun", schema::boolean()),
        ("matchBy", schema::nullable(schema::string())),
        ("onMatch", schema::one_of(&["skip", "update"])),
        ("error", schema::nullable(schema::string())),
        ("createdAt", schema::time()),
        ("finishedAt", schema::nullable(schema::time())),
        ("columns", json!({ "type": ["array", "null"], "items": column })),
        ("errorsUrl", schema::nullable(schema::string())),
        ("nearMatches", schema::list(finding.clone())),
        ("unmatched", schema::list(finding.clone())),
        ("made", schema::list(finding)),
        ("customFields", schema::list(schema::string())),
        ("notes", schema::list(schema::string())),
    ];
    keys.extend(counts.map(|name| (name, schema::integer())));
    vec![(
        "Import".to_owned(),
        schema::object(keys, &["id", "object", "state", "rows", "created", "failed"]),
    )]
}
