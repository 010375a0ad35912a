//! What the tests on Postgres share: stores in schemas of their own, on each version of the server.

use engine::component::{Options, Store};
use engine::testing::conformance::Fixture;
use engine::testing::postgres::{Server, Version};
use serde_json::{Value, json};
use sinks::store::PostgresStore;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

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
