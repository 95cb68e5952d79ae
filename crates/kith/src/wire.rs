//! Everything that is built, in order, on one screen.

use std::sync::Arc;

use axum::Router;
use kith_assistant::{self as assistant, Assistant, Documents, agents::Agents};
use kith_crm::{self as crm, attachments::Attachments};
use kith_gateway::{self as gateway, Gateway, keys::Keys};
use kith_http::{Http, Live, Operation, Options, Routes};
use kith_identity::{self as identity, Identity};
use kith_inbox::{self as inbox, Inbox};
use kith_insights as insights;
use kith_kernel::{Clock, Error, Id, Ids, Kind, Result, invalid, text::fold};
use kith_platform::{
    App, Ctx, Settings, Tasks,
    events::{self, readers::Readers},
    files,
    jobs::{self, Registry, Wake, Worker},
    mail,
    outgoing::Outgoing,
    storage::{Folder, S3, S3Options, Storage},
};
use kith_records::{
    self as records, Object, Personal, Records, Trash, Upkeep,
    import::{self, Imports},
};
use kith_store::{Catalog, Db, News};
use serde::Deserialize;

pub use crate::tables::{migrations, objects};
use crate::{
    bundle::{self, Bundles},
    hooks::{first_pipeline, forgetting, leaving, live, saying},
    system,
};

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// All parts of a running Kith.
#[derive(Clone)]
pub struct House {
    /// What everything shares.
    pub app: App,
    /// Tenants, users, sign-in.
    pub identity: Arc<Identity>,
    /// The engine.
    pub records: Arc<Records>,
    /// Its imports.
    pub imports: Imports,
    /// Those who read its events.
    pub readers: Readers,
    /// What is held about people.
    pub personal: Arc<Personal>,
    /// What keeps tenants in order.
    pub upkeep: Arc<Upkeep>,
    /// What asks other servers.
    pub outgoing: Outgoing,
    /// What brings records over from Base44.
    pub base44: Arc<crm::Base44>,
    /// Models of language.
    pub gateway: Arc<Gateway>,
    /// Engines, and the assistant of members.
    pub assistant: Arc<Assistant>,
    /// Channels, conversations, messages.
    pub inbox: Arc<Inbox>,
    /// Who answers customers.
    pub agents: Arc<Agents>,
    /// What agents may quote.
    pub documents: Arc<Documents>,
    /// Sockets.
    pub live: Arc<Live>,
    /// Keys of outside services.
    pub keys: Arc<Keys>,
    /// Where the bytes of files are.
    pub storage: Storage,
    /// Files at records.
    pub attachments: Arc<Attachments>,
    /// What empties the trash.
    pub trash: Trash,
    /// Tenants that go and come as files.
    pub bundles: Bundles,
}

/// What keys can be allowed besides objects.
const SCOPES: [&str; 13] = [
    "search",
    "imports",
    "audit-logs",
    "custom-fields",
    "notifications",
    "views",
    "batches",
    "duplicates",
    "objects",
    "reports",
    "analytics",
    "database",
    "ai",
];

/// What keys can be allowed.
fn scopes(records: &Records) -> Vec<String> {
    let objects = records.objects().map(|object| object.plural);
    objects.chain(SCOPES).map(str::to_owned).collect()
}

/// Where the bytes of files are, as the settings say.
pub(crate) fn storage(settings: &Settings) -> Result<Storage> {
    let options: S3Options = settings.section("files")?;
    let authority = options.authority();
    if options.s3_endpoint.is_empty() {
        return Ok(Storage::new(Arc::new(Folder::new(settings.files_folder()))));
    }
    let room = settings.data_folder().join("arriving");
    let place = S3::new(options, Outgoing::trusting(settings, authority.as_deref())?, room)?;
    Ok(Storage::new(Arc::new(place)))
}

impl House {
    /// Opens the database, brings it up to date and builds everything on it.
    pub async fn open(settings: Settings) -> Result<Self> {
        let settings = settings.with_secrets()?;
        let db = Db::open(&settings.store())?;
        for name in db.migrate(&migrations()).await? {
            tracing::info!(name, "migrated");
        }
        db.check_walls().await?;
        let house = Self::over(db, settings)?;
        house.identity.prepare().await?;
        house.enroll().await?;
        Ok(house)
    }

