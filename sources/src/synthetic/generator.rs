//! Generator: the lines of a service between two ticks, as a pure function of the seed.
//!
//! Time is cut into ticks of 100 ms, counted from the beginning of the history. What a service
//! writes in a tick depends on seed, service and tick alone, so a run can be resumed at any tick.

use super::random::Random;
use super::templates::{Format, SERVICES, Service, Template, fill};
use super::truth::{INCIDENT_SECS, PLANTED, Planted, Truth};
use engine::model::EventTime;
use jiff::Timestamp;
use std::io::Write;

/// Length of a tick in nanoseconds.
pub const TICK_NANOS: i64 = 100_000_000;
/// Ticks in a second.
const TICKS_PER_SEC: u64 = 10;
/// Most lines of one service in one tick, whatever the rate.
const LINES_PER_TICK_MAX: u64 = 20_000;

/// A number of ticks since the beginning of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

/// Everything that decides what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// The seed.
    pub seed: u64,
    /// When the history ends and the live part begins.
    pub live_start: EventTime,
    /// Length of the history in seconds.
    pub history_secs: i64,
    /// When the incident begins, in seconds after the live start.
    pub incident_after_secs: i64,
    /// Lines in a second on average, all services together, without the incident.
    pub rate_per_second: u64,
}

/// One line before it is written.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Usual(&'static Template),
    Planted(&'static Planted),
}

impl Generator {
    /// Returns the first instant of a tick.
    pub fn time(&self, tick: Tick) -> EventTime {
        let nanos = i64::try_from(tick.0).unwrap_or(i64::MAX).saturating_mul(TICK_NANOS);
        EventTime(self.begin().0.saturating_add(nanos))
    }

    /// Returns the first tick that has not passed completely at `now`.
    pub fn tick_at(&self, now: EventTime) -> Tick {
        Tick((now.0.saturating_sub(self.begin().0) / TICK_NANOS).max(0) as u64)
    }

    /// Returns when the incident begins.
    pub fn incident_start(&self) -> EventTime {
        EventTime(self.live_start.0 + self.incident_after_secs * 1_000_000_000)
    }

    /// Appends what a service writes in a tick; returns the number of lines.
    pub fn write(&self, service: usize, tick: Tick, stamp: &mut Stamp, out: &mut Vec<u8>) -> u64 {
        self.visit(service, tick, |kind, time, random| {
            let service = &SERVICES[service];
            match kind {
                Kind::Usual(template) => {
                    line(out, service, template.level, template.text, stamp.at(time), random);
                }
                Kind::Planted(planted) => {
                    line(out, service, planted.level, planted.text, stamp.at(time), random);
                }
            }
        })
    }

    /// Returns what is planted, and how often it occurs before `end`.
    pub fn truth(&self, end: Tick) -> Truth {
        let mut counts: Vec<(Planted, u64)> = PLANTED.iter().map(|&planted| (planted, 0)).collect();
        let mut lines = 0;
        for service in 0..SERVICES.len() {
            for tick in 0..end.0 {
                lines += self.visit(service, Tick(tick), |kind, _, _| {
                    let Kind::Planted(found) = kind else { return };
                    let counted = counts.iter_mut().find(|(planted, _)| planted == found);
                    counted.into_iter().for_each(|(_, count)| *count += 1);
                });
            }
        }
        let start = self.incident_start();
        let end = EventTime(start.0 + INCIDENT_SECS * 1_000_000_000);
        Truth { start, end, counts, lines }
    }

    fn begin(&self) -> EventTime {
        EventTime(self.live_start.0 - self.history_secs * 1_000_000_000)
    }

    /// Draws the lines of a tick; returns their number.
    fn visit(
        &self,
        service: usize,
        tick: Tick,
        mut each: impl FnMut(Kind, EventTime, &mut Random),
    ) -> u64 {
        let Service { name, templates, share, .. } = &SERVICES[service];
        let mut random = Random::new(&[self.seed, service as u64, tick.0]);
        let start = self.time(tick);
        let per_million_ticks =
            self.rate_per_second * u64::from(*share) * self.swing(service, tick) / TICKS_PER_SEC;
        let usual = draw(per_million_ticks, &mut random);
        let after_millis = (start.0 - self.incident_start().0).div_euclid(1_000_000);
        let mut planted = [(0, &PLANTED[0]); PLANTED.len()];
        for (slot, found) in planted.iter_mut().zip(&PLANTED) {
            let rate = found.rate_per_million_secs(after_millis) / TICKS_PER_SEC;
            *slot = (if found.service == *name { draw(rate, &mut random) } else { 0 }, found);
        }
        let lines = usual + planted.iter().map(|(count, _)| count).sum::<u64>();
        let at =
            |number: u64| EventTime(start.0 + TICK_NANOS / lines.max(1) as i64 * number as i64);
        for number in 0..usual {
            let template = pick(templates, &mut random);
            each(Kind::Usual(template), at(number), &mut random);
        }
        let mut number = usual;
        for (count, found) in planted {
            for _ in 0..count {
                each(Kind::Planted(found), at(number), &mut random);
                number += 1;
            }
        }
        lines
    }

