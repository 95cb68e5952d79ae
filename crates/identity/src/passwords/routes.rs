//! Routes of forgotten passwords.

use std::sync::Arc;

use kith_http::{Access, Answer, Call, Idempotency, LimitClass, Operation, Routes, schema};
use kith_kernel::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Identity, with};

#[derive(Deserialize)]
struct Forgot {
    email: String,
}

#[derive(Deserialize)]
struct NewPassword {
    token: String,
    password: String,
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let forgot = "Mails a link to set a new password; the answer is always the same.";
    let forgot = Operation::post("/api/auth/forgot-password", "auth", forgot)
        .alias("/api/auth/forgot")
        .access(Access::Public)
        .limit(LimitClass::Auth)
        .typed_body::<Forgot>(schema::object(vec![("email", schema::format("email"))], &["email"]))
        .answers(200, "A mail is on its way, if the address is known.", schema::named("Notice"));
    let reset = "Sets a new password by the token of the mail; ends all sessions.";
    let body = vec![("token", schema::string()), ("password", schema::string())];
    let reset = Operation::post("/api/auth/reset-password", "auth", reset)
        .access(Access::Public)
        .limit(LimitClass::Auth)
        .idempotency(Idempotency::Refused)
        .typed_body::<NewPassword>(schema::object(body, &["token", "password"]))
        .answers(200, "The password is set.", schema::named("Notice"));
    Routes::new().add(forgot, with(identity, forget)).add(reset, with(identity, set))
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let notice = schema::object(vec![("message", schema::string())], &["message"]);
    vec![("Notice".to_owned(), notice)]
}

async fn forget(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Forgot { email } = call.parse().await?;
    identity.forgot(&call.ctx, &email).await?;
    Answer::json(&json!({ "message": "If the address is known, a mail is on its way." }))
}

async fn set(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let NewPassword { token, password } = call.parse().await?;
    identity.reset(&call.ctx, &token, &password).await?;
    Answer::json(&json!({ "message": "The password is set. Sign in with it." }))
}
