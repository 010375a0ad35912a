//! What every store must do with how issues stand with people, and with what happened to them.

use super::{FIRST, Fresh, SECOND, commit_all, detail, names, seen};
use crate::component::{Commit, Contents, IssueQuery, ReadStore};
use crate::model::{Activity, Deed, Epoch, EventTime, Happened, Member, Standing, TriageState};
use crate::testing::answers::everything;
use crate::testing::generate::{fingerprint_of, fold, issue_of};

fn standing(state: TriageState, assignee: Option<&str>) -> Standing {
    Standing {
        state,
        changed_at: EventTime(7),
        by: "mia".into(),
        until: (state == TriageState::Ignored).then_some(EventTime(99)),
        assignee: assignee.map(Into::into),
    }
}

/// Contents that say how issues stand.
fn stand(standings: impl IntoIterator<Item = (u64, Option<Standing>)>) -> Contents {
    let standings = standings.into_iter().map(|(number, standing)| (issue_of(number).id, standing));
    fold([Contents { standings: standings.collect(), ..Contents::default() }])
}

/// What somebody said about an issue.
fn said(number: u64, at: i64, comment: &str) -> Activity {
    Activity {
        at: EventTime(at),
        issue: issue_of(number).id,
        happened: Happened::Deed(Deed::Comment),
        by: "mia".into(),
        comment: comment.into(),
    }
}

fn happened(activity: impl IntoIterator<Item = Activity>) -> Contents {
    fold([Contents { activity: activity.into_iter().collect(), ..Contents::default() }])
}

/// Contents that make an issue part of another one.
fn merged(part: u64, whole: u64) -> Contents {
    let moved = |issue: u64, present| {
        (Member { fingerprint: fingerprint_of(part), issue: issue_of(issue).id }, present)
    };
    fold([Contents {
        issues: vec![(issue_of(part), false)],
        members: vec![moved(whole, true), moved(part, false)],
        ..Contents::default()
    }])
}

fn comments(reader: &dyn ReadStore, number: u64, limit: usize, skip: usize) -> Vec<String> {
    let found = reader.activity(issue_of(number).id, limit, skip).expect("it answers");
    found.iter().map(|entry| entry.comment.to_string()).collect()
}

/// An issue stands as was said last; one of which nothing was said, or that was forgotten, is open and
/// nobody's.
pub fn conforms_the_latest_standing_of_an_issue_stands_until_it_is_forgotten(fresh: Fresh<'_>) {
    use TriageState::{Ignored, Open, Resolved};
    let mut fixture = fresh().claimed(FIRST);
    let first = [
        (3, Some(standing(Resolved, None))),
        (6, Some(standing(Ignored, Some("zoë \0")))),
        (9, Some(standing(Ignored, None))),
        (77, Some(standing(Resolved, None))),
    ];
    let second =
        [(3, Some(standing(Ignored, Some("")))), (6, None), (9, None), (12, None), (77, None)];
    let third = [(9, Some(standing(Open, Some("mia"))))];
    let seen = [3, 6, 9, 12].map(seen);
    commit_all(&mut *fixture.store, seen.into_iter().chain([stand(first.clone())]));
    let mut stands = |number| detail(&mut *fixture.store, number).issue.standing;
    assert_eq!(stands(3), standing(Resolved, None));
    assert_eq!(stands(6), standing(Ignored, Some("zoë \0")));
    assert_eq!(stands(12), Standing::default());
    for (number, contents) in (6..).zip([stand(second), stand(third)]) {
        let (predecessor, epoch) = (Some(Epoch(number - 1)), Epoch(number));
        let (incarnation, source_ids) = (FIRST, names());
        let commit = Commit { incarnation, predecessor, epoch, source_ids, contents };
        fixture.store.commit(&commit).expect("it commits");
    }
    let mut fixture = fixture.restarted();
    fixture.store.load().expect("it loads");
    let mut stands = |number| detail(&mut *fixture.store, number).issue.standing;
    assert_eq!(stands(3), standing(Ignored, Some("")), "nobody is not the same as no name");
    assert_eq!(stands(6), Standing::default());
    assert_eq!(stands(9), standing(Open, Some("mia")));
}

