//! The catalog: which objects there are, and how their fields are found.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use kith_kernel::{Result, text::snake_case};

use crate::{
    added,
    custom::CustomCache,
    describe::{Field, Kind, Object},
    fields::COMMON,
};

/// The engine with the objects it knows.
pub struct Records {
    objects: Vec<Arc<Shape>>,
    /// Objects that tenants added, by their names. One of a name stands for those of all tenants, since what they differ
    /// in are custom fields.
    added: Mutex<HashMap<String, Arc<Shape>>>,
    pub(crate) custom: Mutex<CustomCache>,
}

/// An object with what can be worked out of its description once.
pub(crate) struct Shape {
    pub(crate) object: &'static Object,
    /// Its own fields and the common ones, in the order of answers.
    pub(crate) fields: Vec<Field>,
    by_key: HashMap<String, usize>,
    /// The columns that an answer needs, in the order in which it is encoded.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) has_labels: bool,
    pub(crate) has_currency: bool,
}

impl Records {
    /// An engine for these objects.
    pub fn new(objects: &[&'static Object]) -> Arc<Self> {
        Arc::new(Self {
            objects: objects.iter().map(|object| Arc::new(Shape::new(object))).collect(),
            added: Mutex::default(),
            custom: Mutex::default(),
        })
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = &'static Object> {
        self.objects.iter().map(|shape| shape.object)
    }

    /// The built-in object of a name (`deal`), a plural or a second name. Those that a tenant added are found by
    /// [`Self::object_of`].
    pub fn object(&self, name: &str) -> Option<&'static Object> {
        self.objects().find(|object| {
            object.name == name || object.plural == name || object.alias == Some(name)
        })
    }

    pub(crate) fn shape(&self, object: &Object) -> Result<Arc<Shape>> {
        self.shape_named(object.name)
    }

    /// The shape of an object by the name under which something is stored; a name that a caller gave is looked up before.
    pub(crate) fn shape_named(&self, name: &str) -> Result<Arc<Shape>> {
        let is_meant = |object: &Object| object.name == name || object.plural == name;
        if let Some(shape) = self.objects.iter().find(|shape| is_meant(shape.object)) {
            return Ok(Arc::clone(shape));
        }
        if !added::is_name(name) {
            return Err(kith_kernel::internal(format!("{name} is not in the catalog")));
        }
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = added.get(name) {
            return Ok(Arc::clone(shape));
        }
        let shape = Arc::new(Shape::new(added::object(name)));
        added.insert(name.to_owned(), Arc::clone(&shape));
        Ok(shape)
    }

    /// The object by the name under which something is stored.
    pub fn stored_object(&self, name: &str) -> Option<&'static Object> {
        self.shape_named(name).ok().map(|shape| shape.object)
    }

    pub(crate) fn shapes(&self) -> &[Arc<Shape>] {
        &self.objects
    }
}

impl Shape {
    pub(crate) fn new(object: &'static Object) -> Self {
        let fields: Vec<Field> =
            object.fields.iter().copied().chain(COMMON.iter().copied()).collect();
        let mut by_key = HashMap::new();
        for (at, field) in fields.iter().enumerate() {
            by_key.insert(field.key.to_owned(), at);
            by_key.insert(snake_case(field.key), at);
        }
        let columns = ["id"]
            .into_iter()
            .chain(fields.iter().filter(|field| field.kind.is_stored()).map(|field| field.column))
            .chain(["custom"])
            .collect();
        Self {
            object,
            has_labels: fields.iter().any(|field| field.kind == Kind::Labels),
            has_currency: fields.iter().any(|field| field.kind == Kind::Currency),
            by_key,
            columns,
            fields,
        }
    }

    /// The field of a key in camelCase or snake_case.
    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        self.by_key.get(key).map(|at| &self.fields[*at])
    }

    /// Keys and groups, for "did you mean".
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.key)
    }

    /// The fields of a group.
    pub(crate) fn group(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter(move |field| field.group().is_some_and(|(group, _)| group == name))
    }
}
