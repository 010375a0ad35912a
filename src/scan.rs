//! The verb `scan`: one pass over files or standard input through the same engine, on a memory store;
//! prints ranked issues and the audit.

use crate::cli::{ScanArgs, ScanOutput};
use crate::failure::Failure;
use crate::progress::Reading;
use crate::registry::REGISTRY;
use crate::sparkline::sparkline;
use anyhow::{Context, anyhow};
use engine::component::{AlertQuery, Audit, IssueQuery, IssueRow, ReadStore, RejectedRow};
use engine::graph::{Graph, GraphInput, SourceNode};
use engine::model::{AlertKind, AlertState, EventTime, IssueId, Severity};
use engine::runtime::{Engine, Pace, RunOptions, StopStage};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One epoch for everything: nobody watches, and spikes are judged with all files at hand, whatever
/// the order in which they are read.
pub const PACE: Pace = Pace::Chunks(u64::MAX);
/// Slices of a sparkline.
const SPARKLINE_POINTS: usize = 24;
/// How much of a rejected record is shown.
const EXAMPLE_CHARS: usize = 100;
/// Workers used unless told otherwise; more files than this share them.
const WORKERS_MAX: usize = 8;

/// The verb `scan`.
pub fn scan(args: ScanArgs) -> Result<(), Failure> {
    let bytes = check_files(&args.files)?;
    let mut graph = graph(&args)?;
    crate::run::exit_when_a_worker_dies();
    let progress = Arc::new(Reading::new(bytes));
    for node in std::mem::take(&mut graph.sources) {
        graph.sources.push(SourceNode { source: progress.watch(node.source), ..node });
    }
    let engine = Engine::start(graph, RunOptions::new(PACE, Arc::clone(&progress) as _))?;
    let (reader, stop) = (engine.reader(), engine.stop_handle());
    let was_interrupted = Arc::new(AtomicBool::new(false));
    let listening = stop_on_interrupt(stop, Arc::clone(&was_interrupted))?;
    let outcome = engine.join();
    progress.finish();
    outcome?;
    drop(listening);
    if was_interrupted.load(Ordering::Relaxed) {
        eprintln!("interrupted: this is what had been read");
    }
    let report = Report::of(reader.as_ref(), args.min_severity.into())?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    match args.output {
        ScanOutput::Table => report.table(&mut output, args.top)?,
        ScanOutput::Json => report.json(&mut output)?,
        ScanOutput::Jsonl => report.jsonl(&mut output)?,
    }
    Ok(output.flush()?)
}

/// Returns the bytes to read (`None` for standard input), or says why a file cannot be read.
fn check_files(files: &[PathBuf]) -> Result<Option<u64>, Failure> {
    let mut bytes = Some(0);
    for path in files {
        if path == Path::new("-") {
            if files.len() > 1 {
                return Err(Failure::Usage("`-` reads standard input and stands alone".into()));
            }
            bytes = None;
            continue;
        }
        let metadata =
            std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { "a directory" } else { "not a regular file" };
            let hint =
                if metadata.is_dir() { "name the files in it" } else { "pipe it into `scan -`" };
            return Err(anyhow!("cannot scan {}: it is {kind}; {hint}", path.display()).into());
        }
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        bytes = bytes.map(|sum| sum + metadata.len());
    }
    Ok(bytes)
}

/// Returns the standard chain over these files, as a graph file would describe it.
fn graph(args: &ScanArgs) -> Result<Graph, Failure> {
    let source = if args.files == [PathBuf::from("-")] {
        serde_json::json!({ "type": "stdin", "timezone": args.timezone })
    } else {
        let include: Vec<_> = args.files.iter().map(|path| escaped(path)).collect();
        serde_json::json!({
            "type": "file", "include": include, "once": true, "timezone": args.timezone,
        })
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.unwrap_or(processors.min(args.files.len()).min(WORKERS_MAX));
    let text = serde_json::json!({
        "engine": { "workers": workers },
        "sources": { "scan": source },
        "sinks": { "result": { "type": "memory" } },
    })
    .to_string();
    let base = std::env::current_dir().context("cannot find the current folder")?;
    let inputs = vec![GraphInput { name: "scan".to_owned(), text, base }];
    Graph::read(&inputs, REGISTRY).map_err(|mistakes| Failure::Configuration { inputs, mistakes })
}

/// Returns a path as a pattern that matches nothing else.
pub fn escaped(path: &Path) -> String {
    let mut pattern = String::new();
    for character in path.to_string_lossy().chars() {
        match character {
            '?' | '*' | '[' | ']' => pattern.extend(['[', character, ']']),
            plain => pattern.push(plain),
        }
    }
    pattern
}

/// Ctrl-C shows what has been read so far. The runtime that listens lives as long as the guard.
fn stop_on_interrupt(
    stop: engine::runtime::StopHandle,
    was_interrupted: Arc<AtomicBool>,
) -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot listen for Ctrl-C")?;
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            was_interrupted.store(true, Ordering::Relaxed);
            stop.stop(StopStage::Draining);
            tokio::time::sleep(Duration::from_secs(2)).await;
            stop.stop(StopStage::Abandoned);
        }
    });
    Ok(runtime)
}

