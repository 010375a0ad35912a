//! Checks a part of the tree against the JSON Schema of a component's options, and turns it into the
//! JSON value from which the component is made.
//!
//! It goes by the type that the schema asks for, so a plain `1.10` is text for a text option and a
//! number for a number option, and it goes on after a mistake: all of them are found at once, each at
//! its own line and column. Understood: what `schemars` writes for option structs (types, `$ref`,
//! `properties`, `required`, `enum`, `const`, `anyOf`, `oneOf`, bounds). Keys that the schema does not
//! name are mistakes.
//!
//! *Not here:* conditions a schema cannot say; those are the component's own, in its factory.

use super::report::Place;
use super::suggest;
use super::yaml::{Entry, Node, Scalar, Value};
use crate::component::{HUMAN_DURATION_FORMAT, HumanDuration};
use serde_json::{Map, Number, Value as Json};

/// A mistake in an option.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub place: Place,
    /// The outermost option it concerns; `None` for one that is missing.
    pub option: Option<String>,
    pub message: String,
    pub hint: Option<String>,
}

/// Checks options against a schema.
pub(super) struct Checker<'a> {
    schema: &'a Json,
    /// Whose options they are, for messages.
    owner: &'a str,
    path: Vec<String>,
    faults: Vec<Fault>,
}

/// Checks `entries`, the options of `owner` that starts at `place`, against `schema`. `also` names
/// keys that are legal beside them.
pub(super) fn check(
    owner: &str,
    place: Place,
    entries: &[Entry],
    also: &[&str],
    schema: &Json,
) -> (Map<String, Json>, Vec<Fault>) {
    let mut checker = Checker { schema, owner, path: Vec::new(), faults: Vec::new() };
    let resolved = checker.resolve(schema);
    let object = checker.object(place, entries, also, resolved);
    (object, checker.faults)
}

impl<'a> Checker<'a> {
    fn fault(&mut self, place: Place, message: impl Into<String>, hint: Option<String>) -> Json {
        let option = self.path.first().cloned();
        self.faults.push(Fault { place, option, message: message.into(), hint });
        Json::Null
    }

    /// Returns the option at hand, for messages.
    fn subject(&self) -> String {
        if self.path.is_empty() {
            return self.owner.to_owned();
        }
        format!("option `{}` of {}", self.path.join("."), self.owner)
    }

