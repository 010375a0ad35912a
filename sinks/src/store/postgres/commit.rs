//! The commit, step by step, and the checkpoint row that fences it.
//!
//! ```text
//! BEGIN, fence ─► row numbers of what is new ─► days of samples ─► all rows, one behind the other ─► COMMIT
//! ```
//! One round trip for each arrow; those in the middle only if there is something to ask.

use super::memory::Memory;
use super::pipeline::{Write, send};
use super::session::Session;
use super::snapshot::Changes;
use super::write::STATEMENTS;
use super::{derived, samples, triage, write};
use crate::store::retention::{Horizons, RetentionOptions};
use crate::store::rows::fenced;
use crate::store::sql::prune::{self, check_sums};
use crate::store::sql::recover::{counts, recover, stored};
use crate::store::sql::{Failure, codec};
use crate::store::steps::{CommitStep, CrashPoints};
use engine::component::{Commit, History, Incarnation, NodeIdentity, Recovered};
use engine::model::{Bucket, Epoch, Fingerprint};
use futures_util::future::join;
use tokio_postgres::types::ToSql;

/// Locks the row until the end of the transaction, and changes it only for its owner's next epoch.
const FENCE: &str = "UPDATE checkpoint SET epoch = $1 \
     WHERE epoch IS NOT DISTINCT FROM $2 AND incarnation = $3";
const CLAIM: &str = "UPDATE checkpoint SET incarnation = $1, identity = $2";

/// The steps whose answers are read one after the other.
const WRITTEN: &[CommitStep] = &[
    CommitStep::AfterSources,
    CommitStep::AfterSightings,
    CommitStep::AfterSamples,
    CommitStep::AfterCounts,
    CommitStep::AfterAccounts,
    CommitStep::AfterRejected,
    CommitStep::AfterProgress,
    CommitStep::AfterState,
    CommitStep::AfterVectors,
    CommitStep::AfterIssues,
    CommitStep::AfterMembers,
    CommitStep::AfterParts,
    CommitStep::AfterTags,
    CommitStep::AfterAlerts,
    CommitStep::AfterStandings,
    CommitStep::AfterActivity,
    CommitStep::AfterOutbox,
    CommitStep::AfterEpoch,
];

/// The writing session and what it remembers.
pub(super) struct Writer {
    pub(super) session: Session,
    memory: Memory,
}

impl Writer {
    /// Prepares a session that owns the store.
    pub(super) fn new(session: Session) -> Result<Writer, Failure> {
        session.calls.prepare_all(&session.client, &STATEMENTS.concat())?;
        Ok(Writer { session, memory: Memory::default() })
    }

    /// Loads the last commit.
    pub(super) fn recover(&mut self) -> Result<Recovered, Failure> {
        let reader = super::snapshot::Reader::begin(&mut self.session)?;
        reader.allow_long_answers()?;
        check_sums(&reader)?;
        let memory = &mut self.memory;
        let recovered = recover(&reader, |fingerprint, id| memory.remember(fingerprint, id))?;
        reader.end()?;
        Ok(recovered)
    }

    /// Returns the counts of a history.
    pub(super) fn counts(
        &mut self,
        history: History,
    ) -> Result<Vec<(Fingerprint, Bucket, i64)>, Failure> {
        let reader = super::snapshot::Reader::begin(&mut self.session)?;
        let found = counts(&reader, history)?;
        reader.end()?;
        Ok(found)
    }

