//! Views: a rule, an order and columns under a name, of one member or shared with all.

mod routes;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Role, Rule, Time, invalid, not_found};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::{
    Condition, Delete, Insert, Json as Stored, Migration, Read, Select, Step, Table, Update, Value,
    Write, equals, id, integer, json, text, time,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};

use crate::{Ask, Records, ask};

pub use routes::{view_routes, view_schemas};

const LONGEST_NAME: usize = 200;
const MOST_COLUMNS: usize = 100;
/// No member makes more views than this.
const MOST_VIEWS: i64 = 500;

/// How a view is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Layout {
    List,
    Board,
    Calendar,
}

impl Layout {
    const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Board => "board",
            Self::Calendar => "calendar",
        }
    }
}

/// A view that shall be made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewView {
    object: String,
    name: String,
    rule: Option<Json>,
    sort: Option<String>,
    columns: Option<Vec<String>>,
    layout: Option<Layout>,
    shared: Option<bool>,
}

/// What shall change of a view.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    name: Option<String>,
    #[serde(default, deserialize_with = "also_null")]
    rule: Option<Json>,
    sort: Option<String>,
    columns: Option<Vec<String>>,
    layout: Option<Layout>,
    shared: Option<bool>,
}

/// Null takes the rule away; nothing leaves it as it is.
fn also_null<'de, D: Deserializer<'de>>(given: D) -> std::result::Result<Option<Json>, D::Error> {
    Json::deserialize(given).map(Some)
}

/// A view as it is stored.
#[derive(Debug, Clone, Deserialize)]
struct View {
    id: Id,
    object: String,
    name: String,
    rule: Stored<Json>,
    sort: String,
    columns: Stored<Vec<String>>,
    layout: Layout,
    shared: bool,
    owner_id: Option<Id>,
    version: i64,
    created_at: Time,
    updated_at: Time,
}

pub(crate) fn migration() -> Migration {
    let views = Table::of_tenant(
        "views",
        vec![
            text("object").required(),
            text("name").required(),
            json("rule").required(),
            text("sort").required(),
            json("columns").required(),
            text("layout").required(),
            kith_store::bool("shared").required(),
            id("owner_id").references("anchors"),
            integer("version").required(),
            time("created_at").required(),
            time("updated_at").required(),
        ],
    )
    .index(&["owner_id", "id"]);
    Migration { name: "2026-11-21-views", steps: vec![Step::Create(views)] }
}

/// Views that a caller sees: their own and shared ones.
fn seen(ctx: &Ctx) -> Condition {
    let shared = equals("shared", true);
    match ctx.actor.member {
        Some(member) => Condition::Any(vec![shared, equals("owner_id", member)]),
        None => shared,
    }
}

async fn found(ctx: &Ctx, db: &Read, id: Id) -> Result<View> {
    let view = db.first(Select::from("views").whose("id", id).only(seen(ctx))).await?;
    view.ok_or_else(|| not_found("view"))
}

impl View {
    fn ask(&self) -> Result<Ask> {
        let sort = Some(self.sort.as_str()).filter(|sort| !sort.is_empty());
        let fields = Some(self.columns.0.clone()).filter(|columns| !columns.is_empty());
        Ok(Ask {
            rule: Rule::parse(&self.rule.0)?,
            sort: ask::sort(sort)?,
            fields,
            ..Ask::default()
        })
    }

    fn shown(&self) -> Json {
        json!({
            "id": self.id, "object": self.object, "name": self.name, "rule": self.rule.0, "sort": self.sort,
            "columns": self.columns.0, "layout": self.layout.name(), "shared": self.shared,
            "ownerId": self.owner_id, "version": self.version, "createdAt": self.created_at, "updatedAt": self.updated_at,
        })
    }

    fn cells(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("name", self.name.as_str().into()),
            ("rule", Value::from(&self.rule.0)),
            ("sort", self.sort.as_str().into()),
            ("columns", Value::from(&Json::from(self.columns.0.clone()))),
            ("layout", self.layout.name().into()),
            ("shared", self.shared.into()),
            ("updated_at", self.updated_at.into()),
        ]
    }

    /// Only its maker changes a view, and an admin a shared one.
    fn may_change(&self, ctx: &Ctx) -> Result<()> {
        let own = self.owner_id.is_some() && self.owner_id == ctx.actor.member;
        if own || ctx.actor.role >= Role::Admin {
            return Ok(());
        }
        Err(kith_kernel::forbidden("A shared view is changed by who made it, or by an admin."))
    }
}

