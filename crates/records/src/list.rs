//! Lists: filtered, sorted, in pages that go on from a cursor, with the records that links point at.

mod found;
mod keys;
mod past;

use kith_kernel::{Error, Id, Result};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, MAX_CANDIDATES, Read, Row, Select, Value};

use self::keys::{SortKey, is_id, sort_keys};
use crate::{
    Ask, Records,
    ask::wrong,
    catalog::Shape,
    cursor::{Cursor, Key, question},
    custom::{self, CustomField},
    describe::{Kind, Object},
    encode::{Encoder, Line},
    filter::Filter,
    related::{Include, includes},
    values::Reading,
};

/// Everything that one list needs.
struct Listing<'a> {
    shape: &'a Shape,
    encoder: Encoder<'a>,
    sort: Vec<SortKey<'a>>,
    includes: Vec<Include>,
    conditions: Vec<Condition>,
    driven: Option<Driven>,
    question: u64,
    reading: Reading,
    ask: &'a Ask,
}

/// A condition on a custom field whose index leads through the list, and what else must hold.
struct Driven {
    select: Select,
    rest: Vec<Condition>,
}

/// A page of a list, ready to be sent.
pub struct Page {
    /// `{"data": […], "nextCursor": …}`.
    pub json: Vec<u8>,
    /// Where it goes on, when it does.
    pub next: Option<String>,
}

impl Records {
    /// A page of an object's records.
    pub async fn list(&self, ctx: &Ctx, db: &Read, object: &Object, ask: &Ask) -> Result<Page> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let listing = prepare(ctx, &shape, &custom, ask)?;
        if let Some(text) = &ask.as_of {
            return self.list_as_of(ctx, db, listing, text).await;
        }
        self.may_include(ctx, &listing.includes)?;
        let (mut lines, next) = listing.lines(db).await?;
        self.complete(db, &shape, &listing.includes, &mut lines, listing.encoder.wanted.as_deref())
            .await?;
        let total = if ask.count { Some(listing.count(db).await?) } else { None };
        Ok(page(&lines, next, total))
    }
}

fn prepare<'a>(
    ctx: &Ctx,
    shape: &'a Shape,
    custom: &'a [CustomField],
    ask: &'a Ask,
) -> Result<Listing<'a>> {
    let filter = Filter::new(ctx, shape, custom, &ask.rule);
    let condition = filter.condition(&ask.rule)?;
    let deleted = Condition::Null("deleted_at");
    let deleted = if ask.deleted { Condition::Not(Box::new(deleted)) } else { deleted };
    // As of an instant, what was archived later is there.
    let archived = filter.archived(ask.archived, &ask.rule).filter(|_| ask.as_of.is_none());
    let deleted = match archived {
        Some(archived) => Condition::All(vec![deleted, archived]),
        None => deleted,
    };
    let driven = driven(shape, custom, ask, (&filter, &deleted))?;
    let mut conditions = vec![deleted, condition];
    if let Some(search) = ask.search.as_ref().filter(|_| !ask.sort.is_empty()) {
        conditions.push(Condition::Words { column: "id", words: Read::words(search) });
    }
    let sort = sort_keys(shape, custom, &ask.sort)?;
    let wanted = wanted(shape, ask, &filter)?;
    let question = question(&(
        shape.object.name,
        ask.rule.to_json().to_string(),
        &ask.sort,
        &ask.search,
        (ask.deleted, ask.archived as u8),
        &ask.as_of,
    ));
    let reading = filter.reading();
    let includes = includes(shape, custom, &ask.include)?;
    let encoder = Encoder { shape, custom, wanted, default_currency: ctx.actor.currency };
    Ok(Listing { shape, encoder, sort, includes, conditions, driven, question, reading, ask })
}

