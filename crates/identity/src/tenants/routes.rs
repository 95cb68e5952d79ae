//! Routes of tenants, which are also called workspaces.

use std::sync::Arc;

use kith_http::{Access, Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use serde_json::Value;

use super::{
    change::{Change, Given},
    memberships, page,
};
use crate::{
    Identity,
    caller::signed_in,
    pages::{Paging, listed},
    with,
};

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let one = || schema::named("Tenant");
    let user = |operation: Operation, rest: &str| {
        operation.access(Access::User).alias(format!("/api/workspaces{rest}"))
    };
    let list = "The tenants that you belong to; all of them for whoever runs the installation.";
    let list = user(Operation::get("/api/tenants", "tenants", list), "").answers(
        200,
        "A page of tenants.",
        schema::page(one()),
    );
    let make = Operation::post("/api/tenants", "tenants", "Makes a tenant whose owner you are.");
    let make =
        user(make, "").typed_body::<Given>(given_schema()).answers(201, "The tenant.", one());
    let read = user(Operation::get("/api/tenants/{id}", "tenants", "A tenant."), "/{id}").answers(
        200,
        "The tenant.",
        one(),
    );
    let change = "Changes a tenant: its admins all but the status, the platform's admin that too.";
    let change = user(Operation::patch("/api/tenants/{id}", "tenants", change), "/{id}")
        .typed_body::<Change>(change_schema())
        .answers(200, "The tenant.", one());
    let end = "Suspends a tenant for good; its owner, or the platform's admin.";
    let end = user(Operation::delete("/api/tenants/{id}", "tenants", end), "/{id}")
        .answers_nothing(204, "Nobody gets in any more.");
    Routes::new()
        .add(listed(list), with(identity, show_all))
        .add(make, with(identity, create))
        .add(read, with(identity, show))
        .add(change, with(identity, alter))
        .add(end, with(identity, end_one))
}

fn given_schema() -> Value {
    let text = || schema::nullable(schema::string());
    schema::object(
        vec![("name", schema::string()), ("currency", text()), ("timezone", text())],
        &["name"],
    )
}

fn change_schema() -> Value {
    let text = || schema::nullable(schema::string());
    let status = schema::nullable(schema::one_of(&["active", "suspended"]));
    schema::object(
        vec![("name", text()), ("currency", text()), ("timezone", text()), ("status", status)],
        &[],
    )
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let tenant = schema::object(
        vec![
            ("id", schema::id()),
            ("name", schema::string()),
            ("slug", schema::string()),
            ("currency", schema::string()),
            ("timezone", schema::string()),
            ("status", schema::one_of(&["active", "suspended"])),
            ("createdAt", schema::time()),
        ],
        &["id", "name", "slug", "currency", "timezone", "status", "createdAt"],
    );
    vec![("Tenant".to_owned(), tenant)]
}

async fn show_all(_: Arc<Identity>, call: Call) -> Result<Answer> {
    let (user, _) = signed_in(&call.ctx)?;
    let paging = Paging::of(&call.query()?)?;
    let all = call.ctx.actor.platform_admin;
    let rows = call
        .ctx
        .read(async |db| {
            let mine = memberships(db, user).await?.iter().map(|one| one.tenant_id).collect();
            page(db, &paging, (!all).then_some(mine)).await
        })
        .await?;
    Answer::json(&paging.page(rows, |tenant| tenant.id))
}

async fn create(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let given: Given = call.parse().await?;
    let tenant = identity.another_tenant(&call.ctx, &given).await?;
    Ok(Answer::json(&tenant)?.created(&format!("/api/tenants/{}", tenant.id)))
}

async fn show(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    let (tenant, _) = identity.authority(&call.ctx, call.id("id")?, Role::Viewer).await?;
    Answer::json(&tenant)
}

async fn alter(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let change: Change = call.parse().await?;
    Answer::json(&identity.change_tenant(&call.ctx, call.id("id")?, &change).await?)
}

async fn end_one(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    identity.end_tenant(&call.ctx, call.id("id")?).await?;
    Ok(Answer::nothing())
}
