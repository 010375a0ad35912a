//! YAML text to a tree in which every key and value knows its place.
//!
//! ```text
//! text ──saphyr-parser──► events ──► Node (scalar | list | map), aliases expanded
//! ```
//! Scalars stay text here: what a plain `1.10` means is decided by the option that asks for it
//! (`check`). Refused: duplicate keys, keys that are not scalars, tags, a second document, NUL.
//!
//! *State and limits:* [`FILE_BYTES_MAX`], [`NODES_MAX`] after expansion of aliases (so an alias bomb
//! stops early), [`DEPTH_MAX`].

use super::report::{Place, Report};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

/// Largest graph file in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most keys and values in one file, after expansion of aliases.
pub const NODES_MAX: usize = 20_000;
/// Deepest nesting of lists and maps.
pub const DEPTH_MAX: usize = 32;

/// A value and where it stands. Nodes behind an alias keep the place of their anchor.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar as written, unescaped.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub text: String,
    /// Whether it was written without quotes, so that it may be a number, a boolean or null.
    pub plain: bool,
}

/// One key of a map.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_place: Place,
    pub value: Node,
}

impl Node {
    /// Returns the entries of a map; an absent value is an empty map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(scalar) if scalar.is_null() => Some(&[]),
            _ => None,
        }
    }

    /// Returns how many keys and values it holds, itself included.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.value.size()).sum(),
        }
    }
}

/// Returns the tree of input `file`, or `None` after reporting why there is none.
pub(super) fn read(file: usize, report: &mut Report) -> Option<Node> {
    let input = report.input(file);
    let text = input.text.as_str();
    let whole = |start, end| Place { file, start, end };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file is larger than {FILE_BYTES_MAX} bytes");
        report.add(whole(0, 0), message, Some("Split it; several files are read as one.".into()));
        return None;
    }
    if let Some(at) = text.find('\0') {
        let hint = "Save it as UTF-8 text.".to_owned();
        report.add(whole(at, at + 1), "the file holds a NUL character", Some(hint));
        return None;
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut offsets: Vec<usize> =
        body.char_indices().map(|(byte, _)| byte + text.len() - body.len()).collect();
    offsets.push(text.len());
    let mut builder = Builder {
        file,
        text,
        offsets,
        report,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        nodes: 0,
    };
    let mut parser = Parser::new(StrInput::new(body));
    while let Some(event) = parser.next_event() {
        let flow = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => builder.syntax(&error),
        };
        if flow.is_break() {
            return None;
        }
    }
    builder.root
}

/// A list or map whose end has not been seen.
struct Open {
    start: usize,
    /// Whether it is written in brackets, so that its end stands in the text.
    bracketed: bool,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: BTreeMap<String, Place>,
        /// The key that waits for its value.
        key: Option<(String, Place)>,
    },
}

struct Builder<'r, 'a> {
    file: usize,
    text: &'a str,
    /// Byte offset of every character of the text behind a byte order mark, and of its end.
    offsets: Vec<usize>,
    report: &'r mut Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

type Flow = ControlFlow<()>;

impl Builder<'_, '_> {
    fn byte(&self, mark: Marker) -> usize {
        self.offsets[mark.index().min(self.offsets.len() - 1)]
    }

    fn place(&self, span: Span) -> Place {
        let start = self.byte(span.start);
        let end = self.byte(span.end).max(start);
        let end = start + self.text[start..end].trim_end().len();
        Place { file: self.file, start, end }
    }

    fn refuse(&mut self, place: Place, message: impl Into<String>, hint: &str) -> Flow {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.report.add(place, message, hint);
        ControlFlow::Break(())
    }

