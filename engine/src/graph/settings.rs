//! The sections `server`, `engine` and `model`, and what the engine itself understands of a source.

use super::check::{self, Fault};
use super::report::{Place, Report};
use super::suggest;
use super::yaml::{Entry, Node};
use super::{EngineOptions, ModelOptions, ServerOptions};
use crate::component::HumanDuration;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::net::IpAddr;
use std::path::PathBuf;

/// The HTTP server: API, dashboard, metrics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerSection {
    /// Address and port on which it listens; port 0 takes a free one. Any address that is not this
    /// machine's own loopback needs a `token_file`.
    listen: String,
    /// File that holds the token every request must carry.
    token_file: Option<PathBuf>,
    /// Host names under which browsers may address it, besides the listen address.
    allowed_hosts: Vec<String>,
    /// Folders from which sources that are added while the engine runs may read files: logs, and the
    /// files with their passwords and certificates. Links that lead outside are not followed.
    source_roots: Vec<PathBuf>,
    /// The address under which people reach it, such as `https://logs.example`: links in notices begin
    /// with it. Without it notices have no links.
    public_url: Option<String>,
}

impl Default for ServerSection {
    fn default() -> Self {
        let listen = "127.0.0.1:8740".to_owned();
        let source_roots = vec![PathBuf::from("/var/log")];
        Self { listen, token_file: None, allowed_hosts: Vec::new(), source_roots, public_url: None }
    }
}

/// The engine itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EngineSection {
    /// Dataflow workers, each a thread. Results do not depend on their number.
    #[schemars(range(min = 1, max = 64))]
    workers: usize,
    /// How often results are committed, `10ms` to `10s`.
    epoch: HumanDuration,
}

impl Default for EngineSection {
    fn default() -> Self {
        Self { workers: 1, epoch: HumanDuration::from_millis(100) }
    }
}

/// The model that finds out what patterns mean.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ModelSection {
    /// Whether patterns are embedded at all. Without it every pattern is an issue of its own, and
    /// nothing is read or fetched.
    enabled: bool,
    /// A folder that holds the model's official files; then nothing else is looked at and nothing is
    /// fetched.
    path: Option<PathBuf>,
    /// Whether the engine may fetch the model (90 MB, once) if the cache does not hold it.
    fetch: bool,
}

impl Default for ModelSection {
    fn default() -> Self {
        Self { enabled: true, path: None, fetch: true }
    }
}

/// What every source may say about events that do not say it themselves.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SourceSection {
    /// Service of events that name none; without it they belong to no service.
    pub service: String,
    /// IANA time zone of times without one, such as `Europe/Berlin`; UTC if left out.
    pub timezone: Option<String>,
}

/// The keys of [`SourceSection`].
pub(super) const SOURCE_KEYS: [&str; 2] = ["service", "timezone"];
/// Shortest epoch.
const EPOCH_MIN: HumanDuration = HumanDuration::from_millis(10);
/// Longest epoch.
const EPOCH_MAX: HumanDuration = HumanDuration::from_secs(10);

/// Adds faults to the report.
pub(super) fn report_faults(faults: Vec<Fault>, report: &mut Report) {
    for fault in faults {
        report.add(fault.place, fault.message, fault.hint);
    }
}

/// Returns the section as `T`, without the options that were reported.
fn typed<T: DeserializeOwned + Default + JsonSchema>(
    owner: &str,
    place: Place,
    entries: &[Entry],
    report: &mut Report,
) -> T {
    let schema = schema_for!(T);
    let (mut object, faults) = check::check(owner, place, entries, &[], schema.as_value());
    for option in faults.iter().filter_map(|fault| fault.option.as_ref()) {
        object.remove(option);
    }
    report_faults(faults, report);
    match serde_json::from_value(Json::Object(object)) {
        Ok(section) => section,
        Err(error) => {
            report.add(place, format!("{owner}: {error}"), None);
            T::default()
        }
    }
}

/// Returns the entries of a section, after reporting it if it is no map.
fn entries_of<'a>(name: &str, node: &'a Node, report: &mut Report) -> &'a [Entry] {
    node.entries().unwrap_or_else(|| {
        report.add(node.place, format!("`{name}` must be a map of options"), None);
        &[]
    })
}

/// Returns the place of an option's value, or of the section.
fn place_of(entries: &[Entry], option: &str, section: Place) -> Place {
    entries.iter().find(|entry| entry.key == option).map_or(section, |entry| entry.value.place)
}

/// Reads `server`.
pub(super) fn server(place: Place, node: &Node, report: &mut Report) -> ServerOptions {
    let entries = entries_of("server", node, report);
    let section: ServerSection = typed("`server`", place, entries, report);
    let listen = place_of(entries, "listen", place);
    match host_of(&section.listen) {
        None => {
            let message = format!(
                "option `listen` of `server` must be an address and a port, not `{}`",
                section.listen
            );
            let hint = "For instance `127.0.0.1:8740`, `[::1]:8740` or `localhost:8740`.";
            report.add(listen, message, Some(hint.to_owned()));
        }
        Some(host) if section.token_file.is_none() && !is_loopback(host) => {
            // A token file that was given, but wrongly, has been reported already.
            if !entries.iter().any(|entry| entry.key == "token_file") {
                let message = format!(
                    "option `listen` of `server` opens `{host}` to other machines without a token"
                );
                let hint = "Add `token_file`, or listen on `127.0.0.1`.".to_owned();
                report.add(listen, message, Some(hint));
            }
        }
        Some(_) => {}
    }
    let public_url = section.public_url.and_then(|url| {
        let address = web_address(&url);
        if address.is_none() {
            let message = format!(
                "option `public_url` of `server` must be an http or https address, not `{url}`"
            );
            let hint =
                "For instance `https://logs.example`, with a path if need be, without a query.";
            report.add(place_of(entries, "public_url", place), message, Some(hint.to_owned()));
        }
        address
    });
    let base = report.input(place.file).base.clone();
    ServerOptions {
        listen: section.listen,
        token_file: section.token_file.map(|path| base.join(path)),
        allowed_hosts: section.allowed_hosts,
        source_roots: section.source_roots.iter().map(|folder| base.join(folder)).collect(),
        public_url,
    }
}

