//! What is kept: retention, backups, moves from one kind of store to another, and damage that is noticed.
#![allow(clippy::disallowed_methods, reason = "tests read the small files they wrote")]

use crate::postgres_server;
use engine::component::{
    AlertQuery, Commit, Contents, CountRow, Incarnation, IssueQuery, OutboxQuery, Store, StoreError,
};
use engine::model::{
    Activity, Alert, AlertDetails, AlertKey, AlertState, Bucket, Epoch, EventTime, Fingerprint,
    Happened, Issue, IssueId, Member, Notice, NoticeId, OutboxRow, OutboxState, Standing,
};
use engine::testing::answers::{answers, history};
use engine::testing::generate::{Commits, fold, issue_of};
use engine::testing::postgres::Version;
use sinks::store::SqliteStore;
use std::path::Path;
use std::sync::Arc;

const OWNER: Incarnation = Incarnation(7);
const DAY_SECS: i64 = 86_400;
/// The number of a day far from any other test's.
const FIRST_DAY: i64 = 19_000;

/// An empty store of each kind, and a name for messages.
fn each_kind(check: impl Fn(&str, &mut dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    check("sqlite", &mut SqliteStore::new(folder.path().join("store.db")));
    let options = postgres_server::fresh_options(Version::V18);
    check("postgres", &mut postgres_server::open(&options));
}

/// Commits counts of one fingerprint, one commit for each.
struct Counting<'a> {
    store: &'a mut dyn Store,
    epoch: Option<Epoch>,
}

impl Counting<'_> {
    fn of(store: &mut dyn Store) -> Counting<'_> {
        store.load().unwrap();
        store.claim(OWNER, &[]).unwrap();
        Counting { store, epoch: None }
    }

    fn count(&mut self, counts: impl IntoIterator<Item = (i64, i64)>) {
        let counts = counts.into_iter().map(|(secs, n)| (Fingerprint(1), Bucket(secs), n));
        self.commit(Contents { counts: counts.collect(), ..Contents::default() });
    }

    fn commit(&mut self, contents: Contents) {
        let epoch = Epoch(self.epoch.map_or(0, |epoch| epoch.0) + 1);
        let predecessor = self.epoch.replace(epoch);
        let source_ids = ["app".to_owned()].into();
        let commit = Commit { incarnation: OWNER, predecessor, epoch, source_ids, contents };
        self.store.commit(&commit).unwrap();
    }

    fn prune(&mut self) {
        while self.store.prune().unwrap() {}
    }
}

/// Returns what is exported: day, length of the bucket, events.
fn exported(store: &dyn Store) -> Vec<(i64, i64, i64)> {
    let mut rows = Vec::new();
    let each = &mut |row: CountRow| {
        let day = row.bucket_start.secs().div_euclid(DAY_SECS) - FIRST_DAY;
        rows.push((day, row.bucket_seconds, row.count));
        true
    };
    store.reader().export_counts(each).unwrap();
    rows
}

fn day(number: i64) -> i64 {
    (FIRST_DAY + number) * DAY_SECS
}

#[test]
fn minutes_become_hours_then_totals_and_late_events_never_a_part_of_a_bucket() {
    each_kind(|kind, store| {
        let mut counting = Counting::of(store);
        counting.count([(day(0), 5), (day(450) + 60, 2), (day(450) + 120, 1), (day(500), 7)]);
        counting.prune();
        assert_eq!(exported(counting.store), [(450, 3600, 3), (500, 60, 7)], "{kind}");
        counting.count([(day(0), 3), (day(450), 1)]);
        assert_eq!(exported(counting.store), [(450, 3600, 4), (500, 60, 7)], "{kind}");
        assert_eq!(counting.store.reader().audit().unwrap().counted, 19, "{kind}");
        let again = counting.store.load().map(|_| ());
        assert!(again.is_ok(), "{kind}: the sums agree: {again:?}");
    });
}

#[test]
fn what_is_kept_does_not_depend_on_when_it_was_forgotten() {
    let rows = [(day(0), 5), (day(460), 2), (day(490), 1), (day(500), 7)];
    each_kind(|kind, store| {
        let mut counting = Counting::of(store);
        for row in rows.iter().rev() {
            counting.count([*row]);
            counting.prune();
        }
        let backwards = exported(counting.store);
        let folder = tempfile::tempdir().unwrap();
        let mut other = SqliteStore::new(folder.path().join("store.db"));
        let mut counting = Counting::of(&mut other);
        counting.count(rows);
        counting.prune();
        assert_eq!(exported(counting.store), backwards, "{kind}");
    });
}

