//! Drawings of a report: the days with all alerts, and each alert with what was observed and expected. SVG that stands
//! in an HTML page and refers to nothing outside of it.

use super::report::{day, kind};
use super::walk::{Fired, Point, end_of};
use engine::model::{Bucket, BucketSize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Minutes of a day, which are the columns of its drawing.
const DAY_MINUTES: i64 = 1440;
/// Narrowest mark of an alert, in minutes.
const MARK_MINUTES_MIN: i64 = 6;
/// Rows of a day in which overlapping alerts are kept apart; of more the last ones share a row.
const LANES_MAX: usize = 6;
const LANE_HEIGHT: usize = 12;
/// Size of the drawing of an alert.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 110.0;

/// Returns text as it can stand in a page.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            control if control.is_control() => safe.push('·'),
            plain => safe.push(plain),
        }
    }
    safe
}

/// Returns a drawing of each day, with a mark for each alert that leads to it.
pub fn days<'a>(alerts: impl IntoIterator<Item = &'a Fired>) -> String {
    let mut days: BTreeMap<String, Vec<&Fired>> = BTreeMap::new();
    for fired in alerts {
        days.entry(day(fired)).or_default().push(fired);
    }
    let mut text = String::new();
    for (day, alerts) in &days {
        let (lanes, marks) = marks(alerts);
        let height = lanes.max(1) * LANE_HEIGHT + 4;
        // Writing to a string never fails.
        let _ = write!(
            text,
            "<div class=\"day\"><span>{day}</span><svg viewBox=\"0 0 {DAY_MINUTES} {height}\" \
             preserveAspectRatio=\"none\" height=\"{height}\">"
        );
        for hour in 1..24 {
            let (x, class) = (hour * 60, if hour % 6 == 0 { "grid six" } else { "grid" });
            let _ = write!(
                text,
                "<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{height}\"/>"
            );
        }
        let _ = write!(text, "{marks}</svg><b>{}</b></div>", alerts.len());
    }
    text
}

/// Returns the marks of the alerts of a day, and how many rows they need.
fn marks(alerts: &[&Fired]) -> (usize, String) {
    let mut ends: Vec<i64> = Vec::new();
    let mut text = String::new();
    for fired in alerts {
        let alert = &fired.alert;
        let start = alert.start.0.rem_euclid(86_400) / 60;
        let lasted = (end_of(alert).0 - alert.start.0) / 60;
        let width = lasted.max(MARK_MINUTES_MIN).min(DAY_MINUTES - start).max(1);
        let free = ends.iter().position(|end| *end <= start);
        let lane = free.unwrap_or_else(|| {
            if ends.len() < LANES_MAX {
                ends.push(0);
            }
            ends.len() - 1
        });
        ends[lane] = start + width;
        let _ = write!(
            text,
            "<a href=\"#{key}\"><rect class=\"{kind}\" x=\"{start}\" y=\"{y}\" width=\"{width}\" \
             height=\"{height}\"><title>{title}</title></rect></a>",
            key = fired.line.key,
            kind = kind(fired.line.kind),
            y = lane * LANE_HEIGHT + 2,
            height = LANE_HEIGHT - 2,
            title = escaped(&fired.line.title),
        );
    }
    (ends.len(), text)
}

/// Returns a drawing of an alert: bars for what was observed, a line for what was expected.
pub fn timeline(fired: &Fired) -> String {
    let Some((first, last)) = fired.curve.first().zip(fired.curve.last()) else {
        return String::new();
    };
    let scale = Scale::of(fired);
    let mut text = format!("<svg class=\"timeline\" viewBox=\"0 0 {WIDTH} {}\">", HEIGHT + 16.0);
    let (from, to) = (scale.x_of(fired.alert.start), scale.x_of(end_of(&fired.alert)));
    let _ = write!(
        text,
        "<rect class=\"alarm\" x=\"{from:.1}\" y=\"0\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
        (to - from).max(scale.step)
    );
    for point in &fired.curve {
        let (x, y) = (scale.x_of(point.bucket), scale.y_of(point.observed as f64));
        let _ = write!(
            text,
            "<rect class=\"observed\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
             <title>{}</title></rect>",
            (scale.step - 0.6).max(0.6),
            HEIGHT - y,
            words(point)
        );
    }
    let expected = fired.curve.iter().filter_map(|point| {
        let y = scale.y_of(point.expected?);
        Some(format!("{:.1},{y:.1}", scale.x_of(point.bucket) + scale.step / 2.0))
    });
    let expected = expected.collect::<Vec<_>>().join(" ");
    let _ = write!(text, "<polyline class=\"expected\" points=\"{expected}\"/>");
    let bottom = HEIGHT + 13.0;
    let _ = write!(
        text,
        "<text x=\"0\" y=\"{bottom}\">{}</text><text x=\"{WIDTH}\" y=\"{bottom}\" text-anchor=\"end\">{}\
         </text><text x=\"{WIDTH}\" y=\"11\" text-anchor=\"end\">{} at most</text></svg>",
        moment(first.bucket),
        moment(last.bucket),
        scale.highest
    );
    text
}

/// Returns a bucket of a curve in words.
fn words(point: &Point) -> String {
    let Point { bucket, observed, expected } = point;
    let expected =
        expected.map_or_else(String::new, |expected| format!(", {expected:.1} expected"));
    format!("{}: {observed} observed{expected}", moment(*bucket))
}

/// Returns the day and minute at which a bucket starts.
fn moment(bucket: Bucket) -> String {
    crate::scan::minute(&bucket.to_string())
}

/// From buckets and events to places in a drawing.
struct Scale {
    from: Bucket,
    secs: f64,
    step: f64,
    highest: f64,
}

impl Scale {
    fn of(fired: &Fired) -> Scale {
        let size = BucketSize::new(fired.alert.bucket_secs).unwrap_or(BucketSize::FIVE_MINUTES);
        let values = fired
            .curve
            .iter()
            .flat_map(|point| [point.observed as f64, point.expected.unwrap_or_default()]);
        Scale {
            from: fired.curve.first().map(|point| point.bucket).unwrap_or_default(),
            secs: size.secs() as f64,
            step: WIDTH / fired.curve.len().max(1) as f64,
            highest: values.fold(1.0, f64::max).ceil(),
        }
    }

    fn x_of(&self, bucket: Bucket) -> f64 {
        (((bucket.0 - self.from.0) as f64 / self.secs) * self.step).clamp(0.0, WIDTH)
    }

    fn y_of(&self, events: f64) -> f64 {
        HEIGHT * (1.0 - events.max(0.0) / self.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_logs_say_cannot_become_part_of_the_page() {
        let text = escaped("<script src=\"x\">'&\u{1b}</script>");
        assert_eq!(text, "&lt;script src=&quot;x&quot;&gt;&#39;&amp;·&lt;/script&gt;");
    }
}
