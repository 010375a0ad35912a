//! The options of the store `postgres`, and where they lead.
//!
//! *Promises:* the password is read anew for every connection and stands in no message and in no debug
//! output.

use crate::store::retention::RetentionOptions;
use engine::component::{HumanDuration, Options, OptionsError};
use serde::Deserialize;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Longest password that is read from a file, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// Longest name of a schema, which is Postgres's own limit.
const SCHEMA_BYTES_MAX: usize = 63;
/// After this long without a sign of life, a connection on which data waits is given up.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is silent before it is probed, how often, and how many probes may fail: 14 s.
pub(super) const KEEPALIVE: (u64, u64, u32) = (5, 3, 3);

/// Options of the sink `postgres`.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PostgresOptions {
    /// Where the server is, in one line: `postgres://user@host:5432/database`. Either this or `host`,
    /// `port`, `database` and `user`. A password is better kept in `password_file`.
    url: Option<String>,
    /// The server's name, its address, or the folder of its socket. `localhost` unless given.
    host: Option<String>,
    /// The server's port. 5432 unless given.
    port: Option<u16>,
    /// The database; it must exist. The user's name unless given.
    database: Option<String>,
    /// The user. `seismolog` unless given.
    user: Option<String>,
    /// A file that holds the user's password and nothing else, read again for every connection, so
    /// that a password may change while the engine runs.
    password_file: Option<PathBuf>,
    /// The schema that holds the tables: lower-case letters, digits and `_`. It is created if it is not
    /// there.
    schema: String,
    /// How the way to the server is protected.
    tls: TlsOptions,
    /// How long one attempt to connect may take.
    connect_timeout: HumanDuration,
    /// How long the server may work on one statement before it gives up.
    statement_timeout: HumanDuration,
    /// How long to wait for an answer of the server before the connection counts as dead.
    deadline: HumanDuration,
    /// How long what is kept.
    retention: RetentionOptions,
}

/// How the way to the server is protected.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsOptions {
    /// How much is asked for. What `sslmode` in `url` says unless given, else `prefer`.
    mode: Option<TlsMode>,
    /// A file with the certificates (PEM) that may vouch for the server, for `verify-full`; without it
    /// the public ones may.
    pub(super) ca_file: Option<PathBuf>,
}

/// How much protection is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it, whoever the server is.
    Prefer,
    /// TLS always, whoever the server is.
    Require,
    /// TLS always, and the server proves by its certificate that it has the name it was called by.
    VerifyFull,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            url: None,
            host: None,
            port: None,
            database: None,
            user: None,
            password_file: None,
            schema: "seismolog".to_owned(),
            tls: TlsOptions::default(),
            connect_timeout: HumanDuration::from_secs(5),
            statement_timeout: HumanDuration::from_secs(10),
            deadline: HumanDuration::from_secs(12),
            retention: RetentionOptions::default(),
        }
    }
}

/// A server, a database and a schema, and how to get there.
#[derive(Clone)]
pub(super) struct Target {
    config: Config,
    password_file: Option<PathBuf>,
    pub(super) schema: String,
    pub(super) tls: TlsMode,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) deadline: Duration,
    pub(super) retention: RetentionOptions,
}

impl PostgresOptions {
    /// Reads options; reports every mistake that can be found without a server.
    pub(super) fn target(options: &Options) -> Result<Target, Vec<OptionsError>> {
        let read: Self = options.parse()?;
        let mut mistakes = Vec::new();
        let mut config = read.config().unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Config::new()
        });
        let tls = read.tls.mode.unwrap_or(match config.get_ssl_mode() {
            SslMode::Disable => TlsMode::Disable,
            SslMode::Require => TlsMode::Require,
            _ => TlsMode::Prefer,
        });
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
        });
        let first = |c: char| c.is_ascii_lowercase() || c == '_';
        let plain = read.schema.chars().all(|c| first(c) || c.is_ascii_digit());
        if !plain || !read.schema.starts_with(first) || read.schema.len() > SCHEMA_BYTES_MAX {
            let what = format!("{:?} is no plain name of a schema", read.schema);
            let hint = "Use lower-case letters, digits and `_`, and begin with a letter.";
            mistakes.push(OptionsError::at("schema", what).hint(hint));
        }
        for (name, length) in [
            ("connect_timeout", read.connect_timeout),
            ("statement_timeout", read.statement_timeout),
            ("deadline", read.deadline),
        ] {
            if length.0.is_zero() {
                mistakes.push(OptionsError::at(name, "must be longer than nothing"));
            }
        }
        mistakes.extend(read.retention.mistakes());
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let resolve = |path: PathBuf| options.resolve(&path);
        Ok(Target {
            config,
            password_file: read.password_file.map(resolve),
            schema: read.schema,
            tls,
            ca_file: read.tls.ca_file.map(resolve),
            connect_timeout: read.connect_timeout.0,
            statement_timeout: read.statement_timeout.0,
            deadline: read.deadline.0,
            retention: read.retention,
        })
    }

    fn config(&self) -> Result<Config, OptionsError> {
        let mut config = match &self.url {
            Some(url) => {
                let parts = [&self.host, &self.database, &self.user];
                if parts.iter().any(|part| part.is_some()) || self.port.is_some() {
                    let what = "says it all; `host`, `port`, `database` and `user` cannot be added";
                    return Err(OptionsError::at("url", what));
                }
                // The parser's own words could repeat the password.
                let what = "is no address such as `postgres://user@host:5432/database`";
                url.parse().map_err(|_| OptionsError::at("url", what))?
            }
            None => {
                let mut config = Config::new();
                config.host(self.host.as_deref().unwrap_or("localhost"));
                config.port(self.port.unwrap_or(5432));
                config.user(self.user.as_deref().unwrap_or("seismolog"));
                config
            }
        };
        if let Some(database) = &self.database {
            config.dbname(database);
        }
        let (idle, interval, retries) = KEEPALIVE;
        config
            .connect_timeout(self.connect_timeout.0)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .keepalives_idle(Duration::from_secs(idle))
            .keepalives_interval(Duration::from_secs(interval))
            .keepalives_retries(retries);
        Ok(config)
    }
}

