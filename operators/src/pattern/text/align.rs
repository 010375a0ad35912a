//! Which words of a message a pattern keeps: the message's items are laid against the pattern's, a
//! variable of the pattern taking one item or more.

use crate::skeleton::MARKER;

/// Returns, for every item of a message, whether it is a constant of the pattern; `None` if the
/// message is not of the pattern. Items are words, or `None` for a variable. Where there is a
/// choice, a variable takes as few items as it can.
pub(super) fn align(items: &[Option<&str>], pattern: &[&str]) -> Option<Vec<bool>> {
    let fits = fits(items, pattern);
    let mut kept = Vec::with_capacity(items.len());
    let (mut item, mut part) = (0, 0);
    if !fits[0][0] {
        return None;
    }
    while item < items.len() {
        let is_variable = pattern[part] == MARKER;
        kept.push(!is_variable);
        // A variable goes on only where what follows would not fit otherwise.
        let stays = is_variable && !fits[item + 1][part + 1];
        item += 1;
        part += usize::from(!stays);
    }
    Some(kept)
}

/// Returns for every pair of positions whether the rest of the items fits the rest of the pattern.
fn fits(items: &[Option<&str>], pattern: &[&str]) -> Vec<Vec<bool>> {
    let (rows, columns) = (items.len(), pattern.len());
    let mut fits = vec![vec![false; columns + 1]; rows + 1];
    fits[rows][columns] = true;
    for item in (0..rows).rev() {
        for part in (0..columns).rev() {
            fits[item][part] = if pattern[part] == MARKER {
                // One item, and the variable ends or goes on.
                fits[item + 1][part + 1] || fits[item + 1][part]
            } else {
                items[item] == Some(pattern[part]) && fits[item + 1][part + 1]
            };
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(items: &str, pattern: &str) -> Option<Vec<bool>> {
        let items: Vec<_> = items.split(' ').map(|word| (word != MARKER).then_some(word)).collect();
        align(&items, &pattern.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn a_variable_takes_what_lies_between_two_constants() {
        assert_eq!(kept("user ann left", "user <*> left"), Some(vec![true, false, true]));
        assert_eq!(kept("a x <*> y b", "a <*> b"), Some(vec![true, false, false, false, true]));
        assert_eq!(kept("a b x b", "a <*> b"), Some(vec![true, false, false, true]));
    }

    #[test]
    fn a_message_of_another_pattern_does_not_fit() {
        assert_eq!(kept("user ann came", "user <*> left"), None);
        assert_eq!(kept("user", "user <*>"), None);
    }
}
