//! Reading: one life of the source, poll by poll.
//!
//! ```text
//! poll: point in time ─► newest document ─► pages ─► lines ─► Intake, each with the Offset behind it
//! ```
//! A *look back* begins behind what is settled, any other pass at the highest key read. A look back is
//! due once in half an overlap: it finds what became visible late, then settles all that lies more
//! than the overlap behind the newest document that it saw when it began. That is exact: a document
//! that is promised (visible while less than the overlap behind the newest one) is later than what
//! is settled at that moment, so the next look back meets it.
//!
//! Nothing later than now is asked for, so a clock that runs ahead cannot drag the window with it.
//!
//! *State and limits:* one page of at most [`super::client::ANSWER_BYTES_MAX`]; a larger one is asked
//! for in halves, and a single document beyond it is delivered without what it holds.

use super::client::{ANSWER_BYTES_MAX, Call, Client, segment};
use super::config::{Config, PAGE_MAX};
use super::document::append_document;
use super::failure::Failure;
use super::position::{AT_MAX, Admission, DocumentHash, Key, Position, SEEN_MAX};
use super::search::{Answer, Ask, Begin, behind, key_of, newest_body, page_body};
use super::snapshot::{self, Product};
use crate::poll::{Budget, Health, Start};
use engine::component::{Delivery, Intake};
use engine::model::{EventTime, Offset, PartitionId};
use serde_json::Value as Json;

/// The one partition of the source.
pub const PARTITION: &str = "documents";
/// Lines are handed over when they are this long together: an Offset may be long too.
const DELIVERY_BYTES_AIM: usize = 4 * Delivery::BYTES_AIM;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// One life of the source.
pub struct Reading<'c> {
    config: &'c Config,
    client: Client,
    product: Product,
    snapshots: bool,
    position: Position,
    /// How many documents the next page asks for; smaller after an answer that was too large.
    page: u32,
    /// A look back that ran out of budget.
    unfinished: Option<Pass>,
    looked_back: Option<EventTime>,
    health: Health,
}

/// One way through the documents.
#[derive(Clone, Debug)]
struct Pass {
    from: Begin,
    /// What the end of a look back settles; nothing else settles anything.
    settles: Option<i64>,
    until: i64,
    snapshot: Option<String>,
    /// The sort values of the last page.
    behind: Option<Vec<Json>>,
}

/// How a pass goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Page,
    Done,
}

impl<'c> Reading<'c> {
    /// Connects, and finds out what was read before.
    pub fn begin(
        config: &'c Config,
        mut client: Client,
        intake: &mut dyn Intake,
    ) -> Result<Self, Failure> {
        let (product, _) = snapshot::product(&mut client, &|| intake.stopped())?;
        let mut reading = Self {
            config,
            client,
            product,
            snapshots: true,
            position: Position::behind(i64::MIN),
            page: config.page,
            unfinished: None,
            looked_back: None,
            health: Health::default(),
        };
        reading.resume(intake)?;
        Ok(reading)
    }

    /// Sets the position to what was committed, or to where a first start begins.
    fn resume(&mut self, intake: &mut dyn Intake) -> Result<(), Failure> {
        let known = intake.resume().into_iter().find(|(partition, _)| &*partition.0 == PARTITION);
        if let Some((_, offset)) = known {
            self.position = Position::parse(&offset).ok_or_else(|| {
                Failure::Strange("the stored offset is not one of this source".to_owned())
            })?;
            return Ok(());
        }
        let instant = match self.config.start {
            Start::Beginning => return Ok(()),
            Start::Now => intake.now(),
            Start::At(instant) => EventTime(instant.0.saturating_sub(1)),
        };
        self.position = Position::behind(instant.0.div_euclid(NANOS_PER_MILLI));
        // The first start decides; a restart before the first document must not decide again.
        intake
            .send(delivery(Vec::new(), 0, self.position.to_offset()))
            .map_err(|_| Failure::Stopped)
    }

    /// Reads what is there, as far as the budget reaches.
    pub fn poll(&mut self, intake: &mut dyn Intake) -> Result<(), Failure> {
        let mut budget = Budget::begin(&self.config.poll_budget, intake.now());
        let Some(mut pass) = self.next_pass(intake, &mut budget)? else {
            self.health.report(intake, None);
            intake.catching_up(false);
            return Ok(());
        };
        let outcome = self.pages(&mut pass, intake, &mut budget);
        if let (Some(id), Ok(_)) = (&pass.snapshot, &outcome) {
            snapshot::close(self.product, id, &mut self.client, &|| intake.stopped());
        }
        match outcome? {
            Next::Done => {
                intake.catching_up(false);
                if let Some(instant) = pass.settles {
                    self.position.settle(instant);
                    self.looked_back = Some(intake.now());
                }
            }
            Next::Page if pass.settles.is_some() => {
                // Its snapshot is closed; documents are found again by their keys.
                pass.from = reached(&pass);
                self.unfinished = Some(pass);
            }
            Next::Page => {}
        }
        let sentence = self.position.take_shrunk().then(|| self.crowded());
        self.health.report(intake, sentence);
        Ok(())
    }

