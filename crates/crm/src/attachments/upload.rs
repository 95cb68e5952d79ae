//! Uploads: a form with a file, which is stored as it streams in; the record comes behind its last byte.

use std::sync::Arc;

use kith_http::{Answer, Call, Form};
use kith_kernel::{Id, Result, invalid, text::nearest};
use kith_platform::{
    Attempts,
    storage::{Incoming, Written, kinds},
};
use kith_records::{Manner, Record};
use kith_store::Write;
use serde_json::{Value as Json, json};

use super::{ATTACHMENT, Attachments, PATH, cleaned, related};

/// What a form may hold.
const FIELDS: [&str; 4] = ["file", "name", "relatedTo", "relatedId"];

pub(super) fn form() -> Json {
    json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": { "type": "string", "format": "binary" },
            "name": { "type": "string", "description": "Instead of the file's own name." },
            "relatedId": { "type": "string", "format": "uuid", "description": "The record that it is at; none where it is at none." },
            "relatedTo": { "type": "string", "description": "The kind of that record, such as contact; refused where it is of another." },
        },
    })
}

/// What came with a file.
#[derive(Default)]
struct Given {
    name: Option<String>,
    related_to: Option<String>,
    related_id: Option<Id>,
}

/// A file that came whole.
struct Taken {
    incoming: Incoming,
    written: Written,
    name: String,
    kind: &'static str,
}

pub(super) async fn take(attachments: Arc<Attachments>, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    // What is refused from here on is dropped, and with it the bytes.
    let (taken, given) = receive(&attachments, &mut call).await?;
    let ctx = &call.ctx;
    let mut attempts = Attempts::new();
    let record = loop {
        let done = ctx
            .write(async |db| {
                taken.incoming.keep(db).await?;
                attachments.attach(&call, db, (&taken, &given)).await
            })
            .await;
        if attempts.end_with(&done) {
            break done?;
        }
    };
    taken.incoming.kept();
    let place = format!("{PATH}/{}", record["id"].as_str().unwrap_or_default());
    Ok(Answer::json(&record)?.created(&place).tagged(1))
}

impl Attachments {
    async fn attach(
        &self,
        call: &Call,
        db: &Write,
        (taken, given): (&Taken, &Given),
    ) -> Result<Record> {
        let name = given.name.as_deref().unwrap_or(&taken.name);
        let mut input = Record::from_iter([
            ("name".to_owned(), json!(cleaned(name))),
            ("contentType".to_owned(), json!(taken.kind)),
            ("size".to_owned(), json!(taken.written.size)),
            ("sha256".to_owned(), json!(taken.written.sha256)),
            ("contentId".to_owned(), json!(taken.incoming.file())),
        ]);
        if let Some(id) = given.related_id {
            input.insert("relatedId".to_owned(), json!(id));
        }
        let ctx = &call.ctx;
        let made = self.records.create_in(ctx, db, &ATTACHMENT, (input, Manner::HOUSE)).await?;
        let (_, record) = made;
        let to = record.get("relatedTo").and_then(Json::as_str);
        if let Some(wanted) = &given.related_to {
            let object = self.records.object_given(db, "relatedTo", wanted).await?;
            if to != Some(object.name) {
                return Err(invalid("relatedTo", "is not the kind of the record"));
            }
        }
        if let (Some(to), Some(id)) = (to, given.related_id) {
            self.may_read(ctx, db, (to, id)).await.map_err(|error| related(error, to))?;
        }
        Ok(record)
    }
}

async fn receive(attachments: &Attachments, call: &mut Call) -> Result<(Taken, Given)> {
    let ctx = call.ctx.clone();
    let mut form = Form::of(call)?;
    let mut given = Given::default();
    let mut file = None;
    while let Some(mut field) = form.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" if file.is_some() => return Err(invalid("file", "is given twice")),
            "file" => {
                let name = cleaned(field.file_name().unwrap_or_default());
                let mut incoming = attachments.storage.receive(&ctx).await?;
                let (mut size, mut head) = (0, Vec::new());
                while let Some(piece) = form.piece(&mut field, size).await? {
                    size += piece.len();
                    let room = kinds::LOOKED_AT - head.len();
                    head.extend_from_slice(&piece[..piece.len().min(room)]);
                    incoming.add(&piece).await?;
                }
                file = Some((incoming, name, head));
            }
            other => wish(&mut given, other, Form::text(field).await?)?,
        }
    }
    let (mut incoming, name, head) = file.ok_or_else(|| invalid("file", "is required"))?;
    let written = incoming.end().await?;
    let kind = kinds::of(&head, &name);
    Ok((Taken { incoming, written, name, kind }, given))
}

fn wish(given: &mut Given, name: &str, value: String) -> Result<()> {
    if value.contains('\0') {
        return Err(invalid(name, "holds a NUL character"));
    }
    let key = kith_kernel::text::camel_case(name);
    let twice = match key.as_str() {
        "name" => given.name.replace(value).is_some(),
        "relatedTo" => given.related_to.replace(value).is_some(),
        "relatedId" => {
            let id = value.parse().map_err(|_| invalid("relatedId", Id::EXPECTED))?;
            given.related_id.replace(id).is_some()
        }
        _ => {
            let shown: String = name.chars().take(80).collect();
            let meant = nearest(name, FIELDS).map(|known| format!("; did you mean {known}?"));
            let why = format!("is not known here{}", meant.unwrap_or_default());
            return Err(invalid(&shown, why));
        }
    };
    if twice { Err(invalid(&key, "is given twice")) } else { Ok(()) }
}