    fn syntax(&mut self, error: &ScanError) -> Flow {
        let at = self.byte(*error.marker());
        let place = Place { file: self.file, start: at, end: at };
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let hint = if indent.contains('\t') {
            "Indent with spaces; YAML does not allow tabs."
        } else if error.info().contains("quoted scalar") {
            "Is a closing quote missing?"
        } else if error.info().contains("flow") {
            "Is a closing bracket or a comma missing?"
        } else if error.info().contains("anchor") {
            "An alias `*name` needs an anchor `&name` before it; put quotes around text that begins with `*`."
        } else {
            "Check the indentation, the colons, and that each of `:`, `-` and `,` is followed by a space."
        };
        self.refuse(place, format!("this is not YAML: {}", error.info()), hint)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Flow {
        let place = self.place(span);
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return self.over_budget(place);
        }
        match event {
            Event::DocumentStart(_) if self.root.is_some() => self.refuse(
                place,
                "the file holds a second document",
                "Remove the line `---`, or use two files.",
            ),
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag)) => {
                let message = format!("tags such as `{tag}` are not supported");
                self.refuse(place, message, "Remove it; each option knows its own type.")
            }
            Event::Scalar(text, style, anchor, None) => {
                let plain = style == ScalarStyle::Plain;
                let absent = plain && place.start == place.end;
                let place = if absent { self.place_of_absent(place) } else { place };
                let text = if absent { String::new() } else { text.into_owned() };
                let value = Value::Scalar(Scalar { text, plain });
                self.complete(Node { place, value }, anchor)
            }
            Event::SequenceStart(anchor, None) => {
                self.begin(place, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, None) => {
                let content =
                    Content::Map { entries: Vec::new(), seen: BTreeMap::new(), key: None };
                self.begin(place, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.nodes += node.size();
                    if self.nodes > NODES_MAX {
                        return self.over_budget(place);
                    }
                    self.complete(node, 0)
                }
                None => self.refuse(place, "this alias refers to the value it stands in", ""),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Flow::Continue(()),
            Event::DocumentStart(_) | Event::DocumentEnd => Flow::Continue(()),
        }
    }

    fn over_budget(&mut self, place: Place) -> Flow {
        let message = format!("the file holds more than {NODES_MAX} values, aliases expanded");
        self.refuse(place, message, "")
    }

    /// An absent value is shown at its key.
    fn place_of_absent(&self, place: Place) -> Place {
        match self.open.last().map(|open| &open.content) {
            Some(Content::Map { key: Some((_, key)), .. }) => *key,
            _ => place,
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Flow {
        if self.open.len() >= DEPTH_MAX {
            let message = format!("values are nested deeper than {DEPTH_MAX} levels");
            return self.refuse(place, message, "");
        }
        let bracketed = self.text[place.start..].starts_with(['[', '{']);
        self.open.push(Open { start: place.start, bracketed, anchor, content });
        Flow::Continue(())
    }

    fn end(&mut self, place: Place) -> Flow {
        let Some(open) = self.open.pop() else { return Flow::Continue(()) };
        let (value, last) = match open.content {
            Content::List(items) => {
                let last = items.last().map(|node| node.place.end);
                (Value::List(items), last)
            }
            Content::Map { entries, .. } => {
                let last =
                    entries.last().map(|entry| entry.value.place.end.max(entry.key_place.end));
                (Value::Map(entries), last)
            }
        };
        let end = if open.bracketed { place.end } else { last.unwrap_or(open.start) };
        // Behind an alias the last value stands before the map that holds it.
        let place = Place { file: self.file, start: open.start, end: end.max(open.start) };
        self.complete(Node { place, value }, open.anchor)
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Flow {
        if anchor > 0 {
            self.nodes += node.size();
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, seen, key }) => match key.take() {
                Some((key, key_place)) => {
                    let repeated = seen.insert(key.clone(), key_place);
                    match repeated {
                        None => entries.push(Entry { key, key_place, value: node }),
                        Some(first) => {
                            let first = self.report.locate(first);
                            let message = format!("the key `{key}` is already used at {first}");
                            self.report.add(
                                key_place,
                                message,
                                Some("Remove one of the two.".into()),
                            );
                        }
                    }
                }
                None => match node.value {
                    Value::Scalar(scalar) => *key = Some((scalar.text, node.place)),
                    _ => return self.refuse(node.place, "a key must be text", ""),
                },
            },
        }
        Flow::Continue(())
    }
}
