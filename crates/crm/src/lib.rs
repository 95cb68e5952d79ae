//! The CRM: accounts, contacts, leads, deals, pipelines, products, activities, tasks, notes, attachments, labels, members.

pub mod accounts;
pub mod activities;
mod address;
pub mod attachments;
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
    Object, Person, Records, Routes as Common,
    import::{Imports, import_routes, object_route},
    merge_routes, merge_schemas, object_routes,
};
use serde_json::Value as Json;

pub use calendar::{BySecret, calendar_routes};
pub use migrations::migrations;

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

/// Says what does the jobs of the CRM.
pub fn register(registry: Registry) -> Registry {
    attachments::register(duplicates::register(tasks::register(deals::register(registry))))
}

/// The named schemas of what is not a record.
pub fn schemas() -> Vec<(String, Json)> {
    let mut all = deals::schemas();
    all.extend(leads::schemas());
    all.extend(notifications::schemas());
    all.extend(timeline::schemas());
    all.extend(duplicates::schemas());
    all.extend(attachments::schemas());
    for object in [&accounts::ACCOUNT, &contacts::CONTACT, &leads::LEAD] {
        all.extend(merge_schemas(object));
    }
    all
}
