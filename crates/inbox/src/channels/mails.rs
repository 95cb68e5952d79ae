//! What the configuration of a channel for mail must say: an address, and servers that could be some.

use kith_kernel::{Result, invalid};
use kith_platform::mail::Place;
use kith_records::Change;
use kith_store::{Condition, Read, Select};
use serde_json::Value as Json;

use super::{
    CHANNEL,
    config::given,
    kinds::{ChannelKind, IMAP, SMTP},
    secrets,
};

/// Refuses an address that is none, and servers that cannot be one.
pub(super) fn check(change: &Change) -> Result<()> {
    if change.text("type").and_then(ChannelKind::named) != Some(ChannelKind::Email) {
        return Ok(());
    }
    let address = change.get("config").and_then(|config| config.get("address"));
    if let Some(address) = address.and_then(Json::as_str)
        && !crate::handles::is_address(address)
    {
        return Err(invalid("config.address", "is not an e-mail address"));
    }
    let from = change.get("config").and_then(|config| config.get("imapFrom"));
    if from.and_then(Json::as_str).is_some_and(|from| !matches!(from, "now" | "all")) {
        return Err(invalid("config.imapFrom", "must be now or all"));
    }
    for (name, value) in given(change)? {
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty() && *text != "***");
        match (name.as_str(), text) {
            ("smtpUrl", Some(url)) => drop(Place::parse(url, SMTP)?),
            ("imapUrl", Some(url)) => drop(imap(url)?),
            _ => {}
        }
    }
    Ok(())
}

/// A mailbox, of which nothing is read in the clear but on this machine.
pub(crate) fn imap(url: &str) -> Result<Place> {
    let place = Place::parse(url, IMAP)?;
    if place.credentials.is_none() {
        return Err(invalid(IMAP.0, "names no user and password"));
    }
    if place.starttls.is_some() {
        return Err(invalid(IMAP.0, "takes nothing behind a question mark"));
    }
    if place.scheme == "imap" && !place.is_this_machine() {
        return Err(invalid(
            IMAP.0,
            "must begin with imaps://: a password would leave in the clear",
        ));
    }
    Ok(place)
}

/// How many channels for mail a tenant has that are switched on and name no server of their own for what goes out.
///
/// # Errors
/// Those of the database.
pub async fn without_server(db: &Read) -> Result<i64> {
    let with = Condition::Among("id", Box::new(secrets::with("smtpUrl")));
    let select = Select::from(CHANNEL.plural)
        .whose("type", ChannelKind::Email.name())
        .only(Condition::Not(Box::new(kith_store::equals("is_active", false))))
        .only(Condition::Null("deleted_at"))
        .only(Condition::Not(Box::new(with)));
    db.count(select).await
}
