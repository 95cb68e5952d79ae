//! A world to test in: the whole server in process, and people who signed up through it.

use std::{path::Path, sync::Arc};

use axum::Router;
use kith::wire::{self, House};
use kith_kernel::{Clock, Ids, Time};
use kith_platform::{App, Settings, Tasks, events::seal_all, jobs::Wake};
use kith_store::{Db, Options};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Database, Kind},
};

/// A server and those who call it.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) house: House,
    /// Runs the installation, in a tenant of their own.
    pub(crate) operator: Client,
    /// The owner of the tenant that tests look at.
    pub(crate) ana: Client,
    /// A member of it.
    pub(crate) bruno: Client,
    /// A viewer of it.
    pub(crate) vera: Client,
    /// The owner of another tenant.
    pub(crate) stranger: Client,
    /// Somebody who is not signed in.
    pub(crate) nobody: Client,
    database: Database,
}

/// The tokens of the people.
#[derive(Serialize, Deserialize)]
struct Tokens {
    operator: String,
    ana: String,
    bruno: String,
    vera: String,
    stranger: String,
}

/// The time at which tests begin; people sign up a minute before.
const NOW: &str = "2026-11-21T09:00:00Z";
pub(crate) const PASSWORD: &str = "a password of the tests";

impl World {
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::with(kind, &[]).await
    }

    /// The same with other settings.
    pub(crate) async fn with(kind: Kind, settings: &[(&str, &str)]) -> Self {
        let database = Database::fresh(kind).await;
        let db = database.open();
        db.migrate(&wire::migrations()).await.unwrap();
        let (house, router) = build((db, database.folder.path()), settings);
        house.identity.prepare().await.unwrap();
        house.enroll().await.unwrap();
        house.app.clock.advance_seconds(-60);
        let tokens = settle(&router).await;
        house.app.clock.advance_seconds(60);
        let client = |token: &str| Client::new(&router, Some(token));
        Self {
            operator: client(&tokens.operator),
            ana: client(&tokens.ana),
            bruno: client(&tokens.bruno),
            vera: client(&tokens.vera),
            stranger: client(&tokens.stranger),
            nobody: Client::new(&router, None),
            app: house.app.clone(),
            house,
            database,
        }
    }

    /// The same world with other settings, and its owner.
    pub(crate) fn configured(self, settings: &[(&str, &str)]) -> (Self, Client) {
        let (house, router) =
            build_at((self.app.db.clone(), self.folder(), self.app.clock.clone()), settings);
        let ana = self.ana.at(&router);
        let world = Self {
            app: house.app.clone(),
            house,
            operator: self.operator.at(&router),
            ana: ana.clone(),
            bruno: self.bruno.at(&router),
            vera: self.vera.at(&router),
            stranger: self.stranger.at(&router),
            nobody: self.nobody.at(&router),
            database: self.database,
        };
        (world, ana)
    }

    /// The same installation on a copy of its database.
    pub(crate) async fn elsewhere(&self, options: &Options) -> (House, Router) {
        let db = Db::open(options).unwrap();
        assert!(db.migrate(&wire::migrations()).await.unwrap().is_empty());
        build((db, self.database.folder.path()), &[])
    }

    /// How its database is reached.
    pub(crate) fn options(&self) -> &Options {
        &self.database.options
    }

    /// Runs statements on PostgreSQL, past every wall.
    pub(crate) async fn as_owner(&self, statements: &str) {
        self.database.as_owner(statements).await;
    }

    /// The folder of the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.database.folder.path()
    }

    /// Seals what happened and has all readers read it; says how many events they read.
    pub(crate) async fn read_events(&self) -> u64 {
        seal_all(&self.app).await.unwrap();
        self.house.readers.read_all().await.unwrap()
    }

    /// Runs every job that is due, also those that these jobs enqueue.
    #[expect(clippy::disallowed_methods, reason = "on a stack of its own, as it has in the server")]
    pub(crate) async fn run_jobs(&self) {
        let worker = self.house.worker().unwrap();
        tokio::spawn(async move { worker.run_due().await }).await.unwrap().unwrap();
    }
}

/// The real thing, on a clock that stands still.
fn build((db, folder): (Db, &Path), more: &[(&str, &str)]) -> (House, Router) {
    build_at((db, folder, Clock::fixed(Time::parse(NOW).unwrap())), more)
}

fn build_at((db, folder, clock): (Db, &Path, Clock), more: &[(&str, &str)]) -> (House, Router) {
    let place = folder.display().to_string();
    let own = [
        ("store.data", place.as_str()),
        ("auth.password_memory_kib", "64"),
        // Tests move the clock by days and stay signed in.
        ("auth.access_seconds", "365d"),
        ("auth.refresh_seconds", "366d"),
        // Nobody answers there.
        ("base44.app_id", "world"),
        ("base44.api_key", "a key of the tests"),
        ("base44.api_base", "http://127.0.0.1:9/api"),
        ("base44.tenant", "*"),
        // Files are read by the binary, which the tests are not.
        ("documents.reader", env!("CARGO_BIN_EXE_kith-under-test")),
    ];
    let settings = Settings::for_tests(&[&own, more].concat());
    let app = App {
        db,
        ids: Ids::new(clock.clone()),
        clock,
        settings: Arc::new(settings.unwrap()),
        tasks: Tasks::default(),
        wake: Wake::default(),
    };
    let house = House::build(app).unwrap();
    let router = house.router().unwrap();
    (house, router)
}

/// Everybody signs up; the first one runs the installation.
async fn settle(router: &Router) -> Tokens {
    let door = Client::new(router, None);
    // Their names are none that a test searches for.
    let operator = register(&door, "operator").await;
    let ana = register(&door, "owner").await;
    let stranger = register(&door, "stranger").await;
    let owner = door.with(&ana);
    let bruno = invite(&owner, "member", "member").await;
    let vera = invite(&owner, "viewer", "viewer").await;
    Tokens { operator, ana, bruno, vera, stranger }
}

/// The address of somebody.
pub(crate) fn email(name: &str) -> String {
    format!("{name}@world.example")
}

fn token(signed_in: &Json) -> String {
    signed_in["token"].as_str().unwrap().to_owned()
}

async fn register(door: &Client, name: &str) -> String {
    let tenant = format!("World of {name}");
    let body =
        json!({ "email": email(name), "password": PASSWORD, "name": name, "tenantName": tenant });
    token(&door.make("/api/auth/register", body).await)
}

/// Somebody new comes into the tenant of `owner`.
pub(crate) async fn invite(owner: &Client, name: &str, role: &str) -> String {
    let body = json!({ "email": email(name), "role": role });
    let invite = owner.make("/api/invites", body).await;
    let path = format!("/api/invites/{}/accept", invite["token"].as_str().unwrap());
    let accepted = owner.post(&path, json!({ "name": name, "password": PASSWORD })).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    token(&accepted.json)
}
