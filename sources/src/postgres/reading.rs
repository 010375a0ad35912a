//! Reading: one life of the source, poll by poll.
//!
//! ```text
//! poll: BEGIN, one snapshot ─► marks ─► pages ─► lines ─► Intake, each with the Offset behind it ─► COMMIT
//! ```
//! Keys are drawn in one order and committed in another: while the row with key 6 can be read, key 5
//! may belong to a transaction that is still running. Rows are delivered as soon as they can be seen;
//! what the snapshot's `xmin` decides is how far behind the highest key to look for late ones. A *look
//! back* begins at the floor, any other pass at the highest key read; a row that is not among those
//! taken is new, wherever it stands. The floor follows a look back row by row up to what is settled
//! ([`super::marks`]): all of that is in the look back's own snapshot, and nothing joins it later.
//!
//! *State and limits:* a page of at most [`PAGE_BYTES_MAX`] and one row; the keys taken above the floor.

use super::config::{Config, StartKey};
use super::failure::Failure;
use super::marks::{Marks, above_all};
use super::position::{Key, Position, TAKEN_MAX, hash};
use super::session::Session;
use super::sql::{ENDED, Given, OLDEST, PAGE_BYTES_MAX, RUNNING, Sql};
use crate::poll::{Budget, Health, append_line, shortened};
use engine::component::{Delivery, Intake};
use engine::model::{EventTime, Offset, PartitionId};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// The one partition of the source.
pub const PARTITION: &str = "rows";
/// Lines are handed over when they are this long together: an Offset may be long too.
const DELIVERY_BYTES_AIM: usize = 4 * Delivery::BYTES_AIM;
const _: () = assert!(PAGE_BYTES_MAX <= Delivery::BYTES_MAX);

/// One life of the source.
pub struct Reading<'c> {
    config: &'c Config,
    session: Session,
    sql: Sql,
    position: Position,
    marks: Marks,
    looked_back: Option<EventTime>,
    health: Health,
}

/// One way through the rows, within one snapshot.
struct Pass {
    looks_back: bool,
    at: Option<Key>,
    settled: Option<Key>,
    /// The keys met above what is settled.
    met: BTreeSet<u64>,
    lines: Vec<u8>,
    cut: u64,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There is nothing more.
    Complete,
    /// The budget is used up.
    Budget,
    /// No more keys can be remembered.
    Full,
}

impl<'c> Reading<'c> {
    /// Finds out what was read before.
    pub fn begin(
        config: &'c Config,
        session: Session,
        intake: &mut dyn Intake,
    ) -> Result<Self, Failure> {
        let mut reading = Self {
            config,
            session,
            sql: config.sql.clone(),
            position: Position::behind(None, true),
            marks: Marks::default(),
            looked_back: None,
            health: Health::default(),
        };
        reading.resume(intake)?;
        Ok(reading)
    }

    /// Sets the position to what was committed, or to where a first start begins.
    fn resume(&mut self, intake: &mut dyn Intake) -> Result<(), Failure> {
        let begin = match &self.config.start {
            StartKey::Behind(key) => vec![key.clone()],
            StartKey::Beginning | StartKey::Now => Vec::new(),
        };
        let (one, key_type) = self.key_type(begin.len(), intake)?;
        let whole_numbers = one && [Type::INT2, Type::INT4, Type::INT8].contains(&key_type);
        if key_type == Type::TIMESTAMPTZ {
            self.sql = self.sql.clone().until_now();
        }
        let known = intake.resume().into_iter().find(|(partition, _)| &*partition.0 == PARTITION);
        if let Some((_, offset)) = known {
            let position = Position::parse(&offset);
            self.position = position
                .filter(|position| position.is_of_whole_numbers() == whole_numbers)
                .ok_or_else(|| {
                    Failure::Unusable(format!(
                        "the stored offset is not one of {} with this key. Hint: name the source anew to read from `start`.",
                        self.config.what
                    ))
                })?;
            return Ok(());
        }
        let floor = match &self.config.start {
            StartKey::Beginning => None,
            StartKey::Behind(_) => Some(begin),
            StartKey::Now => self.highest(&[], intake)?,
        };
        self.position = Position::behind(floor, whole_numbers);
        if self.config.start == StartKey::Now {
            // The first start decides; a restart before the first row must not decide again.
            self.hand_over(Vec::new(), 0, intake)?;
        }
        Ok(())
    }

    /// Returns whether the key is one column, and its type.
    fn key_type(&self, values: usize, intake: &dyn Intake) -> Result<(bool, Type), Failure> {
        let key_type = self.session.first_type(&self.sql.key_type(values), &|| intake.stopped())?;
        Ok((self.sql.key_columns() == 1, key_type))
    }

