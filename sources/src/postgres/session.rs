//! A connection to the server, called from the source's thread.
//!
//! *Promises:* every call ends within the target's `answer_max`, whatever the network swallows, and at
//! once when the engine stops. The session can only read: every transaction is `READ ONLY`. The server
//! itself gives up a statement at the same time, and the session when it is left in a transaction.

use super::config::{Target, TlsMode};
use super::failure::Failure;
use super::tls::Tls;
use crate::poll::Secret;
use bytes::BytesMut;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Row};

/// How long a silent connection is trusted before the system asks whether the server is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// How often to look whether the engine is stopping.
const STOP_LOOK: Duration = Duration::from_millis(20);

/// What the session sets: texts that read back as they were written, and limits.
fn settings(target: &Target) -> String {
    format!(
        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; \
         SET bytea_output = 'hex'; SET extra_float_digits = 1; \
         SET default_transaction_read_only = on; SET statement_timeout = {}; \
         SET idle_in_transaction_session_timeout = '10min'",
        target.answer_max.as_millis()
    )
}

/// A connection.
pub struct Session {
    runtime: Runtime,
    client: Client,
    answer_max: Duration,
}

impl Session {
    /// Connects and logs in.
    pub fn open(target: &Target, stopped: &dyn Fn() -> bool) -> Result<Self, Failure> {
        let mut config = target.config.clone();
        config
            .application_name("seismolog")
            .connect_timeout(target.answer_max)
            .tcp_user_timeout(target.answer_max)
            .keepalives_idle(KEEPALIVE_IDLE);
        if let Some(path) = &target.password_file {
            let password = Secret::read(path).map_err(|error| {
                let path = path.display();
                Failure::Unusable(format!("could not read the password from {path}: {error}"))
            })?;
            config.password(password.expose());
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::Unusable(format!("could not prepare a connection: {error}"))
        })?;
        let connecting = connect(&config, target);
        let client = wait_for(&runtime, stopped, target.answer_max, connecting)??;
        let session = Self { runtime, client, answer_max: target.answer_max };
        session.execute(&settings(target), stopped)?;
        Ok(session)
    }

    /// Runs statements without parameters.
    pub fn execute(&self, sql: &str, stopped: &dyn Fn() -> bool) -> Result<(), Failure> {
        let running = self.client.batch_execute(sql);
        Ok(wait_for(&self.runtime, stopped, self.answer_max, running)??)
    }

    /// Runs a statement whose parameters are given as text.
    pub fn query(
        &self,
        sql: &str,
        values: &[&str],
        stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<Row>, Failure> {
        let texts: Vec<Text<'_>> = values.iter().map(|value| Text(value)).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            texts.iter().map(|text| text as &(dyn ToSql + Sync)).collect();
        let running = self.client.query(sql, &parameters);
        Ok(wait_for(&self.runtime, stopped, self.answer_max, running)??)
    }

    /// Returns the type of the first column of a statement.
    pub fn first_type(&self, sql: &str, stopped: &dyn Fn() -> bool) -> Result<Type, Failure> {
        let preparing = self.client.prepare(sql);
        let statement = wait_for(&self.runtime, stopped, self.answer_max, preparing)??;
        let column = statement.columns().first();
        Ok(column.map_or(Type::UNKNOWN, |column| column.type_().clone()))
    }
}

/// Connects, and leaves the connection's own work to the runtime.
async fn connect(config: &tokio_postgres::Config, target: &Target) -> Result<Client, Failure> {
    // Errors of the connection come back from the calls on it.
    match target.tls {
        TlsMode::Disable => {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(async move { drop(connection.await) });
            Ok(client)
        }
        TlsMode::VerifyFull => {
            let tls = Tls::new(target.ca_file.as_deref()).map_err(|error| {
                Failure::Unusable(format!("could not read the certificates to trust: {error}"))
            })?;
            let mut config = config.clone();
            config.ssl_mode(tokio_postgres::config::SslMode::Require);
            let (client, connection) = config.connect(tls).await?;
            tokio::spawn(async move { drop(connection.await) });
            Ok(client)
        }
    }
}

/// Waits for a call, but not longer than `at_most`, and not when the engine stops.
fn wait_for<F: Future>(
    runtime: &Runtime,
    stopped: &dyn Fn() -> bool,
    at_most: Duration,
    call: F,
) -> Result<F::Output, Failure> {
    runtime.block_on(async {
        let mut call = pin!(call);
        let deadline = Instant::now() + at_most;
        loop {
            tokio::select! {
                biased;
                answer = &mut call => return Ok(answer),
                () = sleep_until(deadline) => return Err(Failure::Silent),
                () = sleep(STOP_LOOK) => if stopped() { return Err(Failure::Stopped) },
            }
        }
    })
}

/// A parameter as text, which the server reads as the type it expects.
#[derive(Debug)]
struct Text<'v>(&'v str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
