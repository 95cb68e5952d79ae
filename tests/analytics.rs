//! Analytics: numbers of the inbox that were worked out by hand, what takes them back, and what is refused.

use serde_json::{Value as Json, json};

use crate::{
    agents,
    client::Client,
    database::{Kind, on_both},
    inbox::{own_channel, wrote},
    models::with_models,
    reports::recount,
    world::World,
};

on_both!(
    numbers_are_those_of_the_inbox,
    agents_are_told_by_what_they_did,
    tokens_are_those_of_answers,
    what_is_taken_back_counts_no_more,
    who_is_erased_is_counted_no_more,
    what_makes_no_sense_is_refused,
);

async fn shown(by: &Client, path: &str) -> Json {
    let answer = by.get(&format!("/api/analytics/{path}")).await;
    assert_eq!(answer.status, 200, "{path} {answer:?}");
    let at = &answer.json["asOf"];
    assert_eq!((&at["sequence"], &at["rebuilding"]), (&at["latest"], &json!(false)));
    answer.json
}

/// Somebody begins a conversation by a channel; its address.
async fn begins(world: &World, own: &(String, String), who: &str) -> String {
    let said = json!({ "id": who, "from": { "id": who, "name": who }, "content": "Hello?" });
    assert_eq!(wrote(world, (&own.0, &own.1), said).await.status, 200);
    let all = world.ana.get("/api/conversations?sort=createdAt&limit=200").await.json;
    let last = all["data"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["customerName"], who, "{last}");
    format!("/api/conversations/{}", last["id"].as_str().unwrap())
}

/// A member answers so many seconds later, and ends it so many seconds after that.
async fn answered(world: &World, path: &str, (first, then, rating): (i64, i64, i64)) {
    world.app.clock.advance_seconds(first);
    world.bruno.make(&format!("{path}/messages"), json!({ "content": "Here we are." })).await;
    world.run_jobs().await;
    world.app.clock.advance_seconds(then);
    let closed = world.bruno.put(&format!("{path}/close"), json!({ "rating": rating })).await;
    assert_eq!(closed.status, 200, "{closed:?}");
}

/// One conversation a week ago, and three of this morning; their two channels.
async fn a_week(world: &World) -> [String; 2] {
    let shop = own_channel(&world.ana).await;
    let path = begins(world, &shop, "Ada").await;
    answered(world, &path, (60, 600, 3)).await;
    world.app.clock.advance_seconds(7 * 86_400 - 660);
    let path = begins(world, &shop, "Bea").await;
    answered(world, &path, (30, 300, 5)).await;
    let path = begins(world, &shop, "Cid").await;
    let note = json!({ "content": "He called.", "isNote": true });
    world.ana.make(&format!("{path}/messages"), note).await;
    world.app.clock.advance_seconds(3_600);
    let desk = own_channel(&world.ana).await;
    let path = begins(world, &desk, "Dan").await;
    answered(world, &path, (90, 210, 4)).await;
    world.run_jobs().await;
    world.read_events().await;
    [shop.0, desk.0]
}

