//! The suite that every [`Store`] must pass. Each check is a function from a way to get an empty
//! store to nothing, and panics with the seed if a promise is broken; `store_conforms!` makes one
//! test of each, in the family `conforms_`. `SEISMOLOG_CASES` raises the number of seeds.
//!
//! *Promises checked:* 1 to 4 of `component::store`, and with them I1 (merges do not depend on
//! order) and I5 (all or nothing) as far as a store can keep them.

mod alerts;
mod triage;

pub use alerts::{
    conforms_alerts_are_found_by_state_issue_service_and_range,
    conforms_an_alert_is_replaced_and_never_removed,
    conforms_an_issue_spikes_while_one_of_its_alerts_is_open,
    conforms_the_latest_row_of_a_notice_and_a_notifier_stands,
    conforms_the_outbox_lists_what_waits_longest_and_what_was_settled_last,
};
pub use triage::{
    conforms_activity_is_listed_latest_first_page_by_page,
    conforms_activity_of_a_merged_id_is_that_of_the_issue_it_became_part_of,
    conforms_issues_are_found_by_how_they_stand_and_who_looks_after_them,
    conforms_the_latest_standing_of_an_issue_stands_until_it_is_forgotten,
    conforms_what_happened_is_written_down_once,
};

use super::answers::{Answers, all_history, answers, everything, export, history};
use super::generate::{Commits, SOURCE_IDS, START_SECS, Seeded, fingerprint_of, fold, issue_of};
use crate::component::{
    Commit, Contents, Incarnation, IssueDetail, IssueQuery, IssueRow, NodeIdentity, RejectedRow,
    SamplesOf, Store, StoreError,
};
use crate::model::{
    Account, Bucket, Counter, Epoch, EventTime, Fingerprint, FirstSeen, KernelClass, Member,
    Offset, PartitionId, Progress, RejectReason, Rejected, Sample, Severity, SeverityClass,
    Sighting, Similarity, SourceIndex, StateRow, Tag, TagReason, Tagged, Template, TextId, Vector,
    VectorRow,
};

/// An empty store and a way to open it again once its first handle is dropped.
pub struct Fixture {
    /// The first handle.
    pub store: Box<dyn Store>,
    /// Opens another handle to the same durable state.
    pub reopen: Box<dyn FnMut() -> Box<dyn Store>>,
}

impl Fixture {
    /// Drops the handle, as a crash would, and opens another one.
    fn restarted(self) -> Self {
        let Fixture { store, mut reopen } = self;
        drop(store);
        let store = reopen();
        Self { store, reopen }
    }

    fn claimed(mut self, incarnation: Incarnation) -> Self {
        self.store.load().expect("an empty store loads");
        self.store.claim(incarnation, &identity()).expect("a store can be claimed");
        self
    }
}

/// Makes an empty store.
pub type Fresh<'a> = &'a mut dyn FnMut() -> Fixture;

const FIRST: Incarnation = Incarnation(0xFFFF_0000_1111_2222);
const SECOND: Incarnation = Incarnation(7);

/// Makes a test of every check for the store that `$fresh` makes.
#[macro_export]
macro_rules! store_conforms {
    ($fresh:expr) => {
        $crate::store_conforms!($fresh;
            conforms_an_empty_store_has_nothing,
            conforms_the_next_owner_loads_what_was_committed,
            conforms_a_wrong_predecessor_changes_nothing,
            conforms_a_replaced_incarnation_changes_nothing,
            conforms_claims_repeat_without_effect_on_results,
            conforms_epochs_one_by_one_or_folded_leave_the_same_rows,
            conforms_sums_and_merges_do_not_depend_on_order,
            conforms_a_reader_sees_commits_at_once_and_nothing_else,
            conforms_the_export_adds_up_to_the_audit,
            conforms_the_export_stops_when_told,
            conforms_the_state_of_operators_comes_back,
            conforms_vectors_come_back_bit_by_bit,
            conforms_a_tag_is_replaced_whatever_comes_first,
            conforms_issues_are_found_by_tag_and_by_id,
            conforms_an_id_that_was_merged_leads_to_the_issue_of_its_fingerprint,
            conforms_a_forgotten_partition_keeps_its_accounts,
            conforms_sightings_merge_to_first_last_and_worst,
            conforms_a_renamed_graph_keeps_rows_under_source_ids,
            conforms_counts_of_an_unknown_fingerprint_wait_for_their_sighting,
            conforms_samples_are_the_smallest_hashes_of_a_day,
            conforms_samples_are_found_by_issue_by_fingerprint_and_by_merged_id,
            conforms_rejected_records_are_shown_with_their_numbers_and_examples,
            conforms_counts_are_those_of_whole_buckets_since_one,
            conforms_an_alert_is_replaced_and_never_removed,
            conforms_alerts_are_found_by_state_issue_service_and_range,
            conforms_an_issue_spikes_while_one_of_its_alerts_is_open,
            conforms_the_latest_row_of_a_notice_and_a_notifier_stands,
            conforms_the_outbox_lists_what_waits_longest_and_what_was_settled_last,
            conforms_the_latest_standing_of_an_issue_stands_until_it_is_forgotten,
            conforms_issues_are_found_by_how_they_stand_and_who_looks_after_them,
            conforms_activity_is_listed_latest_first_page_by_page,
            conforms_activity_of_a_merged_id_is_that_of_the_issue_it_became_part_of,
            conforms_what_happened_is_written_down_once,
        );
    };
    ($fresh:expr; $($check:ident,)*) => {
        $(#[test]
        fn $check() {
            $crate::testing::conformance::$check(&mut || $fresh);
        })*
    };
}

