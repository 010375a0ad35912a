//! What a series usually does: its level, its cycles, how its events clump, and how long they go on.
//!
//! Each part is a few numbers that fade, learned one bucket at a time, from buckets old enough that their
//! late events are in.

use super::rhythm::{Place, Rhythm};
use serde::{Deserialize, Serialize};

/// Strength of the first guess of a level, in events.
const LEVEL_PRIOR: f64 = 0.3;
/// The first guess: so many events an hour.
const LEVEL_PRIOR_PER_HOUR: f64 = 1.0;
/// No level is known less well than this.
const LEVEL_MIN: f64 = 0.05;
/// How many events a cycle must have seen to be believed half.
const HOURS_TRUST: f32 = 20.0;
const WEEKDAYS_TRUST: f32 = 60.0;
/// Days after which weekdays are told apart.
const WEEKDAYS_FROM_DAYS: u16 = 7;

/// Mean events per bucket: a Gamma distribution that forgets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Events seen.
    events: f64,
    /// Buckets in which they were seen, each as long as its cycles make it.
    buckets: f64,
}

impl Level {
    pub fn new(rhythm: &Rhythm) -> Level {
        Level {
            events: LEVEL_PRIOR,
            buckets: LEVEL_PRIOR * rhythm.per_hour() / LEVEL_PRIOR_PER_HOUR,
        }
    }

    /// Returns events per bucket of an average hour.
    pub fn rate(&self) -> f64 {
        self.events / self.buckets
    }

    /// Returns the relative variance of the rate: how little is known.
    pub fn doubt(&self) -> f64 {
        1.0 / self.events
    }

    pub fn learn(&mut self, events: f64, factor: f64, fade: f64) {
        self.events = (fade * self.events + events).max(LEVEL_MIN);
        self.buckets = fade * self.buckets + factor;
    }

    /// Takes a new level for the norm: what came in so many buckets.
    pub fn adopt(&mut self, events: f64, buckets: f64, factor: f64) {
        const SURE_MAX: f64 = 50.0;
        let events = (events.max(1.0) / factor).max(0.5);
        let sure = (SURE_MAX / events).min(1.0);
        *self = Level { events: events * sure, buckets: buckets * sure };
    }
}

/// A profile over the `N` parts of a cycle, shrunk towards none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cycle<const N: usize> {
    #[serde(with = "super::stored::array")]
    seen: [f32; N],
    #[serde(with = "super::stored::array")]
    expected: [f32; N],
    #[serde(with = "super::stored::array")]
    factor: [f32; N],
}

impl<const N: usize> Cycle<N> {
    pub fn new() -> Self {
        Cycle { seen: [0.0; N], expected: [0.0; N], factor: [1.0; N] }
    }

    /// Returns how many times the average a part has.
    pub fn factor(&self, part: usize) -> f64 {
        f64::from(self.factor[part])
    }

    pub fn learn(&mut self, part: usize, events: f64, expected: f64) {
        self.seen[part] += events as f32;
        self.expected[part] += expected as f32;
    }

    /// Works the factors out again, their mean one, from what was seen.
    fn refresh(&mut self, trust: f32, is_smooth: bool) {
        let raw: [f32; N] =
            std::array::from_fn(|part| (self.seen[part] + trust) / (self.expected[part] + trust));
        let near = |part: usize| match is_smooth {
            true => 0.25 * raw[(part + N - 1) % N] + 0.5 * raw[part] + 0.25 * raw[(part + 1) % N],
            false => raw[part],
        };
        self.factor = std::array::from_fn(near);
        let mean = self.factor.iter().sum::<f32>() / N as f32;
        self.factor.iter_mut().for_each(|factor| *factor /= mean);
    }

    fn fade(&mut self, left: f64) {
        let all = self.seen.iter_mut().chain(&mut self.expected);
        all.for_each(|value| *value *= left as f32);
    }
}

/// The cycles of a day and of a week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cycles {
    hours: Cycle<24>,
    weekdays: Cycle<7>,
    days: u16,
}

impl Cycles {
    pub fn new() -> Cycles {
        Cycles { hours: Cycle::new(), weekdays: Cycle::new(), days: 0 }
    }

    /// Returns how many times the average a tick has.
    pub fn factor(&self, place: Place) -> f64 {
        self.hours.factor(place.hour) * self.weekdays.factor(place.weekday)
    }

