//! Tasks that remind and repeat, and what members are told.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_reminder_fires_once,
    reminders_of_what_is_done_moved_or_gone_stay_silent,
    a_task_that_repeats_makes_the_next,
    who_gets_something_is_told,
);

fn path(task: &Json) -> String {
    format!("/api/tasks/{}", task["id"].as_str().unwrap())
}

async fn told(who: &Client) -> Vec<String> {
    let page = who.get("/api/notifications").await.json;
    let all = page["data"].as_array().unwrap().iter();
    all.map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["title"].as_str().unwrap()))
        .collect()
}

async fn mails(world: &World) -> Vec<String> {
    let outbox = world.operator.get("/api/system/outbox").await.json;
    let all = outbox["data"].as_array().unwrap().iter();
    let all = all.map(|mail| mail["subject"].as_str().unwrap().to_owned());
    all.filter(|subject| subject.starts_with("Reminder")).collect()
}

async fn a_reminder_fires_once(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let task = json!({ "title": "Call", "dueAt": "2026-11-21T12:00:00Z", "remindAt": "2026-11-21T11:00:00Z" });
    let task = ana.make("/api/tasks", task).await;
    // Away and back: two jobs for one time.
    ana.patch(&path(&task), json!({ "remindAt": "2026-11-21T10:00:00Z" })).await;
    ana.patch(&path(&task), json!({ "remindAt": "2026-11-21T11:00:00Z" })).await;
    world.app.clock.advance_seconds(3_600);
    world.run_jobs().await;
    assert_eq!(told(ana).await, [""; 0]);
    world.app.clock.advance_seconds(3_600);
    // Two nodes at once.
    tokio::join!(world.run_jobs(), world.run_jobs());
    world.run_jobs().await;
    assert_eq!(told(ana).await, ["reminder Call"]);
    assert_eq!(mails(&world).await, ["Reminder: Call"]);
    let now = ana.get(&path(&task)).await.json;
    assert_eq!(now["remindedAt"], "2026-11-21T11:00:00.000Z");
    let history = ana.get(&format!("{}/history", path(&task))).await.json;
    assert_eq!(history["data"][0]["action"], "task.reminded", "{history}");
    let overdue = async || {
        let page = ana.get("/api/tasks/overdue").await.json;
        page["data"].as_array().unwrap().len()
    };
    assert_eq!(overdue().await, 0);
    world.app.clock.advance_seconds(3_601);
    assert_eq!(overdue().await, 1);
    ana.post(&format!("{}/complete", path(&task)), json!({})).await;
    assert_eq!(overdue().await, 0);
}

