//! Counts from a file: what the spike detector alone would have said about them.
//!
//! ```text
//! counts.csv ──rows──► buckets in order of arrival ──► Detector ──changes──► alarms ──► detections.csv
//!                                                          └──evidence──────────────► scores.csv
//! ```

use super::alarms::Alarms;
use super::rows::{Counts, Meta};
use crate::cli::backtest::CountsArgs;
use crate::failure::Failure;
use anyhow::{Context, Result};
use foldhash::{HashMap, HashMapExt};
use indicatif::{ProgressBar, ProgressStyle};
use operators::spike::detector::{Detector, SeriesId, Settings};
use std::fs::File;
use std::path::Path;

/// Evidence, in nats, that scores one half.
const SCORE_HALF_NATS: f64 = 14.0;

/// Runs the detector over a file of counts.
pub fn counts(args: &CountsArgs<'_>) -> Result<(), Failure> {
    let meta = Meta::read(args.meta)?;
    let counts = Counts::open(args.counts, &meta)?;
    // First, so that a place that cannot be written to is told before the work.
    let detections = writer(args.detections, ["series_id", "start_bucket", "end_bucket", "score"])?;
    let scores = args.scores.map(Scores::create).transpose()?;
    let settings = Settings {
        bucket_secs: meta.bucket_seconds,
        false_alarms_per_day: args.max_false_alerts_per_day,
        ..Settings::default()
    };
    let mut run = Run::new(settings, meta.first_bucket(), scores);
    run.all(counts, &meta)?;
    Ok(run.finish(detections)?)
}

/// A detector and what is known of its series.
struct Run {
    detector: Detector,
    /// The detector's first bucket, which the file calls 0.
    first: i64,
    names: Vec<String>,
    series: HashMap<String, SeriesId>,
    groups: HashMap<String, usize>,
    alarms: Alarms,
    scores: Option<Scores>,
}

impl Run {
    fn new(settings: Settings, first: i64, scores: Option<Scores>) -> Run {
        Run {
            detector: Detector::new(settings, first),
            first,
            names: Vec::new(),
            series: HashMap::new(),
            groups: HashMap::new(),
            alarms: Alarms::default(),
            scores,
        }
    }

    /// Walks through all buckets.
    fn all(&mut self, mut counts: Counts, meta: &Meta) -> Result<()> {
        let bar = ProgressBar::new(meta.n_buckets as u64).with_style(style());
        let mut rows = 0u64;
        for tick in 0..meta.n_buckets {
            while let Some(row) = counts.next_of(tick)? {
                let id = self.id_of(row.series);
                self.detector.add(id, self.first + row.bucket, row.count);
                rows += 1;
            }
            self.close(tick)?;
            bar.inc(1);
        }
        let seconds = bar.elapsed().as_secs_f64();
        bar.finish_and_clear();
        let cells = self.names.len() as f64 * meta.n_buckets as f64;
        eprintln!(
            "{} series, {} buckets, {rows} counts in {seconds:.2} s: {:.1} M series-buckets/s",
            self.names.len(),
            meta.n_buckets,
            cells / seconds.max(1e-9) / 1e6
        );
        Ok(())
    }

    fn id_of(&mut self, name: &str) -> SeriesId {
        if let Some(id) = self.series.get(name) {
            return *id;
        }
        let source = name.split('/').next().unwrap_or_default();
        let detector = &mut self.detector;
        let group = *self.groups.entry(source.to_owned()).or_insert_with(|| detector.add_group());
        let id = detector.add_series(group);
        self.series.insert(name.to_owned(), id);
        self.names.push(name.to_owned());
        id
    }

    fn close(&mut self, tick: i64) -> Result<()> {
        let Run { detector, alarms, scores, names, .. } = self;
        let mut nats = vec![0.0; if scores.is_some() { names.len() } else { 0 }];
        let closed = detector.close_and_see(|id, evidence| {
            if let Some(nats) = nats.get_mut(id.index()) {
                *nats = evidence.nats;
            }
        });
        closed.series.iter().for_each(|(id, change)| alarms.take(tick, *id, change));
        scores.as_mut().map_or(Ok(()), |scores| scores.write(tick, names, &nats))
    }

    fn finish(self, mut output: csv::Writer<File>) -> Result<()> {
        for alarm in self.alarms.finish() {
            let name = &self.names[alarm.series.index()];
            let score = format!("{:.3}", alarm.nats / std::f64::consts::LN_10);
            output.write_record([
                name,
                &alarm.start.to_string(),
                &alarm.end.to_string(),
                &score,
            ])?;
        }
        output.flush()?;
        self.scores.map_or(Ok(()), Scores::finish)
    }
}

/// The file of scores: a row for every bucket of every series, 0 before it is known.
struct Scores {
    output: csv::Writer<File>,
    /// How many series have rows.
    known: usize,
}

impl Scores {
    fn create(path: &Path) -> Result<Scores> {
        let output = writer(path, ["series_id", "bucket", "score"])?;
        Ok(Scores { output, known: 0 })
    }

    /// Writes the evidence of a tick, by series.
    fn write(&mut self, tick: i64, names: &[String], nats: &[f64]) -> Result<()> {
        for name in &names[self.known..] {
            for before in 0..tick {
                self.output.write_record([name, &before.to_string(), "0"])?;
            }
        }
        self.known = names.len();
        for (name, nats) in names.iter().zip(nats) {
            let score = format!("{:.4}", nats / (nats + SCORE_HALF_NATS));
            self.output.write_record([name, &tick.to_string(), &score])?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}

/// Creates a file of rows under these headings.
fn writer<const N: usize>(path: &Path, headings: [&str; N]) -> Result<csv::Writer<File>> {
    let cannot_write = || format!("cannot write {}", path.display());
    let mut output = csv::Writer::from_path(path).with_context(cannot_write)?;
    output.write_record(headings).with_context(cannot_write)?;
    Ok(output)
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {pos}/{len} buckets, {per_sec}, {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
