//! Deliveries: what far sides posted, byte for byte, with how far the work on each is.

use kith_kernel::{Id, Result, Time};
use kith_platform::{Ctx, jobs};
use kith_store::{
    Comparison, Condition, Delete, Insert, Migration, Read, Select, Step, Table, Update, Write,
    bytes, id, integer, text, time,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::work::Receive;

pub(super) const TABLE: &str = "inbound_deliveries";
/// What was worked on is kept so long, to be looked at and to know what comes again.
const KEPT_SECONDS: i64 = 30 * 86_400;
/// Old deliveries go a few at a time, with the work on new ones.
const PRUNED: u64 = 50;

/// A delivery that is to be worked on.
#[derive(Debug, Deserialize)]
pub(super) struct Delivery {
    pub(super) id: Id,
    /// How much of it was worked on.
    pub(super) progress: i64,
    /// Which of it failed, and is not worked on again.
    failed: Option<String>,
    /// Which of it is worked on again.
    again: Option<String>,
    /// How long it is.
    pub(super) bytes: i64,
}

/// What is taken in next of a delivery.
pub(super) struct Piece {
    /// The places of what is taken in.
    pub(super) places: Vec<usize>,
    /// How much of the delivery was worked on behind it.
    progress: usize,
    /// Which of what failed before waits behind it.
    again: Vec<usize>,
    failed: Vec<usize>,
    pub(super) is_last: bool,
}

fn places(list: Option<&str>) -> Vec<usize> {
    list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default()
}

fn written(places: &[usize]) -> Option<String> {
    (!places.is_empty()).then(|| serde_json::json!(places).to_string())
}

impl Delivery {
    /// The next piece of it, of so many in all.
    pub(super) fn piece(&self, all: usize, most: usize) -> Piece {
        let progress = usize::try_from(self.progress).unwrap_or(0).min(all);
        let failed = places(self.failed.as_deref());
        let mut again = places(self.again.as_deref());
        if !again.is_empty() {
            let rest = again.split_off(again.len().min(most));
            let is_last = rest.is_empty();
            again.retain(|place| *place < all);
            return Piece { places: again, progress, again: rest, failed, is_last };
        }
        let end = (progress + most).min(all);
        let places = (progress..end).collect();
        Piece { places, progress: end, again, failed, is_last: end == all }
    }
}

/// What was delivered.
#[derive(Debug, Deserialize)]
pub(super) struct Delivered {
    body: String,
    encoding: Option<String>,
}

/// What came in, ready to be kept.
pub(super) struct Arrived {
    delivered: Delivered,
    digest: Vec<u8>,
    bytes: i64,
}

impl Arrived {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            delivered: Delivered::of(bytes),
            digest: Sha256::digest(bytes).to_vec(),
            bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        }
    }
}

/// Bytes that are no UTF-8 stand as one letter each, so that what they say can be found.
const LETTERS: &str = "letters";
/// The letter for the byte that no text in PostgreSQL may hold.
const NUL: char = '\u{100}';

impl Delivered {
    fn of(bytes: &[u8]) -> Self {
        if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')) {
            return Self { body: text.to_owned(), encoding: None };
        }
        let letter = |byte: &u8| if *byte == 0 { NUL } else { char::from(*byte) };
        Self { body: bytes.iter().map(letter).collect(), encoding: Some(LETTERS.to_owned()) }
    }

    /// It byte for byte.
    pub(super) fn bytes(self) -> Vec<u8> {
        if self.encoding.as_deref() == Some(LETTERS) {
            let byte =
                |letter: char| if letter == NUL { 0 } else { u8::try_from(letter).unwrap_or(b'?') };
            return self.body.chars().map(byte).collect();
        }
        self.body.into_bytes()
    }
}

pub(crate) fn migration() -> Migration {
    let deliveries = Table::of_tenant(
        TABLE,
        vec![
            id("channel_id").required().references("anchors"),
            bytes("digest").required(),
            text("body").required(),
            text("encoding"),
            text("state").required(),
            integer("progress").required(),
            integer("failures").required(),
            text("error"),
            text("failed"),
            text("again"),
            integer("bytes").required(),
            time("received_at").required(),
        ],
    )
    .unique(&["channel_id", "digest"])
    .index(&["channel_id", "id"])
    .index(&["channel_id", "state", "id"]);
    Migration { name: "2026-12-01-inbox-8-deliveries", steps: vec![Step::Create(deliveries)] }
}

