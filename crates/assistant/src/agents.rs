//! Agents: who answers customers for the house, with what they know, may use, and when they ask for a member.

mod decide;
mod hours;
mod local;
mod routes;
mod rules;
mod talk;
mod tools;
mod train;
mod turn;
mod watch;

use std::sync::Arc;

use kith_gateway::Gateway;
use kith_http::Routes as Served;
use kith_kernel::{Id, Result};
use kith_platform::{Ctx, jobs::Registry};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Records, Routes, Rules,
    fields::{columns, plain, table},
    folded,
};
use kith_store::{Migration, Step};
use serde_json::Value as Json;

use crate::documents::Documents;

pub use watch::reader;

const OWN: [Field; 26] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title),
    plain("description", "description", Kind::LongText).found_by(FoundBy::Body),
    plain(
        "type",
        "type",
        Kind::Choice(&[
            "CUSTOMER_SERVICE",
            "SALES",
            "SUPPORT",
            "MARKETING",
            "HR",
            "FINANCE",
            "CUSTOM",
        ]),
    )
    .default("\"CUSTOMER_SERVICE\""),
    folded!(Text, "role", "role").about("What it is: the person at the counter, the mechanic."),
    plain("personality", "personality", Kind::LongText).about("How it speaks."),
    plain("instructions", "instructions", Kind::LongText)
        .about("What it shall do, and what it shall not."),
    folded!(Text, "language", "language").about("In which it answers; that of the customer unless said."),
    folded!(Text, "model", "model").about("The model, or provider/model; as the tenant's settings say unless said."),
    plain(
        "routing",
        "routing",
        Kind::Choice(&[
            "cost_optimized",
            "speed_optimized",
            "quality_optimized",
            "balanced",
            "failover",
        ]),
    ),
    plain("temperature", "temperature", Kind::Number).default("0.3").about("0 to 2."),
    plain("maxTokens", "max_tokens", Kind::Integer(1, 4_000)).default("800"),
    plain("tools", "tools", Kind::Json)
        .about("What it may use beside its documents, by name; none unless said."),
    plain("permission", "permission", Kind::Choice(&["viewer", "member"]))
        .default("\"viewer\"")
        .about("As whom its tools act."),
    plain("documentIds", "document_ids", Kind::Json)
        .about("The documents that it answers from; all of them where it names none."),
    plain("evidence", "evidence", Kind::Number)
        .default("0.5")
        .about("From 0 to 1: a member is asked for where the documents tell less than this."),
    plain("workingHours", "working_hours", Kind::Json).about(
        "When it answers: {\"mon\": [\"09:00-18:00\"], …} in the tenant's time zone; always unless said.",
    ),
    plain("escalation", "escalation", Kind::Json).about(
        "When it asks for a member: {\"words\": [\"lawyer\"], \"sentiment\": \"negative\", \"afterReplies\": 10, \"message\": \"…\"}.",
    ),
    plain("disclosure", "disclosure", Kind::LongText)
        .about("Said before its first answer in a conversation: that a machine answers."),
    plain("greeting", "greeting", Kind::LongText),
    plain("pauseSeconds", "pause_seconds", Kind::Integer(0, 60))
        .default("2")
        .about("It waits so long for more before it answers, so that several short messages get one answer."),
    plain("isActive", "is_active", Kind::Bool).default("false").about("Whether it answers."),
    plain("status", "status", Kind::Choice(&["DRAFT", "TRAINING", "ACTIVE", "INACTIVE", "ERROR"]))
        .system()
        .default("\"DRAFT\""),
    plain("statusReason", "status_reason", Kind::LongText).system(),
    plain("trainedAt", "trained_at", Kind::Time).system(),
    plain("training", "training", Kind::Json)
        .system()
        .about("What the last training found: documents, passages, what could not be read."),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
];

/// Who answers customers for the house.
pub static AGENT: Object = Object {
    name: "agent",
    plural: "agents",
    shares: None,
    alias: None,
    about: "Who answers customers for the house: from documents, with tools, until a member takes over.",
    fields: &OWN,
    rules: &Described,
    routes: Routes::All,
    matched_by: "name",
};

pub(crate) fn migration() -> Migration {
    let agents = table(AGENT.plural, columns(AGENT.fields)).index(&["name_folded", "id"]);
    Migration { name: "2026-12-02-assistant-agents", steps: vec![Step::Create(agents)] }
}

/// Tells whoever listens to a conversation a piece of what its agent is saying.
pub type Saying = Arc<dyn Fn(&Ctx, Id, Json) + Send + Sync>;

/// What agents answer with.
pub struct Agents {
    records: Arc<Records>,
    gateway: Arc<Gateway>,
    documents: Arc<Documents>,
    saying: Saying,
}

impl Agents {
    /// Over models, records and documents; what an agent is saying is told while it speaks.
    pub fn new(
        (gateway, records): (&Arc<Gateway>, &Arc<Records>),
        documents: &Arc<Documents>,
        saying: Saying,
    ) -> Arc<Self> {
        Arc::new(Self {
            records: Arc::clone(records),
            gateway: Arc::clone(gateway),
            documents: Arc::clone(documents),
            saying,
        })
    }
}

/// The routes of agents beyond the common ones.
pub fn routes(agents: &Arc<Agents>) -> Served {
    routes::routes(agents)
}

/// The named schemas of what agents answer.
pub(crate) fn schemas() -> Vec<(String, Json)> {
    routes::schemas()
}

/// Says who does the jobs of agents.
pub fn register(registry: Registry, agents: &Arc<Agents>) -> Registry {
    train::register(turn::register(registry, agents), agents)
}

struct Described;

impl Rules for Described {
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            rules::derive(change);
            rules::check_documents(desk.db, change).await
        })
    }

    fn check(&self, change: &Change) -> Result<()> {
        rules::check(change)
    }
}

/// Everything that answers is shared.
type Shared = Arc<Agents>;
