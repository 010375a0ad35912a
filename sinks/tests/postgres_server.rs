//! What the tests on Postgres share: stores in schemas of their own, on each version of the server.

use engine::component::{Options, Store};
use engine::testing::conformance::Fixture;
use engine::testing::postgres::{Server, Version};
use serde_json::{Value, json};
use sinks::store::PostgresStore;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, Error, NoTls};

/// Returns options with which a store finds an empty schema on the shared server.
pub fn fresh_options(version: Version) -> Value {
    static DATABASES: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];
    let database = DATABASES[version as usize].get_or_init(|| Server::shared(version).database());
    json!({ "url": database, "schema": fresh_schema() })
}

/// Returns the name of a schema that no other test uses.
pub fn fresh_schema() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("schema_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

/// Returns a store with the given options.
pub fn open(options: &Value) -> PostgresStore {
    let options = Options { id: "store".into(), value: options.clone(), base: "/".into() };
    PostgresStore::new(&options).unwrap()
}

/// Returns an empty store, and how to open it again.
pub fn fresh(version: Version) -> Fixture {
    let options = fresh_options(version);
    let store = Box::new(open(&options));
    let reopen = move || -> Box<dyn Store> { Box::new(open(&options)) };
    Fixture { store, reopen: Box::new(reopen) }
}

/// Another session on a server, as somebody at a prompt would have.
pub struct Visitor {
    runtime: Runtime,
    client: Client,
}

impl Visitor {
    /// Connects to a database.
    pub fn connect(url: &str) -> Result<Visitor, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut config: Config = url.parse().unwrap();
        config.application_name("visitor");
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(async move { drop(connection.await) });
            Ok(client)
        })?;
        Ok(Visitor { runtime, client })
    }

    /// Runs SQL.
    pub fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    /// Returns the first number of the answer.
    pub fn number(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.client.query_one(sql, &[])).unwrap().get(0)
    }
}