/// A store that has no events has no issues, no counts and a balanced audit.
pub fn conforms_an_empty_store_has_nothing(fresh: Fresh<'_>) {
    let mut fixture = fresh();
    assert_eq!(fixture.store.load().expect("it loads"), Default::default());
    assert_eq!(fixture.store.counts(all_history(300)).expect("it answers"), []);
    assert_eq!(fixture.store.committed().expect("it answers"), (None, None));
    let reader = fixture.store.reader();
    assert_eq!(reader.issues(&everything()).expect("it answers"), Default::default());
    assert!(reader.audit().expect("it answers").balanced);
}

/// After a restart everything is as it was.
pub fn conforms_the_next_owner_loads_what_was_committed(fresh: Fresh<'_>) {
    for_each_seed(|seed| {
        let mut fixture = fresh().claimed(FIRST);
        let mut commits = Commits::new(seed, 9);
        let mut all = Vec::new();
        for _ in 0..5 {
            let commit = commits.next(FIRST);
            fixture.store.commit(&commit).expect("it commits");
            all.push(commit);
        }
        let before = answers(&mut *fixture.store);
        let mut fixture = fixture.restarted();
        let after = answers(&mut *fixture.store);
        assert_eq!(before, after, "seed {seed}");
        let last = all.last().map(|commit| commit.epoch);
        assert_eq!(fixture.store.committed().expect("it answers"), (last, Some(FIRST)));
        assert_loaded(&after, &fold(all.into_iter().map(|commit| commit.contents)), seed);
    });
}

fn assert_loaded(answers: &Answers, contents: &Contents, seed: u64) {
    let recovered = &answers.recovered;
    assert_eq!(recovered.identity, identity());
    let offsets: Vec<_> = contents.progress.iter().filter_map(partition_offset).collect();
    let mut loaded = recovered.offsets.clone();
    loaded.sort();
    let mut expected = offsets;
    expected.sort();
    assert_eq!(loaded, expected, "seed {seed}");
    assert_eq!(recovered.issues, present(&contents.issues), "seed {seed}");
    assert_eq!(recovered.members, present(&contents.members), "seed {seed}");
    assert_eq!(recovered.parts, present(&contents.parts), "seed {seed}");
    assert_eq!(recovered.parts, answers.parts, "seed {seed}");
    assert_eq!(recovered.tags, present(&contents.tags), "seed {seed}");
    let texts: Vec<_> = contents.vectors.iter().map(|row| row.text).collect();
    let loaded: Vec<_> = recovered.vectors.iter().map(|(text, _)| *text).collect();
    assert_eq!(loaded, texts, "seed {seed}");
    let known: Vec<_> = contents.sightings.iter().map(|s| (s.fingerprint, s.template)).collect();
    let loaded: Vec<_> =
        recovered.fingerprints.iter().map(|known| (known.fingerprint, known.template)).collect();
    assert_eq!(loaded, known, "seed {seed}");
    assert_eq!(answers.counts[0], contents.counts, "seed {seed}");
    let mut alerts: Vec<_> = answers.alerts[0].iter().map(|row| row.alert.clone()).collect();
    alerts.sort();
    assert_eq!(alerts, contents.alerts, "seed {seed}");
    assert_standings(answers, contents, seed);
    let mut outbox = answers.outbox[0].clone();
    outbox.sort_by(|a, b| (a.notice.id, &a.notifier).cmp(&(b.notice.id, &b.notifier)));
    assert_eq!(outbox, contents.outbox, "seed {seed}");
    let counts: Vec<_> = contents.counts.iter().map(|&(f, b, n)| (f, b.start(), n)).collect();
    let mut exported: Vec<_> =
        answers.export.iter().map(|row| (row.fingerprint, row.bucket_start, row.count)).collect();
    exported.sort();
    assert_eq!(exported, counts, "seed {seed}");
}

