//! The patterns of a changing set of skeletons: the rounds of the reference as a loop of the
//! dataflow, so that a change costs what it changes.
//!
//! ```text
//! skeleton, current ──► distinct currents ──► holes ──► fillers per hole ──► those that vary ─┐
//!        ▲                                      └─────────────────────────────────────join──◄─┘
//!        └───────────── skeleton, rewritten ◄──────────── places per current ◄──────────┘
//! ```

use super::rule::{Around, Filler, holes, rewrite, varies};
use engine::dataflow::{Collection, Iterate};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns every skeleton of the set with the skeleton of its pattern.
pub fn patterns(skeletons: Collection<'_, Arc<str>>) -> Collection<'_, (Arc<str>, Arc<str>)> {
    let same = skeletons.distinct().map(|skeleton| (Arc::clone(&skeleton), skeleton));
    same.iterate(|_scope, mapped| {
        let currents = mapped.clone().map(|(_, current)| current).distinct();
        let open = currents.clone().flat_map(|current: Arc<str>| {
            let hole = |hole: super::rule::Hole| {
                (hole.around, (hole.filler, Arc::clone(&current), hole.place))
            };
            holes(&current).into_iter().map(hole).collect::<Vec<_>>()
        });
        let closed = currents.map(|current| (Around::of(&current), Filler::Variable));
        let varying = open
            .clone()
            .map(|(around, (filler, _, _))| (around, filler))
            .concat(closed)
            .reduce(|around, fillers, varying| {
                let fillers: BTreeSet<Filler> =
                    fillers.iter().map(|(filler, _)| **filler).collect();
                if varies(*around, &fillers) {
                    varying.push(((), 1));
                }
            })
            .map(|(around, ())| around);
        let places = open
            .map(|(around, (_, current, place))| (around, (current, place)))
            .semijoin(varying)
            .map(|(_, place)| place)
            .reduce(|_current, places, all| {
                all.push((places.iter().map(|(place, _)| **place).collect::<Vec<u32>>(), 1));
            });
        let moves = mapped
            .clone()
            .map(|(skeleton, current)| (current, skeleton))
            .join_map(places, |current, skeleton, places| {
                let rewritten = rewrite(skeleton, current, places).map(Arc::from);
                (Arc::clone(skeleton), Arc::clone(current), rewritten)
            })
            .flat_map(|(skeleton, current, rewritten)| rewritten.map(|to| (skeleton, current, to)));
        let left =
            moves.clone().map(|(skeleton, current, _): (_, _, Arc<str>)| (skeleton, current));
        let reached = moves.map(|(skeleton, _, rewritten)| (skeleton, rewritten));
        mapped.concat(reached).concat(left.negate()).consolidate()
    })
}
