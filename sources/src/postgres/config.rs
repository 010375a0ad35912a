//! The options of the `postgres` source.

use super::sql::{Origin, Sql};
use crate::lines::{LINE_BYTES_DEFAULT, LINE_BYTES_MAX};
use crate::poll::PollBudget;
use engine::component::{HumanDuration, Options, OptionsError};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Most rows of one page.
const PAGE_MAX: u32 = 10_000;
/// Shortest limit of a line here: it must hold a row's short columns.
const LINE_BYTES_MIN: usize = 4 * 1024;

/// The columns whose values grow.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeyColumns {
    /// One column with a value of its own in every row.
    One(String),
    /// A column that grows, such as a time, and one that tells rows of the same value apart.
    Several(Vec<String>),
}

/// Which columns to read, under the names that `parse` knows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnOptions {
    /// The column of the message.
    pub message: String,
    /// The column of the severity.
    #[serde(default)]
    pub level: Option<String>,
    /// The column of the time.
    #[serde(default)]
    pub time: Option<String>,
    /// The column of the service.
    #[serde(default)]
    pub service: Option<String>,
}

/// How the way to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Not at all.
    Disable,
    /// TLS, and the server proves that it has the name it was called by.
    VerifyFull,
}

/// Options of the `postgres` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresOptions {
    /// The server and database, such as `postgres://reader@db:5432/shop`.
    #[serde(default)]
    pub url: Option<String>,
    /// The server's name, or the folder of its socket; instead of `url`.
    #[serde(default)]
    pub host: Option<String>,
    /// The server's port.
    #[serde(default)]
    pub port: Option<u16>,
    /// The database.
    #[serde(default)]
    pub database: Option<String>,
    /// The user to log in as.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the user's password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// TLS: `disable` or `verify-full`; without it, only a server on this machine is called without.
    #[serde(default)]
    pub tls: Option<TlsMode>,
    /// A file with the certificates to trust, in PEM; the public ones if left out.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The table to read, perhaps with its schema.
    #[serde(default)]
    pub table: Option<String>,
    /// Instead of a table: a query with `:cursor` where the highest key read stands in.
    #[serde(default)]
    pub query: Option<String>,
    /// The column that grows, or a list of one that grows and one that tells rows apart.
    pub key: KeyColumns,
    /// Which columns to read; the whole row if left out.
    #[serde(default)]
    pub columns: Option<ColumnOptions>,
    /// How often to look for new rows.
    #[serde(default = "poll_interval_default")]
    pub poll_interval: HumanDuration,
    /// How many rows to ask for at once.
    #[serde(default = "page_default")]
    pub page: u32,
    /// What one poll may use; what it leaves is read by the next one.
    #[serde(default)]
    pub poll_budget: PollBudget,
    /// How long before its first write a transaction may have drawn its key (or begun).
    #[serde(default = "overlap_default")]
    pub overlap: HumanDuration,
    /// Where to begin at the first start: `beginning`, `now`, or a key behind which to begin.
    #[serde(default = "start_default")]
    pub start: String,
    /// Longest line in bytes; a longer row is shortened and counted as cut.
    #[serde(default = "line_bytes_default")]
    pub max_line_bytes: usize,
}

fn poll_interval_default() -> HumanDuration {
    HumanDuration::from_secs(5)
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

/// Where to begin that nothing was read from yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartKey {
    /// With everything that is there.
    Beginning,
    /// Behind the highest key of now.
    Now,
    /// Behind this key.
    Behind(String),
}

/// Longest time to wait for an answer, login included.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(12);

/// The server to call.
#[derive(Clone, Debug)]
pub struct Target {
    /// Everything but the password.
    pub config: tokio_postgres::Config,
    /// The file of the password.
    pub password_file: Option<PathBuf>,
    /// Whether to use TLS.
    pub tls: TlsMode,
    /// Whom to trust.
    pub ca_file: Option<PathBuf>,
    /// Longest time to wait for an answer.
    pub answer_max: Duration,
}

/// The options, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub target: Target,
    /// What to ask.
    pub sql: Sql,
    /// What is read, for messages.
    pub what: String,
    /// How often to look.
    pub poll_interval: Duration,
    /// What a poll may use.
    pub poll_budget: PollBudget,
    /// How late a key may be.
    pub overlap: Duration,
    /// Where to begin.
    pub start: StartKey,
    /// Longest line.
    pub max_line_bytes: usize,
}

