//! What a record or an issue means, for people: short lines, the reason beside each number.

use super::meaning::{Merged, Section};
use crate::scan::printable;
use engine::component::PartState;
use std::io::{Result, Write};

/// How much of a template is shown.
const TEMPLATE_CHARS: usize = 160;
/// Patterns of an issue that are shown.
const PARTS_SHOWN: usize = 20;

/// Writes a section.
pub(super) fn write_meaning(output: &mut impl Write, section: &Section) -> Result<()> {
    if let Some(text) = &section.text {
        writeln!(output, "embedded     {}", shown(text))?;
    }
    for tag in &section.tags {
        writeln!(output, "tag          {} {:.2}: {}", tag.tag, tag.score, shown(&tag.reason))?;
    }
    if let Some(decision) = &section.decision {
        writeln!(output, "issue        {decision}")?;
    }
    if let Some(sentence) = &section.without {
        writeln!(output, "compared     with nothing: {}", shown(sentence))?;
    }
    for near in &section.neighbours {
        let here = if near.same_issue { "same issue" } else { "other" };
        let (similarity, issue) = (near.similarity, near.issue);
        writeln!(output, "near {similarity:<7.3} {here:<10} {issue}  {}", shown(&near.template))?;
    }
    if section.parts_in_all > 1 {
        write_parts(output, section)?;
    }
    for similar in &section.similar {
        let (similarity, issue) = (similar.similarity, similar.issue);
        writeln!(output, "related {similarity:<.3} {issue}  {}", shown(&similar.template))?;
    }
    if let (Some(same_issue), Some(related)) = (section.same_issue, section.related) {
        writeln!(output, "thresholds   {same_issue:.3} one issue, {related:.3} possibly related")?;
    }
    Ok(())
}

fn write_parts(output: &mut impl Write, section: &Section) -> Result<()> {
    let all = section.parts_in_all;
    writeln!(output, "merged       {all} patterns, each with its average to the others")?;
    for part in section.parts.iter().take(PARTS_SHOWN) {
        writeln!(output, "  {:<10} {}", average(part), shown(&part.template))?;
    }
    if all > PARTS_SHOWN {
        writeln!(output, "  and {} more", all - PARTS_SHOWN)?;
    }
    Ok(())
}

fn average(part: &Merged) -> String {
    match (part.similarity, part.state) {
        (Some(similarity), _) => format!("{similarity:.3}"),
        (None, PartState::Pending) => "waits".to_owned(),
        (None, _) => "none".to_owned(),
    }
}

/// Returns a text cut and without control characters: it comes from logs.
fn shown(text: &str) -> String {
    printable(text, TEMPLATE_CHARS)
}
