//! What is wrong with single files, as one sentence for the health report: told once when it
//! changes, taken back when it is over.
//!
//! *Limits:* [`Troubles::KEPT_MAX`] are kept and [`Troubles::NAMED_MAX`] named; the others counted.

use engine::component::{Intake, SourceHealth};
use std::collections::BTreeMap;
use std::path::Path;

/// The troubles of one source.
#[derive(Debug, Default)]
pub struct Troubles {
    found: BTreeMap<String, String>,
    more: usize,
    reported: Option<SourceHealth>,
}

impl Troubles {
    /// How many troubles are kept.
    pub const KEPT_MAX: usize = 1000;
    /// How many troubles are named in a report.
    pub const NAMED_MAX: usize = 3;

    /// Begins a new look at everything.
    pub fn clear(&mut self) {
        self.found.clear();
        self.more = 0;
    }

    /// Notes that `path` cannot be read.
    pub fn unreadable(&mut self, path: &Path, cause: &str) {
        let name = path.display().to_string();
        self.note(name.clone(), format!("cannot read {name}: {cause}"));
    }

    /// Notes a sentence about something.
    pub fn note(&mut self, about: String, sentence: String) {
        if self.found.len() < Self::KEPT_MAX || self.found.contains_key(&about) {
            self.found.insert(about, sentence);
        } else {
            self.more += 1;
        }
    }

    /// Reports how the source is doing, if that is new.
    pub fn report(&mut self, intake: &mut dyn Intake) {
        let health = self.health();
        if self.reported.as_ref() == Some(&health) {
            return;
        }
        match &health {
            SourceHealth::Degraded(sentence) => tracing::warn!("{sentence}"),
            SourceHealth::Ok if self.reported.is_some() => tracing::info!("all files are readable"),
            SourceHealth::Ok => {}
        }
        intake.report(health.clone());
        self.reported = Some(health);
    }

    fn health(&self) -> SourceHealth {
        if self.found.is_empty() {
            return SourceHealth::Ok;
        }
        let named: Vec<&str> =
            self.found.values().take(Self::NAMED_MAX).map(String::as_str).collect();
        let others = self.found.len() - named.len() + self.more;
        let mut sentence = named.join("; ");
        if others > 0 {
            sentence.push_str(&format!("; and {others} more"));
        }
        SourceHealth::Degraded(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_few_troubles_are_named_and_all_are_counted() {
        let mut troubles = Troubles::default();
        for number in 0..Troubles::KEPT_MAX + 7 {
            troubles.unreadable(Path::new(&format!("/{number:05}")), "no");
        }
        let expected = "cannot read /00000: no; cannot read /00001: no; cannot read /00002: no; \
                        and 1004 more";
        assert_eq!(troubles.health(), SourceHealth::Degraded(expected.into()));
        troubles.clear();
        assert_eq!(troubles.health(), SourceHealth::Ok);
    }
}
