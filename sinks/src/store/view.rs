//! What the dashboard's questions mean: an issue as the sum of its members, which issues a query
//! matches, and in which order they are listed. Pure; the stores bring the rows.
//!
//! - An issue is listed if it has members and events in the range.
//! - Its text is that of the member with the smallest (first, fingerprint).
//! - It is new while its first event is less than a day before `now`.
//! - It stands with people as was said last, and is open and nobody's if nothing was.
//! - It spikes while one of its alerts is open.
//! - An alert goes on from its first bucket to the end of its last one; one that is open goes on after that,
//!   and one that was retracted never did.

use engine::component::{
    AlertQuery, AlertRow, IssueOrder, IssuePage, IssueQuery, IssueRow, IssueState, MemberRow,
    SampleRow,
};
use engine::model::{
    Activity, Alert, AlertState, Bucket, EventTime, Fingerprint, FirstSeen, IssueId, Severity,
    SeverityClass, Standing, Tag,
};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

/// The most samples shown of one issue.
pub(crate) const SAMPLES_SHOWN_MAX: usize = 100;
/// The most alerts shown of one issue.
pub(crate) const ALERTS_SHOWN_MAX: usize = 100;
/// How long an issue is new.
const NEW_NANOS: i64 = 24 * 3_600 * 1_000_000_000;

/// When an alert goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) start: Bucket,
    pub(crate) end: Bucket,
    pub(crate) state: AlertState,
}

impl Run {
    /// Returns the run of an alert.
    pub(crate) fn of(alert: &Alert) -> Run {
        let end = Bucket(alert.last.0.saturating_add(i64::from(alert.bucket_secs)));
        Run { start: alert.start, end, state: alert.details.state }
    }

    /// Returns whether it began before the end of the query's range and went on there.
    fn lasts_through(self, query: &IssueQuery) -> bool {
        let goes_on = match self.state {
            AlertState::Retracted => false,
            state => state.is_open() || self.end.start() >= query.to.min(query.now),
        };
        self.start.start() < query.to && goes_on
    }

    /// Returns whether any of it lies in the range of the query.
    pub(crate) fn touches(self, query: &AlertQuery, now: EventTime) -> bool {
        let end = self.end.start();
        let end = if self.state.is_open() { end.max(now) } else { end };
        self.start.start() < query.to && end > query.from
    }
}

/// Returns an alert as it is shown, with what its issue shows and the highest severity of that.
pub(crate) fn alert_row(alert: Alert, template: String, severity: Severity) -> AlertRow {
    AlertRow { template, severity, firing: alert.details.state.is_open(), alert }
}

/// What a question needs to know of one member.
pub(crate) struct MemberFacts<'a> {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) severity: Severity,
    pub(crate) service: &'a str,
    pub(crate) first: FirstSeen,
    pub(crate) last: EventTime,
    /// Events in the range.
    pub(crate) count: i64,
    /// Events ever.
    pub(crate) total: i64,
}

/// An issue, summed up from its members.
pub(crate) struct Summary {
    pub(crate) id: IssueId,
    /// The first event, and whose it is.
    first: (FirstSeen, Fingerprint),
    class: SeverityClass,
    severity: Severity,
    services: BTreeSet<String>,
    last: EventTime,
    count: i64,
    total: i64,
    fingerprints: usize,
    spiking: bool,
    spiking_in_range: bool,
    standing: Standing,
}

impl Summary {
    /// Begins an issue with its first member.
    pub(crate) fn new(id: IssueId, class: SeverityClass, member: &MemberFacts<'_>) -> Self {
        let mut summary = Self {
            id,
            first: (member.first, member.fingerprint),
            class,
            severity: member.severity,
            services: BTreeSet::new(),
            last: member.last,
            count: 0,
            total: 0,
            fingerprints: 0,
            spiking: false,
            spiking_in_range: false,
            standing: Standing::default(),
        };
        summary.add(member);
        summary
    }

    /// Adds a member.
    pub(crate) fn add(&mut self, member: &MemberFacts<'_>) {
        let first = (member.first, member.fingerprint);
        if first < self.first {
            self.first = first;
        }
        self.severity = self.severity.max(member.severity);
        if !member.service.is_empty() && !self.services.contains(member.service) {
            self.services.insert(member.service.to_owned());
        }
        self.last = self.last.max(member.last);
        self.count += member.count;
        self.total += member.total;
        self.fingerprints += 1;
    }