/// How each listed issue stands is what was committed last.
fn assert_standings(answers: &Answers, contents: &Contents, seed: u64) {
    for row in &answers.pages[0].issues {
        let of_this = contents.standings.iter().find(|(issue, _)| *issue == row.id);
        let standing = of_this.and_then(|(_, standing)| standing.clone());
        assert_eq!(row.standing, standing.unwrap_or_default(), "seed {seed}");
    }
}

fn present<T: Clone>(rows: &[(T, bool)]) -> Vec<T> {
    rows.iter().filter(|(_, present)| *present).map(|(row, _)| row.clone()).collect()
}

fn partition_offset(progress: &Progress) -> Option<(String, PartitionId, Offset)> {
    let source = SOURCE_IDS[usize::from(progress.source.0)].to_owned();
    progress.offset.clone().map(|offset| (source, progress.partition.clone(), offset))
}

/// A commit that does not follow the stored epoch is fenced and changes nothing.
pub fn conforms_a_wrong_predecessor_changes_nothing(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let mut commits = Commits::new(1, 9);
    let first = commits.next(FIRST);
    fixture.store.commit(&first).expect("it commits");
    let before = answers(&mut *fixture.store);
    let next = commits.next(FIRST);
    for predecessor in [None, Some(Epoch(first.epoch.0 + 1))] {
        let stray = Commit { predecessor, ..next.clone() };
        assert_fenced(fixture.store.commit(&stray));
    }
    assert_fenced(fixture.store.commit(&first));
    assert_eq!(answers(&mut *fixture.store), before);
    fixture.store.commit(&next).expect("the right one still commits");
}

/// After another incarnation claimed the store, the old one is fenced and changes nothing.
pub fn conforms_a_replaced_incarnation_changes_nothing(fresh: Fresh<'_>) {
    let mut fixture = fresh();
    let mut commits = Commits::new(2, 9);
    let first = commits.next(FIRST);
    fixture.store.load().expect("it loads");
    assert_fenced(fixture.store.commit(&first));
    let mut fixture = fixture.claimed(FIRST);
    fixture.store.commit(&first).expect("it commits");
    fixture.store.claim(SECOND, &identity()).expect("it can be claimed again");
    let before = answers(&mut *fixture.store);
    let next = commits.next(FIRST);
    assert_fenced(fixture.store.commit(&next));
    assert_eq!(answers(&mut *fixture.store), before);
    let next = Commit { incarnation: SECOND, ..next };
    fixture.store.commit(&next).expect("the new owner commits");
}

/// Claiming changes owner and identity, and nothing else.
pub fn conforms_claims_repeat_without_effect_on_results(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let commit = Commits::new(3, 9).next(FIRST);
    fixture.store.commit(&commit).expect("it commits");
    let before = answers(&mut *fixture.store);
    for _ in 0..2 {
        fixture.store.claim(FIRST, &identity()).expect("a claim can be repeated");
    }
    assert_eq!(answers(&mut *fixture.store), before);
    fixture.store.claim(SECOND, &[]).expect("another may claim");
    let stored = fixture.store.committed().expect("it answers");
    assert_eq!(stored, (Some(commit.epoch), Some(SECOND)));
    assert_eq!(fixture.store.load().expect("it loads").identity, []);
}

/// Group commit is exact.
pub fn conforms_epochs_one_by_one_or_folded_leave_the_same_rows(fresh: Fresh<'_>) {
    for_each_seed(|seed| {
        let (mut singly, mut folded) = (fresh().claimed(FIRST), fresh().claimed(FIRST));
        let mut commits = Commits::new(seed, 9);
        for group in 1..4 {
            let group: Vec<Commit> = (0..group).map(|_| commits.next(FIRST)).collect();
            for commit in &group {
                singly.store.commit(commit).expect("it commits");
            }
            let contents = fold(group.iter().map(|commit| commit.contents.clone()));
            let last = group[group.len() - 1].clone();
            let all = Commit { predecessor: group[0].predecessor, contents, ..last };
            folded.store.commit(&all).expect("it commits");
        }
        assert_eq!(answers(&mut *singly.store), answers(&mut *folded.store), "seed {seed}");
    });
}

