//! pattern: words that vary.

mod reference;
pub mod rule;
mod text;

pub use reference::Patterns;
pub use text::text_of;