    /// Follows references within the schema.
    fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        /// Longest chain of references.
        const REFERENCES_MAX: usize = 16;
        for _ in 0..REFERENCES_MAX {
            let reference = schema.get("$ref").and_then(Json::as_str);
            let target = reference
                .and_then(|reference| reference.strip_prefix('#'))
                .and_then(|pointer| self.schema.pointer(pointer));
            match target.or_else(|| only(schema.get("allOf"))) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn value(&mut self, node: &Node, schema: &'a Json) -> Json {
        let schema = self.resolve(schema);
        if let Some(branches) = alternatives(schema) {
            return self.alternative(node, branches);
        }
        if let Some(allowed) = constants(schema) {
            return self.constant(node, &allowed);
        }
        let types = types(schema);
        if is_null(node) && types.contains(&"null") {
            return Json::Null;
        }
        let named = types.iter().copied().filter(|name| *name != "null");
        match (named.clone().next(), named.clone().nth(1)) {
            (None, _) => untyped(node),
            (Some(name), None) => self.typed(node, schema, name),
            (Some(_), Some(_)) => {
                let fitting = named.clone().find(|name| fits(node, name));
                let name = fitting.or_else(|| named.clone().next_back()).unwrap_or("string");
                self.typed(node, schema, name)
            }
        }
    }

    fn typed(&mut self, node: &Node, schema: &'a Json, name: &str) -> Json {
        match (name, &node.value) {
            ("object", _) => match node.entries() {
                Some(entries) => Json::Object(self.object(node.place, entries, &[], schema)),
                None => self.mismatch(node, "a map of options", Some("Write `key: value` lines.")),
            },
            ("array", Value::List(items)) => self.list(node, items, schema),
            ("array", Value::Scalar(scalar)) if !scalar.is_null() => {
                let hint = format!("Write `[{}]`.", scalar.written());
                self.mismatch(node, "a list", Some(&hint))
            }
            ("array", _) => self.mismatch(node, "a list", Some("Write `[first, second]`.")),
            ("string", Value::Scalar(scalar)) if !scalar.is_null() => {
                self.text(node, scalar, schema)
            }
            ("string", _) if duration(schema) => {
                self.mismatch(node, "a duration such as `10m`", None)
            }
            ("string", _) => self.mismatch(node, "text", None),
            ("integer", Value::Scalar(scalar)) => match scalar.as_integer() {
                Some(integer) => self.integer(node, integer, schema),
                None => self.mismatch(node, "a whole number", unquote(scalar).as_deref()),
            },
            ("number", Value::Scalar(scalar)) => match scalar.as_number() {
                Some(number) => self.number(node, number, schema),
                None => self.mismatch(node, "a number", unquote(scalar).as_deref()),
            },
            ("boolean", Value::Scalar(scalar)) => match scalar.as_bool() {
                Some(boolean) => Json::Bool(boolean),
                None => self.mismatch(node, "`true` or `false`", truth(&scalar.text).as_deref()),
            },
            ("integer", _) => self.mismatch(node, "a whole number", None),
            ("number", _) => self.mismatch(node, "a number", None),
            ("boolean", _) => self.mismatch(node, "`true` or `false`", None),
            _ => untyped(node),
        }
    }

    fn mismatch(&mut self, node: &Node, wanted: &str, hint: Option<&str>) -> Json {
        let message = format!("{} must be {wanted}, not {}", self.subject(), describe(node));
        self.fault(node.place, message, hint.map(str::to_owned))
    }

    fn object(
        &mut self,
        place: Place,
        entries: &[Entry],
        also: &[&str],
        schema: &'a Json,
    ) -> Map<String, Json> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let additional = schema.get("additionalProperties");
        let mut object = Map::new();
        for entry in entries {
            self.path.push(entry.key.clone());
            if let Some(property) = properties.and_then(|known| known.get(&entry.key)) {
                object.insert(entry.key.clone(), self.value(&entry.value, property));
            } else if let Some(any @ Json::Object(_)) = additional {
                object.insert(entry.key.clone(), self.value(&entry.value, any));
            } else if additional == Some(&Json::Bool(true)) {
                object.insert(entry.key.clone(), untyped(&entry.value));
            } else {
                self.unknown(entry, properties, also);
            }
            self.path.pop();
        }
        let required = schema.get("required").and_then(Json::as_array);
        for name in required.into_iter().flatten().filter_map(Json::as_str) {
            if !entries.iter().any(|entry| entry.key == name) {
                let about = properties.and_then(|known| known.get(name));
                let hint =
                    about.and_then(|schema| schema.get("description")).and_then(Json::as_str);
                let message = format!("{} needs the option `{name}`", self.subject());
                let hint = hint.map(|doc| format!("`{name}`: {}", first_sentence(doc)));
                self.fault(place, message, hint);
            }
        }
        object
    }

    fn unknown(&mut self, entry: &Entry, properties: Option<&Map<String, Json>>, also: &[&str]) {
        let named = properties.into_iter().flat_map(Map::keys).map(String::as_str);
        let mut known: Vec<&str> = also.iter().copied().chain(named).collect();
        known.sort_unstable();
        let path = self.path.split_last().map_or(&[][..], |(_, outer)| outer).join(".");
        let inside = if path.is_empty() { String::new() } else { format!("option `{path}` of ") };
        let message = format!("{inside}{} has no option `{}`", self.owner, entry.key);
        let hint = if known.is_empty() {
            Some("It takes no options.".to_owned())
        } else {
            suggest::hint("option", &entry.key, &known)
        };
        self.fault(entry.key_place, message, hint);
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: &'a Json) -> Json {
        let values: Vec<Json> = match schema.get("items") {
            Some(item) => {
                let mut values = Vec::new();
                for (position, node) in items.iter().enumerate() {
                    self.path.push(position.to_string());
                    values.push(self.value(node, item));
                    self.path.pop();
                }
                values
            }
            None => items.iter().map(untyped).collect(),
        };
        let bound = |name: &str| schema.get(name).and_then(Json::as_u64);
        let least = bound("minItems").unwrap_or(0);
        let most = bound("maxItems").unwrap_or(u64::MAX);
        if (values.len() as u64) < least {
            let message = match least {
                1 => format!("{} must not be an empty list", self.subject()),
                _ => format!("{} must name at least {least}", self.subject()),
            };
            return self.fault(node.place, message, None);
        }
        if values.len() as u64 > most {
            let message = format!("{} must name at most {most}", self.subject());
            return self.fault(node.place, message, None);
        }
        Json::Array(values)
    }

