//! Routes of provider keys.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Query, Routes, schema, schema::Schema};
use kith_identity::{Paging, listed};
use kith_kernel::{Error, Kind, Result, Role, forbidden, invalid};
use kith_store::{Condition, Insert, News, Select};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Keys, Secret, may_have_own, member, of, own_keys_off, rules,
    stored::{Stored, Which, remove},
};

const PATH: &str = "/api/keys";
const ONE: &str = "/api/keys/{service}";
const SETTINGS: &str = "/api/keys/settings";
const TAG: &str = "provider-keys";
/// The member who asks.
const ME: &str = "me";

#[derive(Deserialize)]
struct NewKey {
    service: String,
    key: Secret,
    member: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    own_keys: bool,
}

/// The routes of provider keys.
pub fn routes(keys: &Arc<Keys>) -> Routes {
    let list = "Keys of outside services: the tenant's and one's own, for admins everybody's; never the keys themselves.";
    let list = Operation::get(PATH, TAG, list).answers(
        200,
        "A page of what is stored.",
        schema::page(schema::named("ProviderKey")),
    );
    let store = "Stores a key of an outside service in place of the one before: the tenant's, by admins, or one's own.";
    let store = Operation::post(PATH, TAG, store)
        .role(Role::Viewer)
        .typed_body::<NewKey>(new_schema())
        .answers(200, "It took the place of another.", schema::named("StoredProviderKey"))
        .answers(201, "It is the first of its service.", schema::named("StoredProviderKey"));
    let delete = "Deletes a key: the tenant's, by admins, or one's own.";
    let delete = Operation::delete(ONE, TAG, delete)
        .role(Role::Viewer)
        .query("member", schema::one_of(&[ME]), "me: one's own in place of the tenant's.")
        .answers_nothing(204, "It is gone.");
    let show = "Whether members may have keys of their own.";
    let show = Operation::get(SETTINGS, TAG, show).answers(
        200,
        "What is set.",
        schema::named("ProviderKeySettings"),
    );
    let change = "Says whether members may have keys of their own.";
    let change = Operation::patch(SETTINGS, TAG, change)
        .role(Role::Admin)
        .typed_body::<Change>(settings_schema())
        .answers(200, "What is set now.", schema::named("ProviderKeySettings"));
    let (for_delete, for_change) = (Arc::clone(keys), Arc::clone(keys));
    let keys = Arc::clone(keys);
    Routes::new()
        .add(listed(list), list_keys)
        .add(store, move |call| store_key(Arc::clone(&keys), call))
        .add(delete, move |call| delete_key(Arc::clone(&for_delete), call))
        .add(show, show_settings)
        .add(change, move |call| change_settings(Arc::clone(&for_change), call))
}

fn new_schema() -> Schema {
    let service = json!({ "type": "string", "minLength": 1, "description":
        "openai, anthropic, google (also gemini), groq, mistral, cohere, together, ollama, elevenlabs, twilio, or any other name." });
    let key = json!({ "type": "string", "minLength": 8, "writeOnly": true, "description":
        "8 to 500 letters; a key of openai begins with sk- and has 20 to 300." });
    let member = schema::described(
        schema::nullable(schema::one_of(&[ME])),
        "me: one's own in place of the tenant's.",
    );
    schema::object(
        vec![("service", service), ("key", key), ("member", member)],
        &["service", "key"],
    )
}

fn settings_schema() -> Schema {
    let own = schema::described(schema::boolean(), "Members may have keys of their own.");
    schema::object(vec![("ownKeys", own)], &["ownKeys"])
}

fn shown() -> Vec<(&'static str, Schema)> {
    let whose = "The member whose own it is; none: it is the tenant's.";
    vec![
        ("id", schema::id()),
        ("service", schema::string()),
        ("memberId", schema::described(schema::nullable(schema::id()), whose)),
        ("hint", schema::described(schema::string(), "What it is known again by: sk-…abcd.")),
        (
            "createdBy",
            schema::described(schema::nullable(schema::id()), "The member who stored it."),
        ),
        ("createdAt", schema::time()),
        ("updatedAt", schema::described(schema::time(), "When it was last replaced.")),
        ("lastUsedAt", schema::nullable(schema::time())),
    ]
}