/// Reads `engine`.
pub(super) fn engine(section: Option<(Place, &Node)>, report: &mut Report) -> EngineOptions {
    let section = match section {
        None => EngineSection::default(),
        Some((place, node)) => {
            let entries = entries_of("engine", node, report);
            let section: EngineSection = typed("`engine`", place, entries, report);
            if section.epoch < EPOCH_MIN || section.epoch > EPOCH_MAX {
                let message = format!(
                    "option `epoch` of `engine` must be from `{EPOCH_MIN}` to `{EPOCH_MAX}`, not `{}`",
                    section.epoch
                );
                report.add(place_of(entries, "epoch", place), message, None);
            }
            section
        }
    };
    EngineOptions { workers: section.workers, epoch: section.epoch.0 }
}

/// Reads `model`.
pub(super) fn model(section: Option<(Place, &Node)>, report: &mut Report) -> ModelOptions {
    let Some((place, node)) = section else {
        let ModelSection { enabled, path, fetch } = ModelSection::default();
        return ModelOptions { enabled, path, fetch };
    };
    let entries = entries_of("model", node, report);
    let ModelSection { enabled, path, fetch } = typed("`model`", place, entries, report);
    let base = report.input(place.file).base.clone();
    ModelOptions { enabled, path: path.map(|path| base.join(path)), fetch }
}

/// Reads what the engine understands of source `id`; `entries` are these options alone.
pub(super) fn source(
    id: &str,
    place: Place,
    entries: &[Entry],
    report: &mut Report,
) -> SourceSection {
    let section: SourceSection = typed(&format!("`{id}`"), place, entries, report);
    if let Some(name) = &section.timezone
        && jiff::tz::TimeZone::get(name).is_err()
    {
        let message = format!("option `timezone` of `{id}` names no time zone: `{name}`");
        let known: Vec<String> =
            jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).collect();
        let near = suggest::nearest(name, known.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "Take an IANA name such as `UTC` or `Europe/Berlin`.".to_owned(),
        };
        report.add(place_of(entries, "timezone", place), message, Some(hint));
    }
    section
}

/// Returns an http or https address without slashes at its end, or `None` if `url` is none to which
/// paths can be added.
fn web_address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    let named = host_of(authority).is_some() || host_of(&format!("{authority}:0")).is_some();
    let legal = |byte: u8| byte.is_ascii_graphic() && !br##"?#"<>\^`{|}"##.contains(&byte);
    (named && rest.bytes().all(legal)).then(|| url.trim_end_matches('/').to_owned())
}

/// Returns the host of `host:port`, or `None` if it is not that.
fn host_of(listen: &str) -> Option<&str> {
    let (host, port) = listen.rsplit_once(':')?;
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || port.parse::<u16>().is_err() {
        return None;
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return inner.parse::<std::net::Ipv6Addr>().ok().map(|_| inner);
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let usable = !host.is_empty() && host.bytes().all(legal);
    (usable && (!numeric || host.parse::<IpAddr>().is_ok())).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_a_port() {
        assert_eq!(host_of("127.0.0.1:0"), Some("127.0.0.1"));
        assert_eq!(host_of("[::1]:8740"), Some("::1"));
        assert_eq!(host_of("logs.example:80"), Some("logs.example"));
        for text in ["", ":80", "127.0.0.1", "1.2.3:80", "::1:80", "a:99999", "a:+1", "a b:1"] {
            assert_eq!(host_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_public_address_is_one_that_paths_can_be_added_to() {
        for (given, taken) in [
            ("https://logs.example", "https://logs.example"),
            ("http://logs.example:8740/", "http://logs.example:8740"),
            ("https://[2001:db8::1]/seismolog//", "https://[2001:db8::1]/seismolog"),
            ("https://[2001:db8::1]:8740", "https://[2001:db8::1]:8740"),
        ] {
            assert_eq!(web_address(given).as_deref(), Some(taken), "{given}");
        }
        for text in [
            "",
            "logs.example",
            "ftp://logs.example",
            "https://",
            "https:///alerts",
            "https://user:password@logs.example",
            "https://logs.example:port",
            "https://logs.example?a=b",
            "https://logs.example/#top",
            "https://logs example",
            "https://logs.example/<a>",
        ] {
            assert_eq!(web_address(text), None, "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(is_loopback("127.8.0.1") && is_loopback("::1") && is_loopback("localhost"));
        assert!(!is_loopback("0.0.0.0") && !is_loopback("::") && !is_loopback("localhost.evil"));
    }
}