impl Config {
    /// Checks the options, reporting every mistake.
    pub fn from_options(options: &Options) -> Result<Self, Vec<OptionsError>> {
        let given: PostgresOptions = options.parse()?;
        let mut errors = given.poll_budget.mistakes();
        let target = target(&given, options, &mut errors);
        let key = match &given.key {
            KeyColumns::One(column) => vec![column.clone()],
            KeyColumns::Several(columns) => columns.clone(),
        };
        if !(1..=2).contains(&key.len()) || key.iter().any(String::is_empty) {
            errors.push(OptionsError::at("key", "must be one column, or a list of two"));
        }
        let origin = origin(&given, &key, &mut errors);
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
        let start = match given.start.as_str() {
            "beginning" => StartKey::Beginning,
            "now" => StartKey::Now,
            key => StartKey::Behind(key.to_owned()),
        };
        if given.query.is_some() && !matches!(start, StartKey::Behind(_)) {
            let error =
                OptionsError::at("start", "a query needs a key with which `:cursor` begins");
            errors.push(error.hint("Write for example start: \"0\""));
        }
        let (Some(target), Some(origin), true) = (target, origin, errors.is_empty()) else {
            return Err(errors);
        };
        let what = match &given.table {
            Some(table) => format!("table \"{table}\""),
            None => "the query".to_owned(),
        };
        let sql = Sql::new(origin, &key, given.columns.as_ref(), given.page, given.max_line_bytes);
        Ok(Self {
            target,
            sql,
            what,
            poll_interval: given.poll_interval.0,
            poll_budget: given.poll_budget,
            overlap: given.overlap.0,
            start,
            max_line_bytes: given.max_line_bytes,
        })
    }
}

fn origin(
    given: &PostgresOptions,
    key: &[String],
    errors: &mut Vec<OptionsError>,
) -> Option<Origin> {
    match (&given.table, &given.query) {
        (Some(table), None) => return Some(Origin::table(table)),
        (None, Some(query)) if !query.contains(":cursor") || query.contains('$') => {
            let error = OptionsError::at("query", "must hold `:cursor`, and no other parameter");
            errors.push(error.hint("Write for example: select * from logs where id > :cursor"));
        }
        (None, Some(_)) if key.len() > 1 => {
            errors.push(OptionsError::at("key", "a query can have one key only"));
        }
        (None, Some(query)) => return Some(Origin::query(query)),
        _ => errors.push(OptionsError::at("table", "write either `table` or `query`")),
    }
    None
}

fn target(
    given: &PostgresOptions,
    options: &Options,
    errors: &mut Vec<OptionsError>,
) -> Option<Target> {
    let mut config = match &given.url {
        Some(url) => match url.parse::<tokio_postgres::Config>() {
            Ok(config) => config,
            Err(_) => {
                // Not repeated in the message, since it may hold a password.
                let error = OptionsError::at("url", "cannot use the address");
                errors.push(error.hint("Write for example postgres://reader@db:5432/shop"));
                return None;
            }
        },
        None => tokio_postgres::Config::new(),
    };
    if config.get_password().is_some() {
        let error = OptionsError::at("url", "an address must not hold a password");
        errors.push(error.hint("Write `password_file`"));
    }
    if let Some(host) = &given.host {
        config.host(host);
    }
    if config.get_hosts().is_empty() {
        errors.push(OptionsError::at("url", "write `url` or `host`"));
    }
    given.port.map(|port| config.port(port));
    given.database.as_ref().map(|database| config.dbname(database));
    given.user.as_ref().map(|user| config.user(user));
    let tls =
        given.tls.unwrap_or(if is_local(&config) { TlsMode::Disable } else { TlsMode::VerifyFull });
    let resolve = |path: &PathBuf| options.resolve(path);
    Some(Target {
        config,
        password_file: given.password_file.as_ref().map(resolve),
        tls,
        ca_file: given.ca_file.as_ref().map(resolve),
        answer_max: ANSWER_TIME_MAX,
    })
}

fn is_local(config: &tokio_postgres::Config) -> bool {
    use tokio_postgres::config::Host;
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn check(value: Json) -> Result<Config, Vec<OptionsError>> {
        Config::from_options(&Options { id: "rows".into(), value, base: "/etc/x".into() })
    }

    #[test]
    fn a_server_a_table_and_its_key_are_enough() {
        let config = check(json!({"host": "db", "table": "logs", "key": "id"})).unwrap();
        assert_eq!(config.target.tls, TlsMode::VerifyFull, "another machine is called with TLS");
        assert_eq!(config.start, StartKey::Beginning);
        let url = json!({"url": "postgres://me@localhost/x", "table": "a.b", "key": ["at", "id"]});
        assert_eq!(check(url).unwrap().target.tls, TlsMode::Disable);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let errors = check(json!({
            "key": [], "page": 0, "max_line_bytes": 1, "poll_interval": "0s", "query": "select 1",
            "poll_budget": {"requests": 1},
        }))
        .unwrap_err();
        let paths: Vec<&str> = errors.iter().map(|error| error.path[0].as_str()).collect();
        let expected = [
            "poll_budget",
            "url",
            "key",
            "query",
            "page",
            "max_line_bytes",
            "poll_interval",
            "start",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for url in ["postgres://me:hunter2@db/x", "postgres://me:hunter2@db:port/x"] {
            let errors = check(json!({"url": url, "table": "a", "key": "b"})).unwrap_err();
            assert!(!format!("{errors:?}").contains("hunter2"));
        }
    }
}
