//! Custom fields: a tenant's own, kept by their ids in `custom` and, for filters, in a typed side table.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use kith_kernel::{Error, Id, Result, invalid, text};
use kith_platform::Ctx;
use kith_store::{Delete, Insert, Json as Stored, News, Read, Select, Value, Write};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    Records,
    describe::{Field, Kind, Object, Record},
    values::Reading,
};

/// Another node's change of the catalog is seen after this time at the latest; this node's own at once.
const CACHED: Duration = Duration::from_secs(3);
/// No more custom fields than this on one object.
const MOST_FIELDS: usize = 200;

/// The custom fields of tenants, and when they were read.
#[derive(Default)]
pub(crate) struct CustomCache {
    tenants: HashMap<Id, (Instant, Arc<Vec<CustomField>>)>,
    /// How often something was forgotten: what was read before that is not kept after it.
    generation: u64,
}

/// A field that a tenant added to an object.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomField {
    /// Its id, under which its values are kept.
    pub id: Id,
    /// The object that has it, such as `deal`.
    pub object: String,
    /// Its key, which never changes.
    pub name: String,
    /// What people see.
    pub label: String,
    /// What it holds.
    pub kind: CustomKind,
    /// The words of a choice.
    pub options: Vec<String>,
}

/// What a custom field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CustomKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A calendar day.
    Date,
    /// True or false.
    Bool,
    /// One of the field's options.
    Choice,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Url,
}

impl CustomKind {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Date => "date",
            Self::Bool => "bool",
            Self::Choice => "choice",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
        }
    }

    /// The built-in kind that reads and compares the same way.
    pub(crate) const fn like(self) -> Kind {
        match self {
            Self::Text | Self::Choice => Kind::Text,
            Self::Number => Kind::Number,
            Self::Date => Kind::Date,
            Self::Bool => Kind::Bool,
            Self::Email => Kind::Email,
            Self::Phone => Kind::Phone,
            Self::Url => Kind::Url,
        }
    }

    /// The column of the side table.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Text | Self::Choice | Self::Email | Self::Phone | Self::Url => "words",
            Self::Number => "number",
            Self::Date => "instant",
            Self::Bool => "flag",
        }
    }
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    object: String,
    name: String,
    label: String,
    kind: CustomKind,
    options: Option<Stored<Vec<String>>>,
}

impl CustomField {
    /// The value as answers show it, when it fits.
    pub(crate) fn canonical(&self, given: &Json, reading: Reading) -> Result<Json> {
        let key = format!("custom.{}", self.name);
        let like = Field::new("custom", "", "", self.kind.like());
        let value = like.canonical(given, reading).map_err(|error| rename(&error, &key))?;
        if self.kind == CustomKind::Choice && !value.is_null() {
            let wanted = text::fold(value.as_str().unwrap_or_default()).into_owned();
            let option = self.options.iter().find(|option| text::fold(option) == wanted);
            return option
                .map(|option| Json::from(option.as_str()))
                .ok_or_else(|| invalid(&key, format!("is none of {}", self.options.join(", "))));
        }
        Ok(value)
    }

    /// The value as the side table compares it.
    pub(crate) fn compared(&self, value: &Json, reading: Reading) -> Value {
        match self.kind {
            CustomKind::Number => value.as_f64().into(),
            CustomKind::Bool => value.as_bool().map(i64::from).into(),
            CustomKind::Date => crate::values::date(value, reading.zone)
                .ok()
                .map(|date| date.begins(kith_kernel::Zone::UTC))
                .into(),
            CustomKind::Text
            | CustomKind::Choice
            | CustomKind::Email
            | CustomKind::Phone
            | CustomKind::Url => {
                let like = Field::new("custom", "", "", self.kind.like());
                value.as_str().map(|text| like.fold(text)).into()
            }
        }
    }
}

fn rename(error: &Error, key: &str) -> Error {
    let why = error.problems().first().map_or_else(String::new, |problem| problem.message.clone());
    invalid(key, why)
}

impl Records {
    /// The fields that the tenant added to an object.
    pub(crate) async fn custom_fields(
        &self,
        db: &Read,
        object: &Object,
    ) -> Result<Vec<CustomField>> {
        let all = self.all_custom_fields(db).await?;
        Ok(all.iter().filter(|field| field.object == object.name).cloned().collect())
    }

