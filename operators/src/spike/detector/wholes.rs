//! Wholes: the members of an issue, and the series of a service, together, where none of them convinces alone.
//!
//! ```text
//! issue ───► sums over its members: batches and doubts are each one's own, spread is common to all ──┐
//! service ─► a series of its own, which has learned how its members vary together ───────────────────┴──► cut ──► alarms
//! ```
//! *One cause is told once:* a whole is silent while a part of it fires, and as long as what that part was told for lies in
//! a window; one that fires hands over to the part that begins to. An issue is a part of its service. *Budget:* wholes are a family of their own, with [`SHARE`] of the
//! accepted false alarms. *Order:* sums over members are taken in millionths, so that no order of theirs changes a bit.

use super::evidence::{Evidence, LONGEST, Together};
use super::learning::LEARN_TICKS;
use super::{Alarm, Change, Detector, REOPEN_TICKS, Remembered, SeriesId, discovery, rhythm};
use engine::model::IssueId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What part of the accepted false alarms is left to wholes.
pub const SHARE: f64 = 0.1;
/// Parts that must have had an event in the longest window: of one part, its own evidence decides.
const PARTS_MIN: usize = 2;

/// What is judged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Whole {
    /// The members of an issue.
    Issue(IssueId),
    /// The series of a group.
    Group(usize),
}

/// Who belongs to which issue, and how the alarms of wholes stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Wholes {
    issue_of: BTreeMap<SeriesId, IssueId>,
    members: BTreeMap<IssueId, BTreeSet<SeriesId>>,
    pub(super) alarms: BTreeMap<Whole, Alarm>,
}

impl Wholes {
    /// Returns issues of several members.
    fn shared(&self) -> impl Iterator<Item = (&IssueId, &BTreeSet<SeriesId>)> {
        self.members.iter().filter(|(_, members)| members.len() >= PARTS_MIN)
    }
}

impl Detector {
    /// Says to which issue a series belongs from now on.
    pub fn belongs(&mut self, id: SeriesId, issue: IssueId) {
        let Wholes { issue_of, members, .. } = &mut self.wholes;
        let before = issue_of.insert(id, issue);
        if let Some(before) = before
            && let Some(of_before) = members.get_mut(&before)
        {
            of_before.remove(&id);
            if of_before.is_empty() {
                members.remove(&before);
            }
        }
        members.entry(issue).or_default().insert(id);
    }

    /// Returns the parts of a whole that can have had events lately, ascending.
    pub fn parts(&self, whole: Whole) -> Vec<SeriesId> {
        let is_part = |id: &SeriesId| match whole {
            Whole::Group(group) => self.watched[id.0].group == group,
            Whole::Issue(issue) => self.wholes.issue_of.get(id) == Some(&issue),
        };
        self.active.iter().copied().filter(is_part).collect()
    }

    /// Returns how many events more than expected a part had in the last closed buckets, in thousandths.
    pub fn excess(&self, id: SeriesId, window: i64) -> i64 {
        let (observed, expected) = self.watched[id.0].series.sums(self.now - window, self.now);
        ((observed - expected) * 1000.0).round() as i64
    }

    /// Returns the buckets of a whole that are remembered, up to the one that was closed last, ascending.
    pub fn whole_curve(&self, whole: Whole) -> Vec<Remembered> {
        let ticks = self.now - rhythm::RING as i64 + 1..self.now;
        ticks.map(|tick| self.whole_bucket(whole, tick)).collect()
    }

    fn whole_bucket(&self, whole: Whole, tick: i64) -> Remembered {
        let none = Remembered { tick, events: 0, expected: 0.0 };
        match whole {
            Whole::Group(group) => {
                let cell = self.groups[group].parts.cell(tick).unwrap_or_default();
                Remembered { events: cell.x, expected: f64::from(cell.mean), ..none }
            }
            Whole::Issue(issue) => {
                let (mut events, mut expected) = (0u32, 0i64);
                for id in self.wholes.members.get(&issue).into_iter().flatten() {
                    let series = &self.watched[id.0].series;
                    let place = self.rhythm.place_of(tick);
                    let usual = series.level.rate() * series.cycles.factor(place);
                    let cell = series.cell(tick);
                    events = events.saturating_add(cell.map_or(0, |cell| cell.x));
                    let mean = cell.map_or(usual, |cell| f64::from(cell.mean));
                    expected += (mean * 1e6).round() as i64;
                }
                Remembered { events, expected: expected as f64 / 1e6, ..none }
            }
        }
    }

