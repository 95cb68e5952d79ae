//! Operations as data: what is served where, who may ask, and how it is documented.

use axum::http::Method;
use kith_kernel::Role;
use serde::de::DeserializeOwned;

use crate::{body::fields_of, schema::Schema};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever is signed in, with or without a tenant.
    User,
    /// A member of the tenant with this role or a higher one.
    Role(Role),
    /// Whoever runs the installation.
    Platform,
}

impl Access {
    /// `public`, `user`, the role's name, or `platform`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::User => "user",
            Self::Role(role) => role.name(),
            Self::Platform => "platform",
        }
    }
}

/// In whose words errors are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorForm {
    /// RFC 9457.
    Problem,
    /// As OpenAI tells them, for its clients.
    OpenAi,
    /// As Anthropic tells them, for its clients.
    Anthropic,
}

impl ErrorForm {
    /// How an error is documented.
    pub(crate) fn content(self) -> (&'static str, Written) {
        match self {
            Self::Problem => {
                ("application/problem+json", Written::new(crate::schema::named("Problem")))
            }
            Self::OpenAi => ("application/json", Written::new(crate::schema::named("OpenAiError"))),
            Self::Anthropic => {
                ("application/json", Written::new(crate::schema::named("AnthropicError")))
            }
        }
    }
}

/// Against which limit a request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitClass {
    /// None: health and documentation.
    Free,
    /// Sign-in and the like, by address.
    Auth,
    /// Everything else, by key, user or address.
    Api,
    /// Uploads, by key or user.
    Upload,
    /// Questions to models, by key or user.
    Ai,
}

/// What an `Idempotency-Key` does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// It has no meaning and is passed over.
    Unused,
    /// The stored answer is given again.
    Replays,
    /// It is refused: the answer holds a secret, or the request is a stream.
    Refused,
}

/// A schema written out: there are thousands of them while the server starts, and as trees each takes ten times the room.
#[derive(Debug, Clone)]
pub(crate) struct Written(Box<str>);

impl Written {
    #[expect(clippy::needless_pass_by_value, reason = "the tree ends here, which is the point")]
    fn new(schema: Schema) -> Self {
        Self(schema.to_string().into_boxed_str())
    }

