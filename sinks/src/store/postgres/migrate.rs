//! Forward-only migrations: numbered SQL files, each applied in one transaction together with its
//! number, by the owner of the store alone. A schema of a newer version, or of another program, is
//! refused and left alone.

use super::explain::refused;
use super::options::Target;
use super::owner::no_pgvector;
use super::session::Session;
use crate::store::sql::Failure;
use engine::component::StoreError;

/// The migrations in order; the number of those applied is the schema's version.
const MIGRATIONS: &[&str] = &[
    include_str!("../schema/postgres/0001_first.sql"),
    include_str!("../schema/postgres/0002_retention.sql"),
    include_str!("../schema/postgres/0003_alerts.sql"),
    include_str!("../schema/postgres/0004_triage.sql"),
];
/// The first pgvector with HNSW indexes.
const OLDEST_PGVECTOR: (u32, u32) = (0, 5);

/// Fails unless the schema is exactly of this version.
pub(super) fn check_current(session: &Session, target: &Target) -> Result<(), Failure> {
    if version(session, target)? < MIGRATIONS.len() {
        return Err(Failure::Store(StoreError::Unavailable {
            what: format!("reading {target}: its owner has not brought it up to date yet"),
            cause: None,
        }));
    }
    pgvector(session, target)
}

/// Applies the migrations that the schema does not have yet.
pub(super) fn migrate(session: &Session, target: &Target) -> Result<(), Failure> {
    let applied = version(session, target)?;
    pgvector(session, target)?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(applied) {
        let number = index + 1;
        let whole = format!(
            "BEGIN; CREATE SCHEMA IF NOT EXISTS {}; {migration} \
             INSERT INTO migrations (number) VALUES ({number}); COMMIT",
            target.schema
        );
        session.calls.wait(session.client.batch_execute(&whole))?;
        tracing::info!(schema = number, place = %target, "migrated the store");
    }
    Ok(())
}

/// Returns how many migrations the schema has; none if it is not there or empty.
fn version(session: &Session, target: &Target) -> Result<usize, Failure> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE c.relname = 'migrations') FROM pg_class c \
               JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm')";
    let row = session.calls.wait(session.client.query_one(sql, &[&target.schema]))?;
    let (tables, ours): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if ours == 0 {
        return match tables {
            0 => Ok(0),
            _ => Err(refused(format!(
                "the schema {:?} in {target} is of another program; name another schema",
                target.schema
            ))),
        };
    }
    let sql = "SELECT coalesce(max(number), 0) FROM migrations";
    let number: i64 = session.calls.wait(session.client.query_one(sql, &[]))?.try_get(0)?;
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    if number > MIGRATIONS.len() {
        return Err(refused(format!(
            "the schema {:?} in {target} was written by a newer version (schema {number}, this one \
             knows {}); run that version, or name another schema to start empty",
            target.schema,
            MIGRATIONS.len()
        )));
    }
    Ok(number)
}

/// Sees to it that pgvector is there and can be found, wherever it was put.
fn pgvector(session: &Session, target: &Target) -> Result<(), Failure> {
    let sql = "SELECT e.extversion, quote_ident(n.nspname) FROM pg_extension e \
               JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'";
    let mut found = session.calls.wait(session.client.query_opt(sql, &[]))?;
    if found.is_none() {
        let create = "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public";
        if let Err(failure) = session.calls.wait(session.client.batch_execute(create)) {
            let Failure::Database(error) = &failure else { return Err(failure) };
            let told = error.downcast_ref::<tokio_postgres::Error>();
            return Err(match told.and_then(|error| error.as_db_error()) {
                Some(told) => no_pgvector(target, told.message()),
                None => failure,
            });
        }
        found = session.calls.wait(session.client.query_opt(sql, &[]))?;
    }
    let Some(row) = found else { return Err(no_pgvector(target, "it vanished")) };
    let (version, place): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    if numbers(version) < OLDEST_PGVECTOR {
        return Err(refused(format!(
            "{target} has pgvector {version}, but 0.5 or later is needed; install it, then run \
             ALTER EXTENSION vector UPDATE"
        )));
    }
    if place != "public" {
        let path = format!("SET search_path = {}, {place}, public", target.schema);
        session.calls.wait(session.client.batch_execute(&path))?;
    }
    Ok(())
}

/// Returns the first two numbers of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("0.10.1") > numbers("0.8.5"));
        assert!(numbers("0.4") < OLDEST_PGVECTOR && numbers("1.0.0") > OLDEST_PGVECTOR);
    }
}
