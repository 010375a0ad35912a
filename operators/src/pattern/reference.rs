//! Patterns of a set of skeletons, from scratch: short and obvious. What looks at a whole set at once
//! (scan, explain, tests) uses it, and the dataflow must agree with it.

use super::rule::{Filler, holes, rewrite, varies};
use engine::model::Pattern;
use std::collections::{BTreeMap, BTreeSet};

/// The patterns of a set of skeletons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    by_skeleton: BTreeMap<String, Pattern>,
}

impl Patterns {
    /// Returns the patterns of `skeletons`: a function of the set of them.
    pub fn of<'a>(skeletons: impl IntoIterator<Item = &'a str>) -> Self {
        let same = |skeleton: &'a str| (skeleton.to_owned(), skeleton.to_owned());
        let mut current: BTreeMap<String, String> = skeletons.into_iter().map(same).collect();
        loop {
            let next = round(&current);
            if next == current {
                break;
            }
            current = next;
        }
        let pattern = |(skeleton, found): (String, String)| (skeleton, Pattern::new(found.into()));
        Self { by_skeleton: current.into_iter().map(pattern).collect() }
    }

    /// Returns the pattern of `skeleton`; one that is not of the set is its own.
    pub fn pattern_of(&self, skeleton: &str) -> Pattern {
        let known = self.by_skeleton.get(skeleton).cloned();
        known.unwrap_or_else(|| Pattern::new(skeleton.into()))
    }

    /// Returns every skeleton with its pattern, ordered.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pattern)> {
        self.by_skeleton.iter().map(|(skeleton, pattern)| (skeleton.as_str(), pattern))
    }
}

/// Makes every place that varies a variable, once.
fn round(current: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let skeletons: BTreeSet<&String> = current.values().collect();
    let mut fillers: BTreeMap<String, BTreeSet<Filler>> = BTreeMap::new();
    for skeleton in &skeletons {
        for hole in holes(skeleton) {
            fillers.entry(hole.around).or_default().insert(hole.filler);
        }
    }
    for (around, fillers) in &mut fillers {
        if skeletons.contains(around) {
            fillers.insert(Filler::Variable);
        }
    }
    let places = |skeleton: &str| -> Vec<usize> {
        let varying = holes(skeleton).into_iter().filter(|hole| varies(&hole.around, &fillers[&hole.around]));
        varying.map(|hole| hole.place).collect()
    };
    let next = |(original, skeleton): (&String, &String)| {
        let rewritten = rewrite(original, skeleton, &places(skeleton));
        (original.clone(), rewritten.unwrap_or_else(|| skeleton.clone()))
    };
    current.iter().map(next).collect()
}
