//! The verb `explain`: what is found in a record, and why it has the identity it has. No engine runs;
//! the operators' own pure functions are asked.
//!
//! ```text
//! LINE ──────────────────────► one: header, masks, frames, rule, ids
//! ID ──store──► its sample ──┘    │           └─► what varies in all of its samples
//!         └───► its patterns ─────┴─► meaning: embedded text, neighbours, decision, tags
//! --each FILE ──► records: lines become records ──► set of skeletons ──► patterns ──► one object each
//! ```

mod analyst;
mod each;
mod input;
mod meaning;
mod one;
mod records;
mod rules;
mod show;

pub use analyst::RecordAnalyst;

use crate::cli::ExplainArgs;
use crate::failure::Failure;
use operators::parse::{Format, Parser};

/// The verb `explain`.
pub fn explain(args: ExplainArgs) -> Result<(), Failure> {
    if Parser::new(Format::Auto, &args.timezone).is_none() {
        return Err(Failure::Usage(format!("there is no time zone {:?}", args.timezone)));
    }
    match (&args.line, &args.each) {
        (Some(line), _) => one::explain(line, &args),
        (None, Some(path)) => each::explain(path, &args),
        (None, None) => Err(Failure::Usage("name a line, or a file with --each".to_owned())),
    }
}
