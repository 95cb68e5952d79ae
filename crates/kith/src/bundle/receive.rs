//! A tenant made of a bundle: new ids, members by their e-mail addresses, events sealed anew.

use std::collections::BTreeSet;

use kith_identity::Opening;
use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Zone, too_large};
use kith_platform::{Ctx, crash, events};
use kith_store::{Catalog, TableShape, Value, Whole, read_rows};

use super::{Bundles, rewrite::Rewriting, sweep, watch::Watch};
use crate::{
    archive::{Beginning, FileBeginning, Kind, Part, Reader, Source, Whose, damaged},
    arrivals::Phase,
    bars,
    copying::{self, Copied, FilesGo, Furnished},
    tables,
};

type Row = Vec<Value>;

/// Rows of the table of unsealed events that are added at once.
const AT_ONCE: usize = 500;
/// Rows that are added before others may write.
const GENTLY: usize = 50;
/// More rows than this are not taken from somebody who sends them: while they are read, all their ids are in memory.
const MOST_SENT: u64 = 3_000_000;
/// The longest name of a tenant, in letters.
const LONGEST_NAME: usize = 200;

/// A bundle, and what is to become of it.
pub(crate) struct Taking<'a> {
    pub(crate) source: Source<'a>,
    /// What the tenant is called; without it as the bundle says.
    pub(crate) name: Option<&'a str>,
    pub(crate) whom: Whom,
    pub(crate) watch: Watch,
}

/// Who may enter the tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom {
    /// All members who are users here.
    Users,
    /// Whoever brings it, as its owner; the other members are there by name.
    Owner(Id),
    /// Whoever brings it, as its owner, and all members who are users here.
    OwnerAndUsers(Id),
}

/// What came of a bundle.
pub(crate) struct Received {
    pub(crate) slug: String,
    pub(crate) rows: u64,
    /// Members who are users here, and can enter.
    pub(crate) joined: usize,
    /// Members who are there by name.
    pub(crate) named: usize,
    pub(crate) furnished: Furnished,
    pub(crate) copied: Copied,
}

/// What the first reading of a bundle found out.
struct Plan {
    rewriting: Rewriting,
    /// E-mail addresses of members who are users somewhere, with both ids.
    members: BTreeSet<(String, Id, Id)>,
    all_members: usize,
    rows: u64,
    /// Of them those that stand for a record each.
    records: u64,
}

/// Makes a tenant of a bundle; nobody sees it before it is whole, and nothing is left of it where that fails.
///
/// # Errors
/// `Malformed` for a file that is damaged or none of ours, `Conflict` for one of a newer Kith.
pub(crate) async fn receive(bundles: &Bundles, taking: &Taking<'_>) -> Result<Received> {
    let reader = Reader::open(Kind::Bundle, taking.source)?;
    let head = reader.head.clone();
    copying::migrations_of(&head.migrations)?;
    let whose = head.tenant.clone().ok_or_else(damaged)?;
    Zone::named(&whose.timezone).ok_or_else(damaged)?;
    let goes = Catalog::of(&tables::migrations()).of_one_tenant();
    let salt = bundles.app.ids.next();
    // Everything is read once before anything is written.
    let reading = taking.watch.enters(Phase::Reading).await?;
    let most = if matches!(taking.source, Source::Sent(..)) { MOST_SENT } else { u64::MAX };
    let plan = plan(reader, &goes, (salt, whose.id, most)).await?;
    drop(reading);
    let tenant = bundles.app.ids.next();
    taking.watch.expects(tenant, plan.rows).await?;
    let made = make(bundles, taking, (plan, &whose, tenant)).await;
    if let Err(error) = &made
        && !super::is_stopping(error)
        && let Err(error) = sweep::clear(bundles, tenant).await
    {
        tracing::warn!(?error, %tenant, "what came of a bundle is not all removed; it is tried again");
    }
    made
}

async fn make(
    bundles: &Bundles,
    taking: &Taking<'_>,
    (mut plan, whose, tenant): (Plan, &Whose, Id),
) -> Result<Received> {
    let zone = Zone::named(&whose.timezone).ok_or_else(damaged)?;
    let shortened: String = whose.name.chars().take(LONGEST_NAME).collect();
    let name = taking.name.unwrap_or(&shortened);
    let (ctx, made) = bundles.identity.expect_tenant(tenant, (name, whose.currency, zone)).await?;
    crash::point("bundle.expected");
    let joining = plan.join(bundles, (whose, tenant), taking.whom).await?;
    let copied = {
        let _writing = taking.watch.enters(Phase::Writing).await?;
        fill((bundles, &ctx), taking, &plan).await?
    };
    crash::point("bundle.filled");
    bundles.app.wake.committed();
    let indexed = index((bundles, &ctx), &taking.watch, plan.records).await?;
    let _sealing = taking.watch.enters(Phase::Sealing).await?;
    let joined = joining.len();
    let owner = match taking.whom {
        Whom::Users => None,
        Whom::Owner(user) | Whom::OwnerAndUsers(user) => Some(user),
    };
    let opening = Opening { joining, owner };
    bundles.identity.open_received(&ctx, &opening, plan.rows).await?;
    crash::point("bundle.opened");
    kith_records::arm_retention(&ctx).await?;
    events::seal_all(&bundles.app).await?;
    let furnished = Furnished { indexed, events: events::verify(&ctx).await?.sealed };
    let named = plan.all_members - joined;
    Ok(Received { slug: made.slug, rows: plan.rows, joined, named, furnished, copied })
}

