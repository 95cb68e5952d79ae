//! Reminders: a job for each, due when the task wants to be remembered; it fires once, or not at all when the task was
//! done, deleted or moved meanwhile.

use kith_kernel::{Id, Result, Time};
use kith_platform::{
    events::{self, Event},
    jobs::{self, Attempt, Job, Registry},
    mail::{self, Mail},
};
use kith_records::{Change, Desk, What};
use kith_store::{Condition, Read, Select, Update, Write, equals};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::TASK;
use crate::notifications::{self, Why};

/// Reminds of a task, when it still wants to be remembered at that time.
#[derive(Debug, Serialize, Deserialize)]
struct RemindTask {
    task: Id,
    at: Time,
}

impl Job for RemindTask {
    const NAME: &'static str = "tasks.remind";
}

#[derive(Debug, Deserialize)]
struct Task {
    title: String,
    status: String,
    due_at: Option<Time>,
    remind_at: Option<Time>,
    reminded_at: Option<Time>,
    owner_id: Option<Id>,
    created_by: Option<Id>,
}

#[derive(Debug, Deserialize)]
struct Member {
    email: Option<String>,
    status: Option<String>,
}

pub(crate) fn register(registry: Registry) -> Registry {
    registry.on(|job: RemindTask, attempt| async move {
        attempt
            .write(async |db| {
                remind(&attempt, db, &job).await?;
                jobs::finish(&attempt, db).await
            })
            .await
            .map_err(Into::into)
    })
}

fn is_open(status: Option<&str>) -> bool {
    matches!(status, Some("pending" | "inProgress"))
}

/// Puts a reminder into the queue where one is wanted; those that are past when they are set stay silent.
pub(super) fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    let at = change.text("remindAt").and_then(Time::parse).filter(|at| *at > desk.ctx.now());
    let is_wanted = match change.what {
        What::Created | What::Restored => true,
        What::Updated => change.changes("remindAt") || change.changes("status"),
        What::Deleted => false,
    };
    match at.filter(|_| is_wanted && is_open(change.text("status"))) {
        Some(at) => {
            let job = RemindTask { task: change.id, at };
            jobs::enqueue_at(desk.ctx, desk.db, &job, at).map(drop)
        }
        None => Ok(()),
    }
}

async fn remind(attempt: &Attempt, db: &Write, job: &RemindTask) -> Result<()> {
    let task = Select::from("tasks").whose("id", job.task).only(Condition::Null("deleted_at"));
    let Some(task) = db.first::<Task>(task).await? else { return Ok(()) };
    let is_wanted = is_open(Some(&task.status)) && task.remind_at == Some(job.at);
    if !is_wanted || task.reminded_at == Some(job.at) {
        return Ok(());
    }
    // Of two jobs for the same time, one is the first.
    let update = Update::table("tasks").set("reminded_at", job.at).whose("id", job.task);
    let first = update.only(Condition::Not(Box::new(equals("reminded_at", job.at))));
    if db.update(first).await? == 0 {
        return Ok(());
    }
    let member = task.owner_id.or(task.created_by);
    let after = json!({
        "after": { "remindAt": job.at, "title": task.title, "memberId": member },
    });
    let event = Event {
        name: "task.reminded".to_owned(),
        object: TASK.name,
        record: Some(job.task),
        changes: Some(after.to_string()),
        batch: None,
    };
    events::append(attempt, db, event)?;
    let Some(member) = member else { return Ok(()) };
    notifications::tell(attempt, db, (member, Why::Reminder), (TASK.name, job.task, &task.title))?;
    match address(db, member).await? {
        Some(to) => mail::send(attempt, db, &letter(to, &task)),
        None => Ok(()),
    }
}

/// The address of a member who works here.
async fn address(db: &Read, member: Id) -> Result<Option<String>> {
    let found: Option<Member> = db.first(Select::from("members").whose("id", member)).await?;
    let active = found.filter(|member| member.status.as_deref() == Some("active"));
    Ok(active.and_then(|member| member.email))
}

fn letter(to: String, task: &Task) -> Mail {
    let due = task.due_at.map(|at| format!("\n\nIt is due at {at}.")).unwrap_or_default();
    Mail {
        to,
        subject: format!("Reminder: {}", task.title),
        text: format!("You wanted to be reminded of this task:\n\n{}{due}\n", task.title),
        ..Mail::default()
    }
}
