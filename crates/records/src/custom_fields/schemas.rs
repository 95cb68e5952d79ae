//! Custom fields in the OpenAPI document: what they look like, and a tenant's own in the schemas of its objects.

use kith_http::{schema, schema::Schema};
use kith_kernel::Result;
use kith_platform::Ctx;
use serde_json::{Value as Json, json};

use crate::{
    Records,
    custom::{CustomField, CustomKind},
    schemas::{input_name, name},
};

fn kinds() -> Schema {
    schema::one_of(&CustomKind::ALL.map(CustomKind::name))
}

fn words() -> Schema {
    schema::list(schema::string())
}

/// The named schemas of custom fields.
pub fn custom_field_schemas() -> Vec<(String, Json)> {
    let field = schema::object(
        vec![
            ("id", schema::id()),
            ("object", schema::string()),
            ("name", schema::described(schema::string(), "It never changes.")),
            ("key", schema::described(schema::string(), "As rules and sort name it: custom.tier.")),
            ("label", schema::string()),
            ("kind", kinds()),
            ("options", words()),
            ("target", schema::nullable(schema::string())),
            ("currency", schema::nullable(schema::string())),
            ("required", schema::boolean()),
            ("unique", schema::boolean()),
            ("default", schema::any()),
            ("createdAt", schema::time()),
            ("retiredAt", schema::nullable(schema::time())),
            ("purgedAt", schema::nullable(schema::time())),
            ("convertingFrom", schema::nullable(schema::string())),
        ],
        &["id", "object", "name", "kind"],
    );
    let failure = schema::object(
        vec![("id", schema::id()), ("value", schema::any()), ("reason", schema::string())],
        &["id", "value", "reason"],
    );
    let conversion = schema::object(
        vec![
            ("values", schema::integer()),
            ("failing", schema::integer()),
            ("failures", schema::described(schema::list(failure), "The first 100.")),
            ("field", schema::nullable(schema::named("CustomField"))),
        ],
        &["values", "failing", "failures"],
    );
    vec![("CustomField".to_owned(), field), ("Conversion".to_owned(), conversion)]
}

pub(super) fn new_schema() -> Schema {
    schema::object(
        vec![
            ("object", schema::described(schema::string(), "Which object gets it: contact.")),
            (
                "name",
                schema::described(schema::string(), "Letters and digits: tier. It never changes."),
            ),
            ("kind", kinds()),
            ("label", schema::nullable(schema::string())),
            (
                "options",
                schema::described(schema::nullable(words()), "Of a choice or multiChoice."),
            ),
            (
                "target",
                schema::described(schema::nullable(schema::string()), "The object of a link."),
            ),
            ("required", schema::nullable(schema::boolean())),
            ("unique", schema::nullable(schema::boolean())),
            ("default", schema::any()),
        ],
        &["object", "name", "kind"],
    )
}

pub(super) fn changes_schema() -> Schema {
    schema::object(
        vec![
            ("label", schema::nullable(schema::string())),
            ("options", schema::nullable(words())),
            ("required", schema::nullable(schema::boolean())),
            ("unique", schema::nullable(schema::boolean())),
            ("default", schema::any()),
        ],
        &[],
    )
}

pub(super) fn convert_schema() -> Schema {
    schema::object(
        vec![
            ("kind", kinds()),
            ("options", schema::nullable(words())),
            (
                "target",
                schema::described(schema::nullable(schema::string()), "The object of a link."),
            ),
            ("dryRun", schema::nullable(schema::boolean())),
            ("onFail", schema::one_of(&["refuse", "clear"])),
        ],
        &["kind"],
    )
}

/// What a value of the field looks like.
fn value(field: &CustomField) -> Schema {
    let options: Vec<&str> = field.options.iter().map(String::as_str).collect();
    let of = match field.kind {
        CustomKind::Text | CustomKind::Phone | CustomKind::Url => schema::string(),
        CustomKind::Number | CustomKind::Money => schema::number(),
        CustomKind::Date => schema::format("date"),
        CustomKind::Time => schema::time(),
        CustomKind::Bool => schema::boolean(),
        CustomKind::Choice => schema::one_of(&options),
        CustomKind::MultiChoice => schema::list(schema::one_of(&options)),
        CustomKind::Link => schema::id(),
        CustomKind::Email => schema::format("email"),
    };
    let of = if field.required { of } else { schema::nullable(of) };
    schema::described(of, &field.label)
}

impl Records {
    /// Puts the tenant's own fields into the schemas of their objects.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn tell_fields(&self, ctx: &Ctx, document: &mut Json) -> Result<()> {
        let fields = ctx.read(async |db| self.all_custom_fields(db).await).await?;
        for field in fields.iter() {
            let Some(object) = self.stored_object(&field.object) else { continue };
            for name in [name(object), input_name(object)] {
                let custom = &mut document["components"]["schemas"][name]["properties"]["custom"];
                custom["properties"][&field.name] = value(field);
            }
            for path in
                [format!("/api/{}", object.path()), format!("/api/{}/export", object.path())]
            {
                let parameter = json!({
                "name": field.key(), "in": "query", "schema": schema::string(),
                "description": "Records whose field has this value; also field[op].",
                });
                let parameters = document["paths"][path]["get"]["parameters"].as_array_mut();
                if let Some(all) = parameters {
                    all.push(parameter);
                }
            }
        }
        Ok(())
    }
}
