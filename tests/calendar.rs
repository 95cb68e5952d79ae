//! Calendar feeds: what a member has before them, by a secret that can be revoked.

use serde_json::{Value as Json, json};

use crate::{
    client::Answer,
    database::{Kind, on_both},
    vcard::read_by_others,
    world::World,
};

on_both!(
    a_feed_shows_what_its_member_has_before_them,
    a_feed_ends_with_its_secret_or_its_member,
    feeds_are_ones_own,
);

fn feed_of(made: &Json) -> String {
    made["path"].as_str().unwrap().to_owned()
}

fn read(answer: &Answer) -> Json {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/calendar; charset=utf-8");
    assert!(answer.text.split("\r\n").all(|line| line.len() <= 75), "{}", answer.text);
    let mut all = read_by_others(&answer.text);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn said(component: &Json, key: &str) -> String {
    component[key][0]["value"].as_str().unwrap_or_default().to_owned()
}

/// The entry of a kind that is about something.
fn about<'a>(calendar: &'a Json, kind: &str, summary: &str) -> &'a Json {
    let all = calendar[kind].as_array().unwrap();
    all.iter().find(|one| said(one, "summary") == summary).unwrap()
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_feed_shows_what_its_member_has_before_them(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, now) = (&world.ana, world.app.clock.now());
    let made = ana.make("/api/calendar-feeds", json!({ "name": "Phone" })).await;
    let bruno = world.bruno.make("/api/calendar-feeds", json!({ "name": "Phone" })).await;
    let (mine, theirs) = (made["memberId"].clone(), bruno["memberId"].clone());
    let days = |days: i64| now.plus_seconds(days * 86_400).to_string();
    let task = |title: &str, due: String, owner: &Json| {
        json!({ "title": title, "dueAt": due, "ownerId": owner, "priority": "high",
            "description": "With, commas; and\nlines — ção, long enough that the line has to be folded somewhere." })
    };
    let call = ana.make("/api/tasks", task("Call; Acme, Lda.", days(3), &mine)).await;
    ana.make("/api/tasks", task("Of another", days(3), &theirs)).await;
    ana.make("/api/tasks", task("Long ago", days(-91), &mine)).await;
    ana.make("/api/tasks", task("Far away", days(731), &mine)).await;
    ana.make("/api/tasks", json!({ "title": "Some day", "ownerId": mine })).await;
    world.stranger.make("/api/tasks", json!({ "title": "Secret", "dueAt": days(3) })).await;
    ana.make(
        "/api/activities",
        json!({ "type": "meeting", "subject": "Demo", "startsAt": days(5), "durationMinutes": 45,
            "ownerId": mine, "location": "Room 1" }),
    )
    .await;
    let closing = now.plus_seconds(20 * 86_400).to_string()[..10].to_owned();
    let deal =
        json!({ "name": "Big one", "expectedCloseDate": closing, "ownerId": mine, "amount": 10 });
    ana.make("/api/deals", deal).await;

    let path = feed_of(&made);
    assert!(made["url"].as_str().unwrap().ends_with(&path), "{made}");
    let feed = world.nobody.get(&path).await;
    let calendar = read(&feed);
    assert_eq!(calendar["vtodo"].as_array().unwrap().len(), 1);
    assert_eq!(calendar["vevent"].as_array().unwrap().len(), 2);
    let todo = about(&calendar, "vtodo", "Call; Acme, Lda.");
    assert_eq!(said(todo, "uid"), format!("{}@kith", call["id"].as_str().unwrap()));
    assert_eq!(said(todo, "status"), "NEEDS-ACTION");
    assert_eq!(said(todo, "sequence"), "0");
    assert!(said(todo, "description").contains("With, commas; and\nlines — ção, long enough"));
    assert_eq!(said(todo, "due")[..10], days(3)[..10]);
    let demo = about(&calendar, "vevent", "Demo");
    assert_eq!(said(demo, "location"), "Room 1");
    assert_eq!(said(demo, "dtstart")[..10], days(5)[..10]);
    assert_eq!(said(about(&calendar, "vevent", "Big one"), "dtstart"), closing);

    // Not a word where nothing has changed; and a new one where something has.
    let tag = feed.headers["etag"].to_str().unwrap().to_owned();
    let same = [("if-none-match", tag.as_str())];
    assert_eq!(world.nobody.send("GET", &path, &same, Vec::new()).await.status, 304);
    ana.post(&format!("/api/tasks/{}/complete", call["id"].as_str().unwrap()), json!({})).await;
    let after = world.nobody.send("GET", &path, &same, Vec::new()).await;
    let calendar = read(&after);
    let todo = about(&calendar, "vtodo", "Call; Acme, Lda.");
    assert_eq!((said(todo, "status"), said(todo, "sequence")), ("COMPLETED".into(), "1".into()));
    let events = read(&world.nobody.get(&format!("{path}?tasks=events")).await);
    assert_eq!(events["vevent"].as_array().unwrap().len(), 3);
    assert_eq!(said(about(&events, "vevent", "✓ Call; Acme, Lda."), "status"), "CONFIRMED");
    assert_eq!(world.nobody.get(&format!("{path}?tasks=x")).await.status, 422);
}

