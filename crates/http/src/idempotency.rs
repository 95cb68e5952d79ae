//! `Idempotency-Key`: the same request gets the same answer for 24 hours, in the transaction of the first.

use axum::http::{HeaderName, HeaderValue, header};
use bytes::Bytes;
use kith_kernel::{Error, Kind, Result, Time, internal};
use kith_platform::Ctx;
use kith_store::{
    Condition, Delete, Insert, Migration, Select, Step, Table, Write, bytes, integer, text, time,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    Answer, Body, Call,
    answer::{Content, JSON},
};

const HOURS_KEPT: i64 = 24;
const LONGEST_KEY: usize = 200;
/// Answers larger than this are not kept, so their requests are refused when they name a key.
const LARGEST_ANSWER: usize = 1 << 20;

pub(crate) static KEY: HeaderName = HeaderName::from_static("idempotency-key");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The table of kept answers.
pub fn migration() -> Migration {
    let keys = Table::of_tenant_keyed(
        "idempotency_keys",
        &["key_hash"],
        vec![
            bytes("key_hash").required(),
            bytes("body_hash").required(),
            integer("status").required(),
            text("location"),
            text("etag"),
            bytes("answer").required(),
            time("created_at").required(),
        ],
    )
    .index(&["created_at"])
    .stays();
    Migration { name: "2026-11-21-idempotency", steps: vec![Step::Create(keys)] }
}

#[derive(Deserialize)]
struct Kept {
    #[serde(deserialize_with = "byte_string")]
    body_hash: Vec<u8>,
    status: u16,
    location: Option<String>,
    etag: Option<String>,
    #[serde(deserialize_with = "byte_string")]
    answer: Vec<u8>,
}

fn byte_string<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;
    impl serde::de::Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    deserializer.deserialize_bytes(Bytes)
}

impl Call {
    /// Changes the tenant and answers; a request that names a key it named before gets the answer of then.
    pub async fn write(
        &self,
        body: &Body,
        work: impl AsyncFnOnce(&Write) -> Result<Answer>,
    ) -> Result<Answer> {
        let Some(key) = self.head.headers.get(&KEY) else { return self.ctx.write(work).await };
        once(&self.ctx, &Key::of(self, key, body)?, work).await
    }
}

/// Does something that was asked for under a key; the second time, the answer of the first is given.
pub(crate) async fn once(
    ctx: &Ctx,
    key: &Key,
    work: impl AsyncFnOnce(&Write) -> Result<Answer>,
) -> Result<Answer> {
    let now = ctx.now();
    ctx.write(async |db| {
        db.lock(key.lock()).await?;
        if let Some(kept) = key.kept(db, now).await? {
            return kept.replay(key);
        }
        let answer = work(db).await?;
        key.keep(db, &answer, now).await?;
        Ok(answer)
    })
    .await
}

pub(crate) struct Key {
    key_hash: Vec<u8>,
    body_hash: Vec<u8>,
}

impl Key {
    fn of(call: &Call, key: &HeaderValue, body: &Body) -> Result<Self> {
        let place = [call.operation, call.head.uri.path()];
        let query = call.head.uri.query().unwrap_or_default();
        Self::new(&call.ctx, place, key.as_bytes(), [query.as_bytes(), &body.0])
    }

    /// What an actor asks for at a place under a key, and what was sent with it.
    pub(crate) fn new(
        ctx: &Ctx,
        [operation, path]: [&str; 2],
        key: &[u8],
        [query, body]: [&[u8]; 2],
    ) -> Result<Self> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            let why = format!("Idempotency-Key must have 1 to {LONGEST_KEY} characters.");
            return Err(Error::new(Kind::Invalid, "invalid_idempotency_key", why));
        }
        let actor = &ctx.actor;
        let mut hash = Sha256::new();
        for part in [
            actor.member.unwrap_or_default().as_bytes().as_slice(),
            actor.credential.filter(|_| actor.member.is_none()).unwrap_or_default().as_bytes(),
            operation.as_bytes(),
            path.as_bytes(),
            key,
        ] {
            hash.update(u64::try_from(part.len()).unwrap_or(0).to_be_bytes());
            hash.update(part);
        }
        let mut body_hash = Sha256::new();
        body_hash.update(query);
        body_hash.update([0]);
        body_hash.update(body);
        Ok(Self { key_hash: hash.finalize().to_vec(), body_hash: body_hash.finalize().to_vec() })
    }

    fn lock(&self) -> i64 {
        self.key_hash.first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
    }

    async fn kept(&self, db: &Write, now: Time) -> Result<Option<Kept>> {
        let expired = now.plus_seconds(-HOURS_KEPT * 3_600);
        let old = Condition::Compare("created_at", kith_store::Comparison::Less, expired.into());
        db.delete(Delete::from("idempotency_keys").only(old)).await?;
        db.first(Select::from("idempotency_keys").whose("key_hash", self.key_hash.clone())).await
    }

    async fn keep(&self, db: &Write, answer: &Answer, now: Time) -> Result<()> {
        let bytes = match &answer.content {
            Content::Empty => Bytes::new(),
            Content::Whole(_, bytes) if bytes.len() <= LARGEST_ANSWER => bytes.clone(),
            Content::Whole(..) | Content::Stream(..) => {
                return Err(internal("an answer that cannot be kept was given a key"));
            }
        };
        let header = |name: &HeaderName| {
            let found = answer.headers.iter().find(|(header, _)| header == name);
            found.and_then(|(_, value)| value.to_str().ok()).map(str::to_owned)
        };
        db.insert(Insert::row(
            "idempotency_keys",
            vec![
                ("key_hash", self.key_hash.clone().into()),
                ("body_hash", self.body_hash.clone().into()),
                ("status", i64::from(answer.status.as_u16()).into()),
                ("location", header(&header::LOCATION).into()),
                ("etag", header(&header::ETAG).into()),
                ("answer", bytes.to_vec().into()),
                ("created_at", now.into()),
            ],
        ))
        .await
        .map(drop)
    }
}

impl Kept {
    fn replay(self, key: &Key) -> Result<Answer> {
        if self.body_hash != key.body_hash {
            return Err(Error::new(
                Kind::Invalid,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Take a new one.",
            ));
        }
        let mut answer = if self.answer.is_empty() {
            Answer::nothing()
        } else {
            Answer::text(JSON, self.answer)
        };
        answer = answer.status(self.status).header(REPLAYED.clone(), "true");
        for (name, value) in [(header::LOCATION, self.location), (header::ETAG, self.etag)] {
            if let Some(value) = value {
                answer = answer.header(name, &value);
            }
        }
        Ok(answer)
    }
}
