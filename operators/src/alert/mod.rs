//! Alerts: of all that is unusual, what a person should hear, once, and how it ends.
//!
//! ```text
//! signals ──► [Book]: one alert per cause (issue), alerts of one bucket and service are one incident
//! controls ─►   │      pending ─► firing ⇄ acknowledged, snoozed ─► resolved ⇄ firing (within an hour)
//!               ├────► alerts as they stand, for the store
//!               └────► notices: each transition that somebody should hear of, numbered from 1
//! ```
//! *Promises:* alerts and notices are a function of signals and controls (I2, I3, I6); a notice has the same id whatever
//! crashes lie before it. *Frontier:* holds each epoch until its input is complete. *State and limits:* open
//! incidents and those that ended within [`book::KEPT_SECS`], silences and deploys up to their limits.
//! *Not here:* how notices are delivered (`runtime::outbox`).

pub mod book;
mod incident;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use book::Book;

use crate::view::{commit_state, one_owner, view};
use book::{Row, Told};
use engine::component::{
    Build, ComponentType, HumanDuration, NodeIdentity, Operator, Options, OptionsError, Port,
    Ports, Stage, StreamKind,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component type `alert`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "alert",
    summary: "Makes one alert of each cause, and says who is told when.",
    inputs: &[(StreamKind::Spikes, true)],
    output: Some(StreamKind::Alerts),
    schema: || schemars::schema_for!(AlertConfig),
    build: Build::Operator(build),
};

/// Options of `alert`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertConfig {
    /// How long something must go on before anybody is told; at most 6h.
    pub pending: HumanDuration,
    /// How long an alert goes on after nothing is unusual any more; at most 6h.
    pub keep_firing: HumanDuration,
    /// What begins again within this time of its end is the same alert; at most 5h.
    pub reopen: HumanDuration,
    /// When people are reminded of what goes on, counted from one notice to the next; the last one repeats. Nothing
    /// for no reminders, at most 16.
    pub reminders: Vec<HumanDuration>,
}

impl AlertConfig {
    /// The longest `pending` and `keep_firing`.
    pub const WAIT_MAX: HumanDuration = HumanDuration::from_secs(6 * 3600);
    /// The longest `reopen`.
    pub const REOPEN_MAX: HumanDuration = HumanDuration::from_secs(5 * 3600);
    /// The most steps of `reminders`.
    pub const REMINDERS_MAX: usize = 16;
    /// The shortest step of `reminders`.
    pub const REMINDER_MIN: HumanDuration = HumanDuration::from_secs(60);
}

impl Default for AlertConfig {
    fn default() -> Self {
        let minutes = |minutes: u64| HumanDuration::from_secs(minutes * 60);
        Self {
            pending: minutes(0),
            keep_firing: minutes(0),
            reopen: minutes(60),
            reminders: [30, 2 * 60, 6 * 60, 24 * 60].map(minutes).to_vec(),
        }
    }
}

/// The configured operator.
#[derive(Clone, Debug, Default)]
pub struct Alerting {
    config: AlertConfig,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    Ok(Box::new(Alerting::new(options.parse()?)?))
}

impl Alerting {
    /// Returns an operator with these options, or what is wrong with them.
    pub fn new(config: AlertConfig) -> Result<Self, Vec<OptionsError>> {
        let limits = [
            ("pending", config.pending, AlertConfig::WAIT_MAX, "must be at most 6h"),
            ("keep_firing", config.keep_firing, AlertConfig::WAIT_MAX, "must be at most 6h"),
            ("reopen", config.reopen, AlertConfig::REOPEN_MAX, "must be at most 5h"),
        ];
        let too_long = limits.into_iter().filter(|(_, given, most, _)| given > most);
        let mut mistakes: Vec<_> =
            too_long.map(|(option, _, _, message)| OptionsError::at(option, message)).collect();
        let steps = &config.reminders;
        if steps.len() > AlertConfig::REMINDERS_MAX
            || steps.iter().any(|step| *step < AlertConfig::REMINDER_MIN)
        {
            mistakes.push(OptionsError::at("reminders", "must be at most 16 times of 1m or more"));
        }
        if mistakes.is_empty() { Ok(Self { config }) } else { Err(mistakes) }
    }
}

impl Alerting {
    /// Returns the options.
    pub fn config(&self) -> &AlertConfig {
        &self.config
    }
}

impl Operator for Alerting {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let rows = inputs
            .spikes()
            .map(|signal| Row::Signal(Box::new(signal)))
            .concat(stage.controls().map(Row::Control));
        let book = Book::recovered(self.config.clone(), stage.id, stage.recovered);
        let told = view("alert", rows, one_owner, book);
        let state = told.clone().flat_map(|told| match told {
            Told::State(key, value) => Some((key, value)),
            _ => None,
        });
        commit_state(stage, state);
        Port::Alerts {
            alerts: told.clone().flat_map(|told| match told {
                Told::Alert(alert) => Some(*alert),
                _ => None,
            }),
            notices: told.flat_map(|told| match told {
                Told::Notice(notice) => Some(*notice),
                _ => None,
            }),
        }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            component: COMPONENT.name.to_owned(),
            version: book::VERSION,
            ..NodeIdentity::default()
        })
    }
}
