//! Ledger: what the source's thread knows of requests, before and after their commit.
//!
//! ```text
//! job ──► deliveries ──► intake         tickets: sent, not yet durable ──► answers
//!           each with the Offset below   receipts: keyed requests of the last 24 h
//! ```
//! *Offsets.* Requests without a key share the partition `requests`, if each line of theirs is a record;
//! its Offset is the running number of deliveries. Others have a partition each, `text:…`, which is
//! let go once it is durable, so that lines of two requests are never one record. A request with a key
//! is a partition too, `key:…`: its Offset is the [`Receipt`], so that records and receipt are one
//! commit. A request that was cut short by a crash goes on behind the lines its receipt names when its
//! sender repeats it.
//!
//! *State and limits:* [`TICKETS_MAX`] requests that are not durable; [`RECEIPTS_MAX`] receipts, each
//! for [`RECEIPT_SECS`], the oldest let go first.

use super::job::{Job, KEY_PREFIX, Key, Outcome};
use super::records::{Records, Relation};
use engine::component::{Delivery, Intake, Stopped};
use engine::model::{Offset, PartitionId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::sync::oneshot;

/// Requests that were sent and are not durable.
pub const TICKETS_MAX: usize = 4_096;
/// Receipts that are kept.
pub const RECEIPTS_MAX: usize = 20_000;
/// How long a receipt is kept, in seconds.
pub const RECEIPT_SECS: i64 = 24 * 60 * 60;
/// Tickets looked at in one round.
const LOOKS_MAX: usize = 256;
/// Where requests go whose lines are records.
const REQUESTS: &str = "requests";
/// What the partitions of requests begin with whose lines may be joined.
const TEXT_PREFIX: &str = "text:";

/// What is kept of a keyed request: the Offset of its partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The digest of its body.
    pub body: String,
    /// Lines of it that were sent.
    pub lines: u64,
    /// Lines that it has.
    pub of: u64,
    /// When it was sent, in seconds.
    pub at: i64,
}

impl Receipt {
    fn offset(&self) -> Offset {
        Offset(serde_json::json!(self).to_string())
    }
}

/// Returns the Offset of the delivery with this number.
fn numbered(number: u64) -> Offset {
    Offset(format!("{{\"delivery\":{number}}}"))
}

/// Returns the number in such an Offset; 0 for any other.
fn number_of(offset: &Offset) -> u64 {
    #[derive(Deserialize)]
    struct Numbered {
        delivery: u64,
    }
    serde_json::from_str::<Numbered>(&offset.0).map_or(0, |numbered| numbered.delivery)
}

/// What must be durable before a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// The partition has got to this delivery.
    Number(u64),
    /// The partition has this Offset.
    Offset(Offset),
}

/// A request that was sent and is not known to be durable.
#[derive(Debug)]
struct Ticket {
    partition: PartitionId,
    reach: Reach,
    waiting: Vec<oneshot::Sender<Outcome>>,
}

/// See the header.
#[derive(Debug)]
pub struct Ledger {
    /// The last delivery of the partition `requests`.
    number: u64,
    /// Tells partitions of unkeyed requests apart.
    texts: i64,
    tickets: VecDeque<Ticket>,
    receipts: BTreeMap<PartitionId, Receipt>,
    by_age: BTreeSet<(i64, PartitionId)>,
    receipts_max: usize,
}

impl Ledger {
    /// Returns what an earlier life left, and lets go of what nobody waits for.
    pub fn resume(intake: &mut dyn Intake, receipts_max: usize) -> Result<Self, Stopped> {
        let mut ledger = Self {
            number: 0,
            texts: intake.now().0,
            tickets: VecDeque::new(),
            receipts: BTreeMap::new(),
            by_age: BTreeSet::new(),
            receipts_max,
        };
        // The first question of all: from now on the engine keeps what is durable.
        intake.committed(&PartitionId(REQUESTS.into()));
        for (partition, offset) in intake.resume() {
            if &*partition.0 == REQUESTS {
                ledger.number = number_of(&offset);
            } else if partition.0.starts_with(TEXT_PREFIX) {
                intake.send(delivery(&partition, Vec::new(), None))?;
            } else if partition.0.starts_with(KEY_PREFIX)
                && let Ok(receipt) = serde_json::from_str(&offset.0)
            {
                ledger.enter(partition, receipt);
            }
        }
        Ok(ledger)
    }

    /// Sends the records of a request, unless they were sent before.
    pub fn take(&mut self, job: Job, intake: &mut dyn Intake) -> Result<(), Stopped> {
        let Job { records, key, answer } = job;
        if self.tickets.len() >= TICKETS_MAX {
            answer_with(answer, Outcome::Busy);
            return Ok(());
        }
        let (partition, reach) = match (key, records.relation) {
            (Some(key), _) => match self.send_keyed(&key, records, intake)? {
                Some(end) => (key.partition, Reach::Offset(end)),
                None => {
                    answer_with(answer, Outcome::OtherBody);
                    return Ok(());
                }
            },
            (None, Relation::Whole) => {
                let partition = PartitionId(REQUESTS.into());
                send(intake, &partition, records, 0, |_| {
                    self.number += 1;
                    numbered(self.number)
                })?;
                (partition, Reach::Number(self.number))
            }
            (None, Relation::Joined) => {
                self.texts += 1;
                let partition = PartitionId(format!("{TEXT_PREFIX}{:x}", self.texts).into());
                let of = records.count();
                send(intake, &partition, records, 0, numbered)?;
                (partition, Reach::Offset(numbered(of)))
            }
        };
        self.wait(partition, reach, answer);
        Ok(())
    }