/// Makes records findable, of which there are so many at most; says how many that were.
async fn index((bundles, ctx): (&Bundles, &Ctx), watch: &Watch, all: u64) -> Result<u64> {
    let _indexing = watch.enters(Phase::Indexing).await?;
    let bar = watch.bar("3 of 4: making findable", all);
    let counted = async |rows| {
        bar.inc(rows);
        watch.reached(Phase::Indexing, (bar.position(), all)).await
    };
    let indexed = bundles.records.reindex(ctx, counted).await?;
    bar.finish_and_clear();
    Ok(indexed)
}

/// Every page of rows of a bundle, as this program knows their tables.
async fn each_page(
    reader: &mut Reader,
    goes: &Catalog,
    each: &mut dyn FnMut(&TableShape, &[Row]) -> Result<()>,
) -> Result<()> {
    let mut table: Option<TableShape> = None;
    loop {
        match reader.next()? {
            Part::Table(beginning) => {
                let known = goes.table(&beginning.table);
                let shape = known.and_then(|table| table.only(&beginning.columns));
                table = Some(shape.ok_or_else(|| copying::other_tables(&beginning.table))?);
            }
            Part::Rows(bytes) => {
                let table = table.as_ref().ok_or_else(damaged)?;
                let mut bytes = &bytes[..];
                while !bytes.is_empty() {
                    each(table, &read_rows(&mut bytes, table)?)?;
                }
            }
            Part::TableEnd(_) => table = None,
            Part::File(file) => Copied::default().take(reader, file, FilesGo::Nowhere).await?,
            Part::Bytes(_) | Part::FileEnd(_) => return Err(damaged()),
            Part::End => return Ok(()),
        }
    }
}

async fn plan(
    mut reader: Reader,
    goes: &Catalog,
    (salt, from, most): (Id, Id, u64),
) -> Result<Plan> {
    let mut rewriting = Rewriting::new(salt, (from, from));
    let (mut members, mut all_members, mut sum) = (BTreeSet::new(), 0, 0);
    let mut records = 0;
    let mut learn = |table: &TableShape, rows: &[Row]| {
        for row in rows {
            rewriting.learn(table, row);
            let cell = |name| table.place(name).and_then(|at| row.get(at));
            if !matches!(cell("tenant_id"), Some(Value::Id(id)) if *id == from) {
                return Err(damaged());
            }
            if table.name() == "members" {
                all_members += 1;
                if let (Some(Value::Text(email)), Some(Value::Id(user)), Some(Value::Id(member))) =
                    (cell("email"), cell("user_id"), cell("id"))
                {
                    members.insert((email.clone(), *user, *member));
                }
            }
        }
        sum += rows.len() as u64;
        if table.name() == "anchors" {
            records += rows.len() as u64;
        }
        if sum > most {
            let why = format!("It has more than {most} rows. Use kith tenant import.");
            return Err(too_large(why));
        }
        Ok(())
    };
    each_page(&mut reader, goes, &mut learn).await?;
    Ok(Plan { rewriting, members, all_members, rows: sum, records })
}

impl Plan {
    /// Finds out who of the members is a user here; says which users become which members.
    async fn join(
        &mut self,
        bundles: &Bundles,
        (from, to): (&Whose, Id),
        whom: Whom,
    ) -> Result<Vec<(Id, Id)>> {
        self.rewriting.match_user(from.id, to);
        let may = |user| match whom {
            Whom::Users | Whom::OwnerAndUsers(_) => true,
            Whom::Owner(owner) => user == owner,
        };
        let mut joining = Vec::new();
        for (email, user, member) in &self.members {
            if let Some(ours) = bundles.identity.user_of(email).await?.filter(|user| may(*user)) {
                self.rewriting.match_user(*user, ours);
                joining.push((ours, self.rewriting.id(*member)));
            }
        }
        Ok(joining)
    }
}

