//! `fault_`: what happens to servers. They crash, are full, read-only, locked, slow, out of connections or
//! away, and their passwords change; the committer says why, and brings every epoch in exactly once.

use crate::committing::Committing;
use crate::postgres_server::{Visitor, fresh_options, fresh_schema, open};
use engine::component::{Store, StoreError};
use engine::model::{Bucket, Fact};
use engine::testing::generate::{START_SECS, fingerprint_of};
use engine::testing::postgres::{Server, Version};
use serde_json::{Value, json};

/// Ends the store's sessions, so that it must connect again.
const END_SESSIONS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                            WHERE application_name LIKE 'seismolog %'";

fn url_of(options: &Value) -> String {
    options["url"].as_str().unwrap().to_owned()
}

fn schema_of(options: &Value) -> String {
    options["schema"].as_str().unwrap().to_owned()
}

/// Commits an epoch while `trouble` holds, checks that the complaint says `words`, and another one after.
fn in_trouble(options: &Value, words: &[&str], trouble: impl FnOnce() -> Box<dyn FnOnce()>) {
    let mut committing = Committing::start(Box::new(open(options)), 11);
    let end = trouble();
    committing.send();
    committing.wait_for_complaint(words);
    end();
    committing.wait_until_durable();
    committing.send();
    committing.assert_exact(Box::new(open(options)));
}

#[test]
fn fault_a_server_that_crashes_again_and_again_loses_nothing() {
    let mut server = Server::start(Version::V18, &[]);
    let options = json!({ "url": server.address().database(), "schema": fresh_schema() });
    let mut committing = Committing::start(Box::new(open(&options)), 12);
    for _ in 0..crate::postgres_faults::cases(3).min(20) {
        committing.send();
        committing.wait_until_durable();
        committing.send();
        server.crash();
        committing.send();
        committing.next_complaint();
        server.start_again();
        committing.wait_until_durable();
        committing.forget_complaints();
    }
    committing.assert_exact(Box::new(open(&options)));
}

#[test]
fn fault_a_store_may_be_opened_before_its_server() {
    let mut server = Server::start(Version::V16, &[]);
    let options = json!({ "url": server.address().database() });
    server.crash();
    let mut store = open(&options);
    let error = store.load().unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.sentence().contains("refused"), "{error:?}");
    assert!(store.reader().audit().is_err());
    server.start_again();
    store.load().unwrap();
    assert!(store.reader().audit().unwrap().balanced);
}

#[test]
fn fault_a_read_only_server_is_named() {
    let server = Server::start(Version::V18, &[]);
    let options = json!({ "url": server.address().database() });
    let address = server.address();
    let set = move |value: &str| {
        let sql = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        address.psql("postgres", &sql);
        address.psql("postgres", "SELECT pg_reload_conf()");
        address.psql("postgres", END_SESSIONS);
    };
    in_trouble(&options, &["read-only"], || {
        set("on");
        Box::new(move || set("off"))
    });
}

#[test]
fn fault_a_slow_statement_is_given_up() {
    let mut options = fresh_options(Version::V18);
    options["statement_timeout"] = json!("400ms");
    let schema = schema_of(&options);
    let visitor = Visitor::connect(&url_of(&options)).unwrap();
    in_trouble(&options, &["statement_timeout"], move || {
        visitor.run(&format!(
            "SET search_path = {schema}; \
             CREATE FUNCTION {schema}.dawdle() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN PERFORM pg_sleep(5); RETURN NULL; END'; \
             CREATE TRIGGER dawdle BEFORE UPDATE ON checkpoint \
             FOR EACH STATEMENT EXECUTE FUNCTION dawdle()"
        ));
        Box::new(move || visitor.run("DROP FUNCTION dawdle CASCADE"))
    });
}

#[test]
fn fault_a_lock_is_named_with_its_holder() {
    let mut options = fresh_options(Version::V16);
    options["statement_timeout"] = json!("500ms");
    let schema = schema_of(&options);
    let visitor = Visitor::connect(&url_of(&options)).unwrap();
    in_trouble(&options, &["a lock is held by visitor (pid"], move || {
        visitor.run(&format!("BEGIN; LOCK TABLE {schema}.checkpoint"));
        Box::new(move || visitor.run("ROLLBACK"))
    });
}

#[test]
fn fault_too_many_connections_are_named() {
    let server = Server::start(Version::V18, &["max_connections=6"]);
    let database = server.address().database();
    let options = json!({ "url": database });
    in_trouble(&options, &["too many connections", "max_connections"], || {
        let first = Visitor::connect(&database).unwrap();
        first.number(END_SESSIONS);
        let mut visitors = vec![first];
        while let Ok(another) = Visitor::connect(&database) {
            visitors.push(another);
        }
        Box::new(move || drop(visitors))
    });
}

/// A limit on the length of files is what stands for a full disk: it needs no rights, and the server
/// meets it where it would meet the disk's end.
#[test]
fn fault_a_full_disk_is_named_and_nothing_is_lost() {
    let server = Server::start(Version::V18, &[]);
    let options = json!({ "url": server.address().database() });
    let address = server.address();
    let mut committing = Committing::start(Box::new(open(&options)), 13);
    server.limit_file_bytes(Some(2 << 20));
    address.psql("postgres", END_SESSIONS);
    let many = |n: i64| Fact::Count {
        fingerprint: fingerprint_of(n as u64 % 9),
        bucket: Bucket(START_SECS / 60 * 60 + 60 * (n / 9)),
        n: 1,
    };
    committing.send_facts((0..60_000).map(many).collect());
    committing.wait_for_complaint(&["disk space"]);
    server.limit_file_bytes(None);
    committing.wait_until_durable();
    committing.send();
    committing.assert_exact(Box::new(open(&options)));
}

#[test]
fn fault_a_password_may_change_while_the_engine_runs() {
    let server = Server::start(Version::V18, &[]);
    let database = server.address().database();
    let name = database.rsplit('/').next().unwrap().to_owned();
    let address = server.address();
    let hba = server.data().join("pg_hba.conf");
    std::fs::write(&hba, "host all clerk all scram-sha-256\nhost all all all trust\n").unwrap();
    address.psql("postgres", "CREATE ROLE clerk LOGIN PASSWORD 'first'; SELECT pg_reload_conf()");
    address.psql("postgres", &format!("GRANT CREATE ON DATABASE {name} TO clerk"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "wrong\n").unwrap();
    let url = database.replace("postgres@", "clerk@");
    let options = json!({ "url": url, "password_file": file });
    let error = open(&options).load().unwrap_err();
    assert!(error.sentence().contains("refused the user or the password"), "{error:?}");
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    std::fs::write(&file, "first\n").unwrap();
    in_trouble(&options, &[], || {
        address.psql("postgres", "ALTER ROLE clerk PASSWORD 'second'");
        address.psql("postgres", END_SESSIONS);
        let file = file.clone();
        Box::new(move || std::fs::write(file, "second\n").unwrap())
    });
}
