//! Agents: they answer customers from documents, once and with sources, until somebody else has the word.

mod injections;
mod lease;

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    inbox::{own_channel, wrote},
    world::World,
};

on_both!(
    a_question_is_answered_from_a_document,
    nothing_in_the_documents_is_handed_over,
    several_short_messages_get_one_answer,
    members_are_asked_for_when_rules_say_so,
    an_agent_that_is_gone_passes_the_word_on,
    a_trial_is_kept_nowhere,
    training_reads_the_documents,
    training_ends_whatever_becomes_of_the_documents,
    documents_and_models_of_agents_are_known,
    agents_that_make_no_sense_are_refused,
);

/// Documents of a bakery.
pub(crate) async fn documents(world: &World, owner: &Client) {
    for (question, answer) in [
        (
            "When does the bakery open?",
            "The bakery opens at seven in the morning and closes at eight in the evening.",
        ),
        ("Do you deliver bread?", "Yes, we deliver bread within five kilometres for three euros."),
        (
            "Do you have gluten free cake?",
            "The almond cake is gluten free; please order it two days ahead.",
        ),
    ] {
        let body = json!({ "question": question, "answer": answer, "name": question });
        let made = owner.post("/api/knowledge/manual", body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    world.run_jobs().await;
}

/// An agent that answers, at a channel of one's own.
pub(crate) async fn answering(world: &World, more: Json) -> (String, (String, String)) {
    documents(world, &world.ana).await;
    let mut agent = json!({ "name": "Paula", "role": "baker", "isActive": true });
    for (key, value) in more.as_object().unwrap() {
        agent[key] = value.clone();
    }
    let agent = world.ana.make("/api/agents", agent).await;
    assert_eq!(agent["status"], "ACTIVE", "{agent}");
    let own = own_channel(&world.ana).await;
    let id = agent["id"].as_str().unwrap().to_owned();
    let path = format!("/api/channels/{}", own.0);
    assert_eq!(world.ana.patch(&path, json!({ "agentId": id })).await.status, 200);
    (id, own)
}

/// A customer says something, and whoever shall answers.
pub(crate) async fn said(world: &World, own: &(String, String), (id, text): (&str, &str)) {
    let body = json!({ "id": id, "from": { "id": "carla", "name": "Carla" }, "content": text });
    assert_eq!(wrote(world, (&own.0, &own.1), body).await.status, 200);
    settled(world).await;
}

/// Everything that follows has happened.
pub(crate) async fn settled(world: &World) {
    world.read_events().await;
    world.app.clock.advance_seconds(3);
    world.run_jobs().await;
}

/// The only conversation, and what was said in it.
pub(crate) async fn talk(world: &World) -> (Json, Vec<Json>) {
    let all = world.ana.get("/api/conversations").await.json;
    let conversation = all["data"][0].clone();
    let path = format!(
        "/api/conversations/{}/messages?sort=sequence",
        conversation["id"].as_str().unwrap()
    );
    let said = world.ana.get(&path).await.json["data"].as_array().unwrap().clone();
    (conversation, said)
}

async fn a_question_is_answered_from_a_document(kind: Kind) {
    let world = World::new(kind).await;
    let (agent, own) = answering(&world, json!({ "disclosure": "You talk to a machine." })).await;
    said(&world, &own, ("m1", "Hi, at what time does the bakery open in the morning?")).await;
    let (conversation, messages) = talk(&world).await;
    assert_eq!(conversation["speaker"], "AGENT");
    let answer = messages.last().unwrap();
    assert_eq!((&answer["sender"], &answer["agentId"]), (&json!("AGENT"), &json!(agent)));
    assert_eq!(answer["status"], "sent");
    let text = answer["content"].as_str().unwrap();
    assert!(
        text.starts_with("You talk to a machine.") && text.contains("opens at seven"),
        "{text}"
    );
    assert!(text.contains("(Source: When does the bakery open?)"), "{text}");
    let source = &answer["metadata"]["sources"][0];
    assert_eq!(source["title"], "When does the bakery open?");
    assert_eq!(answer["metadata"]["engine"], "local");
    // The second answer does not say again what it is.
    said(&world, &own, ("m2", "Do you deliver bread to my house?")).await;
    let (_, messages) = talk(&world).await;
    assert_eq!(messages.len(), 4);
    let text = messages[3]["content"].as_str().unwrap();
    assert!(text.starts_with("Yes, we deliver bread"), "{text}");
    // A greeting is greeted.
    said(&world, &own, ("m3", "Hello")).await;
    let (_, messages) = talk(&world).await;
    assert_eq!(messages[5]["content"], "Hello! How can I help you?");
}

async fn nothing_in_the_documents_is_handed_over(kind: Kind) {
    let world = World::new(kind).await;
    let (_, own) = answering(&world, json!({})).await;
    said(&world, &own, ("m1", "Can you repair my motorcycle engine this afternoon?")).await;
    let (conversation, messages) = talk(&world).await;
    assert_eq!(
        (&conversation["status"], &conversation["speaker"]),
        (&json!("ESCALATED"), &Json::Null)
    );
    assert!(conversation["handedOverAt"].is_string());
    assert_eq!(conversation["handOverReason"], "The documents say nothing about it.");
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (&messages[1]["sender"], &messages[1]["status"]),
        (&json!("SYSTEM"), &json!("sent"))
    );
    // Nobody answers for the agent until it has the word again.
    said(&world, &own, ("m2", "When does the bakery open?")).await;
    assert_eq!(talk(&world).await.1.len(), 3);
}

async fn several_short_messages_get_one_answer(kind: Kind) {
    let world = World::new(kind).await;
    let (_, own) = answering(&world, json!({})).await;
    for (id, text) in
        [("m1", "Good evening"), ("m2", "one question"), ("m3", "do you deliver bread?")]
    {
        let body = json!({ "id": id, "from": { "id": "carla" }, "content": text });
        wrote(&world, (&own.0, &own.1), body).await;
        world.read_events().await;
    }
    settled(&world).await;
    let (_, messages) = talk(&world).await;
    let senders: Vec<_> = messages.iter().map(|one| one["sender"].as_str().unwrap()).collect();
    assert_eq!(senders, ["CUSTOMER", "CUSTOMER", "CUSTOMER", "AGENT"]);
    assert!(messages[3]["content"].as_str().unwrap().contains("deliver bread within five"));
}

async fn members_are_asked_for_when_rules_say_so(kind: Kind) {
    for (rules, text, reason) in [
        (
            json!({ "escalation": { "words": ["lawyer"], "message": "One moment." } }),
            "My lawyer asks when the bakery opens",
            "lawyer",
        ),
        (json!({}), "I want to talk to a human", "asks for a person"),
        (
            json!({ "escalation": { "sentiment": "negative" } }),
            "This is terrible, awful, the worst bread, I hate it",
            "not content",
        ),
    ] {
        let world = World::new(kind).await;
        let (_, own) = answering(&world, rules.clone()).await;
        said(&world, &own, ("m1", text)).await;
        let (conversation, messages) = talk(&world).await;
        assert_eq!(conversation["status"], "ESCALATED", "{text}");
        assert!(
            conversation["handOverReason"].as_str().unwrap().contains(reason),
            "{conversation}"
        );
        if rules["escalation"]["message"].is_string() {
            assert_eq!(messages[1]["content"], "One moment.");
        }
    }
    // Outside of its hours it says nothing; the world's clock shows a Saturday.
    let world = World::new(kind).await;
    let (_, own) = answering(&world, json!({ "workingHours": { "mon": ["09:00-18:00"] } })).await;
    said(&world, &own, ("m1", "When does the bakery open?")).await;
    assert_eq!(talk(&world).await.1.len(), 1);
}

async fn an_agent_that_is_gone_passes_the_word_on(kind: Kind) {
    for gone in ["deleted", "off"] {
        let world = World::new(kind).await;
        let (agent, own) = answering(&world, json!({})).await;
        let path = format!("/api/agents/{agent}");
        match gone {
            "deleted" => assert_eq!(world.ana.delete(&path).await.status, 204),
            _ => drop(world.ana.patch(&path, json!({ "isActive": false })).await),
        }
        said(&world, &own, ("m1", "When does the bakery open?")).await;
        let (conversation, messages) = talk(&world).await;
        assert_eq!(conversation["status"], "ESCALATED", "{gone}: {conversation}");
        assert_eq!(messages.len(), 2);
    }
}

async fn a_trial_is_kept_nowhere(kind: Kind) {
    let world = World::new(kind).await;
    let (agent, _) = answering(&world, json!({})).await;
    let path = format!("/api/agents/{agent}/test");
    let trial =
        world.ana.post(&path, json!({ "message": "Is the almond cake gluten free?" })).await;
    assert_eq!(trial.status, 200, "{trial:?}");
    assert!(trial.json["answer"].as_str().unwrap().contains("gluten free"));
    assert_eq!(trial.json["sources"][0]["title"], "Do you have gluten free cake?");
    assert_eq!((&trial.json["handOver"], &trial.json["tokensUsed"]), (&json!(false), &json!(0)));
    let other =
        world.ana.post(&path, json!({ "message": "Who won the championship in 1998?" })).await;
    assert_eq!(other.json["handOver"], true, "{other:?}");
    assert_eq!(world.ana.get("/api/messages?count=exact").await.json["total"], 0);
    assert_eq!(world.stranger.post(&path, json!({ "message": "x" })).await.status, 404);
    for wrong in [
        json!({}),
        json!({ "message": " " }),
        json!({ "message": "x".repeat(5_000) }),
        json!({ "message": 5 }),
    ] {
        assert_eq!(world.ana.post(&path, wrong).await.status, 422);
    }
}

async fn training_reads_the_documents(kind: Kind) {
    let world = World::new(kind).await;
    let agent = world.ana.make("/api/agents", json!({ "name": "Paula" })).await;
    assert_eq!((&agent["status"], &agent["isActive"]), (&json!("DRAFT"), &json!(false)));
    let path = format!("/api/agents/{}", agent["id"].as_str().unwrap());
    let training = world.ana.post(&format!("{path}/train"), json!({})).await;
    assert_eq!(
        (training.status, &training.json["status"]),
        (200, &json!("TRAINING")),
        "{training:?}"
    );
    world.run_jobs().await;
    let failed = world.ana.get(&path).await.json;
    assert_eq!(
        (&failed["status"], &failed["isActive"]),
        (&json!("ERROR"), &json!(false)),
        "{failed}"
    );
    documents(&world, &world.ana).await;
    let options = json!({ "trainingOptions": { "chunkSize": 400, "overlap": 50 } });
    assert_eq!(world.ana.post(&format!("{path}/train"), options).await.status, 200);
    for _ in 0..5 {
        world.run_jobs().await;
        world.app.clock.advance_seconds(5);
    }
    let trained = world.ana.get(&path).await.json;
    assert_eq!(
        (&trained["status"], &trained["training"]["documents"]),
        (&json!("ACTIVE"), &json!(3)),
        "{trained}"
    );
    assert!(
        trained["training"]["passages"].as_i64().unwrap() >= 3 && trained["trainedAt"].is_string()
    );
    assert_eq!(world.bruno.post(&format!("{path}/train"), json!({})).await.status, 403);
    let bad = json!({ "trainingOptions": { "chunkSize": 5 } });
    let refused = world.ana.post(&format!("{path}/train"), bad).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("/trainingOptions/chunkSize"), "{}", refused.text);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn training_ends_whatever_becomes_of_the_documents(kind: Kind) {
    let world = World::new(kind).await;
    // So many that cannot be read, with names so long, that a report of all would not be kept.
    let mut ids = Vec::new();
    for number in 0..25 {
        let name = format!("{number} {}.pdf", "é".repeat(200));
        let made = world.ana.upload("/api/documents", &[], &[("file", &name, b"no PDF")]).await;
        ids.push(made.json["id"].clone());
    }
    world.run_jobs().await;
    let agent = world.ana.make("/api/agents", json!({ "name": "Paula", "documentIds": ids })).await;
    let path = format!("/api/agents/{}", agent["id"].as_str().unwrap());
    let train = async || {
        let begun = world.ana.post(&format!("{path}/train"), json!({})).await;
        assert_eq!((begun.status, &begun.json["status"]), (200, &json!("TRAINING")), "{begun:?}");
        for _ in 0..5 {
            world.run_jobs().await;
            world.app.clock.advance_seconds(5);
        }
        world.ana.get(&path).await.json
    };
    let failed = train().await;
    assert_eq!(
        (&failed["status"], &failed["isActive"]),
        (&json!("ERROR"), &json!(false)),
        "{failed}"
    );
    assert_eq!(failed["statusReason"], "None of its documents could be read.");
    let report = &failed["training"];
    assert_eq!((&report["documents"], &report["failedCount"]), (&json!(0), &json!(25)), "{report}");
    let named = report["failed"].as_array().unwrap();
    assert_eq!(named.len(), 12);
    assert!(
        named.iter().all(|one| one["error"] == "It is no PDF: it does not begin as one."),
        "{report}"
    );
    // One that can be read is enough; one that was deleted is named.
    let lamps = crate::documents::read(&world, ("lamps.txt", b"Lamps are made of brass.")).await;
    let gone = crate::documents::read(&world, ("gone.txt", b"Bread is made of rye.")).await;
    let chosen = json!({ "documentIds": [lamps["id"], gone["id"], ids[0]] });
    assert_eq!(world.ana.patch(&path, chosen).await.status, 200);
    world.ana.delete(&format!("/api/documents/{}", gone["id"].as_str().unwrap())).await;
    let trained = train().await;
    assert_eq!(
        (&trained["status"], &trained["isActive"]),
        (&json!("ACTIVE"), &json!(true)),
        "{trained}"
    );
    let report = &trained["training"];
    assert_eq!((&report["documents"], &report["failedCount"]), (&json!(1), &json!(2)), "{report}");
    assert_eq!((&report["passages"], &report["pending"]), (&json!(1), &json!(0)), "{report}");
    let gone =
        report["failed"].as_array().unwrap().iter().find(|one| one["documentId"] == gone["id"]);
    assert_eq!(gone.unwrap()["error"], "It is not there any more.", "{report}");
}

async fn documents_and_models_of_agents_are_known(kind: Kind) {
    let world = World::new(kind).await;
    let own = crate::documents::read(&world, ("a.txt", b"Lamps.")).await["id"].clone();
    let made = world.stranger.upload("/api/documents", &[], &[("file", "b.txt", b"Bread.")]).await;
    let strangers = made.json["id"].clone();
    let nobodys = json!("01a201b8-0cdd-74ac-b84e-2259c28845c7");
    let agent = world.ana.make("/api/agents", json!({ "name": "x", "documentIds": [own] })).await;
    let path = format!("/api/agents/{}", agent["id"].as_str().unwrap());
    for wrong in [&strangers, &nobodys] {
        let body = json!({ "name": "x", "documentIds": [own, wrong] });
        for refused in [
            world.ana.post("/api/agents", body.clone()).await,
            world.ana.patch(&path, body.clone()).await,
            world.ana.post(&format!("{path}/train"), json!({ "documentIds": [own, wrong] })).await,
        ] {
            let pointer = &refused.json["errors"][0]["pointer"];
            assert_eq!((refused.status, pointer), (422, &json!("/documentIds/1")), "{refused:?}");
        }
    }
    assert_eq!(world.ana.get(&path).await.json["status"], "DRAFT");
    for model in ["gpt-next-year", "auto/cheapest", "nobody/model"] {
        let refused = world.ana.patch(&path, json!({ "model": model })).await;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["pointer"]),
            (422, &json!("/model")),
            "{model}: {refused:?}"
        );
    }
    for model in ["gpt-4o-mini", "auto", "auto/speed_optimized", "openai/ft:own", "ollama/llama3"] {
        let set = world.ana.patch(&path, json!({ "model": model })).await;
        assert_eq!(set.status, 200, "{model}: {set:?}");
    }
}

async fn agents_that_make_no_sense_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    for (body, at) in [
        (json!({ "name": "x", "temperature": 3 }), "/temperature"),
        (json!({ "name": "x", "tools": ["delete_everything"] }), "/tools/0"),
        (json!({ "name": "x", "documentIds": ["no id"] }), "/documentIds/0"),
        (json!({ "name": "x", "workingHours": { "mon": ["25:00-26:00"] } }), "/workingHours"),
        (json!({ "name": "x", "escalation": { "mood": "bad" } }), "/escalation/mood"),
        (json!({ "name": "x", "status": "ACTIVE" }), "/status"),
        (json!({ "name": "x", "instructions": "y".repeat(70_000) }), "/instructions"),
    ] {
        let refused = world.ana.post("/api/agents", body).await;
        assert_eq!(refused.status, 422, "{at}: {refused:?}");
        assert!(refused.text.contains(at), "{at}: {}", refused.text);
    }
}
