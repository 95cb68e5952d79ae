//! `POST /api/ai/score-lead`: how warm a contact or a lead is, and why; it is stored on the record.

use std::sync::Arc;

use kith_gateway::{Capability, keys::brought};
use kith_http::{Answer, Call, LimitClass, Operation, Routes, schema};
use kith_kernel::{Condition, Error, Id, Kind, Op, Result, Role, Rule, Time, internal, invalid};
use kith_platform::Ctx;
use kith_records::{Ask, Manner, Object, Record};
use kith_store::Read;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    Assistant,
    engines::{
        Intent, LeadFacts, LeadScore, Reason, Sentiment, Temperature, intent, score_lead, sentiment,
    },
    model::{MOST_TOKENS, Question, ask_for, strict},
    serve::{Found, TAG, Who, engine_schema, may_fall_back, told},
};

/// The last activities that are looked at.
const ACTIVITIES: u64 = 50;
/// Letters of what was said that are read.
const READ: usize = 4_000;
const DAY: i64 = 86_400_000;
const LOCAL_CONFIDENCE: f64 = 0.6;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    contact_id: Option<Id>,
    lead_id: Option<Id>,
    engine: Option<String>,
}

/// A record that is scored, and what was done about it.
struct Scored {
    object: &'static Object,
    id: Id,
    record: Record,
    activities: Vec<Json>,
}

/// What speaks for a record, each from 0 to 100.
struct Factors {
    engagement: u8,
    fit: u8,
    intent: u8,
    timing: u8,
}

pub(crate) fn routes(assistant: &Arc<Assistant>) -> Routes {
    let one = |text: &str| schema::described(schema::nullable(schema::id()), text);
    let body = schema::object(
        vec![
            ("contactId", one("This, or leadId.")),
            ("leadId", one("This, or contactId.")),
            ("engine", engine_schema()),
        ],
        &[],
    );
    let text = "How warm a contact or lead is, with reasons; it is stored on the record";
    let operation = Operation::post("/api/ai/score-lead", TAG, text)
        .role(Role::Member)
        .scope("ai", "write")
        .limit(LimitClass::Ai)
        .typed_body::<Input>(body)
        .seconds(330)
        .answers(200, "The score, which stands on the record now.", schema::named("AiLeadScore"))
        .refuses(402, "The credits are used up.")
        .refuses(404, "There is no such record.")
        .refuses(409, "Somebody changed the record meanwhile.")
        .refuses(503, "No model that was asked for can be asked.");
    let assistant = Arc::clone(assistant);
    Routes::new().add(operation, move |call| run(Arc::clone(&assistant), call))
}

pub(crate) fn schema() -> (String, Json) {
    let factor = || schema::described(schema::integer(), "From 0 to 100.");
    let names = ["engagement", "fit", "intent", "timing"];
    let factors = schema::object(names.map(|name| (name, factor())).to_vec(), &names);
    let reason = schema::object(
        vec![("name", schema::string()), ("points", schema::integer())],
        &["name", "points"],
    );
    let temperatures = [Temperature::Hot, Temperature::Warm, Temperature::Cold, Temperature::Low];
    let keys = vec![
        ("score", schema::described(schema::integer(), "From 0 to 100.")),
        ("temperature", schema::one_of(&temperatures.map(Temperature::name))),
        ("factors", factors),
        ("reasons", schema::list(reason)),
        ("recommendation", schema::string()),
        ("engine", schema::described(schema::string(), "local, or provider/model.")),
        ("confidence", schema::described(schema::number(), "From 0 to 1.")),
        ("fallback", schema::described(schema::string(), "Why no model answered that was to.")),
    ];
    let required =
        ["score", "temperature", "factors", "reasons", "recommendation", "engine", "confidence"];
    ("AiLeadScore".to_owned(), schema::object(keys, &required))
}

async fn run(assistant: Arc<Assistant>, mut call: Call) -> Result<Answer> {
    let keys = brought(call.headers())?;
    let input: Input = call.parse().await?;
    let ctx = &call.ctx;
    let who = Who::of(input.engine.as_deref(), keys)?;
    let scored = assistant.look(ctx, &input).await?;
    let facts = scored.facts();
    let (model, fallback) = assistant.by_model(ctx, (who, &scored)).await?;
    let of_model = model.as_ref().map(|(score, ..)| *score);
    let score = score_lead(&LeadFacts { model_score: of_model, ..facts.clone() });
    assistant.store(ctx, &scored, &score).await?;
    let recommendation = match &model {
        Some((_, recommendation, _)) => recommendation.clone(),
        None => recommendation(score.temperature).to_owned(),
    };
    let by = model.as_ref().map_or("local", |(.., by)| by.as_str());
    let mut answer = told(found(&score, &scored.factors(ctx.now(), &facts), &recommendation), by);
    if let Some(why) = fallback {
        answer["fallback"] = why.into();
    }
    Answer::json(&answer)
}

