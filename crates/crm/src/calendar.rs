//! What a member has before them, as a calendar: tasks, activities with a time, closings of deals (RFC 5545).

mod entries;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::Arc,
};

use calcard::icalendar::ICalendar;
use kith_http::{Access, Answer, Call, Operation, Routes as Served, schema};
use kith_kernel::{Actor, Condition, Error, Kind, Op, Result, Rule, internal};
use kith_platform::Ctx;
use kith_records::{Ask, Record, Records};
use kith_store::Read;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use self::entries::Tasks;

/// Finds out on whose behalf a secret reads; an error for one that is good for nothing.
pub type BySecret =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Actor>> + Send>> + Send + Sync>;

/// What is this long ago is not shown any more.
const DAYS_BEHIND: i64 = 90;
const DAYS_AHEAD: i64 = 730;
/// Of each kind; 5,000 in all.
const MOST_TASKS: u64 = 2_000;
const MOST_ACTIVITIES: u64 = 2_000;
const MOST_CLOSINGS: u64 = 1_000;

/// The feed, which is public: its secret is the only proof.
pub fn calendar_routes(records: &Arc<Records>, by_secret: BySecret) -> Served {
    let about = "What a member has before them, by the secret of a feed: iCalendar.";
    let tasks =
        "How tasks are written: todos unless said; events for calendars that show nothing else.";
    let shown = "90 days back and two years ahead, 5,000 entries at most.";
    let feed = Operation::get("/api/calendar/{token}", "calendar", about)
        .access(Access::Public)
        .query("tasks", schema::one_of(&["todos", "events"]), tasks)
        .answers_text(200, shown, "text/calendar");
    let records = Arc::clone(records);
    Served::new().add(feed, move |call| {
        let (records, by_secret) = (Arc::clone(&records), Arc::clone(&by_secret));
        async move { show(&records, &by_secret, &call).await }
    })
}

async fn show(records: &Records, by_secret: &BySecret, call: &Call) -> Result<Answer> {
    let file = call.path("token");
    let secret = file.strip_suffix(".ics").unwrap_or(file).to_owned();
    let actor = by_secret(secret).await?;
    let query = call.query()?;
    query.only(&["tasks"])?;
    let manner = match query.get("tasks")? {
        None | Some("todos") => Tasks::Todos,
        Some("events") => Tasks::Events,
        Some(_) => return Err(wrong_tasks()),
    };
    let (request, address) = (call.ctx.actor.request, call.ctx.actor.address);
    let ctx = call.ctx.app.on_behalf_of(Actor { request, address, ..actor });
    let text = ctx.read(async |db| calendar(records, &ctx, db, manner).await).await?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // The same text has the same tag on every node.
    let tag = i64::try_from(hasher.finish() >> 1).unwrap_or_default();
    Ok(Answer::text("text/calendar; charset=utf-8", text).tagged(tag))
}

fn wrong_tasks() -> Error {
    let why = "The parameter tasks must be todos or events.";
    Error::new(Kind::Invalid, "invalid_parameter", why).and("tasks", "must be todos or events")
}

async fn calendar(records: &Records, ctx: &Ctx, db: &Read, manner: Tasks) -> Result<String> {
    let span = Span::around(ctx);
    let due = span.of("dueAt");
    let tasks = found(records, (ctx, db), "task", (due, MOST_TASKS)).await?;
    let timed = Rule::Any(vec![span.of("startsAt"), span.of("dueAt")]);
    let activities = found(records, (ctx, db), "activity", (timed, MOST_ACTIVITIES)).await?;
    let closings = Rule::All(vec![
        compare("status", Op::Eq, json!("open")),
        span.of_days("expectedCloseDate"),
    ]);
    let deals = found(records, (ctx, db), "deal", (closings, MOST_CLOSINGS)).await?;
    let mut components = vec![entries::calendar()];
    components.extend(tasks.iter().filter_map(|task| entries::task(task, manner)));
    components.extend(activities.iter().filter_map(entries::activity));
    components.extend(deals.iter().filter_map(entries::closing));
    components[0].component_ids =
        (1..components.len()).filter_map(|at| u32::try_from(at).ok()).collect();
    let mut text = String::new();
    ICalendar { components }
        .write_to(&mut text)
        .map_err(|error| internal("a calendar cannot be written").caused_by(error))?;
    Ok(text)
}

/// The days that are shown.
struct Span {
    from: Json,
    to: Json,
    first_day: Json,
    last_day: Json,
}

impl Span {
    fn around(ctx: &Ctx) -> Self {
        let (today, zone) = (ctx.now().date(ctx.actor.zone), ctx.actor.zone);
        let (first, last) = (today.plus_days(-DAYS_BEHIND), today.plus_days(DAYS_AHEAD));
        Self {
            from: json!(first.begins(zone)),
            to: json!(last.begins(zone)),
            first_day: json!(first),
            last_day: json!(last),
        }
    }

    fn of(&self, field: &str) -> Rule {
        between(field, &self.from, &self.to)
    }

    fn of_days(&self, field: &str) -> Rule {
        between(field, &self.first_day, &self.last_day)
    }
}

fn between(field: &str, from: &Json, to: &Json) -> Rule {
    Rule::All(vec![compare(field, Op::Gte, from.clone()), compare(field, Op::Lt, to.clone())])
}

fn compare(field: &str, op: Op, value: Json) -> Rule {
    Rule::Field(Condition { field: field.to_owned(), op, value })
}

/// The member's own records of a kind, those that were made last first where there are too many.
async fn found(
    records: &Records,
    (ctx, db): (&Ctx, &Read),
    object: &str,
    (rule, most): (Rule, u64),
) -> Result<Vec<Record>> {
    #[derive(Deserialize)]
    struct Found {
        data: Vec<Record>,
    }
    let object = records.object(object).ok_or_else(|| internal("a calendar of nothing"))?;
    let owner = ctx.actor.member.ok_or_else(|| internal("a feed of no member"))?;
    let rule = Rule::All(vec![compare("ownerId", Op::Eq, json!(owner)), rule]);
    let sort = vec![("id".to_owned(), true)];
    let ask = Ask { rule, sort, limit: most, ..Ask::default() };
    let page = records.list(ctx, db, object, &ask).await?;
    let found: Found = serde_json::from_slice(&page.json)
        .map_err(|error| internal("a page is no JSON").caused_by(error))?;
    Ok(found.data)
}