/// The named schemas that the operations answer with.
pub fn schemas() -> Vec<(String, Value)> {
    const ALWAYS: [&str; 8] =
        ["id", "service", "memberId", "hint", "createdBy", "createdAt", "updatedAt", "lastUsedAt"];
    let mut stored = shown();
    stored.push(("saved", schema::described(schema::boolean(), "Always true.")));
    vec![
        ("ProviderKey".to_owned(), schema::object(shown(), &ALWAYS)),
        (
            "StoredProviderKey".to_owned(),
            schema::object(stored, &[&ALWAYS[..], &["saved"]].concat()),
        ),
        ("ProviderKeySettings".to_owned(), settings_schema()),
    ]
}

async fn list_keys(call: Call) -> Result<Answer> {
    let paging = Paging::of(&call.query()?)?;
    let mut select = Select::from("provider_keys");
    if call.ctx.actor.role < Role::Admin {
        select = select.only(Condition::Any(vec![of(None), of(Some(member(&call.ctx)?))]));
    }
    let rows = call.ctx.read(async |db| paging.read::<Stored>(db, select).await).await?;
    Answer::json(&paging.page(rows, |key| key.id))
}

async fn store_key(keys: Arc<Keys>, mut call: Call) -> Result<Answer> {
    let given: NewKey = call.parse().await?;
    let is_own = match given.member.as_deref() {
        None => false,
        Some(ME) => true,
        Some(_) => return Err(invalid("member", "must be me, or be left out")),
    };
    let service = rules::service(&given.service)?;
    let which = Which { member: whose(&call, is_own)?, service };
    let key = rules::key(&which.service, &given.key)?;
    let (stored, is_new) = call
        .ctx
        .write(async |db| {
            if is_own && !may_have_own(db).await? {
                return Err(own_keys_off());
            }
            keys.put((&call.ctx, db), (&which, &key)).await
        })
        .await?;
    keys.forget();
    let mut shown = json!(stored);
    shown["saved"] = true.into();
    let answer = Answer::json(&shown)?;
    Ok(if is_new { answer.status(201) } else { answer })
}

/// The member whose own key is meant; none where it is the tenant's, which admins alone change.
fn whose(call: &Call, is_own: bool) -> Result<Option<kith_kernel::Id>> {
    match is_own {
        true => member(&call.ctx).map(Some),
        false if call.ctx.actor.role >= Role::Admin => Ok(None),
        false => Err(forbidden(
            "Keys of the tenant are the affair of its admins. With \"member\": \"me\" it is your own.",
        )),
    }
}

async fn delete_key(keys: Arc<Keys>, call: Call) -> Result<Answer> {
    let is_own = asks_for_own(&call.query()?)?;
    let member = whose(&call, is_own)?;
    let Ok(service) = rules::service(call.path("service")) else {
        return Err(kith_kernel::not_found("provider key"));
    };
    let which = Which { service, member };
    call.ctx.write(async |db| remove((&call.ctx, db), &which).await).await?;
    keys.forget();
    Ok(Answer::nothing())
}

fn asks_for_own(query: &Query) -> Result<bool> {
    query.only(&["member"])?;
    match query.get("member")? {
        None => Ok(false),
        Some(ME) => Ok(true),
        Some(_) => {
            let why = "The parameter member must be me.";
            Err(Error::new(Kind::Invalid, "invalid_parameter", why).and("member", "must be me"))
        }
    }
}

async fn show_settings(call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let own = call.ctx.read(async |db| may_have_own(db).await).await?;
    Answer::json(&json!({ "ownKeys": own }))
}

async fn change_settings(keys: Arc<Keys>, mut call: Call) -> Result<Answer> {
    let change: Change = call.parse().await?;
    call.ctx
        .write(async |db| {
            let before = may_have_own(db).await?;
            if before == change.own_keys {
                return Ok(());
            }
            let row = vec![("name", "all".into()), ("own_keys", change.own_keys.into())];
            let insert = Insert::row("provider_key_settings", row);
            db.insert(insert.or_replace(&["name"], &["own_keys"])).await?;
            let changes =
                json!({ "before": { "ownKeys": before }, "after": { "ownKeys": change.own_keys } });
            let event = kith_platform::events::Event {
                name: "provider_key_settings.updated".to_owned(),
                object: "provider_key_settings",
                record: None,
                changes: Some(changes.to_string()),
                batch: None,
            };
            db.tell(News::Access);
            kith_platform::events::append(&call.ctx, db, event).map(drop)
        })
        .await?;
    keys.forget();
    Answer::json(&json!({ "ownKeys": change.own_keys }))
}
