//! The bytes of an attachment, whole or in part. They are never shown in our name: a browser keeps them as a file.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderName, header},
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use kith_http::{Answer, Call, Operation};
use kith_kernel::{Error, Kind, Result};
use kith_platform::Ctx;

use super::{Attachments, Found};

/// Whatever the bytes are, nothing in them runs.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// How bytes are answered, for the document.
pub(super) fn answers(operation: Operation) -> Operation {
    operation
        .answers_text(200, "The bytes, as a file under its name.", "*/*")
        .answers_text(206, "The part of them that Range names.", "*/*")
        .refuses(416, "Range begins behind the last byte.")
}

pub(super) async fn show(attachments: Arc<Attachments>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (id, ctx) = (call.id("id")?, &call.ctx);
    let found = ctx.read(async |db| attachments.found(ctx, db, id).await).await?;
    attachments.send(&call, ctx, &found).await
}

impl Attachments {
    /// The answer with the bytes, or those that `Range` names.
    pub(super) async fn send(&self, call: &Call, ctx: &Ctx, found: &Found) -> Result<Answer> {
        let tag = format!("\"{}\"", found.sha256);
        let asked = call.header(&header::RANGE).filter(|_| is_same(call, &tag));
        let range = match asked.map_or(Range::Whole, |text| Range::of(text, found.size)) {
            Range::Beyond => return Ok(beyond(call, found.size)),
            Range::Whole => None,
            Range::Part(from, length) => Some((from, length)),
        };
        let (from, length) = range.unwrap_or((0, found.size));
        let pieces = self.storage.read(ctx, found.content_id, (from, length)).await?;
        let body = Body::from_stream(pieces.map_ok(Bytes::from));
        let answer = Answer::stream(found.content_type.clone(), body)
            .named(&found.name)
            .header(header::ETAG, &tag)
            .header(header::ACCEPT_RANGES, "bytes")
            .header(header::CONTENT_LENGTH, &length.to_string())
            .header(header::CONTENT_SECURITY_POLICY, POLICY);
        let Some((from, length)) = range else { return Ok(answer) };
        let told = format!("bytes {from}-{}/{}", from + length - 1, found.size);
        Ok(answer.status(206).header(header::CONTENT_RANGE, &told))
    }
}

/// A part is asked for of what the caller has already, where it says what that is.
fn is_same(call: &Call, tag: &str) -> bool {
    const IF_RANGE: HeaderName = header::IF_RANGE;
    call.headers().get(IF_RANGE).is_none_or(|given| given.as_bytes() == tag.as_bytes())
}

fn beyond(call: &Call, size: u64) -> Answer {
    let why = format!("The file has {size} bytes: the range begins behind the last one.");
    let error = Error::new(Kind::Invalid, "range_not_satisfiable", why);
    call.refusal(&error).header(header::CONTENT_RANGE, &format!("bytes */{size}"))
}

/// What `Range` asks for.
#[derive(Debug, PartialEq)]
enum Range {
    /// All: it asks for several parts, in other units, or makes no sense, and may be passed over (RFC 9110, 14.2).
    Whole,
    /// So many bytes from one on.
    Part(u64, u64),
    /// Nothing that there is.
    Beyond,
}

impl Range {
    fn of(text: &str, size: u64) -> Self {
        let spec = text.trim().strip_prefix("bytes=").map(str::trim);
        let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else {
            return Self::Whole;
        };
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            // More digits than fit are more bytes than there are.
            plain.then(|| digits.parse().unwrap_or(u64::MAX))
        };
        match (number(first), number(last)) {
            (Some(from), None) if last.is_empty() => Self::part(from, u64::MAX, size),
            (Some(from), Some(to)) if from <= to => Self::part(from, to, size),
            (None, Some(0)) if first.is_empty() => Self::Beyond,
            (None, Some(count)) if first.is_empty() => {
                Self::part(size.saturating_sub(count), u64::MAX, size)
            }
            (_, _) => Self::Whole,
        }
    }

    fn part(from: u64, to: u64, size: u64) -> Self {
        if from >= size {
            return Self::Beyond;
        }
        Self::Part(from, to.min(size - 1) - from + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (text, range) in [
            ("bytes=0-499", Range::Part(0, 500)),
            ("bytes=500-", Range::Part(500, 500)),
            ("bytes=-300", Range::Part(700, 300)),
            ("bytes=-5000", Range::Part(0, 1000)),
            ("bytes=999-99999999999999999999999", Range::Part(999, 1)),
            ("bytes=1000-", Range::Beyond),
            ("bytes=-0", Range::Beyond),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=5-2", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("items=0-5", Range::Whole),
            ("", Range::Whole),
        ] {
            assert_eq!(Range::of(text, 1000), range, "{text}");
        }
        assert_eq!(Range::of("bytes=0-", 0), Range::Beyond);
    }

    proptest! {
        #[test]
        fn no_part_is_outside(text in "bytes=[0-9]{0,21}-[0-9]{0,21}", size in 0_u64..5_000) {
            if let Range::Part(from, length) = Range::of(&text, size) {
                prop_assert!(length > 0 && from + length <= size);
            }
        }
    }
}
