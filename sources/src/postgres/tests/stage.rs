//! A source before a real server, and other sessions beside it.

use super::super::PostgresSource;
use engine::component::Options;
use engine::model::EventTime;
use engine::testing::FakeIntake;
use serde_json::{Value as Json, json};
use tokio_postgres::{Client, NoTls};

/// When every test begins.
pub const NOW: EventTime = EventTime::from_secs(1_767_225_600);

/// Returns a source that reads `logs` by `id`, with more options.
pub fn source(url: &str, options: Json) -> PostgresSource {
    let mut value = json!({"url": url, "table": "logs", "key": "id"});
    value.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    value.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    PostgresSource::new(&Options { id: "rows".into(), value, base: "/".into() }).unwrap()
}

pub fn polls(count: usize) -> FakeIntake {
    FakeIntake::at(NOW).stop_after_waits(count)
}

/// Returns the values of a column in the delivered lines, sorted.
pub fn column(lines: &[String], name: &str) -> Vec<i64> {
    let value = |line: &String| {
        let row: Json = serde_json::from_str(line).unwrap();
        row[name].as_i64().unwrap_or_else(|| panic!("{line} has no {name}"))
    };
    let mut values: Vec<i64> = lines.iter().map(value).collect();
    values.sort_unstable();
    values
}

/// A session of another program.
pub struct Peer {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Peer {
    pub fn connect(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    pub fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.client.query_one(sql, &[])).unwrap().get(0)
    }
}

/// The table that most tests read.
pub const TABLE: &str = "CREATE TABLE logs (id bigserial PRIMARY KEY, message text)";
