//! Fake components under the real names: their options are checked, their streams never run.

use crate::component::{
    Build, ComponentType, DeliveryError, History, HumanDuration, Incarnation, Intake, Message,
    NodeIdentity, Notifier, Operator, Options, OptionsError, Outputs, Port, Ports, ReadStore,
    Recovered, Registry, Source, SourceError, Stage, Store, StoreError, StreamKind,
};
use crate::model::{Bucket, Epoch, Fingerprint};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Options of the fake `file` source.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileOptions {
    /// Globs of files to read. More follows.
    #[schemars(length(min = 1))]
    include: Vec<String>,
    /// Longest line in bytes.
    #[serde(default = "line_bytes_max")]
    #[schemars(range(min = 1, max = 1_000_000))]
    line_bytes_max: u32,
    /// A text that looks like a number.
    version: Option<String>,
    /// Start at the end of new files.
    #[serde(default)]
    from_end: bool,
}

fn line_bytes_max() -> u32 {
    65_536
}

/// Takes no options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

/// How records are written.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// Found out.
    #[default]
    Auto,
    /// JSON.
    Json,
    /// Anything.
    Plain,
}

/// Options of the fake `parse` operator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ParseOptions {
    /// How records are written.
    #[serde(default)]
    format: Format,
}

/// One condition of the fake `filter`.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "test", rename_all = "snake_case", deny_unknown_fields)]
enum Condition {
    /// The message holds these words.
    Words {
        /// The words.
        words: Vec<String>,
    },
    /// The event is as bad as this.
    Severity {
        /// How bad, 0 to 6.
        #[schemars(range(max = 6))]
        least: u8,
    },
}

/// Options of the fake `filter` operator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FilterOptions {
    /// An event is kept if all of these hold.
    keep: Vec<Condition>,
}

/// Options of the fake `window` operator.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct WindowOptions {
    /// Length of a bucket.
    size: HumanDuration,
    /// How late an event may be.
    lateness: Option<HumanDuration>,
    /// Share of samples kept.
    #[schemars(range(min = 0.0, max = 1.0))]
    share: f64,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self { size: HumanDuration::from_secs(60), lateness: None, share: 1.0 }
    }
}

/// Options of the fake `sqlite` store.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SqliteOptions {
    /// The database file.
    path: PathBuf,
}

struct FakeSource;

impl Source for FakeSource {
    fn run(&self, _: &mut dyn Intake) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Options of the fake `route` operator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RouteOptions {
    /// Names of outputs.
    outputs: Vec<String>,
    /// Nothing comes out under its id alone.
    #[serde(default)]
    all: bool,
}

struct FakeOperator(NodeIdentity);

struct FakeRoute(Outputs);

impl Operator for FakeRoute {
    fn stage<'s>(&self, _: &mut Stage<'_, 's>, _: Ports<'s>) -> Port<'s> {
        unreachable!("fakes are never placed in a dataflow")
    }

    fn outputs(&self) -> Outputs {
        self.0.clone()
    }
}

impl Operator for FakeOperator {
    fn stage<'s>(&self, _: &mut Stage<'_, 's>, _: Ports<'s>) -> Port<'s> {
        unreachable!("fakes are never placed in a dataflow")
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(self.0.clone())
    }
}

struct FakeStore;

impl Store for FakeStore {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        Ok(Recovered::default())
    }

    fn counts(&mut self, _: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
        Ok(Vec::new())
    }

    fn claim(&mut self, _: Incarnation, _: &[NodeIdentity]) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&mut self, _: &crate::component::Commit) -> Result<(), StoreError> {
        Ok(())
    }

    fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError> {
        Ok((None, None))
    }

    fn reader(&self) -> Arc<dyn ReadStore> {
        unreachable!("fakes are never read")
    }
}

/// Options of the fake `page` notifier.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PageOptions {
    /// Whom it wakes.
    url: String,
}

struct FakeNotifier;

impl Notifier for FakeNotifier {
    fn deliver(&mut self, _: &Message) -> Result<(), DeliveryError> {
        Ok(())
    }
}

fn file(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    let parsed: FileOptions = options.parse()?;
    let mut errors = Vec::new();
    for (position, glob) in parsed.include.iter().enumerate() {
        if glob.contains("***") {
            let path = vec!["include".to_owned(), position.to_string()];
            let message = format!("cannot understand the glob `{glob}`");
            errors.push(OptionsError { path, message, hint: None });
        }
    }
    let described = parsed.version.is_none_or(|version| !version.is_empty());
    assert!(described && (parsed.line_bytes_max > 0 || parsed.from_end), "checked by the schema");
    if errors.is_empty() { Ok(Box::new(FakeSource)) } else { Err(errors) }
}

fn plain_source(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    options.parse::<NoOptions>().map(|_| Box::new(FakeSource) as Box<dyn Source>)
}

fn operator(identity: NodeIdentity) -> Box<dyn Operator> {
    Box::new(FakeOperator(identity))
}

fn plain_operator(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    options
        .parse::<NoOptions>()
        .map(|_| operator(NodeIdentity { version: 1, ..Default::default() }))
}

fn parse(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let format = options.parse::<ParseOptions>()?.format;
    let version = format as u32 + 1;
    Ok(operator(NodeIdentity { version, ..Default::default() }))
}

fn filter(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let parsed: FilterOptions = options.parse()?;
    let nothing = parsed.keep.iter().any(|condition| match condition {
        Condition::Words { words } => words.is_empty(),
        Condition::Severity { least } => *least == 0,
    });
    if nothing {
        return Err(vec![OptionsError::at("keep", "a condition keeps everything")]);
    }
    Ok(operator(NodeIdentity::default()))
}

