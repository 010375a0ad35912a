//! The schema in Postgres: what is refused and in which words, and what is stored without loss.

use crate::postgres_server::{Visitor, fresh_options, open};
use engine::component::{Commit, Contents, Incarnation, Store, StoreError};
use engine::model::{Epoch, RejectReason, Rejected, SourceIndex, StateRow};
use engine::testing::postgres::{Server, Version};
use serde_json::{Value, json};

const OWNER: Incarnation = Incarnation(1);

fn visit(options: &Value, sql: &str) {
    let visitor = Visitor::connect(options["url"].as_str().unwrap()).unwrap();
    visitor.run(&format!("SET search_path = {}; {sql}", options["schema"].as_str().unwrap()));
}

fn refused(options: &Value) -> String {
    let error = open(options).load().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    error.sentence()
}

#[test]
fn a_newer_schema_is_refused_politely_by_writer_and_reader() {
    let options = fresh_options(Version::V18);
    let mut store = open(&options);
    store.load().unwrap();
    drop(store);
    visit(&options, "INSERT INTO migrations (number) VALUES (1000)");
    let error = refused(&options);
    assert!(error.contains("newer version") && error.contains("schema 1000"), "{error:?}");
    assert!(open(&options).reader().audit().is_err());
}

#[test]
fn a_schema_of_another_program_is_refused_and_left_alone() {
    let options = fresh_options(Version::V16);
    let schema = options["schema"].as_str().unwrap();
    visit(&options, &format!("CREATE SCHEMA {schema}; CREATE TABLE theirs (a int)"));
    let error = refused(&options);
    assert!(error.contains("another program"), "{error:?}");
}

#[test]
fn tables_that_somebody_removed_are_named() {
    let options = fresh_options(Version::V18);
    let mut store = open(&options);
    store.load().unwrap();
    visit(&options, "DROP TABLE minutes");
    let error = store.reader().export_counts(&mut |_| true).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.sentence().contains("minutes"), "{error:?}");
}

#[test]
fn a_server_without_pgvector_is_refused_with_what_to_run() {
    let server = Server::shared(Version::V16);
    server.psql("postgres", "CREATE DATABASE plain");
    let create = "CREATE ROLE guest LOGIN; ALTER DATABASE plain OWNER TO postgres";
    server.psql("postgres", create);
    let url = format!("{}/plain", server.server).replace("postgres@", "guest@");
    let error = refused(&json!({ "url": url }));
    assert!(error.contains("CREATE EXTENSION vector"), "{error:?}");
}

#[test]
fn pgvector_is_added_where_that_is_allowed_and_found_where_it_is() {
    let server = Server::shared(Version::V18);
    server.psql("postgres", "CREATE DATABASE bare");
    let options = json!({ "url": format!("{}/bare", server.server) });
    open(&options).load().unwrap();
    server.psql("postgres", "CREATE DATABASE elsewhere");
    server.psql("elsewhere", "CREATE SCHEMA tools; CREATE EXTENSION vector SCHEMA tools");
    let options = json!({ "url": format!("{}/elsewhere", server.server) });
    let mut store = open(&options);
    store.load().unwrap();
    assert!(store.reader().audit().unwrap().balanced);
}

#[test]
fn any_character_is_stored_without_loss() {
    let mut store = open(&fresh_options(Version::V16));
    store.load().unwrap();
    store.claim(OWNER, &[]).unwrap();
    let texts = ["a\0b", "\0", "\u{1}", "\u{1}\0\u{1}\u{2}", "é\u{10FFFF}\r\n\\x00'"];
    let state = |text: &&str| StateRow {
        node: "node".into(),
        key: (*text).into(),
        value: Some(text.as_bytes().into()),
    };
    let rejected = |(hash, text): (u64, &&str)| Rejected {
        source: SourceIndex(7),
        reason: RejectReason::AbsurdTime,
        hash,
        record: (*text).to_owned(),
    };
    let contents = Contents {
        state: texts.iter().map(state).collect(),
        rejected: (0..).zip(&texts).map(rejected).collect(),
        ..Contents::default()
    };
    let source_ids = ["app".to_owned()].into();
    let (incarnation, epoch) = (OWNER, Epoch(1));
    store.commit(&Commit { incarnation, predecessor: None, epoch, source_ids, contents }).unwrap();
    let stored = store.load().unwrap().state;
    assert_eq!(stored.len(), texts.len());
    for ((_, key), value) in stored {
        assert_eq!(key.as_bytes(), &*value);
    }
}
