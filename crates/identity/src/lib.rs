//! Who is who: tenants, users, members, sessions, sign-in, invites, API keys, roles, and their routes.

mod api_keys;
mod authenticate;
mod calendar_feeds;
mod caller;
mod cookies;
mod events;
mod identity;
mod input;
mod installation;
mod invites;
mod lookups;
mod members;
mod operator;
mod options;
mod pages;
mod passwords;
mod places;
mod second_factor;
mod secrets;
mod sessions;
mod sign_in;
mod tenants;
mod tokens;
mod users;

use std::sync::Arc;

use kith_http::{Call, Routes};
use kith_store::Migration;
use serde_json::Value;

pub use authenticate::authenticate;
pub use calendar_feeds::{FeedActor, feed_actor};
pub use identity::Identity;
pub use members::{LeavingHook, Member, MemberStatus};
pub use options::{Options, SameSite};
pub use pages::{Page, Paging, listed};
pub use second_factor::Rotated;
pub use sign_in::{Founded, Founding};
pub use tenants::{
    Arrival, NameOfTenant, NewTenant, OpenTenant, Opening, Status, Tenant, TenantHook,
    name_of_tenant, open_tenant,
};
pub use users::{NewUser, User};

/// The tables of this floor, in order; those of the platform (anchors) come before.
pub fn migrations() -> Vec<Migration> {
    vec![
        installation::migration(),
        users::migration(),
        tenants::migration(),
        members::migration(),
        sessions::migration(),
        lookups::migration(),
        passwords::migration(),
        invites::migration(),
        api_keys::migration(),
        calendar_feeds::migration(),
        second_factor::migration(),
    ]
}

/// All operations of this floor.
pub fn routes(identity: &Arc<Identity>) -> Routes {
    sign_in::routes(identity)
        .and(sessions::routes(identity))
        .and(passwords::routes(identity))
        .and(second_factor::routes(identity))
        .and(tenants::routes(identity))
        .and(members::routes(identity))
        .and(invites::routes(identity))
        .and(api_keys::routes(identity))
        .and(calendar_feeds::routes(identity))
}

/// The named schemas that the operations answer with.
pub fn schemas() -> Vec<(String, Value)> {
    [
        sign_in::schemas(),
        sessions::schemas(),
        passwords::schemas(),
        second_factor::schemas(),
        tenants::schemas(),
        members::schemas(),
        invites::schemas(),
        api_keys::schemas(),
        calendar_feeds::schemas(),
    ]
    .concat()
}

/// A handler that holds what it works with.
fn with<F, Fut>(
    identity: &Arc<Identity>,
    handler: F,
) -> impl Fn(Call) -> Fut + Send + Sync + 'static
where
    F: Fn(Arc<Identity>, Call) -> Fut + Send + Sync + 'static,
{
    let identity = Arc::clone(identity);
    move |call| handler(Arc::clone(&identity), call)
}