async fn fill(
    (bundles, ctx): (&Bundles, &Ctx),
    taking: &Taking<'_>,
    plan: &Plan,
) -> Result<Copied> {
    let mut reader = Reader::open(Kind::Bundle, taking.source)?;
    let rewriting = &plan.rewriting;
    let mut filling = Filling::begin(bundles, taking, plan).await?;
    loop {
        match reader.next()? {
            Part::Table(beginning) => filling.begin_table(&beginning),
            Part::Rows(bytes) => filling.add(&bytes).await?,
            Part::TableEnd(_) => filling.table = None,
            // Files come behind all rows.
            Part::File(file) => {
                filling.end(ctx.actor.tenant).await?;
                let named = |file: FileBeginning| FileBeginning {
                    tenant: ctx.actor.tenant,
                    file: rewriting.id(file.file),
                };
                let go = FilesGo::To(&bundles.storage, &named);
                filling.copied.take(&mut reader, file, go).await?;
            }
            Part::Bytes(_) | Part::FileEnd(_) => return Err(damaged()),
            Part::End => break,
        }
    }
    filling.end(ctx.actor.tenant).await?;
    Ok(filling.copied)
}

/// Rows on their way into a tenant.
struct Filling<'a> {
    taking: &'a Taking<'a>,
    plan: &'a Plan,
    catalog: Catalog,
    goes: Catalog,
    /// Until all rows are there.
    whole: Option<Whole>,
    table: Option<TableShape>,
    unsealed: Vec<Value>,
    done: u64,
    bar: indicatif::ProgressBar,
    copied: Copied,
}

impl<'a> Filling<'a> {
    async fn begin(bundles: &Bundles, taking: &'a Taking<'a>, plan: &'a Plan) -> Result<Self> {
        let catalog = Catalog::of(&tables::migrations());
        Ok(Self {
            taking,
            plan,
            goes: catalog.of_one_tenant(),
            catalog,
            whole: Some(bundles.app.db.fill_all().await?),
            table: None,
            unsealed: Vec::new(),
            done: 0,
            bar: taking.watch.bar("2 of 4: importing", plan.rows),
            copied: Copied::default(),
        })
    }

    fn begin_table(&mut self, beginning: &Beginning) {
        let known = self.goes.table(&beginning.table);
        self.table = known.and_then(|table| table.only(&beginning.columns));
    }

    async fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        let (Some(table), Some(whole)) = (&self.table, &self.whole) else { return Err(damaged()) };
        while !bytes.is_empty() {
            let mut rows = read_rows(&mut bytes, table)?;
            for row in &mut rows {
                self.plan.rewriting.row(table, row);
            }
            if let ("events", Some(at)) = (table.name(), table.place("id")) {
                self.unsealed.extend(rows.iter().map(|row| row[at].clone()));
            }
            self.done += rows.len() as u64;
            put(whole, (table, &rows), (&self.taking.watch, self.done, self.plan.rows)).await?;
            self.bar.inc(rows.len() as u64);
        }
        Ok(())
    }

    /// No more rows come.
    async fn end(&mut self, tenant: Id) -> Result<()> {
        let Some(whole) = self.whole.take() else { return Ok(()) };
        // Events are sealed where they are now: their ids are others, and their digests with them.
        let waiting = self.catalog.table("unsealed_events").ok_or_else(damaged)?;
        for some in self.unsealed.chunks(AT_ONCE) {
            let rows = some.iter().map(|event| vec![Value::Id(tenant), event.clone()]);
            let rows: Vec<Row> = rows.collect();
            put(&whole, (waiting, &rows), (&self.taking.watch, self.done, self.plan.rows)).await?;
        }
        self.bar.finish_and_clear();
        let _committing =
            (!self.taking.watch.is_gentle()).then(|| bars::wait("2 of 4: committing"));
        whole.commit().await
    }
}

/// What the database said of rows that came in a bundle.
fn not_whole(error: Error) -> Error {
    if error.code() != "rows_refused" {
        return error;
    }
    let why = format!("The bundle is not whole. {}", error.message());
    Error::new(ErrorKind::Malformed, "damaged", why).caused_by(error)
}

/// Adds rows; where a server is at work, in steps between which others write.
async fn put(
    whole: &Whole,
    (table, rows): (&TableShape, &[Row]),
    (watch, done, all): (&Watch, u64, u64),
) -> Result<()> {
    if !watch.is_gentle() {
        return whole.add(table, rows).await.map_err(not_whole);
    }
    let mut left = rows.len();
    for some in rows.chunks(GENTLY) {
        whole.add(table, some).await.map_err(not_whole)?;
        crash::point("bundle.rows");
        left -= some.len();
        let told = async || match left {
            0 => watch.reached(Phase::Writing, (done, all)).await,
            _ => watch.stop_if_asked(),
        };
        whole.give_way(told).await?;
    }
    Ok(())
}
