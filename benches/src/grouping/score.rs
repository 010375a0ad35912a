//! How well lines were grouped and how well their templates were told: the measures of the field
//! (Khan et al., ICSE 2022; Jiang et al., ISSTA 2024), as the evaluation data's own scorer has them.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What was said of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Its group, any name.
    pub group: String,
    /// The text of its template; variables are `<*>` or typed such as `<ip>`.
    pub template: String,
}

/// The measures, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Grouping accuracy: the share of lines whose group equals their true group as a set.
    pub ga: f64,
    /// The harmonic mean of right groups among the found ones and among the true ones.
    pub fga: f64,
    /// Parsing accuracy: the share of lines whose template has the true text.
    pub pa: f64,
    /// The harmonic mean of right templates among the found ones and among the true ones.
    pub fta: f64,
}

/// Names of the measures, in the order of [`Score::values`].
pub const MEASURES: [&str; 4] = ["GA", "FGA", "PA", "FTA"];

impl Score {
    /// Returns the measures in order.
    fn values(self) -> [f64; 4] {
        [self.ga, self.fga, self.pa, self.fta]
    }

    /// Returns the mean of several scores, each measure on its own.
    pub fn mean(scores: &[Score]) -> Score {
        let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
        Score {
            ga: mean(|score| score.ga),
            fga: mean(|score| score.fga),
            pa: mean(|score| score.pa),
            fta: mean(|score| score.fta),
        }
    }

    /// Returns the measures by name.
    pub fn to_json(self) -> Value {
        MEASURES.into_iter().zip(self.values()).map(|(name, value)| (name, json!(value))).collect()
    }
}

/// Scores what was said of every line against the true templates. A line of which nothing was said
/// is a wrong group of its own.
pub fn score(truth: &[String], found: &[Option<Prediction>]) -> Score {
    let groups: Vec<String> = found
        .iter()
        .enumerate()
        .map(|(at, found)| match found {
            Some(found) => found.group.clone(),
            None => format!("\0nothing {at}"),
        })
        .collect();
    let (true_sizes, found_sizes) = (sizes(truth.iter()), sizes(groups.iter()));
    let pairs = sizes(truth.iter().zip(&groups));
    let right: Vec<usize> = pairs
        .iter()
        .filter(|((of, group), n)| true_sizes[of] == **n && found_sizes[group] == **n)
        .map(|(_, n)| *n)
        .collect();
    let lines = truth.len() as f64;
    let precision = right.len() as f64 / found_sizes.len() as f64;
    let recall = right.len() as f64 / true_sizes.len() as f64;
    let truth: Vec<String> = truth.iter().map(|text| collapsed(text)).collect();
    let texts: Vec<String> = found
        .iter()
        .map(|found| found.as_ref().map_or(String::new(), |found| canonical(&found.template)))
        .collect();
    let (pa, fta) = text_measures(&truth, &texts);
    let ga = right.iter().sum::<usize>() as f64 / lines;
    Score { ga, fga: harmonic(precision, recall), pa, fta }
}

fn text_measures(truth: &[String], found: &[String]) -> (f64, f64) {
    let same = truth.iter().zip(found).filter(|(truth, found)| truth == found).count();
    let mut truths_of: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for (truth, found) in truth.iter().zip(found) {
        truths_of.entry(found).or_default().insert(truth);
    }
    let is_right = |(found, truths): &(&&String, &BTreeSet<&String>)| {
        truths.iter().eq(std::iter::once(*found))
    };
    let right = truths_of.iter().filter(is_right).count() as f64;
    let true_count = truth.iter().collect::<BTreeSet<_>>().len() as f64;
    let fta = harmonic(right / truths_of.len() as f64, right / true_count);
    (same as f64 / truth.len() as f64, fta)
}

fn sizes<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut sizes = BTreeMap::new();
    items.for_each(|item| *sizes.entry(item).or_insert(0) += 1);
    sizes
}

fn harmonic(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
}

/// Returns `text` trimmed, each white space one blank.
fn collapsed(text: &str) -> String {
    // The four separators are white space to the reference scorer.
    let is_space = |letter: char| letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter);
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Returns `text` collapsed, with `<*>` for each typed placeholder (`<ip>`, `<:NUM:>`).
fn canonical(text: &str) -> String {
    let text = collapsed(text);
    let (mut canonical, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some(at) = rest.find('<') {
        canonical.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find('>').filter(|end| is_placeholder(&rest[1..*end]));
        canonical.push_str(if end.is_some() { "<*>" } else { "<" });
        rest = &rest[end.unwrap_or(0) + 1..];
    }
    canonical.push_str(rest);
    canonical
}

fn is_placeholder(name: &str) -> bool {
    let typed = name.strip_prefix(':').unwrap_or(name);
    let typed = typed.strip_suffix(':').unwrap_or(typed);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = typed.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    name == "*" || begins && typed.bytes().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(groups: &[(&str, &str)]) -> Vec<Option<Prediction>> {
        let prediction = |(group, template): &(&str, &str)| {
            Some(Prediction { group: (*group).into(), template: (*template).into() })
        };
        groups.iter().map(prediction).collect()
    }

    fn truth(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn everything_right_scores_one() {
        let truth = truth(&["a <*>", "a <*>", "b"]);
        let score = score(&truth, &found(&[("1", "a <num>"), ("1", "a <*>"), ("2", "b")]));
        assert_eq!(score.values(), [1.0; 4]);
    }

    #[test]
    fn one_stray_line_makes_its_whole_group_wrong() {
        let truth = truth(&["a", "a", "b", "b"]);
        let score = score(&truth, &found(&[("1", "a"), ("2", "c"), ("3", "b"), ("3", "b")]));
        // One of three found groups and of two true ones is right; three of four texts are.
        assert_eq!(score.ga, 0.5);
        assert!((score.fga - 0.4).abs() < 1e-12);
        assert_eq!(score.pa, 0.75);
        assert!((score.fta - 0.8).abs() < 1e-12);
    }

    #[test]
    fn a_line_that_is_missing_is_a_wrong_group_of_its_own() {
        let truth = truth(&["a", "a"]);
        let score = score(&truth, &[None, None]);
        assert_eq!(score.values(), [0.0; 4]);
    }

    #[test]
    fn placeholders_of_any_kind_are_the_same() {
        assert_eq!(
            canonical(" to <ip>:<:NUM:>  in <*> <a b> <1> < <x>"),
            "to <*>:<*> in <*> <a b> <1> < <*>"
        );
    }
}
