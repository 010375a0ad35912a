//! Options of `fingerprint`, and what of them decides about identity.

use crate::rules::{RuleOptions, UserRules};
use crate::trace::FrameRules;
use engine::component::OptionsError;
use schemars::JsonSchema;
use serde::Deserialize;

/// What the user says about identity.
#[derive(Clone, Debug, Default)]
pub struct IdentityRules {
    /// Whose code is whose.
    pub frames: FrameRules,
    /// What is kept, masked, or a fingerprint.
    pub texts: UserRules,
}

/// The options of `fingerprint`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FingerprintOptions {
    /// How many different fingerprints one source may have on one worker. Events that would need
    /// more are counted under the source's overflow fingerprint.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_fingerprints: usize,
    /// What counts as the application's own code in stack traces, besides what is not known to be
    /// a library: beginnings of qualified names of functions (`com.example.`) or of paths of files.
    pub in_app: Vec<String>,
    /// What does not count as the application's own, even if it matches `in_app`: likewise.
    pub not_in_app: Vec<String>,
    /// Rules of your own about texts: what is kept, masked, or taken as a fingerprint. Where two of
    /// them want the same text, the one that stands first has it. Changing them gives events that
    /// come later other ids; what is stored stays with the old ones.
    pub rules: Vec<RuleOptions>,
}

impl FingerprintOptions {
    /// The largest bound that can be asked for.
    pub const MAX_FINGERPRINTS_MAX: usize = 1_000_000;
    /// How many entries `in_app` and `not_in_app` may have.
    pub const FRAME_RULES_MAX: usize = 256;

    /// Returns the rules that these options describe, or everything that is wrong with the options.
    pub fn check(&self) -> Result<IdentityRules, Vec<OptionsError>> {
        let mut errors = Vec::new();
        let allowed = 1..=FingerprintOptions::MAX_FINGERPRINTS_MAX;
        if !allowed.contains(&self.max_fingerprints) {
            let message =
                format!("{} is not between 1 and {}", self.max_fingerprints, allowed.end());
            let error = OptionsError::at("max_fingerprints", message);
            errors.push(error.hint("Leave it out for 20000."));
        }
        for (name, rules) in [("in_app", &self.in_app), ("not_in_app", &self.not_in_app)] {
            if rules.len() > FingerprintOptions::FRAME_RULES_MAX {
                let max = FingerprintOptions::FRAME_RULES_MAX;
                let error = OptionsError::at(name, format!("{} entries are too many", rules.len()));
                errors.push(error.hint(format!("At most {max}; a shorter beginning covers more.")));
            }
        }
        match UserRules::new(&self.rules) {
            Ok(texts) if errors.is_empty() => {
                let (in_app, not_in_app) = (self.in_app.clone(), self.not_in_app.clone());
                Ok(IdentityRules { frames: FrameRules { in_app, not_in_app }, texts })
            }
            Ok(_) => Err(errors),
            Err(of_rules) => Err(errors.into_iter().chain(of_rules).collect()),
        }
    }
}

impl Default for FingerprintOptions {
    fn default() -> Self {
        Self {
            max_fingerprints: 20_000,
            in_app: Vec::new(),
            not_in_app: Vec::new(),
            rules: Vec::new(),
        }
    }
}
