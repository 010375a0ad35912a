//! The fake's query language and order: what the source uses of them, and nothing else.

use super::fake::Doc;
use serde_json::{Value as Json, json};
use std::cmp::Ordering;

/// Returns whether a document matches.
pub fn matches(query: &Json, doc: &Doc) -> bool {
    let (name, of) = query.as_object().and_then(|object| object.iter().next()).unwrap();
    match name.as_str() {
        "match_all" => true,
        "term" => {
            let (field, value) = of.as_object().and_then(|object| object.iter().next()).unwrap();
            field_of(doc, field) == *value
        }
        "range" => {
            let (field, bounds) = of.as_object().and_then(|object| object.iter().next()).unwrap();
            let value = field_of(doc, field);
            !value.is_null()
                && bounds.as_object().unwrap().iter().all(|(how, bound)| match how.as_str() {
                    "gt" => compare(&value, bound) == Ordering::Greater,
                    "gte" => compare(&value, bound) != Ordering::Less,
                    "lte" => compare(&value, bound) != Ordering::Greater,
                    "format" => bound == "epoch_millis",
                    other => panic!("the fake has no range bound {other}"),
                })
        }
        "bool" => {
            let clauses = |name: &str| of[name].as_array().cloned().unwrap_or_default();
            let should = clauses("should");
            clauses("filter").iter().all(|clause| matches(clause, doc))
                && (should.is_empty() || should.iter().any(|clause| matches(clause, doc)))
        }
        other => panic!("the fake has no query {other}"),
    }
}

fn field_of(doc: &Doc, field: &str) -> Json {
    if field == "_seq_no" { json!(doc.seq_no) } else { doc.source[field].clone() }
}

fn compare(a: &Json, b: &Json) -> Ordering {
    match (a, b) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::Null, _) => Ordering::Greater,
        (_, Json::Null) => Ordering::Less,
        (Json::String(a), Json::String(b)) => a.cmp(b),
        _ => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => panic!("the fake cannot compare {a} and {b}"),
        },
    }
}

/// Returns the sort values of a document; `unique` adds the one of points in time.
pub fn sort_values(doc: &Doc, body: &Json, unique: bool) -> Vec<Json> {
    let fields = body["sort"].as_array().unwrap().iter().flat_map(|sort| sort.as_object().unwrap());
    let values = fields.map(|(field, _)| field_of(doc, field));
    let own = unique.then(|| json!((doc.shard << 32) as i64 + doc.seq_no));
    values.chain(own).collect()
}

/// Sorts, takes what is behind `search_after`, and at most `size`.
pub fn sorted(mut docs: Vec<Doc>, body: &Json, unique: bool) -> Result<Vec<Doc>, String> {
    const KNOWN: [&str; 7] =
        ["size", "query", "sort", "track_total_hits", "_source", "search_after", "pit"];
    if let Some(name) =
        body.as_object().unwrap().keys().find(|name| !KNOWN.contains(&name.as_str()))
    {
        return Err(format!("unknown key [{name}]"));
    }
    let descending = body["sort"][0].to_string().contains("\"desc\"");
    let order = |a: &[Json], b: &[Json]| {
        let order = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
        let order = order.unwrap_or(Ordering::Equal);
        if descending { order.reverse() } else { order }
    };
    docs.sort_by(|a, b| order(&sort_values(a, body, unique), &sort_values(b, body, unique)));
    if let Some(after) = body["search_after"].as_array() {
        let sorts = body["sort"].as_array().unwrap().len() + usize::from(unique);
        if after.len() != sorts {
            return Err(format!("search_after has {} value(s) but sort has {sorts}", after.len()));
        }
        docs.retain(|doc| order(&sort_values(doc, body, unique), after) == Ordering::Greater);
    }
    docs.truncate(body["size"].as_u64().unwrap() as usize);
    Ok(docs)
}
