//! Issues from patterns: without embeddings every (severity class, pattern) is one issue, so it may span
//! services and never classes (DESIGN §8, Identity).
//!
//! ```text
//! candidates ──best per fingerprint──┐
//! patterns ───────────────join───────┴─► node ──first member──► issues, members,
//!                                                               severities, parts
//! ```
//! An issue's id is that of its *first* member: the smallest (first event time, template). So it
//! stays when later templates join; every other member's own id, [`IssueId::new`] of its class and
//! template, is where a link from before the merge leads to.
//!
//! *Promises:* I1, I2, I3, I6: everything is a differential function of the *set* of sightings.
//! *Frontier:* never holds an epoch. *State and limits:* a few rows per fingerprint, bounded by the
//! fingerprint stage's `max_fingerprints`. *Not here:* which templates are one pattern (`pattern`), and which
//! patterns mean the same (`cluster`, which derives its issues here).

use crate::cluster::rule::Node;
use crate::pattern::{rule::is_of_words, text_of};
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use engine::dataflow::Collection;
use engine::model::{
    Candidate, Embedding, EventTime, Fingerprint, FirstSeen, Issue, IssueId, Member, Part, Pattern,
    Severity, SeverityClass, Template, TextId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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

/// A fingerprint of an issue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Held {
    /// What is known of it.
    pub(crate) one: Candidate,
    /// Its pattern.
    pub(crate) pattern: Pattern,
}

/// The order of members: the first one gives the issue its id, and its text.
type Rank = (EventTime, Template, FirstSeen, Arc<str>, Pattern, SeverityClass);

impl Operator for Grouping {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let (patterns, candidates) = inputs.patterns();
        let nothing = Embedded {
            texts: stage.at_start(|_| Vec::new()),
            vectors: stage.at_start(|_| Vec::new()),
        };
        derived(held(patterns, candidates), nothing)
    }
}

/// Returns every fingerprint under the node of its class and pattern.
pub(crate) fn held<'s>(
    patterns: Collection<'s, (Fingerprint, Pattern)>,
    candidates: Collection<'s, Candidate>,
) -> Collection<'s, (Node, Held)> {
    best(candidates).join_map(patterns, |_fingerprint, one, pattern| {
        let held = Held { one: one.clone(), pattern: pattern.clone() };
        (Node::new(one.class, pattern.id), held)
    })
}

/// What is known of the meaning of patterns.
pub(crate) struct Embedded<'s> {
    /// What is embedded for a pattern.
    pub(crate) texts: Collection<'s, (Pattern, TextId)>,
    /// The embedding of every pattern that has one by now.
    pub(crate) vectors: Collection<'s, (Pattern, Embedding)>,
}

/// Returns the issues of fingerprints that are grouped under a node.
pub(crate) fn derived<'s>(
    grouped: Collection<'s, (Node, Held)>,
    embedded: Embedded<'s>,
) -> Port<'s> {
    let firsts = firsts(grouped.clone());
    let fingerprints = grouped.clone().map(|(group, held)| (group, held.one.fingerprint));
    let members = fingerprints.join_map(firsts.clone(), |_group, fingerprint, (first, _)| Member {
        fingerprint: *fingerprint,
        issue: first.id,
    });
    let severities = highest(grouped.clone())
        .join_map(firsts.clone(), |_group, severity, (first, _)| (first.id, *severity));
    let titles = firsts.clone().map(|(_group, (first, pattern))| (pattern, first.id));
    Port::Issues {
        issues: firsts.clone().map(|(_group, (first, _))| first),
        members,
        severities,
        parts: parts(grouped, firsts, embedded.texts),
        embeddings: titles.join_map(embedded.vectors, |_, issue, at| (*issue, at.clone())),
    }
}

/// Returns the patterns of each issue, each with the text of its first member there.
fn parts<'s>(
    grouped: Collection<'s, (Node, Held)>,
    firsts: Collection<'s, (Node, (Issue, Pattern))>,
    texts: Collection<'s, (Pattern, TextId)>,
) -> Collection<'s, Part> {
    let texts_in_group =
        grouped.map(|(group, Held { one, pattern })| ((group, pattern), (one.first, one.text)));
    let shown = texts_in_group.reduce(|(_, pattern), texts, first| {
        first.extend(texts.first().map(|((_, text), _)| (shown(pattern, Arc::clone(text)), 1)));
    });
    let parts = shown.map(|((group, pattern), text)| (group, (pattern, text)));
    let parts = parts.join_map(firsts, |_group, (pattern, text), (first, _)| {
        let (issue, text) = (first.id, Arc::clone(text));
        (pattern.clone(), Part { issue, pattern: pattern.id, text, embedded: None })
    });
    let embedded = parts.clone().join_map(texts.clone(), |_pattern, part, text| Part {
        embedded: Some(*text),
        ..part.clone()
    });
    let others = parts.antijoin(texts.map(|(pattern, _)| pattern).distinct());
    others.map(|(_pattern, part)| part).concat(embedded)
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
pub(crate) fn shown(pattern: &Pattern, text: Arc<str>) -> Arc<str> {
    // Traces and the like have no words that could differ.
    match is_of_words(&pattern.skeleton) {
        true => text_of(&pattern.skeleton, [text.as_bytes()]).into(),
        false => text,
    }
}

/// Returns the issue of each group, and its first member's pattern: its id and its text are those of that
/// member.
fn firsts(grouped: Collection<'_, (Node, Held)>) -> Collection<'_, (Node, (Issue, Pattern))> {
    let rank = |Held { one, pattern }: Held| {
        (one.first.time, one.template, one.first, one.text, pattern, one.class)
    };
    grouped.map(move |(group, held)| (group, rank(held))).reduce(
        |_group, ranks: &[(&Rank, isize)], first| {
            // Values come in ascending order.
            first.extend(ranks.first().map(|((_, template, _, text, pattern, class), _)| {
                let issue = Issue {
                    id: IssueId::new(*class, *template),
                    class: *class,
                    template: *template,
                    text: shown(pattern, Arc::clone(text)),
                    skeleton: Arc::clone(&pattern.skeleton),
                };
                ((issue, pattern.clone()), 1)
            }));
        },
    )
}

/// Returns the highest severity of each group.
fn highest(grouped: Collection<'_, (Node, Held)>) -> Collection<'_, (Node, Severity)> {
    grouped.map(|(group, held)| (group, held.one.severity)).reduce(|_group, severities, highest| {
        let all = severities.iter().map(|(severity, _)| **severity);
        highest.extend(all.max().map(|one| (one, 1)));
    })
}
