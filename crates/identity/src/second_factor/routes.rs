//! Routes of the second factor.

use std::sync::Arc;

use kith_http::{Access, Answer, Call, Idempotency, LimitClass, Operation, Routes, schema};
use kith_kernel::{Result, forbidden};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Identity, User, users, with};

const PATH: &str = "/api/auth/totp";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    password: String,
    code: String,
}

fn guarded(rest: &str, what: &str) -> Operation {
    Operation::post(format!("{PATH}{rest}"), "auth", what)
        .access(Access::User)
        .limit(LimitClass::Auth)
        .idempotency(Idempotency::Refused)
        .refuses(401, "The password or the code is wrong.")
        .refuses(409, "It is set up already, or not yet.")
}

fn texts(keys: &'static [&'static str]) -> Value {
    schema::object(keys.iter().map(|key| (*key, schema::string())).collect(), keys)
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let show =
        Operation::get(PATH, "auth", "Whether sign-ins take a code of an authenticator app.")
            .access(Access::User)
            .answers(200, "How it stands.", schema::named("SecondFactor"));
    let begin = guarded("", "Makes a secret for an authenticator app, shown once.")
        .typed_body::<Password>(texts(&["password"]))
        .answers(
            200,
            "What the app needs; it counts once it is confirmed.",
            texts(&["secret", "uri"]),
        );
    let codes = || {
        schema::object(vec![("recoveryCodes", schema::list(schema::string()))], &["recoveryCodes"])
    };
    let confirm = guarded("/confirm", "From now on sign-ins take a code.")
        .typed_body::<Code>(texts(&["code"]))
        .answers(200, "Recovery codes, each good once, shown once.", codes());
    let renew = guarded("/recovery-codes", "New recovery codes in place of the old ones.")
        .typed_body::<Code>(texts(&["code"]))
        .answers(200, "Recovery codes, each good once, shown once.", codes());
    let disable = guarded("/disable", "Sign-ins take no code any more.")
        .typed_body::<Both>(texts(&["password", "code"]))
        .answers(200, "It is gone.", schema::named("Notice"));
    Routes::new()
        .add(show, with(identity, show_factor))
        .add(begin, with(identity, begin_factor))
        .add(confirm, with(identity, confirm_factor))
        .add(renew, with(identity, renew_codes))
        .add(disable, with(identity, disable_factor))
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let factor = schema::object(
        vec![
            ("enabled", schema::boolean()),
            ("enabledAt", schema::nullable(schema::time())),
            ("recoveryCodesLeft", schema::integer()),
        ],
        &["enabled", "enabledAt", "recoveryCodesLeft"],
    );
    vec![("SecondFactor".to_owned(), factor)]
}

/// Whoever is signed in themselves; a key is no person.
async fn person(call: &Call) -> Result<User> {
    let refused = || forbidden("A second factor belongs to a person who is signed in.");
    if call.ctx.actor.via != kith_kernel::Via::Session {
        return Err(refused());
    }
    let user = call.ctx.actor.user.ok_or_else(refused)?;
    call.ctx.read(async |db| users::find(db, user).await).await?.ok_or_else(refused)
}

async fn show_factor(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    let user = person(&call).await?;
    Answer::json(&identity.show_totp(&call.ctx, user.id).await?)
}

async fn begin_factor(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Password { password } = call.parse().await?;
    let user = person(&call).await?;
    let email = user.email.clone();
    let user = identity.recognise(&call.ctx, (&email, Some(user)), &password).await?;
    let begun = identity.begin_totp(&call.ctx, &user).await?;
    Answer::json(&json!({ "secret": begun.secret, "uri": begun.uri }))
}

async fn confirm_factor(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Code { code } = call.parse().await?;
    let user = person(&call).await?;
    let codes = identity.confirm_totp(&call.ctx, &user, &code).await?;
    Answer::json(&json!({ "recoveryCodes": codes }))
}

async fn renew_codes(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Code { code } = call.parse().await?;
    let user = person(&call).await?;
    let codes = identity.renew_codes(&call.ctx, &user, &code).await?;
    Answer::json(&json!({ "recoveryCodes": codes }))
}

async fn disable_factor(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Both { password, code } = call.parse().await?;
    let user = person(&call).await?;
    let email = user.email.clone();
    let user = identity.recognise(&call.ctx, (&email, Some(user)), &password).await?;
    identity.disable_totp(&call.ctx, &user, &code).await?;
    Answer::json(&json!({ "message": "Sign-ins take no code any more." }))
}
