//! Tests the connection: what would be read, in one sentence.

use super::config::{Config, StartKey};
use super::failure::Failure;
use super::position::Key;
use super::session::Session;
use tokio_postgres::Row;

/// Connects, and asks for the version and the highest key.
pub fn check(config: &Config) -> Result<String, Failure> {
    let stopped = || false;
    let session = Session::open(&config.target, &stopped)?;
    let begin = match &config.start {
        StartKey::Behind(key) => vec![key.as_str()],
        StartKey::Beginning | StartKey::Now => Vec::new(),
    };
    let rows = session.query("SELECT current_setting('server_version')", &[], &stopped)?;
    let version: String = rows.first().map_or(Ok(String::new()), |row| row.try_get(0))?;
    let rows = session.query(&config.sql.highest(begin.len()), &begin, &stopped)?;
    let highest: Option<Key> = rows.first().map(|row: &Row| row.try_get(0)).transpose()?;
    let highest = match highest {
        Some(key) => format!("the highest key is {}", key.join(", ")),
        None => "there is no row yet".to_owned(),
    };
    Ok(format!("Postgres {version}: {} can be read, {highest}", config.what))
}