    /// Builds everything over a database as it is.
    pub fn over(db: Db, settings: Settings) -> Result<Self> {
        let clock = Clock::system();
        let ids = Ids::new(clock.clone());
        Self::build(App {
            db,
            clock,
            ids,
            settings: Arc::new(settings),
            tasks: Tasks::default(),
            wake: Wake::default(),
        })
    }

    /// Makes the readers of events known; those that are new begin with the first event of every tenant.
    pub async fn enroll(&self) -> Result<()> {
        let tenants = self.identity.tenants().await?;
        let tenants: Vec<_> = tenants.into_iter().map(|(id, _)| id).collect();
        self.readers.enroll(&tenants).await
    }

    /// Builds everything on an application; for tests, which bring their own clock.
    #[expect(clippy::too_many_lines, reason = "a list of what is built")]
    pub fn build(app: App) -> Result<Self> {
        let records = Records::new(&objects());
        let options = identity::Options::of(&app.settings)?;
        let storage = storage(&app.settings)?;
        let system = app.as_system(Id::NIL);
        let base_url = options.frontend_url.clone();
        let base = (&storage, base_url.as_str());
        let attachments = Attachments::new(&system, &records, base)?;
        let identity = Identity::new(app.clone(), options)?;
        let keys = Keys::new(&app.settings)?;
        for mistake in keys.mistakes() {
            tracing::warn!("{mistake}");
        }
        let identity = identity
            .with_hooks(vec![first_pipeline(&records)])
            .with_leaving(vec![leaving(&keys)])
            .with_objects(scopes(&records));
        let identity = Arc::new(identity);
        let imports = Imports::new(&records, &app.settings.data_folder());
        let readers =
            Readers::new(app.clone(), vec![insights::reader(), assistant::agents::reader()]);
        let tables = Catalog::of(&migrations());
        let folder = app.settings.data_folder();
        let upkeep = Upkeep::new(&records, &crm::CLOSED, tables.clone());
        let trash = Trash::new(&records, tables.clone());
        let outgoing = Outgoing::new(&app.settings)?;
        let bundles = Bundles::new(&app, (&identity, &records), &storage)?;
        let base44 = Arc::new(crm::Base44::new(&outgoing, &app.settings)?);
        let places = (&storage, &outgoing);
        let inbox = Inbox::new(&records, places, (&app.settings, &base_url))?;
        let live = live(&app, &identity, (&records, &inbox))?;
        let gateway = Gateway::new(&app, &outgoing, (&keys, identity::name_of_tenant(&identity)))?;
        let parts = (&gateway, &records);
        let documents = Documents::new(&app.settings, parts, (&storage, &outgoing))?;
        let places = (tables, folder, storage.clone());
        let forget = forgetting(&gateway, &documents);
        let personal = Personal::new(&records, &crm::PERSON, places, forget);
        Ok(Self {
            app,
            identity,
            imports,
            readers,
            personal,
            upkeep,
            outgoing,
            base44,
            agents: Agents::new((&gateway, &records), &documents, saying(&live)),
            assistant: Assistant::new(&gateway, &records),
            inbox,
            documents,
            live,
            records,
            gateway,
            keys,
            storage,
            attachments,
            trash,
            bundles,
        })
    }

    /// The worker that runs jobs, with every handler.
    pub fn worker(&self) -> Result<Worker> {
        let registry = mail::register(Registry::new(), &self.app.settings)?;
        let registry = import::register(files::register(registry), &self.imports);
        let registry = records::register(registry, &self.records);
        let registry = records::register_erasure(registry, &self.personal);
        let registry = records::register_upkeep(registry, &self.upkeep);
        let registry = records::register_retention(registry, &self.trash);
        let registry = self.storage.register(registry);
        let registry = bundle::register(registry, &self.bundles);
        let registry = assistant::register(registry, &self.assistant, &self.documents);
        let registry = assistant::agents::register(registry, &self.agents);
        let registry = inbox::register(registry, &self.inbox);
        let registry = crm::register(registry, &self.records, &self.base44);
        Ok(Worker::new(self.app.clone(), registry))
    }