/// Counts, accounts, sightings and samples are the same in any order of epochs (I1).
pub fn conforms_sums_and_merges_do_not_depend_on_order(fresh: Fresh<'_>) {
    for_each_seed(|seed| {
        let mut generated = Commits::new(seed, 9);
        let order_free = |c: Contents| Contents {
            progress: vec![],
            state: vec![],
            vectors: vec![],
            members: vec![],
            parts: vec![],
            tags: vec![],
            alerts: vec![],
            standings: vec![],
            outbox: vec![],
            ..c
        };
        let mut epochs: Vec<Contents> = (0..6).map(|_| order_free(generated.contents())).collect();
        epochs.iter_mut().for_each(|epoch| epoch.issues.clear());
        // Membership makes samples visible; it comes first, and is the same both times.
        let issues: Vec<_> = (0..9).map(|number| (issue_of(number), true)).collect();
        let member = |n| Member { fingerprint: fingerprint_of(n), issue: issue_of(n).id };
        let members = (0..9).map(|number| (member(number), true)).collect();
        let membership = fold([Contents { issues, members, ..Contents::default() }]);
        let mut run = |epochs: &[Contents]| {
            let mut fixture = fresh().claimed(FIRST);
            let all = [&membership].into_iter().chain(epochs);
            commit_all(&mut *fixture.store, all.cloned());
            answers(&mut *fixture.store)
        };
        let in_order = run(&epochs);
        Seeded::new(seed).shuffle(&mut epochs);
        assert_eq!(in_order, run(&epochs), "seed {seed}");
    });
}

/// A reader needs no reopening and never sees a commit that failed.
pub fn conforms_a_reader_sees_commits_at_once_and_nothing_else(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let reader = fixture.store.reader();
    let mut commits = Commits::new(4, 9);
    for _ in 0..5 {
        let commit = commits.next(FIRST);
        let before = reader.audit().expect("it answers");
        let stray = Commit { incarnation: SECOND, ..commit.clone() };
        assert_fenced(fixture.store.commit(&stray));
        assert_eq!(reader.audit().expect("it answers"), before);
        fixture.store.commit(&commit).expect("it commits");
        assert_eq!(reader.audit().expect("it answers").epoch, commit.epoch.0);
    }
}

/// What is exported is what was counted, whatever issues say.
pub fn conforms_the_export_adds_up_to_the_audit(fresh: Fresh<'_>) {
    for_each_seed(|seed| {
        let mut fixture = fresh().claimed(FIRST);
        let mut commits = Commits::new(seed, 30);
        let mut contents: Vec<Contents> = (0..6).map(|_| commits.contents()).collect();
        contents.iter_mut().flat_map(|c| &mut c.counts).for_each(|(_, _, n)| *n = n.abs());
        commit_all(&mut *fixture.store, contents);
        let reader = fixture.store.reader();
        let exported: i64 = export(&*reader, usize::MAX).iter().map(|row| row.count).sum();
        let counted = reader.audit().expect("it answers").counted;
        assert_eq!(u64::try_from(exported), Ok(counted), "seed {seed}");
    });
}

/// The export ends when its caller has enough.
pub fn conforms_the_export_stops_when_told(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let counts = (0..9).map(|minute| (fingerprint_of(1), Bucket(60 * minute), 1)).collect();
    commit_all(&mut *fixture.store, [Contents { counts, ..Contents::default() }]);
    assert_eq!(export(&*fixture.store.reader(), 4).len(), 4);
}

/// A partition that is gone for good leaves the checkpoint, not the audit.
pub fn conforms_a_forgotten_partition_keeps_its_accounts(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let progress = |partition: &str, offset: Option<&str>| Progress {
        source: SourceIndex(1),
        partition: PartitionId(partition.into()),
        offset: offset.map(|offset| Offset(offset.to_owned())),
        lag_bytes: 5,
        received: EventTime(1),
    };
    let account = |counter, n| Account { source: SourceIndex(1), counter, n };
    let first = Contents {
        accounts: vec![account(Counter::Read, 3), account(Counter::LostBytes, 9)],
        progress: vec![progress("a", Some("1")), progress("b", Some("2"))],
        ..Contents::default()
    };
    let second = Contents { progress: vec![progress("a", None)], ..Contents::default() };
    commit_all(&mut *fixture.store, [first, second]);
    let offsets = fixture.store.load().expect("it loads").offsets;
    assert_eq!(offsets, [("app".into(), PartitionId("b".into()), Offset("2".into()))]);
    let audit = fixture.store.reader().audit().expect("it answers");
    let source = &audit.sources["app"];
    assert_eq!((source.read, source.lost_bytes, source.lag_bytes), (3, 9, 5));
    assert_eq!((audit.read, audit.balanced), (3, false));
}

/// First is a minimum with its text, last and severity are maxima.
pub fn conforms_sightings_merge_to_first_last_and_worst(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let seen = |first, hash, last, severity, text: &str| Sighting {
        first: FirstSeen { time: EventTime(first), hash },
        last: EventTime(last),
        severity,
        text: text.into(),
        ..sighting(3)
    };
    let sightings = [
        seen(50, 9, 60, Severity::Error, "later"),
        seen(40, u64::MAX, 90, Severity::Fatal, "larger hash"),
        seen(40, 1 << 63, 70, Severity::Error, "shown"),
        seen(45, 0, 80, Severity::Error, "smaller hash"),
    ];
    let epochs = sightings.map(|sighting| with_issue(3, vec![sighting], 1));
    commit_all(&mut *fixture.store, epochs);
    let IssueDetail { issue, members, .. } = detail(&mut *fixture.store, 3);
    let shown = &members[0].fingerprint.template;
    assert_eq!((shown.as_str(), issue.severity), ("shown", Severity::Fatal));
    assert_eq!(issue.template, issue_of(3).text.as_ref());
    assert_eq!((issue.first_seen, issue.last_seen), (EventTime(40), EventTime(90)));
    assert_eq!((issue.total, issue.count, issue.services.len()), (4, 4, 0));
    assert_eq!((members.len(), members[0].total), (1, 4));
}

