//! Erasure: an event loses its content and the salt of its digest, and keeps its place in the chain.

use kith_kernel::{Id, Result};
use kith_store::{Condition, Delete, Update, Value, Write, padded};

use super::seal;

/// Takes the content of events away, for good; says how many had any. Few at a time: it holds the sealer up.
///
/// # Errors
/// `Conflict` (`busy`) while the sealer works on the same tenant: what it seals must not change between its look and its
/// commit. Try again.
pub async fn erase(db: &Write, tenant_events: &[Id]) -> Result<u64> {
    if tenant_events.is_empty() {
        return Ok(0);
    }
    db.lock(seal::key(db.actor().tenant)).await?;
    let ids = || padded(tenant_events);
    let with_content = Condition::Not(Box::new(Condition::Null("changes")));
    let update = Update::table("events").set("changes", Value::Null).only(with_content);
    let erased = db.update(update.only(Condition::In("id", ids()))).await?;
    // An event without a salt reads as erased: one that is not sealed yet has none, and gets one of its erased form.
    db.delete(Delete::from("event_salts").only(Condition::In("event_id", ids()))).await?;
    Ok(erased)
}