fn route(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let parsed: RouteOptions = options.parse()?;
    Ok(Box::new(FakeRoute(Outputs { has_main: !parsed.all, named: parsed.outputs })))
}

fn window(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let parsed: WindowOptions = options.parse()?;
    let mut errors = Vec::new();
    if 86_400 % parsed.size.as_secs().max(1) != 0 {
        let message = format!("`{}` does not divide a day", parsed.size);
        errors.push(OptionsError::at("size", message).hint("Take `1m` or `5m`."));
    }
    if parsed.lateness.is_some_and(|lateness| lateness < parsed.size) {
        errors.push(OptionsError::at("lateness", "is shorter than `size`"));
    }
    let options = [("size".to_owned(), parsed.size.to_string())].into();
    let identity = NodeIdentity { version: 1, options, ..Default::default() };
    if errors.is_empty() && parsed.share >= 0.0 { Ok(operator(identity)) } else { Err(errors) }
}

fn sqlite(options: &Options) -> Result<Box<dyn Store>, Vec<OptionsError>> {
    let path = options.parse::<SqliteOptions>()?.path;
    if options.resolve(&path).extension().is_none() {
        let message = "the file name has no extension".to_owned();
        return Err(vec![OptionsError { path: Vec::new(), message, hint: None }]);
    }
    Ok(Box::new(FakeStore))
}

fn memory(options: &Options) -> Result<Box<dyn Store>, Vec<OptionsError>> {
    options.parse::<NoOptions>().map(|_| Box::new(FakeStore) as Box<dyn Store>)
}

fn page(options: &Options) -> Result<Box<dyn Notifier>, Vec<OptionsError>> {
    let url = options.parse::<PageOptions>()?.url;
    if !url.starts_with("https://") {
        return Err(vec![OptionsError::at("url", "is no https address")]);
    }
    Ok(Box::new(FakeNotifier))
}

const STORED: &[(StreamKind, bool)] = &[
    (StreamKind::Counts, true),
    (StreamKind::Issues, false),
    (StreamKind::Tags, false),
    (StreamKind::Alerts, false),
    (StreamKind::Standings, false),
];

/// Returns an operator type without options.
const fn plain(
    name: &'static str,
    inputs: &'static [(StreamKind, bool)],
    output: StreamKind,
) -> ComponentType {
    ComponentType {
        name,
        summary: "A fake.",
        inputs,
        output: Some(output),
        schema: || schema_for!(NoOptions),
        build: Build::Operator(plain_operator),
    }
}

/// Every fake.
pub(super) const REGISTRY: Registry = Registry(&[
    ComponentType {
        name: "file",
        summary: "Follows fake files.",
        inputs: &[],
        output: Some(StreamKind::Lines),
        schema: || schema_for!(FileOptions),
        build: Build::Source(file),
    },
    ComponentType {
        name: "stdin",
        summary: "Reads a fake standard input.",
        inputs: &[],
        output: Some(StreamKind::Lines),
        schema: || schema_for!(NoOptions),
        build: Build::Source(plain_source),
    },
    ComponentType {
        schema: || schema_for!(ParseOptions),
        build: Build::Operator(parse),
        ..plain("parse", &[(StreamKind::Lines, true)], StreamKind::Events)
    },
    ComponentType {
        schema: || schema_for!(FilterOptions),
        build: Build::Operator(filter),
        ..plain("filter", &[(StreamKind::Events, true)], StreamKind::Events)
    },
    ComponentType {
        schema: || schema_for!(RouteOptions),
        build: Build::Operator(route),
        ..plain("route", &[(StreamKind::Events, true)], StreamKind::Events)
    },
    plain("fingerprint", &[(StreamKind::Events, true)], StreamKind::Prints),
    ComponentType {
        schema: || schema_for!(WindowOptions),
        build: Build::Operator(window),
        ..plain("window", &[(StreamKind::Prints, true)], StreamKind::Counts)
    },
    plain("pattern", &[(StreamKind::Prints, true)], StreamKind::Patterns),
    plain("issue", &[(StreamKind::Patterns, true)], StreamKind::Issues),
    plain("embed", &[(StreamKind::Patterns, true)], StreamKind::Vectors),
    plain("cluster", &[(StreamKind::Vectors, true)], StreamKind::Issues),
    plain("classify", &[(StreamKind::Issues, true)], StreamKind::Tags),
    plain("spike", &[(StreamKind::Counts, true), (StreamKind::Issues, true)], StreamKind::Spikes),
    plain("alert", &[(StreamKind::Spikes, true)], StreamKind::Alerts),
    plain(
        "triage",
        &[(StreamKind::Counts, true), (StreamKind::Issues, true)],
        StreamKind::Standings,
    ),
    ComponentType {
        name: "sqlite",
        summary: "Stores in a fake file.",
        inputs: STORED,
        output: None,
        schema: || schema_for!(SqliteOptions),
        build: Build::Store(sqlite),
    },
    ComponentType {
        name: "memory",
        summary: "Stores nowhere.",
        inputs: STORED,
        output: None,
        schema: || schema_for!(NoOptions),
        build: Build::Store(memory),
    },
    ComponentType {
        name: "page",
        summary: "Wakes nobody.",
        inputs: &[(StreamKind::Alerts, true)],
        output: None,
        schema: || schema_for!(PageOptions),
        build: Build::Notifier(page),
    },
]);
