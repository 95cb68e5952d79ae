//! The word: who speaks in a conversation. It passes by assignment, by a member who writes, and by handing over; each
//! time its number rises, and what an agent began under another number is not sent.

use kith_kernel::Via;
use kith_records::{Change, Desk, What};
use serde_json::{Value as Json, json};

/// Lets the word follow from who is to answer, and numbers it.
pub(super) fn follow(desk: Desk<'_>, change: &mut Change) {
    let is_given = |key| change.is_given(key);
    if !is_given("speaker") {
        let to_member = change.changes("assigneeId") && change.get("assigneeId").is_some();
        let to_agent = change.changes("agentId") && change.get("agentId").is_some();
        if to_member && desk.ctx.actor.via != Via::System {
            change.set("speaker", "HUMAN");
        } else if to_agent {
            change.set("speaker", "AGENT");
        } else if change.changes("agentId") && change.text("speaker") == Some("AGENT") {
            change.set("speaker", Json::Null);
        }
    }
    let ends = change.changes("status") && super::is_over(change.text("status"));
    let passes = change.changes("speaker") || change.changes("agentId") || ends;
    if change.what == What::Created || passes {
        let turn = change.was("turn").and_then(Json::as_i64).unwrap_or_default();
        change.set("turn", json!(turn + 1));
    }
}