/// Source indexes are of one graph; what is stored has names.
pub fn conforms_a_renamed_graph_keeps_rows_under_source_ids(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let epochs = [&["a", "b"][..], &["b", "c"], &["c", "b"]];
    for (number, names) in (0..).zip(epochs) {
        let sighting = Sighting { source: SourceIndex(1), ..sighting(number.min(1)) };
        let account = Account { source: SourceIndex(1), counter: Counter::Read, n: 1 };
        let contents =
            Contents { accounts: vec![account], sightings: vec![sighting], ..Contents::default() };
        let commit = Commit {
            incarnation: FIRST,
            predecessor: (number > 0).then_some(Epoch(number)),
            epoch: Epoch(number + 1),
            source_ids: names.iter().map(|name| (*name).to_owned()).collect(),
            contents,
        };
        fixture.store.commit(&commit).expect("it commits");
    }
    let audit = fixture.store.reader().audit().expect("it answers");
    let read: Vec<_> = audit.sources.iter().map(|(id, s)| (id.as_str(), s.read)).collect();
    assert_eq!(read, [("b", 2), ("c", 1)]);
    let known = fixture.store.load().expect("it loads").fingerprints;
    let source_of =
        |n| known.iter().find(|k| k.fingerprint == fingerprint_of(n)).map(|k| &*k.source);
    assert_eq!((source_of(0), source_of(1)), (Some("b"), Some("c")));
}

/// Counts of a history are those of its buckets, which are whole, and that hold any events.
pub fn conforms_counts_are_those_of_whole_buckets_since_one(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let (one, two) =
        (fingerprint_of(1).min(fingerprint_of(2)), fingerprint_of(1).max(fingerprint_of(2)));
    let hour = START_SECS;
    let minute = |of: Fingerprint, minutes: i64, n| (of, Bucket(hour + 60 * minutes), n);
    let counts = [
        vec![minute(one, -1, 1), minute(one, 0, 2), minute(one, 4, 3), minute(one, 5, 4)],
        vec![minute(one, 61, 5), minute(two, 2, 6), minute(two, 3, -6), minute(two, 300, 7)],
    ];
    let epochs = counts.map(|counts| fold([Contents { counts, ..Contents::default() }]));
    commit_all(&mut *fixture.store, epochs);
    let mut ask = |secs, since| {
        let counts = fixture.store.counts(history(secs, since)).expect("it answers");
        let short = |(of, bucket, n): (Fingerprint, Bucket, i64)| {
            assert!(of == one || of == two);
            (1 + u8::from(of == two), (bucket.0 - hour) / 60, n)
        };
        counts.into_iter().map(short).collect::<Vec<_>>()
    };
    let five = [(1, 0, 5), (1, 5, 4), (1, 60, 5), (2, 300, 7)];
    assert_eq!(ask(300, hour), five);
    assert_eq!(ask(300, hour - 299), five, "the bucket before is not whole");
    assert_eq!(ask(300, hour + 1), five[1..]);
    assert_eq!(ask(3_600, hour - 3_600), [(1, -60, 1), (1, 0, 9), (1, 60, 5), (2, 300, 7)]);
    assert_eq!(ask(3_600, hour + 60), [(1, 60, 5), (2, 300, 7)]);
    assert_eq!(ask(60, hour + 4 * 60), [(1, 4, 3), (1, 5, 4), (1, 61, 5), (2, 300, 7)]);
    assert_eq!(ask(60, i64::MIN).len(), 8);
    assert_eq!(ask(60, i64::MAX), []);
}

/// No count is lost because its fingerprint is not known yet.
pub fn conforms_counts_of_an_unknown_fingerprint_wait_for_their_sighting(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let counts = vec![(fingerprint_of(3), Bucket(START_SECS), 5)];
    commit_all(&mut *fixture.store, [Contents { counts, ..Contents::default() }]);
    let recovered = fixture.store.load().expect("it loads");
    let counts = fixture.store.counts(all_history(60)).expect("it answers");
    assert_eq!((recovered.fingerprints.len(), counts.len()), (0, 1));
    assert_eq!(fixture.store.reader().audit().expect("it answers").counted, 5);
    let commit = Commit {
        incarnation: FIRST,
        predecessor: recovered.epoch,
        epoch: Epoch(9),
        source_ids: names(),
        contents: with_issue(3, vec![sighting(3)], 1),
    };
    fixture.store.commit(&commit).expect("it commits");
    assert_eq!(detail(&mut *fixture.store, 3).issue.total, 6);
    let known = fixture.store.load().expect("it loads").fingerprints;
    assert_eq!((known.len(), known[0].class), (1, SeverityClass::Warn));
}

