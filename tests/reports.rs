//! Reports: rollups against recounts, days of the tenant, what is exported, and the readers of events behind it all.

use std::collections::BTreeSet;

use kith_platform::events::{Sealer, readers::Readers};
use kith_store::Select;
use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    house::until,
    import::import,
    world::World,
};

on_both!(
    numbers_equal_a_recount,
    months_are_those_of_the_tenant,
    nothing_is_read_twice_or_missed,
    what_is_committed_is_read_at_once,
    reports_are_files_as_well,
    what_is_wrong_is_refused,
    who_is_erased_is_counted_no_more,
);

const REPORTS: [&str; 5] =
    ["dashboard-stats", "dashboard-bundle", "pipeline", "lead-status", "data-quality"];

/// Numbers that are the same in each run and in no order.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// How many records the list behind a number has.
pub(crate) async fn recount(by: &Client, link: &Json) -> Json {
    let link = link.as_str().unwrap();
    let mark = if link.contains('?') { '&' } else { '?' };
    let page = by.get(&format!("{link}{mark}count=exact&limit=1")).await;
    assert_eq!(page.status, 200, "{link} {page:?}");
    page.json["total"].clone()
}

/// An amount of two decimals in its minor unit.
fn cents(amount: &Json) -> i64 {
    let text = amount.as_f64().map(|amount| format!("{amount:.2}")).unwrap_or_default();
    text.replace('.', "").parse().unwrap_or_default()
}

/// What the amounts of the list behind a number sum up to, in cents.
async fn resum(by: &Client, link: &Json, currency: Option<&str>) -> i64 {
    let link = link.as_str().unwrap();
    let (mut sum, mut cursor) = (0, String::new());
    loop {
        let mark = if link.contains('?') { '&' } else { '?' };
        let page = by.get(&format!("{link}{mark}limit=200{cursor}")).await.json;
        for deal in page["data"].as_array().unwrap() {
            if currency.is_none_or(|code| deal["currency"] == code) {
                sum += cents(&deal["amount"]);
            }
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return sum,
        }
    }
}

/// Follows every number beside its link, however deep they stand; says how many it followed.
async fn follow(by: &Client, numbers: &Json, links: &Json) -> usize {
    let mut followed = 0;
    for (name, link) in links.as_object().unwrap() {
        let number = &numbers[name.as_str()];
        if name == "revenue" {
            for month in ["total", "thisMonth", "lastMonth"] {
                let sum = resum(by, &link[month], None).await;
                assert_eq!(cents(&number[month]), sum, "{name} {month}");
                followed += 1;
            }
        } else if link.is_object() {
            followed += Box::pin(follow(by, number, link)).await;
        } else {
            assert_eq!(recount(by, link).await, *number, "{name} {link}");
            followed += 1;
        }
    }
    followed
}

