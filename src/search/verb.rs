//! The verb `search`: the issues of a store that a question is about, while the engine runs or not.

use super::{Meaning, SharedIndex, local_model};
use crate::cli::search::{SearchArgs, SearchOutput};
use crate::failure::Failure;
use crate::scan::{minute, printable};
use anyhow::Context;
use dashboard::SearchResults;
use engine::clock::{Clock, SystemClock};
use engine::component::{Found, Hit, IssueOrder, IssueQuery, IssueRow};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::sync::Arc;

/// Cells of the bar that stands for a score.
const BAR_CELLS: usize = 5;
/// How much of a text is shown to a person.
const TEXT_CHARS: usize = 200;

/// Searches the store of a graph.
pub fn search(args: SearchArgs) -> Result<(), Failure> {
    let query = args.query.join(" ").trim().to_owned();
    if query.is_empty() {
        let message = "there is nothing to look for: write words or a question, such as \
                       `seismolog search disk full`";
        return Err(Failure::Usage(message.to_owned()));
    }
    let graph = crate::run::load(&args.graph)?;
    let store = graph.store.store.reader();
    let index = SharedIndex::of_store(&*store);
    let index =
        Arc::new(index.context("cannot search the graph's store (`seismolog run` makes it)")?);
    let model = local_model(args.place, &graph.model);
    let found = Meaning::of(&graph, index, Arc::clone(&store), model)
        .search(&query, usize::from(args.limit))?;
    if let Some(sentence) = &found.without_meaning {
        eprintln!("searched by words alone: {sentence}");
    }
    let ids = found.hits.iter().map(|hit| hit.issue).collect();
    let (points, order) = (0, IssueOrder::LastSeen);
    let everything = IssueQuery::everything(SystemClock.now());
    let rows = store.issues(&IssueQuery { ids: Some(ids), points, order, ..everything })?.issues;
    let mut output = BufWriter::new(std::io::stdout().lock());
    match args.output {
        SearchOutput::Text => show(&mut output, found, rows)?,
        SearchOutput::Json => {
            serde_json::to_writer(&mut output, &SearchResults::new(query, found, rows))?;
            writeln!(output)?;
        }
        SearchOutput::Jsonl => {
            let results = serde_json::to_value(SearchResults::new(query, found, rows))?;
            for result in results["results"].as_array().into_iter().flatten() {
                writeln!(output, "{result}")?;
            }
        }
    }
    Ok(output.flush()?)
}

/// Writes hits for people, the best first.
fn show(output: &mut impl Write, found: Found, rows: Vec<IssueRow>) -> std::io::Result<()> {
    let rows: BTreeMap<_, IssueRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let best = found.hits.first().map_or(1.0, |hit| hit.score);
    for hit in &found.hits {
        // What was merged away in the meantime has no row.
        let Some(row) = rows.get(&hit.issue) else { continue };
        show_one(output, hit, row, best)?;
    }
    if found.hits.is_empty() {
        writeln!(output, "nothing found")?;
    }
    Ok(())
}

fn show_one(output: &mut impl Write, hit: &Hit, row: &IssueRow, best: f64) -> std::io::Result<()> {
    let bar = "#".repeat((hit.score / best * BAR_CELLS as f64).round().max(1.0) as usize);
    let similarity =
        hit.similarity.map_or("-".to_owned(), |similarity| format!("{:.2}", similarity.ratio()));
    let last_seen = minute(&row.last_seen.to_string());
    let (severity, count, id) = (row.severity.as_str(), row.total, row.id);
    writeln!(output, "{bar:<5} {similarity:>5}  {severity:<7} {count:>9}  {last_seen}  {id}")?;
    writeln!(output, "    {}", printable(&hit.text, TEXT_CHARS))?;
    if !hit.words.is_empty() {
        writeln!(output, "    it says: {}", printable(&hit.words.join(", "), TEXT_CHARS))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::component::IssueState;
    use engine::model::{EventTime, IssueId, Severity, SeverityClass, Similarity};

    fn row(id: u128) -> IssueRow {
        IssueRow {
            id: IssueId(id),
            template: String::new(),
            class: SeverityClass::Error,
            severity: Severity::Error,
            services: Vec::new(),
            tags: Vec::new(),
            state: IssueState::Ongoing,
            standing: engine::model::Standing::default(),
            spiking: false,
            first_seen: EventTime::from_secs(0),
            last_seen: EventTime::from_secs(60),
            count: 0,
            total: 1234,
            fingerprints: 1,
            sparkline: Vec::new(),
        }
    }

    #[test]
    fn hits_are_shown_with_what_was_found_and_without_control_characters() {
        let hit = |id: u128, score: f64, words: &[&str]| Hit {
            issue: IssueId(id),
            text: "disk\u{1b} full".into(),
            score,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            similarity: words.is_empty().then(|| Similarity::from_millionths(512_345)),
        };
        let hits = vec![hit(1, 0.5, &["Disk", "full"]), hit(2, 0.3, &[]), hit(9, 0.1, &[])];
        let mut output = Vec::new();
        let found = Found { hits, without_meaning: None };
        show(&mut output, found, vec![row(1), row(2)]).unwrap();
        let (one, two) = (IssueId(1), IssueId(2));
        let expected = format!(
            "#####     -  error        1234  1970-01-01 00:01  {one}\n    disk· full\n    \
             it says: Disk, full\n\
             ###    0.51  error        1234  1970-01-01 00:01  {two}\n    disk· full\n"
        );
        assert_eq!(String::from_utf8(output).unwrap(), expected);
        let mut output = Vec::new();
        show(&mut output, Found::default(), Vec::new()).unwrap();
        assert_eq!(output, b"nothing found\n");
    }
}
