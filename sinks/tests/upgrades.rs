//! `upgrade_`: a store of an earlier version is brought up to date, and what it held is understood.

use crate::postgres_server::{Visitor, fresh_options, open};
use engine::component::{AlertQuery, Commit, Contents, Incarnation, OutboxQuery, Store};
use engine::model::{
    Activity, Alert, AlertDetails, AlertKey, AlertKind, AlertState, Bucket, Deed, Epoch, EventTime,
    Happened, IssueId, Notice, OutboxRow, OutboxState, Standing, Verdict,
};
use engine::testing::postgres::Version;
use sinks::store::SqliteStore;
use std::sync::Arc;

const OWNER: Incarnation = Incarnation(3);
const KEY: AlertKey = AlertKey(0x00AB_0000_0000_0000_0000_0000_0000_00CD);

/// The schema before alerts had a life.
const SQLITE: [&str; 7] = [
    include_str!("../src/store/schema/sqlite/0001_first.sql"),
    include_str!("../src/store/schema/sqlite/0002_state.sql"),
    include_str!("../src/store/schema/sqlite/0003_values.sql"),
    include_str!("../src/store/schema/sqlite/0004_vectors.sql"),
    include_str!("../src/store/schema/sqlite/0005_meaning.sql"),
    include_str!("../src/store/schema/sqlite/0006_retention.sql"),
    include_str!("../src/store/schema/sqlite/0007_seals.sql"),
];
const POSTGRES: [&str; 2] = [
    include_str!("../src/store/schema/postgres/0001_first.sql"),
    include_str!("../src/store/schema/postgres/0002_retention.sql"),
];

/// Returns the statement that stores an alert as it was; `blob` writes bytes.
fn alert_of_old(blob: impl Fn(u128) -> String) -> String {
    let (key, issue) = (blob(KEY.0), blob(9));
    format!("INSERT INTO alerts VALUES ({key}, {issue}, 600, 900, 300, 12, 600, 9, 500, 8000);")
}

/// Asks for the alert of an earlier version, then commits what only this one knows.
fn check(mut store: Box<dyn Store>) {
    store.load().unwrap();
    let reader = store.reader();
    let now = EventTime::from_secs(5_000);
    let found = reader.alerts(&AlertQuery::default(), now).unwrap();
    let details = AlertDetails {
        incident: KEY,
        kind: AlertKind::Spike,
        state: AlertState::Resolved,
        fired_at: EventTime::from_secs(900),
        changed_at: EventTime::from_secs(1_200),
        ..AlertDetails::default()
    };
    let old = Alert {
        key: KEY,
        issue: IssueId(9),
        start: Bucket(600),
        last: Bucket(900),
        bucket_secs: 300,
        peak: Verdict {
            bucket: Bucket(600),
            observed: 9,
            expected_milli: 500,
            surprise_milli: 8_000,
        },
        observed: 12,
        details,
    };
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].alert, found[0].firing), (&old, false));

    store.claim(OWNER, &[]).unwrap();
    let details = AlertDetails { state: AlertState::Firing, ..old.details.clone() };
    let notice = Arc::new(Notice { incident: KEY, number: 1, ..Notice::default() });
    let row = OutboxRow { notifier: "mail".into(), notice, state: OutboxState::Queued };
    let said = Activity {
        at: EventTime(1),
        issue: IssueId(9),
        happened: Happened::Deed(Deed::Comment),
        by: "mia".into(),
        comment: "known".into(),
    };
    let contents = Contents {
        alerts: vec![Alert { details, ..old }],
        standings: vec![(IssueId(9), Some(Standing::default()))],
        activity: vec![said.clone()],
        outbox: vec![row.clone()],
        ..Contents::default()
    };
    let (incarnation, epoch, source_ids) = (OWNER, Epoch(1), Arc::new([]));
    store.commit(&Commit { incarnation, predecessor: None, epoch, source_ids, contents }).unwrap();
    store.load().unwrap();
    assert!(reader.alert(KEY, now).unwrap().unwrap().firing);
    assert_eq!(reader.outbox(&OutboxQuery::default()).unwrap(), [row]);
    assert_eq!(reader.activity(IssueId(9), 9, 0).unwrap(), [said]);
}

#[test]
fn upgrade_of_a_sqlite_file_gives_alerts_their_details_an_outbox_and_triage() {
    let seals = ["minutes", "hours", "totals", "accounts", "offsets", "state", "horizons"];
    let seal = |kind| format!("INSERT INTO seals VALUES ('{kind}', 0);");
    for is_sealed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        SQLITE.iter().for_each(|sql| connection.execute_batch(sql).unwrap());
        connection.pragma_update(None, "application_id", 0x7365_6973).unwrap();
        connection.pragma_update(None, "user_version", 7).unwrap();
        connection.execute_batch(&alert_of_old(|id| format!("x'{id:032x}'"))).unwrap();
        if is_sealed {
            connection.execute_batch(&seals.map(seal).concat()).unwrap();
        }
        drop(connection);
        check(Box::new(SqliteStore::new(path)));
    }
}

#[test]
fn upgrade_of_a_postgres_schema_gives_alerts_their_details_an_outbox_and_triage() {
    // Whoever comes first in a database adds pgvector.
    open(&fresh_options(Version::V18)).load().unwrap();
    let options = fresh_options(Version::V18);
    let schema = options["schema"].as_str().unwrap();
    let visitor = Visitor::connect(options["url"].as_str().unwrap()).unwrap();
    visitor.run(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}, public"));
    for (sql, number) in POSTGRES.iter().zip(1..) {
        visitor.run(&format!("{sql}; INSERT INTO migrations (number) VALUES ({number})"));
    }
    visitor.run(&alert_of_old(|id| format!("'\\x{id:032x}'")));
    check(Box::new(open(&options)));
}
