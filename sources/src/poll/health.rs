//! Reports how a source is doing when that changes, and only then.

use engine::component::{Intake, SourceHealth};

/// What was reported last.
#[derive(Debug, Default)]
pub struct Health(Option<SourceHealth>);

impl Health {
    /// Reports that all is well, or the sentence that a person should know.
    pub fn report(&mut self, intake: &mut dyn Intake, sentence: Option<String>) {
        let health = sentence.map_or(SourceHealth::Ok, SourceHealth::Degraded);
        if self.0.as_ref() != Some(&health) {
            self.0 = Some(health.clone());
            intake.report(health);
        }
    }
}
