//! The verb `sources`: asks a running engine to list and change what it reads.

use crate::ask::ask;
use crate::cli::TextOutput;
use crate::cli::sources::{RunningEngine, SourceArgs, SourceId, SourcesVerb};
use crate::failure::Failure;
use crate::registry::REGISTRY;
use anyhow::{anyhow, bail};
use engine::component::{ComponentKind, SourceChange, SourceRow};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

/// Where sources are.
const SOURCES: &str = "/api/v1/sources";

/// The verb `sources`.
pub fn perform(verb: SourcesVerb) -> Result<(), Failure> {
    match verb {
        SourcesVerb::List { engine, output } => list(&engine, output),
        SourcesVerb::Test(SourceArgs { id, options, engine }) => {
            let answer = ask(&engine, "POST", &path("test"), Some(&new_source(&id, &options)?))?;
            let message = answer["message"].as_str().unwrap_or_default();
            if answer["works"] != json!(true) {
                return Err(anyhow!("source `{id}` would not work: {message}").into());
            }
            println!("{message}");
            Ok(())
        }
        SourcesVerb::Add(SourceArgs { id, options, engine }) => {
            changed("added", &id, ask(&engine, "POST", SOURCES, Some(&new_source(&id, &options)?))?)
        }
        SourcesVerb::Pause(SourceId { id, engine }) => changed(
            "paused",
            &id,
            ask(&engine, "PATCH", &path(&id), Some(&json!({ "paused": true })))?,
        ),
        SourcesVerb::Resume(SourceId { id, engine }) => changed(
            "resumed",
            &id,
            ask(&engine, "PATCH", &path(&id), Some(&json!({ "paused": false })))?,
        ),
        SourcesVerb::Remove(SourceId { id, engine }) => {
            changed("removed", &id, ask(&engine, "DELETE", &path(&id), None)?)
        }
    }
}

fn list(engine: &RunningEngine, output: TextOutput) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct List {
        sources: Vec<SourceRow>,
    }
    let answer = ask(engine, "GET", SOURCES, None)?;
    if output == TextOutput::Json {
        println!("{answer}");
        return Ok(());
    }
    let List { sources } = serde_json::from_value(answer)?;
    let width = sources.iter().map(|source| source.id.len()).max().unwrap_or(0);
    for SourceRow { id, r#type, state, message, .. } in sources {
        let state = format!("{state:?}").to_lowercase();
        println!("{id:width$}  {type:13}  {state:8}  {}", message.unwrap_or_default());
    }
    Ok(())
}

fn changed(what: &str, id: &str, answer: Json) -> Result<(), Failure> {
    let change: SourceChange = serde_json::from_value(answer)?;
    println!("source `{id}` is {what}");
    if !change.durable {
        eprintln!(
            "the store has not taken that yet; it holds from now on, and over a restart once it has"
        );
    }
    Ok(())
}

fn path(id: &str) -> String {
    format!("{SOURCES}/{id}")
}

/// Returns a source as the API takes it. A value is what it is in JSON, else a text; an option that is a
/// list may be given as its only element.
fn new_source(id: &str, options: &[String]) -> anyhow::Result<Json> {
    let mut given: Vec<(&str, Vec<Json>)> = Vec::new();
    for option in options {
        let Some((key, text)) = option.split_once('=') else {
            bail!("{option:?} is no KEY=VALUE");
        };
        let value = serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()));
        match given.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => given.push((key, vec![value])),
        }
    }
    let kind = given.iter().find(|(key, _)| *key == "type");
    let kind = kind.and_then(|(_, values)| values[0].as_str()).unwrap_or_default();
    let schema =
        REGISTRY.find(ComponentKind::Source, kind).map(|found| (found.schema)().to_value());
    let is_list = |key: &str| {
        let of_key = schema.as_ref().map(|schema| &schema["properties"][key]["type"]);
        of_key.is_some_and(|of| {
            of == "array" || of.as_array().is_some_and(|of| of.contains(&json!("array")))
        })
    };
    let mut source = Map::from_iter([("id".to_owned(), json!(id))]);
    for (key, mut values) in given {
        let alone = values.len() == 1 && (values[0].is_array() || !is_list(key));
        let value = if alone { values.remove(0) } else { Json::Array(values) };
        source.insert(key.to_owned(), value);
    }
    Ok(Json::Object(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &[&str]) -> Json {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        new_source("web", &options).unwrap()
    }

    #[test]
    fn options_are_what_they_are_in_a_graph_file() {
        assert_eq!(
            given(&["type=file", "include=/a/*.log", "once=true", "poll_ms=50", "service=shop"]),
            json!({ "id": "web", "type": "file", "include": ["/a/*.log"], "once": true,
                    "poll_ms": 50, "service": "shop" })
        );
        let two = given(&["type=file", "include=/a", "include=/b=c"]);
        assert_eq!(two["include"], json!(["/a", "/b=c"]));
        assert_eq!(given(&["type=file", r#"include=["/a"]"#])["include"], json!(["/a"]));
    }

    #[test]
    fn what_is_no_option_is_named() {
        assert!(new_source("web", &["file".to_owned()]).unwrap_err().to_string().contains("file"));
    }
}
