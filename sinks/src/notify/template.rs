//! Templates: how a text for a chat is put together, as the user may write it: `{title} {link}`.

use super::words::Words;
use engine::component::OptionsError;

/// Longest template, in bytes.
pub(super) const TEMPLATE_BYTES_MAX: usize = 4096;

/// What can stand between braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Happened,
    Title,
    Summary,
    Service,
    Severity,
    Facts,
    Others,
    Link,
}

/// Every placeholder by its name.
const PLACEHOLDERS: [(&str, Placeholder); 8] = [
    ("happened", Placeholder::Happened),
    ("title", Placeholder::Title),
    ("summary", Placeholder::Summary),
    ("service", Placeholder::Service),
    ("severity", Placeholder::Severity),
    ("facts", Placeholder::Facts),
    ("others", Placeholder::Others),
    ("link", Placeholder::Link),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Vec<Piece>>);

impl Template {
    /// Reads a template; `{{` and `}}` stand for braces.
    pub fn read(text: &str) -> Result<Self, OptionsError> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("is longer than {TEMPLATE_BYTES_MAX} bytes");
            return Err(OptionsError::at("template", message));
        }
        text.lines().map(line).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the text for `words`, values written as `escape` writes them. A line all of whose values are
    /// empty is left out.
    pub fn fill(&self, words: &Words, escape: impl Fn(&str) -> String) -> String {
        let mut lines = Vec::new();
        for pieces in &self.0 {
            let (mut line, mut has_values, mut has_text) = (String::new(), false, false);
            for piece in pieces {
                match piece {
                    Piece::Text(text) => line.push_str(text),
                    Piece::Value(placeholder) => {
                        let value = value(*placeholder, words, &escape);
                        has_values = true;
                        has_text |= !value.is_empty();
                        line.push_str(&value);
                    }
                }
            }
            if has_text || !has_values {
                lines.push(line);
            }
        }
        lines.join("\n")
    }
}

fn line(text: &str) -> Result<Vec<Piece>, OptionsError> {
    let wrong = |message: String| {
        let names: Vec<String> =
            PLACEHOLDERS.iter().map(|(name, _)| format!("`{{{name}}}`")).collect();
        let hint = format!("Placeholders are {}; `{{{{` is a brace.", names.join(", "));
        OptionsError::at("template", message).hint(hint)
    };
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = behind;
            continue;
        }
        let name = match (brace, rest.split_once('}')) {
            ("{", Some((name, behind))) => {
                rest = behind;
                name
            }
            _ => return Err(wrong(format!("has a `{brace}` without its other half"))),
        };
        let Some((_, placeholder)) = PLACEHOLDERS.iter().find(|(known, _)| *known == name) else {
            return Err(wrong(format!("has no placeholder `{{{name}}}`")));
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Value(*placeholder));
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn value(placeholder: Placeholder, words: &Words, escape: &impl Fn(&str) -> String) -> String {
    match placeholder {
        Placeholder::Happened => words.happened.to_owned(),
        Placeholder::Title => escape(&words.title),
        Placeholder::Summary => escape(&words.summary),
        Placeholder::Service => escape(&words.service),
        Placeholder::Severity => words.severity.to_string(),
        Placeholder::Facts => {
            let lines =
                words.facts.iter().map(|(label, line)| format!("{label}: {}", escape(line)));
            lines.collect::<Vec<String>>().join("\n")
        }
        Placeholder::Others => {
            words.others.iter().map(|line| escape(line)).collect::<Vec<String>>().join("\n")
        }
        // Ours, from the graph file: it has to stay a link.
        Placeholder::Link => words.link.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn filled(template: &str) -> String {
        let words = Words::of(&samples::fired());
        Template::read(template).unwrap().fill(&words, |text| text.to_uppercase())
    }

    #[test]
    fn placeholders_are_filled_with_escaped_values() {
        assert_eq!(
            filled("{happened}: {title}!"),
            "New alert: PAYMENTS: CONNECTION TO <HOST> REFUSED!"
        );
        assert_eq!(filled("[{service}] {severity}"), "[PAYMENTS] error");
        assert!(filled("{link}").starts_with("https://logs.example/alerts/a_"));
        assert_eq!(filled("{{title}} }} {{"), "{title} } {");
    }

    #[test]
    fn a_line_without_anything_to_say_is_left_out() {
        assert_eq!(filled("a\nalso: {others}\n\nb"), "a\n\nb");
    }

    #[test]
    fn placeholders_that_do_not_exist_are_mistakes() {
        for (template, message) in [
            ("{titel}", "has no placeholder `{titel}`"),
            ("{}", "has no placeholder `{}`"),
            ("a {title", "has a `{` without its other half"),
            ("a } b", "has a `}` without its other half"),
        ] {
            let error = Template::read(template).unwrap_err();
            assert_eq!(
                (error.path, error.message.as_str()),
                (vec!["template".to_owned()], message)
            );
            assert!(error.hint.unwrap().contains("`{title}`"));
        }
    }

    #[test]
    fn limit_a_template_has_a_length() {
        assert!(Template::read(&"x".repeat(TEMPLATE_BYTES_MAX)).is_ok());
        assert!(Template::read(&"x".repeat(TEMPLATE_BYTES_MAX + 1)).is_err());
    }
}
