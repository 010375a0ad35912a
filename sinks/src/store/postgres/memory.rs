//! What the writer need not ask again: the row numbers of sources and fingerprints.
//!
//! It is dropped with the session after any error, since a transaction that was rolled back may have
//! taught it rows that are gone. *Limits:* [`IDS_MAX`] row numbers and full days outlive a commit.

use super::session::Calls;
use super::snapshot::Changes;
use super::values::{Id, Text};
use crate::store::retention::Horizons;
use crate::store::rows::{FastMap, GONE_RANK, NEVER_FIRST, NEVER_LAST, source_id, source_rank};
use crate::store::sql::{Failure, Row, codec, prune};
use engine::component::{Commit, Contents};
use engine::model::{Fingerprint, SourceIndex};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

/// The most row numbers, and the most full days, that are remembered from one commit to the next.
pub(super) const IDS_MAX: usize = 250_000;

/// Every source loses its place in the graph.
const RESET_RANKS: &str = "UPDATE sources SET rank = $1 WHERE rank <> $1";
/// Sources get a row number, dense, and their rank.
const NAME_SOURCES: &str = "\
    WITH wanted AS (SELECT * FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS w (name, rank, place)), \
    known AS (UPDATE sources s SET rank = w.rank FROM wanted w WHERE s.name = w.name RETURNING s.name) \
    INSERT INTO sources (id, name, rank) \
    SELECT (SELECT coalesce(max(id), 0) FROM sources) + row_number() OVER (ORDER BY w.place), \
           w.name, w.rank FROM wanted w WHERE w.name NOT IN (SELECT name FROM known)";
const ALL_SOURCES: &str = "SELECT id, name FROM sources";
/// Fingerprints get a row about which nothing is known yet, numbered densely, unless they have one.
const NUMBER_FINGERPRINTS: &str = "\
    WITH wanted AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY AS w (fingerprint, place)), \
    known AS (SELECT f.id, w.fingerprint FROM wanted w JOIN fingerprints f USING (fingerprint)), \
    fresh AS (INSERT INTO fingerprints (id, fingerprint, template, class, severity, first_time, \
            first_hash, source_id, service, text) \
        SELECT (SELECT coalesce(max(id), 0) FROM fingerprints) + row_number() OVER (ORDER BY w.place), \
            w.fingerprint, $2, 0, 0, $3, $4, 0, '', '' FROM wanted w \
        WHERE w.fingerprint NOT IN (SELECT fingerprint FROM known) RETURNING id, fingerprint), \
    counted AS (INSERT INTO totals (fingerprint_id, total, last_seen) SELECT id, 0, $5 FROM fresh) \
    SELECT id, fingerprint FROM known UNION ALL SELECT id, fingerprint FROM fresh";

/// What is asked for at once.
const WANTED_MAX: usize = 20_000;

/// The statements, to prepare them together.
pub(super) const STATEMENTS: [&str; 4] =
    [RESET_RANKS, NAME_SOURCES, ALL_SOURCES, NUMBER_FINGERPRINTS];

/// What the writer need not ask again.
#[derive(Default)]
pub(super) struct Memory {
    source_ids: Option<Arc<[String]>>,
    /// Row numbers of sources by name, and names by row number.
    sources: FastMap<String, i64>,
    names: FastMap<i64, String>,
    fingerprints: FastMap<Fingerprint, i64>,
    /// Per key of a fingerprint's day that is full: its largest kept hash.
    pub(super) full_days: FastMap<i64, u64>,
    /// Below what rows are forgotten.
    horizons: Option<Horizons>,
}

