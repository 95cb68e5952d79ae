//! Files that go along with messages: read from the storage, and written into forms.

use futures_util::TryStreamExt;
use kith_kernel::{Id, Result, not_found};
use kith_platform::Ctx;
use kith_store::{Condition, Select};
use serde::Deserialize;

use crate::{Inbox, wire::File};

/// No larger file goes along; far sides take no larger ones either.
const LARGEST: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Row {
    name: String,
    content_type: Option<String>,
    size: Option<i64>,
    content_id: Option<Id>,
}

impl Inbox {
    /// An attachment with its bytes.
    ///
    /// # Errors
    /// `NotFound` where it, or its bytes, are gone.
    pub(super) async fn file(&self, ctx: &Ctx, attachment: Id) -> Result<File> {
        let select =
            Select::from("attachments").whose("id", attachment).only(Condition::Null("deleted_at"));
        let row: Option<Row> = ctx.read(async |db| db.first(select).await).await?;
        let row = row.ok_or_else(|| not_found("attachment"))?;
        let content = row.content_id.ok_or_else(|| not_found("attachment"))?;
        let size = row.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        if size > LARGEST {
            return Err(kith_kernel::too_large(format!(
                "A file that goes with a message has at most {LARGEST} bytes."
            )));
        }
        let mut pieces = self.storage.read(ctx, content, (0, size)).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        while let Some(piece) = pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        let content_type =
            row.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        Ok(File { name: row.name, content_type, bytes })
    }
}

/// A form of texts and one file, and its content type.
pub(super) fn form(
    texts: &[(&str, &str)],
    (field, file): (&str, &File),
    mark: &str,
) -> (String, Vec<u8>) {
    let boundary = format!("kith-{mark}");
    let mut body = Vec::with_capacity(file.bytes.len() + 1024);
    for (name, value) in texts {
        let part = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let name: String =
        file.name.chars().map(|sign| if sign == '"' { '\'' } else { sign }).collect();
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         content-type: {}\r\n\r\n",
        file.content_type
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&file.bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