/// An issue as INTERFACES.md describes it.
#[derive(Serialize)]
struct ScanIssue {
    issue: IssueId,
    fingerprints: Vec<String>,
    template: String,
    count: i64,
    severity: Severity,
    services: Vec<String>,
    first_seen: String,
    last_seen: String,
    spiking: bool,
    sparkline: Vec<i64>,
}

/// Everything a scan found.
struct Report {
    issues: Vec<ScanIssue>,
    audit: Audit,
    rejected: Vec<RejectedRow>,
    from: EventTime,
    to: EventTime,
}

impl Report {
    fn of(reader: &dyn ReadStore, min_severity: Severity) -> Result<Self, Failure> {
        let everything = IssueQuery { min_severity, ..IssueQuery::everything(EventTime(i64::MAX)) };
        let rows = reader.issues(&everything)?.issues;
        let from = rows.iter().map(|row| row.first_seen).min().unwrap_or(EventTime::OLDEST);
        let last = rows.iter().map(|row| row.last_seen).max().unwrap_or(from);
        let to = EventTime::from_secs(last.secs() + 60);
        let from = EventTime::from_secs(from.secs() - from.secs().rem_euclid(60));
        let in_range = IssueQuery { from, to, points: SPARKLINE_POINTS, now: to, ..everything };
        let alerts = reader.alerts(&AlertQuery::default(), to)?;
        let spiking = alerts.iter().filter(|row| {
            let details = &row.alert.details;
            // A file that ends is not a service that falls silent.
            details.state != AlertState::Retracted && details.kind != AlertKind::GoneQuiet
        });
        let spiking: BTreeSet<_> = spiking.map(|row| row.alert.issue).collect();
        let mut members = members(reader)?;
        let mut issues: Vec<_> = reader
            .issues(&in_range)?
            .issues
            .into_iter()
            .map(|row| {
                let fingerprints = members.remove(&row.id).unwrap_or_default();
                ScanIssue::of(row, fingerprints, &spiking)
            })
            .collect();
        issues.sort_by(|a, b| b.rank().cmp(&a.rank()).then(a.issue.cmp(&b.issue)));
        Ok(Self { issues, audit: reader.audit()?, rejected: reader.rejected()?, from, to })
    }

    fn jsonl(&self, output: &mut impl Write) -> Result<(), Failure> {
        for issue in &self.issues {
            serde_json::to_writer(&mut *output, issue)?;
            output.write_all(b"\n")?;
        }
        writeln!(output, "{}", self.audit_json())?;
        Ok(())
    }

    fn json(&self, output: &mut impl Write) -> Result<(), Failure> {
        writeln!(output, "[")?;
        for issue in &self.issues {
            serde_json::to_writer(&mut *output, issue)?;
            output.write_all(b",\n")?;
        }
        writeln!(output, "{}\n]", self.audit_json())?;
        Ok(())
    }

    fn audit_json(&self) -> serde_json::Value {
        let audit = &self.audit;
        serde_json::json!({ "audit": {
            "lines_read": audit.lines_read, "lines_blank": audit.lines_blank, "read": audit.read,
            "counted": audit.counted, "filtered": audit.filtered, "sampled": audit.sampled,
            "open": audit.open, "rejected": audit.rejected, "lines_cut": audit.lines_cut,
            "invalid_utf8": audit.invalid_utf8, "overflowed": audit.overflowed,
            "balanced": audit.balanced,
        }})
    }