fn found(score: &LeadScore, factors: &Factors, recommendation: &str) -> Found {
    let reasons = score
        .reasons
        .iter()
        .map(|Reason { name, points }| json!({ "name": name, "points": points }));
    let answer = json!({
        "score": score.score,
        "temperature": score.temperature.name(),
        "factors": {
            "engagement": factors.engagement, "fit": factors.fit,
            "intent": factors.intent, "timing": factors.timing,
        },
        "reasons": reasons.collect::<Json>(),
        "recommendation": recommendation,
    });
    Found::new(answer, LOCAL_CONFIDENCE)
}

const fn recommendation(temperature: Temperature) -> &'static str {
    match temperature {
        Temperature::Hot => "Call today and propose a next step with a date.",
        Temperature::Warm => "Answer what is open and offer a demonstration.",
        Temperature::Cold => "Find out what is needed, and by when, before an offer.",
        Temperature::Low => "Keep in touch now and then.",
    }
}

impl Assistant {
    /// The record and what was done about it, as whoever asks may see it.
    async fn look(&self, ctx: &Ctx, input: &Input) -> Result<Scored> {
        let (name, id) = match (input.contact_id, input.lead_id) {
            (Some(id), None) => ("contact", id),
            (None, Some(id)) => ("lead", id),
            _ => return Err(invalid("contactId", "or leadId is given, and one of them alone")),
        };
        let object = |name| self.records.object(name).ok_or_else(|| internal("no such object"));
        let (object, of_activities) = (object(name)?, object("activity")?);
        for action in ["read", "write"] {
            ctx.actor.scopes.require(object.scope(), action)?;
        }
        ctx.actor.scopes.require(of_activities.scope(), "read")?;
        let about = Condition { field: "relatedId".to_owned(), op: Op::Eq, value: json!(id) };
        let ask = Ask {
            rule: Rule::Field(about),
            sort: vec![("createdAt".to_owned(), true)],
            limit: ACTIVITIES,
            ..Ask::default()
        };
        ctx.read(async |db| {
            let record = self.records.get(ctx, db, object, id).await?;
            let activities = self.rows(ctx, db, (of_activities, &ask)).await?;
            Ok(Scored { object, id, record, activities })
        })
        .await
    }

    async fn rows(
        &self,
        ctx: &Ctx,
        db: &Read,
        (object, ask): (&'static Object, &Ask),
    ) -> Result<Vec<Json>> {
        let page = self.records.list(ctx, db, object, ask).await?;
        let mut page: Json = serde_json::from_slice(&page.json)
            .map_err(|error| internal("a page is no JSON").caused_by(error))?;
        match page["data"].take() {
            Json::Array(rows) => Ok(rows),
            _ => Err(internal("a page without rows")),
        }
    }

    /// What a model says: score, recommendation and who it is; or why none does though one was to.
    async fn by_model(
        &self,
        ctx: &Ctx,
        (who, scored): (Who, &Scored),
    ) -> Result<(Option<(f64, String, String)>, Option<String>)> {
        let wanted = match who {
            Who::Local => return Ok((None, None)),
            Who::Auto(wanted)
                if !self.gateway.can_ask(ctx, (Capability::JsonStrict, &wanted)).await? =>
            {
                return Ok((None, None));
            }
            Who::Auto(wanted) | Who::Model(wanted) => wanted,
        };
        let fits = |answer: &Json| {
            let score = answer["score"].as_f64().filter(|score| (0.0..=100.0).contains(score))?;
            let recommendation = answer["recommendation"].as_str()?.trim();
            (!recommendation.is_empty()).then(|| (score, recommendation.to_owned()))
        };
        match ask_for(&self.gateway, (ctx, &wanted), &scored.question(), fits).await {
            Ok((Some((score, recommendation)), by)) => {
                Ok((Some((score, recommendation, by)), None))
            }
            Ok((None, by)) => Ok((None, Some(format!("{by} answered twice what does not fit.")))),
            Err(error) if may_fall_back(&error) => Ok((None, Some(error.message().to_owned()))),
            Err(error) => Err(error),
        }
    }

    /// Writes the score down; who changed the record meanwhile is not in its way, since it is a field of its own.
    async fn store(&self, ctx: &Ctx, scored: &Scored, score: &LeadScore) -> Result<()> {
        let key = if scored.object.name == "lead" { "score" } else { "leadScore" };
        let reasons: Vec<String> = score
            .reasons
            .iter()
            .map(|reason| format!("{} {:+}", reason.name.replace('_', " "), reason.points))
            .collect();
        let input = Record::from_iter([
            (key.to_owned(), score.score.into()),
            ("scoreReason".to_owned(), reasons.join(", ").into()),
        ]);
        let change = (scored.id, input, Manner::default());
        let stored =
            ctx.write(async |db| self.records.update(ctx, db, scored.object, change).await);
        match stored.await {
            Err(error) if error.kind() == Kind::Stale => Err(Error::new(
                Kind::Conflict,
                "changed_meanwhile",
                "Somebody changed the record meanwhile. Try again.",
            )),
            stored => stored.map(drop),
        }
    }
}

impl Scored {
    fn text(&self, key: &str) -> Option<String> {
        self.record.get(key).and_then(Json::as_str).map(str::to_owned)
    }

