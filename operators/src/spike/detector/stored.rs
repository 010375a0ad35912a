//! The detector's state as bytes, a row for each series and group, and back.
//!
//! *Form:* postcard (its wire format is stable), about 1 KB a series. What can be worked out from the rows is not stored: which
//! series are active, and how many are alive. *Promise:* a detector that is put together from its rows at any
//! close goes on as if it had never stopped.

use super::series::{Cell, Series};
use super::{Alarm, Detector, Evidence, Group, SeriesId, Settings, Watched, Whole};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored series cannot be read: {0}")]
pub struct Unreadable(String);

/// What is stored of a series.
#[derive(Serialize, Deserialize)]
struct SeriesRow {
    series: Series,
    group: usize,
    alarm: Alarm,
}

/// What is stored of a group.
#[derive(Serialize, Deserialize)]
struct GroupRow {
    total: Series,
    parts: Series,
    silent: VecDeque<i64>,
}

impl Detector {
    /// Returns the series that the next close may change: to be asked before it, and stored after it, together
    /// with every group.
    pub fn active(&self) -> impl Iterator<Item = SeriesId> {
        self.active.iter().copied()
    }

    /// Returns a series as bytes.
    pub fn series_row(&self, id: SeriesId) -> Vec<u8> {
        let Watched { series, group, alarm } = self.watched[id.0].clone();
        bytes(&SeriesRow { series, group, alarm })
    }

    /// Returns a group as bytes.
    pub fn group_row(&self, group: usize) -> Vec<u8> {
        let Group { total, parts, silent, .. } = self.groups[group].clone();
        bytes(&GroupRow { total, parts, silent })
    }

    /// Returns the alarms of what is judged together as bytes; nothing if there are none.
    pub fn wholes_row(&self) -> Option<Vec<u8>> {
        let alarms: Vec<(&Whole, &Alarm)> = self.wholes.alarms.iter().collect();
        (!alarms.is_empty()).then(|| bytes(&alarms))
    }

    /// Takes the alarms that were stored.
    pub fn with_wholes(mut self, row: Option<&[u8]>) -> Result<Detector, Unreadable> {
        let alarms: Vec<(Whole, Alarm)> = row.map(read).transpose()?.unwrap_or_default();
        let is_known = |whole: &Whole| match whole {
            Whole::Group(group) => *group < self.groups.len(),
            Whole::Issue(_) => true,
        };
        self.wholes.alarms = alarms.into_iter().filter(|(whole, _)| is_known(whole)).collect();
        Ok(self)
    }

    /// Puts a detector together: its open bucket, its groups and its series, in the order in which they were
    /// added.
    pub fn restored<'a>(
        settings: Settings,
        now: i64,
        groups: impl IntoIterator<Item = &'a [u8]>,
        series: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Detector, Unreadable> {
        let mut detector = Detector::new(settings, now);
        for row in groups {
            let GroupRow { total, parts, silent } = read(row)?;
            if let Some(at) = [total.now(), parts.now()].into_iter().find(|at| *at != now) {
                return Err(Unreadable(format!("a group stands at {at}, not at {now}")));
            }
            detector.groups.push(Group { total, parts, says: Evidence::none(), silent });
        }
        for row in series {
            let SeriesRow { series, group, alarm } = read(row)?;
            if group >= detector.groups.len() || series.now() > now {
                let at = series.now();
                return Err(Unreadable(format!(
                    "one of group {group} stands at {at}, all at {now}"
                )));
            }
            let id = SeriesId(detector.watched.len());
            // What was left alone stands at an earlier tick.
            if series.now() == now {
                detector.active.insert(id);
            }
            let touched = series.touched();
            detector.watched.push(Watched { series, group, alarm });
            // The last close has stopped counting those before.
            if touched >= detector.oldest_alive() - 1 {
                *detector.last_touched.entry(touched).or_default() += 1;
                detector.alive += 1;
            }
        }
        Ok(detector)
    }
}

fn bytes(row: &impl Serialize) -> Vec<u8> {
    // Numbers and lists of them always have a form.
    postcard::to_allocvec(row).unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(row: &'a [u8]) -> Result<T, Unreadable> {
    postcard::from_bytes(row).map_err(|error| Unreadable(error.to_string()))
}

/// Arrays of any length, as lists.
pub(super) mod array {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer, T: Serialize, const N: usize>(
        array: &[T; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(array)
    }

    pub fn deserialize<'a, D: Deserializer<'a>, T: Deserialize<'a>, const N: usize>(
        deserializer: D,
    ) -> Result<[T; N], D::Error> {
        let list = Vec::<T>::deserialize(deserializer)?;
        let wrong = |list: Vec<T>| super::wrong_length::<D>(list.len(), N);
        list.try_into().map_err(wrong)
    }
}

fn wrong_length<'a, D: Deserializer<'a>>(found: usize, expected: usize) -> D::Error {
    D::Error::custom(format!("{found} numbers instead of {expected}"))
}

impl Serialize for Cell {
    /// Few cells have been scheduled or late, so the events as tested are mostly those that came.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tested = (self.y != self.x as f32).then_some(self.y);
        (self.x, tested, self.mean).serialize(serializer)
    }
}

impl<'a> Deserialize<'a> for Cell {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Cell, D::Error> {
        let (x, tested, mean): (u32, Option<f32>, f32) = Deserialize::deserialize(deserializer)?;
        Ok(Cell { x, y: tested.unwrap_or(x as f32), mean })
    }
}
