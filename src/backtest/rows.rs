//! Counts and what is known about them, from files.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Longest description that is read.
const META_BYTES_MAX: u64 = 1 << 20;
/// Longest series that can be walked through: a year of minutes.
pub const BUCKETS_MAX: i64 = 366 * 1_440;
const DAY_SECS: i64 = 86_400;

/// What is known about a file of counts; other fields are ignored.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Meta {
    /// Length of a bucket.
    pub bucket_seconds: i64,
    /// Buckets, from 0.
    pub n_buckets: i64,
    /// Weekday of bucket 0, which begins at midnight; 0 is Monday.
    #[serde(default)]
    pub start_weekday: i64,
}

impl Meta {
    /// Reads and checks a description.
    pub fn read(path: &Path) -> Result<Meta> {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let reader = std::io::Read::take(file, META_BYTES_MAX);
        let meta: Meta =
            serde_json::from_reader(reader).with_context(|| format!("cannot read {name}"))?;
        let Meta { bucket_seconds, n_buckets, start_weekday } = meta;
        ensure!(
            bucket_seconds > 0 && DAY_SECS % bucket_seconds == 0,
            "{name}: bucket_seconds must divide a day, not {bucket_seconds}"
        );
        ensure!(
            (1..=BUCKETS_MAX).contains(&n_buckets),
            "{name}: n_buckets must be between 1 and {BUCKETS_MAX}, not {n_buckets}"
        );
        ensure!(
            (0..7).contains(&start_weekday),
            "{name}: start_weekday must be between 0 (Monday) and 6, not {start_weekday}"
        );
        Ok(meta)
    }

    /// Returns a bucket since 1970 that begins a day of the right weekday.
    pub fn first_bucket(&self) -> i64 {
        // The first Monday was the fifth of January.
        (4 + self.start_weekday) * (DAY_SECS / self.bucket_seconds)
    }
}

/// Events of a bucket of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// The bucket in which they arrived.
    pub arrival: i64,
    /// Whose they are.
    pub series: &'a str,
    /// Whose bucket.
    pub bucket: i64,
    /// How many.
    pub count: u32,
}

/// A file of counts, read row by row.
pub struct Counts {
    path: PathBuf,
    reader: csv::Reader<File>,
    /// The row that was read last.
    record: csv::StringRecord,
    has_arrivals: bool,
    buckets: i64,
    /// Its numbers, if its time has not come.
    next: Option<Numbers>,
}

/// The numbers of a row.
#[derive(Clone, Copy)]
struct Numbers {
    arrival: i64,
    bucket: i64,
    count: u32,
}

impl Counts {
    /// Opens a file; its first line says which columns it has.
    pub fn open(path: &Path, meta: &Meta) -> Result<Counts> {
        let cannot_read = || format!("cannot read {}", path.display());
        let mut reader = csv::Reader::from_path(path).with_context(cannot_read)?;
        let columns: Vec<_> = reader.headers().with_context(cannot_read)?.iter().collect();
        let has_arrivals = match columns[..] {
            ["series_id", "bucket", "count"] => false,
            ["arrival", "series_id", "bucket", "count"] => true,
            _ => bail!(
                "{}:1: expected `series_id,bucket,count` or `arrival,series_id,bucket,count`, not `{}`",
                path.display(),
                columns.join(",")
            ),
        };
        let (path, record) = (path.to_owned(), csv::StringRecord::new());
        Ok(Counts { path, reader, record, has_arrivals, buckets: meta.n_buckets, next: None })
    }

