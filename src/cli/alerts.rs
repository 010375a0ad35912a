//! Arguments of `seismolog alerts`, `silences`, `deploys` and `deliveries`.

use super::sources::RunningEngine;
use clap::{Args, Subcommand, ValueEnum};

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableOutput {
    /// For people.
    Table,
    /// The engine's answer as JSON.
    Json,
}

/// Where to ask, and how to print the answer.
#[derive(Args, Debug)]
pub struct Asked {
    /// Which engine.
    #[command(flatten)]
    pub engine: RunningEngine,
    /// Form of the result.
    #[arg(short, long, default_value = "table")]
    pub output: TableOutput,
}

/// Who decides, and what they say.
#[derive(Args, Debug)]
pub struct Said {
    /// Who decides, as it will be shown.
    #[arg(long, env = "SEISMOLOG_USER", value_name = "NAME")]
    pub by: Option<String>,
    /// What they say.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// Until when something holds.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Holds {
    /// For how long: 30m, 2h, 7d.
    #[arg(long = "for", value_name = "DURATION")]
    pub lasts: Option<String>,
    /// Until when: 2026-01-31T13:45:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
}

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsVerb {
    /// List alerts: those that are open, then those that ended last.
    List(AlertsList),
    /// Say everything about one alert, and why it fired.
    Show {
        /// Its key.
        key: String,
        /// Where to ask.
        #[command(flatten)]
        asked: Asked,
    },
    /// Say that somebody looks after the incident of an alert: no more reminders.
    Acknowledge(AlertChange),
    /// Hear nothing of the incident of an alert for a while.
    Snooze {
        /// Which alert.
        #[command(flatten)]
        change: AlertChange,
        /// Until when.
        #[command(flatten)]
        holds: Holds,
    },
    /// End the incident of an alert.
    Resolve(AlertChange),
}

/// Which alerts to list.
#[derive(Args, Debug)]
pub struct AlertsList {
    /// Only those that are open.
    #[arg(long)]
    pub open: bool,
    /// Only those of this service.
    #[arg(long)]
    pub service: Option<String>,
    /// Only those of this issue.
    #[arg(long, value_name = "ID")]
    pub issue: Option<String>,
    /// At most this many.
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
    /// Where to ask.
    #[command(flatten)]
    pub asked: Asked,
}

/// An alert, and who decides about it.
#[derive(Args, Debug)]
pub struct AlertChange {
    /// Its key.
    pub key: String,
    /// Who decides.
    #[command(flatten)]
    pub said: Said,
    /// Where to ask.
    #[command(flatten)]
    pub asked: Asked,
}

/// What can be done with silences.
#[derive(Debug, Subcommand)]
pub enum SilencesVerb {
    /// List the silences that have not ended.
    List(Asked),
    /// Record what matches, and tell nobody, for a while.
    Add(SilenceArgs),
    /// End a silence now.
    End {
        /// Its id.
        id: String,
        /// Where to ask.
        #[command(flatten)]
        asked: Asked,
    },
}

/// What is silenced: everything that is given must match.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: seismolog silences add --service shop --for 2h --comment 'moving house'"
)]
pub struct SilenceArgs {
    /// Only this service.
    #[arg(long, required_unless_present_any = ["about", "kind"])]
    pub service: Option<String>,
    /// Only this issue (i_…) or fingerprint (f1_…).
    #[arg(long, value_name = "ID")]
    pub about: Option<String>,
    /// Only this kind: spike, new_burst, first_seen, regression, gone_quiet, step.
    #[arg(long)]
    pub kind: Option<String>,
    /// Until when.
    #[command(flatten)]
    pub holds: Holds,
    /// Who decides.
    #[command(flatten)]
    pub said: Said,
    /// Where to ask.
    #[command(flatten)]
    pub asked: Asked,
}

/// What can be done with deploys.
#[derive(Debug, Subcommand)]
pub enum DeploysVerb {
    /// List the deploys that are remembered, latest first.
    List(Asked),
    /// Tell of a deploy, so that alerts which follow can name it.
    Add {
        /// The service; all if none is named.
        #[arg(long)]
        service: Option<String>,
        /// What was deployed.
        #[arg(long)]
        version: String,
        /// When; now if it is not said.
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
        /// Where to ask.
        #[command(flatten)]
        asked: Asked,
    },
}

/// What can be done with deliveries.
#[derive(Debug, Subcommand)]
pub enum DeliveriesVerb {
    /// List notices and how they stand with each notifier.
    List {
        /// Only those that stand like this: queued, delivered, dead.
        #[arg(long)]
        state: Option<String>,
        /// Only those for this notifier.
        #[arg(long)]
        notifier: Option<String>,
        /// At most this many.
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Where to ask.
        #[command(flatten)]
        asked: Asked,
    },
    /// Send a notice again that was given up.
    Resend {
        /// Its id.
        notice: String,
        /// The notifier's id.
        notifier: String,
        /// Where to ask.
        #[command(flatten)]
        asked: Asked,
    },
    /// List the notifiers and how they fare.
    Notifiers(Asked),
}
