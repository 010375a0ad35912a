//! Who owns the store: an advisory lock that the writer's session holds until it ends.
//!
//! ```text
//! try the lock ─► ours ─────────────────────────────────► go on
//!      ▲     └─► held by a session of this very store ─► it is a leftover of a cut: end it
//!      └─ every 50 ms for 800 ms ◄─ held by another ───► at last: InUse, naming who holds it
//! ```
//! *Promises:* whoever has the lock knows that no earlier session of it can still commit: the server gives
//! the lock back only when that session has ended. That makes the epoch that is read next the truth about
//! an unanswered COMMIT. A dead peer's session ends by the server's own keepalives.

use super::explain::refused;
use super::options::Target;
use super::session::{Session, within};
use crate::store::sql::Failure;
use engine::component::StoreError;
use std::time::Duration;
use tokio_postgres::Row;

/// Between two tries, in milliseconds.
const PAUSE_MS: u64 = 50;
/// How often the lock is tried: together 0.8 s.
const TRIES: usize = 16;
/// How long to wait for a leftover session to end, in milliseconds.
const END_MS: i64 = 500;

const TRY: &str = "SELECT pg_try_advisory_lock(hashtextextended('seismolog ' || $1, 0))";
const HOLDERS: &str = "\
    SELECT l.pid, a.application_name, host(a.client_addr), a.backend_start::text \
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('seismolog ' || $1, 0)";
const END: &str = "SELECT pg_terminate_backend($1, $2)";
/// Sessions that keep others from writing our tables.
const BLOCKERS: &str = "\
    SELECT DISTINCT l.pid, a.application_name, host(a.client_addr), a.backend_start::text \
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE n.nspname = $1 AND l.granted AND l.pid <> pg_backend_pid() \
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')";

/// Takes the lock for a session with the given name, or says who has it.
pub(super) fn take(session: &Session, target: &Target, name: &str) -> Result<(), Failure> {
    let mut holder = "another session".to_owned();
    let mut ours = false;
    for _ in 0..TRIES {
        let row = session.calls.wait(session.client.query_one(TRY, &[&target.schema]))?;
        if row.try_get(0)? {
            return Ok(());
        }
        for row in session.calls.wait(session.client.query(HOLDERS, &[&target.schema]))? {
            holder = described(&row)?;
            ours = row.try_get::<_, Option<&str>>(1)? == Some(name);
            if ours {
                let pid: i32 = row.try_get(0)?;
                session.calls.wait(session.client.query(END, &[&pid, &END_MS]))?;
            }
        }
        session.calls.run(pause())?;
    }
    if ours {
        let what = format!("taking over in {target}: an earlier session does not end ({holder})");
        return Err(Failure::Store(StoreError::Unavailable { what, cause: None }));
    }
    Err(Failure::Store(StoreError::InUse(format!(
        "{target}, schema {:?}, belongs to {holder}; stop it, or name another schema",
        target.schema
    ))))
}

/// Returns who keeps others from writing our tables, if anyone does.
pub(super) fn blockers(session: &Session, schema: &str) -> Option<String> {
    session.calls.wait(session.client.batch_execute("ROLLBACK")).ok()?;
    let rows = session.calls.wait(session.client.query(BLOCKERS, &[&schema])).ok()?;
    let holders: Vec<String> = rows.iter().filter_map(|row| described(row).ok()).collect();
    (!holders.is_empty()).then(|| holders.join(" and "))
}

/// Says which session a row is about.
fn described(row: &Row) -> Result<String, Failure> {
    let pid: i32 = row.try_get(0)?;
    let name = row.try_get::<_, Option<&str>>(1)?.filter(|name| !name.is_empty());
    let address = row.try_get::<_, Option<&str>>(2)?;
    let mut words = format!("{} (pid {pid}", name.unwrap_or("a session without a name"));
    if let Some(address) = address {
        words.push_str(&format!(", from {address}"));
    }
    if let Some(since) = row.try_get::<_, Option<&str>>(3)? {
        words.push_str(&format!(", since {since}"));
    }
    words.push(')');
    Ok(words)
}

async fn pause() -> Result<(), Failure> {
    let pause = Duration::from_millis(PAUSE_MS);
    within(pause * 2, tokio::time::sleep(pause)).await
}

/// Returns the failure of a server on which pgvector cannot be had.
pub(super) fn no_pgvector(target: &Target, said: &str) -> Failure {
    refused(format!(
        "{target} has no pgvector, and this user cannot add it ({said}); install the package \
         pgvector on the server, then run as a superuser in this database: CREATE EXTENSION vector"
    ))
}
