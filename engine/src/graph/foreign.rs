//! Whether a checkpoint was written by a graph whose state this graph can go on with. Pure.
//!
//! Nodes are paired by id; those left over are paired by component type, in order, so that a renamed
//! node is still compared. A node without a partner is no difference: durable state is keyed by data,
//! and a new node starts from the recovered history.

use crate::component::NodeIdentity;
use std::fmt;

/// What differs about one node: what is stored, and what the graph says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is of another component type.
    Type {
        /// In the checkpoint.
        stored: String,
        /// In the graph.
        now: String,
    },
    /// Its state has another version.
    Version {
        /// In the checkpoint.
        stored: u32,
        /// In the graph.
        now: u32,
    },
    /// An option that changes its state has another value; `None` where it is not known.
    Option {
        /// Its name.
        name: String,
        /// In the checkpoint.
        stored: Option<String>,
        /// In the graph.
        now: Option<String>,
    },
}

/// The store holds the state of another graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot go on from the stored checkpoint: node `{node}` {difference}")]
pub struct ForeignCheckpoint {
    /// The first node that differs, by its id in the checkpoint.
    pub node: String,
    /// How.
    pub difference: Difference,
}

impl ForeignCheckpoint {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> String {
        let back = match &self.difference {
            Difference::Type { stored, .. } => {
                format!("Give `{}` the type `{stored}` again", self.node)
            }
            Difference::Version { .. } => "Run the version of Seismolog that wrote it".to_owned(),
            Difference::Option { name, stored: Some(stored), .. } => {
                format!("Set `{name}` of `{}` back to `{stored}`", self.node)
            }
            Difference::Option { name, stored: None, .. } => {
                format!("Remove the option `{name}` of `{}`", self.node)
            }
        };
        format!("{back}, or start with an empty store (for instance another `path`).")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| match value {
            Some(value) => format!("`{value}`"),
            None => "not set".to_owned(),
        };
        match self {
            Difference::Type { stored, now } => {
                write!(f, "was of type `{stored}` and now is of type `{now}`")
            }
            Difference::Version { stored, now } => {
                write!(f, "stored its state in version {stored} and now reads version {now}")
            }
            Difference::Option { name, stored, now } => {
                write!(f, "had option `{name}` {} and now has it {}", shown(stored), shown(now))
            }
        }
    }
}

/// Compares the identity in a checkpoint with the graph's; see [`super::Graph::identity`].
pub fn check_identity(
    stored: &[NodeIdentity],
    graph: &[NodeIdentity],
) -> Result<(), ForeignCheckpoint> {
    let has = |nodes: &[NodeIdentity], id: &str| nodes.iter().any(|node| node.node == id);
    let mut renamed: Vec<&NodeIdentity> =
        graph.iter().filter(|node| !has(stored, &node.node)).collect();
    for before in stored {
        let same_id = graph.iter().find(|node| node.node == before.node);
        let now = same_id.or_else(|| {
            let partner = renamed.iter().position(|node| node.component == before.component);
            partner.map(|position| renamed.remove(position))
        });
        if let Some(difference) = now.and_then(|now| difference(before, now)) {
            return Err(ForeignCheckpoint { node: before.node.clone(), difference });
        }
    }
    Ok(())
}

fn difference(stored: &NodeIdentity, now: &NodeIdentity) -> Option<Difference> {
    if stored.component != now.component {
        let (stored, now) = (stored.component.clone(), now.component.clone());
        return Some(Difference::Type { stored, now });
    }
    if stored.version != now.version {
        return Some(Difference::Version { stored: stored.version, now: now.version });
    }
    let names = stored.options.keys().chain(now.options.keys());
    let name = names
        .min_by_key(|name| (stored.options.get(*name) == now.options.get(*name), name.as_str()))?;
    let (before, after) = (stored.options.get(name), now.options.get(name));
    (before != after).then(|| Difference::Option {
        name: name.clone(),
        stored: before.cloned(),
        now: after.cloned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn node(id: &str, component: &str, version: u32, options: &[(&str, &str)]) -> NodeIdentity {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let options = options.iter().map(own).collect();
        NodeIdentity { node: id.to_owned(), component: component.to_owned(), version, options }
    }

    fn told(stored: &[NodeIdentity], graph: &[NodeIdentity]) -> String {
        let error = check_identity(stored, graph).unwrap_err();
        format!("{error}\n{}", error.hint())
    }

    #[test]
    fn the_same_graph_goes_on() {
        let graph = [node("a", "parse", 1, &[]), node("b", "window", 1, &[("size", "1m")])];
        assert_eq!(check_identity(&graph, &graph), Ok(()));
        assert_eq!(check_identity(&[], &graph), Ok(()));
    }

    #[test]
    fn nodes_that_come_or_go_do_not_hinder() {
        let (parse, filter) = (node("a", "parse", 1, &[]), node("f", "filter", 1, &[]));
        assert_eq!(
            check_identity(std::slice::from_ref(&parse), &[parse.clone(), filter.clone()]),
            Ok(())
        );
        assert_eq!(check_identity(&[parse.clone(), filter], &[parse]), Ok(()));
    }

    #[test]
    fn a_changed_option_is_named_with_both_values() {
        let text = told(
            &[node("a", "parse", 1, &[]), node("b", "window", 1, &[("a", "1"), ("size", "1m")])],
            &[node("b", "window", 1, &[("a", "1"), ("size", "5m")])],
        );
        assert_eq!(
            text,
            "cannot go on from the stored checkpoint: node `b` had option `size` `1m` and now has \
             it `5m`\nSet `size` of `b` back to `1m`, or start with an empty store (for instance \
             another `path`)."
        );
    }

    #[test]
    fn a_changed_version_or_type_is_named() {
        let text = told(&[node("b", "window", 1, &[])], &[node("b", "window", 2, &[])]);
        assert!(text.contains("stored its state in version 1 and now reads version 2"), "{text}");
        assert!(text.contains("Run the version of Seismolog that wrote it"), "{text}");
        let text = told(&[node("b", "window", 1, &[])], &[node("b", "filter", 1, &[])]);
        assert!(text.contains("was of type `window` and now is of type `filter`"), "{text}");
    }

    #[test]
    fn an_option_that_came_or_went_is_not_set_on_the_other_side() {
        let text = told(&[node("b", "window", 1, &[])], &[node("b", "window", 1, &[("x", "1")])]);
        assert!(text.contains("had option `x` not set and now has it `1`"), "{text}");
        assert!(text.contains("Remove the option `x` of `b`"), "{text}");
    }

    #[test]
    fn a_renamed_node_is_still_compared() {
        let stored = [node("prints", "fingerprint", 1, &[])];
        assert_eq!(check_identity(&stored, &[node("masks", "fingerprint", 1, &[])]), Ok(()));
        assert!(check_identity(&stored, &[node("masks", "fingerprint", 2, &[])]).is_err());
    }
}