#[expect(clippy::too_many_lines, reason = "one morning, looked at from all sides")]
async fn numbers_are_those_of_the_inbox(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let [shop, desk] = a_week(&world).await;
    let told = shown(ana, "conversations?period=7d").await;
    let said = json!({
        "inbound": 3, "outbound": 2, "byAgents": 0, "byMembers": 2, "bySystem": 0, "notes": 1,
        "failed": 0, "tokensUsed": null, "cost": null,
    });
    assert_eq!(told["messages"], said);
    let told = shown(ana, "dashboard?period=7d").await;
    assert_eq!(
        told["overview"],
        json!({
            "totalConversations": 3, "openConversations": 1, "activeAgents": 0,
            "messagesProcessed": 5, "customerSatisfaction": 4.5, "handoverRate": 0.0,
            "resolutionRate": 66.7, "tokensUsed": null, "cost": null,
            "averageFirstResponseSeconds": 60.0, "medianFirstResponseSeconds": 30.0,
            "averageResolutionSeconds": 315.0, "medianResolutionSeconds": 300.0,
        })
    );
    let trends = json!({
        "conversationsGrowth": 200.0, "messagesGrowth": 150.0, "responseTimeImprovement": 0.0,
        "resolutionTimeImprovement": 52.3, "satisfactionChange": 1.5, "handoverRateChange": 0.0,
    });
    assert_eq!(told["trends"], trends);
    let parts: Vec<Json> = told["channelBreakdown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["channelId"], one["type"], one["conversations"], one["percentage"]]))
        .collect();
    assert_eq!(parts, [json!([shop, "API", 2, 66.7]), json!([desk, "API", 1, 33.3])]);
    let series = told["timeSeriesData"].as_array().unwrap();
    assert_eq!(series.len(), 7);
    let point = |date: &str, counts: [i64; 2], times: [Json; 2]| {
        json!({
            "date": date, "conversations": counts[0], "messages": counts[1],
            "averageFirstResponseSeconds": times[0], "averageResolutionSeconds": times[1],
        })
    };
    let null = || Json::Null;
    assert_eq!(series[0], point("2026-11-22T00:00:00.000Z", [0, 0], [null(), null()]));
    let today = point("2026-11-28T00:00:00.000Z", [3, 5], [json!(60.0), json!(315.0)]);
    assert_eq!(series[6], today);
    // By hours: the span ends with the hour that has begun.
    let hours = shown(ana, "dashboard?period=24h").await;
    assert_eq!(hours["period"]["until"], "2026-11-28T11:00:00.000Z");
    let points = hours["timeSeriesData"].as_array().unwrap();
    let nine = point("2026-11-28T09:00:00.000Z", [2, 3], [json!(30.0), json!(330.0)]);
    let ten = point("2026-11-28T10:00:00.000Z", [1, 2], [json!(90.0), json!(300.0)]);
    assert_eq!((points.len(), &points[22], &points[23]), (24, &nine, &ten));
    // Days of another zone have other ends; their sums are the same.
    let lima = "timezone=America/Sao_Paulo&startDate=2026-11-21&endDate=2026-11-28";
    for (interval, points) in [("hour", 192), ("day", 8), ("week", 2), ("month", 1)] {
        let told = shown(ana, &format!("conversations?{lima}&interval={interval}")).await;
        assert_eq!(told["period"]["from"], "2026-11-21T03:00:00.000Z");
        let series = told["timeSeriesData"].as_array().unwrap();
        let sum = |key: &str| series.iter().map(|one| one[key].as_i64().unwrap()).sum::<i64>();
        assert_eq!((series.len(), sum("conversations"), sum("messages")), (points, 4, 7));
        assert_eq!(told["totalConversations"], 4);
    }
    let told = shown(ana, &format!("conversations?period=7d&channelId={shop}")).await;
    assert_eq!((&told["totalConversations"], &told["openConversations"]), (&json!(2), &json!(1)));
    assert_eq!(told["timeSeriesData"][6]["messages"], 3);
    assert_eq!(told["firstResponse"]["averageSeconds"], 30.0);
    let told = shown(ana, "conversations?period=7d").await;
    let first = json!({
        "conversations": 2, "averageSeconds": 60.0, "medianSeconds": 30.0, "percentile90Seconds": 90.0,
    });
    assert_eq!(told["firstResponse"], first);
    let channels = shown(ana, "channels?period=7d").await;
    let told: Vec<Json> = channels["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let metrics = &one["metrics"];
            json!([one["channelId"], metrics["inboundMessages"], metrics["customerSatisfaction"]])
        })
        .collect();
    assert_eq!(told, [json!([shop, 2, 5.0]), json!([desk, 1, 4.0])]);
    // Before the first of them nothing is known, and nothing is made up.
    let told = shown(ana, "dashboard?startDate=2026-11-20&endDate=2026-11-21").await;
    assert_eq!(told["overview"]["totalConversations"], 1);
    assert!(told["trends"].as_object().unwrap().values().all(Json::is_null), "{told}");
    agrees(ana, "period=7d").await;
    agrees(ana, &format!("period=30d&channelId={shop}")).await;
    let strangers = shown(&world.stranger, "dashboard?period=30d").await;
    assert_eq!(strangers["overview"]["totalConversations"], 0);
    assert_eq!(strangers["overview"]["averageFirstResponseSeconds"], Json::Null);
}