    pub(crate) fn schema(&self) -> Schema {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// A parameter in the path or the query.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub(crate) name: String,
    pub(crate) place: &'static str,
    pub(crate) schema: Written,
    pub(crate) text: String,
}

/// A status, what it means, and the content that comes with it.
pub(crate) type Answers = (u16, String, Option<(&'static str, Written)>);

/// One thing that can be asked of the server.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) tag: &'static str,
    pub(crate) summary: String,
    pub(crate) access: Access,
    pub(crate) scope: Option<(&'static str, &'static str)>,
    pub(crate) limit: LimitClass,
    pub(crate) idempotency: Idempotency,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<(&'static str, Written)>,
    pub(crate) answers: Vec<Answers>,
    pub(crate) aliases: Vec<String>,
    pub(crate) body_bytes: Option<usize>,
    pub(crate) seconds: Option<u64>,
    pub(crate) error_form: ErrorForm,
}

impl Operation {
    fn new(method: Method, path: impl Into<String>, tag: &'static str, summary: &str) -> Self {
        let path = path.into();
        let parameters = ids_in(&path);
        let writes = method != Method::GET;
        Self {
            method,
            path,
            tag,
            summary: summary.to_owned(),
            access: Access::Role(if writes { Role::Member } else { Role::Viewer }),
            scope: None,
            limit: LimitClass::Api,
            idempotency: Idempotency::Unused,
            parameters,
            body: None,
            answers: Vec::new(),
            aliases: Vec::new(),
            body_bytes: None,
            seconds: None,
            error_form: ErrorForm::Problem,
        }
    }

    /// What requests need of it: without the documentation, which is many times as large.
    pub(crate) fn undocumented(self) -> Self {
        Self {
            summary: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            ..self
        }
    }

    /// `GET path`, for viewers unless said otherwise.
    pub fn get(path: impl Into<String>, tag: &'static str, summary: &str) -> Self {
        Self::new(Method::GET, path, tag, summary)
    }

    /// `POST path`, for members unless said otherwise.
    pub fn post(path: impl Into<String>, tag: &'static str, summary: &str) -> Self {
        Self::new(Method::POST, path, tag, summary)
    }

    /// `PATCH path`, for members unless said otherwise.
    pub fn patch(path: impl Into<String>, tag: &'static str, summary: &str) -> Self {
        Self::new(Method::PATCH, path, tag, summary)
    }

    /// `PUT path`, for members unless said otherwise.
    pub fn put(path: impl Into<String>, tag: &'static str, summary: &str) -> Self {
        Self::new(Method::PUT, path, tag, summary)
    }

    /// `DELETE path`, for members unless said otherwise.
    pub fn delete(path: impl Into<String>, tag: &'static str, summary: &str) -> Self {
        Self::new(Method::DELETE, path, tag, summary)
    }

    /// Who may ask.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Members with this role or a higher one may ask.
    pub fn role(self, role: Role) -> Self {
        self.access(Access::Role(role))
    }

    /// Which scope an API key needs: `contacts`, `read`.
    pub fn scope(mut self, object: &'static str, action: &'static str) -> Self {
        self.scope = Some((object, action));
        self
    }

    /// Against which limit it counts.
    pub fn limit(mut self, limit: LimitClass) -> Self {
        self.limit = limit;
        self
    }

    /// What an `Idempotency-Key` does.
    pub fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// A query parameter.
    pub fn query(mut self, name: &str, schema: Schema, text: &str) -> Self {
        self.parameters.push(Parameter {
            name: name.to_owned(),
            place: "query",
            schema: Written::new(schema),
            text: text.to_owned(),
        });
        self
    }

    /// A JSON body.
    pub fn body(mut self, schema: Schema) -> Self {
        self.body = Some(("application/json", Written::new(schema)));
        self
    }

    /// A JSON body that is read into `T`, whose fields must be those of the schema.
    pub fn typed_body<T: DeserializeOwned>(self, schema: Schema) -> Self {
        debug_assert!(
            fields_of::<T>().iter().all(|field| schema["properties"].get(*field).is_some())
                && schema["properties"]
                    .as_object()
                    .is_some_and(|all| all.len() == fields_of::<T>().len()),
            "{} {}: the schema does not name the fields {:?}",
            self.method,
            self.path,
            fields_of::<T>(),
        );
        self.body(schema)
    }

    /// A body of another kind, as it is.
    pub fn raw_body(mut self, kind: &'static str) -> Self {
        let bytes = serde_json::json!({ "type": "string", "format": "binary" });
        self.body = Some((kind, Written::new(bytes)));
        self
    }

    /// A multipart body with a file.
    pub fn upload(mut self, schema: Schema, bytes: usize, seconds: u64) -> Self {
        self.body = Some(("multipart/form-data", Written::new(schema)));
        self.body_bytes = Some(bytes);
        self.seconds = Some(seconds);
        self.limit(LimitClass::Upload).idempotency(Idempotency::Refused)
    }

    /// How large a body may be, in bytes.
    pub fn body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = Some(bytes);
        self
    }

    /// In whose words errors are told.
    pub fn error_form(mut self, form: ErrorForm) -> Self {
        self.error_form = form;
        self
    }

    /// It may take longer than other requests.
    pub fn seconds(mut self, seconds: u64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// What it answers with JSON.
    pub fn answers(mut self, status: u16, text: &str, schema: Schema) -> Self {
        self.answers.push((
            status,
            text.to_owned(),
            Some(("application/json", Written::new(schema))),
        ));
        self
    }

    /// How it refuses, besides what every operation of its kind may refuse.
    pub fn refuses(mut self, status: u16, text: &str) -> Self {
        self.answers.push((status, text.to_owned(), Some(self.error_form.content())));
        self
    }

    /// What it answers without a body.
    pub fn answers_nothing(mut self, status: u16, text: &str) -> Self {
        self.answers.push((status, text.to_owned(), None));
        self
    }

    /// What it answers with text of a kind.
    pub fn answers_text(mut self, status: u16, text: &str, kind: &'static str) -> Self {
        let content = (kind, Written::new(crate::schema::string()));
        self.answers.push((status, text.to_owned(), Some(content)));
        self
    }

    /// The same is served under another path.
    pub fn alias(mut self, path: impl Into<String>) -> Self {
        self.aliases.push(path.into());
        self
    }
}

/// The `{names}` of a path are ids, unless their name says otherwise.
fn ids_in(path: &str) -> Vec<Parameter> {
    let inside = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    inside
        .map(|name| {
            let is_id = name == "id" || name.ends_with("Id");
            let schema = if is_id { crate::schema::id() } else { crate::schema::string() };
            let schema = Written::new(schema);
            Parameter { name: name.to_owned(), place: "path", schema, text: String::new() }
        })
        .collect()
}