/// A link to an issue that was merged into another one keeps working.
pub fn conforms_an_id_that_was_merged_leads_to_the_issue_of_its_fingerprint(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let merge = Contents {
        issues: vec![(issue_of(4), false)],
        members: vec![
            (Member { fingerprint: fingerprint_of(4), issue: issue_of(3).id }, true),
            (Member { fingerprint: fingerprint_of(4), issue: issue_of(4).id }, false),
        ],
        ..Contents::default()
    };
    commit_all(&mut *fixture.store, [seen(3), seen(4), fold([merge])]);
    let IssueDetail { issue, members, .. } = detail(&mut *fixture.store, 4);
    assert_eq!((issue.id, members.len()), (issue_of(3).id, 2));
    let nobody = fixture.store.reader().issue(issue_of(7).id, &everything());
    assert!(nobody.expect("it answers").is_none());
}

/// A tag with a new score arrives as one row that goes and one that comes, in the order of the rows.
pub fn conforms_a_tag_is_replaced_whatever_comes_first(fresh: Fresh<'_>) {
    let tagged = |score| tagged(3, "disk", score);
    for (old, new) in [(700_000, 800_000), (800_000, 700_000)] {
        let mut fixture = fresh().claimed(FIRST);
        let first = Contents { tags: vec![(tagged(old), true)], ..seen(3) };
        let tags = vec![(tagged(old), false), (tagged(new), true)];
        let second = fold([Contents { tags, ..Contents::default() }]);
        commit_all(&mut *fixture.store, [first, second]);
        let stored = fixture.store.load().expect("it loads").tags;
        assert_eq!(stored, [tagged(new)]);
        assert_eq!(detail(&mut *fixture.store, 3).issue.tags, [tagged(new).tag]);
    }
}

/// Lists show tags, the surest first; they can be asked for one tag, and for some issues.
pub fn conforms_issues_are_found_by_tag_and_by_id(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let tags = [tagged(3, "disk", 500_000), tagged(3, "network", 900_000)];
    let tags = tags.into_iter().chain([tagged(6, "disk", 400_000), tagged(6, "auth", 400_000)]);
    let tags = fold([Contents { tags: tags.map(|tag| (tag, true)).collect(), ..seen(9) }]);
    commit_all(&mut *fixture.store, [seen(3), seen(6), tags]);
    let reader = fixture.store.reader();
    let list = |tag: Option<&str>, ids: Option<&[u64]>| {
        let ids = ids.map(|ids| ids.iter().map(|&number| issue_of(number).id).collect());
        let query = IssueQuery { tag: tag.map(str::to_owned), ids, ..everything() };
        let mut found = reader.issues(&query).expect("it answers").issues;
        found.sort_by_key(|row| row.template.clone());
        let names = |row: &IssueRow| row.tags.iter().map(|tag| tag.name.to_string()).collect();
        found.iter().map(names).collect::<Vec<Vec<String>>>()
    };
    let (three, six) = (["network", "disk"], ["auth", "disk"]);
    assert_eq!(list(None, None), [&three[..], &six, &[]]);
    assert_eq!(list(Some("disk"), None), [three, six]);
    assert_eq!(list(Some("auth"), None), [six]);
    assert_eq!(list(Some("dis"), None), [[""; 0]; 0]);
    assert_eq!(list(None, Some(&[6, 9, 77])), [&six[..], &[]]);
    assert_eq!(list(Some("disk"), Some(&[6, 9])), [six]);
    assert_eq!(list(None, Some(&[])), [[""; 0]; 0]);
}

/// The latest vector of a text comes back, as it was stored and as the embedding that decides.
pub fn conforms_vectors_come_back_bit_by_bit(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let row = |text: &str, seed: f32| {
        let vector = Vector(Box::new(std::array::from_fn(|n| (n as f32 * seed).sin())));
        VectorRow::new(TextId::of_text(text), KernelClass::MINILM_L6_F32, &vector)
    };
    let epochs = [vec![row("disk full", 0.3), row("timeout", 0.5)], vec![row("timeout", 0.7)]];
    let epochs = epochs.map(|vectors| fold([Contents { vectors, ..Contents::default() }]));
    commit_all(&mut *fixture.store, epochs);
    let mut expected = vec![row("disk full", 0.3), row("timeout", 0.7)];
    expected.sort();
    let reader = fixture.store.reader();
    assert_eq!(reader.vectors().expect("it answers"), expected);
    let (one, none) = (TextId::of_text("timeout"), TextId::of_text("nobody asked"));
    let found = reader.vectors_of(&[one, none, one]).expect("it answers");
    assert_eq!(found, [row("timeout", 0.7)]);
    let recovered = fixture.store.load().expect("it loads").vectors;
    let embeddings = expected.iter().map(|row| (row.text, row.embedding().expect("it is whole")));
    assert_eq!(recovered, embeddings.collect::<Vec<_>>());
}