    /// Returns how busy the service is, in parts of ten thousand: more by day than by night, and a
    /// little different every ten seconds.
    fn swing(&self, service: usize, tick: Tick) -> u64 {
        const DAY_MINUTES: i64 = 24 * 60;
        let minute = self.time(tick).secs().div_euclid(60).rem_euclid(DAY_MINUTES);
        // Highest at 14:00, lowest at 02:00 UTC, linear in between.
        let from_night = (minute - 120).rem_euclid(DAY_MINUTES);
        let daylight = from_night.min(DAY_MINUTES - from_night) as u64;
        let by_day = 7000 + 6000 * daylight / (DAY_MINUTES as u64 / 2);
        let noise = 80 + Random::new(&[self.seed, service as u64, tick.0 / 100, 1]).below(41);
        by_day * noise / 100
    }
}

/// Returns how many lines fall into one tick at a rate per million ticks.
fn draw(per_million: u64, random: &mut Random) -> u64 {
    ((per_million + random.below(1_000_000)) / 1_000_000).min(LINES_PER_TICK_MAX)
}

fn pick(templates: &'static [Template], random: &mut Random) -> &'static Template {
    let all: u32 = templates.iter().map(|template| template.weight).sum();
    let mut at = random.below(u64::from(all)) as u32;
    for template in templates {
        if at < template.weight {
            return template;
        }
        at -= template.weight;
    }
    &templates[0]
}

/// The present second in the ways in which services write it; kept, since formatting is slow.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    secs: Option<i64>,
    iso: String,
    nginx: String,
    nginx_error: String,
    syslog: String,
    millis: i64,
}

impl Stamp {
    fn at(&mut self, time: EventTime) -> &Self {
        self.millis = time.0.rem_euclid(1_000_000_000) / 1_000_000;
        if self.secs != Some(time.secs()) {
            let instant = Timestamp::from_second(time.secs()).unwrap_or_default();
            self.secs = Some(time.secs());
            self.iso = instant.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.nginx = instant.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            self.nginx_error = instant.strftime("%Y/%m/%d %H:%M:%S").to_string();
            self.syslog = instant.strftime("%b %e %H:%M:%S").to_string();
        }
        self
    }
}

/// Appends one line. Writing into memory does not fail.
fn line(
    out: &mut Vec<u8>,
    service: &Service,
    level: &str,
    text: &str,
    stamp: &Stamp,
    random: &mut Random,
) {
    let (iso, millis, name) = (&stamp.iso, stamp.millis, service.name);
    match service.format {
        Format::Json => {
            let _ = write!(
                out,
                r#"{{"time":"{iso}.{millis:03}Z","level":"{level}","service":"{name}","message":""#
            );
            fill(out, text, random);
            out.extend_from_slice(b"\"}");
        }
        Format::Logfmt => {
            let _ = write!(out, "time={iso}.{millis:03}Z level={level} service={name} msg=\"");
            fill(out, text, random);
            out.push(b'"');
        }
        Format::Log4j => {
            let (date, clock) = iso.split_once('T').unwrap_or((iso, ""));
            let level = level.to_uppercase();
            let thread = 1 + random.below(8);
            let _ = write!(
                out,
                "{date} {clock},{millis:03} {level:5} [pool-{thread}] com.example.{name}.Invoices - "
            );
            fill(out, text, random);
        }
        Format::Nginx if level == "info" => access_line(out, text, stamp, random),
        Format::Nginx => {
            let process = 20 + random.below(4);
            let _ = write!(out, "{} [{level}] {process}#{process}: *", stamp.nginx_error);
            fill(out, "{n} ", random);
            fill(out, text, random);
        }
        Format::Syslog => {
            let host = 1 + random.below(5);
            let priority = 8 * 3 + syslog_severity(level);
            let _ = write!(out, "<{priority}>{} node-{host} ", stamp.syslog);
            fill(out, text, random);
        }
    }
    out.push(b'\n');
}

/// Appends an access line; `text` is method, path and status.
fn access_line(out: &mut Vec<u8>, text: &str, stamp: &Stamp, random: &mut Random) {
    let (request, status) = text.rsplit_once(' ').unwrap_or((text, "200"));
    fill(out, "{ip}", random);
    let _ = write!(out, " - - [{}] \"", stamp.nginx);
    fill(out, request, random);
    let bytes = random.below(60_000);
    let _ = write!(out, " HTTP/1.1\" {status} {bytes} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"");
}

fn syslog_severity(level: &str) -> u32 {
    match level {
        "err" => 3,
        "warn" => 4,
        "notice" => 5,
        _ => 6,
    }
}