/// Follows every list behind a number, and finds as many.
async fn agrees(by: &Client, query: &str) {
    let dashboard = shown(by, &format!("dashboard?{query}")).await;
    let told = shown(by, &format!("conversations?{query}")).await;
    let mut all = vec![
        (
            dashboard["overview"]["totalConversations"].clone(),
            dashboard["links"]["totalConversations"].clone(),
        ),
        (
            dashboard["overview"]["openConversations"].clone(),
            dashboard["links"]["openConversations"].clone(),
        ),
        (told["handover"]["conversations"].clone(), dashboard["links"]["handedOver"].clone()),
        (told["handover"]["conversations"].clone(), told["handover"]["link"].clone()),
    ];
    let lists = [
        &dashboard["channelBreakdown"],
        &told["byStatus"],
        &told["byPriority"],
        &told["satisfaction"]["byRating"],
    ];
    for one in lists.into_iter().flat_map(|list| list.as_array().unwrap()) {
        all.push((one["conversations"].clone(), one["link"].clone()));
    }
    for name in ["agents", "channels"] {
        let told = shown(by, &format!("{name}?{query}")).await;
        for one in told[name].as_array().unwrap() {
            all.push((one["metrics"]["totalConversations"].clone(), one["link"].clone()));
        }
    }
    assert!(all.len() >= 4 + 6 + 4 + 5);
    for (number, link) in all {
        assert_eq!(Box::pin(recount(by, &link)).await, number, "{link}");
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn agents_are_told_by_what_they_did(kind: Kind) {
    let world = World::new(kind).await;
    let (agent, own) = agents::answering(&world, json!({})).await;
    let idle = world.ana.make("/api/agents", json!({ "name": "Otto" })).await;
    agents::said(&world, &own, ("m1", "When does the bakery open in the morning?")).await;
    agents::settled(&world).await;
    let lost = json!({
        "id": "m2", "from": { "id": "rui", "name": "Rui" },
        "content": "Can you repair my motorcycle engine this afternoon?",
    });
    wrote(&world, (&own.0, &own.1), lost).await;
    agents::settled(&world).await;
    world.read_events().await;
    let told = shown(&world.ana, "agents?period=24h").await;
    assert_eq!(told["agents"].as_array().unwrap().len(), 2, "{told}");
    let (paula, otto) = (&told["agents"][0], &told["agents"][1]);
    assert_eq!((&paula["agentId"], &paula["agentName"]), (&json!(agent), &json!("Paula")));
    assert_eq!(
        paula["metrics"],
        json!({
            "totalConversations": 2, "openConversations": 2, "messages": 2, "failedMessages": 0,
            "customerRating": null, "ratings": 0, "resolutionRate": 0.0, "escalationRate": 50.0,
            // Whoever answers without a model takes no tokens.
            "tokensUsed": 0, "cost": 0.0,
            "averageFirstResponseSeconds": 3.0, "medianFirstResponseSeconds": 3.0,
            "averageResolutionSeconds": null, "medianResolutionSeconds": null,
        })
    );
    assert_eq!((&otto["agentId"], &otto["isActive"]), (&idle["id"], &json!(false)));
    assert_eq!(otto["metrics"]["tokensUsed"], Json::Null);
    let overview = shown(&world.ana, "dashboard?period=24h").await["overview"].clone();
    assert_eq!((&overview["activeAgents"], &overview["handoverRate"]), (&json!(1), &json!(50.0)));
    let own = format!("agentId={agent}");
    let told = shown(&world.ana, &format!("conversations?{own}")).await;
    assert_eq!(
        (&told["messages"]["byAgents"], &told["messages"]["bySystem"]),
        (&json!(1), &json!(1))
    );
    agrees(&world.ana, "period=7d").await;
    agrees(&world.ana, &own).await;
    // An agent that is deleted is told by its name as long as it is kept.
    assert!(world.ana.delete(&format!("/api/agents/{agent}")).await.status < 300);
    world.read_events().await;
    let told = shown(&world.ana, "agents").await;
    let paula = told["agents"].as_array().unwrap().iter().find(|one| one["agentId"] == agent);
    assert_eq!(paula.unwrap()["isActive"], false);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn tokens_are_those_of_answers(kind: Kind) {
    let (world, _, _far) = with_models(kind).await;
    let more = json!({ "model": "openai/obey-1", "evidence": 0 });
    let (agent, own) = agents::answering(&world, more).await;
    agents::said(&world, &own, ("m1", "When does the bakery open?")).await;
    agents::said(&world, &own, ("m2", "Do you deliver bread?")).await;
    world.read_events().await;
    let (_, messages) = agents::talk(&world).await;
    let told = messages.iter().filter_map(|one| one["metadata"]["tokensUsed"].as_i64());
    let tokens: i64 = told.sum();
    assert!(tokens > 0, "{messages:?}");
    let told = shown(&world.ana, &format!("agents?agentId={agent}")).await;
    assert_eq!(told["agents"][0]["metrics"]["tokensUsed"], tokens);
    let told = shown(&world.ana, "dashboard").await;
    assert_eq!(told["overview"]["tokensUsed"], tokens);
    // Nobody knows what that model costs.
    assert_eq!(told["overview"]["cost"], Json::Null);
    // Of one with a price it is known, as the gateway counts it; not of all together.
    let path = format!("/api/agents/{agent}");
    let other = world.ana.make(
        "/api/agents",
        json!({
            "name": "Rita", "model": "openai/gpt-4o-mini-obey", "evidence": 0, "isActive": true,
        }),
    );
    let other = other.await;
    let channel = format!("/api/channels/{}", own.0);
    let set = world.ana.patch(&channel, json!({ "agentId": other["id"] })).await;
    assert_eq!(set.status, 200, "{set:?}");
    let asks = json!({ "id": "m9", "from": { "id": "rui", "name": "Rui" }, "content": "Do you deliver bread?" });
    wrote(&world, (&own.0, &own.1), asks).await;
    agents::settled(&world).await;
    world.read_events().await;
    let ritas = format!("agentId={}", other["id"].as_str().unwrap());
    let told = shown(&world.ana, &format!("agents?{ritas}")).await;
    let metrics = &told["agents"][0]["metrics"];
    let sent = world.ana.get("/api/messages?sender=AGENT&sort=-createdAt").await.json;
    let sent = sent["data"].as_array().unwrap().iter();
    let hers = sent.filter(|one| one["agentId"] == other["id"]).collect::<Vec<_>>();
    let cost: f64 = hers.iter().map(|one| one["metadata"]["cost"].as_f64().unwrap()).sum();
    assert!(cost > 0.0 && hers.len() == 1, "{hers:?}");
    assert_eq!(metrics["cost"], cost, "{metrics}");
    world.house.gateway.write_rest().await;
    let usage = world.ana.get("/api/ai/usage").await.json;
    assert!(usage.to_string().contains("gpt-4o-mini-obey"), "{usage}");
    let told = shown(&world.ana, "dashboard").await;
    assert_eq!(told["overview"]["cost"], Json::Null, "one of its answers has no price");
    assert_eq!(world.ana.get(&path).await.status, 200);
}

/// Conversations, those that are open, messages, and how many were answered, ended and rated; each as often as it is found.
async fn counted(world: &World) -> Json {
    let ana = &world.ana;
    world.read_events().await;
    agrees(ana, "period=7d").await;
    let told = shown(ana, "conversations?period=7d").await;
    let said = told["messages"]["inbound"].as_i64().zip(told["messages"]["outbound"].as_i64());
    let said = said.map(|(inbound, outbound)| inbound + outbound);
    let messages = ana.get("/api/messages?count=exact&limit=1").await.json["total"].clone();
    assert_eq!(json!(said), messages);
    json!([
        told["totalConversations"],
        told["openConversations"],
        messages,
        told["firstResponse"]["conversations"],
        told["resolution"]["conversations"],
        told["satisfaction"]["ratings"],
    ])
}

async fn what_is_taken_back_counts_no_more(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let own = own_channel(ana).await;
    let mut paths = Vec::new();
    for who in ["Ada", "Bea", "Cid"] {
        let path = begins(&world, &own, who).await;
        Box::pin(answered(&world, &path, (10, 20, 4))).await;
        paths.push(path);
    }
    world.run_jobs().await;
    assert_eq!(Box::pin(counted(&world)).await, json!([3, 0, 6, 3, 3, 3]));
    // Whoever writes again opens it: it is not resolved any more, and still began when it did.
    let again = json!({ "id": "again", "from": { "id": "Ada" }, "content": "And?" });
    wrote(&world, (&own.0, &own.1), again).await;
    assert_eq!(Box::pin(counted(&world)).await, json!([3, 1, 7, 3, 2, 3]));
    // The second end counts from the second beginning.
    Box::pin(answered(&world, &paths[0], (100, 100, 2))).await;
    world.run_jobs().await;
    assert_eq!(Box::pin(counted(&world)).await, json!([3, 0, 8, 3, 3, 3]));
    let times = shown(ana, "conversations?period=7d").await;
    assert_eq!(times["firstResponse"]["averageSeconds"], 10.0);
    assert_eq!(times["resolution"]["averageSeconds"], 86.7);
    assert_eq!(times["satisfaction"]["average"], 3.33);
    assert!(ana.delete(&paths[1]).await.status < 300);
    assert_eq!(Box::pin(counted(&world)).await, json!([2, 0, 6, 2, 2, 2]));
    let back = ana.post(&format!("{}/restore", paths[1]), json!({})).await;
    assert!(back.status < 300, "{back:?}");
    assert_eq!(Box::pin(counted(&world)).await[0], 3);
    let before = shown(ana, "conversations?period=7d").await;
    let asked = ana.post("/api/reports/rebuild", json!({})).await;
    assert_eq!(asked.status, 202);
    world.read_events().await;
    let mut after = shown(ana, "conversations?period=7d").await;
    after["asOf"] = before["asOf"].clone();
    assert_eq!(after, before);
}

async fn who_is_erased_is_counted_no_more(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let own = own_channel(ana).await;
    let _other = begins(&world, &own, "Ada").await;
    let path = begins(&world, &own, "Cid").await;
    Box::pin(answered(&world, &path, (10, 20, 4))).await;
    assert_eq!(Box::pin(counted(&world)).await, json!([2, 1, 3, 1, 1, 1]));
    // Who is erased takes along what was said.
    let contact = ana.get(&path).await.json["contactId"].clone();
    let contact = format!("/api/contacts/{}", contact.as_str().unwrap());
    let name = ana.get(&contact).await.json["name"].clone();
    let erased = ana.post(&format!("{contact}/erase"), json!({ "confirm": name })).await;
    assert_eq!(erased.status, 202, "{erased:?}");
    world.run_jobs().await;
    let left = Box::pin(counted(&world)).await;
    let conversations = ana.get("/api/conversations?count=exact&limit=1").await.json;
    assert_eq!(left[0], conversations["total"], "{left}");
}

async fn what_makes_no_sense_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    for (query, status) in [
        ("", 200),
        ("period=1h", 200),
        ("period=1y", 200),
        ("period=2d", 422),
        ("period=1h&interval=minute", 422),
        ("period=90d&interval=hour", 422),
        ("period=7d&interval=hour", 200),
        ("period=7d&startDate=2026-11-01&endDate=2026-11-02", 422),
        ("startDate=2026-11-01", 422),
        ("endDate=2026-11-01", 422),
        ("startDate=2026-11-02&endDate=2026-11-01", 422),
        ("startDate=2026-02-29&endDate=2026-03-01", 422),
        ("startDate=0001-01-01&endDate=9999-12-31", 422),
        ("startDate=2023-11-18&endDate=2026-11-21", 200),
        ("startDate=2023-11-18&endDate=2026-11-21&interval=day", 422),
        ("startDate=9999-12-01&endDate=9999-12-31", 200),
        ("startDate=0001-01-01&endDate=0001-01-02&timezone=Asia/Kolkata", 200),
        ("timezone=Lisbon/Europe", 422),
        ("channelId=x", 422),
        ("agentId=", 422),
        ("agentID=x", 422),
    ] {
        for name in ["dashboard", "agents", "conversations", "channels"] {
            let answer = world.vera.get(&format!("/api/analytics/{name}?{query}")).await;
            assert_eq!(answer.status, status, "{name} {query} {answer:?}");
        }
    }
    for (scope, status) in [("analytics:read", 200), ("reports:read", 403)] {
        let key = json!({ "name": scope, "scopes": [scope] });
        let key = world.ana.make("/api/api-keys", key).await;
        let key = world.nobody.with(key["key"].as_str().unwrap());
        assert_eq!(key.get("/api/analytics/dashboard").await.status, status, "{scope}");
    }
}
