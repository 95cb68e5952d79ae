//! Giving credits.

use kith_kernel::{Result, Time, invalid};
use kith_platform::{
    Ctx,
    events::{Event, append},
};
use kith_store::{Insert, News, Write};
use serde_json::json;

/// A billion dollars.
const MOST: i64 = 1_000_000_000 * super::PER_DOLLAR;
const LONGEST_NOTE: usize = 500;

/// Credits that are given at once.
#[derive(Debug, Clone)]
pub struct Grant {
    /// How many.
    pub amount: i64,
    /// Until when they can be used.
    pub expires_at: Option<Time>,
    /// What they are for.
    pub note: Option<String>,
}

/// Gives credits to the tenant of whoever acts; from then on it has a limit.
///
/// # Errors
/// `Invalid` for an amount that is none, or a time that is over.
pub async fn give((ctx, db): (&Ctx, &Write), grant: &Grant) -> Result<()> {
    if !(1..=MOST).contains(&grant.amount) {
        return Err(invalid("amount", format!("is from 1 to {MOST}")));
    }
    if grant.expires_at.is_some_and(|at| at <= ctx.now()) {
        return Err(invalid("expiresAt", "is over"));
    }
    if grant.note.as_ref().is_some_and(|note| note.len() > LONGEST_NOTE) {
        return Err(invalid("note", format!("has {LONGEST_NOTE} letters at most")));
    }
    let id = ctx.new_id();
    let row = vec![
        ("id", id.into()),
        ("amount", grant.amount.into()),
        ("remaining", grant.amount.into()),
        ("expires_at", grant.expires_at.into()),
        ("note", grant.note.clone().into()),
        ("created_at", ctx.now().into()),
    ];
    db.insert(Insert::row("credit_grants", row)).await?;
    db.tell(News::Access);
    let given = json!({
        "amount": grant.amount, "expiresAt": grant.expires_at, "note": grant.note,
    });
    let event = Event {
        name: "credits.granted".to_owned(),
        object: "credits",
        record: Some(id),
        changes: Some(json!({ "after": given }).to_string()),
        batch: None,
    };
    append(ctx, db, event).map(drop)
}
