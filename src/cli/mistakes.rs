//! Shows the mistakes of graph files: with the line and a caret for people, as JSON for programs.
//!
//! Colours and drawing characters are for terminals; a file, a pipe or `NO_COLOR` gets plain text.

use engine::graph::{GraphInput, Mistake};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use serde_json::{Value as Json, json};
use std::fmt;
use std::io::IsTerminal;

/// Columns at which text is wrapped.
const WIDTH_COLUMNS: usize = 100;

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
        .with_width(WIDTH_COLUMNS)
        .with_links(false)
        .with_context_lines(0);
    let mut text = String::new();
    for mistake in mistakes {
        let shown = Shown::new(mistake, inputs);
        let before = text.len();
        text.push_str(&format!("{mistake}\n"));
        let headline = text.len();
        if handler.render_report(&mut text, &shown).is_err() {
            // The place and the message are enough if the drawing fails.
            text.truncate(headline);
        }
        debug_assert!(text.len() > before);
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

/// A mistake as miette draws it. The message stands in the line above, with the place.
#[derive(Debug)]
struct Shown<'a> {
    mistake: &'a Mistake,
    /// `None` for a file that could not be read, or a place that has no line.
    source: Option<NamedSource<&'a str>>,
}

impl<'a> Shown<'a> {
    fn new(mistake: &'a Mistake, inputs: &'a [GraphInput]) -> Self {
        let input = inputs.iter().find(|input| input.name == mistake.file);
        let within = |input: &&GraphInput| {
            !input.text.is_empty() && input.text.get(mistake.span.clone()).is_some()
        };
        let source = input.filter(within);
        let source = source.map(|input| NamedSource::new(&input.name, input.text.as_str()));
        Self { mistake, source }
    }
}
