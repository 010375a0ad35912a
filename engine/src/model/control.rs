//! Controls: what reaches operators besides log lines. Time, and what people decide, are input like any
//! other: bound to an epoch, so that a replay has them too.

use super::{AlertKey, Decision, Deploy, EventTime, Grouping};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One control.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Control {
    /// The engine's clock, every few seconds.
    Beat {
        /// What it shows.
        now: EventTime,
        /// Whether sources are still catching up with what was written before the engine started.
        is_behind: bool,
    },
    /// Somebody decided something.
    Command {
        /// When the engine heard of it.
        at: EventTime,
        /// What.
        command: Command,
    },
}

/// What people decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Command {
    /// Somebody looks after an incident.
    Acknowledge {
        /// Any alert of it.
        alert: AlertKey,
        /// Who.
        by: Arc<str>,
        /// What they say.
        comment: Arc<str>,
    },
    /// Nobody wants to hear of an incident until an instant.
    Snooze {
        /// Any alert of it.
        alert: AlertKey,
        /// Until when.
        until: EventTime,
        /// Who.
        by: Arc<str>,
        /// What they say.
        comment: Arc<str>,
    },
    /// Somebody ends an incident.
    Resolve {
        /// Any alert of it.
        alert: AlertKey,
        /// Who.
        by: Arc<str>,
        /// What they say.
        comment: Arc<str>,
    },
    /// Alerts that match are recorded and not told, until an instant.
    Silence(Silence),
    /// A silence ends now.
    Unsilence {
        /// Which.
        id: Arc<str>,
    },
    /// Something was deployed.
    Deploy(Deploy),
    /// Somebody does something about an issue.
    Issue(Decision),
    /// Somebody says what is one issue and what is not.
    Group(Grouping),
    /// Somebody takes that back.
    Ungroup {
        /// What was said.
        grouping: Grouping,
        /// Who takes it back.
        by: Arc<str>,
        /// Why.
        comment: Arc<str>,
    },
}

/// Alerts that match everything that is given are recorded and not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Silence {
    /// Its id, `s_` and 16 hex digits.
    pub id: Arc<str>,
    /// Only this service.
    pub service: Option<Arc<str>>,
    /// Only this issue (`i_…`) or fingerprint (`f1_…`).
    pub about: Option<Arc<str>>,
    /// Only this kind.
    pub kind: Option<super::AlertKind>,
    /// From when.
    pub from: EventTime,
    /// Until when.
    pub until: EventTime,
    /// Who.
    pub by: Arc<str>,
    /// Why.
    pub comment: Arc<str>,
}

impl Silence {
    /// Returns the silence with the id that follows from what it says and when it began.
    pub fn named(self) -> Silence {
        let content = Silence { id: Arc::default(), ..self };
        // Texts and numbers always have a form.
        let bytes = serde_json::to_vec(&content).unwrap_or_default();
        let hash = blake3::hash(&bytes).to_hex();
        Silence { id: format!("s_{}", &hash[..16]).into(), ..content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_named_after_its_content_and_its_time() {
        let silence = Silence { service: Some("shop".into()), ..Silence::default() };
        let name = |silence: &Silence| silence.clone().named().id;
        assert_eq!((name(&silence).len(), &name(&silence)[..2]), (18, "s_"));
        assert_eq!(name(&silence), name(&Silence { id: "s_0".into(), ..silence.clone() }));
        let later = Silence { from: EventTime::from_secs(1), ..silence.clone() };
        assert_ne!(name(&silence), name(&later));
    }
}
