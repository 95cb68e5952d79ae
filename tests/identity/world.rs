//! An installation with identity alone, a clock that stands still, and people who use it.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use kith_http::{Http, Options as HttpOptions};
use kith_identity::{Identity, Options, TenantHook, authenticate, migrations, routes};
use kith_kernel::{Actor, Clock, Id, Ids, Time, invalid};
use kith_platform::{App, Settings, Tasks, events::Stored, jobs::Wake};
use kith_store::{Db, Migration, Select, Step};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::database::{Database, Kind};

pub(super) const SECRET: &str = "a secret of the tests, and no other";
pub(super) const PASSWORD: &str = "correct horse battery";

/// Tenants and members for which a hook ran.
type Hooked = Vec<(Id, Option<Id>)>;

pub(super) struct World {
    pub(super) app: App,
    pub(super) clock: Clock,
    pub(super) identity: Arc<Identity>,
    router: Router,
    /// In which tenants hooks ran, and for which member.
    pub(super) hooked: Arc<Mutex<Hooked>>,
    pub(super) database: Database,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) token: String,
    pub(super) refresh_token: String,
    pub(super) user: String,
    pub(super) tenant: String,
    pub(super) email: String,
}

impl Reply {
    /// The body, of the status that is wanted.
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// A problem of a status, with a code.
    #[track_caller]
    pub(super) fn fails(self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
    }

