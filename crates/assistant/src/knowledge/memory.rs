//! The indexes of tenants in memory: made when first asked for, kept up with changes, gone when room is needed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use kith_kernel::{Id, Result, Time};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Select};
use serde::Deserialize;

use super::{
    index::{Entry, Index, Known},
    stored::{self, Standing, State},
};

/// Chunks that are read at once.
const AT_ONCE: u64 = 500;
/// Documents that are read at once.
const DOCUMENTS_AT_ONCE: u64 = 500;

/// One tenant's index.
#[derive(Default)]
pub(crate) struct Held {
    /// Who brings it up to date.
    refreshing: tokio::sync::Mutex<()>,
    index: RwLock<Index>,
    used: AtomicU64,
    bytes: AtomicUsize,
}

impl Held {
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All indexes.
pub(crate) struct Memory {
    all: Mutex<HashMap<Id, Arc<Held>>>,
    clock: AtomicU64,
    most: usize,
    /// Whether vectors are searched here.
    with_vectors: bool,
}

#[derive(Deserialize)]
struct Document {
    id: Id,
    r#type: String,
    enabled: Option<bool>,
    created_at: Time,
}

/// Whose chunks are to be read, and under which run.
type Changed = HashMap<Id, (Id, u32)>;

impl Memory {
    pub(super) fn new(most: usize, with_vectors: bool) -> Self {
        Self { all: Mutex::default(), clock: AtomicU64::new(0), most, with_vectors }
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Id, Arc<Held>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of the actor's tenant, as its documents are now.
    pub(crate) async fn of(&self, ctx: &Ctx) -> Result<(Arc<Held>, Standing)> {
        let held = Arc::clone(self.lock().entry(ctx.actor.tenant).or_default());
        held.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let standing = ctx.read(async |db| stored::standing(db).await).await?;
        if held.index().version >= standing.version {
            return Ok((held, standing));
        }
        let refreshing = held.refreshing.lock().await;
        let standing = ctx.read(async |db| stored::standing(db).await).await?;
        refresh(ctx, (&held, &standing), self.with_vectors).await?;
        drop(refreshing);
        held.bytes.store(held.index().bytes(), Ordering::Relaxed);
        self.make_room(ctx.actor.tenant);
        Ok((held, standing))
    }

    /// Those that nobody asked for longest go, until the rest is within bounds.
    fn make_room(&self, but: Id) {
        let mut all = self.lock();
        let mut sum: usize = all.values().map(|held| held.bytes.load(Ordering::Relaxed)).sum();
        while sum > self.most {
            let others = all.iter().filter(|(tenant, _)| **tenant != but);
            let oldest = others.min_by_key(|(_, held)| held.used.load(Ordering::Relaxed));
            let Some((tenant, held)) = oldest else { return };
            sum = sum.saturating_sub(held.bytes.load(Ordering::Relaxed));
            let tenant = *tenant;
            all.remove(&tenant);
        }
    }
}

async fn refresh(
    ctx: &Ctx,
    (held, standing): (&Held, &Standing),
    with_vectors: bool,
) -> Result<()> {
    let (known, is_same) = {
        let index = held.index();
        (index.version, standing.model.as_deref().unwrap_or_default() == index.model)
    };
    if known >= standing.version {
        return Ok(());
    }
    // Vectors of another model are of another space.
    let from = if is_same && !held.index().is_worn() { known } else { 0 };
    let mut next = (from == 0).then(Index::default);
    if let Some(next) = &mut next {
        next.model = standing.model.clone().unwrap_or_default();
    }
    // A new one is made beside the old one, so that nobody waits for it who need not.
    let fresh = next.map(|index| Held { index: RwLock::new(index), ..Held::default() });
    let target = fresh.as_ref().unwrap_or(held);
    let mut behind = Id::NIL;
    loop {
        let states = changed(ctx, (from, behind)).await?;
        let Some(last) = states.last() else { break };
        behind = last.id;
        let changed = documents(ctx, target, &states).await?;
        if !changed.is_empty() {
            let model = standing.model.as_deref().filter(|_| with_vectors);
            chunks(ctx, target, (&changed, from == 0, model)).await?;
        }
    }
    if let Some(fresh) = fresh {
        let made = fresh.index.into_inner().unwrap_or_else(PoisonError::into_inner);
        held.change(|index| *index = made);
    }
    held.change(|index| index.version = standing.version);
    Ok(())
}

/// The next documents that changed behind a number.
async fn changed(ctx: &Ctx, (from, behind): (i64, Id)) -> Result<Vec<State>> {
    let newer = Condition::Compare("version", Comparison::Greater, from.into());
    let next = Condition::Compare("id", Comparison::Greater, behind.into());
    let select = Select::from("document_states").only(newer).only(next).by("id", false);
    ctx.read(async |db| db.all(select.at_most(DOCUMENTS_AT_ONCE)).await).await
}

/// Takes documents in without their chunks; says which have some.
async fn documents(ctx: &Ctx, held: &Held, states: &[State]) -> Result<Changed> {
    let ids: Vec<Id> = states.iter().map(|state| state.id).collect();
    let select =
        Select::from("documents").whose_each("id", ids).only(Condition::Null("deleted_at"));
    let rows: Vec<Document> = ctx.read(async |db| db.all(select).await).await?;
    let mut there: HashMap<Id, Document> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(held.change(|index| {
        let mut changed = Changed::new();
        for state in states {
            index.remove(state.id);
            let (Some(row), Some(live)) = (there.remove(&state.id), state.live_id) else {
                continue;
            };
            let enabled = row.enabled.unwrap_or(true);
            let known = Known {
                id: row.id,
                run: live,
                kind: row.r#type,
                enabled,
                created_at: row.created_at,
            };
            let place = index.begin(known);
            changed.insert(row.id, (live, place));
        }
        changed
    }))
}

/// Takes the chunks of documents in: one after the other, or all that there are where most are wanted.
async fn chunks(
    ctx: &Ctx,
    held: &Held,
    (changed, all, model): (&Changed, bool, Option<&str>),
) -> Result<()> {
    let each: Vec<Option<(Id, Id)>> = if all && changed.len() > 8 {
        vec![None]
    } else {
        changed.iter().map(|(document, (run, _))| Some((*document, *run))).collect()
    };
    for one in each {
        let mut behind = Some(Id::NIL);
        while let Some(from) = behind {
            let mut select = Select::from("document_chunks")
                .show(&[
                    "id",
                    "document_id",
                    "run_id",
                    "position",
                    "heading",
                    "text",
                    "model",
                    "vector",
                ])
                .only(Condition::Compare("id", Comparison::Greater, from.into()));
            if let Some((document, run)) = one {
                select = select.whose("document_id", document).whose("run_id", run);
            }
            let select = select.by("id", false).at_most(AT_ONCE);
            behind = some_chunks(ctx, held, (&select, changed, model)).await?;
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Takes some chunks in; says which was the last where there may be more.
async fn some_chunks(
    ctx: &Ctx,
    held: &Held,
    (select, changed, model): (&Select, &Changed, Option<&str>),
) -> Result<Option<Id>> {
    let (mut last, mut count) = (None, 0);
    ctx.read(async |db| {
        db.each(select, |row| {
            count += 1;
            last = row.id(0)?;
            let (document, run) = (row.id(1)?.unwrap_or_default(), row.id(2)?);
            let known = changed.get(&document).filter(|(live, _)| Some(*live) == run);
            let Some((_, place)) = known else { return Ok(()) };
            let is_own = row.text(6)?.is_some_and(|by| model.is_some_and(|model| *by == *model));
            let vector = row.bytes(7)?.map(<[u8]>::to_vec).filter(|_| is_own);
            let heading = row.text(4)?.unwrap_or_default();
            let text = format!("{heading}\n{}", row.text(5)?.unwrap_or_default());
            let entry = Entry {
                id: last.unwrap_or_default(),
                is_first: row.integer(3)? == Some(0),
                vector: vector.as_deref(),
                text: &text,
            };
            held.change(|index| index.add(*place, &entry));
            Ok(())
        })
        .await
    })
    .await?;
    Ok(last.filter(|_| count == AT_ONCE))
}
