//! Lists as of an instant: rows that are as they were, read as ever, and beside them those that changed since, taken
//! back to what they were and put in their places.

use std::cmp::Ordering;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, Time};
use kith_platform::Ctx;
use kith_store::{Read, Value};

use super::{Listing, Page, page};
use crate::{
    Records,
    ask::wrong,
    cursor::{Cursor, Key},
    encode::{self, Line},
    past::{self, Cells, Was},
    retention,
};

/// So many records that changed since are looked up together.
const TOGETHER: usize = 200;
/// So many are taken back for one page; lists in the order of ids then go on from a cursor.
const MOST_REWOUND: usize = 20_000;
/// No list goes back behind more records than this that changed.
const MOST_CHANGED: u64 = 200_000;

/// Records that changed since, as they were.
struct Rewound {
    lines: Vec<Line>,
    /// How many fit, on this page or another.
    fitting: i64,
    /// The last that was looked at, where others are left.
    edge: Option<Id>,
}

impl Records {
    pub(super) async fn list_as_of(
        &self,
        ctx: &Ctx,
        db: &Read,
        mut listing: Listing<'_>,
        text: &str,
    ) -> Result<Page> {
        refuse(&listing)?;
        let at = past::instant(ctx, "asOf", text)?;
        retention::refuse_list_before(db, at).await?;
        past::refuse_before_the_beginning(db, at).await?;
        let cursor = listing.ask.cursor.as_deref();
        let cursor = cursor.map(|text| Cursor::read(text, listing.question)).transpose()?;
        let rewound = self.rewound_lines(ctx, db, &listing, (at, cursor.as_ref())).await?;
        listing.driven = None;
        listing.conditions.push(past::is_as_it_was(listing.shape.object, at));
        let mut lines = listing.in_order(db, cursor.as_ref()).await?;
        let wanted = listing.encoder.wanted.as_deref();
        self.complete(db, listing.shape, &[], &mut lines, wanted).await?;
        let total =
            if listing.ask.count { Some(listing.count(db).await? + rewound.fitting) } else { None };
        let (lines, next) = listing.merged(lines, rewound);
        Ok(page(&lines, next, total))
    }

    async fn rewound_lines(
        &self,
        ctx: &Ctx,
        db: &Read,
        listing: &Listing<'_>,
        (at, cursor): (Time, Option<&Cursor>),
    ) -> Result<Rewound> {
        let by_id = listing.sort.first().is_none_or(|key| key.column == "id");
        let descending = listing.newest_first();
        let of = (at, descending, MOST_CHANGED);
        let mut ids = past::changed_since(db, listing.shape.object, of).await?;
        let needs_all = !by_id || listing.ask.count;
        if ids.len() as u64 > MOST_CHANGED || (needs_all && ids.len() > MOST_REWOUND) {
            return Err(too_much(by_id, ids.len()));
        }
        let start = cursor.map(place);
        if let (Some(cursor), true) = (cursor, by_id && !needs_all) {
            ids.retain(|id| if descending { *id < cursor.id } else { *id > cursor.id });
        }
        let limit = usize::try_from(listing.ask.limit).unwrap_or(usize::MAX);
        let mut found = Rewound { lines: Vec::new(), fitting: 0, edge: None };
        for (number, some) in ids.chunks(TOGETHER).enumerate() {
            let custom = listing.encoder.custom;
            for was in self.were(ctx, db, (listing.shape, custom), (some, at)).await? {
                let Some(line) = listing.rewound(&was) else { continue };
                found.fitting += 1;
                if start.as_ref().is_none_or(|start| listing.order(start, &line).is_lt()) {
                    found.lines.push(line);
                }
            }
            found.lines.sort_by(|one, other| listing.order(one, other));
            found.lines.truncate(limit + 1);
            let looked_at = (number + 1) * TOGETHER;
            let enough = by_id && !needs_all && found.lines.len() > limit;
            if enough {
                break;
            }
            if looked_at >= MOST_REWOUND && looked_at < ids.len() {
                found.edge = some.last().copied();
                break;
            }
        }
        Ok(found)
    }
}

