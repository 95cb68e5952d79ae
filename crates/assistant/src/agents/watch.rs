//! Watching: what customers say to agents puts a turn into the queue, a moment later, so that more can be said.

use futures_util::future::BoxFuture;
use kith_kernel::{Id, Result, Time};
use kith_platform::{
    Ctx,
    events::readers::{Happened, Reader},
    jobs,
};
use kith_store::{Condition, Read, Select, Write};
use serde::Deserialize;

use super::{
    talk::{Agent, Place},
    turn::Turn,
};

/// What was said longer ago is not answered any more: nobody waits for it.
const TOO_OLD_SECONDS: i64 = 3_600;
const USUAL_PAUSE: i64 = 2;

/// Reads what customers say.
pub fn reader() -> Reader {
    Reader { name: "agents", version: 1, take, forget }
}

fn forget(_: &Write) -> BoxFuture<'_, Result<bool>> {
    // Nothing is kept.
    Box::pin(async { Ok(true) })
}

#[derive(Deserialize)]
struct Said {
    id: Id,
    conversation_id: Id,
    created_at: Time,
}

fn take<'a>(ctx: &'a Ctx, db: &'a Write, events: &'a [Happened]) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let said = events.iter().filter(|event| event.name == "message.created");
        let ids: Vec<Id> = said.filter_map(|event| event.record_id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let select = Select::from("messages")
            .whose_each("id", ids.as_slice())
            .whose("direction", "INBOUND")
            .whose("is_automatic", false)
            .only(Condition::Null("deleted_at"));
        for said in db.all::<Said>(select).await? {
            if said.created_at.plus_seconds(TOO_OLD_SECONDS) < ctx.now() {
                continue;
            }
            if let Some(pause) = pause(db, said.conversation_id).await? {
                let turn = Turn { conversation: said.conversation_id, message: said.id };
                jobs::enqueue_at(ctx, db, &turn, ctx.now().plus_seconds(pause))?;
            }
        }
        Ok(())
    })
}

/// For how long the agent of a conversation waits for more; nothing where it has not the word.
async fn pause(db: &Read, conversation: Id) -> Result<Option<i64>> {
    let Some(place) = Place::find(db, conversation).await?.filter(Place::is_agents) else {
        return Ok(None);
    };
    let Some(agent) = place.agent_id else { return Ok(None) };
    // An agent that is gone, or switched off, has its turn, too: it passes the word on.
    let agent = Agent::find(db, agent).await?;
    Ok(Some(agent.and_then(|agent| agent.pause_seconds).unwrap_or(USUAL_PAUSE)))
}