async fn reminders_of_what_is_done_moved_or_gone_stay_silent(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let mut tasks = Vec::new();
    for title in ["Done", "Moved", "Gone", "Past"] {
        let at = if title == "Past" { "2026-11-21T08:00:00Z" } else { "2026-11-21T10:00:00Z" };
        tasks.push(ana.make("/api/tasks", json!({ "title": title, "remindAt": at })).await);
    }
    ana.post(&format!("{}/complete", path(&tasks[0])), json!({})).await;
    ana.patch(&path(&tasks[1]), json!({ "remindAt": "2026-11-22T10:00:00Z" })).await;
    ana.delete(&path(&tasks[2])).await;
    world.app.clock.advance_seconds(3_600);
    world.run_jobs().await;
    assert_eq!(told(ana).await, [""; 0]);
    world.app.clock.advance_seconds(86_400);
    world.run_jobs().await;
    assert_eq!(told(ana).await, ["reminder Moved"]);
    assert_eq!(mails(&world).await.len(), 1);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_task_that_repeats_makes_the_next(kind: Kind) {
    let world = World::new(kind).await;
    let tenant = world.ana.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let tenant = format!("/api/tenants/{}", tenant.as_str().unwrap());
    let lisbon = world.ana.patch(&tenant, json!({ "timezone": "Europe/Lisbon" })).await;
    assert_eq!(lisbon.status, 200, "{lisbon:?}");
    // Who may ask is remembered for three seconds.
    world.app.clock.advance_seconds(60);
    let ana = &world.ana;
    let task = json!({
        "title": "Report", "dueAt": "2027-03-27T09:00:00Z", "remindAt": "2027-03-27T08:30:00Z", "labels": ["weekly"],
        "repeat": { "every": "day", "until": "2027-03-29" },
    });
    let task = ana.make("/api/tasks", task).await;
    assert_eq!(task["repeat"]["interval"], json!(null));
    let complete = async |task: &Json| -> Json {
        let done = ana.post(&format!("{}/complete", path(task)), json!({})).await;
        assert_eq!(done.status, 200, "{done:?}");
        let next = done.json["nextId"].clone();
        assert_eq!(ana.get(&path(task)).await.json["nextId"], next);
        match next.as_str() {
            Some(id) => ana.get(&format!("/api/tasks/{id}")).await.json,
            None => Json::Null,
        }
    };
    // Clocks go forward in the night of the 28th: nine o'clock there is eight here.
    let next = complete(&task).await;
    assert_eq!(
        (&next["dueAt"], &next["status"]),
        (&json!("2027-03-28T08:00:00.000Z"), &json!("pending"))
    );
    assert_eq!(
        (&next["remindAt"], &next["labels"]),
        (&json!("2027-03-28T07:30:00.000Z"), &json!(["weekly"]))
    );
    // Taken up and done again, it makes no second one.
    ana.patch(&path(&task), json!({ "status": "pending" })).await;
    assert_eq!(complete(&task).await["id"], next["id"]);
    let last = complete(&next).await;
    assert_eq!(last["dueAt"], "2027-03-29T08:00:00.000Z");
    assert_eq!(complete(&last).await, Json::Null);
    assert_eq!(ana.get("/api/tasks?count=exact").await.json["total"], 3);
    let monthly = json!({
        "title": "Rent", "dueAt": "2026-08-31T10:00:00Z", "repeat": { "every": "month", "interval": 1 },
    });
    let monthly = ana.make("/api/tasks", monthly).await;
    let next = complete(&monthly).await;
    assert_eq!(
        next["dueAt"], "2026-11-30T11:00:00.000Z",
        "what was missed is not made up for: {next}"
    );
    for bad in [
        json!({ "title": "x", "repeat": { "every": "day" } }),
        json!({ "title": "x", "dueAt": "2027-01-01T00:00:00Z", "repeat": { "interval": 2 } }),
        json!({ "title": "x", "dueAt": "2027-01-01T00:00:00Z", "repeat": { "every": "blue" } }),
        json!({ "title": "x", "dueAt": "2027-01-01T00:00:00Z", "repeat": { "every": "day", "interval": 0 } }),
    ] {
        assert_eq!(ana.post("/api/tasks", bad.clone()).await.status, 422, "{bad}");
    }
}

async fn who_gets_something_is_told(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, bruno) = (&world.ana, &world.bruno);
    let member = async |who: &Client| who.get("/api/auth/me").await.json["memberId"].clone();
    let (to_ana, to_bruno) = (member(ana).await, member(bruno).await);
    let deal = ana.make("/api/deals", json!({ "name": "Big", "ownerId": to_bruno })).await;
    ana.make("/api/contacts", json!({ "name": "Own", "ownerId": to_ana })).await;
    ana.make("/api/accounts", json!({ "name": "Acme", "ownerId": to_bruno })).await;
    let deal = format!("/api/deals/{}", deal["id"].as_str().unwrap());
    bruno.patch(&deal, json!({ "ownerId": to_ana })).await;
    bruno.patch(&deal, json!({ "amount": 5 })).await;
    assert_eq!(told(bruno).await, ["assigned Acme", "assigned Big"]);
    assert_eq!(told(ana).await, ["assigned Big"]);
    let page = bruno.get("/api/notifications?limit=1").await.json;
    assert_eq!(page["unread"], 2);
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = bruno.get(&format!("/api/notifications?cursor={cursor}")).await.json;
    assert_eq!((&rest["data"][0]["title"], &rest["nextCursor"]), (&json!("Big"), &json!(null)));
    let read = format!("/api/notifications/{}/read", rest["data"][0]["id"].as_str().unwrap());
    assert_eq!(ana.post(&read, json!({})).await.status, 404, "it is bruno's");
    let marked = bruno.post(&read, json!({})).await;
    assert_eq!(marked.json["readAt"], "2026-11-21T09:00:00.000Z", "{marked:?}");
    assert_eq!(
        bruno.get("/api/notifications?unread=true").await.json["data"].as_array().unwrap().len(),
        1
    );
    assert_eq!(bruno.post("/api/notifications/read-all", json!({})).await.json["read"], 1);
    assert_eq!(bruno.get("/api/notifications").await.json["unread"], 0);
    for bad in ["unread=maybe", "cursor=5", "limit=0", "kind=x"] {
        assert_eq!(ana.get(&format!("/api/notifications?{bad}")).await.status, 422, "{bad}");
    }
}