    /// Looks at wholes of which several parts had events lately, and those that fire. To be asked when the evidence of
    /// all series has been taken, and before they learn.
    pub(super) fn look_at_wholes(&self) -> BTreeMap<Whole, Evidence> {
        let is_touched = |id: &SeriesId| self.watched[id.0].series.touched() > self.now - LONGEST;
        let mut touched = vec![0; self.groups.len()];
        for id in self.active.iter().filter(|id| is_touched(id)) {
            touched[self.watched[id.0].group] += 1;
        }
        let of_groups = touched.iter().zip(&self.groups).enumerate();
        let of_groups = of_groups
            .filter(|(_, (touched, _))| **touched >= PARTS_MIN)
            .map(|(group, (_, of))| (Whole::Group(group), of.says));
        let of_issue = |(issue, members): (&IssueId, &BTreeSet<SeriesId>)| {
            let touched = members.iter().filter(|id| is_touched(id)).take(PARTS_MIN).count();
            (touched >= PARTS_MIN).then(|| (Whole::Issue(*issue), self.evidence_of(members)))
        };
        let firing = self.wholes.alarms.iter().filter(|(_, alarm)| alarm.is_firing);
        let mut found: BTreeMap<Whole, Evidence> =
            firing.map(|(whole, _)| (*whole, Evidence::none())).collect();
        found.extend(of_groups);
        found.extend(self.wholes.shared().filter_map(of_issue));
        found
    }

    fn evidence_of(&self, members: &BTreeSet<SeriesId>) -> Evidence {
        let mut together = Together::new(&self.rhythm, self.now);
        members.iter().for_each(|id| together.add(&self.watched[id.0].series));
        together.evidence(&self.settings.facts)
    }

    /// Lets wholes fire, hold and end; the alarms of the series have been decided for this tick.
    pub(super) fn judge_wholes(
        &mut self,
        found: BTreeMap<Whole, Evidence>,
    ) -> Vec<(Whole, Change)> {
        let mut covered: BTreeSet<Whole> = BTreeSet::new();
        let told = self.active.iter().filter(|id| self.watched[id.0].alarm.covers(self.now));
        for id in told {
            covered.insert(Whole::Group(self.watched[id.0].group));
            covered.extend(self.wholes.issue_of.get(id).map(|issue| Whole::Issue(*issue)));
        }
        let cut = self.cut_of_wholes(&found, &covered);
        let mut changes = Vec::new();
        // Issues come before the services that they are parts of.
        for (whole, evidence) in found {
            let is_told = cut.is_some_and(|cut| evidence.nats >= cut);
            let alarm = self.wholes.alarms.entry(whole).or_default();
            let change = match covered.contains(&whole) {
                true => alarm.hand_over(self.now),
                false => alarm.step(self.now, evidence, is_told),
            };
            let covers = alarm.covers(self.now);
            if let (Whole::Group(group), Some(Change::NewNormal)) = (whole, change) {
                self.groups[group].parts.adopt(&self.rhythm, super::ADOPT_WINDOW);
            }
            if let (Whole::Issue(issue), true) = (whole, covers) {
                let members = self.wholes.members.get(&issue).into_iter().flatten();
                covered.extend(members.map(|id| Whole::Group(self.watched[id.0].group)));
            }
            changes.extend(change.map(|change| (whole, change)));
        }
        let now = self.now;
        let is_over = |alarm: &Alarm| alarm.resolved_at.is_none_or(|at| now - at > REOPEN_TICKS);
        self.wholes.alarms.retain(|_, alarm| alarm.is_firing || !is_over(alarm));
        changes
    }

    /// Returns the least evidence of a whole that is told.
    fn cut_of_wholes(
        &self,
        found: &BTreeMap<Whole, Evidence>,
        covered: &BTreeSet<Whole>,
    ) -> Option<f64> {
        if self.began.is_some_and(|began| self.now - began < LEARN_TICKS) {
            return None;
        }
        let is_firing =
            |whole: &Whole| self.wholes.alarms.get(whole).is_some_and(|alarm| alarm.is_firing);
        let candidates = found.iter().filter(|(whole, evidence)| {
            evidence.nats > 0.0 && !covered.contains(whole) && !is_firing(whole)
        });
        let mut nats: Vec<f64> = candidates.map(|(_, evidence)| evidence.nats).collect();
        if nats.is_empty() {
            return None;
        }
        let alive = (self.wholes.shared().count() + self.groups.len()) as u64;
        discovery::cut(&mut nats, alive.max(self.settings.series_min), SHARE * self.budget())
    }
}
