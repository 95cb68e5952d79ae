//! Turns: a job answers what a customer said, if its agent still has the word when the answer is there.

use kith_kernel::{Actor, Id, Result, Role, Via};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{Manner, Object, Record};
use kith_store::Write;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Agents, Shared,
    decide::{Answer, Decision},
    talk::{Agent, Place, Talk},
};

/// Answers what was said in a conversation, unless more was said behind it: then the job of that does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) conversation: Id,
    pub(super) message: Id,
}

impl Job for Turn {
    const NAME: &'static str = "agents.answer";
    const RETRY: Retry = Retry { attempts: 4, first_pause_seconds: 2, longest_pause_seconds: 60 };
}

pub(super) fn register(registry: Registry, agents: &Shared) -> Registry {
    let agents = Shared::clone(agents);
    registry.on(move |job: Turn, attempt| {
        let agents = Shared::clone(&agents);
        async move {
            match Box::pin(agents.take_turn(&attempt, &job)).await {
                Err(Failure::Retry(error)) if attempt.is_last() => {
                    // Nobody shall wait for ever.
                    agents.give_up(&attempt, &job, error.message()).await?;
                    Ok(())
                }
                done => done,
            }
        }
    })
}

/// What there is to answer, and who does.
struct Task {
    /// None where it is gone, or switched off.
    agent: Option<Agent>,
    talk: Talk,
    turn: i64,
}

impl Agents {
    async fn take_turn(&self, attempt: &Attempt, job: &Turn) -> Result<(), Failure> {
        let ctx: &Ctx = attempt;
        let Some(task) = self.task(ctx, job).await? else { return Ok(()) };
        let conversation = task.talk.place.id;
        let decision = match &task.agent {
            None => unanswered(&task.talk, "Its agent is switched off or was deleted."),
            Some(agent) if agent.status.as_deref() == Some("TRAINING") => {
                let why = "The agent is in training.";
                let later =
                    kith_kernel::Error::new(kith_kernel::Kind::Unavailable, "training", why);
                return Err(Failure::Retry(later));
            }
            Some(agent) => {
                let saying = |piece: &str| self.say(ctx, (conversation, agent.id), piece);
                tokio::select! {
                    decided = self.decide(ctx, (agent, &task.talk), &saying) => decided?,
                    lost = self.lost(ctx, conversation, task.turn) => {
                        lost?;
                        return Ok(());
                    }
                }
            }
        };
        ctx.write(async |db| {
            self.act(ctx, db, (&task, job), &decision).await?;
            jobs::finish(attempt, db).await
        })
        .await?;
        Ok(())
    }

    /// What there is to answer; nothing where somebody else does, or more was said.
    async fn task(&self, ctx: &Ctx, job: &Turn) -> Result<Option<Task>> {
        ctx.read(async |db| {
            let Some(talk) = Talk::find(db, job.conversation).await? else { return Ok(None) };
            let is_last = talk.unanswered().is_some_and(|said| said.id == job.message);
            if !is_last || !talk.place.is_agents() {
                return Ok(None);
            }
            let Some(id) = talk.place.agent_id else { return Ok(None) };
            let trains = |agent: &Agent| agent.status.as_deref() == Some("TRAINING");
            let agent = Agent::find(db, id).await?;
            let agent = agent.filter(|agent| agent.answers() || trains(agent));
            let turn = talk.place.turn.unwrap_or_default();
            let rests = |agent: &Agent| {
                agent.hours().is_some_and(|hours| !hours.contain(ctx.now(), ctx.actor.zone))
            };
            if agent.as_ref().is_some_and(rests) {
                return Ok(None);
            }
            Ok(Some(Task { agent, talk, turn }))
        })
        .await
    }

    /// Ends when the word passed to somebody else.
    async fn lost(&self, ctx: &Ctx, conversation: Id, turn: i64) -> Result<()> {
        let mut woken = ctx.app.wake.seals();
        loop {
            woken.next().await;
            let place = ctx.read(async |db| Place::find(db, conversation).await).await?;
            let has_word = |place: &Place| place.is_agents() && place.turn == Some(turn);
            if !place.as_ref().is_some_and(has_word) {
                return Ok(());
            }
        }
    }

