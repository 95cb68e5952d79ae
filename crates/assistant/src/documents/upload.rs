//! Uploads: a form with files, which are stored as they stream in; their documents come behind the last byte of all.

use std::sync::Arc;

use kith_gateway::{Capability, Wanted};
use kith_http::{Answer, Call, Form};
use kith_kernel::{Result, invalid, text::nearest, too_large, unsupported};
use kith_platform::{
    Attempts, Ctx,
    storage::{Incoming, Written},
};
use kith_records::{Manner, Record};
use serde_json::{Value as Json, json};

use super::{
    DOCUMENT, Documents, MOST_FILES, PATH,
    object::{CATEGORIES, new},
};

/// Names under which files come.
const FILES: [&str; 3] = ["file", "files", "documents"];
const FIELDS: [&str; 9] = [
    "file",
    "files",
    "documents",
    "name",
    "category",
    "labels",
    "chunkSize",
    "overlap",
    "transcript",
];
/// How names of files with sound end.
const SOUNDS: [&str; 10] =
    ["mp3", "mpga", "m4a", "mp4", "wav", "ogg", "oga", "opus", "webm", "flac"];
/// Characters of a transcript that comes along with its sound.
const LONGEST_TRANSCRIPT: usize = 60_000;
/// Types by the ends of names.
const ENDS: [(&str, &str); 13] = [
    ("pdf", "PDF"),
    ("docx", "DOCX"),
    ("txt", "TXT"),
    ("text", "TXT"),
    ("log", "TXT"),
    ("md", "MD"),
    ("markdown", "MD"),
    ("html", "HTML"),
    ("htm", "HTML"),
    ("xhtml", "HTML"),
    ("csv", "CSV"),
    ("tsv", "CSV"),
    ("json", "JSON"),
];

pub(super) fn form() -> Json {
    let file = json!({ "type": "string", "format": "binary" });
    let files = json!({ "type": "array", "items": file, "maxItems": MOST_FILES });
    json!({
        "type": "object",
        "properties": {
            "file": file, "files": files, "documents": files,
            "name": { "type": "string", "description": "Instead of the file's own name, of one file." },
            "category": { "type": "string", "enum": CATEGORIES },
            "labels": { "type": "string", "description": "Names, with commas between." },
            "chunkSize": { "type": "integer" }, "overlap": { "type": "integer" },
            "transcript": { "type": "string", "description": "What is said in the file, of one file with sound." },
        },
    })
}

/// Whether a file of this name holds sound.
pub(super) fn is_sound(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    SOUNDS.contains(&end.as_str())
}

pub(super) fn pdf_form() -> Json {
    json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": { "type": "string", "format": "binary" },
            "name": { "type": "string", "description": "Instead of the file's own name." },
        },
    })
}

/// A file that came whole.
struct Taken {
    incoming: Incoming,
    written: Written,
    name: String,
    kind: &'static str,
}

impl Taken {
    /// What its document is made of, with what was wished.
    fn document(&self, given: &Record) -> Record {
        let mut input = new(self.kind, &self.name);
        input.insert("originalName".to_owned(), json!(self.name));
        input.insert("size".to_owned(), json!(self.written.size));
        input.insert("contentId".to_owned(), json!(self.incoming.file()));
        input.extend(given.clone());
        input
    }
}

pub(super) async fn take(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let made = documents.upload(&mut call, MOST_FILES, None).await?;
    match made.as_slice() {
        [one] => created(one),
        all => Ok(Answer::json(&json!({ "data": all, "nextCursor": null }))?.status(201)),
    }
}

pub(super) async fn take_pdf(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let made = documents.upload(&mut call, 1, Some("PDF")).await?;
    made.first().map_or_else(|| Err(invalid("file", "is required")), created)
}

/// The answer for a document that was made.
pub(super) fn created(record: &Record) -> Result<Answer> {
    let place = format!("{PATH}/{}", record["id"].as_str().unwrap_or_default());
    Ok(Answer::json(record)?.created(&place).tagged(1))
}

impl Documents {
    /// Takes files and makes their documents, all or none.
    async fn upload(
        &self,
        call: &mut Call,
        most: usize,
        kind: Option<&'static str>,
    ) -> Result<Vec<Record>> {
        call.query()?.only(&[])?;
        // What is refused from here on is dropped, and with it the bytes.
        let (taken, given) = self.receive(call, (most, kind)).await?;
        if taken.is_empty() {
            return Err(invalid("file", "is required"));
        }
        if taken.len() > 1 && given.contains_key("name") {
            return Err(invalid("name", "is for one file alone"));
        }
        let ctx = &call.ctx;
        self.can_hear(ctx, &taken, &given).await?;
        let mut attempts = Attempts::new();
        let made = loop {
            let done = ctx
                .write(async |db| {
                    let mut made = Vec::new();
                    for one in &taken {
                        one.incoming.keep(db).await?;
                        let input = one.document(&given);
                        let record = self
                            .records
                            .create_in(ctx, db, &DOCUMENT, (input, Manner::HOUSE))
                            .await?;
                        made.push(record.1);
                    }
                    Ok(made)
                })
                .await;
            if attempts.end_with(&done) {
                break done?;
            }
        };
        for one in taken {
            one.incoming.kept();
        }
        Ok(made)
    }

