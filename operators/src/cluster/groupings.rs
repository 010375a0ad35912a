//! Groupings: what people say about grouping, kept until it is taken back.
//!
//! A grouping that is said twice holds once. *State and limits:* a row `g/<id>` for each, at most
//! [`GROUPINGS_MAX`]: what is said beyond that is not taken.

use crate::view::View;
use engine::component::Recovered;
use engine::model::{Command, Constraint, Control, Grouping};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Groupings that can hold at the same time.
pub const GROUPINGS_MAX: usize = 10_000;
/// What keys of groupings begin with.
const KEY: &str = "g/";

/// What follows from what people say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Told {
    /// A constraint holds, or no longer does.
    Constraint(Constraint),
    /// What to store under a key; nothing forgets it.
    State(Arc<str>, Option<Vec<u8>>),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Groupings {
    said: BTreeMap<Arc<str>, Grouping>,
    told: Vec<(Told, isize)>,
}

/// Returns what a node of this id has stored.
pub fn stored(node: &str, recovered: &Recovered) -> Vec<Grouping> {
    let rows = recovered.state.iter().filter(|((of, _), _)| &**of == node);
    rows.filter_map(|((_, key), value)| read(key, value)).collect()
}

/// Returns the grouping that is stored under a key, if it is one.
pub fn read(key: &str, value: &[u8]) -> Option<Grouping> {
    key.strip_prefix(KEY)?;
    serde_json::from_slice(value).ok()
}

impl Groupings {
    pub(super) fn recovered(node: &str, recovered: &Recovered) -> Groupings {
        let said = stored(node, recovered).into_iter();
        let said = said.map(|grouping| (Arc::clone(&grouping.id), grouping)).collect();
        Groupings { said, told: Vec::new() }
    }

    fn say(&mut self, grouping: Grouping) {
        let is_known = self.said.contains_key(&grouping.id);
        if is_known || self.said.len() >= GROUPINGS_MAX {
            return;
        }
        // Texts and numbers always have a form.
        let row = serde_json::to_vec(&grouping).unwrap_or_default();
        self.told.push((Told::Constraint(grouping.constraint), 1));
        self.told.push((Told::State(key_of(&grouping), Some(row)), 1));
        self.said.insert(Arc::clone(&grouping.id), grouping);
    }

    fn take_back(&mut self, grouping: &Grouping) {
        let Some(grouping) = self.said.remove(&grouping.id) else { return };
        self.told.push((Told::Constraint(grouping.constraint), -1));
        self.told.push((Told::State(key_of(&grouping), None), 1));
    }
}

fn key_of(grouping: &Grouping) -> Arc<str> {
    format!("{KEY}{}", grouping.id).into()
}

impl View for Groupings {
    type Row = Control;
    type Told = Told;

    fn change(&mut self, control: Control, _n: isize) {
        match control {
            Control::Command { command: Command::Group(grouping), .. } => self.say(grouping),
            Control::Command { command: Command::Ungroup { grouping, .. }, .. } => {
                self.take_back(&grouping);
            }
            _ => {}
        }
    }

    fn tell(&mut self) -> Vec<(Told, isize)> {
        std::mem::take(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::{EventTime, IssueId};

    fn pin(issue: u128) -> Grouping {
        Grouping {
            id: Arc::default(),
            constraint: Constraint::Pin { issue: IssueId(issue) },
            at: EventTime::default(),
            by: "ann".into(),
            comment: Arc::default(),
        }
        .named()
    }

    fn say(groupings: &mut Groupings, grouping: &Grouping) -> Vec<(Told, isize)> {
        let (at, command) = (EventTime::default(), Command::Group(grouping.clone()));
        groupings.change(Control::Command { at, command }, 1);
        groupings.tell()
    }

    fn take_back(groupings: &mut Groupings, grouping: &Grouping) -> Vec<(Told, isize)> {
        let (by, comment) = ("bob".into(), "".into());
        let command = Command::Ungroup { grouping: grouping.clone(), by, comment };
        groupings.change(Control::Command { at: EventTime::default(), command }, 1);
        groupings.tell()
    }

    #[test]
    fn what_is_said_holds_once_until_it_is_taken_back() {
        let (mut groupings, one) = (Groupings::default(), pin(1));
        let told = say(&mut groupings, &one);
        assert_eq!(told[0], (Told::Constraint(one.constraint), 1));
        assert!(say(&mut groupings, &one).is_empty(), "it holds already");
        let state = match &told[1].0 {
            Told::State(key, Some(value)) => (("issues".into(), key.clone()), value[..].into()),
            other => panic!("{other:?}"),
        };
        let recovered = Recovered { state: [state].into_iter().collect(), ..Recovered::default() };
        let mut groupings = Groupings::recovered("issues", &recovered);
        assert_eq!(stored("issues", &recovered), std::slice::from_ref(&one));
        assert_eq!(take_back(&mut groupings, &one)[0], (Told::Constraint(one.constraint), -1));
        assert!(take_back(&mut groupings, &one).is_empty());
    }

    #[test]
    fn limit_what_is_said_beyond_the_most_is_not_taken() {
        let mut groupings = Groupings::default();
        for issue in 0..GROUPINGS_MAX as u128 {
            assert_eq!(say(&mut groupings, &pin(issue)).len(), 2);
        }
        assert!(say(&mut groupings, &pin(u128::MAX)).is_empty());
        take_back(&mut groupings, &pin(7));
        assert_eq!(say(&mut groupings, &pin(u128::MAX)).len(), 2);
    }
}
