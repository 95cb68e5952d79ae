//! Descriptions: an object as data, and the one place where it may differ from the others.

use std::{future::Future, pin::Pin};

use kith_kernel::{Id, Result, internal};
use kith_platform::Ctx;
use kith_store::{Condition, Related, Select, Update, Write, equals};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::Records;

/// Field keys and values as JSON shows them; keys of groups are dotted (`address.city`).
pub type Record = Map<String, Json>;

/// Records with more values than this are looked into by hash.
const FEW: usize = 40;

/// The value of a field. A record has few: comparing their names takes less than hashing one.
pub(crate) fn value_of<'r>(record: &'r Record, key: &str) -> Option<&'r Json> {
    if record.len() > FEW {
        return record.get(key);
    }
    record.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
}

/// What one kind of record is.
pub struct Object {
    /// The name of one: `deal`.
    pub name: &'static str,
    /// The name of many, which is its path and its table: `deals`.
    pub plural: &'static str,
    /// The table that it shares with others instead, where the column `object` tells them apart by their names.
    pub shares: Option<&'static str>,
    /// A second name in paths: `opportunities`.
    pub alias: Option<&'static str>,
    /// One sentence for the documentation.
    pub about: &'static str,
    /// Its own fields; those that every object has come besides.
    pub fields: &'static [Field],
    /// What is peculiar to it.
    pub rules: &'static dyn Rules,
    /// Which of the common routes it has.
    pub routes: Routes,
    /// The field by which an import knows a record again, where it has no external id; empty: none.
    pub matched_by: &'static str,
}

impl Object {
    /// Its table.
    pub fn table(&self) -> &'static str {
        self.shares.unwrap_or(self.plural)
    }

    /// Its rows.
    pub fn rows(&self) -> Select {
        let all = Select::from(self.table());
        if self.shares.is_some() { all.whose("object", self.name) } else { all }
    }

    /// A change of its rows.
    pub fn change(&self) -> Update {
        let all = Update::table(self.table());
        if self.shares.is_some() { all.whose("object", self.name) } else { all }
    }

    /// Its row that belongs to a row of another table, which has its id in the column `here`.
    pub(crate) fn row_of(&self, here: &'static str, conditions: Vec<Condition>) -> Condition {
        let own = self.shares.map(|_| equals("object", self.name));
        Condition::Exists(Box::new(Related {
            table: self.table(),
            column: "id",
            here,
            condition: Condition::All(own.into_iter().chain(conditions).collect()),
        }))
    }

    /// What an API key must be allowed.
    pub fn scope(&self) -> &'static str {
        if self.shares.is_some() { "objects" } else { self.plural }
    }

    /// Its path behind `/api/`.
    pub fn path(&self) -> String {
        if self.shares.is_some() {
            format!("objects/{}/records", self.name)
        } else {
            self.plural.replace('_', "-")
        }
    }
}

/// Which of the common routes an object has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// All of them.
    All,
    /// All but deleting, restoring and bulk changes: such records end otherwise.
    Kept,
    /// All but making and importing: such records come with a file.
    Uploaded,
}

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key in JSON; dotted inside a group.
    pub key: &'static str,
    /// Its column.
    pub column: &'static str,
    /// The column of the folded text, for kinds that are compared without case and accents.
    pub folded: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must have a value.
    pub required: bool,
    /// The value of records that do not give one, as JSON.
    pub default: Option<&'static str>,
    /// Who may write it.
    pub writable: Writable,
    /// How it counts in search.
    pub found_by: FoundBy,
    /// Other names for it in the header of a CSV file, folded and without spaces.
    pub aliases: &'static [&'static str],
    /// Whether an import makes what a value names and does not exist, and says so.
    pub made_on_import: bool,
    /// What it means, for the documentation.
    pub about: &'static str,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text of at most 500 characters, compared without case and accents.
    Text,
    /// Text of at most 65,536 characters; searched, not compared.
    LongText,
    /// Any JSON of at most 16 KiB and eight levels; neither searched nor compared. What it may hold is for the rules to say.
    Json,
    /// An e-mail address.
    Email,
    /// A telephone number, compared by its digits.
    Phone,
    /// A web address.
    Url,
    /// A whole number between two bounds.
    Integer(i64, i64),
    /// A number.
    Number,
    /// An amount in the record's `currency`.
    Money,
    /// An ISO 4217 code.
    Currency,
    /// A calendar day.
    Date,
    /// An instant.
    Time,
    /// True or false.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A record of this object.
    Link(&'static str, OnDelete),
    /// A record of any object; its name stands in the field `relatedTo`.
    Related,
    /// An id of something that is no record.
    Id,
    /// Names of labels.
    Labels,
}

/// What happens to a link when the record that it points at is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion is refused while something points at it.
    Refuse,
    /// The link stays, so that restoring brings everything back; what is deleted is not found by it.
    Clear,
    /// The record that points is deleted too.
    Cascade,
}

/// Who may write a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// Whoever may change the record.
    User,
    /// The house alone.
    System,
}

/// How a field counts in search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// Not at all.
    Nothing,
    /// As what the record is called.
    Title,
    /// As something it is also known by.
    Keyword,
    /// As text.
    Body,
}

impl Field {
    /// A field of a kind; the name of its column and of the folded one are those in the database.
    pub const fn new(
        key: &'static str,
        column: &'static str,
        folded: &'static str,
        kind: Kind,
    ) -> Self {
        Self {
            key,
            column,
            folded,
            kind,
            required: false,
            default: None,
            writable: Writable::User,
            found_by: FoundBy::Nothing,
            aliases: &[],
            made_on_import: false,
            about: "",
        }
    }

    /// It must have a value.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The value of records that do not give one, as JSON.
    pub const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    /// Only the house writes it.
    pub const fn system(mut self) -> Self {
        self.writable = Writable::System;
        self
    }

