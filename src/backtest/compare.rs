//! What another graph would have told differently: alerts that it adds, removes and changes, by their keys.

use super::report::{Report, headings, row};
use super::walk::Fired;
use operators::replay::Determined;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Result, Write};

/// How an alert differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the other graph raises it.
    Added,
    /// The other graph does not raise it.
    Removed,
    /// Both raise it, and say something different about it.
    Changed,
}

impl Change {
    /// Returns a sign for it.
    pub const fn mark(self) -> &'static str {
        match self {
            Change::Added => "+ ",
            Change::Removed => "- ",
            Change::Changed => "~ ",
        }
    }

    /// Returns its name, the same as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        }
    }
}

/// An alert of two graphs, or of one of them.
pub struct Different<'a> {
    /// How it differs.
    pub change: Change,
    /// As the other graph has it, or as it was if that has it no more.
    pub now: &'a Fired,
    /// As it was, if both have it.
    pub before: Option<&'a Fired>,
}

/// Two reports side by side.
pub struct Comparison<'a> {
    /// What differs, by its beginning.
    pub different: Vec<Different<'a>>,
    /// Sums.
    pub totals: Totals,
}

/// Sums over alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Alerts that only the other graph raises.
    pub added: usize,
    /// Alerts that it does not raise.
    pub removed: usize,
    /// Alerts about which it says something different.
    pub changed: usize,
    /// Alerts that are the same.
    pub same: usize,
    /// Notices of the graph.
    pub notices_before: usize,
    /// Notices of the other.
    pub notices: usize,
}

/// A difference as JSON.
#[derive(Serialize)]
struct Line<'a> {
    change: Change,
    #[serde(flatten)]
    now: &'a Determined,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Determined>,
}

impl<'a> Comparison<'a> {
    /// Compares a report with that of another graph.
    pub fn of(ours: &'a Report, theirs: &'a Report) -> Comparison<'a> {
        let by_key = |report: &'a Report| -> BTreeMap<_, &'a Fired> {
            report.alerts.iter().map(|fired| (fired.line.key, fired)).collect()
        };
        let (before, now) = (by_key(ours), by_key(theirs));
        let mut totals = Totals {
            notices_before: ours.totals.notices,
            notices: theirs.totals.notices,
            ..Totals::default()
        };
        let mut different = Vec::new();
        for key in before.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            different.extend(match (before.get(key).copied(), now.get(key).copied()) {
                (Some(one), Some(other)) if one.line == other.line => {
                    totals.same += 1;
                    None
                }
                (Some(before), Some(now)) => {
                    totals.changed += 1;
                    Some(Different { change: Change::Changed, now, before: Some(before) })
                }
                (None, Some(now)) => {
                    totals.added += 1;
                    Some(Different { change: Change::Added, now, before: None })
                }
                (Some(now), None) => {
                    totals.removed += 1;
                    Some(Different { change: Change::Removed, now, before: None })
                }
                (None, None) => None,
            });
        }
        different.sort_by_key(|it| (it.now.alert.start, it.now.line.key));
        Comparison { different, totals }
    }

    /// Returns whether both graphs tell the same.
    pub fn is_equal(&self) -> bool {
        self.different.is_empty()
    }

    /// Writes a table for people.
    pub fn table(&self, output: &mut dyn Write) -> Result<()> {
        if !self.is_equal() {
            writeln!(output, "{}", headings("  "))?;
        }
        for Different { change, now, .. } in &self.different {
            writeln!(output, "{}", row(change.mark(), now))?;
        }
        writeln!(output, "{}", self.totals.sentence())
    }

    /// Writes an array of what differs, one a line, and the totals.
    pub fn json(&self, output: &mut dyn Write) -> Result<()> {
        writeln!(output, "[")?;
        for Different { change, now, before } in &self.different {
            let before = before.map(|before| &before.line);
            serde_json::to_writer(&mut *output, &Line { change: *change, now: &now.line, before })?;
            writeln!(output, ",")?;
        }
        serde_json::to_writer(&mut *output, &serde_json::json!({ "totals": self.totals }))?;
        writeln!(output, "\n]")
    }
}

impl Totals {
    /// Returns the sums in words.
    pub fn sentence(&self) -> String {
        let Totals { added, removed, changed, same, notices_before, notices } = self;
        format!(
            "{added} alerts added, {removed} removed, {changed} changed, {same} the same; \
             {notices} notices instead of {notices_before}"
        )
    }
}
