//! Conversations as they are stored. Each is its member's alone.

use kith_kernel::{Id, Result, Time, internal, not_found};
use kith_platform::Ctx;
use kith_store::{Delete, Insert, News, Read, Select, Update, Write};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::naming;

/// Letters of an excerpt.
const EXCERPT: usize = 200;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: Id,
    pub(crate) member_id: Id,
    agent_name: String,
    status: String,
    title: Option<String>,
    title_is_set: bool,
    topic: Option<String>,
    metadata: Option<String>,
    message_count: i64,
    last_message_at: Option<Time>,
    last_excerpt: Option<String>,
    created_at: Time,
    pub(crate) updated_at: Time,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: Id,
    pub(crate) role: String,
    pub(crate) content: String,
    metadata: Option<String>,
    created_at: Time,
}

/// What a conversation begins with.
#[derive(Debug, Default)]
pub(crate) struct New {
    pub(crate) agent_name: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) metadata: Option<Json>,
}

/// A message that is said.
pub(crate) struct Said<'m> {
    pub(crate) role: &'static str,
    pub(crate) content: &'m str,
    pub(crate) metadata: Option<Json>,
}

/// The member who asks; conversations are for members alone.
pub(crate) fn member(ctx: &Ctx) -> Result<Id> {
    ctx.actor.member.ok_or_else(|| {
        kith_kernel::forbidden("Only members have conversations with the assistant.")
    })
}

fn read_json(text: Option<&str>) -> Json {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Json::Null)
}

impl Conversation {
    /// A conversation of whoever asks; others' are not found.
    pub(crate) async fn find(ctx: &Ctx, db: &Read, id: Id) -> Result<Self> {
        let select = Select::from("ai_conversations").whose("id", id);
        let found = db.first(select.whose("member_id", member(ctx)?)).await?;
        found.ok_or_else(|| not_found("conversation"))
    }

    pub(crate) async fn begin(ctx: &Ctx, db: &Write, new: New) -> Result<Self> {
        let (id, now) = (ctx.new_id(), ctx.now());
        let row = vec![
            ("id", id.into()),
            ("member_id", member(ctx)?.into()),
            ("agent_name", new.agent_name.unwrap_or_else(|| "crm_assistant".to_owned()).into()),
            ("status", "active".into()),
            ("title_is_set", new.title.is_some().into()),
            ("title", new.title.into()),
            ("topic", new.topic.into()),
            ("metadata", new.metadata.map(|metadata| metadata.to_string()).into()),
            ("message_count", 0_i64.into()),
            ("created_at", now.into()),
            ("updated_at", now.into()),
        ];
        db.insert(Insert::row("ai_conversations", row)).await?;
        Self::find(ctx, db, id).await
    }

    /// Adds a message; the first one of the member names the conversation, unless somebody has.
    pub(crate) async fn say(&mut self, ctx: &Ctx, db: &Write, said: Said<'_>) -> Result<Message> {
        let (id, now) = (ctx.new_id(), ctx.now());
        let row = vec![
            ("id", id.into()),
            ("conversation_id", self.id.into()),
            ("role", said.role.into()),
            ("content", said.content.into()),
            ("metadata", said.metadata.as_ref().map(Json::to_string).into()),
            ("created_at", now.into()),
        ];
        db.insert(Insert::row("ai_messages", row)).await?;
        let excerpt: String = said.content.chars().take(EXCERPT).collect();
        let mut update = Update::table("ai_conversations")
            .plus("message_count", 1)
            .set("last_message_at", now)
            .set("last_excerpt", excerpt)
            .set("updated_at", now)
            .whose("id", self.id);
        // Second and later messages name nothing.
        if said.role == "user" && !self.has_spoken(db, id).await? {
            let is_untitled = self.title.as_deref().is_none_or(|title| title.trim().is_empty());
            if !self.title_is_set && is_untitled {
                update = update.set("title", naming::title(said.content));
            }
            let is_general = self.topic.as_deref().is_none_or(|topic| topic == "general");
            if is_general {
                update = update.set("topic", naming::topic(said.content));
            }
        }
        if db.update(update).await? == 0 {
            return Err(not_found("conversation"));
        }
        db.tell(News::Progress);
        *self = Self::find(ctx, db, self.id).await?;
        let select = Select::from("ai_messages").whose("id", id);
        db.first(select).await?.ok_or_else(|| internal("a message is gone"))
    }

    async fn has_spoken(&self, db: &Read, but: Id) -> Result<bool> {
        let said = Select::from("ai_messages")
            .whose("conversation_id", self.id)
            .whose("role", "user")
            .only(kith_store::Condition::Not(Box::new(kith_store::equals("id", but))));
        db.exists(said).await
    }

    /// Gives it a title, a topic or a state that stays.
    pub(crate) async fn name(
        &self,
        db: &Write,
        (title, topic, status): (Option<&str>, Option<&str>, Option<&str>),
        now: Time,
    ) -> Result<()> {
        let mut update = Update::table("ai_conversations").set("updated_at", now);
        if let Some(title) = title {
            update = update.set("title", title).set("title_is_set", true);
        }
        if let Some(topic) = topic {
            update = update.set("topic", topic);
        }
        if let Some(status) = status {
            update = update.set("status", status);
        }
        db.update(update.whose("id", self.id)).await.map(drop)
    }

    /// Deletes it, with all that was said.
    pub(crate) async fn delete(&self, db: &Write) -> Result<()> {
        for table in ["ai_actions", "ai_messages"] {
            db.delete(Delete::from(table).whose("conversation_id", self.id)).await?;
        }
        db.tell(News::Progress);
        db.delete(Delete::from("ai_conversations").whose("id", self.id)).await.map(drop)
    }

    /// The last messages, oldest first.
    pub(crate) async fn last(&self, db: &Read, most: u64) -> Result<Vec<Message>> {
        let select = Select::from("ai_messages").whose("conversation_id", self.id);
        let mut all: Vec<Message> = db.all(select.by("id", true).at_most(most)).await?;
        all.reverse();
        Ok(all)
    }

    pub(crate) fn to_json(&self) -> Json {
        json!({
            "id": self.id,
            "agentName": self.agent_name,
            "status": self.status,
            "title": self.title,
            "topic": self.topic,
            "metadata": read_json(self.metadata.as_deref()),
            "messageCount": self.message_count,
            "lastMessageAt": self.last_message_at,
            "lastMessageExcerpt": self.last_excerpt,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        })
    }
}

impl Message {
    pub(crate) fn to_json(&self) -> Json {
        json!({
            "id": self.id,
            "role": self.role,
            "content": self.content,
            "metadata": read_json(self.metadata.as_deref()),
            "createdAt": self.created_at,
        })
    }
}
