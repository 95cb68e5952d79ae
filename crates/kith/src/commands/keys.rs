//! `kith keys rotate`: everything that is encrypted stands under the newest key afterwards.

use std::{collections::BTreeMap, process::ExitCode};

use clap::Subcommand;
use indicatif::ProgressBar;
use kith_gateway::keys::names;
use kith_inbox::channels;
use kith_kernel::{Id, Result};
use kith_platform::Settings;

use crate::{bars, wire::House};

/// Keys that secrets are encrypted with.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Encrypt all stored secrets anew under ENCRYPTION_KEY; what stands under ENCRYPTION_KEYS_OLD is read for that.
    /// Others may work meanwhile, and what was cut off goes on when it is asked for again.
    Rotate,
}

/// How many secrets stand under which key, by its name; those without are from before keys had names.
pub(super) type Tally = BTreeMap<Option<String>, u64>;

#[derive(Default)]
struct Done {
    renewed: u64,
    unreadable: u64,
}

impl Done {
    fn add(&mut self, bar: &ProgressBar, [seen, renewed, unreadable]: [u64; 3]) {
        bar.inc(seen);
        self.renewed += renewed;
        self.unreadable += unreadable;
    }
}

pub(super) async fn run(settings: Settings, keys: &Keys) -> Result<ExitCode> {
    match keys {
        Keys::Rotate => rotate(&House::open(settings).await?).await,
    }
}

async fn rotate(house: &House) -> Result<ExitCode> {
    let all: u64 = tally(house).await?.values().sum();
    let bar = bars::begin("encrypting anew", all);
    let done = walk(house, &bar).await;
    bar.finish_and_clear();
    let done = done?;
    let newest = house.keys.newest();
    say!("{} secrets were encrypted anew under the key {newest}.", done.renewed);
    let left: Vec<_> = tally(house)
        .await?
        .into_iter()
        .filter(|(name, _)| name.as_ref() != Some(&newest))
        .collect();
    if left.is_empty() && done.unreadable == 0 {
        say!(
            "All that is stored stands under it. Once every node has it as ENCRYPTION_KEY and this was said once more, \
             ENCRYPTION_KEYS_OLD may be emptied; keep old keys with the backups that were made under them."
        );
        return Ok(ExitCode::SUCCESS);
    }
    for (name, count) in left {
        say!("{count} stand under {} still.", named(name.as_deref()));
    }
    if done.unreadable > 0 {
        say!(
            "{} cannot be read: add their key to ENCRYPTION_KEYS_OLD and do this again, or store them anew.",
            done.unreadable
        );
    }
    say!("Leave ENCRYPTION_KEYS_OLD as it is.");
    Ok(ExitCode::FAILURE)
}

async fn walk(house: &House, bar: &ProgressBar) -> Result<Done> {
    let mut done = Done::default();
    let mut after: Option<Id> = None;
    loop {
        let reached = house.identity.rotate_second_factors(after).await?;
        done.add(bar, [reached.seen, reached.renewed, reached.unreadable]);
        after = reached.next;
        if after.is_none() {
            break;
        }
    }
    for (tenant, _) in house.identity.tenants().await? {
        let ctx = house.app.as_system(tenant);
        loop {
            let reached = house.keys.rotate(&ctx, after).await?;
            done.add(bar, [reached.seen, reached.renewed, reached.unreadable]);
            after = reached.next;
            if after.is_none() {
                break;
            }
        }
        done.add(bar, channels::rotate(&ctx).await?);
    }
    Ok(done)
}

/// How many secrets stand under which key.
pub(super) async fn tally(house: &House) -> Result<Tally> {
    let mut tally = Tally::new();
    house.identity.second_factor_keys(&mut tally).await?;
    for (tenant, _) in house.identity.tenants().await? {
        let ctx = house.app.as_system(tenant);
        ctx.read(async |db| {
            names(db, &mut tally).await?;
            channels::names(db, &mut tally).await
        })
        .await?;
    }
    Ok(tally)
}

/// What a key is called.
pub(super) fn named(name: Option<&str>) -> String {
    name.map_or_else(|| "a key without a name".to_owned(), |name| format!("the key {name}"))
}
