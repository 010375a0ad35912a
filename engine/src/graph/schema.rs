//! The JSON Schema (draft 2020-12) of the whole graph file, made from the registry and the option
//! structs, for editors and the manual.

use super::config::{ID_CHARS_MAX, kind_word};
use super::settings::{EngineSection, ModelSection, ServerSection, SourceSection};
use crate::component::{ComponentKind, ComponentType, Registry};
use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value as Json, json};

/// Returns the schema of a graph file made of the components in `registry`.
pub fn schema(registry: Registry) -> Json {
    let mut defs = Map::new();
    let sources = nodes(registry, &[ComponentKind::Source], &mut defs);
    let operators = nodes(registry, &[ComponentKind::Operator], &mut defs);
    let sinks = nodes(registry, &[ComponentKind::Store, ComponentKind::Notifier], &mut defs);
    let server = section::<ServerSection>("server", &mut defs);
    let engine = section::<EngineSection>("engine", &mut defs);
    let model = section::<ModelSection>("model", &mut defs);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Seismolog graph file",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "sources": described(sources, "Where lines come from, by id."),
            "operators": described(
                operators,
                "What is computed, by id. Without this section the standard chain runs.",
            ),
            "sinks": described(
                sinks,
                "Where results go, by id: exactly one store, and any number of notifiers.",
            ),
            "server": server,
            "engine": engine,
            "model": model,
        },
        "$defs": defs,
    })
}

fn described(mut schema: Json, description: &str) -> Json {
    schema["description"] = json!(description);
    schema
}

/// Returns the schema of a section that holds components of some kinds.
fn nodes(registry: Registry, kinds: &[ComponentKind], defs: &mut Map<String, Json>) -> Json {
    let legal: Vec<&ComponentType> =
        registry.0.iter().filter(|component| kinds.contains(&component.kind())).collect();
    let types: Vec<&str> = legal.iter().map(|component| component.name).collect();
    let conditions: Vec<Json> = legal
        .into_iter()
        .map(|component| {
            let is =
                json!({"properties": {"type": {"const": component.name}}, "required": ["type"]});
            json!({"if": is, "then": node(component, defs)})
        })
        .collect();
    json!({
        "type": ["object", "null"],
        "propertyNames": {"pattern": format!("^[a-z0-9_-]{{1,{ID_CHARS_MAX}}}$")},
        "additionalProperties": {
            "type": "object",
            "properties": {"type": {"enum": types}},
            "required": ["type"],
            "allOf": conditions,
        },
    })
}

/// Returns the schema of one component: its own options and those the engine understands.
fn node(component: &ComponentType, defs: &mut Map<String, Json>) -> Json {
    let mut schema = (component.schema)().to_value();
    let part = format!("{}.{}", kind_word(component.kind()), component.name);
    adopt(&mut schema, &part, defs);
    let mut properties = match schema["properties"].take() {
        Json::Object(properties) => properties,
        _ => Map::new(),
    };
    let of_type = json!({"const": component.name, "description": component.summary});
    properties.insert("type".to_owned(), of_type);
    if component.kind() == ComponentKind::Source {
        let own = schema_for!(SourceSection).to_value();
        properties.extend(own["properties"].as_object().cloned().unwrap_or_default());
    } else {
        let ids = json!({
            "type": "array",
            "items": {"type": "string"},
            "uniqueItems": true,
            "description": "Ids of the nodes it reads; `id.output` for one of a node's named outputs.",
        });
        properties.insert("inputs".to_owned(), ids);
    }
    schema["properties"] = Json::Object(properties);
    schema["description"] = json!(component.summary);
    schema["additionalProperties"] = json!(false);
    schema
}

fn section<T: JsonSchema>(name: &str, defs: &mut Map<String, Json>) -> Json {
    let mut schema = schema_for!(T).to_value();
    adopt(&mut schema, name, defs);
    schema["type"] = json!(["object", "null"]);
    schema
}

/// Moves the definitions of a part to those of the whole, under names of their own.
fn adopt(schema: &mut Json, part: &str, defs: &mut Map<String, Json>) {
    let Json::Object(object) = schema else { return };
    for key in ["$schema", "title"] {
        object.remove(key);
    }
    let own = object.remove("$defs");
    rename(schema, part);
    if let Some(Json::Object(own)) = own {
        for (name, mut definition) in own {
            rename(&mut definition, part);
            defs.insert(format!("{part}.{name}"), definition);
        }
    }
}

/// Makes references follow [`adopt`].
fn rename(schema: &mut Json, part: &str) {
    match schema {
        Json::Object(object) => {
            for (key, value) in object {
                match value {
                    Json::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{part}.{name}");
                        }
                    }
                    _ => rename(value, part),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| rename(item, part)),
        _ => {}
    }
}