    /// What was written about it of late, the newest first.
    fn said(&self) -> String {
        let texts = self.activities.iter().flat_map(|activity| {
            [activity["subject"].as_str(), activity["body"].as_str()].into_iter().flatten()
        });
        let mut said = String::new();
        for text in texts.chain(self.record.get("notes").and_then(Json::as_str)) {
            if said.len() + text.len() > READ {
                break;
            }
            said.push_str(text);
            said.push('\n');
        }
        said
    }

    fn facts(&self) -> LeadFacts {
        let noted = self.activities.iter().find_map(|activity| activity["sentiment"].as_str());
        let sounds = match noted {
            Some("positive") => Some(Sentiment::Positive),
            Some("negative") => Some(Sentiment::Negative),
            Some(_) => Some(Sentiment::Neutral),
            None => Some(self.said())
                .filter(|said| !said.is_empty())
                .map(|said| sentiment(&said).sentiment),
        };
        let link = self.record.get("accountId").filter(|id| !id.is_null());
        let company = self.text("company").or_else(|| link.map(|_| "an account".to_owned()));
        LeadFacts {
            sentiment: sounds,
            company,
            position: self.text("jobTitle").or_else(|| self.text("title")),
            engagement: u32::try_from(self.activities.len()).unwrap_or(u32::MAX),
            average_response: None,
            model_score: None,
        }
    }

    fn factors(&self, now: Time, facts: &LeadFacts) -> Factors {
        let wants = match intent(&self.said()).intent {
            Intent::Purchase | Intent::Pricing => 90,
            Intent::ProductInquiry => 70,
            Intent::Information | Intent::Support => 50,
            Intent::Greeting | Intent::Other => 30,
            Intent::Complaint => 10,
        };
        let last = self.activities.first().and_then(|one| Time::parse(one["createdAt"].as_str()?));
        let timing = match last.map(|last| (now.milliseconds() - last.milliseconds()) / DAY) {
            Some(..=7) => 90,
            Some(8..=30) => 60,
            Some(31..=90) => 30,
            Some(_) | None => 10,
        };
        let bare = LeadFacts {
            company: facts.company.clone(),
            position: facts.position.clone(),
            ..LeadFacts::default()
        };
        // The company and the position move the score of somebody of whom nothing else is known from 50 to 75.
        let fit = score_lead(&bare).score.saturating_sub(50).saturating_mul(4).min(100);
        let engagement = u8::try_from(facts.engagement.saturating_mul(10).min(100)).unwrap_or(100);
        Factors { engagement, fit, intent: wants, timing }
    }

    fn question(&self) -> Question {
        let activities: Vec<Json> = self
            .activities
            .iter()
            .take(20)
            .map(|activity| {
                json!({
                    "type": activity["type"], "subject": activity["subject"], "status": activity["status"],
                    "createdAt": activity["createdAt"], "outcome": activity["outcome"],
                })
            })
            .collect();
        let known =
            ["company", "jobTitle", "title", "status", "source", "city", "country", "industry"];
        let facts: Json = known
            .into_iter()
            .filter_map(|key| Some((key, self.record.get(key)?.clone())))
            .map(|(key, value)| json!({ key: value }))
            .collect();
        let mut said = self.said();
        said.truncate(said.floor_char_boundary(READ));
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: "Say from 0 to 100 how likely this person is to buy soon, judging by who they are and what was said and done; \
                   recommendation is one sentence for the seller."
                .to_owned(),
            data: json!({ "facts": facts, "activities": activities, "said": said }),
            schema: strict(&[
                ("score", json!({ "type": "number" })),
                ("recommendation", json!({ "type": "string" })),
            ]),
        }
    }
}
