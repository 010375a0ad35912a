//! Crowds: places of skeletons that very many different words have filled. Once a source has as many
//! fingerprints as it may have, a skeleton takes a variable there, so that the rest of a million names
//! costs one more and ends, through `pattern`, in the issue of those before it.
//!
//! *Promises:* which word is too many depends on what this worker has seen, so beyond the bound I1
//! and I2 hold for totals only (DESIGN §8).
//! *State and limits:* at most [`HOLES_COUNTED_MAX`] holes are counted; of others nothing is known.

use crate::pattern::rule::{Around, HOLES_MAX, Hole, holes, rewrite};
use engine::model::{PatternId, Template};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};

/// How many different words may fill one place. More than any rule of `pattern` asks for, so that
/// what was admitted before belongs to the same pattern.
pub(super) const CROWD_MAX: u8 = 64;
/// How many holes are counted.
pub(super) const HOLES_COUNTED_MAX: usize = 256 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Crowds {
    fillers: HashMap<PatternId, u8, RandomState>,
    counted: HashSet<Template, RandomState>,
}

impl Crowds {
    /// Returns `skeleton` with variables where crowds are, if there are any.
    pub(super) fn widen(&self, skeleton: &[u8]) -> Option<Vec<u8>> {
        let original = std::str::from_utf8(skeleton).ok()?;
        let mut widened: Option<String> = None;
        // Each round takes a constant word away.
        for _ in 0..HOLES_MAX {
            let current = widened.as_deref().unwrap_or(original);
            let is_crowd = |hole: &Hole| self.size(hole.around) >= CROWD_MAX;
            let places: Option<u32> = holes(current).iter().find(|&h| is_crowd(h)).map(|h| h.place);
            match places.and_then(|place| rewrite(original, current, &[place])) {
                Some(wider) => widened = Some(wider),
                None => break,
            }
        }
        widened.map(String::into_bytes)
    }

    /// Counts the words of a skeleton that was admitted, once.
    pub(super) fn count(&mut self, template: Template, skeleton: &[u8]) {
        let Ok(skeleton) = std::str::from_utf8(skeleton) else { return };
        let is_full = self.fillers.len().max(self.counted.len()) >= HOLES_COUNTED_MAX;
        if is_full || !self.counted.insert(template) {
            return;
        }
        for hole in holes(skeleton) {
            let fillers = self.fillers.entry(hole.around.id).or_insert(0);
            *fillers = fillers.saturating_add(1);
        }
    }

    fn size(&self, around: Around) -> u8 {
        self.fillers.get(&around.id).copied().unwrap_or(0)
    }

    /// Returns how many holes are counted.
    #[cfg(test)]
    pub(super) fn holes_counted(&self) -> usize {
        self.fillers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(crowds: &mut Crowds, skeleton: &str) {
        crowds.count(Template::of_skeleton(skeleton.as_bytes()), skeleton.as_bytes());
    }

    fn widened(crowds: &Crowds, skeleton: &str) -> String {
        let wider = crowds.widen(skeleton.as_bytes());
        wider.map_or(skeleton.to_owned(), |wider| String::from_utf8(wider).unwrap())
    }

    #[test]
    fn limit_a_place_takes_a_variable_once_too_many_words_filled_it() {
        let mut crowds = Crowds::default();
        for n in 0..CROWD_MAX {
            assert_eq!(widened(&crowds, "card of zed is locked"), "card of zed is locked");
            admit(&mut crowds, &format!("card of w{n} is locked"));
            admit(&mut crowds, &format!("card of w{n} is locked"));
        }
        assert_eq!(widened(&crowds, "card of zed is locked"), "card of <*> is locked");
        assert_eq!(widened(&crowds, "card of zed is lost"), "card of zed is lost");
    }

    #[test]
    fn limit_holes_are_counted_up_to_their_bound() {
        let mut crowds = Crowds::default();
        for n in 0..HOLES_COUNTED_MAX {
            admit(&mut crowds, &format!("a{n} b{n} c{n} d{n} e{n} f{n} g{n} h{n} i{n}"));
        }
        assert!(crowds.holes_counted() <= HOLES_COUNTED_MAX + HOLES_MAX);
        assert!(crowds.counted.len() <= HOLES_COUNTED_MAX);
    }
}