    async fn all_custom_fields(&self, db: &Read) -> Result<Arc<Vec<CustomField>>> {
        let tenant = db.actor().tenant;
        let generation = {
            let cache = self.cache();
            if let Some((at, known)) = cache.tenants.get(&tenant)
                && at.elapsed() < CACHED
            {
                return Ok(Arc::clone(known));
            }
            cache.generation
        };
        let select = Select::from("custom_fields")
            .only(kith_store::Condition::Null("deleted_at"))
            .by("id", false);
        let rows: Vec<Row> = db.all(select).await?;
        let fields = rows.into_iter().map(|row| CustomField {
            id: row.id,
            object: row.object,
            name: row.name,
            label: row.label,
            kind: row.kind,
            options: row.options.map(|stored| stored.0).unwrap_or_default(),
        });
        let fields = Arc::new(fields.collect::<Vec<_>>());
        let mut cache = self.cache();
        if cache.generation == generation {
            cache.tenants.insert(tenant, (Instant::now(), Arc::clone(&fields)));
        }
        Ok(fields)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, CustomCache> {
        self.custom.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is cached of a tenant, here and on the other nodes; to be called behind the commit of a change of
    /// its catalog.
    pub fn forget_custom_fields(&self, ctx: &Ctx) {
        let mut cache = self.cache();
        cache.generation += 1;
        cache.tenants.remove(&ctx.actor.tenant);
        drop(cache);
        ctx.app.db.tell(News::Fields);
    }

    /// Another node changed the catalog of some tenant.
    pub fn forget_as_told(&self) {
        let mut cache = self.cache();
        cache.generation += 1;
        cache.tenants.clear();
    }

    /// Adds a field to an object. The caller forgets the cache after the commit.
    ///
    /// # Errors
    /// `Conflict` when the object has a field of that name, `Invalid` when there are too many.
    pub async fn add_custom_field(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        field: (&str, &str, CustomKind),
    ) -> Result<CustomField> {
        let (name, label, kind) = field;
        let shape = self.shape(object)?;
        let known = self.custom_fields(db, object).await?;
        if known.len() >= MOST_FIELDS {
            return Err(invalid("name", format!("would be more than {MOST_FIELDS} custom fields")));
        }
        let field = CustomField {
            id: ctx.new_id(),
            object: object.name.to_owned(),
            name: free_name(name, |name| shape.field(name).is_some()),
            label: label.to_owned(),
            kind,
            options: Vec::new(),
        };
        db.insert(Insert::row(
            "custom_fields",
            vec![
                ("id", field.id.into()),
                ("object", object.name.into()),
                ("name", field.name.as_str().into()),
                ("label", label.into()),
                ("kind", kind.name().into()),
                ("required", false.into()),
                ("created_at", ctx.now().into()),
            ],
        ))
        .await?;
        kith_platform::events::append(ctx, db, kith_platform::events::Event {
            name: "customField.created".to_owned(),
            object: "customField",
            record: Some(field.id),
            changes: Some(serde_json::json!({ "after": { "object": object.name, "name": field.name, "kind": kind.name() } }).to_string()),
            batch: None,
        })?;
        Ok(field)
    }
}

/// A name that no built-in field has.
fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if is_taken(name) { format!("{name}Custom") } else { name.to_owned() }
}

/// Keeps the values of custom fields where filters find them.
pub(crate) async fn store_values(
    db: &Write,
    record: Id,
    changed: &[(&CustomField, Json)],
    reading: Reading,
) -> Result<()> {
    for (field, value) in changed {
        if value.is_null() {
            let gone = Delete::from("custom_values")
                .whose("record_id", record)
                .whose("field_id", field.id);
            db.delete(gone).await?;
            continue;
        }
        let insert = Insert::row(
            "custom_values",
            vec![
                ("record_id", record.into()),
                ("field_id", field.id.into()),
                (field.kind.column(), field.compared(value, reading)),
            ],
        );
        db.append(insert.or_replace(&["record_id", "field_id"], replaced(field.kind)))?;
    }
    Ok(())
}

const fn replaced(kind: CustomKind) -> &'static [&'static str] {
    match kind {
        CustomKind::Text
        | CustomKind::Choice
        | CustomKind::Email
        | CustomKind::Phone
        | CustomKind::Url => &["words"],
        CustomKind::Number => &["number"],
        CustomKind::Date => &["instant"],
        CustomKind::Bool => &["flag"],
    }
}

/// The `custom` column with these changes: values of fields that this node does not know stay as they are.
pub(crate) fn merged(mut stored: Record, changed: &[(&CustomField, Json)]) -> Record {
    for (field, value) in changed {
        if value.is_null() {
            stored.remove(&field.id.to_string());
        } else {
            stored.insert(field.id.to_string(), value.clone());
        }
    }
    stored
}
