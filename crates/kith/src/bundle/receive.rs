//! A tenant made of a bundle: new ids, members by their e-mail addresses, events sealed anew.

use std::{collections::BTreeSet, path::Path};

use kith_kernel::{Id, Result, Zone};
use kith_platform::{Ctx, events};
use kith_store::{Catalog, TableShape, Value, Whole, read_row};

use super::rewrite::Rewriting;
use crate::{
    archive::{FileBeginning, Kind, Part, Reader, Whose, damaged},
    bars,
    copying::{self, Copied, FilesGo, Furnished},
    wire::{self, House},
};

type Row = Vec<Value>;

/// Rows of the table of unsealed events that are added at once.
const AT_ONCE: usize = 500;

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
}

/// Makes a tenant of a bundle; nobody sees it before it is whole.
///
/// # Errors
/// `Malformed` for a file that is damaged or none of ours, `Conflict` for one of a newer Kith.
pub(crate) async fn receive(house: &House, path: &Path, name: Option<&str>) -> Result<Received> {
    let reader = Reader::open(Kind::Bundle, path)?;
    let head = reader.head.clone();
    copying::migrations_of(&head.migrations)?;
    let whose = head.tenant.clone().ok_or_else(damaged)?;
    let zone = Zone::named(&whose.timezone).ok_or_else(damaged)?;
    let catalog = Catalog::of(&wire::migrations());
    let goes = catalog.of_one_tenant();
    let salt = house.app.ids.next();
    // Everything is read once before anything is written.
    let (mut plan, rows) = plan(reader, &goes, (salt, whose.id)).await?;
    let name = name.unwrap_or(&whose.name);
    let (ctx, tenant) = house.identity.expect_tenant((name, whose.currency, zone)).await?;
    let joining = plan.join(house, (&whose, ctx.actor.tenant)).await?;
    let copied = fill((house, &ctx), (path, &catalog, &goes), (&plan.rewriting, rows)).await?;
    house.app.wake.committed();
    let bar = bars::begin("making records findable", rows);
    let db = house.app.db.clone();
    let tenants = [ctx.actor.tenant];
    let mut furnished =
        copying::furnish((db, &house.app.settings), &tenants, &|rows| bar.inc(rows)).await?;
    bar.finish_and_clear();
    house.identity.open_received(&ctx, &joining, rows).await?;
    events::seal_all(&house.app).await?;
    furnished.events = events::verify(&ctx).await?.sealed;
    let named = plan.all_members - joining.len();
    Ok(Received { slug: tenant.slug, rows, joined: joining.len(), named, furnished, copied })
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
                let (mut bytes, mut rows) = (&bytes[..], Vec::new());
                while !bytes.is_empty() {
                    rows.push(read_row(&mut bytes, table)?);
                }
                each(table, &rows)?;
            }
            Part::TableEnd(_) => table = None,
            Part::File(file) => Copied::default().take(reader, file, FilesGo::Nowhere).await?,
            Part::Bytes(_) | Part::FileEnd(_) => return Err(damaged()),
            Part::End => return Ok(()),
        }
    }
}

async fn plan(mut reader: Reader, goes: &Catalog, (salt, from): (Id, Id)) -> Result<(Plan, u64)> {
    let mut rewriting = Rewriting::new(salt, (from, from));
    let (mut members, mut all_members, mut sum) = (BTreeSet::new(), 0, 0);
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
        Ok(())
    };
    each_page(&mut reader, goes, &mut learn).await?;
    Ok((Plan { rewriting, members, all_members }, sum))
}

impl Plan {
    /// Finds out who of the members is a user here; says which users become which members.
    async fn join(&mut self, house: &House, (from, to): (&Whose, Id)) -> Result<Vec<(Id, Id)>> {
        self.rewriting.match_user(from.id, to);
        let mut joining = Vec::new();
        for (email, user, member) in &self.members {
            if let Some(ours) = house.identity.user_of(email).await? {
                self.rewriting.match_user(*user, ours);
                joining.push((ours, self.rewriting.id(*member)));
            }
        }
        Ok(joining)
    }
}

#[expect(clippy::too_many_lines, reason = "one part of an archive after the other")]
async fn fill(
    (house, ctx): (&House, &Ctx),
    (path, catalog, goes): (&Path, &Catalog, &Catalog),
    (rewriting, rows): (&Rewriting, u64),
) -> Result<Copied> {
    let mut reader = Reader::open(Kind::Bundle, path)?;
    let whole = house.app.db.fill_all().await?;
    let bar = bars::begin("importing", rows);
    let mut table: Option<TableShape> = None;
    let (mut unsealed, mut copied) = (Vec::new(), Copied::default());
    loop {
        match reader.next()? {
            Part::Table(beginning) => {
                table = goes.table(&beginning.table).and_then(|t| t.only(&beginning.columns));
            }
            Part::Rows(bytes) => {
                let table = table.as_ref().ok_or_else(damaged)?;
                let (mut bytes, mut rows) = (&bytes[..], Vec::new());
                while !bytes.is_empty() {
                    let mut row = read_row(&mut bytes, table)?;
                    rewriting.row(table, &mut row);
                    rows.push(row);
                }
                if let ("events", Some(at)) = (table.name(), table.place("id")) {
                    unsealed.extend(rows.iter().map(|row| row[at].clone()));
                }
                whole.add(table, &rows).await?;
                bar.inc(rows.len() as u64);
            }
            Part::TableEnd(_) => table = None,
            Part::File(file) => {
                let named = |file: FileBeginning| FileBeginning {
                    tenant: ctx.actor.tenant,
                    file: rewriting.id(file.file),
                };
                let go = FilesGo::To(&house.storage, &named);
                copied.take(&mut reader, file, go).await?;
            }
            Part::Bytes(_) | Part::FileEnd(_) => return Err(damaged()),
            Part::End => break,
        }
    }
    let waiting = catalog.table("unsealed_events").ok_or_else(damaged)?;
    unseal(&whole, waiting, (ctx.actor.tenant, &unsealed)).await?;
    bar.finish_and_clear();
    whole.commit().await?;
    Ok(copied)
}

/// Events are sealed where they are now: their ids are others, and their digests with them.
async fn unseal(whole: &Whole, table: &TableShape, (tenant, events): (Id, &[Value])) -> Result<()> {
    for some in events.chunks(AT_ONCE) {
        let rows = some.iter().map(|event| vec![Value::Id(tenant), event.clone()]);
        whole.add(table, &rows.collect::<Vec<_>>()).await?;
    }
    Ok(())
}
