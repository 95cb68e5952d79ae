//! What the server can be asked, as its OpenAPI document tells it.

use kith_kernel::Role;
use serde_json::Value as Json;

use crate::client::Client;

/// The object that the tests add to a tenant, with the path of its records.
const ADDED: &str = "vehicle/records";
/// The kind of these records.
pub(crate) const RECORDS: &str = "objects/vehicle/records";

/// One operation, or the same under another path.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The path that this one is another name of; else the path itself.
    pub(crate) canonical: String,
    /// `public`, `user`, a role or `platform`.
    pub(crate) access: String,
    /// What an API key must be allowed: `contacts:read`.
    pub(crate) scope: Option<String>,
    pub(crate) described: Json,
}

/// Every operation of the document.
pub(crate) async fn all(anybody: &Client) -> Vec<Operation> {
    let document = anybody.get("/openapi.json").await;
    assert_eq!(document.status, 200, "{document:?}");
    of_document(&document.json)
}

pub(crate) fn of_document(document: &Json) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let text = |key: &str| described[key].as_str().map(str::to_owned);
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                canonical: text("x-alias-of").unwrap_or_else(|| path.clone()),
                access: text("x-access").unwrap(),
                scope: text("x-scope"),
                described: described.clone(),
            });
        }
    }
    all
}

impl Operation {
    /// `GET /api/deals/{id}`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn is_public(&self) -> bool {
        self.access == "public"
    }

    /// The role that it takes, when it takes one.
    pub(crate) fn role(&self) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == self.access)
    }

    /// Whether its path names something by an id.
    pub(crate) fn has_id(&self) -> bool {
        self.own_path().contains('{')
    }

    /// The path with the object that the tests add where it takes one and then is about its records.
    fn own_path(&self) -> String {
        self.path.replace("{object}/records", ADDED)
    }

    /// The path with this in the place of its parameter; of several, each has its part between slashes, or all the same.
    pub(crate) fn path_of(&self, id: &str) -> String {
        let path = self.own_path();
        let mut ids = id.split('/').cycle();
        let words = path
            .split('/')
            .map(|word| if word.starts_with('{') { ids.next().unwrap_or_default() } else { word });
        words.collect::<Vec<&str>>().join("/")
    }

    /// The parts of the canonical path behind `/api/`.
    pub(crate) fn words(&self) -> Vec<&str> {
        let path = self.canonical.strip_prefix("/api").unwrap_or(&self.canonical);
        let path = path.trim_start_matches('/');
        match path.strip_prefix("objects/{object}/records") {
            Some(rest) => [RECORDS].into_iter().chain(rest.split('/').skip(1)).collect(),
            None => path.split('/').collect(),
        }
    }
}
