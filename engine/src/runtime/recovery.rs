//! From the stored checkpoint to the first epoch to run (pure).
//!
//! Recovery is the same path for a first start, a restart, a changed worker count and a changed
//! graph: the last commit is loaded, fed to the dataflow at epoch 0, and sources resume at their
//! offsets. What the dataflow derives again is compared with what is stored; the difference joins the
//! first commit, so that a changed operator corrects its own past.

use crate::component::Recovered;
use crate::model::{Fact, Offset, PartitionId};
use std::collections::{BTreeMap, BTreeSet};

/// Where one source resumes.
type Offsets = BTreeMap<PartitionId, Offset>;

/// Returns the offsets from which each source of `source_ids` resumes, and by id those of sources that
/// are not there any more (kept in the store, in case the source comes back).
pub fn offsets_by_source(
    recovered: &Recovered,
    source_ids: &[String],
) -> (Vec<Offsets>, BTreeMap<String, Offsets>) {
    let mut by_source = vec![Offsets::new(); source_ids.len()];
    let mut strangers: BTreeMap<String, Offsets> = BTreeMap::new();
    for (id, partition, offset) in &recovered.offsets {
        let offsets = match source_ids.iter().position(|known| known == id) {
            Some(index) => &mut by_source[index],
            None => strangers.entry(id.clone()).or_default(),
        };
        offsets.insert(partition.clone(), offset.clone());
    }
    (by_source, strangers)
}

/// Returns the facts that turn what is stored into what was derived again at epoch 0.
pub fn corrections(recovered: &Recovered, derived: Vec<Fact>) -> Vec<Fact> {
    let (mut issues, mut members) = (BTreeSet::new(), BTreeSet::new());
    let (mut parts, mut tags) = (BTreeSet::new(), BTreeSet::new());
    let mut facts = Vec::new();
    for fact in derived {
        match fact {
            Fact::Issue(issue, n) if n > 0 => {
                issues.insert(issue);
            }
            Fact::Member(member, n) if n > 0 => {
                members.insert(member);
            }
            Fact::Part(part, n) if n > 0 => {
                parts.insert(*part);
            }
            Fact::Tag(tagged, n) if n > 0 => {
                tags.insert(*tagged);
            }
            // Nobody has been told of it yet.
            Fact::Crowded(n) => facts.push(Fact::Crowded(n)),
            // Counts and sightings of epoch 0 are what was stored in the first place; what operators
            // keep for themselves, such as alerts, is not derived again.
            _ => {}
        }
    }
    facts.extend(differences(&recovered.issues, issues, Fact::Issue));
    facts.extend(differences(&recovered.members, members, Fact::Member));
    let part = |part, n| Fact::Part(Box::new(part), n);
    facts.extend(differences(&recovered.parts, parts, part));
    let tag = |tagged, n| Fact::Tag(Box::new(tagged), n);
    facts.extend(differences(&recovered.tags, tags, tag));
    facts
}

/// Returns what turns the stored rows into the derived ones: first what is new, then what is gone.
fn differences<T: Clone + Ord>(
    stored: &[T],
    derived: BTreeSet<T>,
    fact: impl Fn(T, i64) -> Fact,
) -> Vec<Fact> {
    let stored: BTreeSet<T> = stored.iter().cloned().collect();
    let new = derived.difference(&stored).map(|row| fact(row.clone(), 1));
    let gone = stored.difference(&derived).map(|row| fact(row.clone(), -1));
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Issue, IssueId, SeverityClass, Template};

    fn issue(n: u128) -> Issue {
        let (class, template) = (SeverityClass::Warn, Template(n));
        Issue {
            id: IssueId::new(class, template),
            class,
            template,
            text: "text".into(),
            skeleton: "text".into(),
        }
    }

    #[test]
    fn what_is_derived_again_just_as_stored_needs_no_correction() {
        let recovered = Recovered { issues: vec![issue(1)], ..Recovered::default() };
        assert_eq!(corrections(&recovered, vec![Fact::Issue(issue(1), 1)]), []);
    }

    #[test]
    fn a_changed_derivation_adds_what_is_new_and_removes_what_is_gone() {
        let recovered = Recovered { issues: vec![issue(1)], ..Recovered::default() };
        let facts = corrections(&recovered, vec![Fact::Issue(issue(2), 1)]);
        assert_eq!(facts, [Fact::Issue(issue(2), 1), Fact::Issue(issue(1), -1)]);
    }

    #[test]
    fn offsets_of_a_source_that_left_the_graph_are_kept_apart() {
        let offset = |id: &str| (id.to_owned(), PartitionId("p".into()), Offset("7".into()));
        let recovered =
            Recovered { offsets: vec![offset("gone"), offset("app")], ..Recovered::default() };
        let (by_source, strangers) = offsets_by_source(&recovered, &["app".to_owned()]);
        assert_eq!((by_source[0].len(), strangers["gone"].len()), (1, 1));
    }
}