    pub fn learn(&mut self, place: Place, events: f64, rate: f64) {
        let Place { hour, weekday, .. } = place;
        let (by_hour, by_weekday) = (self.hours.factor(hour), self.weekdays.factor(weekday));
        self.hours.learn(hour, events, rate * by_weekday);
        self.weekdays.learn(weekday, events, rate * by_hour);
    }

    /// Ends a day.
    pub fn end_day(&mut self, rhythm: &Rhythm) {
        self.days = self.days.saturating_add(1);
        self.hours.refresh(HOURS_TRUST, true);
        self.hours.fade(rhythm.hours_fade);
        if self.days >= WEEKDAYS_FROM_DAYS {
            self.weekdays.refresh(WEEKDAYS_TRUST, false);
            self.weekdays.fade(rhythm.weekdays_fade);
        }
    }
}

/// How events clump, as factors of the variance: `batch · mean + spread · mean²`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clumps {
    /// Squared deviations and means of buckets that expect few events.
    rare: (f64, f64),
    /// What squared deviations of the others have beyond that, and squared means.
    busy: (f64, f64),
}

impl Clumps {
    /// The first guess of the batch factor, and its weight in events.
    const BATCH_PRIOR: (f64, f64) = (2.5, 5.0);
    const BATCH_MIN: f64 = 1.02;
    /// Buckets that expect fewer events tell of batches, the others of spread (measured: with 1 instead, what a
    /// busy series does at its birth is taken for batches for ever; F1 .004 lower, over 28 days .008).
    const RARE_BELOW: f64 = 8.0;
    /// The first guess of the spread, and its weight in squared events.
    const SPREAD_PRIOR: (f64, f64) = (0.10, 20.0);
    const SPREAD_MIN: f64 = 0.004;
    /// Buckets of a series before its spread is learned: its level comes first.
    const SPREAD_FROM: u32 = 48;

    /// Returns how many events come at once, in the mean of the squares: 1 if each comes alone.
    pub fn batch(&self) -> f64 {
        let (guess, weight) = Self::BATCH_PRIOR;
        ((self.rare.0 + weight * guess) / (self.rare.1 + weight)).max(Self::BATCH_MIN)
    }

    /// Returns the relative variance of the mean itself from bucket to bucket.
    pub fn spread(&self) -> f64 {
        let (guess, weight) = Self::SPREAD_PRIOR;
        ((self.busy.0 + weight * guess) / (self.busy.1 + weight)).max(Self::SPREAD_MIN)
    }

    /// Returns the events that rare buckets were expected to have: how well batches are known.
    pub fn exposure(&self) -> f64 {
        self.rare.1
    }

    pub fn learn(&mut self, x: f64, mean: f64, doubt: f64, age: u32, fade: f64) {
        let square = (x - mean) * (x - mean);
        if mean < Self::RARE_BELOW {
            self.rare = (fade * self.rare.0 + square, fade * self.rare.1 + mean);
        } else if age > Self::SPREAD_FROM {
            let beyond = square - self.batch() * mean - mean * mean * doubt;
            self.busy = ((fade * self.busy.0 + beyond).max(0.0), fade * self.busy.1 + mean * mean);
        }
    }
}

/// How often buckets exceed a mark, and how often the next one does, too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    exceeded: (f64, f64),
    went_on: (f64, f64),
}

impl Runs {
    /// The first guesses and their weights in buckets.
    const RATE_PRIOR: (f64, f64) = (0.01, 40.0);
    const GOING_ON_PRIOR: (f64, f64) = (0.1, 6.0);
    /// What is left of the second rate after a bucket that exceeds.
    const GOING_ON_FADE: f64 = 0.995;

    pub fn new() -> Runs {
        let prior = |(guess, weight): (f64, f64)| (guess * weight, weight);
        Runs { exceeded: prior(Self::RATE_PRIOR), went_on: prior(Self::GOING_ON_PRIOR) }
    }

    /// Returns the share of buckets that exceed.
    pub fn rate(&self) -> f64 {
        self.exceeded.0 / self.exceeded.1
    }

    /// Returns the share of those after one that exceeds.
    pub fn going_on(&self) -> f64 {
        self.went_on.0 / self.went_on.1
    }

    pub fn learn(&mut self, exceeds: bool, exceeded_before: bool, fade: f64) {
        let one = f64::from(u8::from(exceeds));
        self.exceeded = (fade * self.exceeded.0 + one, fade * self.exceeded.1 + 1.0);
        if exceeded_before {
            let fade = Self::GOING_ON_FADE;
            self.went_on = (fade * self.went_on.0 + one, fade * self.went_on.1 + 1.0);
        }
    }
}