    /// How it counts in search.
    pub const fn found_by(mut self, found_by: FoundBy) -> Self {
        self.found_by = found_by;
        self
    }

    /// Other names in CSV headers, folded and without spaces.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// An import makes what a value names and does not exist.
    pub const fn made_on_import(mut self) -> Self {
        self.made_on_import = true;
        self
    }

    /// What it means.
    pub const fn about(mut self, text: &'static str) -> Self {
        self.about = text;
        self
    }

    /// The column by which it is compared and sorted.
    pub fn compared(&self) -> &'static str {
        if self.kind.is_folded() { self.folded } else { self.column }
    }

    /// The group that it stands in (`address` of `address.city`).
    pub fn group(&self) -> Option<(&'static str, &'static str)> {
        self.key.split_once('.')
    }
}

impl Kind {
    /// Whether it is compared by a folded copy.
    pub fn is_folded(&self) -> bool {
        matches!(self, Self::Text | Self::Email | Self::Phone | Self::Url)
    }

    /// Whether it stands in a column of the record's own table.
    pub fn is_stored(&self) -> bool {
        !matches!(self, Self::Labels)
    }
}

/// What is done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is made.
    Created,
    /// It is changed.
    Updated,
    /// It is deleted.
    Deleted,
    /// It is brought back.
    Restored,
}

impl What {
    /// The word in the event's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
        }
    }
}

/// A record before and after a change.
#[derive(Debug)]
pub struct Change {
    /// What is done.
    pub what: What,
    /// The record.
    pub id: Id,
    /// As it was; none when it is new.
    pub before: Option<Record>,
    /// As it will be: every field that has a value.
    pub after: Record,
    /// What the caller gave, as it came in.
    pub given: Record,
}

impl Change {
    /// The record as it will be, as a struct.
    pub fn after<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        T::deserialize(&self.after)
            .map_err(|error| internal(format!("a record does not fit its rules: {error}")))
    }

    /// The value that a field will have.
    pub fn get(&self, key: &str) -> Option<&Json> {
        value_of(&self.after, key).filter(|value| !value.is_null())
    }

    /// The text that a field will have.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Json::as_str)
    }

    /// The id that a link will have.
    pub fn link(&self, key: &str) -> Option<Id> {
        self.text(key).and_then(|text| text.parse().ok())
    }

    /// The value that a field had.
    pub fn was(&self, key: &str) -> Option<&Json> {
        value_of(self.before.as_ref()?, key).filter(|value| !value.is_null())
    }

    /// Whether a field changes.
    pub fn changes(&self, key: &str) -> bool {
        self.get(key) != self.was(key)
    }

    /// Whether the caller gave a field.
    pub fn is_given(&self, key: &str) -> bool {
        value_of(&self.given, key).is_some()
    }

    /// Gives a field a value, as the house.
    pub fn set(&mut self, key: &'static str, value: impl Into<Json>) {
        self.after.insert(key.to_owned(), value.into());
    }
}

/// What rules may use: the engine, who acts, and the transaction.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The engine.
    pub records: &'a Records,
    /// Who acts.
    pub ctx: &'a Ctx,
    /// The transaction.
    pub db: &'a Write,
}

/// What a rule that looks things up gives back.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// The names of what a rule made.
pub type Making<'a> = Pin<Box<dyn Future<Output = Result<Vec<String>>> + Send + 'a>>;

/// What whoever makes a record is told besides.
pub type Warning<'a> = Pin<Box<dyn Future<Output = Result<Vec<Json>>> + Send + 'a>>;

/// What is peculiar to an object: the one point at which the engine can be extended.
pub trait Rules: Send + Sync {
    /// Fills in what follows from what was given; may look things up.
    fn derive<'a>(&'a self, _desk: Desk<'a>, _change: &'a mut Change) -> Pending<'a> {
        Box::pin(async { Ok(()) })
    }

    /// Refuses a state that must not be. Prefer a rule about the state to one about the way there.
    fn check(&self, _change: &Change) -> Result<()> {
        Ok(())
    }

    /// Writes what follows, in the same transaction; must not wait for the network.
    fn after<'a>(&'a self, _desk: Desk<'a>, _change: &'a Change) -> Pending<'a> {
        Box::pin(async { Ok(()) })
    }

    /// Columns that a record which comes back gives up, where another has their values by now.
    fn gives_up(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a record that went with another stays away when that comes back and a third has its value by now.
    fn stays_away(&self) -> bool {
        false
    }

    /// Takes away what a record holds elsewhere, in the transaction in which its row goes for good.
    fn forget<'a>(&'a self, _desk: Desk<'a>, _record: &'a Record) -> Pending<'a> {
        Box::pin(async { Ok(()) })
    }

    /// Whether [`Self::warn`] has something to say.
    fn warns(&self) -> bool {
        false
    }

    /// What a caller is told who made a record and asked to be warned; looks things up and changes nothing.
    fn warn<'a>(&'a self, _desk: Desk<'a>, _made: (Id, &'a Record)) -> Warning<'a> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Whether its records are people, with the fields of one: they can be read from and written as vCards.
    fn are_people(&self) -> bool {
        false
    }

    /// Makes what the values of an imported field name and does not exist; says which it made.
    fn make_missing<'a>(
        &'a self,
        _desk: Desk<'a>,
        _key: &'a str,
        _names: &'a [String],
    ) -> Making<'a> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Whether the engine need not ask [`Self::derive`], [`Self::after`] and [`Self::forget`].
    fn is_plain(&self) -> bool {
        false
    }
}

/// An object without peculiarities.
pub struct Plain;

impl Rules for Plain {
    fn is_plain(&self) -> bool {
        true
    }
}