fn name(given: &str) -> Result<String> {
    let name = given.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if fits && !name.contains(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(invalid("name", format!("must be a line of 1 to {LONGEST_NAME} characters")))
}

/// A rule in our form.
fn rule(given: Option<&Json>) -> Result<Json> {
    let rule = given.filter(|rule| !rule.is_null()).map(Rule::parse).transpose()?;
    Ok(rule.unwrap_or_else(Rule::always).to_json())
}

impl Records {
    async fn make_view(&self, ctx: &Ctx, db: &Write, given: NewView) -> Result<View> {
        let object = self.object_given(db, "object", &given.object).await?;
        let mine = Select::from("views").whose("owner_id", ctx.actor.member);
        if db.count(mine).await? >= MOST_VIEWS {
            return Err(invalid("name", format!("would be that of more than {MOST_VIEWS} views")));
        }
        let view = View {
            id: ctx.new_id(),
            object: object.name.to_owned(),
            name: name(&given.name)?,
            rule: Stored(rule(given.rule.as_ref())?),
            sort: given.sort.unwrap_or_default(),
            columns: Stored(given.columns.unwrap_or_default()),
            layout: given.layout.unwrap_or(Layout::List),
            shared: given.shared.unwrap_or_default(),
            owner_id: ctx.actor.member,
            version: 1,
            created_at: ctx.now(),
            updated_at: ctx.now(),
        };
        self.try_view(ctx, db, &view).await?;
        let mut row = vec![
            ("id", view.id.into()),
            ("object", view.object.as_str().into()),
            ("owner_id", view.owner_id.into()),
            ("version", view.version.into()),
            ("created_at", view.created_at.into()),
        ];
        row.extend(view.cells());
        db.insert(Insert::row("views", row)).await?;
        tell(ctx, db, ("created", view.id), &json!({ "after": view.shown() }))?;
        Ok(view)
    }

    async fn change_view(
        &self,
        ctx: &Ctx,
        db: &Write,
        (id, given, expected): (Id, Changes, Option<i64>),
    ) -> Result<View> {
        let before = found(ctx, db, id).await?;
        before.may_change(ctx)?;
        if expected.is_some_and(|version| version != before.version) {
            let why = format!("The view is at version {}: read it again.", before.version);
            return Err(Error::new(ErrorKind::Stale, "stale", why));
        }
        let mut view = before.clone();
        if let Some(given) = &given.name {
            view.name = name(given)?;
        }
        if given.rule.is_some() {
            view.rule = Stored(rule(given.rule.as_ref())?);
        }
        view.sort = given.sort.unwrap_or(view.sort);
        view.columns = given.columns.map_or(view.columns, Stored);
        view.layout = given.layout.unwrap_or(view.layout);
        view.shared = given.shared.unwrap_or(view.shared);
        (view.updated_at, view.version) = (ctx.now(), before.version + 1);
        self.try_view(ctx, db, &view).await?;
        let update = Update::table("views").whose("id", id).whose("version", before.version);
        let update =
            view.cells().into_iter().fold(update, |all, (column, value)| all.set(column, value));
        if db.update(update.plus("version", 1)).await? == 0 {
            let why = "Others changed this view at the same time. Read it again.";
            return Err(Error::new(ErrorKind::Conflict, "contended", why));
        }
        let told = json!({ "before": before.shown(), "after": view.shown() });
        tell(ctx, db, ("updated", id), &told)?;
        Ok(view)
    }

    /// The rule, the order and the columns must be those of a list that can be asked for.
    async fn try_view(&self, ctx: &Ctx, db: &Read, view: &View) -> Result<()> {
        if view.columns.0.len() > MOST_COLUMNS {
            return Err(invalid("columns", format!("are more than {MOST_COLUMNS}")));
        }
        let object = self.shape_named(&view.object)?.object;
        let ask = Ask { limit: 1, ..view.ask()? };
        self.list(ctx, db, object, &ask).await.map(drop)
    }
}

async fn delete_view(ctx: &Ctx, db: &Write, id: Id) -> Result<()> {
    let view = found(ctx, db, id).await?;
    view.may_change(ctx)?;
    db.delete(Delete::from("views").whose("id", id)).await?;
    tell(ctx, db, ("deleted", id), &json!({ "before": view.shown() }))
}

fn tell(ctx: &Ctx, db: &Write, (what, view): (&str, Id), changes: &Json) -> Result<()> {
    let event = Event {
        name: format!("view.{what}"),
        object: "view",
        record: Some(view),
        changes: Some(changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}
