//! Patterns: templates whose varying words have become variables. Which templates share one is a
//! function of the set of templates alone: neither service, class, order nor frequency matter.

use super::fingerprint::id_type;
use super::{FINGERPRINT_VERSION, ParseIdError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

id_type!(
    /// A pattern's id: `H(version, skeleton with the varying words cut out)`, written `p_` + 32 hex.
    PatternId,
    "p_"
);

impl PatternId {
    /// Returns the id of the pattern with this skeleton.
    pub fn of_skeleton(skeleton: &str) -> PatternId {
        PatternId::of(&[&[FINGERPRINT_VERSION], skeleton.as_bytes()])
    }
}

/// What templates have in common that differ only in words that vary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// Its id.
    pub id: PatternId,
    /// The words that do not vary, `<*>` for each run of variables.
    pub skeleton: Arc<str>,
}

impl Pattern {
    /// Returns the pattern with this skeleton.
    pub fn new(skeleton: Arc<str>) -> Pattern {
        Pattern { id: PatternId::of_skeleton(&skeleton), skeleton }
    }
}
