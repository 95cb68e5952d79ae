//! A member who is kept out takes their conversations along: a job deletes them, some rows at a time.

use kith_kernel::{Id, Result, Time};
use kith_platform::{
    Ctx,
    jobs::{self, Job, Registry},
};
use kith_store::{Comparison, Condition, Delete, Select, Write};
use serde::{Deserialize, Serialize};

/// Messages that are deleted in one transaction.
const AT_ONCE: u64 = 200;

/// The job that deletes what a member said until they were kept out.
#[derive(Debug, Serialize, Deserialize)]
struct ForgetMember {
    member: Id,
    /// Conversations of one who is let in again stay.
    until: Time,
}

impl Job for ForgetMember {
    const NAME: &'static str = "assistant.forgetMember";
}

/// Has the conversations of a member deleted, in the transaction in which they are kept out.
///
/// # Errors
/// Only those of the database.
pub fn forget_member(ctx: &Ctx, db: &Write, member: Id) -> Result<()> {
    jobs::enqueue(ctx, db, &ForgetMember { member, until: ctx.now() }).map(drop)
}

pub(super) fn register(registry: Registry) -> Registry {
    registry.on(|job: ForgetMember, attempt| async move {
        while attempt.write(async |db| forget_some(db, &job).await).await? {
            tokio::task::yield_now().await;
        }
        attempt.write(async |db| jobs::finish(&attempt, db).await).await.map_err(Into::into)
    })
}

/// Deletes some rows of the first conversation that is left; says whether there was one.
async fn forget_some(db: &Write, job: &ForgetMember) -> Result<bool> {
    let left = Select::from("ai_conversations")
        .show(&["id"])
        .whose("member_id", job.member)
        .only(Condition::Compare("created_at", Comparison::LessOrEqual, job.until.into()))
        .at_most(1);
    let Some(conversation) = db.ids(&left).await?.first().copied() else { return Ok(false) };
    let some = Select::from("ai_messages")
        .show(&["id"])
        .whose("conversation_id", conversation)
        .at_most(AT_ONCE);
    let some = db.ids(&some).await?;
    if some.len() as u64 == AT_ONCE {
        let some = some.into_iter().map(Into::into).collect();
        db.delete(Delete::from("ai_messages").only(Condition::In("id", some))).await?;
        return Ok(true);
    }
    // The conversation goes first: who is saying something in it waits for that, or is waited for.
    db.delete(Delete::from("ai_conversations").whose("id", conversation)).await?;
    for table in ["ai_actions", "ai_messages"] {
        db.delete(Delete::from(table).whose("conversation_id", conversation)).await?;
    }
    Ok(true)
}