#[test]
fn counts_of_forgotten_minutes_are_those_of_their_hours() {
    each_kind(|kind, store| {
        let mut counting = Counting::of(store);
        counting.count([(day(450) + 60, 2), (day(450) + 660, 1), (day(500) + 120, 7)]);
        counting.prune();
        let mut ask = |secs, since| {
            let counts = counting.store.counts(history(secs, since)).unwrap();
            counts.into_iter().map(|(_, bucket, n)| (bucket.0, n)).collect::<Vec<_>>()
        };
        let hours = [(day(450), 3), (day(500), 7)];
        assert_eq!(ask(60, i64::MIN), [hours[0], (day(500) + 120, 7)], "{kind}");
        assert_eq!(ask(300, day(450)), hours, "{kind}");
        assert_eq!(ask(3_600, day(450)), hours, "{kind}");
        assert_eq!(ask(300, day(450) + 300), hours[1..], "{kind}");
        assert_eq!(ask(86_400, day(450)), hours, "{kind}");
    });
}

#[test]
fn alerts_that_are_open_and_notices_that_wait_are_never_forgotten() {
    let alert = |key, state, days| {
        let details = AlertDetails { state, ..AlertDetails::default() };
        let last = Bucket(day(days));
        Alert { key: AlertKey(key), last, bucket_secs: 60, details, ..Alert::default() }
    };
    let row = |number, state| {
        let id = NoticeId::new(AlertKey(1), number);
        let notice = Arc::new(Notice { id, number, ..Notice::default() });
        OutboxRow { notifier: "mail".into(), notice, state }
    };
    let delivered = |days| OutboxState::Delivered { at: Bucket(day(days)).start() };
    let dead = |days| OutboxState::Dead { at: Bucket(day(days)).start(), reason: "gone".into() };
    let contents = fold([Contents {
        counts: vec![(Fingerprint(1), Bucket(day(500)), 1)],
        alerts: vec![
            alert(1, AlertState::Snoozed, 0),
            alert(2, AlertState::Resolved, 0),
            alert(3, AlertState::Retracted, 0),
            alert(4, AlertState::Resolved, 400),
        ],
        outbox: vec![
            row(1, OutboxState::Queued),
            row(2, delivered(460)),
            row(3, delivered(464)),
            row(4, dead(440)),
            row(5, dead(441)),
            row(6, delivered(471)),
        ],
        ..Contents::default()
    }]);
    each_kind(|kind, store| {
        let mut counting = Counting::of(store);
        counting.commit(contents.clone());
        counting.prune();
        let reader = counting.store.reader();
        let alerts = reader.alerts(&AlertQuery::default(), EventTime(0)).unwrap();
        let alerts: Vec<_> = alerts.iter().map(|row| row.alert.key.0).collect();
        assert_eq!(alerts, [1, 4], "{kind}");
        let outbox = reader.outbox(&OutboxQuery::default()).unwrap();
        let outbox: Vec<_> = outbox.iter().map(|row| row.notice.number).collect();
        assert_eq!(outbox, [1, 6, 3, 5], "{kind}");
        counting.store.load().unwrap();
    });
}

#[test]
fn activity_is_forgotten_like_alerts_and_how_issues_stand_never() {
    let said = |days| Activity {
        at: Bucket(day(days)).start(),
        issue: IssueId(1),
        happened: Happened::Regressed,
        by: "".into(),
        comment: days.to_string().into(),
    };
    let standing = Standing { changed_at: Bucket(day(0)).start(), ..Standing::default() };
    let standing = Standing { assignee: Some("mia".into()), ..standing };
    let issue = Issue { id: IssueId(1), ..issue_of(1) };
    let seen = fold([Contents {
        counts: vec![(Fingerprint(1), Bucket(day(500)), 1)],
        issues: vec![(issue, true)],
        members: vec![(Member { fingerprint: Fingerprint(1), issue: IssueId(1) }, true)],
        standings: vec![(IssueId(1), Some(standing.clone()))],
        activity: [100, 0, 101, 500, 99].map(said).to_vec(),
        ..Contents::default()
    }]);
    let many = (0..5_001).map(|n| Activity { comment: n.to_string().into(), ..said(1) });
    let many = fold([Contents { activity: many.collect(), ..Contents::default() }]);
    each_kind(|kind, store| {
        let mut counting = Counting::of(store);
        counting.commit(seen.clone());
        counting.commit(many.clone());
        assert!(counting.store.prune().unwrap(), "{kind}: one step forgets a bounded piece");
        counting.prune();
        let reader = counting.store.reader();
        let kept = reader.activity(IssueId(1), usize::MAX, 0).unwrap();
        // To the hour: what happened 400 days before the end of the newest hour is old enough.
        assert_eq!(kept, [said(500), said(101)], "{kind}");
        let everything = IssueQuery::everything(EventTime(0));
        let listed = reader.issues(&everything).unwrap().issues;
        assert_eq!(listed.len(), 1, "{kind}");
        assert_eq!(listed[0].standing, standing, "{kind}");
        counting.commit(Contents { activity: vec![said(499)], ..Contents::default() });
        assert_eq!(reader.activity(IssueId(1), 9, 1).unwrap(), [said(499), said(101)], "{kind}");
        counting.store.load().unwrap();
    });
}

