//! Samples: of each fingerprint and UTC day those with the smallest hashes, all in one row, because a
//! catch-up replaces most of them with every commit (a row each took 15 % of the process's CPU).
//!
//! ```text
//! key = row number of the fingerprint << 18 | day     value = (hash, time, source, length, record)*
//! ```
//! *Promises:* which samples stay is a function of the set, not of the order (I1, I2, I3).
//! *State and limits:* [`Sample::PER_DAY_MAX`] samples a day, each at most
//! [`Sample::RECORD_BYTES_MAX`] long.
//!
//! *Not here:* when a day is read and written back; each store does it in its own way.

use super::{Failure, Snapshot, codec};
use engine::model::{EventTime, Sample};

/// How many bits of a key are the day: all days that an event time can be in, from the first on.
const DAY_BITS: u32 = 18;
/// The number of 1970's first day among them.
const DAY_ZERO: i64 = 1 << (DAY_BITS - 1);
/// Bytes of a stored sample before its record: hash, time, source, length.
const HEAD_BYTES: usize = 8 + 8 + 8 + 4;

/// A sample as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept<'a> {
    pub(crate) hash: u64,
    pub(crate) time: EventTime,
    /// Row number of the source.
    pub(crate) source: i64,
    pub(crate) record: &'a str,
}

/// Returns the key of a fingerprint's day.
pub(crate) fn key_of(id: i64, day: i64) -> i64 {
    id << DAY_BITS | (day + DAY_ZERO).clamp(0, 2 * DAY_ZERO - 1)
}

/// Returns the samples in a stored value, smallest hash first.
pub(crate) fn decode(mut value: &[u8]) -> Result<Vec<Kept<'_>>, Failure> {
    let cut = || codec::strange("a stored day of samples ends in the middle of one");
    let mut kept = Vec::with_capacity(Sample::PER_DAY_MAX);
    while !value.is_empty() {
        let (hash, rest) = value.split_first_chunk().ok_or_else(cut)?;
        let (time, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let (source, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (record, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        let record = std::str::from_utf8(record).map_err(|_| cut())?;
        kept.push(Kept {
            hash: u64::from_be_bytes(*hash),
            time: EventTime(i64::from_be_bytes(*time)),
            source: i64::from_be_bytes(*source),
            record,
        });
        value = rest;
    }
    Ok(kept)
}

/// Returns the value under which samples are stored.
pub(crate) fn encode(kept: &[Kept<'_>]) -> Vec<u8> {
    let records: usize = kept.iter().map(|sample| sample.record.len()).sum();
    let mut value = Vec::with_capacity(records + kept.len() * HEAD_BYTES);
    for sample in kept {
        value.extend_from_slice(&sample.hash.to_be_bytes());
        value.extend_from_slice(&sample.time.0.to_be_bytes());
        value.extend_from_slice(&sample.source.to_be_bytes());
        value.extend_from_slice(&(sample.record.len() as u32).to_be_bytes());
        value.extend_from_slice(sample.record.as_bytes());
    }
    value
}

/// Adds `samples` to those that are `kept`, ordered by hash; returns whether that changed them. Of
/// two with one hash the one with the smaller (time, name of the source) stays.
pub(crate) fn merge<'a>(
    kept: &mut Vec<Kept<'a>>,
    samples: impl Iterator<Item = Kept<'a>>,
    name_of: impl Fn(i64) -> Result<String, Failure>,
) -> Result<bool, Failure> {
    let mut changed = false;
    for sample in samples {
        match kept.binary_search_by_key(&sample.hash, |known| known.hash) {
            Ok(at) => {
                let known = &mut kept[at];
                let earlier = sample.time < known.time
                    || sample.time == known.time
                        && sample.source != known.source
                        && name_of(sample.source)? < name_of(known.source)?;
                if earlier {
                    *known = sample;
                    changed = true;
                }
            }
            Err(at) if at < Sample::PER_DAY_MAX => {
                kept.truncate(Sample::PER_DAY_MAX - 1);
                kept.insert(at, sample);
                changed = true;
            }
            Err(_) => {}
        }
    }
    Ok(changed)
}

/// Tells `each` of all samples of the fingerprint with row number `id`.
pub(super) fn each_of(
    snapshot: &dyn Snapshot,
    id: i64,
    mut each: impl FnMut(Kept<'_>),
) -> Result<(), Failure> {
    let sql = "SELECT samples FROM sample_days WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
    let (first, last) = (id << DAY_BITS, ((id + 1) << DAY_BITS) - 1);
    snapshot.each(sql, &[first.into(), last.into()], &mut |row| {
        decode(&row.blob(0)?)?.into_iter().for_each(&mut each);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(hash: u64, time: i64, source: i64, record: &str) -> Kept<'_> {
        Kept { hash, time: EventTime(time), source, record }
    }

    fn names(id: i64) -> Result<String, Failure> {
        Ok(["web", "app"][id as usize].to_owned())
    }

    #[test]
    fn what_is_encoded_comes_back_and_a_cut_value_is_refused() {
        let samples = [kept(1, -5, 7, "é \0"), kept(u64::MAX, i64::MAX, 0, "")];
        let value = encode(&samples);
        assert_eq!(decode(&value).unwrap(), samples);
        assert!((1..value.len()).filter(|&end| decode(&value[..end]).is_ok()).count() <= 1);
    }

    #[test]
    fn limit_the_smallest_hashes_stay_in_any_order() {
        let mut samples: Vec<_> = (0..100).map(|hash| kept(hash, 1, 0, "r")).collect();
        let mut forwards = Vec::new();
        assert!(merge(&mut forwards, samples.iter().copied(), names).unwrap());
        samples.reverse();
        let mut backwards = Vec::new();
        merge(&mut backwards, samples.iter().copied(), names).unwrap();
        assert_eq!(forwards, backwards);
        assert!(forwards.iter().map(|s| s.hash).eq(0..Sample::PER_DAY_MAX as u64));
        assert!(!merge(&mut forwards, samples.into_iter(), names).unwrap(), "nothing is new");
    }

    #[test]
    fn of_one_hash_the_earlier_time_stays_then_the_smaller_name() {
        let (late, early) = (kept(1, 9, 1, "late"), kept(1, 8, 0, "early"));
        let other = kept(1, 8, 1, "other source");
        let mut day = vec![late];
        merge(&mut day, [early].into_iter(), names).unwrap();
        assert_eq!(day, [early]);
        merge(&mut day, [other, late].into_iter(), names).unwrap();
        assert_eq!(day, [other]);
    }

    #[test]
    fn keys_of_days_are_in_the_range_of_their_fingerprint() {
        let days = [i64::MIN / (86_400 * 1_000_000_000), 0, i64::MAX / (86_400 * 1_000_000_000)];
        for day in days {
            assert_eq!(key_of(3, day) >> DAY_BITS, 3);
        }
        assert!(days.map(|day| key_of(3, day)).is_sorted());
    }
}