    /// Returns the next row that arrived in the bucket `tick`.
    pub fn next_of(&mut self, tick: i64) -> Result<Option<Row<'_>>> {
        if self.next.is_none() {
            self.next = self.read()?;
        }
        let Some(Numbers { arrival, bucket, count }) = self.next.filter(|row| row.arrival <= tick)
        else {
            return Ok(None);
        };
        ensure!(
            arrival == tick,
            "{}:{}: the rows are not in order: {arrival} comes after {tick}",
            self.path.display(),
            self.record.position().map_or(0, csv::Position::line),
        );
        self.next = None;
        let series = self.record.get(usize::from(self.has_arrivals)).unwrap_or_default();
        Ok(Some(Row { arrival, series, bucket, count }))
    }

    fn read(&mut self) -> Result<Option<Numbers>> {
        let line = self.reader.position().line();
        let place = || format!("{}:{line}", self.path.display());
        if !self.reader.read_record(&mut self.record).with_context(place)? {
            return Ok(None);
        }
        let number = |at: usize, name: &str| -> Result<i64> {
            let text = self.record.get(at).unwrap_or_default();
            let wrong = || format!("{}: {name}: {text:?} is no whole number", place());
            text.parse().with_context(wrong)
        };
        let from = usize::from(self.has_arrivals);
        let bucket = number(from + 1, "bucket")?;
        let arrival = if self.has_arrivals { number(0, "arrival")? } else { bucket };
        let last = self.buckets - 1;
        ensure!(
            (0..=last).contains(&bucket) && (bucket..=last).contains(&arrival),
            "{}: bucket {bucket}, arrival {arrival}: must lie between 0 and {last}, the arrival not \
             before the bucket",
            place()
        );
        let count = number(from + 2, "count")?;
        let count = u32::try_from(count).ok().filter(|count| *count > 0);
        let count =
            count.with_context(|| format!("{}: count must be from 1 to {}", place(), u32::MAX))?;
        Ok(Some(Numbers { arrival, bucket, count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    const META: Meta = Meta { bucket_seconds: 300, n_buckets: 10, start_weekday: 0 };

    /// Returns arrival, series, bucket and count of all rows.
    fn rows(text: &str) -> Result<Vec<(i64, String, i64, u32)>> {
        let file = file(text);
        let mut counts = Counts::open(file.path(), &META)?;
        let mut rows = Vec::new();
        for tick in 0..META.n_buckets {
            while let Some(row) = counts.next_of(tick)? {
                rows.push((row.arrival, row.series.to_owned(), row.bucket, row.count));
            }
        }
        Ok(rows)
    }

    #[test]
    fn both_forms_are_read() {
        let on_time = rows("series_id,bucket,count\na/x,0,3\na/x,4,1\n").unwrap();
        assert_eq!(on_time[1], (4, "a/x".to_owned(), 4, 1));
        let late = rows("arrival,series_id,bucket,count\n3,a/x,1,2\n").unwrap();
        assert_eq!(late, [(3, "a/x".to_owned(), 1, 2)]);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, part) in [
            ("series_id,bucket\n", ":1: expected `series_id,bucket,count`"),
            ("series_id,bucket,count\na,0,1\na,x,1\n", ":3: bucket: \"x\" is no whole number"),
            ("series_id,bucket,count\na,0,0\n", ":2: count must be from 1"),
            (
                "series_id,bucket,count\na,10,1\n",
                ":2: bucket 10, arrival 10: must lie between 0 and 9",
            ),
            ("arrival,series_id,bucket,count\n1,a,2,1\n", "the arrival not before the bucket"),
            (
                "series_id,bucket,count\na,2,1\na,1,1\n",
                "the rows are not in order: 1 comes after 2",
            ),
            ("series_id,bucket,count\na,2\n", ":2"),
        ] {
            let error = format!("{:#}", rows(text).unwrap_err());
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn limit_a_description_out_of_range_is_refused() {
        for (text, part) in [
            (r#"{"bucket_seconds": 7, "n_buckets": 1}"#, "must divide a day"),
            (r#"{"bucket_seconds": 60, "n_buckets": 600000}"#, "n_buckets must be between 1 and"),
            (r#"{"bucket_seconds": 60, "n_buckets": 1, "start_weekday": 7}"#, "start_weekday"),
            (r#"{"n_buckets": 1}"#, "bucket_seconds"),
        ] {
            let error = format!("{:#}", Meta::read(file(text).path()).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}
