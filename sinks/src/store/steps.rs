//! The steps of a commit, by name, so that tests can die at each of them.

use engine::component::StoreError;

/// Writes the enum, the list of all and their names from one list.
macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident = $name:literal,)*) => {
        /// A point on the way of a commit at which a process may die.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CommitStep {
            $($(#[$doc])* $step,)*
        }

        impl CommitStep {
            /// Every step, in order.
            pub const ALL: &[CommitStep] = &[$(CommitStep::$step,)*];

            /// Returns the name of the step.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(CommitStep::$step => $name,)*
                }
            }
        }
    };
}

steps! {
    /// Nothing was done.
    BeforeBegin = "before begin",
    /// The transaction has begun.
    AfterBegin = "after begin",
    /// Predecessor and incarnation were checked.
    AfterFence = "after fence",
    /// The names of the graph's sources are written.
    AfterSources = "after sources",
    /// Sightings are merged.
    AfterSightings = "after sightings",
    /// Samples are merged.
    AfterSamples = "after samples",
    /// Counts are added.
    AfterCounts = "after counts",
    /// Accounts are added.
    AfterAccounts = "after accounts",
    /// Rejected examples are merged.
    AfterRejected = "after rejected",
    /// Partitions are moved on.
    AfterProgress = "after progress",
    /// The state of operators is written.
    AfterState = "after state",
    /// Vectors are written.
    AfterVectors = "after vectors",
    /// Issues are written.
    AfterIssues = "after issues",
    /// Members are written.
    AfterMembers = "after members",
    /// Parts of issues are written.
    AfterParts = "after parts",
    /// Tags of issues are written.
    AfterTags = "after tags",
    /// Alerts are written.
    AfterAlerts = "after alerts",
    /// How issues stand is written.
    AfterStandings = "after standings",
    /// What happened to issues is written.
    AfterActivity = "after activity",
    /// The outbox is written.
    AfterOutbox = "after outbox",
    /// The epoch is written.
    AfterEpoch = "after epoch",
    /// The transaction is committed; only the answer can still be lost.
    AfterCommit = "after commit",
}

/// Told about every step; an error ends the commit there, as a crash would.
pub trait CrashPoints: Send {
    /// Called when a commit has reached `step`.
    fn reach(&self, step: CommitStep) -> Result<(), StoreError>;
}

/// Lets every commit through.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCrash;

impl CrashPoints for NoCrash {
    fn reach(&self, _: CommitStep) -> Result<(), StoreError> {
        Ok(())
    }
}
