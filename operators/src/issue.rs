//! Issues from patterns: every (severity class, pattern) is one issue, so it may span services and
//! never classes (DESIGN §8, Identity).
//!
//! ```text
//! candidates ──best per fingerprint──┐
//! patterns ───────────────join───────┴─► (class, pattern) ──first member──► issues, members,
//!                                                                           severities
//! ```
//! An issue's id is that of its *first* member: the smallest (first event time, template). So it
//! stays when later templates join; every other member's own id, [`IssueId::new`] of its class and
//! template, is where a link from before the merge leads to.
//!
//! *Promises:* I1, I2, I3, I6: everything is a differential function of the *set* of sightings.
//! *Frontier:* never holds an epoch. *State and limits:* a few rows per fingerprint, bounded by the
//! fingerprint stage's `max_fingerprints`. *Not here:* which templates are one pattern (`pattern`).

use crate::pattern::{rule::is_of_words, text_of};
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::dataflow::Collection;
use engine::model::{
    Candidate, EventTime, Fingerprint, FirstSeen, Issue, IssueId, Member, Pattern, Severity,
    SeverityClass, Template,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// The component type `issue`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "issue",
    summary: "Groups fingerprints of one pattern and severity class into an issue.",
    inputs: &[(StreamKind::Patterns, true)],
    output: Some(StreamKind::Issues),
    schema: || schemars::schema_for!(IssueConfig),
    build: Build::Operator(build),
};

/// Options of `issue`: none yet.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueConfig {}

/// The configured operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grouping;

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let IssueConfig {} = options.parse()?;
    Ok(Box::new(Grouping))
}

/// What makes fingerprints one issue.
type Group = (SeverityClass, Pattern);

/// The order of members: the first one gives the issue its id, and its text.
type Rank = (EventTime, Template, FirstSeen, Arc<str>);

impl Operator for Grouping {
    fn stage<'s>(&self, _stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let (patterns, candidates) = inputs.patterns();
        let grouped = best(candidates).join_map(patterns, |_fingerprint, one, pattern| {
            ((one.class, pattern.clone()), one.clone())
        });
        let firsts = firsts(grouped.clone());
        let members = grouped.clone().map(|(group, one)| (group, one.fingerprint)).join_map(
            firsts.clone(),
            |group, fingerprint, first| Member {
                fingerprint: *fingerprint,
                issue: IssueId::new(group.0, first.0),
            },
        );
        let severities = highest(grouped).join_map(firsts.clone(), |group, severity, first| {
            (IssueId::new(group.0, first.0), *severity)
        });
        let issues = firsts.map(|((class, pattern), (template, text))| Issue {
            id: IssueId::new(class, template),
            class,
            template,
            text: shown(&pattern, text),
            skeleton: pattern.skeleton,
        });
        Port::Issues { issues, members, severities }
    }

    fn identity(&self) -> NodeIdentity {
        NodeIdentity { component: COMPONENT.name.to_owned(), version: 2, ..NodeIdentity::default() }
    }
}

/// Returns one candidate per fingerprint: workers and the store may each know something of it.
fn best(candidates: Collection<'_, Candidate>) -> Collection<'_, (Fingerprint, Candidate)> {
    candidates.map(|one| (one.fingerprint, one)).reduce(|_fingerprint, known, best| {
        let merged = known.iter().map(|(one, _)| (*one).clone()).reduce(|left, right| {
            let severity = left.severity.max(right.severity);
            let earlier = if left.first <= right.first { left } else { right };
            Candidate { severity, ..earlier }
        });
        best.extend(merged.map(|one| (one, 1)));
    })
}

/// Returns what is displayed for a pattern whose first member has this text.
fn shown(pattern: &Pattern, text: Arc<str>) -> Arc<str> {
    // Traces and the like have no words that could differ.
    match is_of_words(&pattern.skeleton) {
        true => text_of(&pattern.skeleton, [text.as_bytes()]).into(),
        false => text,
    }
}

/// Returns the template and the text of each group's first member.
fn firsts(
    grouped: Collection<'_, (Group, Candidate)>,
) -> Collection<'_, (Group, (Template, Arc<str>))> {
    let rank = |one: Candidate| (one.first.time, one.template, one.first, one.text);
    grouped.map(move |(group, one)| (group, rank(one))).reduce(
        |_group, ranks: &[(&Rank, isize)], first| {
            // Values come in ascending order.
            let best = ranks.first();
            first.extend(best.map(|((_, template, _, text), _)| ((*template, text.clone()), 1)));
        },
    )
}

/// Returns the highest severity of each group.
fn highest(grouped: Collection<'_, (Group, Candidate)>) -> Collection<'_, (Group, Severity)> {
    grouped.map(|(group, one)| (group, one.severity)).reduce(|_group, severities, highest| {
        highest.extend(severities.iter().map(|(severity, _)| **severity).max().map(|one| (one, 1)));
    })
}
