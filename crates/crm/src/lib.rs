//! The CRM: accounts, contacts, leads, deals, pipelines, products, activities, tasks, notes, attachments, labels, members.

pub mod accounts;
pub mod activities;
mod address;
pub mod attachments;
mod base44;
mod calendar;
pub mod contacts;
pub mod deals;
mod duplicates;
pub mod labels;
pub mod leads;
pub mod members;
mod migrations;
pub mod notes;
mod notifications;
pub mod people;
pub mod pipelines;
pub mod products;
pub mod tasks;
mod timeline;

use std::sync::Arc;

use kith_http::Routes;
use kith_platform::jobs::Registry;
use kith_records::{
    Closed, Object, Person, Records, Routes as Common,
    import::{Imports, import_routes, object_route},
    merge_routes, merge_schemas, object_routes,
};
use serde_json::Value as Json;

pub use base44::Base44;
pub use calendar::{BySecret, calendar_routes};
pub use migrations::migrations;
pub use notifications::{live_events, tell_sockets};

/// Every object of the CRM.
pub const OBJECTS: [&Object; 13] = [
    &accounts::ACCOUNT,
    &contacts::CONTACT,
    &leads::LEAD,
    &deals::DEAL,
    &pipelines::PIPELINE,
    &pipelines::STAGE,
    &products::PRODUCT,
    &activities::ACTIVITY,
    &tasks::TASK,
    &notes::NOTE,
    &attachments::ATTACHMENT,
    &labels::LABEL,
    &members::MEMBER,
];

/// People, whose data may be shown to them and erased: leads become contacts.
pub static PERSON: Person =
    Person { object: &contacts::CONTACT, same: &[(&leads::LEAD, "converted_contact_id")] };

/// What can be over, and may then be archived.
pub static CLOSED: [Closed; 4] = [
    Closed { object: &deals::DEAL, states: &["won", "lost"], since: "closed_at" },
    Closed { object: &leads::LEAD, states: &["converted", "lost"], since: "converted_at" },
    Closed {
        object: &activities::ACTIVITY,
        states: &["completed", "cancelled"],
        since: "completed_at",
    },
    Closed { object: &tasks::TASK, states: &["completed", "cancelled"], since: "completed_at" },
];

/// Every operation of the CRM.
pub fn routes(records: &Arc<Records>, imports: &Imports) -> Routes {
    let common = OBJECTS.iter().fold(Routes::new(), |routes, object| {
        let routes = routes.and(object_routes(records, object));
        match object.routes {
            Common::All | Common::Kept => routes.and(object_route(imports, object)),
            Common::Uploaded => routes,
        }
    });
    common
        .and(import_routes(imports))
        .and(deals::routes(records))
        .and(pipelines::routes(records))
        .and(contacts::routes(records))
        .and(tasks::routes(records))
        .and(leads::routes(records))
        .and(notifications::routes())
        .and(timeline::routes(records))
        .and(duplicates::routes(records))
        .and(merge_routes(records, &accounts::ACCOUNT))
        .and(merge_routes(records, &contacts::CONTACT))
        .and(merge_routes(records, &leads::LEAD))
}

/// The operations by which records of Base44 are brought over.
pub fn sync_routes(base44: &Arc<Base44>) -> Routes {
    base44::routes(base44)
}

/// Says what does the jobs of the CRM.
pub fn register(registry: Registry, records: &Arc<Records>, base44: &Base44) -> Registry {
    let registry = base44::register(registry, records, base44);
    let registry = leads::register(registry, records);
    attachments::register(duplicates::register(tasks::register(deals::register(registry))))
}

/// The named schemas of what is not a record.
pub fn schemas() -> Vec<(String, Json)> {
    let mut all = deals::schemas();
    all.extend(leads::schemas());
    all.extend(notifications::schemas());
    all.extend(timeline::schemas());
    all.extend(duplicates::schemas());
    all.extend(base44::schemas());
    all.extend(attachments::schemas());
    for object in [&accounts::ACCOUNT, &contacts::CONTACT, &leads::LEAD] {
        all.extend(merge_schemas(object));
    }
    all
}