/// Where a list in the order of ids asks for one value of a custom field, it is read along the index of that field.
fn driven(
    shape: &Shape,
    custom: &[CustomField],
    ask: &Ask,
    (filter, deleted): (&Filter<'_>, &Condition),
) -> Result<Option<Driven>> {
    let by_id = ask.sort.first().is_none_or(|(key, _)| is_id(key));
    let found = custom::driven_by(&ask.rule, custom, |key| shape.field(key).is_some());
    let Some((field, wanted, rest)) = found.filter(|_| by_id && ask.search.is_none()) else {
        return Ok(None);
    };
    let select = Select::from("custom_values")
        .show(&["record_id"])
        .whose("field_id", field.id)
        .only(filter.custom_condition(field, wanted)?);
    let (of_values, mut rest) = custom::of_values(filter.condition(&rest)?);
    rest.push(deleted.clone());
    Ok(Some(Driven { select: of_values.into_iter().fold(select, Select::only), rest }))
}

pub(crate) fn wanted(shape: &Shape, ask: &Ask, filter: &Filter<'_>) -> Result<Option<Vec<String>>> {
    let Some(fields) = &ask.fields else { return Ok(None) };
    let mut wanted = Vec::new();
    for key in fields {
        let name = key.strip_prefix("custom.").unwrap_or(key);
        let own = filter.custom.iter().find(|field| field.name == name);
        let known = key == "id"
            || key == "custom"
            || shape.field(key).is_some()
            || shape.group(key).next().is_some();
        if let Some(field) = own.filter(|_| !known) {
            wanted.push(field.key());
            continue;
        }
        if !known {
            return Err(no_field(key, filter));
        }
        wanted.push(shape.field(key).map_or_else(|| key.clone(), |field| field.key.to_owned()));
    }
    Ok(Some(wanted))
}

fn no_field(key: &str, filter: &Filter<'_>) -> Error {
    let shown: String = key.chars().take(80).collect();
    wrong("fields", &format!("names {shown}, which is {}", filter.no_field(key)))
}

impl Listing<'_> {
    /// The lines of the page and where it goes on.
    async fn lines(&self, db: &Read) -> Result<(Vec<Line>, Option<String>)> {
        let cursor =
            self.ask.cursor.as_deref().map(|text| Cursor::read(text, self.question)).transpose()?;
        if self.ask.search.is_some() && self.ask.sort.is_empty() {
            return self.ranked(db, cursor).await;
        }
        let limit = usize::try_from(self.ask.limit).unwrap_or(usize::MAX);
        let mut lines = self.in_order(db, cursor.as_ref()).await?;
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = lines.last().filter(|_| more).map(|last| self.behind_line(last));
        Ok((lines, next))
    }

    /// The rows of the page, and one more where there is one.
    async fn in_order(&self, db: &Read, cursor: Option<&Cursor>) -> Result<Vec<Line>> {
        match self.sort.as_slice() {
            [key] if key.nullable && self.ask.offset == 0 => self.nulls_last(db, key, cursor).await,
            _ => self.rows(db, self.select(cursor)).await,
        }
    }

    /// The cursor that goes on behind a line.
    fn behind_line(&self, last: &Line) -> String {
        let keys = last.keys.clone();
        Cursor { question: self.question, keys, id: last.id, offset: 0 }.write()
    }

    fn columns(&self) -> Vec<&'static str> {
        // Folded columns are shown only to go on from.
        let extra =
            self.sort.iter().filter(|key| key.at == self.shape.columns.len()).map(|key| key.column);
        self.shape.columns.iter().copied().chain(extra.take(3)).collect()
    }

    fn base(&self) -> Select {
        let select = self.shape.object.rows().show(&self.columns());
        self.conditions.iter().cloned().fold(select, Select::only)
    }

    /// Whether rows with the same keys come newest first.
    fn newest_first(&self) -> bool {
        let id = self.sort.iter().find(|key| key.column == "id");
        id.or(self.sort.last()).is_none_or(|key| key.descending)
    }

    fn select(&self, cursor: Option<&Cursor>) -> Select {
        if let Some(driven) = &self.driven {
            return self.along(driven, cursor);
        }
        let mut select = self.base().at_most(self.ask.limit + 1).skip(self.ask.offset);
        if let Some(cursor) = cursor {
            select = select.only(self.behind(cursor));
        }
        for key in &self.sort {
            if key.column == "id" {
                return select.by("id", key.descending);
            }
            select = key.order(select);
        }
        select.by("id", self.newest_first())
    }

    /// The page of the records that the index of a custom field leads to.
    fn along(&self, driven: &Driven, cursor: Option<&Cursor>) -> Select {
        let descending = self.newest_first();
        let object = self.shape.object;
        let mut select =
            driven.select.clone().only(object.row_of("record_id", driven.rest.clone()));
        if let Some(cursor) = cursor {
            select =
                select.only(Condition::Behind(vec![("record_id", cursor.id.into())], descending));
        }
        let select =
            select.by("record_id", descending).at_most(self.ask.limit + 1).skip(self.ask.offset);
        object
            .rows()
            .show(&self.columns())
            .only(Condition::Among("id", Box::new(select)))
            .by("id", descending)
    }

    /// What stands behind the cursor, in the order of the keys and then of the id.
    fn behind(&self, cursor: &Cursor) -> Condition {
        let last = |descending| Condition::Behind(vec![("id", cursor.id.into())], descending);
        let mut same: Vec<Condition> = Vec::new();
        let mut ways: Vec<Condition> = Vec::new();
        for (key, value) in self.sort.iter().zip(&cursor.keys) {
            if key.column == "id" {
                break;
            }
            let beyond = |value: &Key| {
                let comparison =
                    if key.descending { Comparison::Less } else { Comparison::Greater };
                let beyond = Condition::Compare(key.column, comparison, Value::from(value.clone()));
                let beyond = key.holds(beyond);
                if key.nullable { Condition::Any(vec![beyond, key.missing()]) } else { beyond }
            };
            if let Some(value) = value {
                ways.push(Condition::All(same.iter().cloned().chain([beyond(value)]).collect()));
            }
            same.push(match value {
                Some(value) => {
                    let value = Value::from(value.clone());
                    key.holds(Condition::Compare(key.column, Comparison::Equal, value))
                }
                None => key.missing(),
            });
        }
        ways.push(Condition::All(same.into_iter().chain([last(self.newest_first())]).collect()));
        Condition::Any(ways)
    }

    /// Rows with a value, in their order, and then those without: each part is served by a plain index.
    async fn nulls_last(
        &self,
        db: &Read,
        key: &SortKey<'_>,
        cursor: Option<&Cursor>,
    ) -> Result<Vec<Line>> {
        let wanted = self.ask.limit + 1;
        let mut lines = Vec::new();
        let at = cursor.map(|cursor| (cursor.id, cursor.keys.first().cloned().flatten()));
        if !matches!(at, Some((_, None))) {
            let behind = |id_column| match &at {
                Some((id, Some(value))) => {
                    let keys =
                        vec![(key.column, Value::from(value.clone())), (id_column, (*id).into())];
                    Condition::Behind(keys, key.descending)
                }
                _ => Condition::All(vec![]),
            };
            let select = if let Some(field) = key.custom {
                self.sorted(field, key, behind("record_id"))
            } else {
                let there = Condition::Not(Box::new(Condition::Null(key.column)));
                let select = self.base().only(there).only(behind("id"));
                select.by(key.column, key.descending).at_most(wanted)
            };
            lines = self.rows(db, select.by("id", key.descending)).await?;
        }
        let left = wanted.saturating_sub(lines.len() as u64);
        if left > 0 {
            let mut select = self.base().only(key.missing());
            if let Some((id, None)) = at {
                select = select.only(Condition::Behind(vec![("id", id.into())], key.descending));
            }
            lines.extend(self.rows(db, select.by("id", key.descending).at_most(left)).await?);
        }
        Ok(lines)
    }

    /// The page of the records with a value of a custom field, along its index.
    fn sorted(&self, field: &CustomField, key: &SortKey<'_>, behind: Condition) -> Select {
        let object = self.shape.object;
        let values = custom::sorted(field, key.descending)
            .only(behind)
            .only(object.row_of("record_id", self.conditions.clone()))
            .at_most(self.ask.limit + 1);
        let select = object.rows().show(&self.columns());
        key.order(select.only(Condition::Among("id", Box::new(values))))
    }

    async fn rows(&self, db: &Read, select: Select) -> Result<Vec<Line>> {
        let mut lines = Vec::with_capacity(usize::try_from(self.ask.limit + 1).unwrap_or(0));
        db.each(&select, |row| {
            lines.push(self.line(row)?);
            Ok(())
        })
        .await?;
        Ok(lines)
    }

    fn line(&self, row: Row<'_>) -> Result<Line> {
        let mut json = Vec::with_capacity(1024);
        let id = self.encoder.row(row, &mut json)?;
        let mut extra = self.shape.columns.len();
        let mut keys = Vec::with_capacity(self.sort.len());
        for key in &self.sort {
            if let Some(field) = key.custom {
                keys.push(self.custom_key(field, row)?);
                continue;
            }
            let at = if key.at == self.shape.columns.len() { extra } else { key.at };
            extra += usize::from(key.at == self.shape.columns.len());
            keys.push(value(key.kind, row, at)?);
        }
        let links = self.includes.iter().map(|include| include.of(row)).collect::<Result<_>>()?;
        Ok(Line { id, json, keys, links })
    }

    /// The value of a custom field as the side table has it.
    fn custom_key(&self, field: &CustomField, row: Row<'_>) -> Result<Option<Key>> {
        let stored = row.json(self.shape.columns.len() - 1)?;
        let values: crate::Record =
            stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let Some(value) = values.get(&field.id.to_string()) else { return Ok(None) };
        Ok(Key::of(field.compared(value, self.reading)))
    }

    /// The rows that fit the words best; pages are counted, since ranks are of one answer only.
    async fn ranked(
        &self,
        db: &Read,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<Line>, Option<String>)> {
        let words = Read::words(self.ask.search.as_deref().unwrap_or_default());
        let hits = db.search(&words, Some(self.shape.object.plural), MAX_CANDIDATES).await?;
        let ids: Vec<Id> = hits.iter().map(|hit| hit.record).collect();
        let select = self.shape.object.rows().show(&["id"]).whose_each("id", ids);
        let select = self.conditions.iter().cloned().fold(select, Select::only);
        let mut fitting = std::collections::HashSet::new();
        db.each(&select, |row| {
            fitting.insert(row.id(0)?.unwrap_or_default());
            Ok(())
        })
        .await?;
        let offset = cursor.map_or(self.ask.offset, |cursor| u64::from(cursor.offset));
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.ask.limit).unwrap_or(usize::MAX);
        let order: Vec<Id> =
            hits.iter().map(|hit| hit.record).filter(|id| fitting.contains(id)).collect();
        let shown: Vec<Id> = order.iter().copied().skip(start).take(limit).collect();
        let select =
            self.shape.object.rows().show(&self.columns()).whose_each("id", shown.as_slice());
        let mut lines = self.rows(db, select).await?;
        lines.sort_by_key(|line| shown.iter().position(|id| *id == line.id));
        let end = start.saturating_add(limit);
        let next = (order.len() > end).then(|| {
            let offset = u32::try_from(end).unwrap_or(u32::MAX);
            let id = shown.last().copied().unwrap_or_default();
            Cursor { question: self.question, keys: vec![], id, offset }.write()
        });
        Ok((lines, next))
    }

    async fn count(&self, db: &Read) -> Result<i64> {
        let mut select = self.shape.object.rows();
        select = self.conditions.iter().cloned().fold(select, Select::only);
        if let Some(search) = self.ask.search.as_ref().filter(|_| self.ask.sort.is_empty()) {
            select = select.only(Condition::Words { column: "id", words: Read::words(search) });
        }
        db.count(select).await
    }
}