    /// Returns the pass that this poll makes; nothing if there are no documents.
    fn next_pass(
        &mut self,
        intake: &mut dyn Intake,
        budget: &mut Budget,
    ) -> Result<Option<Pass>, Failure> {
        let until = intake.now().0.div_euclid(NANOS_PER_MILLI);
        let mut snapshot = self.snapshot(intake, budget)?;
        let unfinished = self.unfinished.take();
        if let Some(Pass { from: Begin::At(key), settles: Some(bound), .. }) = &unfinished
            && key.0 > *bound
        {
            // What it settles was decided when it began: this instant is behind that already.
            let (from, settles) = (Begin::At(key.clone()), Some(*bound));
            return Ok(Some(Pass { from, settles, until, snapshot, behind: None }));
        }
        let now = intake.now();
        let due = self.looked_back.is_none_or(|at| {
            now.0.saturating_sub(at.0) / NANOS_PER_MILLI >= self.config.overlap_ms / 2
        });
        let due = due || unfinished.is_some();
        let after = self.position.after().filter(|_| !due).cloned();
        if let Some(after) = after {
            let from = Begin::At(after);
            return Ok(Some(Pass { from, settles: None, until, snapshot, behind: None }));
        }
        let newest = self.newest(until, &mut snapshot, intake, budget)?;
        let Some(newest) = newest else {
            if let Some(id) = &snapshot {
                snapshot::close(self.product, id, &mut self.client, &|| intake.stopped());
            }
            return Ok(None);
        };
        let settles = Some(newest.saturating_sub(self.config.overlap_ms));
        let settled = Begin::Behind(self.position.settled());
        let from = unfinished.map_or(settled, |pass| pass.from);
        Ok(Some(Pass { from, settles, until, snapshot, behind: None }))
    }

    fn snapshot(
        &mut self,
        intake: &mut dyn Intake,
        budget: &mut Budget,
    ) -> Result<Option<String>, Failure> {
        if !self.snapshots || !budget.spend(intake.now()) {
            return Ok(None);
        }
        let stopped = || intake.stopped();
        let id = snapshot::open(self.product, self.config, &mut self.client, &stopped)?;
        self.snapshots = id.is_some();
        Ok(id)
    }

    /// Returns the time of the newest document that is not later than `until`.
    fn newest(
        &mut self,
        until: i64,
        snapshot: &mut Option<String>,
        intake: &mut dyn Intake,
        budget: &mut Budget,
    ) -> Result<Option<i64>, Failure> {
        budget.spend(intake.now());
        let body = newest_body(self.config, until, snapshot.as_deref(), false);
        let call = self.search(body, snapshot.is_some());
        let bytes = match self.client.call(&call, &|| intake.stopped()) {
            Err(failure) if failure.is_expired() && snapshot.is_some() => {
                *snapshot = None;
                return self.newest(until, snapshot, intake, budget);
            }
            answer => answer?,
        };
        let answer = Answer::read(&bytes)?;
        renew(snapshot, &answer);
        answer.hits().first().map(|hit| Ok(hit.key()?.0)).transpose()
    }

    fn search(&self, body: String, snapshot: bool) -> Call {
        let path =
            if snapshot { String::new() } else { format!("/{}", segment(&self.config.index)) };
        Call::post(format!("{path}/_search?allow_partial_search_results=false"), body)
    }

    /// Reads page after page; `Next::Page` says that the budget ended before the pages did.
    fn pages(
        &mut self,
        pass: &mut Pass,
        intake: &mut dyn Intake,
        budget: &mut Budget,
    ) -> Result<Next, Failure> {
        loop {
            if !budget.spend(intake.now()) {
                return Ok(Next::Page);
            }
            let bytes = match self.ask(pass, true, intake) {
                Err(Failure::TooLarge) if self.page > 1 => {
                    self.page /= 2;
                    continue;
                }
                Err(Failure::TooLarge) => {
                    budget.spend(intake.now());
                    self.ask(pass, false, intake)?
                }
                Err(failure) if failure.is_expired() => {
                    pass.from = reached(pass);
                    pass.behind = None;
                    pass.snapshot = self.snapshot(intake, budget)?;
                    continue;
                }
                answer => answer?,
            };
            if self.page_read(&bytes, pass, intake)? == Next::Done {
                return Ok(Next::Done);
            }
            if self.page < self.config.page && bytes.len() < ANSWER_BYTES_MAX / 4 {
                self.page = self.page.saturating_mul(2).min(self.config.page);
            }
        }
    }

