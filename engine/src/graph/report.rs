//! Report: collects mistakes at places in the inputs, and turns them into [`Mistake`]s with line,
//! column and byte range, in the order of the files.
//!
//! *State and limits:* at most [`MISTAKES_MAX`] are kept; the last one says that there are more.

use super::{GraphInput, Mistake};
use std::sync::Arc;

/// Most mistakes that are reported at once.
pub const MISTAKES_MAX: usize = 200;

/// A byte range in one of the inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which input.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// One input, with the offsets at which its lines start.
struct Indexed {
    input: Arc<GraphInput>,
    line_starts: Vec<usize>,
}

impl Indexed {
    fn new(input: &GraphInput) -> Self {
        let after_newlines = input.text.match_indices('\n').map(|(newline, _)| newline + 1);
        let line_starts = std::iter::once(0).chain(after_newlines).collect();
        Self { input: Arc::new(input.clone()), line_starts }
    }

    /// Returns line and column in characters, both from 1, of a byte offset.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let before = self.input.text.get(self.line_starts[line - 1]..offset).unwrap_or_default();
        (line, before.chars().filter(|c| *c != '\u{feff}').count() + 1)
    }
}

/// Everything found wrong so far.
pub(super) struct Report {
    inputs: Vec<Indexed>,
    found: Vec<(Place, String, Option<String>)>,
}

impl Report {
    /// Returns an empty report about `inputs`.
    pub fn new(inputs: &[GraphInput]) -> Self {
        Self { inputs: inputs.iter().map(Indexed::new).collect(), found: Vec::new() }
    }

    /// Adds an input and returns its number.
    pub fn add_input(&mut self, input: &GraphInput) -> usize {
        self.inputs.push(Indexed::new(input));
        self.inputs.len() - 1
    }

    /// Returns an input.
    pub fn input(&self, file: usize) -> Arc<GraphInput> {
        self.inputs[file].input.clone()
    }

    /// Adds a mistake.
    pub fn add(&mut self, place: Place, message: impl Into<String>, hint: Option<String>) {
        self.found.push((place, message.into(), hint));
    }

    /// Returns how many mistakes were added.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Returns `file:line:column` of a place.
    pub fn locate(&self, place: Place) -> String {
        let file = &self.inputs[place.file];
        let (line, column) = file.position(place.start);
        format!("{}:{line}:{column}", file.input.name)
    }

    /// Returns the mistakes, each once, in the order of the files.
    pub fn finish(mut self) -> Vec<Mistake> {
        self.found.sort();
        self.found.dedup();
        let more = self.found.len().saturating_sub(MISTAKES_MAX);
        if more > 0 {
            self.found.truncate(MISTAKES_MAX);
            if let Some(last) = self.found.last_mut() {
                last.1 = format!("there are {} more mistakes from here on", more + 1);
                last.2 = None;
            }
        }
        let mistakes = self.found.into_iter().map(|(place, message, hint)| {
            let file = &self.inputs[place.file];
            let (line, column) = file.position(place.start);
            let span = place.start..place.end;
            Mistake { file: file.input.name.clone(), line, column, span, message, hint }
        });
        mistakes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str, offset: usize) -> (usize, usize) {
        let input =
            GraphInput { name: String::new(), text: text.to_owned(), base: Default::default() };
        Indexed::new(&input).position(offset)
    }

    #[test]
    fn columns_count_characters_and_leave_out_a_byte_order_mark() {
        assert_eq!(position("\u{feff}äö: x", 7), (1, 3));
        assert_eq!(position("a\nbc\n", 3), (2, 2));
        assert_eq!(position("a\n", 2), (2, 1));
        assert_eq!(position("", 0), (1, 1));
    }
}
