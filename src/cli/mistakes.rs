//! Shows the mistakes of graph files: with the line and a caret for people, as JSON for programs.
//!
//! Colours and drawing characters are for terminals; a file, a pipe or `NO_COLOR` gets plain text.

use engine::graph::{GraphInput, Mistake};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use serde_json::{Value as Json, json};
use std::fmt;
use std::io::IsTerminal;

/// For whom the mistakes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A terminal.
    Coloured,
    /// Anything else: ASCII only, no escape sequences.
    Plain,
}

impl Style {
    /// Returns the style that suits standard error.
    pub fn of_stderr() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let plain = no_color || dumb || !std::io::stderr().is_terminal();
        if plain { Style::Plain } else { Style::Coloured }
    }

    fn theme(self) -> GraphicalTheme {
        match self {
            Style::Coloured => GraphicalTheme::unicode(),
            Style::Plain => GraphicalTheme::none(),
        }
    }
}

/// Returns the mistakes as text: each with its place, its line, a caret and what to do; at the end
/// how many there are.
pub fn to_text(mistakes: &[Mistake], inputs: &[GraphInput], style: Style) -> String {
    let handler = GraphicalReportHandler::new_themed(style.theme())
        .with_wrap_lines(false)
        .with_links(false)
        .with_context_lines(1);
    let mut text = String::new();
    for mistake in mistakes {
        let before = text.len();
        if handler.render_report(&mut text, &Shown::new(mistake, inputs)).is_err() {
            // The place and the message are enough if the drawing fails.
            text.truncate(before);
            text.push_str(&format!("{mistake}\n"));
        }
    }
    let files = match inputs {
        [one] => format!("`{}`", one.name),
        many => format!("{} graph files", many.len()),
    };
    let noun = if mistakes.len() == 1 { "mistake" } else { "mistakes" };
    text.push_str(&format!("{} {noun} in {files}\n", mistakes.len()));
    text
}

/// Returns the mistakes as JSON: `span` is a byte range, `end` exclusive.
pub fn to_json(mistakes: &[Mistake]) -> Json {
    let mistakes: Vec<Json> = mistakes
        .iter()
        .map(|mistake| {
            json!({
                "file": mistake.file,
                "line": mistake.line,
                "column": mistake.column,
                "span": {"start": mistake.span.start, "end": mistake.span.end},
                "message": mistake.message,
                "hint": mistake.hint,
            })
        })
        .collect();
    json!({ "mistakes": mistakes })
}

/// A mistake as miette draws it.
#[derive(Debug)]
struct Shown<'a> {
    mistake: &'a Mistake,
    /// `None` for a mistake about a whole file, and for a file that is not at hand.
    source: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(mistake: &'a Mistake, inputs: &'a [GraphInput]) -> Self {
        let input = inputs.iter().find(|input| input.name == mistake.file);
        let text = input.map(|input| input.text.as_str());
        let within =
            |text: &&str| mistake.span != (0..0) && text.get(mistake.span.clone()).is_some();
        Self { mistake, source: text.filter(within) }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mistake.fmt(f)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'h>(&'h self) -> Option<Box<dyn fmt::Display + 'h>> {
        self.mistake.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|text| text as &dyn SourceCode)
    }

    /// One label on the first line of the place; a whole map would fill the screen.
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = &self.mistake.span;
        let first = self.source?.get(span.clone())?.lines().next().unwrap_or_default();
        let label = LabeledSpan::new(None, span.start, first.len());
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "sources:\n  app: { type: flie }\n  wide:\n    a: 1\n    b: 2\n";

    const PLAIN: &str = "  x graph.yaml:2:16: something is wrong
   ,-[2:16]
 1 | sources:
 2 |   app: { type: flie }
   :                ^^^^
 3 |   wide:
   `----
  help: Did you mean `file`?
  x graph.yaml:4:5: something is wrong
   ,-[4:5]
 3 |   wide:
 4 |     a: 1
   :     ^^^^
 5 |     b: 2
   `----
  x missing.yaml:1:1: something is wrong
3 mistakes in `graph.yaml`
";

    fn mistake(line: usize, column: usize, span: &str, hint: Option<&str>) -> Mistake {
        let start = TEXT.find(span).unwrap();
        Mistake {
            file: "graph.yaml".to_owned(),
            line,
            column,
            span: start..start + span.len(),
            message: "something is wrong".to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    fn inputs() -> Vec<GraphInput> {
        let (name, text) = ("graph.yaml".to_owned(), TEXT.to_owned());
        vec![GraphInput { name, text, base: Default::default() }]
    }

    #[test]
    fn golden_plain_text_shows_line_caret_and_hint() {
        let mistakes = [
            mistake(2, 16, "flie", Some("Did you mean `file`?")),
            mistake(4, 5, "a: 1\n    b: 2", None),
            Mistake { file: "missing.yaml".to_owned(), span: 0..0, ..mistake(1, 1, "s", None) },
        ];
        let text = to_text(&mistakes, &inputs(), Style::Plain);
        assert_eq!(text, PLAIN);
    }

    #[test]
    fn colours_are_for_terminals() {
        let mistakes = [mistake(2, 16, "flie", None)];
        assert!(to_text(&mistakes, &inputs(), Style::Coloured).contains("\u{1b}["));
        assert!(!to_text(&mistakes, &inputs(), Style::Plain).contains('\u{1b}'));
    }

    #[test]
    fn any_span_can_be_drawn() {
        for start in 0..=TEXT.len() {
            for end in start..=TEXT.len() {
                let wrong = Mistake { span: start..end, ..mistake(1, 1, "s", None) };
                let text = to_text(&[wrong], &inputs(), Style::Plain);
                assert!(text.contains("something is wrong"), "{start}..{end}: {text}");
            }
        }
    }

    #[test]
    fn json_carries_everything() {
        let json = to_json(&[mistake(2, 16, "flie", Some("Did you mean `file`?"))]);
        let expected = json!({"mistakes": [{
            "file": "graph.yaml",
            "line": 2,
            "column": 16,
            "span": {"start": 24, "end": 28},
            "message": "something is wrong",
            "hint": "Did you mean `file`?",
        }]});
        assert_eq!(json, expected);
    }
}
