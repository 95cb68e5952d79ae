//! Secrets of channels: encrypted beside the channel, shown to nobody.

use std::{collections::BTreeMap, fmt::Write as _};

use kith_kernel::{Id, Result, internal};
use kith_platform::{
    Ctx,
    encryption::{Cipher, name_of},
};
use kith_store::{
    Delete, Insert, Migration, Read, Select, Step, Table, Update, Write, bytes, id, text,
};

const TABLE: &str = "channel_secrets";
const MADE_BYTES: usize = 24;

pub(super) fn migration() -> Migration {
    let secrets = Table::of_tenant_keyed(
        TABLE,
        &["channel_id", "name"],
        vec![
            id("channel_id").required().references("anchors"),
            text("name").required(),
            bytes("secret").required(),
        ],
    )
    .stays();
    Migration { name: "2026-12-01-inbox-2-channel-secrets", steps: vec![Step::Create(secrets)] }
}

fn place(tenant: Id, channel: Id, name: &str) -> String {
    format!("channel secret {tenant} {channel} {name}")
}

/// Keeps a secret of a channel, instead of the one before.
pub(super) async fn keep(
    (ctx, db): (&Ctx, &Write),
    channel: Id,
    (name, secret): (&'static str, &str),
) -> Result<()> {
    let cipher = Cipher::of(&ctx.app.settings)?;
    let sealed = cipher.encrypt(&place(ctx.actor.tenant, channel, name), secret.as_bytes())?;
    let cells =
        vec![("channel_id", channel.into()), ("name", name.into()), ("secret", sealed.into())];
    db.insert(Insert::row(TABLE, cells).or_replace(&["channel_id", "name"], &["secret"]))
        .await
        .map(drop)
}

pub(super) async fn remove(db: &Write, channel: Id, name: &str) -> Result<()> {
    let gone = Delete::from(TABLE).whose("channel_id", channel).whose("name", name.to_owned());
    db.delete(gone).await.map(drop)
}

pub(super) async fn remove_all(db: &Write, channel: Id) -> Result<()> {
    db.delete(Delete::from(TABLE).whose("channel_id", channel)).await.map(drop)
}

/// The secrets of a channel by their names.
///
/// # Errors
/// `Unavailable` where one cannot be decrypted any more.
pub(crate) async fn of(ctx: &Ctx, db: &Read, channel: Id) -> Result<Vec<(String, String)>> {
    let mut rows: Vec<(String, Vec<u8>)> = Vec::new();
    let select = Select::from(TABLE).show(&["name", "secret"]).whose("channel_id", channel);
    db.each(&select, |row| {
        if let (Some(name), Some(sealed)) = (row.text(0)?, row.bytes(1)?) {
            rows.push((name.to_owned(), sealed.to_vec()));
        }
        Ok(())
    })
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let cipher = Cipher::of(&ctx.app.settings)?;
    let open = |(name, sealed): (String, Vec<u8>)| {
        let plain = cipher.decrypt(&place(ctx.actor.tenant, channel, &name), &sealed)?;
        let text = String::from_utf8(plain)
            .map_err(|error| internal("a stored secret is no text").caused_by(error))?;
        Ok((name, text))
    };
    rows.into_iter().map(open).collect()
}

/// The channels that have a secret of that name.
pub(super) fn with(name: &'static str) -> Select {
    Select::from(TABLE).show(&["channel_id"]).whose("name", name)
}

/// The secrets of all channels of a tenant, as they are stored.
async fn sealed(db: &Read) -> Result<Vec<(Id, String, Vec<u8>)>> {
    let mut rows = Vec::new();
    let select = Select::from(TABLE).show(&["channel_id", "name", "secret"]);
    db.each(&select, |row| {
        if let (Some(channel), Some(name), Some(secret)) = (row.id(0)?, row.text(1)?, row.bytes(2)?)
        {
            rows.push((channel, name.to_owned(), secret.to_vec()));
        }
        Ok(())
    })
    .await?;
    Ok(rows)
}

/// Adds how many secrets of a tenant's channels stand under which key of the ring.
///
/// # Errors
/// Those of the database.
pub async fn names(db: &Read, tally: &mut BTreeMap<Option<String>, u64>) -> Result<()> {
    for (_, _, secret) in sealed(db).await? {
        *tally.entry(name_of(&secret)).or_default() += 1;
    }
    Ok(())
}

/// Encrypts the secrets of a tenant's channels anew under the newest key: how many there are, were renewed, and cannot be
/// read.
///
/// # Errors
/// Those of the database, and `Unavailable` without a key.
pub async fn rotate(ctx: &Ctx) -> Result<[u64; 3]> {
    let cipher = Cipher::of(&ctx.app.settings)?;
    let newest = Some(cipher.newest());
    let all = ctx.read(async |db| sealed(db).await).await?;
    if all.iter().all(|(_, _, secret)| name_of(secret) == newest) {
        return Ok([all.len() as u64, 0, 0]);
    }
    ctx.write(async |db| {
        let mut counts = [0, 0, 0];
        for (channel, name, secret) in sealed(db).await? {
            counts[0] += 1;
            match cipher.renew(&place(ctx.actor.tenant, channel, &name), &secret) {
                Ok(Some(new)) => {
                    counts[1] += 1;
                    let update = Update::table(TABLE).set("secret", new);
                    db.update(update.whose("channel_id", channel).whose("name", name)).await?;
                }
                Ok(None) => {}
                Err(_) => counts[2] += 1,
            }
        }
        Ok(counts)
    })
    .await
}

/// A new secret: 48 hexadecimal digits.
pub(crate) fn made() -> Result<String> {
    let mut random = [0_u8; MADE_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| internal("the system gives no random bytes").caused_by(error))?;
    Ok(hexadecimal(&random))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
