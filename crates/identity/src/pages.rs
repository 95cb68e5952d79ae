//! Pages of what stands outside the records engine: in the order of ids, by a cursor.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_http::{Operation, Query, schema};
use kith_kernel::{Error, Id, Kind, Result};
use kith_store::{Comparison, Condition, Read, Select};
use serde::{Serialize, de::DeserializeOwned};

const SHOWN: u64 = 50;
const MOST: u64 = 200;

/// Which page is asked for.
pub struct Paging {
    limit: u64,
    after: Option<Id>,
    counted: bool,
}

/// A page as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub(crate) data: Vec<T>,
    pub(crate) next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<i64>,
}

impl Paging {
    /// Reads `limit`, `cursor` and `count`; no other parameters.
    pub fn of(query: &Query) -> Result<Self> {
        query.only(&["limit", "cursor", "count"])?;
        let after = query.get("cursor")?.map(read_cursor).transpose()?;
        let counted = match query.get("count")? {
            None => false,
            Some("exact") => true,
            Some(_) => return Err(wrong("count", "must be exact")),
        };
        let limit = query.number("limit", 1, u64::MAX)?.unwrap_or(SHOWN).min(MOST);
        Ok(Self { limit, after, counted })
    }

    /// One row more than the page has, so that it is known whether there is another; and how many there are in all.
    pub async fn read<T: DeserializeOwned + Send>(
        &self,
        db: &Read,
        select: Select,
    ) -> Result<(Vec<T>, Option<i64>)> {
        let total = if self.counted { Some(db.count(select.clone()).await?) } else { None };
        let select = match self.after {
            Some(after) => select.only(Condition::Compare("id", Comparison::Greater, after.into())),
            None => select,
        };
        Ok((db.all(select.by("id", false).at_most(self.limit + 1)).await?, total))
    }

    /// The page of these rows.
    pub fn page<T>(
        &self,
        (mut rows, total): (Vec<T>, Option<i64>),
        id: impl Fn(&T) -> Id,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next_cursor = last.map(|row| URL_SAFE_NO_PAD.encode(id(row).as_bytes()));
        Page { data: rows, next_cursor, total }
    }
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, each: impl Fn(T) -> U) -> Page<U> {
        let Self { data, next_cursor, total } = self;
        Page { data: data.into_iter().map(each).collect(), next_cursor, total }
    }
}

fn read_cursor(text: &str) -> Result<Id> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| Id::from_slice(&bytes))
        .ok_or_else(|| wrong("cursor", "is not a cursor of this list"))
}

fn wrong(name: &str, why: &str) -> Error {
    Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter {name} {why}."))
        .and(name, why)
}

/// Declares the parameters of a list.
pub fn listed(operation: Operation) -> Operation {
    operation
        .query("limit", schema::integer(), "Rows on a page: 50 unless said, 200 at most.")
        .query("cursor", schema::string(), "nextCursor of the page before.")
        .query("count", schema::one_of(&["exact"]), "Adds total.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Paging> {
        Paging::of(&Query::parse(text)?)
    }

    #[test]
    fn parameters_are_checked() {
        assert_eq!(parse("").unwrap().limit, 50);
        assert_eq!(parse("limit=1000&tenantId=acme").unwrap().limit, 200);
        for bad in ["limit=0", "limit=-1", "cursor=x", "count=about", "page=2", "nonsense=1"] {
            assert_eq!(parse(bad).err().map(|error| error.kind()), Some(Kind::Invalid), "{bad}");
        }
    }

    #[test]
    fn a_page_ends_with_the_cursor_of_the_next() {
        let ids: Vec<Id> = (1..=3).map(|byte| Id::from_bytes([byte; 16])).collect();
        let page = parse("limit=2").unwrap().page((ids.clone(), None), |id| *id);
        assert_eq!(page.data, ids[..2]);
        let cursor = page.next_cursor.unwrap();
        assert_eq!(parse(&format!("cursor={cursor}")).unwrap().after, Some(ids[1]));
        assert!(parse("limit=3").unwrap().page((ids, None), |id| *id).next_cursor.is_none());
    }
}