/// What an operator keeps comes back under its key: the latest value, and nothing that it forgot.
pub fn conforms_the_state_of_operators_comes_back(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let row = |key: &str, value: Option<&[u8]>| StateRow {
        node: "events".into(),
        key: key.into(),
        value: value.map(Into::into),
    };
    let epochs = [
        vec![row("a", Some(b"1")), row("b", Some(b"2"))],
        vec![row("a", Some(b"\0\xff")), row("b", None), row("never", None)],
    ];
    let epochs = epochs.map(|state| Contents { state, ..Contents::default() });
    commit_all(&mut *fixture.store, epochs);
    let state = fixture.store.load().expect("it loads").state;
    let expected = (("events".into(), "a".into()), b"\0\xff".as_slice().into());
    assert_eq!(state, [expected].into());
}

/// Samples are bounded per day, without repeats, and do not depend on arrival.
pub fn conforms_samples_are_the_smallest_hashes_of_a_day(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let day = |day: i64| EventTime::from_secs(day * 86_400 - 1);
    let sample = |hash, time, source| Sample {
        hash,
        time,
        source: SourceIndex(source),
        record: format!("record {hash}"),
    };
    let epoch = |samples| with_issue(3, vec![Sighting { samples, ..sighting(3) }], 1);
    let many = |hashes: std::ops::Range<u64>| {
        epoch(hashes.rev().map(|hash| sample(hash << 58, day(5), 0)).collect())
    };
    let again =
        [sample(0, EventTime(day(5).0 - 1), 0), sample(0, day(6), 0), sample(1 << 58, day(5), 1)];
    commit_all(&mut *fixture.store, [many(20..60), many(0..40), epoch(again.to_vec())]);
    let kept = detail(&mut *fixture.store, 3).samples;
    let mut expected: Vec<_> = (0..Sample::PER_DAY_MAX as u64)
        .map(|n| (day(5), "web", format!("record {}", n << 58)))
        .collect();
    // "app" sorts before "web"; the smaller time sorts last in a list that begins with the latest.
    expected[1].1 = "app";
    expected.rotate_left(1);
    expected[Sample::PER_DAY_MAX - 1].0 = EventTime(day(5).0 - 1);
    expected.insert(0, (day(6), "web", "record 0".to_owned()));
    let kept: Vec<_> = kept.iter().map(|s| (s.time, s.source.as_str(), s.record.clone())).collect();
    assert_eq!(kept, expected);
}

/// Samples of all members, of one of them, and of an issue that is now part of another one.
pub fn conforms_samples_are_found_by_issue_by_fingerprint_and_by_merged_id(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let sample = |hash| Sample {
        hash,
        time: EventTime(100 - hash as i64),
        source: SourceIndex(0),
        record: format!("record {hash}"),
    };
    let single = |number, hashes: [u64; 3]| {
        let samples = hashes.map(sample).to_vec();
        with_issue(number, vec![Sighting { samples, ..sighting(number) }], 1)
    };
    let moved = |issue: u64, present| {
        (Member { fingerprint: fingerprint_of(4), issue: issue_of(issue).id }, present)
    };
    let merge = Contents {
        issues: vec![(issue_of(4), false)],
        members: vec![moved(3, true), moved(4, false)],
        ..Contents::default()
    };
    let epochs = [single(3, [5, 2, 9]), single(4, [1, 7, 8]), fold([merge])];
    commit_all(&mut *fixture.store, epochs);
    let reader = fixture.store.reader();
    let ask = |of, limit| reader.samples(of, limit).expect("it answers");
    let hashes = |of, limit| {
        let kept = ask(of, limit).expect("it is known");
        let records = kept.samples.into_iter().map(|sample| sample.record).collect::<Vec<_>>();
        (kept.kept, records.join(", "))
    };
    let (issue, merged) = (issue_of(3).id, SamplesOf::Issue(issue_of(4).id));
    let two = (6, "record 1, record 2".to_owned());
    assert_eq!(hashes(SamplesOf::Issue(issue), 2), two, "the smallest hashes, latest first");
    assert_eq!(hashes(merged, 2), two);
    let one = SamplesOf::Fingerprint(fingerprint_of(4));
    assert_eq!(hashes(one, 9), (3, "record 1, record 7, record 8".to_owned()));
    let (of_issue, of_one) = (ask(merged, 0), ask(one, 0));
    let of_issue = of_issue.expect("it is known");
    assert_eq!(
        (of_issue.issue, of_issue.skeleton),
        (Some(issue), issue_of(3).skeleton.to_string())
    );
    assert_eq!(of_one.map(|one| (one.issue, one.skeleton)), Some((Some(issue), "text".to_owned())));
    assert!(ask(SamplesOf::Issue(issue_of(7).id), 9).is_none());
    assert!(ask(SamplesOf::Fingerprint(fingerprint_of(7)), 9).is_none());
}

