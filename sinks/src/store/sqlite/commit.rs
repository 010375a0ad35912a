//! The commit, step by step, and the checkpoint row that fences it.

use super::Failure;
use super::write::{Memory, Writer};
use super::{derived, outbox, triage};
use crate::store::rows::fenced;
use crate::store::sql::codec;
use crate::store::sql::recover::stored;
use crate::store::steps::{CommitStep, CrashPoints};
use engine::component::{Commit, Incarnation, NodeIdentity};
use engine::model::Epoch;
use rusqlite::{Transaction, TransactionBehavior, params};

impl Writer {
    /// Writes one transaction, telling `crash_points` about each step.
    pub(super) fn commit(
        &mut self,
        commit: &Commit,
        crash_points: &dyn CrashPoints,
    ) -> Result<(), Failure> {
        let Writer { connection, memory } = self;
        crash_points.reach(CommitStep::BeforeBegin)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        crash_points.reach(CommitStep::AfterBegin)?;
        let (epoch, incarnation) = stored(&*transaction)?;
        if (epoch, incarnation) != (commit.predecessor, Some(commit.incarnation)) {
            return Err(fenced(commit, epoch, incarnation).into());
        }
        crash_points.reach(CommitStep::AfterFence)?;
        write_contents(&transaction, memory, commit, crash_points)?;
        memory.seals.save(&transaction)?;
        let epoch = codec::count(commit.epoch.0);
        transaction.execute("UPDATE checkpoint SET epoch = ?1", [epoch])?;
        crash_points.reach(CommitStep::AfterEpoch)?;
        transaction.commit()?;
        crash_points.reach(CommitStep::AfterCommit)?;
        Ok(())
    }

    /// Makes `incarnation` the only one that may commit.
    pub(super) fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), Failure> {
        let identity = serde_json::to_string(identity)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        self.connection.execute(
            "UPDATE checkpoint SET incarnation = ?1, identity = ?2",
            params![incarnation.0.cast_signed(), identity],
        )?;
        Ok(())
    }

    /// Returns what is really stored.
    pub(super) fn committed(&self) -> Result<(Option<Epoch>, Option<Incarnation>), Failure> {
        stored(&self.connection)
    }
}

fn write_contents(
    transaction: &Transaction<'_>,
    memory: &mut Memory,
    commit: &Commit,
    crash_points: &dyn CrashPoints,
) -> Result<(), Failure> {
    use CommitStep as Step;
    let contents = &commit.contents;
    memory.name_sources(transaction, &commit.source_ids)?;
    crash_points.reach(Step::AfterSources)?;
    memory.see(transaction, &contents.sightings)?;
    crash_points.reach(Step::AfterSightings)?;
    memory.keep_samples(transaction, &contents.sightings)?;
    crash_points.reach(Step::AfterSamples)?;
    memory.count(transaction, &contents.counts)?;
    crash_points.reach(Step::AfterCounts)?;
    memory.account(transaction, &contents.accounts)?;
    crash_points.reach(Step::AfterAccounts)?;
    memory.keep_rejected(transaction, &contents.rejected)?;
    crash_points.reach(Step::AfterRejected)?;
    memory.progress(transaction, &contents.progress)?;
    crash_points.reach(Step::AfterProgress)?;
    super::write::state(transaction, &mut memory.seals, &contents.state)?;
    crash_points.reach(Step::AfterState)?;
    derived::vectors(transaction, &contents.vectors)?;
    crash_points.reach(Step::AfterVectors)?;
    derived::issues(transaction, &contents.issues)?;
    crash_points.reach(Step::AfterIssues)?;
    memory.members(transaction, &contents.members)?;
    crash_points.reach(Step::AfterMembers)?;
    derived::parts(transaction, &contents.parts)?;
    crash_points.reach(Step::AfterParts)?;
    derived::tags(transaction, &contents.tags)?;
    crash_points.reach(Step::AfterTags)?;
    derived::alerts(transaction, &contents.alerts)?;
    crash_points.reach(Step::AfterAlerts)?;
    triage::standings(transaction, &mut memory.seals, &contents.standings)?;
    crash_points.reach(Step::AfterStandings)?;
    triage::activity(transaction, &mut memory.seals, &contents.activity)?;
    crash_points.reach(Step::AfterActivity)?;
    outbox::rows(transaction, &mut memory.seals, &contents.outbox)?;
    crash_points.reach(Step::AfterOutbox)?;
    Ok(())
}