    /// Reads what is there, as far as the budget reaches.
    pub fn poll(&mut self, intake: &mut dyn Intake) -> Result<(), Failure> {
        let now = intake.now();
        let mut budget = Budget::begin(&self.config.poll_budget, now);
        self.session
            .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &|| intake.stopped())?;
        let oldest_running = self.number(OLDEST, intake)?;
        let floor = self.position.floor.clone().unwrap_or_default();
        let highest = self.highest(&floor, intake)?;
        let settled = self.marks.settled(oldest_running, now, self.config.overlap);
        let mut pass = self.next_pass(settled, now);
        let end = self.pages(&mut pass, &mut budget, intake)?;
        if end == End::Complete {
            intake.catching_up(false);
        }
        self.session.execute("COMMIT", &|| intake.stopped())?;
        if pass.looks_back {
            self.looked_back = Some(now);
            if end == End::Complete {
                self.position.keep_only(&pass.met);
            }
        }
        if let Some(highest) = highest {
            // In this order: see `marks`.
            let running = self.session.query(RUNNING, &[], &|| intake.stopped())?;
            let running =
                running.iter().map(|row| row.try_get(0)).collect::<Result<Vec<_>, _>>()?;
            let ended = self.number(ENDED, intake)?;
            self.marks.add(now, above_all(running, ended), highest);
        }
        let crowded = (end == End::Full).then(|| self.crowded());
        self.health.report(intake, crowded);
        Ok(())
    }

    fn next_pass(&self, settled: Option<Key>, now: EventTime) -> Pass {
        let half = i64::try_from(self.config.overlap.as_nanos() / 2).unwrap_or(i64::MAX);
        let due = self.looked_back.is_none_or(|at| now.0.saturating_sub(at.0) >= half);
        let looks_back = due || self.position.is_full() || self.position.high.is_none();
        let at = if looks_back { &self.position.floor } else { &self.position.high };
        Pass {
            looks_back,
            at: at.clone(),
            settled,
            met: BTreeSet::new(),
            lines: Vec::new(),
            cut: 0,
        }
    }

    fn number(&self, sql: &str, intake: &dyn Intake) -> Result<i64, Failure> {
        let rows = self.session.query(sql, &[], &|| intake.stopped())?;
        Ok(rows.first().ok_or_else(strange)?.try_get(0)?)
    }

    /// Returns the highest key behind another one.
    fn highest(&self, behind: &[String], intake: &dyn Intake) -> Result<Option<Key>, Failure> {
        let values: Vec<&str> = behind.iter().map(String::as_str).collect();
        let sql = self.sql.highest(values.len());
        let rows = self.session.query(&sql, &values, &|| intake.stopped())?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
    }

    fn pages(
        &mut self,
        pass: &mut Pass,
        budget: &mut Budget,
        intake: &mut dyn Intake,
    ) -> Result<End, Failure> {
        loop {
            if !budget.spend(intake.now()) {
                return Ok(End::Budget);
            }
            let rows = self.page(pass, intake)?;
            let found: i64 = rows.first().map_or(Ok(0), |row| row.try_get(4))?;
            let mut end = None;
            for row in &rows {
                if !self.row(row, pass)? {
                    end = Some(End::Full);
                    break;
                }
                if pass.lines.len() >= DELIVERY_BYTES_AIM {
                    self.hand_over_lines(pass, intake)?;
                }
            }
            self.hand_over_lines(pass, intake)?;
            if let Some(end) = end {
                return Ok(end);
            }
            let all = rows.len() as i64 == found;
            if all && found < i64::from(self.sql.page_rows()) {
                return Ok(End::Complete);
            }
        }
    }

    fn page(&self, pass: &Pass, intake: &dyn Intake) -> Result<Vec<Row>, Failure> {
        let none = Vec::new();
        let high = self.position.high.as_ref().filter(|_| pass.looks_back);
        let [behind, settled, high] =
            [pass.at.as_ref(), pass.settled.as_ref(), high].map(|key| key.unwrap_or(&none));
        let given = Given { behind: behind.len(), settled: settled.len(), high: high.len() };
        let values: Vec<&str> =
            behind.iter().chain(settled).chain(high).map(String::as_str).collect();
        self.session.query(&self.sql.page(given), &values, &|| intake.stopped())
    }

    /// Takes a row if it is new; returns false if it would have to be remembered and cannot be.
    fn row(&mut self, row: &Row, pass: &mut Pass) -> Result<bool, Failure> {
        let key: Key = row.try_get(0)?;
        let line: String = row.try_get(1)?;
        let (settled, beyond): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
        let new = !self.position.is_taken(&key);
        let settles = settled && pass.looks_back;
        if new && !settles && self.position.is_full() {
            return Ok(false);
        }
        if settles {
            self.position.settle(&key);
        } else {
            pass.met.insert(hash(&key));
            self.position.take(&key);
        }
        if beyond {
            self.position.high = Some(key.clone());
        }
        if new {
            pass.cut += u64::from(append_row(&line, self.config.max_line_bytes, &mut pass.lines));
        }
        pass.at = Some(key);
        Ok(true)
    }

    fn hand_over_lines(&self, pass: &mut Pass, intake: &mut dyn Intake) -> Result<(), Failure> {
        if pass.lines.is_empty() {
            return Ok(());
        }
        self.hand_over(std::mem::take(&mut pass.lines), std::mem::take(&mut pass.cut), intake)
    }

    fn hand_over(
        &self,
        bytes: Vec<u8>,
        lines_cut: u64,
        intake: &mut dyn Intake,
    ) -> Result<(), Failure> {
        let end: Offset = self.position.to_offset();
        let delivery = Delivery {
            partition: PartitionId(PARTITION.into()),
            bytes,
            end: Some(end),
            received: None,
            lines_cut,
            lost_bytes: 0,
            lag_bytes: 0,
        };
        intake.send(delivery).map_err(|_stopped| Failure::Stopped)
    }

    fn crowded(&self) -> String {
        let overlap: Duration = self.config.overlap;
        format!(
            "{} brings more than {TAKEN_MAX} rows in {} s or a transaction runs for long: reading waits until they are settled. Hint: use a key of whole numbers, or make `overlap` shorter.",
            self.config.what,
            overlap.as_secs()
        )
    }
}

/// Appends the line of a row and returns whether it was cut.
fn append_row(line: &str, max: usize, out: &mut Vec<u8>) -> bool {
    let cut = line.len() > max;
    if cut {
        append_line(out, &shortened(line, "message", max));
    } else {
        append_line(out, line);
    }
    cut
}

fn strange() -> Failure {
    Failure::Unusable("the server answered without a row".to_owned())
}