    fn text(&mut self, node: &Node, scalar: &Scalar, schema: &'a Json) -> Json {
        if duration(schema)
            && let Err(error) = scalar.text.parse::<HumanDuration>()
        {
            let whole = scalar.text.parse::<u32>().is_ok();
            let hint = whole.then(|| format!("Add the unit, for instance `{}s`.", scalar.text));
            let message = format!("{} {error}", self.subject());
            return self.fault(node.place, message, hint);
        }
        let characters = scalar.text.chars().count() as u64;
        let bound = |name: &str| schema.get(name).and_then(Json::as_u64);
        if bound("minLength").is_some_and(|least| characters < least) {
            return self.fault(node.place, format!("{} must not be empty", self.subject()), None);
        }
        if let Some(most) = bound("maxLength").filter(|most| characters > *most) {
            let message = format!("{} must be at most {most} characters long", self.subject());
            return self.fault(node.place, message, None);
        }
        Json::String(scalar.text.clone())
    }

    fn integer(&mut self, node: &Node, integer: i128, schema: &'a Json) -> Json {
        self.bounds(node, integer as f64, schema);
        match Number::from_i128(integer) {
            Some(number) => Json::Number(number),
            None => self.mismatch(node, "a whole number of at most 64 bits", None),
        }
    }

    fn number(&mut self, node: &Node, number: f64, schema: &'a Json) -> Json {
        self.bounds(node, number, schema);
        Number::from_f64(number).map_or(Json::Null, Json::Number)
    }

    fn bounds(&mut self, node: &Node, number: f64, schema: &'a Json) {
        let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
        type Violated = fn(f64, f64) -> bool;
        let rules: [(&str, &str, Violated); 4] = [
            ("minimum", "at least", |number, bound| number < bound),
            ("maximum", "at most", |number, bound| number > bound),
            ("exclusiveMinimum", "more than", |number, bound| number <= bound),
            ("exclusiveMaximum", "less than", |number, bound| number >= bound),
        ];
        for (name, words, violated) in rules {
            let Some(bound) = bound(name).and_then(Json::as_f64) else { continue };
            if violated(number, bound) {
                self.mismatch(node, &format!("{words} {bound}"), None);
            }
        }
    }

    fn constant(&mut self, node: &Node, allowed: &[&'a Json]) -> Json {
        if let Value::Scalar(scalar) = &node.value {
            let resolved = scalar.resolve();
            let is = |value: &&&Json| ***value == resolved || value.as_str() == Some(&scalar.text);
            if let Some(found) = allowed.iter().find(is) {
                return (*found).clone();
            }
        }
        let words: Vec<&str> = allowed.iter().filter_map(|value| value.as_str()).collect();
        let wanted = match words.as_slice() {
            [only] => format!("`{only}`"),
            many => format!("one of {}", suggest::listed(many)),
        };
        let hint = match &node.value {
            Value::Scalar(scalar) => suggest::nearest(&scalar.text, words.iter().copied()),
            _ => None,
        };
        let hint = hint.map(|near| format!("Did you mean `{near}`?"));
        self.mismatch(node, &wanted, hint.as_deref())
    }

    /// Takes the branch that fits; if none does, reports on the one that was probably meant.
    fn alternative(&mut self, node: &Node, branches: &'a [Json]) -> Json {
        let resolved: Vec<&'a Json> = branches.iter().map(|branch| self.resolve(branch)).collect();
        let accepts_null = |schema: &&Json| types(schema).contains(&"null");
        if is_null(node) && resolved.iter().any(accepts_null) {
            return Json::Null;
        }
        let branches: Vec<&'a Json> =
            resolved.into_iter().filter(|schema| types(schema) != ["null"]).collect();
        let enumerated: Option<Vec<Vec<&'a Json>>> =
            branches.iter().map(|schema| constants(schema)).collect();
        if let Some(allowed) = enumerated {
            return self.constant(node, &allowed.concat());
        }
        if let (Some(tag), Value::Map(entries)) = (tag(&branches), &node.value) {
            return self.tagged(node, entries, tag, &branches);
        }
        let mut failed: Vec<(usize, Vec<Fault>)> = Vec::new();
        for schema in &branches {
            let earlier = self.faults.len();
            let value = self.value(node, schema);
            let faults = self.faults.split_off(earlier);
            if faults.is_empty() {
                return value;
            }
            let fitting = types(schema).iter().any(|name| fits(node, name));
            failed.push((usize::from(!fitting), faults));
        }
        let meant = failed.into_iter().min_by_key(|(distance, faults)| (*distance, faults.len()));
        self.faults.extend(meant.into_iter().flat_map(|(_, faults)| faults));
        Json::Null
    }

    /// Takes the branch that the property `tag` names.
    fn tagged(
        &mut self,
        node: &Node,
        entries: &[Entry],
        tag: &'a str,
        branches: &[&'a Json],
    ) -> Json {
        let allowed: Vec<&'a Json> =
            branches.iter().filter_map(|branch| branch["properties"][tag].get("const")).collect();
        let Some(entry) = entries.iter().find(|entry| entry.key == tag) else {
            let words: Vec<&str> = allowed.iter().filter_map(|word| word.as_str()).collect();
            let hint = format!("One of: {}.", suggest::listed(&words));
            let message = format!("{} needs the option `{tag}`", self.subject());
            return self.fault(node.place, message, Some(hint));
        };
        let chosen = branches.iter().zip(&allowed).find(|(_, word)| match &entry.value.value {
            Value::Scalar(scalar) => word.as_str() == Some(&scalar.text),
            _ => false,
        });
        match chosen {
            Some((branch, _)) => self.value(node, branch),
            None => {
                self.path.push(tag.to_owned());
                let value = self.constant(&entry.value, &allowed);
                self.path.pop();
                value
            }
        }
    }
}

/// Returns the property by whose constant all branches can be told apart.
fn tag<'a>(branches: &[&'a Json]) -> Option<&'a str> {
    let constant = |branch: &Json, name: &str| branch["properties"][name].get("const").is_some();
    let properties = branches.first()?.get("properties")?.as_object()?;
    let mut names = properties.keys().map(String::as_str);
    names.find(|name| branches.iter().all(|branch| constant(branch, name)))
}

