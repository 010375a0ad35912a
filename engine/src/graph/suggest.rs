//! "Did you mean": the nearest of the valid words, by edit distance.

/// Longest word that is compared; longer ones are no typing mistakes of ours.
const WORD_CHARS_MAX: usize = 64;

/// Returns the candidate nearest to `word`, if it is near enough to be a typing mistake.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(WORD_CHARS_MAX + 1).collect();
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    let allowed = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= allowed && *edits < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns a hint: the nearest candidate, else all of them if they are few.
pub(super) fn hint(what: &str, word: &str, candidates: &[&str]) -> Option<String> {
    /// More than these are not worth listing.
    const LISTED_MAX: usize = 24;
    if let Some(candidate) = nearest(word, candidates.iter().copied()) {
        return Some(format!("Did you mean `{candidate}`?"));
    }
    match candidates {
        [] => None,
        [only] => Some(format!("The only {what} is `{only}`.")),
        many if many.len() <= LISTED_MAX => Some(format!("One of: {}.", listed(many))),
        _ => None,
    }
}

/// Returns words as a list for people.
pub(super) fn listed(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    quoted.join(", ")
}

/// Returns how many characters must be inserted, removed, replaced or swapped with the next one.
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().take(2 * WORD_CHARS_MAX).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(l != r);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested() {
        let words = ["sources", "sinks", "server", "engine"];
        assert_eq!(nearest("surces", words), Some("sources"));
        assert_eq!(nearest("sevrer", words), Some("server"));
        assert_eq!(nearest("outputs", words), None);
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn limit_long_words_are_not_compared() {
        assert_eq!(nearest(&"a".repeat(65), ["a"]), None);
    }

    #[test]
    fn without_a_near_word_all_are_listed() {
        assert_eq!(hint("type", "qqq", &["file", "stdin"]).unwrap(), "One of: `file`, `stdin`.");
        assert_eq!(hint("type", "qqq", &["file"]).unwrap(), "The only type is `file`.");
    }
}
