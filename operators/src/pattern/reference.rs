//! Patterns of a set of skeletons, from scratch: short and obvious. What looks at a whole set at once
//! (scan, explain, tests) uses it, and the dataflow must agree with it.

use super::rule::{Around, Filler, holes, rewrite, varies};
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
    let mut fillers: BTreeMap<Around, BTreeSet<Filler>> = BTreeMap::new();
    for skeleton in &skeletons {
        fillers.entry(Around::of(skeleton)).or_default().insert(Filler::Variable);
        for hole in holes(skeleton) {
            fillers.entry(hole.around).or_default().insert(hole.filler);
        }
    }
    let places = |skeleton: &str| -> Vec<u32> {
        let holes = holes(skeleton).into_iter();
        let varying = holes.filter(|hole| varies(hole.around, &fillers[&hole.around]));
        varying.map(|hole| hole.place).collect()
    };
    let next = |(original, skeleton): (&String, &String)| {
        let rewritten = rewrite(original, skeleton, &places(skeleton));
        (original.clone(), rewritten.unwrap_or_else(|| skeleton.clone()))
    };
    current.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(skeletons: &[&str], of: &str) -> String {
        Patterns::of(skeletons.iter().copied()).pattern_of(of).skeleton.to_string()
    }

    #[test]
    fn enough_words_in_one_place_are_a_variable() {
        let family: Vec<String> =
            ["ann", "bob", "eve", "joe", "kim", "lea"].map(|n| format!("mail to {n} sent")).into();
        let family: Vec<&str> = family.iter().map(String::as_str).collect();
        assert_eq!(pattern(&family, "mail to ann sent"), "mail to <*> sent");
        assert_eq!(pattern(&family[1..], "mail to bob sent"), "mail to bob sent");
    }

    #[test]
    fn a_name_joins_the_variable_of_others() {
        let two = ["clock set to <*> stratum <*>", "clock set to LOCAL <*> stratum <*>"];
        assert_eq!(pattern(&two, two[1]), two[0]);
    }

    #[test]
    fn failures_that_differ_in_one_word_stay_apart() {
        let two = ["connection from <*> refused", "connection from <*> reset"];
        assert_eq!(pattern(&two, two[1]), two[1]);
        let kinds =
            ["call failed IOException", "call failed AuthError", "call failed TimeoutError"];
        assert_eq!(pattern(&kinds, kinds[0]), kinds[0]);
    }

    #[test]
    fn two_places_that_vary_end_in_one_pattern() {
        let all: Vec<String> = (0..36)
            .map(|n| format!("moved item from place x{} to place y{} at last", n / 6, n % 6))
            .collect();
        let found = Patterns::of(all.iter().map(String::as_str));
        let ids: BTreeSet<_> = found.iter().map(|(_, pattern)| pattern.id).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(
            &*found.pattern_of(&all[0]).skeleton,
            "moved item from place <*> to place <*> at last"
        );
    }

    #[test]
    fn a_skeleton_outside_the_set_is_its_own_pattern() {
        assert_eq!(pattern(&[], "unheard of"), "unheard of");
    }
}