/// Keeps what came in and has it worked on; what came before is known again. Says whether it is new.
pub(super) async fn keep(ctx: &Ctx, channel: Id, bytes: impl AsRef<[u8]>) -> Result<bool> {
    let arrived = Arrived::of(bytes.as_ref());
    ctx.write(async |db| keep_in((ctx, db), channel, &arrived).await).await
}

/// The same, within a write that does more.
pub(super) async fn keep_in(
    (ctx, db): (&Ctx, &Write),
    channel: Id,
    arrived: &Arrived,
) -> Result<bool> {
    let Delivered { body, encoding } = &arrived.delivered;
    let cells = vec![
        ("id", ctx.new_id().into()),
        ("channel_id", channel.into()),
        ("digest", arrived.digest.clone().into()),
        ("body", body.as_str().into()),
        ("encoding", encoding.clone().into()),
        ("state", "pending".into()),
        ("progress", 0_i64.into()),
        ("failures", 0_i64.into()),
        ("bytes", arrived.bytes.into()),
        ("received_at", ctx.now().into()),
    ];
    let is_new = db.insert(Insert::row(TABLE, cells).or_keep()).await? > 0;
    if is_new {
        jobs::enqueue(ctx, db, &Receive { channel })?;
    }
    Ok(is_new)
}

/// The oldest deliveries of a channel that are not worked on, the oldest first.
pub(super) async fn waiting(db: &Read, channel: Id, most: usize) -> Result<Vec<Delivery>> {
    let select = Select::from(TABLE)
        .show(&["id", "progress", "failed", "again", "bytes"])
        .whose("channel_id", channel)
        .whose("state", "pending");
    db.all(select.by("id", false).at_most(most as u64)).await
}

/// What a delivery holds; nothing where it is gone.
pub(super) async fn delivered(db: &Read, delivery: Id) -> Result<Option<Delivered>> {
    let select = Select::from(TABLE).show(&["body", "encoding"]).whose("id", delivery);
    db.first(select).await
}

/// Notes how far a delivery is, and what failed of it, by places and reasons.
pub(super) async fn note(
    db: &Write,
    delivery: Id,
    mut piece: Piece,
    failures: &[(usize, String)],
) -> Result<()> {
    piece.failed.extend(failures.iter().map(|(place, _)| *place));
    let mut update = Update::table(TABLE)
        .set("progress", i64::try_from(piece.progress).unwrap_or(i64::MAX))
        .set("again", written(&piece.again))
        .set("failed", written(&piece.failed))
        .plus("failures", i64::try_from(failures.len()).unwrap_or(i64::MAX));
    if piece.is_last {
        update = update.set("state", "done");
    }
    if let Some((place, why)) = failures.last() {
        update = update.set("error", format!("{place}: {why}"));
    }
    db.update(update.whose("id", delivery)).await.map(drop)
}

/// What was worked on long ago goes; what failed in part stays.
pub(super) async fn prune(db: &Write, channel: Id, now: Time) -> Result<()> {
    let before = now.plus_seconds(-KEPT_SECONDS);
    let old = Select::from(TABLE)
        .show(&["id"])
        .whose("channel_id", channel)
        .whose("state", "done")
        .whose("failures", 0_i64)
        .only(Condition::Compare("received_at", Comparison::Less, before.into()))
        .by("id", false)
        .at_most(PRUNED);
    let ids: Vec<_> = db.ids(&old).await?.into_iter().map(Into::into).collect();
    if ids.is_empty() {
        return Ok(());
    }
    db.delete(Delete::from(TABLE).only(Condition::In("id", ids))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_stay_as_they_came(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let kept = Delivered::of(&bytes);
            prop_assert!(!kept.body.contains('\0'));
            prop_assert_eq!(kept.bytes(), bytes);
        }
    }
}
