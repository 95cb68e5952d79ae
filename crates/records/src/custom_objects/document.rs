//! The tenant's own objects in its OpenAPI document.

use kith_kernel::Result;
use kith_platform::Ctx;
use kith_store::{Condition, Select};
use serde_json::Value as Json;

use super::CustomObject;
use crate::{Object, Records, added::NAMED, schemas};

const ANY: &str = "/api/objects/{object}/records";

impl Records {
    /// Puts the routes and schemas of the tenant's own objects beside those of any.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn tell_objects(&self, ctx: &Ctx, document: &mut Json) -> Result<()> {
        let select = Select::from("objects").only(Condition::Null("deleted_at")).by("name", false);
        let found: Vec<CustomObject> = ctx.read(async |db| db.all(select).await).await?;
        for own in found {
            let Some(object) = self.stored_object(&own.name) else { continue };
            add(document, (&own, object));
        }
        Ok(())
    }
}

fn add(document: &mut Json, (own, object): (&CustomObject, &Object)) {
    for (any, name) in [
        (schemas::name(&NAMED), schemas::name(object)),
        (schemas::input_name(&NAMED), schemas::input_name(object)),
    ] {
        let mut schema = document["components"]["schemas"][any].clone();
        schema["description"] = own.description.as_ref().unwrap_or(&own.label).as_str().into();
        document["components"]["schemas"][name] = schema;
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let of_any: Vec<(String, Json)> = paths
        .iter()
        .filter(|(path, _)| path.starts_with(ANY))
        .map(|(path, item)| (path.replace(NAMED.name, &own.name), item.clone()))
        .collect();
    for (path, mut item) in of_any {
        turn(&mut item, (own, object));
        paths.insert(path, item);
    }
}

/// Makes a part of the document about any object one about this object.
fn turn(part: &mut Json, (own, object): (&CustomObject, &Object)) {
    match part {
        Json::String(text) => {
            *text = text.replace(&schemas::name(&NAMED), &schemas::name(object));
            *text = text.replace(NAMED.name, &own.label);
        }
        Json::Array(parts) => {
            parts.retain(|part| part["in"] != "path" || part["name"] != "object");
            for part in parts {
                turn(part, (own, object));
            }
        }
        Json::Object(parts) => {
            if let Some(Json::String(id)) = parts.get_mut("operationId") {
                id.push('_');
                id.push_str(&own.name);
            }
            for part in parts.values_mut() {
                turn(part, (own, object));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