    fn ask(
        &mut self,
        pass: &Pass,
        source: bool,
        intake: &mut dyn Intake,
    ) -> Result<Vec<u8>, Failure> {
        let ask = Ask {
            from: &pass.from,
            until: pass.until,
            size: self.page,
            behind: pass.behind.as_deref(),
            snapshot: pass.snapshot.as_deref(),
            source,
        };
        let call = self.search(page_body(self.config, &ask), pass.snapshot.is_some());
        self.client.call(&call, &|| intake.stopped())
    }

    /// Delivers the new documents of a page and moves the pass behind it.
    fn page_read(
        &mut self,
        bytes: &[u8],
        pass: &mut Pass,
        intake: &mut dyn Intake,
    ) -> Result<Next, Failure> {
        let answer = Answer::read(bytes)?;
        let mut lines = Vec::new();
        let mut cut = 0;
        for hit in answer.hits() {
            let key = hit.key()?;
            match self.position.admit(&key, DocumentHash::of(&hit.index, &hit.id)) {
                Admission::Known => continue,
                Admission::Unordered => return Err(self.unordered(&key)),
                Admission::New => {
                    cut += u64::from(append_document(self.config, hit, &key, &mut lines));
                }
            }
            if lines.len() >= DELIVERY_BYTES_AIM {
                self.hand_over(&mut lines, &mut cut, intake)?;
            }
        }
        let last = answer.hits().last();
        let full = answer.hits().len() >= self.page as usize;
        if let (Some(bound), Some(last)) = (pass.settles, last) {
            // What lies before this page's last instant is read completely.
            self.position.settle(bound.min(last.key()?.0.saturating_sub(1)));
        }
        self.hand_over(&mut lines, &mut cut, intake)?;
        renew(&mut pass.snapshot, &answer);
        let Some(last) = last.filter(|_| full) else { return Ok(Next::Done) };
        let behind = behind(&last.sort);
        if pass.behind.as_ref() == Some(&behind) {
            // A page full of documents with one key: only a larger page gets past them.
            if self.page >= PAGE_MAX {
                return Err(self.unordered(&last.key()?));
            }
            self.page = self.page.saturating_mul(2).min(PAGE_MAX);
        }
        pass.behind = Some(behind);
        Ok(Next::Page)
    }

    fn hand_over(
        &mut self,
        lines: &mut Vec<u8>,
        cut: &mut u64,
        intake: &mut dyn Intake,
    ) -> Result<(), Failure> {
        if lines.is_empty() {
            return Ok(());
        }
        let delivery =
            delivery(std::mem::take(lines), std::mem::take(cut), self.position.to_offset());
        intake.send(delivery).map_err(|_stopped| Failure::Stopped)
    }

    fn unordered(&self, key: &Key) -> Failure {
        let (time, field) =
            (EventTime(key.0.saturating_mul(NANOS_PER_MILLI)), &self.config.id_field);
        Failure::Strange(format!(
            "more than {AT_MAX} documents of {time} have the same `{field}`. Hint: name a field with a value of its own for every document in the option `id_field`"
        ))
    }

    fn crowded(&self) -> String {
        let instant = EventTime(self.position.settled().saturating_mul(NANOS_PER_MILLI));
        format!(
            "more than {SEEN_MAX} documents lie within the overlap: those that become visible now and are older than {instant} are missed. Hint: make `overlap` shorter."
        )
    }
}

/// Goes on with the name that the cluster gave the snapshot last.
fn renew(snapshot: &mut Option<String>, answer: &Answer<'_>) {
    if let (Some(name), Some(newer)) = (snapshot, &answer.pit_id) {
        *name = newer.to_string();
    }
}

/// Returns where a pass goes on without its snapshot.
fn reached(pass: &Pass) -> Begin {
    let key = pass.behind.as_deref().and_then(key_of);
    key.map_or_else(|| pass.from.clone(), Begin::At)
}

fn delivery(bytes: Vec<u8>, lines_cut: u64, end: Offset) -> Delivery {
    Delivery {
        partition: PartitionId(PARTITION.into()),
        bytes,
        end: Some(end),
        received: None,
        lines_cut,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}