/// Lists can be narrowed down before they are cut into pages; what an issue that is gone stood like is
/// never shown.
pub fn conforms_issues_are_found_by_how_they_stand_and_who_looks_after_them(fresh: Fresh<'_>) {
    use TriageState::{Ignored, Open, Regressed, Resolved};
    let mut fixture = fresh().claimed(FIRST);
    let standings = [
        (1, Some(standing(Resolved, Some("mia")))),
        (2, Some(standing(Ignored, Some("zoë")))),
        (3, Some(standing(Regressed, None))),
        (4, Some(standing(Resolved, None))),
        (5, Some(standing(Open, Some("mia")))),
        (8, Some(standing(Resolved, Some("mia")))),
    ];
    let epochs = (1..=6).map(seen).chain([stand(standings), merged(4, 3)]);
    commit_all(&mut *fixture.store, epochs);
    assert_eq!(detail(&mut *fixture.store, 4).issue.standing, standing(Regressed, None));
    let reader = fixture.store.reader();
    let ask = |triage: Option<&[TriageState]>, assignee: Option<&str>, limit, skip| {
        let triage = triage.map(|states| states.iter().copied().collect());
        let assignee = assignee.map(str::to_owned);
        let query = IssueQuery { triage, assignee, limit, skip, ..everything() };
        let page = reader.issues(&query).expect("it answers");
        let of = |id| (1..9).find(|&number| issue_of(number).id == id).expect("it was seen");
        (page.matching, page.issues.iter().map(|row| of(row.id)).collect::<Vec<u64>>())
    };
    let all = |triage, assignee| {
        let (matching, mut found) = ask(triage, assignee, 9, 0);
        assert_eq!(matching, found.len());
        found.sort_unstable();
        found
    };
    assert_eq!(all(None, None), [1, 2, 3, 5, 6]);
    assert_eq!(all(Some(&[Open]), None), [5, 6]);
    assert_eq!(all(Some(&[Open, Regressed]), None), [3, 5, 6]);
    assert_eq!(all(Some(&[Resolved]), None), [1]);
    assert_eq!(all(Some(&[]), None), [0; 0]);
    assert_eq!(all(Some(&TriageState::ALL), None), all(None, None));
    assert_eq!(all(None, Some("mia")), [1, 5]);
    assert_eq!(all(Some(&[Ignored, Resolved]), Some("mia")), [1]);
    assert_eq!(all(None, Some("")), [0; 0]);
    let (_, listed) = ask(Some(&[Open, Regressed]), None, 9, 0);
    assert_eq!(ask(Some(&[Open, Regressed]), None, 1, 1), (3, listed[1..2].to_vec()));
    assert_eq!(ask(None, Some("mia"), 1, 0).0, 2);
    let some = IssueQuery {
        ids: Some([1, 2, 6].map(|number| issue_of(number).id).into()),
        triage: Some([Open].into()),
        ..everything()
    };
    let found = reader.issues(&some).expect("it answers");
    assert_eq!((found.matching, found.issues[0].id), (1, issue_of(6).id));
}