fn value(kind: Kind, row: Row<'_>, at: usize) -> Result<Option<Key>> {
    Ok(match kind {
        Kind::Text
        | Kind::LongText
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Currency
        | Kind::Choice(_) => row.text(at)?.map(|text| Key::Text(text.to_owned())),
        Kind::Integer(..) | Kind::Money => row.integer(at)?.map(Key::Integer),
        Kind::Number => row.number(at)?.map(Key::Number),
        Kind::Date => row.date(at)?.map(Key::Date),
        Kind::Time => row.time(at)?.map(Key::Time),
        Kind::Bool => row.bool(at)?.map(Key::Bool),
        Kind::Link(..) | Kind::Related | Kind::Id => row.id(at)?.map(Key::Id),
        Kind::Labels | Kind::Json => None,
    })
}

fn page(lines: &[Line], next: Option<String>, total: Option<i64>) -> Page {
    let size: usize = lines.iter().map(|line| line.json.len() + 2).sum();
    let mut json = Vec::with_capacity(size + 128);
    json.extend_from_slice(b"{\"data\":[");
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&line.json);
        json.push(b'}');
    }
    json.extend_from_slice(b"],\"nextCursor\":");
    match &next {
        // A cursor is base64: nothing in it needs escaping.
        Some(next) => json.extend_from_slice(format!("\"{next}\"").as_bytes()),
        None => json.extend_from_slice(b"null"),
    }
    if let Some(total) = total {
        json.extend_from_slice(format!(",\"total\":{total}").as_bytes());
    }
    json.push(b'}');
    Page { json, next }
}