/// Returns whether a node looks like a value of the JSON type `name`.
fn fits(node: &Node, name: &str) -> bool {
    match (&node.value, name) {
        (Value::Map(_), "object") | (Value::List(_), "array") => true,
        (Value::Scalar(scalar), "integer") => scalar.as_integer().is_some(),
        (Value::Scalar(scalar), "number") => scalar.as_number().is_some(),
        (Value::Scalar(scalar), "boolean") => scalar.as_bool().is_some(),
        (Value::Scalar(scalar), "string") => scalar.resolve().is_string(),
        _ => false,
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.is_null())
}

fn describe(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.describe(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    }
}

/// Returns the value of a node that nobody has said the type of.
fn untyped(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => scalar.resolve(),
        Value::List(items) => Json::Array(items.iter().map(untyped).collect()),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), untyped(&entry.value))).collect()
        }
    }
}

fn only(list: Option<&Json>) -> Option<&Json> {
    match list.and_then(Json::as_array).map(Vec::as_slice) {
        Some([one]) => Some(one),
        _ => None,
    }
}

fn alternatives(schema: &Json) -> Option<&Vec<Json>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array)
}

fn constants(schema: &Json) -> Option<Vec<&Json>> {
    match (schema.get("const"), schema.get("enum").and_then(Json::as_array)) {
        (Some(constant), _) => Some(vec![constant]),
        (None, Some(allowed)) => Some(allowed.iter().collect()),
        (None, None) => None,
    }
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn duration(schema: &Json) -> bool {
    schema.get("format").and_then(Json::as_str) == Some(HUMAN_DURATION_FORMAT)
}

/// Says to take quotes away, where that makes a number.
fn unquote(scalar: &Scalar) -> Option<String> {
    let bare = Scalar { text: scalar.text.clone(), plain: true };
    let numeric = !scalar.plain && bare.as_number().is_some();
    numeric.then(|| format!("Write `{}` without quotes.", scalar.text))
}

/// Says how a boolean is written, where one was meant.
fn truth(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" | "1" | "true" => Some("Write `true`.".to_owned()),
        "no" | "off" | "n" | "0" | "false" => Some("Write `false`.".to_owned()),
        _ => None,
    }
}

fn first_sentence(doc: &str) -> String {
    let line = doc.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match line.find(". ") {
        Some(end) => line[..=end].to_owned(),
        None => line,
    }
}
