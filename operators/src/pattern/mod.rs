//! pattern: words that vary.

mod reference;
pub mod rule;

pub use reference::Patterns;
pub fn render(m: &[u8], _s: &str) -> String { crate::mask::render(m) }