    fn table(&self, output: &mut impl Write, top: usize) -> Result<(), Failure> {
        let shown = if top == 0 { self.issues.len() } else { top.min(self.issues.len()) };
        let width = terminal_width();
        writeln!(
            output,
            "{:>9}  {:<7}  {:<24}  {:<16}  {:<16}  ISSUE",
            "COUNT", "LEVEL", "OVER TIME", "FIRST (UTC)", "LAST (UTC)"
        )?;
        for issue in &self.issues[..shown] {
            let mark = if issue.spiking { "▲ " } else { "" };
            let head = format!(
                "{:>9}  {:<7}  {:<24}  {:<16}  {:<16}  {mark}",
                issue.count,
                issue.severity.as_str(),
                sparkline(&issue.sparkline),
                minute(&issue.first_seen),
                minute(&issue.last_seen),
            );
            let room = width.saturating_sub(head.chars().count()).max(20);
            writeln!(output, "{head}{}", printable(&issue.template, room))?;
        }
        self.summary(output, shown)
    }

    fn summary(&self, output: &mut impl Write, shown: usize) -> Result<(), Failure> {
        let audit = &self.audit;
        let rejected: u64 = audit.rejected.values().sum();
        writeln!(output)?;
        if shown < self.issues.len() {
            writeln!(output, "{} more issues; --top 0 lists all", self.issues.len() - shown)?;
        }
        let spiking = self.issues.iter().filter(|issue| issue.spiking).count();
        writeln!(
            output,
            "{} issues ({spiking} ▲ spiking) from {} to {}",
            self.issues.len(),
            minute(&self.from.to_string()),
            minute(&self.to.to_string())
        )?;
        writeln!(
            output,
            "{} records read = {} counted + {rejected} rejected{}   ({} lines, {} blank)",
            audit.read,
            audit.counted,
            if audit.balanced { "" } else { "   NOT BALANCED: please report this" },
            audit.lines_read,
            audit.lines_blank,
        )?;
        for RejectedRow { reason, count, examples, .. } in &self.rejected {
            writeln!(output, "  rejected {count}: {}", reason.as_str())?;
            if let Some(example) = examples.first() {
                writeln!(output, "    such as {}", printable(example, EXAMPLE_CHARS))?;
            }
        }
        if !self.rejected.is_empty() {
            writeln!(output, "  `seismolog explain --each FILE -o text` tells it of each record")?;
        }
        if audit.lines_cut > 0 {
            writeln!(output, "  {} lines were cut at the length limit", audit.lines_cut)?;
        }
        Ok(())
    }
}

impl ScanIssue {
    fn of(row: IssueRow, fingerprints: BTreeSet<String>, spiking: &BTreeSet<IssueId>) -> Self {
        Self {
            issue: row.id,
            fingerprints: fingerprints.into_iter().collect(),
            template: row.template,
            count: row.total,
            severity: row.severity,
            services: row.services,
            first_seen: row.first_seen.to_string(),
            last_seen: row.last_seen.to_string(),
            spiking: spiking.contains(&row.id),
            sparkline: row.sparkline,
        }
    }

    /// Spiking first, then by severity class, then by count.
    fn rank(&self) -> (bool, engine::model::SeverityClass, i64) {
        (self.spiking, self.severity.class(), self.count)
    }
}

/// Returns the fingerprints of every issue.
fn members(reader: &dyn ReadStore) -> Result<BTreeMap<IssueId, BTreeSet<String>>, Failure> {
    let mut members: BTreeMap<IssueId, BTreeSet<String>> = BTreeMap::new();
    let mut last = None;
    reader.export_counts(&mut |row| {
        if last != Some(row.fingerprint) {
            members.entry(row.issue).or_default().insert(row.fingerprint.to_string());
            last = Some(row.fingerprint);
        }
        true
    })?;
    Ok(members)
}

/// Returns the first 16 characters of an RFC 3339 instant: date, hour and minute.
pub fn minute(instant: &str) -> String {
    instant.chars().take(16).collect::<String>().replace('T', " ")
}

/// Returns at most `room` characters, control characters made visible (they come from logs).
pub fn printable(text: &str, room: usize) -> String {
    let mut shown: String =
        text.chars().take(room).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().count() > room {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Columns of the terminal, or plenty when standard output is not one.
pub fn terminal_width() -> usize {
    if std::io::stdout().is_terminal() {
        std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(140)
    } else {
        240
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_pattern_characters_matches_only_itself() {
        assert_eq!(escaped(Path::new("/logs/a[1]*?.log")), "/logs/a[[]1[]][*][?].log");
    }

    #[test]
    fn control_characters_from_logs_never_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb", 80), "a·[31mb");
        assert_eq!(printable("abcdef", 4), "abc…");
    }
}
