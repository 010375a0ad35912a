//! The `synthetic` source: several services with a planted incident whose truth is known, for the
//! demo and for tests.
//!
//! ```text
//! seed ─► generator ─► history, at once ─► live, as time passes ─► incident
//! ```
//! *Promises:* one partition per service; the Offset is a position in the generator, so what is
//! delivered after a restart is what would have been delivered without one (I3). The first start
//! decides when the live part begins; the Offset keeps it.

mod generator;
mod random;
mod templates;
#[cfg(test)]
mod tests;
mod truth;

pub use generator::{Generator, Stamp, TICK_NANOS, Tick};
pub use templates::{Format, SERVICES, Service, Template};
pub use truth::{INCIDENT_SECS, PLANTED, Planted, Truth};

use engine::component::{
    Build, ComponentType, Delivery, Intake, Options, OptionsError, Source, SourceError, StreamKind,
};
use engine::model::{EventTime, Offset, PartitionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "synthetic",
    summary: "Makes up the logs of a small shop with a planted incident; for demos and tests.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(SyntheticOptions),
    build: Build::Source(build),
};

/// Most lines in a second that may be asked for.
const RATE_MAX: u64 = 200_000;
/// Longest history that may be asked for: 30 days, in minutes.
const HISTORY_MINUTES_MAX: u64 = 30 * 24 * 60;
/// How often live lines are made.
const LIVE_WAIT: Duration = Duration::from_millis(100);

/// Options of the `synthetic` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyntheticOptions {
    /// Same seed, same lines.
    #[serde(default = "seed_default")]
    pub seed: u64,
    /// When the live part begins (RFC 3339); the moment of the first start if left out.
    #[serde(default)]
    pub start: Option<String>,
    /// Lines in a second on average, without the incident.
    #[serde(default = "rate_default")]
    pub rate_per_second: u64,
    /// How much history lies before the live part, in minutes; it is delivered at once.
    #[serde(default = "history_default")]
    pub history_minutes: u64,
    /// When the incident begins, in seconds after the live start.
    #[serde(default = "incident_default")]
    pub incident_after_secs: u32,
    /// Stop so many seconds after the live start; go on for ever if left out.
    #[serde(default)]
    pub live_secs: Option<u32>,
}

fn seed_default() -> u64 {
    42
}

fn rate_default() -> u64 {
    40
}

fn history_default() -> u64 {
    6 * 60
}

fn incident_default() -> u32 {
    10
}

fn build(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    Ok(Box::new(SyntheticSource::from_options(options.parse()?)?))
}

/// Position of one service in the generator, as its Offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    seed: u64,
    live_start: i64,
    tick: u64,
}

/// A configured `synthetic` source.
#[derive(Debug)]
struct SyntheticSource {
    options: SyntheticOptions,
    start: Option<EventTime>,
}

impl SyntheticSource {
    fn from_options(options: SyntheticOptions) -> Result<Self, Vec<OptionsError>> {
        let mut errors = Vec::new();
        let start = options.start.as_ref().and_then(|text| match text.parse::<jiff::Timestamp>() {
            Ok(instant) => i64::try_from(instant.as_nanosecond()).ok().map(EventTime),
            Err(_) => {
                let error = OptionsError::at("start", format!("cannot read the time \"{text}\""));
                errors.push(error.hint("Write it as 2026-01-31T12:00:00Z"));
                None
            }
        });
        if !(1..=RATE_MAX).contains(&options.rate_per_second) {
            let range = format!("must be between 1 and {RATE_MAX}");
            errors.push(OptionsError::at("rate_per_second", range));
        }
        if options.history_minutes > HISTORY_MINUTES_MAX {
            let range = format!("must be at most {HISTORY_MINUTES_MAX}");
            errors.push(OptionsError::at("history_minutes", range));
        }
        if errors.is_empty() { Ok(Self { options, start }) } else { Err(errors) }
    }

    fn generator(&self, seed: u64, live_start: EventTime) -> Generator {
        Generator {
            seed,
            live_start,
            history_secs: self.options.history_minutes as i64 * 60,
            incident_after_secs: i64::from(self.options.incident_after_secs),
            rate_per_second: self.options.rate_per_second,
        }
    }

    /// Returns the generator and the next tick of each service, as of what is resumed.
    fn resume(&self, intake: &dyn Intake) -> Result<(Generator, Vec<Tick>), SourceError> {
        let mut ticks = vec![Tick(0); SERVICES.len()];
        let mut known = None;
        for (partition, offset) in intake.resume() {
            let position: Position =
                serde_json::from_str(&offset.0).map_err(|error| SourceError {
                    what: format!("cannot understand the stored offset of {}", partition.0),
                    retry: false,
                    cause: Some(Box::new(error)),
                })?;
            if let Some(at) = SERVICES.iter().position(|service| *service.name == *partition.0) {
                ticks[at] = Tick(position.tick);
                known = Some(position);
            }
        }
        let (seed, live_start) = match known {
            Some(position) => (position.seed, EventTime(position.live_start)),
            None => (self.options.seed, self.start.unwrap_or(intake.now())),
        };
        Ok((self.generator(seed, live_start), ticks))
    }
}

impl Source for SyntheticSource {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let (generator, mut next) = self.resume(intake)?;
        let last = self.options.live_secs.map(|secs| {
            generator.tick_at(EventTime(generator.live_start.0 + i64::from(secs) * 1_000_000_000))
        });
        let mut stamp = Stamp::default();
        intake.catching_up(true);
        while !intake.stopped() {
            let now = generator.tick_at(intake.now());
            let until = last.map_or(now, |last| last.min(now));
            // The services advance together, the one that is furthest behind first.
            let behind = (0..next.len()).filter(|&at| next[at] < until).min_by_key(|&at| next[at]);
            match behind {
                Some(service) => {
                    next[service] =
                        deliver(&generator, service, next[service], until, &mut stamp, intake)?;
                }
                None if last.is_some_and(|last| next.iter().all(|&tick| tick >= last)) => {
                    return Ok(());
                }
                None => {
                    intake.catching_up(false);
                    intake.wait(LIVE_WAIT)?;
                }
            }
        }
        Ok(())
    }
}

/// Delivers what a service writes from one tick on, at most a chunk; returns the tick behind it.
fn deliver(
    generator: &Generator,
    service: usize,
    from: Tick,
    until: Tick,
    stamp: &mut Stamp,
    intake: &mut dyn Intake,
) -> Result<Tick, SourceError> {
    let mut bytes = Vec::new();
    let mut tick = from;
    while tick < until && bytes.len() < Delivery::BYTES_AIM {
        generator.write(service, tick, stamp, &mut bytes);
        tick = Tick(tick.0 + 1);
    }
    let position =
        Position { seed: generator.seed, live_start: generator.live_start.0, tick: tick.0 };
    let end = serde_json::to_string(&position).map_err(|error| SourceError {
        what: "cannot write an offset".into(),
        retry: false,
        cause: Some(Box::new(error)),
    })?;
    intake.send(Delivery {
        partition: PartitionId(SERVICES[service].name.into()),
        bytes,
        end: Some(Offset(end)),
        received: None,
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    })?;
    Ok(tick)
}
