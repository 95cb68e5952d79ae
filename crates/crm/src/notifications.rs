//! Notifications: what a member shall know of, read and unread.

mod live;

use kith_http::{Answer, Call, Operation, Query, Routes, schema};
use kith_kernel::{Error, Id, Kind, Result, Role, Time, Via, not_found};
use kith_platform::Ctx;
use kith_records::{Change, Desk, What};
use kith_store::{
    Comparison, Condition, Insert, Migration, Read, Select, Step, Table, Update, Write, equals, id,
    text, time,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

pub use live::{live_events, tell_sockets};

/// Unread ones are counted up to here.
const MOST_COUNTED: u64 = 1_000;

/// Why somebody is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Why {
    /// A record is theirs now.
    Assigned,
    /// A task wanted to be remembered.
    Reminder,
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Reminder => "reminder",
        }
    }
}

/// A notification as it is stored.
#[derive(Debug, Deserialize)]
struct Stored {
    id: Id,
    kind: String,
    object: String,
    record_id: Id,
    title: String,
    created_at: Time,
    read_at: Option<Time>,
}

impl Stored {
    fn to_json(&self) -> Json {
        json!({
            "id": self.id, "kind": self.kind, "object": self.object, "recordId": self.record_id, "title": self.title,
            "createdAt": self.created_at, "readAt": self.read_at,
        })
    }
}

pub(crate) fn migration() -> Migration {
    let notifications = Table::of_tenant(
        "notifications",
        vec![
            id("member_id").required().references("anchors"),
            text("kind").required(),
            text("object").required(),
            id("record_id").required().references("anchors"),
            text("title").required(),
            time("created_at").required(),
            time("read_at"),
        ],
    )
    .index(&["member_id", "id"])
    .index(&["member_id", "read_at", "id"])
    .index(&["record_id", "id"]);
    Migration { name: "2026-11-22-crm-notifications", steps: vec![Step::Create(notifications)] }
}

