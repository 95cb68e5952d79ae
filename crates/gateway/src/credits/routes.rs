//! Routes of credits: what is left, and the ledger.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_identity::{Paging, listed};
use kith_kernel::{Id, Result, Role, Time};
use kith_store::{Read, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{LONGEST_CALL, open};
use crate::{Gateway, answers::TAG};

const PATH: &str = "/api/ai/credits";

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Routes {
    let show = "What is left of the credits for calls by the operator's keys; a credit is a ten-thousandth of a US dollar.";
    let show = Operation::get(PATH, TAG, show).role(Role::Member).scope("ai", "read").answers(
        200,
        "Credits that have not expired.",
        schema::named("Credits"),
    );
    let list = "What was taken of the credits, and for what.";
    let list = Operation::get(format!("{PATH}/entries"), TAG, list)
        .role(Role::Admin)
        .scope("ai", "read")
        .answers(200, "A page of calls.", schema::page(schema::named("CreditEntry")));
    let gateway = Arc::clone(gateway);
    Routes::new().add(show, move |call| run(Arc::clone(&gateway), call)).add(listed(list), entries)
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn schemas() -> Vec<(String, Json)> {
    let whole = schema::integer;
    let grant = schema::object(
        vec![
            ("id", schema::id()),
            ("amount", whole()),
            ("remaining", whole()),
            ("expiresAt", schema::nullable(schema::time())),
            ("note", schema::nullable(schema::string())),
            ("createdAt", schema::time()),
        ],
        &["id", "amount", "remaining", "expiresAt", "note", "createdAt"],
    );
    let credits = schema::object(
        vec![
            ("isLimited", schema::described(schema::boolean(), "Without credits nobody is asked.")),
            ("total", schema::nullable(whole())),
            ("used", schema::nullable(whole())),
            ("remaining", schema::nullable(whole())),
            (
                "expiresAt",
                schema::described(
                    schema::nullable(schema::time()),
                    "When the next of them expire.",
                ),
            ),
            ("grants", schema::list(grant)),
        ],
        &["isLimited", "total", "used", "remaining", "expiresAt", "grants"],
    );
    let entry = schema::object(
        vec![
            ("id", schema::id()),
            ("createdAt", schema::time()),
            ("capability", schema::string()),
            ("state", schema::one_of(&["reserved", "settled", "estimated"])),
            ("reserved", whole()),
            ("used", schema::nullable(whole())),
            ("memberId", schema::nullable(schema::id())),
            ("requestId", schema::nullable(schema::id())),
        ],
        &["id", "createdAt", "capability", "state", "reserved", "used", "memberId", "requestId"],
    );
    vec![
        ("Credits".to_owned(), schema::object(vec![("credits", credits)], &["credits"])),
        ("CreditEntry".to_owned(), entry),
    ]
}

async fn run(gateway: Arc<Gateway>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    gateway.activity.write().await;
    let ctx = &call.ctx;
    let is_limited = gateway.desk(ctx).await?.is_limited;
    let credits = ctx.read(async |db| shown(db, ctx.now(), is_limited).await).await?;
    Answer::json(&json!({ "credits": credits }))
}

/// What is left, as it is answered; where there is no limit, no sums.
pub async fn shown(db: &Read, now: Time, is_limited: bool) -> Result<Json> {
    let grants = open(db, now).await?;
    let total: i64 = grants.iter().map(|grant| grant.amount).sum();
    let remaining: i64 = grants.iter().map(|grant| grant.remaining).sum();
    let shown = grants.iter().map(|grant| {
        json!({
            "id": grant.id, "amount": grant.amount, "remaining": grant.remaining.max(0),
            "expiresAt": grant.expires_at, "note": grant.note, "createdAt": grant.created_at,
        })
    });
    let whole = |number: i64| is_limited.then_some(number);
    Ok(json!({
        "isLimited": is_limited,
        "total": whole(total),
        "used": whole(total - remaining),
        "remaining": whole(remaining.max(0)),
        "expiresAt": grants.iter().find_map(|grant| grant.expires_at),
        "grants": shown.collect::<Json>(),
    }))
}

#[derive(Deserialize)]
struct Entry {
    id: Id,
    created_at: Time,
    reserved: i64,
    used: Option<i64>,
    capability: String,
    member_id: Option<Id>,
    request_id: Option<Id>,
}

async fn entries(call: Call) -> Result<Answer> {
    let paging = Paging::of(&call.query()?)?;
    let select = Select::from("credit_entries");
    let rows = call.ctx.read(async |db| paging.read::<Entry>(db, select).await).await?;
    let now = call.ctx.now();
    Answer::json(&paging.page(rows, |row: &Entry| row.id).map(|row| row.told(now)))
}

impl Entry {
    fn told(&self, now: Time) -> Json {
        let is_old = now.milliseconds() - self.created_at.milliseconds() > LONGEST_CALL;
        let state = match (self.used, is_old) {
            (Some(_), _) => "settled",
            (None, true) => "estimated",
            (None, false) => "reserved",
        };
        json!({
            "id": self.id,
            "createdAt": self.created_at,
            "capability": self.capability,
            "state": state,
            "reserved": self.reserved,
            "used": self.used.or_else(|| is_old.then_some(self.reserved)),
            "memberId": self.member_id,
            "requestId": self.request_id,
        })
    }
}
