//! The options of the `elasticsearch` source.

use crate::lines::{LINE_BYTES_DEFAULT, LINE_BYTES_MAX};
use crate::poll::{PollBudget, Start};
use engine::component::{HumanDuration, Options, OptionsError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most documents in one page: a cluster's own limit (`index.max_result_window`) by default.
pub const PAGE_MAX: u32 = 10_000;
/// Most addresses of one cluster.
const URLS_MAX: usize = 16;
/// Shortest limit of a line here: it must hold a document's name and time.
const LINE_BYTES_MIN: usize = 4 * 1024;

/// One address or several of the same cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Urls {
    /// One.
    One(String),
    /// Several; the next one is asked when one cannot be reached.
    Several(Vec<String>),
}

/// Which fields of a document to read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldOptions {
    /// The field of the message, with dots for nesting.
    pub message: String,
    /// The field of the severity.
    #[serde(default)]
    pub level: Option<String>,
    /// The field of the service.
    #[serde(default)]
    pub service: Option<String>,
}

/// Options of the `elasticsearch` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticsearchOptions {
    /// The address of the cluster, such as `https://search:9200`, or a list of several.
    pub url: Urls,
    /// Which indices to read: names and patterns with `*`, separated by commas.
    pub index: String,
    /// Read only documents that match this query, in the cluster's own query language.
    #[serde(default)]
    pub query: Option<Map<String, Json>>,
    /// The field with the time of a document; documents without one are not read.
    #[serde(default = "time_field_default")]
    pub time_field: String,
    /// A field that orders documents of one time: a keyword or whole number, best a unique one.
    #[serde(default = "id_field_default")]
    pub id_field: String,
    /// Which fields to read; everything if left out.
    #[serde(default)]
    pub fields: Option<FieldOptions>,
    /// A file with an API key, as `id:key` or in base64.
    #[serde(default)]
    pub api_key_file: Option<PathBuf>,
    /// The user to log in as.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the user's password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A file with the certificates to trust, in PEM; the public ones if left out.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How often to look for new documents.
    #[serde(default = "poll_interval_default")]
    pub poll_interval: HumanDuration,
    /// How many documents to ask for at once.
    #[serde(default = "page_default")]
    pub page: u32,
    /// What one poll may use; what it leaves is read by the next one.
    #[serde(default)]
    pub poll_budget: PollBudget,
    /// How far behind the newest document to look again for ones that became visible late.
    #[serde(default = "overlap_default")]
    pub overlap: HumanDuration,
    /// Where to begin at the first start: `beginning`, `now`, or a time such as 2026-01-31T12:00:00Z.
    #[serde(default = "start_default")]
    pub start: String,
    /// Longest line in bytes; a longer document is shortened and counted as cut.
    #[serde(default = "line_bytes_default")]
    pub max_line_bytes: usize,
}

fn time_field_default() -> String {
    "@timestamp".to_owned()
}

fn id_field_default() -> String {
    "_seq_no".to_owned()
}

fn poll_interval_default() -> HumanDuration {
    HumanDuration::from_secs(10)
}

fn page_default() -> u32 {
    1_000
}

fn overlap_default() -> HumanDuration {
    HumanDuration::from_secs(60)
}

fn start_default() -> String {
    "beginning".to_owned()
}

fn line_bytes_default() -> usize {
    LINE_BYTES_DEFAULT
}

/// How to log in; the files are read with every connection.
#[derive(Clone, Debug)]
pub enum Login {
    /// Nobody asks.
    None,
    /// With the API key in this file.
    ApiKey(PathBuf),
    /// As this user with the password in this file.
    User(String, PathBuf),
}

/// The options, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses without a slash at their end.
    pub urls: Vec<String>,
    /// The pattern of indices.
    pub index: String,
    /// The user's query.
    pub query: Option<Json>,
    /// The field with the time.
    pub time_field: String,
    /// The field that orders documents of one time.
    pub id_field: String,
    /// Which fields to read.
    pub fields: Option<FieldOptions>,
    /// How to log in.
    pub login: Login,
    /// The certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// How often to look.
    pub poll_interval: Duration,
    /// Documents per page.
    pub page: u32,
    /// What a poll may use.
    pub poll_budget: PollBudget,
    /// How far to look back, in milliseconds.
    pub overlap_ms: i64,
    /// Where to begin.
    pub start: Start,
    /// Longest line.
    pub max_line_bytes: usize,
}