/// Compares every number of every report with a recount.
pub(crate) async fn agrees(by: &Client) {
    let report = |name: &'static str| async move {
        let answer = by.get(&format!("/api/reports/{name}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let at = &answer.json["asOf"];
        assert_eq!((&at["sequence"], &at["rebuilding"]), (&at["latest"], &json!(false)));
        answer.json
    };
    let stats = report("dashboard-stats").await;
    assert_eq!(follow(by, &stats, &stats["links"]).await, 8);
    let bundle = report("dashboard-bundle").await;
    assert_eq!(follow(by, &bundle["stats"], &bundle["links"]).await, 13);
    for stage in report("pipeline").await["stages"].as_array().unwrap() {
        assert_eq!(recount(by, &stage["link"]).await, stage["count"], "{stage}");
        for total in stage["totals"].as_array().unwrap() {
            let sum = resum(by, &stage["link"], total["currency"].as_str()).await;
            assert_eq!(cents(&total["amount"]), sum, "{stage}");
        }
    }
    for status in report("lead-status").await["statuses"].as_array().unwrap() {
        assert_eq!(recount(by, &status["link"]).await, status["count"], "{status}");
    }
    for (kind, report) in report("data-quality").await["report"].as_object().unwrap() {
        assert!(follow(by, report, &report["links"]).await > 3, "{kind}");
    }
}

/// What reports say, without when.
async fn all_reports(by: &Client) -> Vec<Json> {
    let mut all = Vec::new();
    for name in REPORTS {
        let mut report = by.get(&format!("/api/reports/{name}")).await.json;
        report["asOf"] = Json::Null;
        all.push(report);
    }
    all
}

async fn ids(by: &Client, plural: &str) -> Vec<String> {
    let page = by.get(&format!("/api/{plural}?fields=id&limit=200")).await.json;
    let all = page["data"].as_array().unwrap().iter();
    all.map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

/// A record of a kind as chance has it, good or bad.
fn anything(dice: &mut Dice, plural: &str, number: usize) -> Json {
    let mut record = match plural {
        "contacts" | "leads" => {
            let name = *dice.one(&["Ana Lima", "Rui", "B0b 77", "Zoë <x>", "José da Silva"]);
            json!({ "name": format!("{name} x"), "email": format!("p{number}@world.example") })
        }
        "accounts" => json!({ "name": format!("House {number}"), "industry": "Trade" }),
        "deals" => json!({
            "name": format!("Deal {number}"), "amount": f64::from(u16::try_from(dice.roll(60_000)).unwrap()) / 100.0,
            "currency": dice.one(&["USD", "EUR"]),
            "stage": dice.one(&["Prospecting", "Qualification", "Proposal", "Won", "Lost"]),
            "closedAt": format!("2026-{:02}-{:02}T03:30:00Z", 9 + dice.roll(3), 1 + dice.roll(28)),
        }),
        "activities" => json!({
            "subject": format!("Call {number}"), "type": dice.one(&["call", "email"]), "dueAt": "2026-11-22T10:00:00Z",
        }),
        _ => json!({ "title": format!("Do {number}") }),
    };
    let keys: Vec<String> = record.as_object().unwrap().keys().cloned().collect();
    let dropped = dice.one(&keys).clone();
    if !["name", "subject", "title", "stage"].contains(&dropped.as_str()) {
        record.as_object_mut().unwrap().remove(&dropped);
    }
    record
}

const KINDS: [&str; 6] = ["contacts", "accounts", "leads", "deals", "activities", "tasks"];

/// A bulk change, which may be taken back.
async fn bulk(world: &World, dice: &mut Dice, plural: &str, all: &[String]) -> Answer {
    let some: Vec<&String> = all.iter().take(3).collect();
    let action = *dice.one(&["update", "delete"]);
    let mut wish = json!({ "action": action, "ids": some });
    if action == "update" {
        wish["changes"] = match plural {
            "deals" => json!({ "amount": 12.5 }),
            "leads" => json!({ "status": "qualified" }),
            "contacts" => json!({ "email": null }),
            "accounts" => json!({ "industry": null }),
            _ => json!({ "status": "completed" }),
        };
    }
    let done = world.ana.post(&format!("/api/{plural}/bulk"), wish).await;
    if dice.roll(2) == 0 {
        world.run_jobs().await;
        let batch = done.json["batchId"].as_str().unwrap();
        let undone = world.ana.post(&format!("/api/batches/{batch}/undo"), json!({})).await;
        assert!(undone.status < 300, "{undone:?}");
        world.run_jobs().await;
    }
    done
}

/// One change by chance; what the house refuses is a change as well.
async fn change(world: &World, dice: &mut Dice, number: usize) {
    let ana = &world.ana;
    let plural = *dice.one(&KINDS);
    let all = ids(ana, plural).await;
    if all.is_empty() || dice.roll(3) == 0 {
        let made = ana.post(&format!("/api/{plural}"), anything(dice, plural, number)).await;
        assert_eq!(made.status, 201, "{made:?}");
        return;
    }
    let id = dice.one(&all).clone();
    let path = format!("/api/{plural}/{id}");
    let answer = match dice.roll(9) {
        0 => ana.delete(&path).await,
        1 => {
            let gone = ana.get(&format!("/api/{plural}?deleted=true")).await.json;
            match gone["data"][0]["id"].as_str() {
                Some(id) => ana.post(&format!("/api/{plural}/{id}/restore"), json!({})).await,
                None => return,
            }
        }
        2 => bulk(world, dice, plural, &all).await,
        3 if plural == "contacts" && all.len() > 1 => {
            let wish = json!({ "primaryId": all[0], "otherIds": [all[1]] });
            ana.post("/api/contacts/merge", wish).await
        }
        3 if plural == "leads" => ana.post(&format!("{path}/convert"), json!({})).await,
        4 | 5 if plural == "deals" => {
            let stage = dice.one(&["Won", "Lost", "Negotiation"]);
            ana.post(&format!("{path}/move"), json!({ "stage": stage })).await
        }
        _ => ana.patch(&path, anything(dice, plural, number)).await,
    };
    assert!(answer.status < 300 || [404, 409, 422].contains(&answer.status), "{answer:?}");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn numbers_equal_a_recount(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    world.read_events().await;
    agrees(ana).await;
    let mut dice = Dice(7);
    let file = b"name,amount,currency,stage\nOne,10.50,USD,Won\nTwo,7,EUR,Won\nThree,,,\n";
    let report = import(&world, ana, "deals", file, &[]).await;
    assert_eq!(report["created"], 3, "{report}");
    for number in 0..240 {
        change(&world, &mut dice, number).await;
        if dice.roll(20) == 0 {
            world.read_events().await;
        }
    }
    world.read_events().await;
    agrees(ana).await;
    let stats = ana.get("/api/reports/dashboard-stats").await.json;
    let revenue = stats["revenue"].as_object().unwrap();
    let sums: BTreeSet<String> = revenue.values().map(Json::to_string).collect();
    assert_eq!(sums.len(), 4, "the numbers tell something: {stats}");
    let recent = &stats["recentActivities"];
    assert!(recent[4]["subject"].is_string() && recent[10].is_null(), "{recent}");
    // A stage that loses its outcome takes its deals with it, without an event of each.
    let stages = ana.get("/api/stages?name=Won").await.json;
    let path = format!("/api/stages/{}", stages["data"][0]["id"].as_str().unwrap());
    assert_eq!(ana.patch(&path, json!({ "outcome": "lost" })).await.status, 200);
    world.read_events().await;
    agrees(ana).await;
    assert_eq!(ana.patch(&path, json!({ "outcome": "won" })).await.status, 200);
    world.read_events().await;
    let before = all_reports(ana).await;
    let asked = ana.post("/api/reports/rebuild", json!({})).await;
    let place = asked.headers["location"].to_str().unwrap();
    assert_eq!((asked.status, &ana.get(place).await.json), (202, &asked.json));
    assert_eq!(asked.json["rebuilding"], true);
    assert!(world.read_events().await > 300, "all is read again");
    assert_eq!(all_reports(ana).await, before);
    let strangers = world.stranger.get("/api/reports/dashboard-stats").await.json;
    assert_eq!(
        (&strangers["totalContacts"], &strangers["revenue"]["total"]),
        (&json!(0), &json!(0))
    );
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn months_are_those_of_the_tenant(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].as_str().unwrap().to_owned();
    let zone = json!({ "timezone": "America/Sao_Paulo", "currency": "BRL" });
    let changed = ana.patch(&format!("/api/tenants/{tenant}"), zone).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    // São Paulo is three hours behind: the first is of October there, the second of November.
    for (at, amount, currency) in [
        ("2026-11-01T02:59:59.999Z", 1.25, "BRL"),
        ("2026-11-01T03:00:00Z", 10.0, "BRL"),
        ("2026-10-01T02:59:59Z", 100.0, "BRL"),
        ("2026-12-01T02:59:59Z", 1000.0, "BRL"),
        ("2026-11-15T12:00:00Z", 5.0, "EUR"),
    ] {
        let deal = json!({ "name": at, "amount": amount, "currency": currency, "stage": "Won", "closedAt": at });
        ana.make("/api/deals", deal).await;
    }
    world.read_events().await;
    let stats = ana.get("/api/reports/dashboard-stats").await.json;
    let wanted =
        json!({ "currency": "BRL", "total": 1111.25, "thisMonth": 1010, "lastMonth": 1.25 });
    assert_eq!(stats["revenue"], wanted);
    agrees(ana).await;
    let calendar = "/api/reports/calendar?from_date=2026-11-22&to_date=2026-11-22";
    for (subject, field, at) in [
        ("in", "dueAt", "2026-11-23T02:59:00Z"),
        ("out", "dueAt", "2026-11-22T02:59:00Z"),
        ("starts", "startsAt", "2026-11-22T03:00:00Z"),
    ] {
        ana.make("/api/activities", json!({ "subject": subject, field: at })).await;
    }
    let late = json!({ "subject": "late", "startsAt": "2026-11-25T03:00:00Z", "dueAt": "2026-11-22T12:00:00Z" });
    ana.make("/api/activities", late).await;
    let shown = ana.get(calendar).await.json;
    let subjects: Vec<_> = shown["activities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["subject"].as_str().unwrap())
        .collect();
    assert_eq!((subjects, &shown["total"]), (vec!["starts", "in"], &json!(2)), "{shown}");
    assert_eq!(recount(ana, &shown["link"]).await, 2);
}

async fn nothing_is_read_twice_or_missed(kind: Kind) {
    let world = World::new(kind).await;
    let contacts: Vec<String> = (0..700).map(|number| format!("c{number}")).collect();
    let file = format!("name\n{}\n", contacts.join("\n"));
    import(&world, &world.ana, "contacts", file.as_bytes(), &[]).await;
    kith_platform::events::seal_all(&world.app).await.unwrap();
    let readers = &world.house.readers;
    let (one, other) = tokio::join!(readers.read_all(), readers.read_all());
    let read = one.unwrap() + other.unwrap();
    assert!(read >= 700, "{read}");
    let stats = world.ana.get("/api/reports/dashboard-stats").await.json;
    assert_eq!(stats["totalContacts"], 700);
    assert_eq!(world.read_events().await, 0, "all was read");
    let unread = Select::from("unread_events");
    let unread =
        world.app.db.read_everywhere("tests", async |db| db.count(unread).await).await.unwrap();
    assert_eq!(unread, 0);
    world.ana.make("/api/contacts", json!({ "name": "one more" })).await;
    // Each of the readers of the house read it.
    assert_eq!(world.read_events().await, 2);
    // A reader of another version begins with the first event, in every tenant.
    let next = kith_platform::events::readers::Reader { version: 99, ..kith_insights::reader() };
    let next = Readers::new(world.app.clone(), vec![next]);
    let tenants = world.house.identity.tenants().await.unwrap();
    let tenants: Vec<_> = tenants.into_iter().map(|(id, _)| id).collect();
    next.enroll(&tenants).await.unwrap();
    assert!(next.read_all().await.unwrap() > read / 2);
    next.enroll(&tenants).await.unwrap();
    assert_eq!(next.read_all().await.unwrap(), 0);
    agrees(&world.ana).await;
    let stats = world.ana.get("/api/reports/dashboard-stats").await.json;
    assert_eq!(stats["totalContacts"], 701);
}

/// Ten seconds are less than the minute in which it is looked unasked.
async fn what_is_committed_is_read_at_once(kind: Kind) {
    let world = World::new(kind).await;
    Sealer::new(world.app.clone()).start();
    world.house.readers.start();
    let total =
        async || world.ana.get("/api/reports/dashboard-stats").await.json["totalContacts"].clone();
    for number in 1..=3 {
        world.ana.make("/api/contacts", json!({ "name": format!("c{number}") })).await;
        until("the contact is counted", async || total().await == number).await;
    }
    assert!(world.app.tasks.stop(std::time::Duration::from_secs(5)).await);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn reports_are_files_as_well(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let pipeline = ana.get("/api/pipelines").await.json["data"][0]["id"].clone();
    let stage = json!({ "name": "São Paulo – ação", "pipelineId": pipeline, "outcome": "won" });
    ana.make("/api/stages", stage).await;
    let deal =
        json!({ "name": "d", "stage": "São Paulo – ação", "amount": 4321.5, "currency": "USD" });
    ana.make("/api/deals", deal).await;
    for number in 0..17 {
        ana.make("/api/contacts", json!({ "name": format!("c{number}") })).await;
    }
    world.read_events().await;
    let csv = ana.get("/api/reports/export?report=overview&format=csv").await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"overview.csv\"");
    for line in [
        "section,name,value,currency,list\r\n",
        "Totals,Total contacts,17,,/api/contacts\r\n",
        "Deals by stage,São Paulo – ação,1,,/api/deals?filter=",
        "Revenue,This month,4321.5,USD,/api/deals?filter=",
    ] {
        assert!(csv.text.contains(line), "{line} is not in {}", csv.text);
    }
    for (report, words) in [
        ("overview", &["Overview", "São Paulo – ação", "4321.5", "Total contacts", "17"][..]),
        ("dashboard-stats", &["Dashboard", "This month (USD)", "4321.5"]),
        ("data-quality", &["Data quality", "Missing contact info", "17"]),
    ] {
        let pdf = ana.get(&format!("/api/reports/export-pdf?report_type={report}")).await;
        assert_eq!(pdf.headers["content-type"], "application/pdf");
        let document = lopdf::Document::load_mem(&pdf.bytes).unwrap();
        let pages: Vec<u32> = document.get_pages().keys().copied().collect();
        let text = document.extract_text(&pages).unwrap();
        for word in words {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        let page = document.page_iter().next().unwrap();
        let content = document.get_and_decode_page_content(page).unwrap();
        let bars = content.operations.iter().filter(|one| one.operator == "re").count();
        assert!(bars >= 2, "{report} has {bars} bars");
    }
}

async fn what_is_wrong_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    for (path, status) in [
        ("export?format=xlsx", 422),
        ("export?report=ai-insights", 422),
        ("export-pdf?report_type=ai-insights", 422),
        ("export-pdf?report_type=pipeline", 422),
        ("pipeline?pipelineId=x", 422),
        ("dashboard-stats?x=1", 422),
        ("dashboard-bundle?bust_cache=perhaps", 422),
        ("dashboard-bundle?bust_cache=true", 200),
        ("calendar?from_date=2026-02-30", 422),
        ("calendar?from_date=2026-02-03&to_date=2026-02-02", 422),
        ("calendar?from_date=2026-01-01&to_date=2027-01-02", 422),
        ("calendar?from_date=2026-01-01&fromDate=2026-01-01", 422),
        ("calendar?cursor=x", 422),
        ("calendar?from_date=2026-01-01&to_date=2027-01-01", 200),
    ] {
        let answer = world.ana.get(&format!("/api/reports/{path}")).await;
        assert_eq!(answer.status, status, "{path} {answer:?}");
    }
    assert_eq!(world.bruno.post("/api/reports/rebuild", json!({})).await.status, 403);
    let key = json!({ "name": "k", "scopes": ["reports:read"] });
    let key = world.ana.make("/api/api-keys", key).await;
    let key = world.nobody.with(key["key"].as_str().unwrap());
    world.ana.make("/api/activities", json!({ "subject": "secret" })).await;
    let stats = key.get("/api/reports/dashboard-stats").await;
    assert_eq!((stats.status, &stats.json["recentActivities"]), (200, &json!([])));
    assert_eq!(key.get("/api/reports/calendar").await.status, 403);
}

async fn who_is_erased_is_counted_no_more(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let lead = ana.make("/api/leads", json!({ "name": "Rosa Vidal" })).await;
    let path = format!("/api/leads/{}/convert", lead["id"].as_str().unwrap());
    let contact = ana.post(&path, json!({ "deal": false })).await.json["contact"]["id"].clone();
    let call = json!({ "type": "call", "subject": "Call", "relatedId": contact });
    ana.make("/api/activities", call).await;
    world.read_events().await;
    agrees(ana).await;
    let erase = format!("/api/contacts/{}/erase", contact.as_str().unwrap());
    assert_eq!(ana.post(&erase, json!({ "confirm": "Rosa Vidal" })).await.status, 202);
    world.run_jobs().await;
    assert_eq!(ana.get(&erase.replace("/erase", "")).await.status, 410);
    world.read_events().await;
    agrees(ana).await;
    let stats = ana.get("/api/reports/dashboard-stats").await.json;
    for total in ["totalContacts", "totalLeads", "totalActivities"] {
        assert_eq!(stats[total], 0, "{total}");
    }
}
