//! What crates of one floor are told of one another, as functions that wiring hands down.

use std::sync::Arc;

use kith_assistant::{self as assistant, Documents};
use kith_crm as crm;
use kith_gateway::{Gateway, keys::Keys};
use kith_http::{Live, LiveParts, ScopeOf};
use kith_identity::{self as identity, Identity};
use kith_inbox::{self as inbox, Inbox};
use kith_kernel::Result;
use kith_platform::{App, Broadcast};
use kith_records::{self as records, Object, Records};

/// What goes with a member who is kept out.
pub(crate) fn leaving(keys: &Arc<Keys>) -> identity::LeavingHook {
    let keys = Arc::clone(keys);
    Arc::new(move |ctx, db, member| {
        let keys = Arc::clone(&keys);
        Box::pin(async move {
            keys.forget_member(ctx, db, member).await?;
            assistant::forget_member(ctx, db, member)
        })
    })
}

/// Answers of models may name whom somebody had erased.
pub(crate) fn forgetting(gateway: &Arc<Gateway>, documents: &Arc<Documents>) -> records::Forget {
    let (gateway, documents) = (Arc::clone(gateway), Arc::clone(documents));
    Arc::new(move || {
        gateway.forget();
        documents.knowledge().forget();
    })
}

/// Sockets, with what slices tell them and hear of them.
pub(crate) fn live(
    app: &App,
    identity: &Arc<Identity>,
    (records, inbox): (&Arc<Records>, &Arc<Inbox>),
) -> Result<Arc<Live>> {
    let of = Arc::clone(records);
    let scope_of: ScopeOf = Arc::new(move |db, name| {
        let records = Arc::clone(&of);
        Box::pin(async move { Ok(records.object_of(db, name).await?.map(Object::scope)) })
    });
    let parts = LiveParts {
        events: inbox::live_events(inbox).and(crm::live_events()),
        tells: vec![inbox::tell, assistant::live::tell, crm::tell_sockets],
        scope_of,
        broadcast: Broadcast::new(&app.settings)?,
    };
    let options = app.settings.section("live")?;
    Live::new(app.clone(), options, identity::authenticate(identity), parts)
}

/// Whoever is in a conversation hears what its agent is saying.
pub(crate) fn saying(live: &Arc<Live>) -> assistant::agents::Saying {
    let live = Arc::clone(live);
    Arc::new(move |ctx, conversation, piece| {
        let room = inbox::room_of_conversation(conversation);
        live.say(ctx.actor.tenant, &room, ("agent_response", &piece));
    })
}

/// Every tenant begins with a pipeline.
pub(crate) fn first_pipeline(records: &Arc<Records>) -> identity::TenantHook {
    let records = Arc::clone(records);
    Arc::new(move |ctx, db| {
        let records = Arc::clone(&records);
        Box::pin(async move { crm::pipelines::make_first(&records, ctx, db).await })
    })
}
