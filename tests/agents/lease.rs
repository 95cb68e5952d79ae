//! The word: whatever happens between a question and its answer, in whichever order, nobody speaks out of turn.

use serde_json::{Value as Json, json};

use super::{answering, talk};
use crate::{
    database::{Kind, on_both},
    inbox::wrote,
    world::World,
};

on_both!(what_lost_its_turn_is_not_sent);

/// What can happen while an answer is on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// The event log is read: the question is put into the queue.
    Read,
    /// Time passes and jobs run: answers are made, and sent.
    Run,
    /// A member takes the word.
    Take,
    /// A member writes.
    Write,
    /// The conversation is closed.
    Close,
    /// The customer says more.
    More,
}

/// Every order of these steps.
fn orders(steps: &[Step]) -> Vec<Vec<Step>> {
    if steps.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..steps.len() {
        let mut rest = steps.to_vec();
        let first = rest.remove(at);
        for mut order in orders(&rest) {
            order.insert(0, first);
            if !all.contains(&order) {
                all.push(order);
            }
        }
    }
    all
}

async fn what_lost_its_turn_is_not_sent(kind: Kind) {
    let world = World::new(kind).await;
    let (_, own) = answering(&world, json!({})).await;
    let mut tried = 0;
    for act in [Step::Take, Step::Write, Step::Close, Step::More] {
        for order in orders(&[Step::Read, Step::Run, act, Step::Run]) {
            tried += 1;
            one(&world, &own, (tried, &order)).await;
        }
    }
    assert_eq!(tried, 4 * 12);
    let (_, messages) = talk(&world).await;
    assert!(!messages.is_empty());
}

#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn one(world: &World, own: &(String, String), (number, order): (usize, &[Step])) {
    let person = format!("person-{number}");
    let say = |id: &str| json!({ "id": format!("{person}-{id}"), "from": { "id": person }, "content": "When does the bakery open?" });
    let path = format!("/api/webhooks/in/{}", own.0);
    let post = |body: Json| {
        let path = path.clone();
        async move {
            let headers = [("content-type", "application/json"), ("x-api-key", own.1.as_str())];
            world.nobody.send("POST", &path, &headers, body.to_string().into_bytes()).await
        }
    };
    assert_eq!(wrote(world, (&own.0, &own.1), say("1")).await.status, 200);
    let all = world.ana.get("/api/conversations?sort=-createdAt&limit=1").await.json;
    let id = all["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{id}");
    let mut taken_at = None;
    for step in order {
        match step {
            Step::Read => drop(world.read_events().await),
            Step::Run => {
                world.app.clock.advance_seconds(3);
                world.run_jobs().await;
            }
            Step::Take => drop(world.bruno.post(&format!("{path}/take"), json!({})).await),
            Step::Write => drop(
                world
                    .bruno
                    .post(&format!("{path}/messages"), json!({ "content": "I am here." }))
                    .await,
            ),
            Step::Close => drop(world.bruno.put(&format!("{path}/close"), json!({})).await),
            Step::More => drop(post(say("2")).await),
        }
        if matches!(step, Step::Take | Step::Write | Step::Close) {
            let said = world.ana.get(&format!("{path}/messages?sort=sequence")).await.json;
            taken_at = Some(said["data"].as_array().unwrap().len());
        }
    }
    // What is still to come comes.
    for _ in 0..2 {
        world.read_events().await;
        world.app.clock.advance_seconds(3);
        world.run_jobs().await;
    }
    let said = world.ana.get(&format!("{path}/messages?sort=sequence")).await.json;
    let said = said["data"].as_array().unwrap().clone();
    let by_agent = |one: &&Json| one["sender"] == "AGENT";
    let sent = |one: &&Json| one["sender"] == "AGENT" && one["status"] == "sent";
    if let Some(at) = taken_at {
        // Behind it the agent says nothing more, and what it had not sent by then stays unsent.
        assert_eq!(said[at..].iter().filter(by_agent).count(), 0, "{order:?}: {said:?}");
        return;
    }
    // Every question has its answer: one for both, or one for each.
    let answers = said.iter().filter(sent).count();
    assert!((1..=2).contains(&answers), "{order:?}: {said:?}");
    assert_eq!(said.last().unwrap()["sender"], "AGENT", "{order:?}: {said:?}");
}