    /// Adds an alert.
    pub(crate) fn alert(&mut self, run: Run, query: &IssueQuery) {
        self.spiking |= run.state.is_open();
        self.spiking_in_range |= run.lasts_through(query);
    }

    /// Says how it stands with people.
    pub(crate) fn stand(&mut self, standing: Standing) {
        self.standing = standing;
    }

    fn state(&self, now: EventTime) -> IssueState {
        let age = now.0.saturating_sub(self.first.0.time.0);
        if age < NEW_NANOS { IssueState::New } else { IssueState::Ongoing }
    }

    /// Returns whether the issue matches everything but words, tag and ids.
    fn matches(&self, query: &IssueQuery) -> bool {
        self.count != 0
            && self.severity.reaches(query.min_severity)
            && query.service.as_ref().is_none_or(|service| self.services.contains(service))
            && (!query.only_new || self.state(query.now) == IssueState::New)
            && (!query.only_spiking || self.spiking_in_range)
            && query.triage.as_ref().is_none_or(|states| states.contains(&self.standing.state))
            && query
                .assignee
                .as_deref()
                .is_none_or(|who| self.standing.assignee.as_deref() == Some(who))
    }

    /// Returns the issue as a row, its sparkline and its tags still empty.
    pub(crate) fn into_row(self, template: String, now: EventTime) -> IssueRow {
        IssueRow {
            state: self.state(now),
            id: self.id,
            template,
            class: self.class,
            severity: self.severity,
            services: self.services.into_iter().collect(),
            tags: Vec::new(),
            standing: self.standing,
            spiking: self.spiking,
            first_seen: self.first.0.time,
            last_seen: self.last,
            count: self.count,
            total: self.total,
            fingerprints: self.fingerprints,
            sparkline: Vec::new(),
        }
    }

    fn order(&self, other: &Self, order: IssueOrder) -> Ordering {
        let by_count = || other.count.cmp(&self.count);
        let ordering = match order {
            IssueOrder::Relevance => {
                let rank = |s: &Self| Reverse((s.spiking, s.class));
                rank(self).cmp(&rank(other)).then_with(by_count)
            }
            IssueOrder::Count => by_count(),
            IssueOrder::LastSeen => other.last.cmp(&self.last),
            IssueOrder::FirstSeen => other.first.0.time.cmp(&self.first.0.time),
        };
        ordering.then_with(|| self.id.cmp(&other.id))
    }
}

/// Chooses the page of issues that answers a query, out of those with its tag and ids; `text` finds what an issue shows.
pub(crate) fn page<E>(
    mut summaries: Vec<Summary>,
    query: &IssueQuery,
    text: &mut dyn FnMut(IssueId) -> Result<String, E>,
) -> Result<IssuePage, E> {
    summaries.retain(|summary| summary.matches(query));
    if !query.words.is_empty() {
        summaries = with_words(summaries, &query.words, text)?;
    }
    let matching = summaries.len();
    summaries.sort_unstable_by(|a, b| a.order(b, query.order));
    let shown = summaries.into_iter().skip(query.skip).take(query.limit);
    let issues = shown
        .map(|summary| text(summary.id).map(|text| summary.into_row(text, query.now)))
        .collect::<Result<_, E>>()?;
    Ok(IssuePage { issues, matching })
}

fn with_words<E>(
    summaries: Vec<Summary>,
    words: &[String],
    text: &mut dyn FnMut(IssueId) -> Result<String, E>,
) -> Result<Vec<Summary>, E> {
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let mut found = Vec::new();
    for summary in summaries {
        let text = text(summary.id)?.to_lowercase();
        if words.iter().all(|word| text.contains(word.as_str())) {
            found.push(summary);
        }
    }
    Ok(found)
}

/// Orders the tags of an issue.
pub(crate) fn surest_first(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.cmp(b)));
    tags
}

/// Orders what happened, latest first. What happened at one instant is ordered by its text, so that the
/// order is the same however it was cut into commits.
pub(crate) fn order_activity(entries: &mut [Activity]) {
    // Texts and numbers always have a form.
    let text = |entry: &Activity| serde_json::to_string(entry).unwrap_or_default();
    entries.sort_by_cached_key(|entry| (Reverse(entry.at), text(entry)));
}

