//! Issues from fingerprints: the first, simplest grouping. Every (severity class, template) is one
//! issue, so it may span services and never classes (DESIGN §8, Identity).
//!
//! *Picture:* sightings ──what can change of them──► distinct ──► members, issues, severities.
//! *Promises:* I1, I2, I3, I6: everything is a differential function of the *set* of sightings.
//! *Frontier:* never holds an epoch. *State and limits:* one row per fingerprint and severity, bounded
//! by the fingerprint stage's `max_fingerprints`. *Not here:* grouping by meaning, which replaces
//! this stage's `issue of a candidate`.

use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::dataflow::{AsCollection, Collection, GenericOperator, Pipeline, Stream};
use engine::model::{Candidate, Fingerprint, Issue, IssueId, Member, Severity, Sighting};
use foldhash::{HashMap, HashMapExt};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component type `issue`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "issue",
    summary: "Groups fingerprints of one template and severity class into an issue.",
    inputs: &[(StreamKind::Prints, true)],
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

impl Operator for Grouping {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let (_prints, sightings) = inputs.prints();
        let recovered = stage.at_start(|recovered| {
            let known = recovered.fingerprints.iter();
            known
                .map(|known| Candidate {
                    fingerprint: known.fingerprint,
                    class: known.class,
                    template: known.template,
                    severity: known.severity,
                })
                .map(|candidate| (candidate, 1))
                .collect()
        });
        let candidates = candidates(sightings).concat(recovered).distinct();
        let members = candidates.clone().map(|candidate| member(&candidate)).distinct();
        let issues = candidates.clone().map(|candidate| issue(&candidate)).distinct();
        let severities = candidates
            .map(|candidate| (member(&candidate).issue, candidate.severity))
            .reduce(|_issue, severities, highest| {
                if let Some((severity, _)) = severities.iter().max() {
                    highest.push((**severity, 1));
                }
            });
        Port::Issues { issues, members, severities }
    }

    fn identity(&self) -> NodeIdentity {
        NodeIdentity { component: COMPONENT.name.to_owned(), version: 1, ..NodeIdentity::default() }
    }
}

/// Returns the issue that a fingerprint belongs to.
fn issue(candidate: &Candidate) -> Issue {
    let id = IssueId::new(candidate.class, candidate.template);
    Issue { id, class: candidate.class, template: candidate.template }
}

fn member(candidate: &Candidate) -> Member {
    Member { fingerprint: candidate.fingerprint, issue: issue(candidate).id }
}

/// Passes on a fingerprint when this worker sees it first, or with a higher severity than before.
fn candidates<'s>(sightings: Stream<'s, Sighting>) -> Collection<'s, Candidate> {
    sightings
        .unary(Pipeline, "candidates", |_capability, _info| {
            let mut known: HashMap<Fingerprint, Severity> = HashMap::new();
            move |input, output| {
                input.for_each(|time, sightings: &mut Vec<Sighting>| {
                    let epoch = *time.time();
                    let news = sightings.drain(..).filter_map(|sighting| {
                        let highest = known.get(&sighting.fingerprint);
                        if highest.is_some_and(|&severity| severity >= sighting.severity) {
                            return None;
                        }
                        known.insert(sighting.fingerprint, sighting.severity);
                        let candidate = Candidate {
                            fingerprint: sighting.fingerprint,
                            class: sighting.class,
                            template: sighting.template,
                            severity: sighting.severity,
                        };
                        Some((candidate, epoch, 1))
                    });
                    output.session(&time).give_iterator(news.collect::<Vec<_>>().into_iter());
                });
            }
        })
        .as_collection()
}
