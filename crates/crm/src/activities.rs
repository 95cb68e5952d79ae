//! Activities: calls, mails, meetings, planned and done.

use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Routes, Rules,
    fields::{link, plain},
    folded,
};

use crate::notifications;

const OWN: [Field; 20] = [
    plain(
        "type",
        "type",
        Kind::Choice(&[
            "call", "email", "meeting", "demo", "lunch", "message", "note", "task", "other",
        ]),
    )
    .required()
    .default("\"other\"")
    .aliases(&["activitytype"]),
    folded!(Text, "subject", "subject")
        .required()
        .found_by(FoundBy::Title)
        .aliases(&["title", "name"]),
    plain("body", "body", Kind::LongText)
        .found_by(FoundBy::Body)
        .aliases(&["description", "notes"]),
    plain("status", "status", Kind::Choice(&["scheduled", "inProgress", "completed", "cancelled"]))
        .required()
        .default("\"scheduled\""),
    plain("startsAt", "starts_at", Kind::Time).aliases(&["start", "date"]),
    plain("dueAt", "due_at", Kind::Time)
        .about("When it must be done; overdue is due before now and not done.")
        .aliases(&["duedate", "due"]),
    plain("durationMinutes", "duration_minutes", Kind::Integer(0, 1_000_000))
        .aliases(&["duration"]),
    plain("priority", "priority", Kind::Choice(&["low", "normal", "high", "urgent"]))
        .default("\"normal\""),
    plain(
        "outcome",
        "outcome",
        Kind::Choice(&[
            "successful",
            "unsuccessful",
            "followUpNeeded",
            "noAnswer",
            "voicemail",
            "rescheduled",
        ]),
    ),
    plain("sentiment", "sentiment", Kind::Choice(&["positive", "neutral", "negative", "mixed"])),
    plain("summary", "summary", Kind::LongText).found_by(FoundBy::Body),
    folded!(Text, "location", "location"),
    plain("relatedId", "related_id", Kind::Related)
        .about("The record that it is about, of any kind."),
    folded!(Text, "relatedTo", "related_to").system().about("The kind of that record."),
    link("dealId", "deal_id", "deal")
        .about("The deal that it belongs to, beside the record that it is about: its timeline shows it.")
        .aliases(&["deal", "opportunity"]),
    plain("sourceCreatedAt", "source_created_at", Kind::Time)
        .about("When it was made in the system that it came from; createdAt says when it came here."),
    link("ownerId", "owner_id", "member").aliases(&["owner", "assignedto"]),
    plain("completedAt", "completed_at", Kind::Time).system(),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
    plain("archivedAt", "archived_at", Kind::Time)
        .system()
        .about("When it was archived: lists leave it out unless asked (?archived=)."),
];

/// Something that was or will be done.
pub static ACTIVITY: Object = Object {
    name: "activity",
    plural: "activities",
    shares: None,
    alias: None,
    about: "A call, a mail, a meeting: planned or done.",
    fields: &OWN,
    rules: &Activities,
    routes: Routes::All,
    matched_by: "",
};

struct Activities;

impl Rules for Activities {
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            completed_at(desk, change, "completed");
            Ok(())
        })
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move { notifications::assigned(desk, change, ACTIVITY.name) })
    }
}

/// Notes when something was done, and forgets it when it is taken up again.
pub(crate) fn completed_at(desk: Desk<'_>, change: &mut Change, done: &str) {
    let is_done = change.text("status") == Some(done);
    if is_done && change.get("completedAt").is_none() {
        change.set("completedAt", desk.ctx.now().to_string());
    } else if !is_done {
        change.set("completedAt", serde_json::Value::Null);
    }
}
