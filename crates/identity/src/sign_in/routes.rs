//! Routes of signing in.

use std::sync::Arc;

use kith_http::{Access, Answer, Call, Idempotency, LimitClass, Operation, Routes, schema};
use kith_kernel::{Result, Role, unauthenticated};
use serde::Deserialize;
use serde_json::Value;

use super::{register::Register, welcome};
use crate::{Identity, cookies, with};

const CODE: &str = "Of the authenticator app, or a recovery code, where one is set up.";

/// The name of the schema of tokens.
pub(crate) const SIGNED_IN: &str = "SignedIn";

#[derive(Deserialize)]
struct LogIn {
    email: String,
    password: String,
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refresh {
    refresh_token: Option<String>,
}

/// An operation by which somebody comes in: it mints secrets, and has a limit of its own.
fn door(operation: Operation) -> Operation {
    operation.access(Access::Public).limit(LimitClass::Auth).idempotency(Idempotency::Refused)
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let tokens = || schema::named(SIGNED_IN);
    let register =
        "Signs up: makes a user and a tenant, or joins the one that sent the inviteToken.";
    let register = door(Operation::post("/api/auth/register", "auth", register))
        .typed_body::<Register>(register_schema())
        .answers(201, "Signed up and in.", tokens())
        .refuses(403, "The setup token is not good, or the tenant is suspended.")
        .refuses(404, "The invite is not good (any more).");
    let login = door(Operation::post("/api/auth/login", "auth", "Signs in."))
        .typed_body::<LogIn>(schema::object(
            vec![
                ("email", schema::string()),
                ("password", schema::string()),
                ("code", schema::described(schema::nullable(schema::string()), CODE)),
            ],
            &["email", "password"],
        ))
        .answers(200, "Signed in.", tokens())
        .refuses(401, "The address, the password or the code is wrong, or a code is needed.");
    let me = Operation::get("/api/auth/me", "auth", "Who you are, here and elsewhere.")
        .access(Access::User)
        .answers(200, "You.", schema::named("Me"));
    Routes::new()
        .add(register, with(identity, sign_up))
        .add(login, with(identity, log_in))
        .add(me, with(identity, show_me))
        .and(going_on(identity))
}

/// Operations by which a session goes on.
fn going_on(identity: &Arc<Identity>) -> Routes {
    let refresh =
        "New tokens for a refresh token, which is good once; browsers send it as a cookie.";
    let token = schema::nullable(schema::string());
    let refresh = Operation::post("/api/auth/refresh", "auth", refresh)
        .access(Access::Public)
        .idempotency(Idempotency::Refused)
        .typed_body::<Refresh>(schema::object(vec![("refreshToken", token)], &[]))
        .answers(200, "New tokens.", schema::named(SIGNED_IN))
        .refuses(401, "The refresh token is not good (any more).")
        .refuses(403, "A cookie came from a page of somebody else's.");
    let switch = "Goes on in another tenant of yours.";
    let switch = Operation::post("/api/tenants/{id}/switch", "tenants", switch);
    let switch = switch
        .alias("/api/workspaces/{id}/switch")
        .access(Access::User)
        .idempotency(Idempotency::Refused)
        .answers(200, "Tokens for that tenant.", schema::named(SIGNED_IN));
    Routes::new().add(refresh, with(identity, again)).add(switch, with(identity, enter))
}

fn register_schema() -> Value {
    let optional = || schema::nullable(schema::string());
    schema::object(
        vec![
            ("email", schema::format("email")),
            ("password", schema::described(schema::string(), "8 to 200 characters.")),
            ("name", optional()),
            ("tenantName", optional()),
            ("currency", schema::described(optional(), "ISO 4217; USD unless said.")),
            ("timezone", schema::described(optional(), "IANA name; UTC unless said.")),
            ("inviteToken", optional()),
            ("setupToken", schema::described(optional(), "Printed by the first start.")),
        ],
        &["email", "password"],
    )
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let user = schema::object(
        vec![
            ("id", schema::id()),
            ("email", schema::string()),
            ("name", schema::string()),
            ("platformAdmin", schema::boolean()),
            ("createdAt", schema::time()),
        ],
        &["id", "email", "name", "platformAdmin", "createdAt"],
    );
    let tenant = || schema::nullable(schema::named("Tenant"));
    let signed_in = schema::object(
        vec![
            ("user", schema::named("User")),
            ("tenant", tenant()),
            ("token", schema::string()),
            ("refreshToken", schema::string()),
            ("expiresIn", schema::described(schema::integer(), "Seconds.")),
        ],
        &["user", "tenant", "token", "refreshToken", "expiresIn"],
    );
    let role = || schema::one_of(&Role::ALL.map(Role::name));
    let membership = schema::object(
        vec![("tenant", schema::named("Tenant")), ("role", role()), ("memberId", schema::id())],
        &["tenant", "role", "memberId"],
    );
    let me = schema::object(
        vec![
            ("user", schema::named("User")),
            ("tenant", tenant()),
            ("role", schema::nullable(role())),
            ("memberId", schema::nullable(schema::id())),
            ("memberships", schema::list(membership)),
        ],
        &["user", "tenant", "role", "memberId", "memberships"],
    );
    vec![("User".to_owned(), user), (SIGNED_IN.to_owned(), signed_in), ("Me".to_owned(), me)]
}

async fn sign_up(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let given: Register = call.parse().await?;
    let entered = identity.register(&call, given).await?;
    Ok(welcome(&identity, &call, &entered)?.created("/api/auth/me"))
}

async fn log_in(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let LogIn { email, password, code } = call.parse().await?;
    let entered = identity.log_in(&call, (&email, &password), code.as_deref()).await?;
    welcome(&identity, &call, &entered)
}

async fn show_me(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    Answer::json(&identity.me(&call).await?)
}

async fn again(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Refresh { refresh_token } = call.parse().await?;
    let token = match refresh_token {
        Some(token) => token,
        None => match cookies::read(call.headers(), cookies::REFRESH) {
            Some(token) => {
                cookies::check_origin(&call.head, &identity.options)?;
                token.to_owned()
            }
            None => return Err(unauthenticated("No refresh token was sent.")),
        },
    };
    let entered = identity.refresh(&call.ctx, &token).await?;
    welcome(&identity, &call, &entered)
}

async fn enter(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    let entered = identity.switch(&call, call.id("id")?).await?;
    welcome(&identity, &call, &entered)
}