    /// Says or does what was decided, if nothing came in between. Behind it everybody knows.
    async fn act(
        &self,
        ctx: &Ctx,
        db: &Write,
        (task, job): (&Task, &Turn),
        decision: &Decision,
    ) -> Result<()> {
        let id = job.conversation;
        // Who writes into a conversation, or passes its word on, waits for one another here.
        db.one_at_a_time(&format!("conversation {id}")).await?;
        let Some(talk) = Talk::find(db, id).await? else { return Ok(()) };
        let has_word = talk.place.is_agents() && talk.place.turn == Some(task.turn);
        let is_last = talk.unanswered().is_some_and(|said| said.id == job.message);
        if !has_word || !is_last {
            return Ok(());
        }
        match decision {
            Decision::Answer(answer) => self.answer(ctx, db, (task, answer)).await,
            Decision::HandOver { reason, message } => {
                self.hand_over(ctx, db, (task, reason, message)).await
            }
        }
    }

    async fn answer(&self, ctx: &Ctx, db: &Write, (task, answer): (&Task, &Answer)) -> Result<()> {
        let Some(agent) = &task.agent else { return Ok(()) };
        let disclosure = agent.disclosure.as_deref().filter(|text| !text.trim().is_empty());
        let text = match disclosure.filter(|_| task.talk.replies() == 0) {
            Some(disclosure) => format!("{disclosure}\n\n{}", answer.text),
            None => answer.text.clone(),
        };
        let message = json!({
            "conversationId": task.talk.place.id, "content": text, "sender": "AGENT",
            "agentId": agent.id,
            "metadata": {
                "aiGenerated": true, "sources": answer.sources, "confidence": answer.confidence,
                "engine": answer.engine, "tokensUsed": answer.tokens, "cost": answer.dollars(),
            },
        });
        let message: Record = message.as_object().cloned().unwrap_or_default();
        let ctx = &speaking(ctx);
        self.records
            .create_in(ctx, db, self.object("message")?, (message, Manner::HOUSE_KNOWS))
            .await
            .map(drop)
    }

    async fn hand_over(
        &self,
        ctx: &Ctx,
        db: &Write,
        (task, reason, message): (&Task, &str, &str),
    ) -> Result<()> {
        let ctx = &speaking(ctx);
        let id = task.talk.place.id;
        let said = json!({
            "conversationId": id, "content": message, "sender": "SYSTEM", "agentId": task.talk.place.agent_id,
            "metadata": { "handOver": reason },
        });
        let said: Record = said.as_object().cloned().unwrap_or_default();
        self.records
            .create_in(ctx, db, self.object("message")?, (said, Manner::HOUSE_KNOWS))
            .await?;
        let reason: String = reason.chars().take(500).collect();
        let changes = json!({
            "status": "ESCALATED", "speaker": null, "handedOverAt": ctx.now(), "handOverReason": reason,
        });
        let changes: Record = changes.as_object().cloned().unwrap_or_default();
        let change = (id, changes, Manner::HOUSE_KNOWS);
        self.records.update(ctx, db, self.object("conversation")?, change).await.map(drop)
    }

    /// No answer could be had: a member is asked for.
    async fn give_up(&self, attempt: &Attempt, job: &Turn, why: &str) -> Result<(), Failure> {
        let ctx: &Ctx = attempt;
        let Some(task) = self.task(ctx, job).await? else { return Ok(()) };
        let decision = unanswered(&task.talk, &format!("No answer could be had: {why}"));
        ctx.write(async |db| self.act(ctx, db, (&task, job), &decision).await).await?;
        Ok(())
    }

    pub(super) fn object(&self, name: &str) -> Result<&'static Object> {
        self.records.object(name).ok_or_else(|| kith_kernel::internal(format!("no {name}s")))
    }

    fn say(&self, ctx: &Ctx, (conversation, agent): (Id, Id), piece: &str) {
        let said = json!({
            "conversationId": conversation, "agentId": agent, "message": piece, "isChunk": true,
        });
        (self.saying)(ctx, conversation, said);
    }
}

/// A member is asked for, since nobody else answers.
fn unanswered(talk: &Talk, reason: &str) -> Decision {
    let spoken = crate::engines::language(&talk.question());
    let message = super::local::hands_over(spoken).to_owned();
    Decision::HandOver { reason: reason.to_owned(), message }
}

/// Who an agent's messages are written by: the house, on a model's proposal.
fn speaking(ctx: &Ctx) -> Ctx {
    let actor =
        Actor { via: Via::Assistant, role: Role::Member, member: None, ..ctx.actor.clone() };
    ctx.app.on_behalf_of(actor)
}
