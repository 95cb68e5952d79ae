//! Every table, by the migrations that make it, and every object.

use kith_records::Object;
use kith_store::Migration;

use crate::arrivals;

/// Every migration, in the order in which they are applied.
pub fn migrations() -> Vec<Migration> {
    let mut all = kith_platform::migrations();
    all.extend(kith_identity::migrations());
    all.push(kith_http::migration());
    all.extend(kith_gateway::migrations());
    all.extend(kith_assistant::migrations());
    all.extend(kith_records::migrations());
    all.extend(kith_crm::migrations());
    all.extend(kith_inbox::migrations());
    all.extend(kith_insights::migrations());
    all.push(arrivals::migration());
    all
}

/// Every object of all tenants.
pub fn objects() -> Vec<&'static Object> {
    kith_crm::OBJECTS
        .into_iter()
        .chain(kith_inbox::OBJECTS)
        .chain(kith_assistant::OBJECTS)
        .collect()
}
