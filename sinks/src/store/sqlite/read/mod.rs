//! The dashboard's questions, in SQL. Each is one read transaction.
//!
//! Lists and timelines stream narrow rows out of the tables and add them up by row number, which
//! measured faster than grouping in SQL; hours answer whatever lies in whole hours.

mod evidence;
mod export;
mod issues;
mod overview;
mod ranges;

use super::readers::Readers;
use engine::component::{
    AlertRow, Audit, ClassCounts, CountRow, IssueDetail, IssuePage, IssueQuery, KeptSamples,
    ReadStore, RejectedRow, SamplesOf, StoreError, TimelineQuery,
};
use engine::model::{EventTime, IssueId, Part, TextId, VectorRow};

impl ReadStore for Readers {
    fn issues(&self, query: &IssueQuery) -> Result<IssuePage, StoreError> {
        self.ask("listing issues", |transaction| issues::list(transaction, query))
    }

    fn issue(&self, id: IssueId, query: &IssueQuery) -> Result<Option<IssueDetail>, StoreError> {
        self.ask("reading an issue", |transaction| issues::detail(transaction, id, query))
    }

    fn samples(&self, of: SamplesOf, limit: usize) -> Result<Option<KeptSamples>, StoreError> {
        self.ask("reading samples", |transaction| evidence::samples(transaction, of, limit))
    }

    fn timeline(&self, query: &TimelineQuery) -> Result<Vec<ClassCounts>, StoreError> {
        self.ask("reading a timeline", |transaction| overview::timeline(transaction, query))
    }

    fn alerts(&self, now: EventTime, limit: usize) -> Result<Vec<AlertRow>, StoreError> {
        self.ask("listing alerts", |transaction| overview::alerts(transaction, now, limit))
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.ask("reading the audit", overview::audit)
    }

    fn vectors(&self) -> Result<Vec<VectorRow>, StoreError> {
        self.ask("reading vectors", |transaction| super::vectors::all(transaction))
    }

    fn vectors_of(&self, texts: &[TextId]) -> Result<Vec<VectorRow>, StoreError> {
        self.ask("reading vectors", |transaction| super::vectors::of(transaction, texts))
    }

    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        self.ask("reading the parts of issues", |transaction| super::parts::all(transaction))
    }

    fn rejected(&self) -> Result<Vec<RejectedRow>, StoreError> {
        self.ask("reading rejected records", evidence::rejected)
    }

    fn export_counts(&self, each: &mut dyn FnMut(CountRow) -> bool) -> Result<(), StoreError> {
        self.ask("exporting counts", |transaction| export::counts(transaction, each))
    }
}