/// Tells a member of a record, in the transaction of what they are told of.
pub(crate) fn tell(
    ctx: &Ctx,
    db: &Write,
    (member, why): (Id, Why),
    (object, record, title): (&'static str, Id, &str),
) -> Result<()> {
    db.append(Insert::row(
        "notifications",
        vec![
            ("id", ctx.new_id().into()),
            ("member_id", member.into()),
            ("kind", why.name().into()),
            ("object", object.into()),
            ("record_id", record.into()),
            ("title", title.into()),
            ("created_at", ctx.now().into()),
        ],
    ))
}

/// Tells who owns a record now, unless they took it themselves. Imports and other jobs tell nobody.
pub(crate) fn assigned(desk: Desk<'_>, change: &Change, object: &'static str) -> Result<()> {
    let actor = &desk.ctx.actor;
    let is_change = matches!(change.what, What::Created | What::Updated);
    if !is_change || actor.via == Via::System || !change.changes("ownerId") {
        return Ok(());
    }
    let Some(owner) = change.link("ownerId").filter(|owner| Some(*owner) != actor.member) else {
        return Ok(());
    };
    let title = ["name", "title", "subject"].into_iter().find_map(|key| change.text(key));
    tell(desk.ctx, desk.db, (owner, Why::Assigned), (object, change.id, title.unwrap_or_default()))
}

pub(crate) fn routes() -> Routes {
    let list = Operation::get("/api/notifications", "notifications", "What one shall know of")
        .scope("notifications", "read")
        .query("unread", schema::one_of(&["true", "false"]), "Those alone that were not read.")
        .query("limit", schema::integer(), "Notifications of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on.")
        .answers(
            200,
            "One's own, the newest first, and how many are unread (1,000 at most).",
            schema::named("Notifications"),
        );
    let read = Operation::post(
        "/api/notifications/{id}/read",
        "notifications",
        "Mark a notification as read",
    )
    .role(Role::Viewer)
    .scope("notifications", "write")
    .answers(200, "The notification as it is now.", schema::named("Notification"));
    let all = Operation::post(
        "/api/notifications/read-all",
        "notifications",
        "Mark all of one's notifications as read",
    )
    .role(Role::Viewer)
    .scope("notifications", "write")
    .answers(
        200,
        "How many were unread.",
        schema::object(vec![("read", schema::integer())], &["read"]),
    );
    Routes::new().add(list, show).add(read, mark).add(all, mark_all)
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let notification = schema::object(
        vec![
            ("id", schema::id()),
            ("kind", schema::one_of(&["assigned", "reminder"])),
            ("object", schema::string()),
            ("recordId", schema::id()),
            ("title", schema::string()),
            ("createdAt", schema::time()),
            ("readAt", schema::nullable(schema::time())),
        ],
        &["id", "kind", "object", "recordId", "title", "createdAt", "readAt"],
    );
    let page = schema::object(
        vec![
            ("data", schema::list(schema::named("Notification"))),
            ("nextCursor", schema::nullable(schema::string())),
            ("unread", schema::integer()),
        ],
        &["data", "nextCursor", "unread"],
    );
    vec![("Notification".to_owned(), notification), ("Notifications".to_owned(), page)]
}

/// Those of who asks.
fn own(ctx: &Ctx) -> Condition {
    equals("member_id", ctx.actor.member.unwrap_or_default())
}

async fn show(call: Call) -> Result<Answer> {
    let (query, ctx) = (call.query()?, &call.ctx);
    query.only(&["unread", "limit", "cursor"])?;
    Answer::json(&ctx.read(async |db| page(ctx, db, &query).await).await?)
}

async fn page(ctx: &Ctx, db: &Read, query: &Query) -> Result<Json> {
    let wrong = |name: &str, why: &str| {
        Err(Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter {name} {why}."))
            .and(name, why))
    };
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let mut select = Select::from("notifications").only(own(ctx));
    match query.get("unread")? {
        None | Some("false") => {}
        Some("true") => select = select.only(Condition::Null("read_at")),
        Some(_) => return wrong("unread", "must be true or false"),
    }
    if let Some(cursor) = query.get("cursor")? {
        let Ok(id) = cursor.parse::<Id>() else { return wrong("cursor", "is not a cursor") };
        select = select.only(Condition::Compare("id", Comparison::Less, id.into()));
    }
    let mut found: Vec<Stored> = db.all(select.by("id", true).at_most(limit + 1)).await?;
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|last| last.id);
    let data: Vec<Json> = found.iter().map(Stored::to_json).collect();
    Ok(json!({ "data": data, "nextCursor": next, "unread": unread(ctx, db).await? }))
}

/// How many of one's own are unread.
async fn unread(ctx: &Ctx, db: &Read) -> Result<usize> {
    let counted = Select::from("notifications").show(&["id"]).only(own(ctx));
    let counted = counted.only(Condition::Null("read_at")).at_most(MOST_COUNTED);
    Ok(db.ids(&counted).await?.len())
}

async fn mark(call: Call) -> Result<Answer> {
    Answer::json(&mark_read(&call.ctx, call.id("id")?).await?)
}

/// Marks one of the actor's own as read, and shows it.
async fn mark_read(ctx: &Ctx, id: Id) -> Result<Json> {
    let read = ctx.write(async |db| {
        let update = Update::table("notifications").set("read_at", ctx.now()).whose("id", id);
        db.update(update.only(own(ctx)).only(Condition::Null("read_at"))).await?;
        let select = Select::from("notifications").whose("id", id).only(own(ctx));
        db.first::<Stored>(select).await?.ok_or_else(|| not_found("notification"))
    });
    Ok(read.await?.to_json())
}

async fn mark_all(call: Call) -> Result<Answer> {
    let ctx = &call.ctx;
    let update = Update::table("notifications").set("read_at", ctx.now());
    let update = update.only(own(ctx)).only(Condition::Null("read_at"));
    let read = ctx.write(async |db| db.update(update).await).await?;
    Answer::json(&json!({ "read": read }))
}