async fn a_feed_ends_with_its_secret_or_its_member(kind: Kind) {
    let world = World::new(kind).await;
    let made = world.bruno.make("/api/calendar-feeds", json!({ "name": "Phone" })).await;
    let other = world.bruno.make("/api/calendar-feeds", json!({ "name": "Desk" })).await;
    let (path, id) = (feed_of(&made), made["id"].as_str().unwrap());
    let secret = path.trim_start_matches("/api/calendar/").trim_end_matches(".ics").to_owned();
    let list = world.bruno.get("/api/calendar-feeds").await;
    assert!(!list.text.contains(&secret), "{}", list.text);
    let log = world.ana.get("/api/audit-logs").await.text;
    assert!(log.contains("calendarFeed.created") && !log.contains(&secret));
    assert_eq!(world.nobody.get(&path).await.status, 200);
    assert_eq!(world.bruno.delete(&format!("/api/calendar-feeds/{id}")).await.status, 204);
    let revoked = world.nobody.get(&path).await;
    let unknown = world.nobody.get("/api/calendar/nothing.ics").await;
    for told in
        [&revoked, &unknown, &world.nobody.get(&format!("/api/calendar/{}", "x".repeat(500))).await]
    {
        assert_eq!(told.status, 404);
        let shape = |answer: &Answer| {
            let mut json = answer.json.clone();
            let told = json.as_object_mut().unwrap();
            told.remove("requestId");
            told.remove("instance");
            json
        };
        assert_eq!(shape(told), shape(&unknown));
    }
    assert_eq!(world.nobody.get(&feed_of(&other)).await.status, 200);
    let bruno = other["memberId"].as_str().unwrap();
    let leave = format!("/api/members/{bruno}/deactivate");
    let left = world.ana.post(&leave, json!({})).await;
    assert_eq!(left.status, 200, "{}", left.text);
    assert_eq!(world.nobody.get(&feed_of(&other)).await.status, 404);
}

async fn feeds_are_ones_own(kind: Kind) {
    let world = World::new(kind).await;
    let vera = world.vera.make("/api/calendar-feeds", json!({ "name": "Vera's" })).await;
    let path = format!("/api/calendar-feeds/{}", vera["id"].as_str().unwrap());
    let count = |answer: &Answer| answer.json["data"].as_array().unwrap().len();
    assert_eq!(count(&world.vera.get("/api/calendar-feeds").await), 1);
    assert_eq!(count(&world.bruno.get("/api/calendar-feeds").await), 0);
    assert_eq!(count(&world.stranger.get("/api/calendar-feeds").await), 0);
    assert_eq!(world.bruno.delete(&path).await.status, 404);
    assert_eq!(world.stranger.delete(&path).await.status, 404);
    // An admin sees all of them, and may end them.
    assert_eq!(count(&world.ana.get("/api/calendar-feeds").await), 1);
    assert_eq!(world.ana.delete(&path).await.status, 204);
    assert_eq!(world.nobody.get(&feed_of(&vera)).await.status, 404);
    for number in 0..20 {
        world.bruno.make("/api/calendar-feeds", json!({ "name": format!("{number}") })).await;
    }
    let more = world.bruno.post("/api/calendar-feeds", json!({ "name": "More" })).await;
    assert_eq!((more.status, more.json["code"].as_str()), (409, Some("too_many_feeds")));
    assert_eq!(world.bruno.post("/api/calendar-feeds", json!({ "name": "" })).await.status, 422);
}
