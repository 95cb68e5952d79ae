//! What the assistant proposes and the member decides.

use kith_kernel::{Id, Result, Time, conflict, not_found};
use kith_platform::Ctx;
use kith_store::{Insert, Read, Select, Update, Write};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: Id,
    pub(crate) tool: String,
    arguments: String,
    state: String,
    created_at: Time,
    decided_at: Option<Time>,
}

/// Proposals of one conversation that are shown.
const MOST: u64 = 100;

impl Action {
    /// Notes what is proposed.
    pub(crate) async fn propose(
        ctx: &Ctx,
        db: &Write,
        (conversation, tool, arguments): (Id, &str, &str),
    ) -> Result<Id> {
        let id = ctx.new_id();
        // As the house writes JSON, with no letter as an escape: whoever is erased is found by their name.
        let arguments: Map<String, Json> = serde_json::from_str(arguments).unwrap_or_default();
        let row = vec![
            ("id", id.into()),
            ("conversation_id", conversation.into()),
            ("tool", tool.into()),
            ("arguments", Json::Object(arguments).to_string().into()),
            ("state", "pending".into()),
            ("created_at", ctx.now().into()),
        ];
        db.insert(Insert::row("ai_actions", row)).await?;
        Ok(id)
    }

    pub(crate) async fn find(db: &Read, conversation: Id, id: Id) -> Result<Self> {
        let select = Select::from("ai_actions").whose("id", id);
        let found = db.first(select.whose("conversation_id", conversation)).await?;
        found.ok_or_else(|| not_found("action"))
    }

    pub(crate) async fn of(db: &Read, conversation: Id) -> Result<Vec<Self>> {
        let select = Select::from("ai_actions").whose("conversation_id", conversation);
        let mut all: Vec<Self> = db.all(select.by("id", true).at_most(MOST)).await?;
        all.reverse();
        Ok(all)
    }

    pub(crate) fn arguments(&self) -> Map<String, Json> {
        serde_json::from_str(&self.arguments).unwrap_or_default()
    }

    /// Decides it, once.
    pub(crate) async fn decide(&self, ctx: &Ctx, db: &Write, accepts: bool) -> Result<()> {
        let state = if accepts { "accepted" } else { "refused" };
        let update = Update::table("ai_actions")
            .set("state", state)
            .set("decided_at", ctx.now())
            .whose("id", self.id)
            .whose("state", "pending");
        if db.update(update).await? == 0 {
            return Err(conflict("decided_already", "This was decided already."));
        }
        Ok(())
    }

    pub(crate) fn to_json(&self) -> Json {
        json!({
            "id": self.id,
            "tool": self.tool,
            "arguments": self.arguments(),
            "state": self.state,
            "createdAt": self.created_at,
            "decidedAt": self.decided_at,
        })
    }
}