    pub(super) fn cookies(&self) -> Vec<String> {
        let all = self.headers.get_all("set-cookie").into_iter();
        all.map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

pub(super) fn options() -> Options {
    Options {
        jwt_secret: SECRET.to_owned(),
        password_memory_kib: 64,
        frontend_url: "https://crm.test".to_owned(),
        allowed_origins: vec!["https://app.test".to_owned()],
        loopback: true,
        ..Options::default()
    }
}

fn all_migrations() -> Vec<Migration> {
    let mut all = kith_platform::migrations();
    all.push(kith_http::migration());
    all.push(Migration { name: "2026-11-21-search", steps: vec![Step::Search] });
    all.extend(migrations());
    all
}

fn noting(hooked: &Arc<Mutex<Hooked>>) -> TenantHook {
    let hooked = Arc::clone(hooked);
    Arc::new(move |ctx, db| {
        let hooked = Arc::clone(&hooked);
        Box::pin(async move {
            db.count(Select::from("members")).await?;
            if db.exists(Select::from("members").whose("name", "Refused")).await? {
                return Err(invalid("tenantName", "is refused by a hook"));
            }
            hooked.lock().unwrap().push((ctx.actor.tenant, ctx.actor.member));
            Ok(())
        })
    })
}

impl World {
    pub(super) async fn fresh(kind: Kind) -> Self {
        Self::with(kind, options()).await
    }

    pub(super) async fn with(kind: Kind, options: Options) -> Self {
        let database = Database::fresh(kind).await;
        let db = database.open();
        db.migrate(&all_migrations()).await.unwrap();
        let clock = Clock::fixed(Time::parse("2026-11-21T12:00:00Z").unwrap());
        let world = Self::on(database, (db, clock), options);
        world.identity.prepare().await.unwrap();
        world
    }

    fn on(database: Database, (db, clock): (Db, Clock), options: Options) -> Self {
        let app = App {
            db,
            ids: Ids::new(clock.clone()),
            clock: clock.clone(),
            settings: Arc::new(Settings::for_tests(&[]).unwrap()),
            tasks: Tasks::default(),
            wake: Wake::default(),
        };
        let hooked = Arc::default();
        let plurals = ["members", "deals", "contacts"].map(str::to_owned).to_vec();
        let identity = Identity::new(app.clone(), options).unwrap();
        let identity = identity.with_hooks(vec![noting(&hooked)]).with_objects(plurals);
        let identity = Arc::new(identity);
        let router = router(&app, &identity);
        Self { app, clock, identity, router, hooked, database }
    }

    /// The same installation on another node, with a cache of its own.
    pub(super) fn another_node(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database { options: self.database.options.clone(), folder };
        Self::on(database, (self.app.db.clone(), self.clock.clone()), options())
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(super) async fn ask(
        &self,
        what: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Reply {
        let (method, path) = what.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", "crm.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// Asks as nobody.
    pub(super) async fn nobody(&self, what: &str, body: Value) -> Reply {
        self.ask(what, &[], Some(body)).await
    }

    /// Asks with a token or an API key.
    pub(super) async fn bearing(&self, token: &str, what: &str) -> Reply {
        self.ask(what, &[("authorization", &format!("Bearer {token}"))], None).await
    }

    /// Asks with a token or an API key, and a body.
    pub(super) async fn giving(&self, token: &str, what: &str, body: Value) -> Reply {
        self.ask(what, &[("authorization", &format!("Bearer {token}"))], Some(body)).await
    }

    pub(super) async fn register(&self, name: &str) -> Person {
        let email = format!("{}@acme.com", name.to_lowercase());
        let body = json!({ "email": email, "password": PASSWORD, "name": name });
        person(&self.nobody("POST /api/auth/register", body).await.is(201))
    }

    pub(super) async fn log_in(&self, email: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "password": password });
        self.nobody("POST /api/auth/login", body).await
    }

    /// Somebody new in a tenant, with a role.
    pub(super) async fn colleague(&self, of: &Person, name: &str, role: &str) -> Person {
        let email = format!("{}@acme.com", name.to_lowercase());
        let invite = json!({ "email": email, "role": role });
        let invite = self.giving(&of.token, "POST /api/invites", invite).await.is(201);
        let accept = format!("POST /api/invites/{}/accept", invite["token"].as_str().unwrap());
        let body = json!({ "name": name, "password": PASSWORD });
        person(&self.nobody(&accept, body).await.is(200))
    }

    pub(super) async fn me(&self, token: &str) -> Value {
        self.bearing(token, "GET /api/auth/me").await.is(200)
    }

    pub(super) async fn member(&self, person: &Person) -> String {
        text(&self.me(&person.token).await["memberId"])
    }

    pub(super) async fn refresh(&self, token: &str) -> Reply {
        self.nobody("POST /api/auth/refresh", json!({ "refreshToken": token })).await
    }

    /// The events of a tenant, the oldest first.
    pub(super) async fn events(&self, tenant: &str) -> Vec<Stored> {
        let tenant = tenant.parse().unwrap();
        let select = Select::from("events").by("id", false);
        let read = async |db: &kith_store::Read| db.all::<Stored>(select).await;
        self.app.db.read(&Actor::system(tenant), read).await.unwrap()
    }

    /// The events of one name.
    pub(super) async fn told(&self, tenant: &str, name: &str) -> Vec<Stored> {
        self.events(tenant).await.into_iter().filter(|event| event.name == name).collect()
    }

    /// The texts of the mails to somebody, the oldest first.
    pub(super) async fn mails(&self, to: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct Posted {
            body: String,
        }
        let select = Select::from("mails").whose("to_address", to).by("id", false);
        let mails: Vec<Posted> =
            self.app.db.read_everywhere("tests", async |db| db.all(select).await).await.unwrap();
        mails.into_iter().map(|mail| mail.body).collect()
    }

    /// Waits for what runs beside requests.
    pub(super) async fn settle(&self) {
        assert!(self.app.tasks.stop(Duration::from_secs(10)).await, "something does not end");
    }
}

fn router(app: &App, identity: &Arc<Identity>) -> Router {
    let options = HttpOptions {
        request_seconds: 30,
        body_bytes: 1 << 20,
        concurrency: 64,
        cors_origins: vec![],
        limit_auth: 0,
        limit_api: 0,
        limit_upload: 0,
        limit_ai: 0,
    };
    Http::new(app.clone(), options, authenticate(identity)).router(routes(identity)).0
}

pub(super) fn person(signed_in: &Value) -> Person {
    Person {
        token: text(&signed_in["token"]),
        refresh_token: text(&signed_in["refreshToken"]),
        user: text(&signed_in["user"]["id"]),
        tenant: text(&signed_in["tenant"]["id"]),
        email: text(&signed_in["user"]["email"]),
    }
}

#[track_caller]
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The token in the link of a mail.
pub(super) fn token_in(mail: &str) -> String {
    let (_, rest) = mail.split_once("?token=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}
