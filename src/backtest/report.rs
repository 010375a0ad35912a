//! What a backtest reports: each alert, how many there were on each day, how many notices; as a table and as JSON.
//!
//! JSON holds what a replay determines and nothing else, in one order, so that equal replays are equal files.

use super::walk::{Fired, Outcome, end_of};
use crate::scan::{minute, printable, terminal_width};
use engine::model::{AlertKind, EventTime};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Result, Write};

/// Columns of a title, at least.
const TITLE_CHARS_MIN: usize = 20;
/// Columns of a service, at most.
const SERVICE_CHARS_MAX: usize = 16;

/// Which alerts are reported: those that begin in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// From when.
    pub from: Option<EventTime>,
    /// Until when.
    pub to: Option<EventTime>,
}

impl Span {
    fn holds(self, fired: &Fired) -> bool {
        let start = fired.alert.start.start();
        self.from.is_none_or(|from| from <= start) && self.to.is_none_or(|to| start < to)
    }
}

/// What would have fired, and how often people would have heard of it.
pub struct Report {
    /// Alerts, by their beginning.
    pub alerts: Vec<Fired>,
    /// Sums.
    pub totals: Totals,
}

/// Sums over alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Alerts.
    pub alerts: usize,
    /// Alerts of which people would have heard.
    pub told: usize,
    /// Notices.
    pub notices: usize,
    /// Alerts by the day (UTC) on which they began.
    pub days: BTreeMap<String, usize>,
    /// Alerts by kind.
    pub kinds: BTreeMap<&'static str, usize>,
}

impl Totals {
    fn of(alerts: &[Fired], notices: usize) -> Totals {
        let mut totals = Totals { alerts: alerts.len(), notices, ..Totals::default() };
        for fired in alerts {
            totals.told += usize::from(fired.told);
            *totals.days.entry(day(fired)).or_default() += 1;
            *totals.kinds.entry(kind(fired.line.kind)).or_default() += 1;
        }
        totals
    }

    /// Returns the sums in words.
    pub fn sentence(&self) -> String {
        let kinds = self.kinds.iter().map(|(kind, n)| format!("{n} {kind}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let Totals { alerts, told, notices, .. } = self;
        let of = if kinds.is_empty() { String::new() } else { format!(" ({kinds})") };
        format!("{alerts} alerts{of}, {told} told, {notices} notices")
    }
}

impl Report {
    /// Returns the report of an outcome.
    pub fn new(outcome: Outcome, span: Span) -> Report {
        let Outcome { mut alerts, notices } = outcome;
        alerts.retain(|fired| span.holds(fired));
        let incidents: BTreeSet<_> = alerts.iter().map(|fired| fired.line.incident).collect();
        let notices = notices.iter().filter(|incident| incidents.contains(incident)).count();
        let totals = Totals::of(&alerts, notices);
        Report { alerts, totals }
    }

    /// Writes a table for people.
    pub fn table(&self, output: &mut dyn Write) -> Result<()> {
        writeln!(output, "{}", headings(""))?;
        for fired in &self.alerts {
            writeln!(output, "{}", row("", fired))?;
        }
        writeln!(output)?;
        for (day, alerts) in &self.totals.days {
            writeln!(output, "{day}  {alerts} alerts")?;
        }
        writeln!(output, "{}", self.totals.sentence())
    }

    /// Writes an array of alerts, one a line, and the totals.
    pub fn json(&self, output: &mut dyn Write) -> Result<()> {
        writeln!(output, "[")?;
        for fired in &self.alerts {
            serde_json::to_writer(&mut *output, &fired.line)?;
            writeln!(output, ",")?;
        }
        serde_json::to_writer(&mut *output, &serde_json::json!({ "totals": self.totals }))?;
        writeln!(output, "\n]")
    }
}

/// Returns the headings of a table whose rows begin with a mark as wide as this.
pub fn headings(mark: &str) -> String {
    format!(
        "{mark}{:<16}  {:<11}  {:<width$}  {:>8}  {:>8}  {:>6}  {:>6}  {:>7}  {:<4}  ISSUE",
        "START (UTC)",
        "KIND",
        "SERVICE",
        "OBSERVED",
        "EXPECTED",
        "RATIO",
        "P",
        "LASTED",
        "TOLD",
        width = SERVICE_CHARS_MAX
    )
}

/// Returns an alert as a row of a table.
pub fn row(mark: &str, fired: &Fired) -> String {
    let peak = &fired.line.peak;
    let head = format!(
        "{mark}{:<16}  {:<11}  {:<width$}  {:>8}  {:>8.1}  {:>6}  {:>6}  {:>7}  {:<4}  ",
        minute(&fired.line.start),
        kind(fired.line.kind),
        printable(&fired.line.service, SERVICE_CHARS_MAX),
        peak.observed,
        peak.expected,
        ratio(fired),
        chance(fired),
        lasted(fired),
        if fired.told { "yes" } else { "no" },
        width = SERVICE_CHARS_MAX
    );
    let room = terminal_width().saturating_sub(head.chars().count()).max(TITLE_CHARS_MIN);
    head + &printable(&fired.line.title, room)
}

/// Returns the name of a kind, the same as in JSON.
pub fn kind(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Spike => "spike",
        AlertKind::NewBurst => "new_burst",
        AlertKind::FirstSeen => "first_seen",
        AlertKind::Regression => "regression",
        AlertKind::GoneQuiet => "gone_quiet",
        AlertKind::Step => "step",
    }
}

/// Returns the day on which an alert began, as `2026-03-01`.
pub fn day(fired: &Fired) -> String {
    fired.line.start.chars().take(10).collect()
}

/// Returns how many times the expected events came; a dash if none was expected.
pub fn ratio(fired: &Fired) -> String {
    let peak = &fired.line.peak;
    if peak.expected <= 0.0 {
        return "–".to_owned();
    }
    format!("{:.1}", peak.observed as f64 / peak.expected)
}

/// Returns the chance of so much, as a power of ten; a dash for what is news by itself.
pub fn chance(fired: &Fired) -> String {
    match fired.line.peak.surprise {
        surprise if surprise > 0.0 => format!("1e-{:.0}", surprise.floor()),
        _ => "–".to_owned(),
    }
}

/// Returns how long an alert lasted.
pub fn lasted(fired: &Fired) -> String {
    let minutes = (end_of(&fired.alert).0 - fired.alert.start.0) / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}
