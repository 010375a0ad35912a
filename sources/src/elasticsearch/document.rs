//! A document as a line: `_index` and `_id` first, then its time if `parse` would not know the field,
//! then what it holds.

use super::config::Config;
use super::position::Key;
use super::search::Hit;
use crate::lines::cut_point;
use crate::poll::{Members, append_line, json_text, shortened};
use engine::model::EventTime;
use serde_json::{Map, Value as Json};

/// The field under which `parse` looks for the time first.
const TIME: &str = "@timestamp";

/// Appends the line of a document and returns whether it was cut.
pub fn append_document(config: &Config, hit: &Hit<'_>, key: &Key, out: &mut Vec<u8>) -> bool {
    let source = hit.source.map_or("{}", |source| source.get());
    let mut members = Members::default();
    members.add("_index", &json_text(&hit.index));
    members.add("_id", &json_text(&hit.id));
    if config.fields.is_some() || config.time_field != TIME || hit.source.is_none() {
        let time = EventTime(key.0.saturating_mul(1_000_000)).to_string();
        members.add(TIME, &json_text(&time));
    }
    if let Some(fields) = &config.fields {
        let object: Map<String, Json> = serde_json::from_str(source).unwrap_or_default();
        let named = [
            ("level", fields.level.as_ref()),
            ("service", fields.service.as_ref()),
            ("message", Some(&fields.message)),
        ];
        for (name, path) in named {
            if let Some(value) = path.and_then(|path| value_at(&object, path)) {
                members.add(name, &json_text(value));
            }
        }
    } else {
        members.add_all(source);
    }
    let line = members.finish();
    if line.len() <= config.max_line_bytes {
        append_line(out, &line);
        return hit.source.is_none();
    }
    let short = shortened(&line, "message", config.max_line_bytes);
    let length = cut_point(short.as_bytes(), config.max_line_bytes);
    append_line(out, &short[..length]);
    true
}

/// Returns the value at a dotted path, whether its dots are nesting or part of names.
fn value_at<'j>(object: &'j Map<String, Json>, path: &str) -> Option<&'j Json> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| match object.get(&path[..dot]) {
        Some(Json::Object(inner)) => value_at(inner, &path[dot + 1..]),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elasticsearch::position::Tie;
    use engine::component::Options;
    use serde_json::json;

    fn line(options: Json, source: &str) -> (String, bool) {
        let mut value = json!({"url": "http://search", "index": "logs"});
        value.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let options = Options { id: "search".into(), value, base: "/".into() };
        let config = Config::from_options(&options).unwrap();
        let hit = format!("{{\"_index\":\"logs\",\"_id\":\"7\",\"_source\":{source},\"sort\":[]}}");
        let hit: Hit<'_> = serde_json::from_str(&hit).unwrap();
        let mut out = Vec::new();
        let key = Key(1_500, Tie::Missing);
        let cut = append_document(&config, &hit, &key, &mut out);
        (String::from_utf8(out).unwrap(), cut)
    }

    #[test]
    fn a_document_keeps_its_bytes_on_one_line() {
        let (line, cut) = line(json!({}), "{\n \"b\": 1.10,\n \"a\": 12345678901234567890123\n}");
        let expected =
            "{\"_index\":\"logs\",\"_id\":\"7\",\"b\": 1.10,  \"a\": 12345678901234567890123}\n";
        assert_eq!((line.as_str(), cut), (expected, false));
    }

    #[test]
    fn a_time_under_another_name_is_put_first() {
        let (line, _) = line(json!({"time_field": "when"}), "{\"when\":1500,\"@timestamp\":\"x\"}");
        let time = "\"@timestamp\":\"1970-01-01T00:00:01.5Z\"";
        assert!(
            line.starts_with(&format!("{{\"_index\":\"logs\",\"_id\":\"7\",{time},")),
            "{line}"
        );
    }

    #[test]
    fn named_fields_are_found_nested_or_flat() {
        let fields =
            json!({"fields": {"message": "log.text", "level": "log.level", "service": "s"}});
        let (line, _) = line(fields, "{\"log.level\":\"warn\",\"log\":{\"text\":\"hi\"}}");
        assert!(line.ends_with("\"level\":\"warn\",\"message\":\"hi\"}\n"), "{line}");
    }

    #[test]
    fn limit_a_long_document_is_shortened_and_counted_as_cut() {
        let source = json!({"level": "error", "message": "m".repeat(99_999)}).to_string();
        let (line, cut) = line(json!({"max_line_bytes": 4096}), &source);
        let read: Json = serde_json::from_str(&line).unwrap();
        assert!(cut && line.len() <= 4097);
        assert_eq!((&read["level"], &read["_id"]), (&json!("error"), &json!("7")));
    }
}
