//! `GET /api/ai/providers`: who can be asked, and who rests.

use std::{sync::Arc, time::Duration};

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_llm::{Provider, State};
use serde_json::{Value as Json, json};

use crate::{
    Gateway,
    answers::{TAG, known},
    desk::Desk,
    keys::OPERATOR,
};

/// How a door stands, the failures in a row, and for how long nobody goes through.
type Stands = (State, u32, Duration);

const STATUSES: [&str; 4] = ["available", "trying", "resting", "not_configured"];

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Routes {
    let text = "The providers of models, whether they can be asked, and who rests after failing.";
    let show = Operation::get("/api/ai/providers", TAG, text)
        .role(Role::Member)
        .scope("ai", "read")
        .answers(200, "All providers that are known.", schema::named("AiProviders"));
    let gateway = Arc::clone(gateway);
    Routes::new().add(show, move |call| run(Arc::clone(&gateway), call))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let breaker = schema::object(
        vec![
            ("model", schema::string()),
            ("state", schema::one_of(&["closed", "half_open", "open"])),
            ("failures", schema::described(schema::integer(), "In a row.")),
            ("opensInSeconds", schema::described(schema::integer(), "Until one may try again.")),
        ],
        &["model", "state", "failures", "opensInSeconds"],
    );
    let provider = schema::object(
        vec![
            ("id", schema::string()),
            ("name", schema::string()),
            ("status", schema::one_of(&STATUSES)),
            ("key", schema::described(schema::nullable(schema::string()), "Whose: own, operator.")),
            ("model", schema::nullable(schema::string())),
            ("models", schema::list(schema::string())),
            ("breakers", schema::list(breaker)),
        ],
        &["id", "name", "status", "key", "model", "models", "breakers"],
    );
    let all = schema::object(vec![("providers", schema::list(provider))], &["providers"]);
    vec![("AiProviders".to_owned(), all)]
}

async fn run(gateway: Arc<Gateway>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let desk = gateway.desk(&call.ctx).await?;
    let all: Vec<Json> =
        Provider::ALL.into_iter().map(|provider| gateway.shown(provider, &desk)).collect();
    Answer::json(&json!({ "providers": all }))
}

impl Gateway {
    /// Doors at which something failed of late. Of the operator's those of models that are known: what others asked for is
    /// nobody else's affair.
    fn breakers(
        &self,
        provider: Provider,
        account: &str,
        usual: Option<&String>,
    ) -> Vec<(String, Stands)> {
        let mut breakers = self.caller.troubled(provider, account);
        if account == OPERATOR {
            let is_known = |model: &String| {
                usual == Some(model) || known(provider, "").any(|name| name == model)
            };
            breakers.retain(|(model, _)| is_known(model));
        }
        breakers
    }

    fn shown(&self, provider: Provider, desk: &Desk) -> Json {
        let account = desk.own.get(&provider).map_or(OPERATOR, |own| own.account.as_str());
        let usual = self.setup.providers(desk).find(|(one, _)| *one == provider);
        let breakers = self.breakers(provider, account, usual.as_ref().map(|(_, model)| model));
        let rests = |state: State| breakers.iter().any(|(_, known)| known.0 == state);
        let status = match &usual {
            None => "not_configured",
            Some(_) if rests(State::Resting) => "resting",
            Some(_) if rests(State::Trying) => "trying",
            Some(_) => "available",
        };
        let key = usual.is_some().then_some(if account == OPERATOR { OPERATOR } else { "own" });
        let models: Vec<String> = usual
            .iter()
            .flat_map(|(_, usual)| {
                let others = known(provider, usual).map(str::to_owned);
                std::iter::once(usual.clone()).chain(others)
            })
            .collect();
        let shown = breakers.iter().map(|(model, (state, failures, rest))| {
            let state = match state {
                State::Passing => "closed",
                State::Trying => "half_open",
                State::Resting => "open",
            };
            json!({
                "model": model, "state": state, "failures": failures,
                "opensInSeconds": rest.as_secs_f64().ceil(),
            })
        });
        json!({
            "id": provider.name(),
            "name": provider.label(),
            "status": status,
            "key": key,
            "model": usual.as_ref().map(|(_, model)| model),
            "models": models,
            "breakers": shown.collect::<Vec<_>>(),
        })
    }
}