/// The latest comes first, whenever it was committed; what happened at one instant has an order too.
pub fn conforms_activity_is_listed_latest_first_page_by_page(fresh: Fresh<'_>) {
    let epochs = [
        vec![said(3, 20, "b"), said(3, 10, "early"), said(6, 25, "of another one")],
        vec![said(3, 30, "last"), said(3, 20, "c"), said(3, i64::MIN, "first")],
        vec![said(3, 20, "a"), said(3, 20, "b")],
    ];
    let listed = ["last", "a", "b", "b", "c", "early", "first"];
    let order = [[0, 1, 2], [2, 1, 0]];
    for order in order {
        let mut fixture = fresh().claimed(FIRST);
        let epochs = order.map(|epoch| happened(epochs[epoch].clone()));
        commit_all(&mut *fixture.store, epochs.into_iter().chain([seen(3)]));
        let mut fixture = fixture.restarted();
        fixture.store.load().expect("it loads");
        let reader = fixture.store.reader();
        assert_eq!(comments(&*reader, 3, usize::MAX, 0), listed);
        assert_eq!(comments(&*reader, 3, 3, 1), listed[1..4]);
        assert_eq!(comments(&*reader, 3, 9, 6), listed[6..]);
        assert_eq!(comments(&*reader, 3, 0, 0), [""; 0]);
        assert_eq!(comments(&*reader, 3, 9, 7), [""; 0]);
        assert_eq!(comments(&*reader, 6, 9, 0), ["of another one"]);
        let found = reader.activity(issue_of(3).id, 1, 0).expect("it answers");
        assert_eq!(found, [said(3, 30, "last")]);
    }
}

/// What happened to an issue before it became part of another one is part of that one's history, and a
/// link to it leads there.
pub fn conforms_activity_of_a_merged_id_is_that_of_the_issue_it_became_part_of(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let before = happened([said(3, 10, "three"), said(4, 20, "four"), said(5, 15, "five")]);
    let after = happened([said(3, 30, "whole"), said(6, 40, "another one")]);
    let alone = [3, 4, 5, 6].map(seen).into_iter().chain([before]);
    commit_all(&mut *fixture.store, alone.chain([merged(4, 3), after]));
    let reader = fixture.store.reader();
    assert_eq!(comments(&*reader, 3, 9, 0), ["whole", "four", "three"]);
    assert_eq!(comments(&*reader, 4, 9, 0), ["whole", "four", "three"]);
    assert_eq!(comments(&*reader, 4, 1, 1), ["four"]);
    assert_eq!(comments(&*reader, 5, 9, 0), ["five"], "it is still an issue of its own");
    assert_eq!(comments(&*reader, 77, 9, 0), [""; 0]);
    // The issue comes apart again, and each part has its own.
    let split = Contents {
        issues: vec![(issue_of(4), true)],
        members: vec![
            (Member { fingerprint: fingerprint_of(4), issue: issue_of(4).id }, true),
            (Member { fingerprint: fingerprint_of(4), issue: issue_of(3).id }, false),
        ],
        ..Contents::default()
    };
    let (predecessor, epoch, contents) = (Some(Epoch(7)), Epoch(8), fold([split]));
    let (incarnation, source_ids) = (FIRST, names());
    let commit = Commit { incarnation, predecessor, epoch, source_ids, contents };
    fixture.store.commit(&commit).expect("it commits");
    assert_eq!(comments(&*reader, 3, 9, 0), ["whole", "three"]);
    assert_eq!(comments(&*reader, 4, 9, 0), ["four"]);
}

/// A commit that is tried again after it was stored, or by somebody who no longer may, adds nothing.
pub fn conforms_what_happened_is_written_down_once(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let contents = fold([seen(3), happened([said(3, 10, "once"), said(3, 10, "once")])]);
    let (incarnation, source_ids) = (FIRST, names());
    let (predecessor, epoch) = (None, Epoch(1));
    let commit = Commit { incarnation, predecessor, epoch, source_ids, contents };
    fixture.store.commit(&commit).expect("it commits");
    super::assert_fenced(fixture.store.commit(&commit));
    let again = Commit { predecessor: Some(epoch), epoch: Epoch(2), ..commit };
    super::assert_fenced(fixture.store.commit(&Commit { incarnation: SECOND, ..again.clone() }));
    let twice = ["once", "once"];
    assert_eq!(comments(&*fixture.store.reader(), 3, 9, 0), twice, "it was said twice");
    fixture.store.commit(&again).expect("it commits");
    assert_eq!(comments(&*fixture.store.reader(), 3, 9, 0), [twice, twice].concat());
}