#[test]
fn limit_one_step_forgets_a_bounded_piece() {
    each_kind(|kind, store| {
        let mut counting = Counting::of(store);
        let old = (0..5_001).map(|minute| (day(0) + 60 * minute, 1));
        counting.count(old.chain([(day(500), 1)]));
        assert!(counting.store.prune().unwrap(), "{kind}: one row is left");
        assert!(!counting.store.prune().unwrap(), "{kind}");
        assert_eq!(exported(counting.store), [(500, 60, 1)], "{kind}");
    });
}

/// Fills a store with commits of a seed.
fn filled(store: &mut dyn Store, seed: u64) {
    store.load().unwrap();
    store.claim(OWNER, &[]).unwrap();
    let mut commits = Commits::new(seed, 20);
    for _ in 0..6 {
        store.commit(&commits.next(OWNER)).unwrap();
    }
}

#[test]
fn a_backup_restored_into_any_store_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: String| folder.path().join(name);
    for seed in 0..3 {
        let mut origin = SqliteStore::new(path(format!("origin-{seed}.db")));
        filled(&mut origin, seed);
        let expected = answers(&mut origin);
        let backup = path(format!("backup-{seed}.db"));
        let report = origin.reader().backup(&backup).unwrap();
        assert!(report.epoch.is_some() && report.issues as usize >= expected.pages[0].issues.len());

        let mut postgres = postgres_server::open(&postgres_server::fresh_options(Version::V18));
        postgres.load().unwrap();
        assert_eq!(postgres.restore(&backup, false).unwrap(), report);
        assert_eq!(answers(&mut postgres), expected, "moved to Postgres, seed {seed}");

        let back = path(format!("back-{seed}.db"));
        assert_eq!(postgres.reader().backup(&back).unwrap(), report);
        let mut again = SqliteStore::new(path(format!("again-{seed}.db")));
        assert_eq!(again.restore(&back, false).unwrap(), report);
        assert_eq!(answers(&mut again), expected, "and back, seed {seed}");
        again.claim(OWNER, &[]).unwrap();
        drop(again);
        let mut live = SqliteStore::new(&back);
        assert_eq!(answers(&mut live), expected, "a backup is itself a store, seed {seed}");
    }
}

#[test]
fn the_file_of_a_sqlite_store_moves_to_postgres_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut origin = SqliteStore::new(&path);
    filled(&mut origin, 5);
    let expected = answers(&mut origin);
    drop(origin);
    let mut postgres = postgres_server::open(&postgres_server::fresh_options(Version::V16));
    postgres.restore(&path, false).unwrap();
    assert_eq!(answers(&mut postgres), expected);
}

#[test]
fn what_is_stored_is_not_replaced_unless_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut origin = SqliteStore::new(folder.path().join("origin.db"));
    filled(&mut origin, 1);
    let backup = folder.path().join("backup.db");
    origin.reader().backup(&backup).unwrap();
    let again = origin.reader().backup(&backup).unwrap_err().to_string();
    assert!(again.contains("there already"), "{again}");
    each_kind(|kind, store| {
        filled(store, 2);
        let before = answers(store);
        let refused = store.restore(&backup, false).unwrap_err().to_string();
        assert!(refused.contains("--replace"), "{kind}: {refused}");
        assert_eq!(answers(store), before, "{kind}");
        store.restore(&backup, true).unwrap();
        assert_ne!(answers(store), before, "{kind}");
    });
}

#[test]
fn nobody_restores_into_a_store_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut owner = SqliteStore::new(&path);
    filled(&mut owner, 1);
    let backup = folder.path().join("backup.db");
    owner.reader().backup(&backup).unwrap();
    let error = SqliteStore::new(&path).restore(&backup, true).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
}

