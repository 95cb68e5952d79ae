//! Large files in parts: each is tried again by itself, and what fails or is left over is ended, since buckets keep parts.

use std::io::SeekFrom;

use kith_kernel::{Error, Kind, Result, internal};
use rusty_s3::{S3Action, actions::CreateMultipartUpload};
use tokio::{fs::File, io::AsyncSeekExt};

use super::{
    REMOVE_WITHIN, S3, SIGNED_FOR, TRIES, WRITE_WITHIN, asked, is_momentary, pause, refused,
    settled, untold,
};
use crate::outgoing::{Answer, Method, Request, header};

/// S3 takes no more parts of one file.
const MOST_PARTS: u64 = 10_000;
/// Uploads under one key that are ended at once.
const MOST_ENDED: usize = 1_000;

/// A part: its number, where it begins and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    number: u16,
    from: u64,
    length: u64,
}

/// A file as parts of one size, the last of what is left.
fn parts(length: u64, wanted: u64) -> impl Iterator<Item = Part> {
    let size = wanted.max(length.div_ceil(MOST_PARTS)).max(1);
    (1_u16..).map_while(move |number| {
        let from = u64::from(number - 1) * size;
        (from < length).then(|| Part { number, from, length: size.min(length - from) })
    })
}

impl S3 {
    pub(super) async fn send_in_parts(
        &self,
        key: &str,
        (file, length): (&mut File, u64),
    ) -> Result<()> {
        let begin = self.bucket.create_multipart_upload(Some(&self.credentials), key);
        let url = begin.sign(SIGNED_FOR);
        let begun = self.insist(&asked(Method::POST, url.as_str(), REMOVE_WITHIN)).await?;
        let begun = CreateMultipartUpload::parse_response(&text(&begun)).map_err(strange)?;
        let upload = begun.upload_id();
        let sent = self.send_all(key, upload, (file, length)).await;
        if sent.is_err()
            && let Err(error) = self.end_upload(key, upload).await
        {
            tracing::warn!(
                ?error,
                key,
                "parts of a file stay in the bucket; a job ends them within a day"
            );
        }
        sent
    }

    async fn send_all(
        &self,
        key: &str,
        upload: &str,
        (file, length): (&mut File, u64),
    ) -> Result<()> {
        let mut tags = Vec::new();
        for part in parts(length, self.part) {
            tags.push(self.send_part((key, upload), file, part).await?);
        }
        let tags = tags.iter().map(String::as_str);
        let credentials = Some(&self.credentials);
        let whole = self.bucket.complete_multipart_upload(credentials, key, upload, tags);
        let url = whole.sign(SIGNED_FOR);
        let request = Request::post(url.as_str(), whole.body());
        let request = request.of_operator().within(WRITE_WITHIN).at_most(super::LARGEST_REFUSAL);
        let answer = self.insist(&request).await?;
        // A refusal may come behind a 200. The last word of the element differs from one maker to the other.
        if text(&answer).contains("<CompleteMultipartUpload") {
            return Ok(());
        }
        refused(500, &answer.body).map_err(untold)
    }

    /// Sends a part, and gives back by what the bucket knows it.
    async fn send_part(
        &self,
        (key, upload): (&str, &str),
        file: &mut File,
        part: Part,
    ) -> Result<String> {
        let stuck = |error| internal("a draft cannot be read").caused_by(error);
        let mut tries = 0;
        loop {
            file.seek(SeekFrom::Start(part.from)).await.map_err(stuck)?;
            let body = file.try_clone().await.map_err(stuck)?;
            let credentials = Some(&self.credentials);
            let send = self.bucket.upload_part(credentials, key, part.number, upload);
            let url = send.sign(SIGNED_FOR);
            let request = asked(Method::PUT, url.as_str(), WRITE_WITHIN);
            let done = self.outgoing.send_file(request, (body, part.length)).await;
            let done = done.and_then(|answer| settled(&answer, &[200]).map(|()| answer));
            match done {
                Ok(answer) => return tag(&answer),
                Err(error) if is_momentary(&error) && tries < TRIES => pause(&mut tries).await,
                Err(error) => return Err(untold(error)),
            }
        }
    }

    /// A question that may be asked again.
    async fn insist(&self, request: &Request) -> Result<Answer> {
        let mut tries = 0;
        loop {
            let done = self.outgoing.send(request.clone()).await;
            match done.and_then(|answer| settled(&answer, &[200, 204]).map(|()| answer)) {
                Err(error) if is_momentary(&error) && tries < TRIES => pause(&mut tries).await,
                done => return done.map_err(untold),
            }
        }
    }

    async fn end_upload(&self, key: &str, upload: &str) -> Result<()> {
        let end = self.bucket.abort_multipart_upload(Some(&self.credentials), key, upload);
        let url = end.sign(SIGNED_FOR);
        self.insist(&asked(Method::DELETE, url.as_str(), REMOVE_WITHIN)).await.map(drop)
    }

    /// Ends every upload that was begun under a key. A bucket that does not let us look is asked for no more.
    pub(super) async fn end_uploads(&self, key: &str) -> Result<()> {
        let mut look = self.bucket.get_object(Some(&self.credentials), "");
        look.query_mut().insert("prefix", key.to_owned());
        look.query_mut().insert("uploads", "");
        let url = look.sign(SIGNED_FOR);
        let request = asked(Method::GET, url.as_str(), REMOVE_WITHIN);
        let answer = self.outgoing.send(request).await.map_err(untold)?;
        match settled(&answer, &[200]) {
            Err(error) if is_momentary(&error) => return Err(untold(error)),
            Err(error) => {
                tracing::warn!(?error, "the bucket does not tell of uploads that never ended");
                return Ok(());
            }
            Ok(()) => {}
        }
        for upload in uploads(&text(&answer)).into_iter().take(MOST_ENDED) {
            self.end_upload(key, &upload).await?;
        }
        Ok(())
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn tag(answer: &Answer) -> Result<String> {
    let tag = answer.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    tag.map(str::to_owned).ok_or_else(|| strange("a part without an ETag"))
}

/// The uploads of a list, by their ids.
fn uploads(list: &str) -> Vec<String> {
    let ids = list.split("<UploadId>").skip(1).filter_map(|rest| rest.split("</UploadId>").next());
    ids.map(|id| id.replace("&amp;", "&")).collect()
}

fn strange(error: impl std::fmt::Display) -> Error {
    let why = "The storage of files gave an answer that cannot be read.";
    Error::new(Kind::Unavailable, "storage_unavailable", why).caused_by(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_make_up_the_file(length in 1_u64..1 << 46, wanted in 1_u64..1 << 30) {
            let all: Vec<Part> = parts(length, wanted).collect();
            prop_assert!(all.len() as u64 <= MOST_PARTS);
            let mut end = 0;
            for (at, part) in all.iter().enumerate() {
                prop_assert_eq!((usize::from(part.number), part.from), (at + 1, end));
                prop_assert!(part.length > 0);
                prop_assert!(part.length == all[0].length || at + 1 == all.len());
                end += part.length;
            }
            prop_assert_eq!(end, length);
        }
    }

    #[test]
    fn uploads_are_found_in_a_list() {
        let list = "<R><Upload><UploadId>a&amp;b</UploadId></Upload><Upload><UploadId>c</UploadId></Upload></R>";
        assert_eq!(uploads(list), ["a&b", "c"]);
        assert!(uploads("<R/>").is_empty());
    }
}