    /// Starts what works in the background.
    pub fn start(&self) -> Result<()> {
        let house = self.clone();
        self.app.tasks.start_beneath("nodes", async move {
            house.app.db.converse(&|news| house.hear(news)).await;
        });
        self.worker()?.start();
        events::Sealer::new(self.app.clone()).start();
        self.readers.start();
        self.live.start();
        self.inbox.start(&self.app);
        self.gateway.start();
        let house = self.clone();
        self.app.tasks.start("retention", async move {
            if let Err(error) = house.keep_retention().await {
                tracing::warn!(?error, "retention could not be looked after; the next start does");
            }
        });
        let (identity, tasks) = (Arc::clone(&self.identity), self.app.tasks.clone());
        self.app.tasks.start("expired sessions", async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(DAY) => {}
                    () = tasks.stopping() => return,
                }
                if let Err(error) = identity.sweep().await {
                    tracing::warn!(
                        ?error,
                        "expired sessions could not be removed; it is tried again tomorrow"
                    );
                }
            }
        });
        Ok(())
    }

    /// Has retention kept to in every tenant that asks for it, where no job is about to.
    pub async fn keep_retention(&self) -> Result<()> {
        for (tenant, _) in self.identity.tenants().await? {
            if self.app.tasks.is_stopping() {
                break;
            }
            records::arm_retention(&self.app.as_system(tenant)).await?;
        }
        Ok(())
    }

    /// Looks again at what another node changed.
    fn hear(&self, news: News) {
        match news {
            News::Jobs => self.app.wake.enqueued(),
            News::Access => {
                self.identity.forget_as_told();
                self.gateway.forget();
            }
            News::Fields => self.records.forget_as_told(),
            News::Progress => self.app.wake.progressed(),
            News::Seals => self.app.wake.sealed(),
            News::Erased => self.documents.knowledge().forget(),
        }
    }

    /// Before a server starts: where it is the only one, nobody else is at work, and what a process that died was at
    /// work on is begun anew at once.
    pub async fn take_over(&self) -> Result<()> {
        if self.app.db.own()? {
            let left = jobs::release_all(&self.app).await?;
            if left > 0 {
                tracing::info!(left, "jobs that were cut off are begun anew");
            }
        }
        bundle::sweep(&self.bundles, bundle::abandoned(&self.bundles).await?);
        storage(&self.app.settings)?.sweep().await.map(drop)
    }

    /// What a command leaves behind is done before it ends: events are sealed, due jobs run, other nodes told. Jobs are
    /// the server's where one runs that must be the only one.
    pub async fn close(&self) {
        let done = async {
            match self.app.db.own() {
                Ok(_) => self.worker()?.run_due().await.map(drop)?,
                Err(error) if error.code() == "in_use" => {}
                Err(error) => return Err(error),
            }
            events::seal_all(&self.app).await
        };
        if let Err(error) = done.await {
            tracing::warn!(?error, "what was left over is done by the next server");
        }
        self.tell_rest().await;
    }

    /// Writes down what waits, and tells other nodes what they were not told yet, before the process ends.
    pub async fn tell_rest(&self) {
        self.gateway.write_rest().await;
        if let Err(error) = self.app.db.tell_rest().await {
            tracing::warn!(?error, "other nodes could not be told; they find what is left");
        }
    }

    /// Every operation but those of the document itself.
    pub fn routes(&self) -> Routes {
        identity::routes(&self.identity)
            .and(crm::routes(&self.records, &self.imports))
            .and(crm::sync_routes(&self.base44))
            .and(gateway::routes(&self.gateway))
            .and(assistant::routes(&self.assistant, &self.documents, &self.imports))
            .and(assistant::agents::routes(&self.agents))
            .and(inbox::routes(&self.inbox, &self.imports))
            .and(self.live.routes())
            .and(crm::calendar_routes(&self.records, identity::feed_actor(&self.identity)))
            .and(records::shared_routes(&self.records))
            .and(records::custom_field_routes(&self.records))
            .and(records::custom_object_routes(&self.records, &self.imports))
            .and(records::view_routes(&self.records))
            .and(records::batch_routes(&self.records))
            .and(records::undo_routes(&self.records))
            .and(insights::routes(&self.records))
            .and(records::personal_routes(&self.personal))
            .and(records::upkeep_routes(&self.upkeep))
            .and(records::retention_routes())
            .and(gateway::keys::routes(&self.keys))
            .and(bundle::routes(&self.bundles))
            .and(crm::attachments::routes(&self.attachments, identity::open_tenant(&self.identity)))
    }

    /// The whole server.
    pub fn router(&self) -> Result<Router> {
        let options = options(&self.app.settings)?;
        let origins = options.cors_origins.clone();
        let authenticate = identity::authenticate(&self.identity);
        let http = Http::new(self.app.clone(), options, Arc::clone(&authenticate));
        let (late, metrics) = system::late();
        let routes = self.routes().and(system::routes(
            late,
            system::Own { authenticate, records: Arc::clone(&self.records) },
        ));
        let document = self.document(routes.operations()).into_bytes();
        let (router, counts) = http.router(routes);
        if metrics.set((counts, document)).is_err() {
            tracing::warn!("the router was built twice");
        }
        Ok(system::layers(router.merge(self.live.router()), &origins))
    }

    /// The OpenAPI document over these operations.
    pub fn document<'a>(&self, operations: impl Iterator<Item = &'a Operation>) -> String {
        let mut schemas = identity::schemas();
        schemas.extend(records::schemas(&self.records));
        schemas.extend(records::custom_field_schemas());
        schemas.extend(records::custom_object_schemas());
        schemas.extend(records::view_schemas());
        schemas.extend(records::batch_schemas());
        schemas.extend(records::upkeep_schemas());
        schemas.extend(records::retention_schemas());
        schemas.extend(gateway::keys::schemas());
        schemas.extend(bundle::schemas());
        schemas.extend(gateway::schemas());
        schemas.extend(assistant::schemas());
        schemas.extend(crm::schemas());
        schemas.extend(inbox::schemas());
        schemas.extend(insights::schemas());
        schemas.extend(kith_http::presence_schemas());
        schemas.extend(system::schemas());
        kith_http::document(operations, schemas)
    }

    /// The application inside a tenant that a command names; the only one where none is named.
    pub async fn tenant(&self, name: Option<&str>) -> Result<Ctx> {
        self.identity.act_in(name).await
    }

    /// The object of all tenants that a command names.
    pub fn object(&self, name: &str) -> Result<&'static Object> {
        let all: Vec<_> = self.records.objects().map(|object| object.plural.to_owned()).collect();
        self.records.object(name).ok_or_else(|| unknown_object(name, &all))
    }

    /// The object that a command names in a tenant, which may have added it: by its name or what it is called.
    pub async fn object_in(&self, ctx: &Ctx, name: &str) -> Result<&'static Object> {
        if let Some(object) = self.records.object(name) {
            return Ok(object);
        }
        let added = ctx.read(async |db| self.records.added_objects(db).await).await?;
        let is_meant = |called: &&(&'static Object, [String; 3])| {
            called.1.iter().any(|known| fold(known) == fold(name))
        };
        if let Some((object, _)) = added.iter().find(is_meant) {
            return Ok(object);
        }
        let all = self.records.objects().map(|object| object.plural.to_owned());
        let all: Vec<_> =
            all.chain(added.iter().map(|(object, _)| object.name.to_owned())).collect();
        Err(unknown_object(name, &all))
    }
}

fn unknown_object(name: &str, all: &[String]) -> Error {
    let why = format!("There is no {name}; there are {}.", all.join(", "));
    Error::new(Kind::Invalid, "unknown_object", why)
}

#[derive(Deserialize)]
struct Limits {
    auth: u32,
    api: u32,
    upload: u32,
    ai: u32,
}

fn options(settings: &Settings) -> Result<Options> {
    let mut options: Options = settings.section("server")?;
    let limits: Limits = settings.section("limits")?;
    if options.concurrency == 0 {
        return Err(invalid("server.concurrency", "must be at least one"));
    }
    (options.limit_auth, options.limit_api, options.limit_upload) =
        (limits.auth, limits.api, limits.upload);
    options.limit_ai = limits.ai;
    Ok(options)
}
