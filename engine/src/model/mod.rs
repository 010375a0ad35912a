//! The vocabulary, one word per thing (see `docs/glossary.md`). Nothing here does I/O.

mod account;
mod alert;
mod batch;
mod bucket;
mod constraint;
mod control;
mod embedding;
mod event;
mod fact;
mod fingerprint;
mod issue;
mod notice;
mod part;
mod pattern;
mod tag;
mod time;
mod triage;
mod vector_row;

pub use account::{Account, Counter, RejectReason, Rejected};
pub use alert::{
    Alert, AlertDetails, AlertKey, AlertKind, AlertLevel, AlertState, BaselinePoint, Deploy,
    Explanation, News, Signal, Verdict,
};
pub use batch::{
    Chunk, EventBatch, EventRef, Extra, ExtraIndex, PartitionId, Print, PrintBatch, SourceIndex,
    Span,
};
pub use bucket::{Bucket, BucketSize};
pub use constraint::{Conflict, ConflictReason, Constraint};
pub use control::{Command, Control, Silence};
pub use embedding::{EMBEDDING_DIMENSIONS, Embedding, KernelClass, Similarity, Vector};
pub use event::{Severity, SeverityClass};
pub use fact::{Fact, Progress, StateKey, StateRow};
pub use fingerprint::{
    FINGERPRINT_VERSION, Fingerprint, FirstSeen, ParseIdError, Sample, Sighting, Template,
};
pub use issue::{Candidate, Issue, IssueId, Member, Patterned, Placed};
pub use notice::{Notice, NoticeId, OutboxRow, OutboxStanding, OutboxState, Transition};
pub use part::Part;
pub use pattern::{Pattern, PatternId};
pub use tag::{Tag, TagReason, Tagged};
pub use time::{Epoch, EventTime, Offset};
pub use triage::{Activity, Decision, Deed, Grouping, Happened, Standing, TriageState};
pub use vector_row::{TextId, VectorRow};
