//! Tasks: what is to be done, by whom and until when.

mod reminders;
mod repeat;

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Query, Routes as Served, schema};
use kith_kernel::{Condition, Op, Result, Rule};
use kith_records::{
    Ask, Change, Desk, Field, FoundBy, Kind, Manner, Object, Pending, Record, Records, Routes,
    Rules,
    fields::{link, plain},
    folded,
};
use serde_json::{Value as Json, json};

use crate::{activities::completed_at, notifications};

const OWN: [Field; 18] = [
    folded!(Text, "title", "title")
        .required()
        .found_by(FoundBy::Title)
        .aliases(&["subject", "task", "name"]),
    plain("description", "description", Kind::LongText)
        .found_by(FoundBy::Body)
        .aliases(&["notes", "body"]),
    plain("status", "status", Kind::Choice(&["pending", "inProgress", "completed", "cancelled"]))
        .required()
        .default("\"pending\""),
    plain("priority", "priority", Kind::Choice(&["low", "medium", "high"])).default("\"medium\""),
    plain("dueAt", "due_at", Kind::Time).aliases(&["duedate", "due", "deadline"]),
    plain("remindAt", "remind_at", Kind::Time)
        .about("When its owner is told of it: by a notification and by mail.")
        .aliases(&["reminder"]),
    plain("remindedAt", "reminded_at", Kind::Time)
        .system()
        .about("The reminder that was given last."),
    plain("repeat.every", "repeat_every", Kind::Choice(&["day", "week", "month", "year"]))
        .about("Completing it makes the next one so much later."),
    plain("repeat.interval", "repeat_interval", Kind::Integer(1, 1_000))
        .about("Every how many; 1 unless said."),
    plain("repeat.until", "repeat_until", Kind::Date).about("The last day on which one is due."),
    link("nextId", "next_id", "task")
        .system()
        .about("The one that was made when it was completed."),
    plain("relatedId", "related_id", Kind::Related)
        .about("The record that it is about, of any kind."),
    folded!(Text, "relatedTo", "related_to").system().about("The kind of that record."),
    link("dealId", "deal_id", "deal")
        .about("The deal that it belongs to, beside the record that it is about: its timeline shows it.")
        .aliases(&["deal", "opportunity"]),
    link("ownerId", "owner_id", "member").about("Who shall do it.").aliases(&[
        "owner",
        "assignedto",
        "assignee",
    ]),
    plain("completedAt", "completed_at", Kind::Time).system(),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
    plain("archivedAt", "archived_at", Kind::Time)
        .system()
        .about("When it was archived: lists leave it out unless asked (?archived=)."),
];

/// Something to be done.
pub static TASK: Object = Object {
    name: "task",
    plural: "tasks",
    shares: None,
    alias: None,
    about: "Something to be done.",
    fields: &OWN,
    rules: &Tasks,
    routes: Routes::All,
    matched_by: "",
};

struct Tasks;

impl Rules for Tasks {
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            completed_at(desk, change, "completed");
            Ok(())
        })
    }

    fn check(&self, change: &Change) -> Result<()> {
        repeat::check(change)
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            notifications::assigned(desk, change, TASK.name)?;
            reminders::follow(desk, change)?;
            repeat::follow(desk, change).await
        })
    }
}

pub(crate) use reminders::register;

/// Which open tasks are asked for.
#[derive(Clone, Copy)]
enum Span {
    /// Those until the end of today.
    Today,
    /// From now on for some days.
    Days(i64),
    /// Those that should be done by now.
    Overdue,
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn routes(records: &Arc<Records>) -> Served {
    let page = || schema::page(schema::named("Task"));
    let complete = Operation::post("/api/tasks/{id}/complete", "tasks", "Complete a task")
        .scope("tasks", "write")
        .idempotency(Idempotency::Replays)
        .answers(200, "The task as it is now.", schema::named("Task"));
    let today =
        Operation::get("/api/tasks/today", "tasks", "Open tasks that are due today or were before")
            .scope("tasks", "read")
            .query("ownerId", schema::string(), "Whose; me for one's own.")
            .answers(200, "The most pressing first, 200 at most.", page());
    let upcoming = Operation::get("/api/tasks/upcoming", "tasks", "Open tasks of the next days")
        .scope("tasks", "read")
        .query("days", schema::integer(), "How many days ahead, 1 to 365; 7 unless said.")
        .query("ownerId", schema::string(), "Whose; me for one's own.")
        .answers(200, "The most pressing first, 200 at most.", page());
    let overdue =
        Operation::get("/api/tasks/overdue", "tasks", "Open tasks that should be done by now")
            .scope("tasks", "read")
            .query("ownerId", schema::string(), "Whose; me for one's own.")
            .answers(200, "The most pressing first, 200 at most.", page());
    let (a, b, c, d) =
        (Arc::clone(records), Arc::clone(records), Arc::clone(records), Arc::clone(records));
    Served::new()
        .add(complete, move |call| complete_task(Arc::clone(&a), call))
        .add(overdue, move |call| {
            let records = Arc::clone(&d);
            async move { due(&records, &call, &call.query()?, Span::Overdue).await }
        })
        .add(today, move |call| {
            let records = Arc::clone(&b);
            async move { due(&records, &call, &call.query()?, Span::Today).await }
        })
        .add(upcoming, move |call| {
            let records = Arc::clone(&c);
            async move {
                let query = call.query()?;
                let days = query.number("days", 1, 365)?.unwrap_or(7);
                let span = Span::Days(i64::try_from(days).unwrap_or(7));
                due(&records, &call, &query, span).await
            }
        })
}

async fn complete_task(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let changes = Record::from_iter([("status".to_owned(), json!("completed"))]);
    call.write(&body, async |db| {
        let change = (id, changes, Manner::default());
        let mut task = records.update(&call.ctx, db, &TASK, change).await?;
        // What follows from a change is not part of its own answer.
        let next = records.get(&call.ctx, db, &TASK, id).await?.remove("nextId");
        task.insert("nextId".to_owned(), next.unwrap_or_default());
        Answer::json(&task)
    })
    .await
}

/// Open tasks of a span.
async fn due(records: &Arc<Records>, call: &Call, query: &Query, span: Span) -> Result<Answer> {
    query.only(&["days", "ownerId"])?;
    let (now, zone) = (call.ctx.now(), call.ctx.actor.zone);
    let compare =
        |op: Op, value: Json| Rule::Field(Condition { field: "dueAt".to_owned(), op, value });
    let open = Rule::Field(Condition {
        field: "status".to_owned(),
        op: Op::In,
        value: json!(["pending", "inProgress"]),
    });
    let mut rules = vec![open];
    match span {
        Span::Overdue => rules.push(compare(Op::Lt, json!(now))),
        Span::Today => rules.push(compare(Op::Lt, json!(now.date(zone).plus_days(1).begins(zone)))),
        Span::Days(days) => {
            rules.push(compare(Op::Gte, json!(now)));
            rules.push(compare(Op::Lt, json!(now.date(zone).plus_days(days + 1).begins(zone))));
        }
    }
    if let Some(owner) = query.get("ownerId")? {
        rules.push(Rule::Field(Condition {
            field: "ownerId".to_owned(),
            op: Op::Eq,
            value: owner.into(),
        }));
    }
    let ask = Ask {
        rule: Rule::All(rules),
        sort: vec![("dueAt".to_owned(), false)],
        limit: 200,
        ..Ask::default()
    };
    let page = call.ctx.read(async |db| records.list(&call.ctx, db, &TASK, &ask).await).await?;
    Ok(Answer::written(page.json))
}
