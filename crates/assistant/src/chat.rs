//! The CRM assistant: a member's conversations with a model that may look at records and change them, as far as the
//! member may.

mod actions;
mod leaving;
mod messages;
mod naming;
mod routes;
mod schemas;
mod stored;
mod stream;
mod tools;
mod turn;

use kith_platform::jobs::Registry;
use kith_store::{Migration, Step, Table, bool, id, integer, text, time};

pub use self::leaving::forget_member;
pub(crate) use self::{routes::routes, schemas::schemas, stream::streams};
use crate::Assistant;

pub(crate) fn migration() -> Migration {
    let steps = [conversations(), messages(), actions()].map(Step::Create).into();
    Migration { name: "2026-11-22-assistant", steps }
}

fn conversations() -> Table {
    Table::of_tenant(
        "ai_conversations",
        vec![
            id("member_id").required(),
            text("agent_name").required(),
            text("status").required(),
            text("title"),
            bool("title_is_set").required(),
            text("topic"),
            text("metadata"),
            integer("message_count").required(),
            time("last_message_at"),
            text("last_excerpt"),
            time("created_at").required(),
            time("updated_at").required(),
        ],
    )
    .index(&["member_id", "updated_at", "id"])
}

fn messages() -> Table {
    Table::of_tenant(
        "ai_messages",
        vec![
            id("conversation_id").required(),
            text("role").required(),
            text("content").required(),
            text("metadata"),
            time("created_at").required(),
        ],
    )
    .index(&["conversation_id", "id"])
}

fn actions() -> Table {
    Table::of_tenant(
        "ai_actions",
        vec![
            id("conversation_id").required(),
            text("tool").required(),
            text("arguments").required(),
            text("state").required(),
            time("created_at").required(),
            time("decided_at"),
        ],
    )
    .index(&["conversation_id", "id"])
}

/// Says who answers messages in the background, and who deletes those of members who left.
pub(crate) fn register(registry: Registry, assistant: &std::sync::Arc<Assistant>) -> Registry {
    turn::register(leaving::register(registry), assistant)
}