    /// Returns what is really stored.
    pub(super) fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), Failure> {
        let reader = super::snapshot::Reader::begin(&mut self.session)?;
        let found = stored(&reader)?;
        reader.end()?;
        Ok(found)
    }

    /// Makes `incarnation` the only one that may commit.
    pub(super) fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), Failure> {
        let identity =
            serde_json::to_string(identity).map_err(|error| Failure::Database(error.into()))?;
        let identity = super::values::Text(identity);
        let Session { client, calls, .. } = &self.session;
        let owner = incarnation.0.cast_signed();
        calls.wait(client.execute(CLAIM, &[&owner, &identity]))?;
        Ok(())
    }

    /// Writes one transaction, telling `crash_points` about each step.
    pub(super) fn commit(
        &mut self,
        commit: &Commit,
        crash_points: &dyn CrashPoints,
    ) -> Result<(), Failure> {
        crash_points.reach(CommitStep::BeforeBegin)?;
        if !self.begin(commit)? {
            let client = &self.session.client;
            self.session.calls.wait(client.batch_execute("ROLLBACK"))?;
            let (epoch, incarnation) = self.committed()?;
            return Err(fenced(commit, epoch, incarnation).into());
        }
        crash_points.reach(CommitStep::AfterBegin)?;
        crash_points.reach(CommitStep::AfterFence)?;
        let Writer { session: Session { client, calls, .. }, memory } = self;
        memory.name_sources(client, calls, commit)?;
        memory.number_fingerprints(client, calls, &commit.contents)?;
        let horizons = memory.horizons(client, calls)?;
        let days = samples::changed_days(client, calls, memory, &commit.contents.sightings)?;
        let (writes, late) = writes(memory, commit, &days, horizons)?;
        send(client, calls, &writes, WRITTEN, crash_points)?;
        prune::forget_late(&Changes { client, calls }, late.0, late.1)?;
        calls.wait(client.batch_execute("COMMIT"))?;
        memory.forget_beyond_the_limit();
        crash_points.reach(CommitStep::AfterCommit).map_err(Failure::Store)
    }

    /// Forgets a piece of what is too old; returns whether there is more.
    pub(super) fn prune(&mut self, retention: &RetentionOptions) -> Result<bool, Failure> {
        let Writer { session: Session { client, calls, .. }, memory } = self;
        calls.wait(client.batch_execute("BEGIN"))?;
        let (horizons, has_more) = prune::prune(&Changes { client, calls }, retention)?;
        calls.wait(client.batch_execute("COMMIT"))?;
        memory.forget(horizons);
        Ok(has_more)
    }

    /// Begins a transaction; returns whether the commit is the next one of the owner.
    fn begin(&self, commit: &Commit) -> Result<bool, Failure> {
        let Session { client, calls, .. } = &self.session;
        let epoch = codec::count(commit.epoch.0);
        let predecessor = commit.predecessor.map(|Epoch(epoch)| codec::count(epoch));
        let owner = commit.incarnation.0.cast_signed();
        let fence = calls.prepared(client, FENCE)?;
        let parameters: [&(dyn ToSql + Sync); 3] = [&epoch, &predecessor, &owner];
        let both = join(
            client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
            client.execute(&fence, &parameters),
        );
        let (begun, changed) = calls.wait(async { Ok(both.await) })?;
        begun?;
        Ok(changed? == 1)
    }
}

/// Returns everything that a commit writes, in order, and how many events belong to minutes and to hours
/// that are forgotten.
fn writes<'a>(
    memory: &Memory,
    commit: &'a Commit,
    days: &'a [samples::Day],
    horizons: Horizons,
) -> Result<(Vec<Write<'a>>, (i64, i64)), Failure> {
    let contents = &commit.contents;
    let mut writes = Vec::new();
    write::sightings(&mut writes, memory, &contents.sightings);
    samples::write(&mut writes, days);
    let late = write::counts(&mut writes, memory, contents, horizons);
    write::accounts(&mut writes, memory, &contents.accounts);
    write::rejected(&mut writes, memory, &contents.rejected);
    write::progress(&mut writes, memory, &contents.progress);
    derived::state(&mut writes, &contents.state);
    derived::vectors(&mut writes, &contents.vectors);
    derived::issues(&mut writes, &contents.issues);
    derived::members(&mut writes, memory, &contents.members);
    derived::parts(&mut writes, &contents.parts);
    derived::tags(&mut writes, &contents.tags);
    derived::alerts(&mut writes, &contents.alerts)?;
    triage::standings(&mut writes, &contents.standings);
    triage::activity(&mut writes, &contents.activity)?;
    derived::outbox(&mut writes, &contents.outbox)?;
    Ok((writes, late))
}
