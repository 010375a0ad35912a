//! What the operator stores, by key, and how it is found again.
//!
//! | key | value |
//! | --- | --- |
//! | `clock` | the open bucket, and where the clock began |
//! | `g/<group>` | a service and its series |
//! | `s/<fingerprint>` | a series and what is expected of its silence |
//! | `l/<bucket>/<n>` | what came late while that bucket was open |
//! | `m/<bucket>/<n>` | where fingerprints stood that went elsewhere while that bucket was open |
//! | `wholes` | alarms of issues and services |
//! | `early` | what was told of the open bucket |
//! | `deploys` | deploys of the last hour |
//!
//! All but `early`, `deploys`, `l/`, `m/` and the place in `s/` change when a bucket closes and at no other time.
//! *Limits:* rows of `l/` and `m/` are kept for [`LATE_KEPT_SECS`].

use super::arrivals::Late;
use engine::component::Recovered;
use engine::model::{Bucket, BucketSize, Deploy, Fingerprint, IssueId, Placed, Severity};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of all of that.
pub const VERSION: u32 = 2;
/// Where fingerprints stood before they went elsewhere.
pub type Moved = BTreeMap<Fingerprint, Placed>;

/// How long it is known what came late and what moved, as long as minutes are.
pub const LATE_KEPT_SECS: i64 = 30 * 86_400;

/// Where the clock stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredClock {
    /// The open bucket and the first one there was; nothing before the first beat.
    pub ticks: Option<(i64, i64)>,
}

impl StoredClock {
    /// Returns the bucket from which on counts have not been judged.
    pub fn bucket(self, size: BucketSize) -> Bucket {
        self.ticks.map_or(Bucket(i64::MIN), |(now, _)| Bucket(now * size.secs()))
    }
}

/// What is expected of a series that is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// When to look at it again.
    pub due: Option<i64>,
    /// Whether its silence was told.
    pub is_told: bool,
}

/// A service and its series.
#[derive(Serialize, Deserialize)]
pub struct StoredGroup {
    pub service: Arc<str>,
    pub quiet: Quiet,
    pub row: Vec<u8>,
}

/// A fingerprint's series.
#[derive(Serialize, Deserialize)]
pub struct StoredSeries {
    pub quiet: Quiet,
    /// Its issue, and that one's severity.
    pub place: (IssueId, Severity),
    pub row: Vec<u8>,
}

/// Everything, as it was stored last.
#[derive(Default)]
pub struct Stored {
    pub clock: StoredClock,
    pub groups: BTreeMap<u32, StoredGroup>,
    pub series: BTreeMap<Fingerprint, StoredSeries>,
    pub late: BTreeMap<(i64, u32), Late>,
    pub moves: BTreeMap<(i64, u32), Moved>,
    pub wholes: Option<Vec<u8>>,
    pub early: BTreeSet<Fingerprint>,
    pub deploys: Vec<Deploy>,
}

impl Stored {
    /// Returns what a node stored. A row that cannot be read is left out: its series begins anew.
    pub fn of(node: &str, recovered: &Recovered) -> Stored {
        let mut stored = Stored::default();
        let rows = recovered.state.iter().filter(|((of, _), _)| &**of == node);
        for ((_, key), value) in rows {
            // The version has been compared before.
            let _unreadable = stored.read(key, value);
        }
        stored
    }

    fn read(&mut self, key: &str, value: &[u8]) -> Option<()> {
        match key.split_once('/') {
            None if key == "clock" => self.clock = from_bytes(value)?,
            None if key == "wholes" => self.wholes = Some(value.to_vec()),
            None if key == "early" => self.early = from_bytes(value)?,
            None if key == "deploys" => self.deploys = from_bytes(value)?,
            Some(("g", group)) => {
                self.groups.insert(group.parse().ok()?, from_bytes(value)?);
            }
            Some(("s", of)) => {
                self.series.insert(of.parse().ok()?, from_bytes(value)?);
            }
            Some(("l", place)) => _ = self.late.insert(place_of(place)?, from_bytes(value)?),
            Some(("m", place)) => _ = self.moves.insert(place_of(place)?, from_bytes(value)?),
            _ => return None,
        }
        Some(())
    }
}

/// Returns the key of what came late.
pub fn late_key((tick, n): (i64, u32)) -> Arc<str> {
    format!("l/{tick}/{n}").into()
}

/// Returns the key of what went elsewhere.
pub fn moved_key((tick, n): (i64, u32)) -> Arc<str> {
    format!("m/{tick}/{n}").into()
}

fn place_of(key: &str) -> Option<(i64, u32)> {
    let (tick, n) = key.split_once('/')?;
    Some((tick.parse().ok()?, n.parse().ok()?))
}

/// Returns a value's stored form.
pub fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    // Numbers, texts and lists of them always have a form.
    postcard::to_allocvec(value).unwrap_or_default()
}

fn from_bytes<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    postcard::from_bytes(value).ok()
}
