//! A world to test in: a whole server in process, with tenants and the people in them as clients.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, header},
};
use http_body_util::BodyExt;
use kith_crm as crm;
use kith_http::{Authenticate, Http, Options};
use kith_kernel::{Actor, Clock, Id, Ids, Time, unauthenticated};
use kith_platform::{App, Settings, Tasks, jobs::Wake};
use kith_records::{Records, import::Imports, shared_routes};
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use crate::database::{Database, Kind};

/// A server and those who call it.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) ana: Client,
    pub(crate) stranger: Client,
    pub(crate) nobody: Client,
    _database: Database,
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Json,
}

impl World {
    pub(crate) async fn new(kind: Kind) -> Self {
        let database = Database::fresh(kind).await;
        let db = database.open();
        let mut migrations = kith_platform::migrations();
        migrations.push(kith_http::migration());
        migrations.extend(kith_records::migrations());
        migrations.extend(crm::migrations());
        db.migrate(&migrations).await.unwrap();
        let clock = Clock::fixed(Time::parse("2026-11-21T09:00:00Z").unwrap());
        let ids = Ids::new(clock.clone());
        let settings = Settings::for_tests(&[]).unwrap();
        let app = App {
            db,
            clock,
            ids,
            settings: Arc::new(settings),
            tasks: Tasks::default(),
            wake: Wake::default(),
        };
        let records = Records::new(&crm::OBJECTS);
        let imports = Imports::new(&records, database.folder.path());
        let routes = crm::routes(&records, &imports).and(shared_routes(&records));
        let authenticate: Authenticate = Arc::new(|head| {
            let token = head
                .headers
                .get(header::AUTHORIZATION)
                .and_then(|v| v.to_str().ok())
                .and_then(|v| v.strip_prefix("Bearer "));
            let tenant = token.and_then(|token| token.parse::<Id>().ok());
            Box::pin(
                async move { tenant.map(Actor::system).ok_or_else(|| unauthenticated("Sign in.")) },
            )
        });
        let options: Options = serde_json::from_value(json!({ "request_seconds": 30, "body_bytes": 1_048_576, "concurrency": 100, "cors_origins": [] })).unwrap();
        let (router, _) = Http::new(app.clone(), options, authenticate).router(routes);
        let mut tenants = Vec::new();
        for _ in 0..2 {
            let ctx = app.as_system(app.ids.next());
            ctx.write(async |db| crm::pipelines::make_first(&records, &ctx, db).await)
                .await
                .unwrap();
            tenants.push(ctx.actor.tenant.to_string());
        }
        let client =
            |token: Option<&String>| Client { router: router.clone(), token: token.cloned() };
        Self {
            app,
            ana: client(tenants.first()),
            stranger: client(tenants.get(1)),
            nobody: client(None),
            _database: database,
        }
    }
}

impl Client {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Json::Null);
        Answer { status: head.status.as_u16(), headers: head.headers, text, json }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], vec![]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send(
            "PATCH",
            path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], vec![]).await
    }

    /// Makes a record and gives back what was answered.
    pub(crate) async fn make(&self, path: &str, body: Json) -> Json {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json
    }
}

impl Answer {
    /// The names of the records of a page.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.json["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["name"].as_str().unwrap())
            .collect()
    }
}
