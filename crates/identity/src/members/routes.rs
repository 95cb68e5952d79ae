//! Routes of members as far as signing in is concerned; their profiles are records.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use serde::Deserialize;
use serde_json::Value;

use super::{Member, page_of_users};
use crate::{
    Identity,
    pages::{Paging, listed},
    with,
};

#[derive(Deserialize)]
struct GiveRole {
    role: String,
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let role = schema::object(vec![("role", role_schema())], &["role"]);
    let changed = |operation: Operation, text| {
        operation.role(Role::Admin).answers(200, text, schema::named("TenantUser"))
    };
    let users = Operation::get("/api/users", "members", "Members who sign in.")
        .scope("members", "read")
        .answers(200, "A page of members.", schema::page(schema::named("TenantUser")));
    let promote = Operation::patch("/api/members/{id}/role", "members", "Gives a member a role.")
        .typed_body::<GiveRole>(role);
    let end = "Keeps a member out and ends their sessions; their records stay.";
    let end = Operation::post("/api/members/{id}/deactivate", "members", end);
    let again = "Lets a member in again.";
    let again = Operation::post("/api/members/{id}/reactivate", "members", again);
    Routes::new()
        .add(listed(users), with(identity, list))
        .add(changed(promote, "The member with the role."), with(identity, give_role))
        .add(changed(end, "The member, inactive."), with(identity, deactivate))
        .add(changed(again, "The member, active."), with(identity, reactivate))
}

pub(crate) fn role_schema() -> Value {
    schema::one_of(&Role::ALL.map(Role::name))
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let member = schema::object(
        vec![
            ("id", schema::described(schema::id(), "What ownerId of records names.")),
            ("userId", schema::nullable(schema::id())),
            ("name", schema::string()),
            ("email", schema::nullable(schema::string())),
            ("role", role_schema()),
            ("status", schema::one_of(&["active", "inactive", "invited"])),
            ("timezone", schema::nullable(schema::string())),
            ("version", schema::integer()),
            ("createdAt", schema::time()),
            ("updatedAt", schema::time()),
        ],
        &["id", "name", "role", "status", "version", "createdAt", "updatedAt"],
    );
    vec![("TenantUser".to_owned(), member)]
}

fn shown(member: &Member) -> Result<Answer> {
    Ok(Answer::json(member)?.tagged(member.version))
}

async fn list(_: Arc<Identity>, call: Call) -> Result<Answer> {
    let paging = Paging::of(&call.query()?)?;
    let rows = call.ctx.read(async |db| page_of_users(db, &paging).await).await?;
    Answer::json(&paging.page(rows, |member| member.id))
}

async fn give_role(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let GiveRole { role } = call.parse().await?;
    shown(&identity.give_role(&call.ctx, call.id("id")?, role.parse()?).await?)
}

async fn deactivate(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    shown(&identity.deactivate(&call.ctx, call.id("id")?).await?)
}

async fn reactivate(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    shown(&identity.reactivate(&call.ctx, call.id("id")?).await?)
}
