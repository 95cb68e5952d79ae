//! Talks: a conversation as its agent sees it, and who that agent is.

use kith_kernel::{Id, Result, Time};
use kith_store::{Condition, Read, Select, equals};
use serde::Deserialize;
use serde_json::Value as Json;

use super::hours::Hours;

/// Messages that an agent sees of what was said.
const HISTORY: u64 = 20;
/// Letters of a question.
const LONGEST_QUESTION: usize = 4_000;

/// An agent as it answers.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Agent {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) role: Option<String>,
    pub(crate) personality: Option<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) routing: Option<String>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) permission: Option<String>,
    pub(crate) evidence: Option<f64>,
    pub(crate) disclosure: Option<String>,
    pub(crate) greeting: Option<String>,
    pub(crate) pause_seconds: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) is_active: Option<bool>,
    tools: Option<String>,
    document_ids: Option<String>,
    working_hours: Option<String>,
    escalation: Option<String>,
}

/// When an agent asks for a member.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Escalation {
    pub(crate) words: Vec<String>,
    pub(crate) sentiment: Option<String>,
    pub(crate) after_replies: Option<usize>,
    pub(crate) message: Option<String>,
}

fn parsed<T: serde::de::DeserializeOwned>(text: Option<&String>) -> Option<T> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

impl Agent {
    /// An agent that is there.
    pub(crate) async fn find(db: &Read, id: Id) -> Result<Option<Self>> {
        let select = Select::from("agents").whose("id", id).only(Condition::Null("deleted_at"));
        db.first(select).await
    }

    /// Whether it answers customers.
    pub(crate) fn answers(&self) -> bool {
        self.is_active == Some(true) && self.status.as_deref() == Some("ACTIVE")
    }

    /// The tools that it may use.
    pub(crate) fn tools(&self) -> Vec<String> {
        parsed(self.tools.as_ref()).unwrap_or_default()
    }

    /// The documents that it answers from; none: all.
    pub(crate) fn documents(&self) -> Option<Vec<Id>> {
        let ids: Vec<Id> = parsed(self.document_ids.as_ref()).unwrap_or_default();
        Some(ids).filter(|ids| !ids.is_empty())
    }

    /// When it answers; none: always.
    pub(crate) fn hours(&self) -> Option<Hours> {
        let json: Json = parsed(self.working_hours.as_ref())?;
        Hours::parse(&json).ok()
    }

    pub(crate) fn escalation(&self) -> Escalation {
        parsed(self.escalation.as_ref()).unwrap_or_default()
    }
}

/// The conversation itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Place {
    pub(crate) id: Id,
    pub(crate) contact_id: Option<Id>,
    pub(crate) agent_id: Option<Id>,
    pub(crate) speaker: Option<String>,
    pub(crate) turn: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) started_at: Option<Time>,
}

/// Something that was said.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Said {
    pub(crate) id: Id,
    pub(crate) sender: Option<String>,
    pub(crate) direction: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) created_at: Time,
}

/// A conversation as its agent sees it.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) place: Place,
    /// The oldest first.
    pub(crate) said: Vec<Said>,
}

impl Place {
    pub(crate) async fn find(db: &Read, id: Id) -> Result<Option<Self>> {
        let select =
            Select::from("conversations").whose("id", id).only(Condition::Null("deleted_at"));
        db.first(select).await
    }

    /// Whether its agent has the word.
    pub(crate) fn is_agents(&self) -> bool {
        self.speaker.as_deref() == Some("AGENT")
            && self.agent_id.is_some()
            && matches!(self.status.as_deref(), Some("ACTIVE" | "WAITING"))
    }
}

impl Talk {
    /// A conversation with what was said last.
    pub(crate) async fn find(db: &Read, id: Id) -> Result<Option<Self>> {
        let Some(place) = Place::find(db, id).await? else { return Ok(None) };
        let select = Select::from("messages")
            .only(equals("conversation_id", id))
            .only(Condition::Null("deleted_at"))
            .only(Condition::Not(Box::new(equals("direction", "INTERNAL"))))
            // What machines wrote is no part of it.
            .only(Condition::Not(Box::new(equals("is_automatic", true))))
            .by("sequence", true)
            .at_most(HISTORY);
        let mut said: Vec<Said> = db.all(select).await?;
        said.reverse();
        Ok(Some(Self { place, said }))
    }

    /// The last thing that the customer said, where nobody said anything behind it.
    pub(crate) fn unanswered(&self) -> Option<&Said> {
        self.said.last().filter(|said| said.direction.as_deref() == Some("INBOUND"))
    }

    /// All that the customer said since somebody of the house did: several short messages are one question.
    pub(crate) fn question(&self) -> String {
        let is_inbound = |said: &&Said| said.direction.as_deref() == Some("INBOUND");
        let mut asked: Vec<&str> = self
            .said
            .iter()
            .rev()
            .take_while(is_inbound)
            .filter_map(|said| said.content.as_deref())
            .collect();
        asked.reverse();
        asked.join("\n").chars().take(LONGEST_QUESTION).collect()
    }

    /// How often agents answered since the conversation began, or began anew.
    pub(crate) fn replies(&self) -> usize {
        let since = self.place.started_at;
        let is_reply = |said: &&Said| {
            said.sender.as_deref() == Some("AGENT")
                && since.is_none_or(|since| said.created_at >= since)
        };
        self.said.iter().filter(is_reply).count()
    }

    /// Whether the customer said the same three times in a row: a machine, perhaps.
    pub(crate) fn repeats_itself(&self) -> bool {
        let mut inbound = self
            .said
            .iter()
            .rev()
            .filter(|said| said.direction.as_deref() == Some("INBOUND"))
            .map(|said| said.content.as_deref().unwrap_or_default().trim());
        match (inbound.next(), inbound.next(), inbound.next()) {
            (Some(one), Some(two), Some(three)) => !one.is_empty() && one == two && two == three,
            _ => false,
        }
    }
}