    /// Refuses sound that nobody could put into words, and words that belong to no sound.
    async fn can_hear(&self, ctx: &Ctx, taken: &[Taken], given: &Record) -> Result<()> {
        let has_sound = taken.iter().any(|one| is_sound(&one.name));
        if given.contains_key("transcript") {
            let is_one = taken.len() == 1 && has_sound;
            let why = "belongs to one file with sound";
            return if is_one { Ok(()) } else { Err(invalid("transcript", why)) };
        }
        if !has_sound {
            return Ok(());
        }
        let wanted = (Capability::Transcription, &Wanted::default());
        if self.gateway.can_ask(ctx, wanted).await? {
            return Ok(());
        }
        let why = "is needed: no provider that turns sound into text is set up. What was said can also be handed in \
                   by POST /api/documents/voice";
        Err(invalid("transcript", why))
    }

    async fn receive(
        &self,
        call: &mut Call,
        (most, kind): (usize, Option<&'static str>),
    ) -> Result<(Vec<Taken>, Record)> {
        let ctx = call.ctx.clone();
        let mut form = Form::of(call)?;
        form.limit = self.largest;
        let (mut taken, mut given) = (Vec::new(), Record::new());
        while let Some(mut field) = form.next().await? {
            let key = field.name().unwrap_or_default().to_owned();
            if !FILES.contains(&key.as_str()) {
                wish(&mut given, &key, &Form::text(field).await?)?;
                continue;
            }
            if taken.len() == most {
                return Err(too_large(format!("More than {most} files at once are not taken.")));
            }
            let name = cleaned(field.file_name().unwrap_or_default());
            let is = kind_of(&name)?;
            if kind.is_some_and(|kind| kind != is) {
                return Err(unsupported(
                    "This takes PDFs alone; POST /api/documents takes the others.",
                ));
            }
            let mut incoming = self.storage.receive(&ctx).await?;
            let mut size = 0;
            while let Some(piece) = form.piece(&mut field, size).await? {
                size += piece.len();
                incoming.add(&piece).await?;
            }
            if size == 0 {
                return Err(invalid(&key, "is an empty file"));
            }
            let written = incoming.end().await?;
            taken.push(Taken { incoming, written, name, kind: is });
        }
        Ok((taken, given))
    }
}

/// A name without its path.
fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars()
        .filter(|letter| !letter.is_control())
        .take(255)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The type of a file, as its name ends.
fn kind_of(name: &str) -> Result<&'static str> {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    if let Some((_, kind)) = ENDS.iter().find(|(known, _)| *known == end) {
        return Ok(kind);
    }
    if is_sound(name) {
        return Ok("VOICE");
    }
    if end == "doc" {
        return Err(unsupported("Old files of Word (.doc) are not read. Save it as .docx."));
    }
    let all: Vec<&str> = ENDS.iter().map(|(end, _)| *end).chain(SOUNDS).collect();
    Err(unsupported(format!("The name of the file must end in one of {}.", all.join(", "))))
}

fn wish(given: &mut Record, name: &str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(invalid(name, "holds a NUL character"));
    }
    let key = kith_kernel::text::camel_case(name);
    let number =
        || value.trim().parse::<i64>().map_err(|_| invalid(&key, "must be a whole number"));
    let json = match key.as_str() {
        "name" | "category" => json!(value),
        "chunkSize" | "overlap" => json!(number()?),
        "transcript" => {
            let length = value.chars().count();
            if value.trim().is_empty() || length > LONGEST_TRANSCRIPT {
                let why = format!("is a text of at most {LONGEST_TRANSCRIPT} characters");
                return Err(invalid(&key, why));
            }
            json!(value)
        }
        "labels" => {
            let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
            json!(names.collect::<Vec<_>>())
        }
        _ => {
            let shown: String = name.chars().take(80).collect();
            let meant = nearest(name, FIELDS).map(|known| format!("; did you mean {known}?"));
            return Err(invalid(&shown, format!("is not known here{}", meant.unwrap_or_default())));
        }
    };
    if given.insert(key.clone(), json).is_some() {
        return Err(invalid(&key, "is given twice"));
    }
    Ok(())
}