impl Config {
    /// Checks the options, reporting every mistake.
    pub fn from_options(options: &Options) -> Result<Self, Vec<OptionsError>> {
        let given: ElasticsearchOptions = options.parse()?;
        let mut errors = given.poll_budget.mistakes();
        let urls = checked_urls(&given.url, &mut errors);
        if given.index.is_empty() || given.index.contains(['/', '?', '#', ' ']) {
            let error = OptionsError::at("index", "must be names or patterns of indices");
            errors.push(error.hint("Write for example index: \"logs-*\""));
        }
        if !(1..=PAGE_MAX).contains(&given.page) {
            errors.push(OptionsError::at("page", format!("must be between 1 and {PAGE_MAX}")));
        }
        if !(LINE_BYTES_MIN..=LINE_BYTES_MAX).contains(&given.max_line_bytes) {
            let range = format!("must be between {LINE_BYTES_MIN} and {LINE_BYTES_MAX}");
            errors.push(OptionsError::at("max_line_bytes", range));
        }
        if given.poll_interval.0.is_zero() {
            errors.push(OptionsError::at("poll_interval", "must be more than nothing"));
        }
        let resolve = |path: &Path| options.resolve(path);
        let login = login(&given, resolve, &mut errors);
        let start = Start::parse(&given.start).unwrap_or_else(|error| {
            errors.push(error);
            Start::Beginning
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            urls,
            index: given.index,
            query: given.query.map(Json::Object),
            time_field: given.time_field,
            id_field: given.id_field,
            fields: given.fields,
            login,
            ca_file: given.ca_file.as_deref().map(resolve),
            poll_interval: given.poll_interval.0,
            page: given.page,
            poll_budget: given.poll_budget,
            overlap_ms: i64::try_from(given.overlap.0.as_millis()).unwrap_or(i64::MAX),
            start,
            max_line_bytes: given.max_line_bytes,
        })
    }
}

fn checked_urls(given: &Urls, errors: &mut Vec<OptionsError>) -> Vec<String> {
    let urls = match given {
        Urls::One(url) => std::slice::from_ref(url),
        Urls::Several(urls) => &urls[..],
    };
    if urls.is_empty() || urls.len() > URLS_MAX {
        errors.push(OptionsError::at("url", format!("needs 1 to {URLS_MAX} addresses")));
    }
    for url in urls {
        let scheme = url.starts_with("http://") || url.starts_with("https://");
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        if host.split('/').next().is_some_and(|host| host.contains('@')) {
            // Not repeated in the message, since it holds a password.
            let error = OptionsError::at("url", "an address must not hold a user or a password");
            errors.push(error.hint("Write `user` and `password_file`"));
        } else if !scheme || host.is_empty() || url.contains(['?', '#', ' ']) {
            let error = OptionsError::at("url", format!("cannot use the address \"{url}\""));
            errors.push(error.hint("Write for example https://search:9200"));
        }
    }
    urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect()
}

fn login(
    given: &ElasticsearchOptions,
    resolve: impl Fn(&Path) -> PathBuf,
    errors: &mut Vec<OptionsError>,
) -> Login {
    match (&given.api_key_file, &given.user, &given.password_file) {
        (None, None, None) => return Login::None,
        (Some(key), None, None) => return Login::ApiKey(resolve(key)),
        (None, Some(user), Some(password)) if !user.contains(':') => {
            return Login::User(user.clone(), resolve(password));
        }
        (None, Some(_), Some(_)) => {
            errors.push(OptionsError::at("user", "must not contain a colon"));
        }
        (Some(_), ..) => {
            let message = "cannot be combined with `user` and `password_file`";
            errors.push(OptionsError::at("api_key_file", message));
        }
        (None, Some(_), None) => errors.push(OptionsError::at("user", "needs `password_file`")),
        (None, None, Some(_)) => errors.push(OptionsError::at("password_file", "needs `user`")),
    }
    Login::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: Json) -> Result<Config, Vec<OptionsError>> {
        Config::from_options(&Options { id: "search".into(), value, base: "/etc/x".into() })
    }

    #[test]
    fn an_address_and_an_index_are_enough() {
        let config = check(json!({"url": "http://search:9200/", "index": "logs-*"})).unwrap();
        assert_eq!(config.urls, ["http://search:9200"]);
        assert_eq!(config.time_field, "@timestamp");
        assert_eq!(config.id_field, "_seq_no");
        assert_eq!(config.overlap_ms, 60_000);
        assert_eq!(config.start, Start::Beginning);
    }

    #[test]
    fn several_addresses_and_a_login_are_understood() {
        let config = check(json!({
            "url": ["https://a:9200", "https://b:9200"], "index": "logs",
            "user": "reader", "password_file": "secret", "query": {"term": {"env": "live"}},
        }))
        .unwrap();
        assert_eq!(config.urls.len(), 2);
        assert!(matches!(config.login, Login::User(_, path) if path == Path::new("/etc/x/secret")));
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let errors = check(json!({
            "url": [], "index": "a b", "page": 0, "max_line_bytes": 1, "poll_interval": "0s",
            "user": "reader", "start": "soon", "poll_budget": {"requests": 1},
        }))
        .unwrap_err();
        let paths: Vec<&str> = errors.iter().map(|error| error.path[0].as_str()).collect();
        assert_eq!(
            paths,
            [
                "poll_budget",
                "url",
                "index",
                "page",
                "max_line_bytes",
                "poll_interval",
                "user",
                "start"
            ]
        );
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let errors = check(json!({"url": "http://me:hunter2@search", "index": "a"})).unwrap_err();
        assert!(!format!("{errors:?}").contains("hunter2"));
    }
}