    /// Returns where the partition of a keyed request ends; `None` if the key came with another body.
    fn send_keyed(
        &mut self,
        key: &Key,
        records: Records,
        intake: &mut dyn Intake,
    ) -> Result<Option<Offset>, Stopped> {
        let known = self.receipts.get(&key.partition).cloned();
        if known.as_ref().is_some_and(|known| known.body != key.body) {
            return Ok(None);
        }
        let at = intake.now().0 / 1_000_000_000;
        let fresh = Receipt { body: key.body.clone(), lines: 0, of: records.count(), at };
        let mut receipt = known.unwrap_or(fresh);
        if receipt.lines < receipt.of {
            let skipped = receipt.lines;
            send(intake, &key.partition, records, skipped, |lines| {
                receipt.lines = lines;
                receipt.offset()
            })?;
            self.enter(key.partition.clone(), receipt.clone());
        }
        Ok(Some(receipt.offset()))
    }

    /// Adds whoever waits to those that wait for the same.
    fn wait(&mut self, partition: PartitionId, reach: Reach, answer: oneshot::Sender<Outcome>) {
        let same = |ticket: &&mut Ticket| ticket.partition == partition && ticket.reach == reach;
        let repeats = matches!(reach, Reach::Offset(_));
        if repeats && let Some(ticket) = self.tickets.iter_mut().find(same) {
            ticket.waiting.retain(|waiting| !waiting.is_closed());
            ticket.waiting.push(answer);
        } else {
            self.tickets.push_back(Ticket { partition, reach, waiting: vec![answer] });
        }
    }

    fn enter(&mut self, partition: PartitionId, receipt: Receipt) {
        self.by_age.insert((receipt.at, partition.clone()));
        self.receipts.insert(partition, receipt);
    }

    /// Answers what has become durable; returns whether something still waits.
    pub fn settle(&mut self, intake: &mut dyn Intake) -> Result<bool, Stopped> {
        let number = self.durable_number(intake);
        for _ in 0..self.tickets.len().min(LOOKS_MAX) {
            let Some(ticket) = self.tickets.pop_front() else { break };
            let durable = match &ticket.reach {
                Reach::Number(reached) => *reached <= number,
                Reach::Offset(offset) => {
                    intake.committed(&ticket.partition).as_ref() == Some(offset)
                }
            };
            if !durable {
                self.tickets.push_back(ticket);
                continue;
            }
            for waiting in ticket.waiting {
                answer_with(waiting, Outcome::Durable);
            }
            if ticket.partition.0.starts_with(TEXT_PREFIX) {
                intake.send(delivery(&ticket.partition, Vec::new(), None))?;
            }
        }
        Ok(!self.tickets.is_empty())
    }

    fn durable_number(&self, intake: &dyn Intake) -> u64 {
        match self.tickets.is_empty() {
            true => 0,
            false => intake.committed(&PartitionId(REQUESTS.into())).as_ref().map_or(0, number_of),
        }
    }

    /// Lets go of receipts that are too old or too many.
    pub fn forget(&mut self, intake: &mut dyn Intake) -> Result<(), Stopped> {
        let oldest_kept = intake.now().0 / 1_000_000_000 - RECEIPT_SECS;
        while let Some((at, _)) = self.by_age.first()
            && (*at < oldest_kept || self.by_age.len() > self.receipts_max)
        {
            let Some((_, partition)) = self.by_age.pop_first() else { break };
            self.receipts.remove(&partition);
            intake.send(delivery(&partition, Vec::new(), None))?;
        }
        Ok(())
    }
}

fn answer_with(answer: oneshot::Sender<Outcome>, outcome: Outcome) {
    // A sender that went away needs no answer.
    let _heard = answer.send(outcome);
}

/// Sends the lines behind the first `skipped`; `end` makes the Offset behind so many lines.
fn send(
    intake: &mut dyn Intake,
    partition: &PartitionId,
    records: Records,
    skipped: u64,
    mut end: impl FnMut(u64) -> Offset,
) -> Result<(), Stopped> {
    let pieces = records.pieces(skipped);
    let mut lines = skipped;
    for (position, (range, count)) in pieces.iter().enumerate() {
        lines += count;
        let bytes = records.lines()[range.clone()].to_vec();
        let last = position + 1 == pieces.len();
        // What was cut is told with the last piece, so that a crash before it tells it once.
        let lines_cut = if last { records.cut() } else { 0 };
        intake.send(Delivery { lines_cut, ..delivery(partition, bytes, Some(end(lines))) })?;
    }
    Ok(())
}

fn delivery(partition: &PartitionId, bytes: Vec<u8>, end: Option<Offset>) -> Delivery {
    let partition = partition.clone();
    Delivery { partition, bytes, end, received: None, lines_cut: 0, lost_bytes: 0, lag_bytes: 0 }
}

#[cfg(test)]
mod tests;