/// Orders members: most events first.
pub(crate) fn order_members(members: &mut [MemberRow]) {
    members.sort_by_key(|member| (Reverse(member.total), member.fingerprint.fingerprint));
}

/// Orders samples, latest first, and keeps as many as are shown.
pub(crate) fn order_samples(samples: &mut Vec<(u64, SampleRow)>) {
    samples.sort_by_key(|(hash, sample)| (Reverse(sample.time), *hash, sample.fingerprint));
    samples.truncate(SAMPLES_SHOWN_MAX);
}

/// Keeps `limit` samples, those with the smallest hashes: a choice that favours no value.
pub(crate) fn choose_samples(samples: &mut Vec<(u64, SampleRow)>, limit: usize) {
    samples.sort_by_key(|(hash, sample)| (*hash, sample.time, sample.fingerprint));
    samples.truncate(limit);
}

/// Returns samples, latest first.
pub(crate) fn latest_first(mut samples: Vec<(u64, SampleRow)>) -> Vec<SampleRow> {
    samples.sort_by_key(|(hash, sample)| (Reverse(sample.time), *hash, sample.fingerprint));
    samples.into_iter().map(|(_, sample)| sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::{Happened, TriageState};

    const DAY: i64 = 86_400;

    fn query() -> IssueQuery {
        IssueQuery {
            from: EventTime::from_secs(0),
            to: EventTime::from_secs(DAY),
            points: 0,
            min_severity: Severity::Unknown,
            words: Vec::new(),
            service: None,
            tag: None,
            ids: None,
            only_new: false,
            triage: None,
            assignee: None,
            only_spiking: false,
            order: IssueOrder::Relevance,
            limit: 10,
            skip: 0,
            now: EventTime::from_secs(DAY),
        }
    }

    fn member(id: u128, first_secs: i64, count: i64) -> MemberFacts<'static> {
        MemberFacts {
            fingerprint: Fingerprint(id),
            severity: Severity::Unknown,
            service: "api",
            first: FirstSeen { time: EventTime::from_secs(first_secs), hash: 1 },
            last: EventTime::from_secs(first_secs),
            count,
            total: count,
        }
    }

    fn issue(id: u128, first_secs: i64, count: i64) -> Summary {
        Summary::new(IssueId(id), SeverityClass::Rest, &member(id, first_secs, count))
    }

    fn run(start: i64, end: i64, state: AlertState) -> Run {
        Run { start: Bucket(start), end: Bucket(end), state }
    }

    fn ids(summaries: Vec<Summary>, query: &IssueQuery) -> Vec<u128> {
        let mut text = |id: IssueId| Ok::<_, ()>(format!("Text {}", id.0));
        page(summaries, query, &mut text).unwrap().issues.iter().map(|row| row.id.0).collect()
    }

    #[test]
    fn an_issue_begins_with_its_earliest_member_and_sums_all() {
        let mut summary = issue(9, 50, 2);
        summary.add(&MemberFacts { severity: Severity::Fatal, ..member(7, 40, 3) });
        summary.add(&member(8, 60, 4));
        assert_eq!(summary.first.1, Fingerprint(7));
        let row = summary.into_row("x".into(), EventTime::from_secs(DAY));
        assert_eq!((row.count, row.fingerprints, row.severity), (9, 3, Severity::Fatal));
        assert_eq!(
            (row.first_seen, row.last_seen),
            (EventTime::from_secs(40), EventTime::from_secs(60))
        );
        assert_eq!(row.services, ["api"]);
    }

    #[test]
    fn issues_without_events_in_the_range_are_not_listed() {
        assert_eq!(ids(vec![issue(1, 1, 0), issue(2, 1, 1)], &query()), [2]);
    }

    #[test]
    fn an_issue_is_new_for_less_than_a_day() {
        let only_new = IssueQuery { only_new: true, ..query() };
        assert_eq!(ids(vec![issue(1, 0, 1), issue(2, 1, 1)], &only_new), [2]);
    }

    #[test]
    fn an_issue_of_which_nothing_was_said_is_open_and_nobodys() {
        let (open, resolved) = (TriageState::Open, TriageState::Resolved);
        let listed = |triage: Option<TriageState>, assignee: Option<&str>| {
            let mut done = issue(1, 1, 1);
            let assignee_of = Some("mia".into());
            done.stand(Standing { state: resolved, assignee: assignee_of, ..Standing::default() });
            let triage = triage.map(|state| [state].into());
            let asked = IssueQuery { triage, assignee: assignee.map(str::to_owned), ..query() };
            ids(vec![done, issue(2, 1, 1)], &asked)
        };
        assert_eq!(listed(None, None), [1, 2]);
        assert_eq!((listed(Some(open), None), listed(Some(resolved), None)), (vec![2], vec![1]));
        assert_eq!((listed(None, Some("mia")), listed(Some(open), Some("mia"))), (vec![1], vec![]));
        assert_eq!(listed(None, Some("")), [0_u128; 0]);
    }

    #[test]
    fn what_happened_at_one_instant_is_ordered_by_its_text() {
        let entry = |at, comment: &str| Activity {
            at: EventTime(at),
            issue: IssueId(1),
            happened: Happened::Regressed,
            by: "".into(),
            comment: comment.into(),
        };
        let mut entries = [entry(1, "b"), entry(2, "c"), entry(-1, "d"), entry(1, "a")];
        order_activity(&mut entries);
        assert_eq!(entries, [entry(2, "c"), entry(1, "a"), entry(1, "b"), entry(-1, "d")]);
    }

    #[test]
    fn spiking_issues_come_first_then_worse_classes_then_more_events() {
        let mut spiking = issue(1, 1, 1);
        spiking.alert(run(0, 60, AlertState::Acknowledged), &query());
        let worse = Summary::new(IssueId(2), SeverityClass::Error, &member(2, 1, 1));
        let listed = vec![issue(3, 1, 1), issue(4, 1, 5), worse, spiking];
        assert_eq!(ids(listed, &query()), [1, 2, 4, 3]);
    }

    #[test]
    fn only_spiking_lists_issues_whose_alert_began_in_the_range_and_goes_on_at_its_end() {
        let only_spiking = IssueQuery { only_spiking: true, ..query() };
        let spiking = |id, start, end, state| {
            let mut issue = issue(id, 1, 1);
            issue.alert(run(start, end, state), &query());
            issue
        };
        let issues = vec![
            spiking(1, 0, 60, AlertState::Snoozed),
            spiking(2, 0, DAY - 60, AlertState::Resolved),
            spiking(3, 0, DAY, AlertState::Resolved),
            spiking(4, 0, DAY, AlertState::Retracted),
            spiking(5, DAY, DAY + 60, AlertState::Firing),
            issue(6, 1, 1),
        ];
        assert_eq!(ids(issues, &only_spiking), [1, 3]);
    }

    #[test]
    fn an_alert_lies_in_a_range_from_its_first_bucket_on_and_an_open_one_until_now() {
        let range = |from, to| AlertQuery {
            from: EventTime::from_secs(from),
            to: EventTime::from_secs(to),
            ..AlertQuery::default()
        };
        let touches = |state, range: AlertQuery| {
            run(600, 900, state).touches(&range, EventTime::from_secs(5_000))
        };
        for state in AlertState::ALL {
            assert!(touches(state, range(899, 10_000)) && touches(state, range(0, 601)));
            assert!(!touches(state, range(0, 600)));
            assert_eq!(touches(state, range(900, 1_000)), state.is_open());
            assert_eq!(touches(state, range(4_999, 9_000)), state.is_open());
            assert!(!touches(state, range(5_000, 9_000)));
        }
    }

    #[test]
    fn words_match_in_any_case_and_the_page_tells_how_many_match() {
        let words =
            IssueQuery { words: vec!["TEXT".into(), "1".into()], limit: 1, skip: 1, ..query() };
        let issues = vec![issue(1, 1, 1), issue(21, 1, 1), issue(3, 1, 1)];
        let mut text = |id: IssueId| Ok::<_, ()>(format!("Text {}", id.0));
        let page = page(issues, &words, &mut text).unwrap();
        assert_eq!((page.matching, page.issues[0].id), (2, IssueId(21)));
    }

    #[test]
    fn unknown_severity_passes_a_warn_threshold_only() {
        let warn = IssueQuery { min_severity: Severity::Warn, ..query() };
        let error = IssueQuery { min_severity: Severity::Error, ..query() };
        assert_eq!(ids(vec![issue(1, 1, 1)], &warn), [1]);
        assert_eq!(ids(vec![issue(1, 1, 1)], &error), [0_u128; 0]);
    }
}