/// What would show the present, or what is found by it.
fn refuse(listing: &Listing<'_>) -> Result<()> {
    let ask = listing.ask;
    if ask.search.is_some() {
        return Err(wrong("search", "finds records as they are, and goes without asOf"));
    }
    if !ask.include.is_empty() {
        return Err(wrong("include", "shows records as they are, and goes without asOf"));
    }
    if ask.deleted {
        return Err(wrong("deleted", "goes without asOf"));
    }
    if ask.offset > 0 {
        return Err(wrong("page", "goes without asOf; use cursor"));
    }
    Ok(())
}

fn too_much(by_id: bool, changed: usize) -> Error {
    let why = if by_id {
        format!(
            "asOf goes back behind changes of {changed} records, more than can be counted or shown here"
        )
    } else {
        format!(
            "asOf goes back behind changes of {changed} records, more than can be put in this order: sort by createdAt, or ask for a later instant"
        )
    };
    Error::new(ErrorKind::Invalid, "too_much_changed", why)
        .and("asOf", "lies behind too many changes")
}

/// A cursor as the line that it stands behind.
fn place(cursor: &Cursor) -> Line {
    Line { id: cursor.id, json: Vec::new(), keys: cursor.keys.clone(), links: Vec::new() }
}

fn compare(one: &Key, other: &Key) -> Ordering {
    let (one, other) = (Value::from(one.clone()), Value::from(other.clone()));
    past::compare(&one, &other).unwrap_or(Ordering::Equal)
}

impl Listing<'_> {
    /// A record as it was, when it fits.
    fn rewound(&self, was: &Was) -> Option<Line> {
        let cells = Cells::new(self.shape, self.encoder.custom, was, self.reading);
        if !self.conditions.iter().all(|condition| past::holds(condition, &cells) == Some(true)) {
            return None;
        }
        let keys = self.sort.iter().map(|key| match key.custom {
            Some(field) => {
                let value = was.custom.get(&field.id.to_string())?;
                Key::of(field.compared(value, self.reading))
            }
            None => Key::of(cells.get(key.column).clone()),
        });
        let keys = keys.collect();
        let custom = self.encoder.custom;
        let answer = encode::answer(self.shape, was.id, &was.record, (custom, &was.custom));
        let answer = past::chosen(answer, self.encoder.wanted.as_deref());
        let mut json = serde_json::to_vec(&answer).ok()?;
        json.pop();
        Some(Line { id: was.id, json, keys, links: Vec::new() })
    }

    /// How two lines stand to one another in the order that was asked for.
    fn order(&self, one: &Line, other: &Line) -> Ordering {
        let turned = |order: Ordering, descending| if descending { order.reverse() } else { order };
        for (at, key) in self.sort.iter().enumerate() {
            if key.column == "id" {
                break;
            }
            let of = |line: &Line| line.keys.get(at).cloned().flatten();
            let order = match (of(one), of(other)) {
                (Some(one), Some(other)) => turned(compare(&one, &other), key.descending),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            if order.is_ne() {
                return order;
            }
        }
        turned(one.id.cmp(&other.id), self.newest_first())
    }

    /// One page of both, and where it goes on.
    fn merged(&self, mut lines: Vec<Line>, rewound: Rewound) -> (Vec<Line>, Option<String>) {
        lines.extend(rewound.lines);
        lines.sort_by(|one, other| self.order(one, other));
        let edge = rewound.edge.map(|id| Line {
            id,
            json: Vec::new(),
            keys: vec![None; self.sort.len()],
            links: Vec::new(),
        });
        if let Some(edge) = &edge {
            lines.retain(|line| self.order(line, edge).is_le());
        }
        let limit = usize::try_from(self.ask.limit).unwrap_or(usize::MAX);
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = if more { lines.last() } else { edge.as_ref() };
        let next = next.map(|last| self.behind_line(last));
        (lines, next)
    }
}