impl Memory {
    /// Gives every source of the graph, and every other one that rows name, a row number and a rank.
    pub(super) fn name_sources(
        &mut self,
        client: &Client,
        calls: &Calls,
        commit: &Commit,
    ) -> Result<(), Failure> {
        let source_ids = &commit.source_ids;
        let mut wanted: Vec<(String, i64)> = Vec::new();
        if self.source_ids.as_ref() != Some(source_ids) {
            let reset = calls.prepared(client, RESET_RANKS)?;
            calls.wait(client.execute(&reset, &[&GONE_RANK]))?;
            let named = source_ids.iter().map(|id| (id.clone(), source_rank(source_ids, id)));
            wanted.extend(named);
        }
        for source in strangers(&commit.contents, source_ids.len()) {
            let name = source_id(&[], source);
            if !self.sources.contains_key(&*name) {
                wanted.push((name.into_owned(), GONE_RANK));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let (names, ranks): (Vec<Text<&str>>, Vec<i64>) =
            wanted.iter().map(|(name, rank)| (Text(&**name), *rank)).unzip();
        let (give, all) =
            (calls.prepared(client, NAME_SOURCES)?, calls.prepared(client, ALL_SOURCES)?);
        calls.wait(client.execute(&give, &[&names, &ranks]))?;
        for row in calls.wait(client.query(&all, &[]))? {
            let row: &dyn Row = &row;
            let (id, name) = (row.integer(0)?, row.text(1)?.into_owned());
            self.names.insert(id, name.clone());
            self.sources.insert(name, id);
        }
        self.source_ids = Some(source_ids.clone());
        Ok(())
    }

    /// Gives every fingerprint of a commit a row number.
    pub(super) fn number_fingerprints(
        &mut self,
        client: &Client,
        calls: &Calls,
        contents: &Contents,
    ) -> Result<(), Failure> {
        let counted = contents.counts.iter().map(|(fingerprint, _, _)| *fingerprint);
        let seen = contents.sightings.iter().map(|sighting| sighting.fingerprint);
        let members = contents.members.iter().map(|(member, _)| member.fingerprint);
        let unknown: BTreeSet<Fingerprint> = seen
            .chain(counted)
            .chain(members)
            .filter(|fingerprint| !self.fingerprints.contains_key(fingerprint))
            .collect();
        let unknown: Vec<Id> = unknown.into_iter().map(|fingerprint| Id(fingerprint.0)).collect();
        let first = (NEVER_FIRST.time.0, codec::signed(NEVER_FIRST.hash));
        for some in unknown.chunks(WANTED_MAX) {
            let number = calls.prepared(client, NUMBER_FINGERPRINTS)?;
            let parameters: [&(dyn ToSql + Sync); 5] =
                [&some, &Id(0), &first.0, &first.1, &NEVER_LAST.0];
            let asked = client.query(&number, &parameters);
            for row in calls.wait(asked)? {
                let row: &dyn Row = &row;
                self.fingerprints.insert(Fingerprint(codec::id(row, 1)?), row.integer(0)?);
            }
        }
        Ok(())
    }

    /// Returns below what rows are forgotten.
    pub(super) fn horizons(&mut self, client: &Client, calls: &Calls) -> Result<Horizons, Failure> {
        match self.horizons {
            Some(horizons) => Ok(horizons),
            None => Ok(*self.horizons.insert(prune::horizons(&Changes { client, calls })?)),
        }
    }

    /// Remembers that everything below is forgotten; days that were full may be gone.
    pub(super) fn forget(&mut self, horizons: Horizons) {
        self.horizons = Some(horizons);
        self.full_days.clear();
    }

    /// Remembers the row number of a fingerprint.
    pub(super) fn remember(&mut self, fingerprint: Fingerprint, id: i64) {
        if self.fingerprints.len() < IDS_MAX {
            self.fingerprints.insert(fingerprint, id);
        }
    }

    /// Forgets what a long life, or a commit of very many fingerprints, has piled up.
    pub(super) fn forget_beyond_the_limit(&mut self) {
        if self.fingerprints.len() > IDS_MAX {
            self.fingerprints = FastMap::default();
        }
        if self.full_days.len() > IDS_MAX {
            self.full_days = FastMap::default();
        }
    }

    /// Returns the row number of a fingerprint of this commit.
    pub(super) fn fingerprint(&self, fingerprint: Fingerprint) -> i64 {
        self.fingerprints.get(&fingerprint).copied().unwrap_or(0)
    }

    /// Returns the row number of a source of this commit.
    pub(super) fn source(&self, source: SourceIndex) -> i64 {
        let source_ids = self.source_ids.as_deref().unwrap_or_default();
        self.sources.get(&*source_id(source_ids, source)).copied().unwrap_or(0)
    }

    /// Returns the name of the source with a row number.
    pub(super) fn name(&self, id: i64) -> String {
        self.names.get(&id).cloned().unwrap_or_default()
    }
}

/// Returns the sources that rows name although the graph has only `known` of them.
fn strangers(contents: &Contents, known: usize) -> BTreeSet<SourceIndex> {
    let samples = contents.sightings.iter().flat_map(|sighting| &sighting.samples);
    let named = contents.sightings.iter().map(|sighting| sighting.source);
    named
        .chain(samples.map(|sample| sample.source))
        .chain(contents.accounts.iter().map(|account| account.source))
        .chain(contents.rejected.iter().map(|rejected| rejected.source))
        .chain(contents.progress.iter().map(|progress| progress.source))
        .filter(|source| usize::from(source.0) >= known)
        .collect()
}