#[test]
fn a_damaged_backup_is_refused_or_still_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut origin = SqliteStore::new(folder.path().join("origin.db"));
    filled(&mut origin, 3);
    let expected = answers(&mut origin);
    let backup = folder.path().join("backup.db");
    origin.reader().backup(&backup).unwrap();
    let bytes = std::fs::read(&backup).unwrap();
    let restored = |damaged: &[u8]| {
        let (from, to) = (folder.path().join("damaged.db"), folder.path().join("to.db"));
        std::fs::write(&from, damaged).unwrap();
        let mut store = SqliteStore::new(&to);
        let restored = store.restore(&from, true);
        restored.map(|_| answers(&mut store))
    };
    let mut refused = 0;
    for step in 0..60 {
        let mut damaged = bytes.clone();
        let at = bytes.len() * step / 60 + step % 13;
        damaged[at] ^= 1 << (step % 8);
        match restored(&damaged) {
            Ok(answers) => assert!(answers == expected, "byte {at} changed an answer"),
            Err(StoreError::Damaged { .. } | StoreError::Unavailable { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 5, "only {refused} of 60 flipped bits were noticed");
    assert!(restored(&bytes[..bytes.len() / 2]).is_err());
    assert!(restored(&[]).is_err());
}

#[test]
fn a_count_that_something_else_changed_is_noticed_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    filled(&mut SqliteStore::new(&path), 4);
    for (table, column) in [("minutes", "n"), ("hours", "n"), ("totals", "total")] {
        let change = |by: &str| {
            let connection = rusqlite::Connection::open(&path).unwrap();
            let one = format!("(SELECT min(fingerprint_id) FROM {table})");
            let sql =
                format!("UPDATE {table} SET {column} = {column} {by} WHERE fingerprint_id = {one}");
            assert!(connection.execute(&sql, []).unwrap() > 0);
            SqliteStore::new(&path).load().map(|_| ())
        };
        let error = change("+ 4").unwrap_err().to_string();
        assert!(error.contains("sums disagree") && error.contains("seismolog restore"), "{error}");
        change("- 4").unwrap();
    }
}

/// Fills a SQLite store, then changes a table behind its back: the next one to load it says so.
fn assert_noticed(table: &str, changes: &[[&str; 2]]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    filled(&mut SqliteStore::new(&path), 4);
    let connection = rusqlite::Connection::open(&path).unwrap();
    for [change, undo] in changes {
        let after = |change: &str| {
            assert!(connection.execute(change, []).unwrap() > 0, "{change}");
            SqliteStore::new(&path).load().map(|_| ())
        };
        let error = after(&format!("UPDATE {table} SET {change}")).unwrap_err().to_string();
        assert!(error.contains(&format!("its {table}: not what was committed")), "{error}");
        after(&format!("UPDATE {table} SET {undo}")).unwrap();
    }
    connection.execute(&format!("DELETE FROM {table}"), []).unwrap();
    assert!(SqliteStore::new(&path).load().is_err(), "the rows of {table} are gone");
}

#[test]
fn a_notice_that_something_else_changed_is_noticed() {
    assert_noticed(
        "outbox",
        &[
            ["state = state || 'x'", "state = rtrim(state, 'x')"],
            ["body = body || ' '", "body = rtrim(body)"],
            ["at = at + 1", "at = at - 1"],
            ["settled_at = settled_at - 1", "settled_at = settled_at + 1"],
        ],
    );
}

#[test]
fn what_people_decided_and_something_else_changed_is_noticed() {
    assert_noticed(
        "standings",
        &[
            ["state = state || 'x'", "state = rtrim(state, 'x')"],
            ["changed_at = changed_at + 1", "changed_at = changed_at - 1"],
            ["changed_by = changed_by || 'x'", "changed_by = rtrim(changed_by, 'x')"],
            ["until = until - 1", "until = until + 1"],
            ["assignee = assignee || 'x'", "assignee = rtrim(assignee, 'x')"],
        ],
    );
    assert_noticed(
        "activity",
        &[["at = at + 1", "at = at - 1"], ["body = body || ' '", "body = rtrim(body)"]],
    );
}

#[test]
fn every_table_is_in_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    filled(&mut SqliteStore::new(&path), 6);
    let backup = folder.path().join("backup.db");
    SqliteStore::new(&path).reader().backup(&backup).unwrap();
    let rows = |path: &Path, table: &str| -> i64 {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    };
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 15);
    // The seals are those of one file; a restored store gets its own.
    for table in tables.into_iter().filter(|table| table != "seals") {
        assert_eq!(rows(&backup, &table), rows(&path, &table), "{table}");
    }
}