impl Target {
    /// Returns how to connect now, under a name that the server shows: the password as it stands in
    /// its file at this moment.
    pub(super) fn config(&self, name: &str) -> Result<Config, String> {
        let mut config = self.config.clone();
        config.application_name(name);
        if let Some(path) = &self.password_file {
            let mut password = String::new();
            #[allow(clippy::disallowed_methods, reason = "limited by `take`")]
            File::open(path)
                .and_then(|file| file.take(PASSWORD_BYTES_MAX).read_to_string(&mut password))
                .map_err(|error| format!("could not read the password file {path:?}: {error}"))?;
            config.password(password.trim_end_matches(['\r', '\n']));
        }
        Ok(config)
    }
}

impl fmt::Display for Target {
    /// Writes the server's place, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.display().to_string(),
        });
        let ports = self.config.get_ports();
        for (at, host) in hosts.enumerate() {
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            write!(f, "{}{host}:{port}", if at > 0 { "," } else { "" })?;
        }
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or("?");
        write!(f, "/{database}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn target(value: serde_json::Value) -> Result<Target, Vec<OptionsError>> {
        let options = Options { id: "store".into(), value, base: PathBuf::from("/etc/app") };
        PostgresOptions::target(&options)
    }

    #[test]
    fn a_place_is_named_without_user_and_password() {
        let url = "postgres://someone:secret@db.example:6543/logs";
        let found = target(json!({ "url": url })).ok().unwrap();
        assert_eq!(found.to_string(), "db.example:6543/logs");
        let parts = json!({ "host": "db", "port": 1, "database": "d", "user": "u" });
        assert_eq!(target(parts).ok().unwrap().to_string(), "db:1/d");
        assert_eq!(target(json!({})).ok().unwrap().to_string(), "localhost:5432/seismolog");
    }

    #[test]
    fn sslmode_in_the_address_is_heeded_unless_the_option_says_otherwise() {
        let tls = |value| target(value).ok().unwrap().tls;
        assert_eq!(tls(json!({ "url": "postgres://a@b/c" })), TlsMode::Prefer);
        let url = "postgres://a@b/c?sslmode=require";
        assert_eq!(tls(json!({ "url": url })), TlsMode::Require);
        assert_eq!(
            tls(json!({ "url": url, "tls": { "mode": "verify-full" } })),
            TlsMode::VerifyFull
        );
    }

    #[test]
    fn mistakes_are_named_and_none_repeats_a_password() {
        let both = json!({ "url": "postgres://a:secret@b/c", "host": "b" });
        let broken = json!({ "url": "postgres://a:secret@b:port/c" });
        let names = json!({ "schema": "Robert'); --", "deadline": "0s" });
        for (options, places) in
            [(both, vec!["url"]), (broken, vec!["url"]), (names, vec!["schema", "deadline"])]
        {
            let mistakes = target(options).err().unwrap();
            let found: Vec<_> = mistakes.iter().map(|mistake| mistake.path.join(".")).collect();
            assert_eq!(found, places);
            assert!(mistakes.iter().all(|mistake| !mistake.message.contains("secret")));
        }
    }

    #[test]
    fn the_password_is_what_the_file_holds_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let found = target(json!({ "password_file": path })).ok().unwrap();
        assert!(found.config("a").err().unwrap().contains("password file"));
        for password in ["first", "second"] {
            std::fs::write(&path, format!("{password}\n")).unwrap();
            let config = found.config("a").unwrap();
            assert_eq!(config.get_password(), Some(password.as_bytes()));
            assert!(!format!("{config:?}").contains(password));
        }
    }
}
