//! A report as one HTML page that needs no other file and no network, in dark and in light.
//!
//! *State and limits:* every alert is listed; the strongest [`DRAWN_MAX`] are drawn.

use super::compare::{Change, Comparison};
use super::draw::{days, escaped, timeline};
use super::report::{Report, chance, kind, lasted, ratio};
use super::walk::Fired;
use crate::scan::minute;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{Result, Write};

/// Alerts with a drawing of their own.
const DRAWN_MAX: usize = 1_000;
const STYLE: &str = include_str!("page.css");

/// Writes the page of a report.
pub fn report(report: &Report, output: &mut dyn Write) -> Result<()> {
    let rows: Vec<Row<'_>> =
        report.alerts.iter().map(|fired| Row { change: None, fired }).collect();
    page("Alerts that would have fired", &report.totals.sentence(), &rows, output)
}

/// Writes the page of a comparison.
pub fn comparison(comparison: &Comparison<'_>, output: &mut dyn Write) -> Result<()> {
    let rows: Vec<Row<'_>> = comparison
        .different
        .iter()
        .map(|it| Row { change: Some(it.change), fired: it.now })
        .collect();
    page("Alerts that another graph changes", &comparison.totals.sentence(), &rows, output)
}

/// An alert, and how it differs.
struct Row<'a> {
    change: Option<Change>,
    fired: &'a Fired,
}

fn page(title: &str, summary: &str, rows: &[Row<'_>], output: &mut dyn Write) -> Result<()> {
    write!(
        output,
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n{STYLE}</style></head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"dim\">{}. Times are UTC.</p>\n",
        escaped(summary)
    )?;
    if rows.is_empty() {
        return writeln!(output, "<p>There is none.</p>\n</body></html>");
    }
    let overview = days(rows.iter().map(|row| row.fired));
    writeln!(output, "<div class=\"card\">{overview}</div>")?;
    table(rows, output)?;
    let drawn = drawn(rows);
    for row in rows.iter().filter(|row| drawn.contains(&row.fired.line.key)) {
        card(row, output)?;
    }
    if drawn.len() < rows.len() {
        writeln!(output, "<p class=\"dim\">The {DRAWN_MAX} strongest are drawn.</p>")?;
    }
    writeln!(output, "</body></html>")
}

/// Returns the alerts that are drawn.
fn drawn(rows: &[Row<'_>]) -> BTreeSet<engine::model::AlertKey> {
    let mut strongest: Vec<_> = rows
        .iter()
        .map(|row| (Reverse(row.fired.alert.peak.surprise_milli), row.fired.line.key))
        .collect();
    strongest.sort();
    strongest.into_iter().take(DRAWN_MAX).map(|(_, key)| key).collect()
}

fn table(rows: &[Row<'_>], output: &mut dyn Write) -> Result<()> {
    let changes = rows.iter().any(|row| row.change.is_some());
    writeln!(
        output,
        "<div class=\"card scroll\"><table><tr>{}<th>Start</th><th>Kind</th><th>Service</th><th>Issue</th>\
         <th class=\"n\">Observed</th><th class=\"n\">Expected</th><th class=\"n\">Ratio</th><th class=\"n\">p</th>\
         <th class=\"n\">Lasted</th><th>Told</th></tr>",
        if changes { "<th></th>" } else { "" }
    )?;
    for Row { change, fired } in rows {
        let line = &fired.line;
        let change = change.map_or_else(String::new, |it| format!("<td>{}</td>", it.as_str()));
        writeln!(
            output,
            "<tr>{change}<td><a href=\"#{key}\">{start}</a></td><td class=\"{kind}\">{kind}</td><td>{service}</td>\
             <td class=\"title\">{title}</td><td class=\"n\">{observed}</td><td class=\"n\">{expected:.1}</td>\
             <td class=\"n\">{ratio}</td><td class=\"n\">{chance}</td><td class=\"n\">{lasted}</td><td>{told}</td></tr>",
            key = line.key,
            start = minute(&line.start),
            kind = kind(line.kind),
            service = escaped(&line.service),
            title = escaped(&line.title),
            observed = line.peak.observed,
            expected = line.peak.expected,
            ratio = ratio(fired),
            chance = chance(fired),
            lasted = lasted(fired),
            told = if fired.told { "yes" } else { "no" },
        )?;
    }
    writeln!(output, "</table></div>")
}

fn card(row: &Row<'_>, output: &mut dyn Write) -> Result<()> {
    let line = &row.fired.line;
    let change = row.change.map_or_else(String::new, |it| format!("{}: ", it.as_str()));
    let about = match line.title.as_ref() {
        "" => line.issue.to_string(),
        title => title.to_owned(),
    };
    let test = &row.fired.alert.details.explanation.test;
    let why = if test.is_empty() { String::new() } else { format!(" Found by: {test}.") };
    writeln!(
        output,
        "<div class=\"card\" id=\"{key}\"><h2>{change}{title}</h2><div class=\"dim\"><b class=\"{kind}\">{kind}</b> \
         {service} from {start}, lasted {lasted}: {observed} observed, {expected:.1} expected, p {chance}.{why} \
         {key}</div>{drawing}</div>",
        key = line.key,
        title = escaped(&about),
        kind = kind(line.kind),
        service = escaped(&line.service),
        start = minute(&line.start),
        lasted = lasted(row.fired),
        observed = line.peak.observed,
        expected = line.peak.expected,
        chance = chance(row.fired),
        why = escaped(&why),
        drawing = timeline(row.fired),
    )
}
