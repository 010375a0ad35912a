//! What is planted: the incident that the demo shows, and that tests look for.
//!
//! ```text
//! time after the incident's start   0 s        20 s                                  10 min
//! refused  (payments)  rare ────────┤ 8 a second ────────────────────────────────────┤ rare
//! breaker  (payments)  never                   ┤ 1 a second ─────────────────────────┤ never
//! queue    (worker)    rare ────────┤ growing from nothing to 4 a second ────────────┤ rare
//! ```

use engine::model::EventTime;

/// One planted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// The service that says it.
    pub service: &'static str,
    /// Its level.
    pub level: &'static str,
    /// The message; `{…}` varies.
    pub text: &'static str,
    /// A piece of the message that nothing else contains.
    pub piece: &'static str,
    /// Lines in a thousand seconds when all is well.
    pub usual_per_1000_secs: u64,
    /// When it begins, in seconds after the incident's start.
    pub begins_after_secs: i64,
    /// Lines in a thousand seconds at its height.
    pub height_per_1000_secs: u64,
    /// Whether it grows towards its height from nothing.
    pub grows: bool,
}

/// How long the incident lasts, in seconds.
pub const INCIDENT_SECS: i64 = 600;

/// The planted messages.
pub const PLANTED: [Planted; 3] = [
    Planted {
        service: "payments",
        level: "error",
        text: "payments: connection to db-primary:5432 refused, attempt {d}",
        piece: "connection to db-primary:5432 refused",
        usual_per_1000_secs: 20,
        begins_after_secs: 0,
        height_per_1000_secs: 8000,
        grows: false,
    },
    Planted {
        service: "payments",
        level: "error",
        text: "circuit breaker for db-primary opened after {d} failures, shedding order {hex}",
        piece: "circuit breaker for db-primary opened",
        usual_per_1000_secs: 0,
        begins_after_secs: 20,
        height_per_1000_secs: 1000,
        grows: false,
    },
    Planted {
        service: "worker",
        level: "warn",
        text: "queue settlements holds {n} jobs, oldest waits {big} ms",
        piece: "queue settlements holds",
        usual_per_1000_secs: 20,
        begins_after_secs: 0,
        height_per_1000_secs: 4000,
        grows: true,
    },
];

impl Planted {
    /// Returns its lines in a million seconds, `secs` after the incident's start.
    pub fn rate_per_million_secs(&self, millis_after_start: i64) -> u64 {
        let begin = self.begins_after_secs * 1000;
        let end = INCIDENT_SECS * 1000;
        if !(begin..end).contains(&millis_after_start) {
            return self.usual_per_1000_secs * 1000;
        }
        if !self.grows {
            return self.height_per_1000_secs * 1000;
        }
        let (done, all) = ((millis_after_start - begin) as u64, (end - begin) as u64);
        (self.usual_per_1000_secs * 1000).max(self.height_per_1000_secs * 1000 * done / all)
    }
}

/// The planted incident, with exact counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// When it begins.
    pub start: EventTime,
    /// When it ends.
    pub end: EventTime,
    /// Each planted message and how often it occurs in the stretch that was asked for.
    pub counts: Vec<(Planted, u64)>,
    /// All lines in that stretch.
    pub lines: u64,
}