/// What was rejected can be looked at, under the name of its source.
pub fn conforms_rejected_records_are_shown_with_their_numbers_and_examples(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let reasons = [RejectReason::FormatMismatch, RejectReason::AbsurdTime];
    let epoch = |hashes: std::ops::Range<u64>| Contents {
        accounts: reasons
            .into_iter()
            .rev()
            .map(|reason| (Counter::Rejected(reason), 40))
            .map(|(counter, n)| Account { source: SourceIndex(1), counter, n })
            .collect(),
        rejected: hashes
            .map(|hash| (hash, format!("line {hash}")))
            .map(|(hash, record)| Rejected {
                source: SourceIndex(1),
                reason: RejectReason::AbsurdTime,
                hash,
                record,
            })
            .collect(),
        ..Contents::default()
    };
    commit_all(&mut *fixture.store, [epoch(20..60), epoch(10..50)]);
    let found = fixture.store.reader().rejected().expect("it answers");
    let row = |reason, examples| RejectedRow { source: "app".into(), reason, count: 80, examples };
    let smallest = (10..).take(Rejected::PER_REASON_MAX).map(|hash| format!("line {hash}"));
    let expected = [
        row(RejectReason::AbsurdTime, smallest.collect()),
        row(RejectReason::FormatMismatch, Vec::new()),
    ];
    assert_eq!(found, expected);
}

fn for_each_seed(mut check: impl FnMut(u64)) {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    (0..cases.unwrap_or(12)).for_each(&mut check);
}

fn assert_fenced(result: Result<(), StoreError>) {
    assert!(matches!(result, Err(StoreError::Fenced(_))), "not fenced: {result:?}");
}

fn identity() -> Vec<NodeIdentity> {
    let options = [("bucket".to_owned(), "60".to_owned())].into();
    vec![NodeIdentity { node: "counts".into(), component: "window".into(), version: 1, options }]
}

fn names() -> std::sync::Arc<[String]> {
    SOURCE_IDS.map(str::to_owned).to_vec().into()
}

fn commit_all(store: &mut dyn Store, epochs: impl IntoIterator<Item = Contents>) {
    let mut predecessor = None;
    for (number, contents) in (1..).zip(epochs) {
        let epoch = Epoch(number);
        let commit =
            Commit { incarnation: FIRST, predecessor, epoch, source_ids: names(), contents };
        store.commit(&commit).expect("it commits");
        predecessor = Some(epoch);
    }
}

fn detail(store: &mut dyn Store, number: u64) -> IssueDetail {
    let found = store.reader().issue(issue_of(number).id, &everything());
    found.expect("it answers").expect("the issue is there")
}

/// Contents with one event of an issue.
fn seen(number: u64) -> Contents {
    with_issue(number, vec![sighting(number)], 1)
}

/// A tag of an issue.
fn tagged(number: u64, name: &str, millionths: i32) -> Tagged {
    let (score, reason) =
        (Similarity::from_millionths(millionths), TagReason::Words("text".into()));
    Tagged { issue: issue_of(number).id, tag: Tag { name: name.into(), score, reason } }
}

/// A plain sighting of a fingerprint.
fn sighting(number: u64) -> Sighting {
    Sighting {
        fingerprint: fingerprint_of(number),
        template: Template::of_skeleton(&number.to_le_bytes()),
        class: SeverityClass::from_code((number / 3 % 3) as u8),
        service: "".into(),
        skeleton: "text".into(),
        first: FirstSeen { time: EventTime(100), hash: 5 },
        text: "text".into(),
        last: EventTime(100),
        severity: Severity::Warn,
        source: SourceIndex(0),
        samples: Vec::new(),
    }
}

/// Contents that see a fingerprint, count it, and make it an issue of its own.
fn with_issue(number: u64, sightings: Vec<Sighting>, n: i64) -> Contents {
    let fingerprint: Fingerprint = fingerprint_of(number);
    Contents {
        counts: vec![(fingerprint, Bucket(START_SECS), n)],
        sightings,
        issues: vec![(issue_of(number), true)],
        members: vec![(Member { fingerprint, issue: issue_of(number).id }, true)],
        ..Contents::default()
    }
}
