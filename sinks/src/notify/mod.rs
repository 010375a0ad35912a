//! The notifiers: each brings a notice to one kind of place.
//!
//! ```text
//! Message ──words──► sentences ──render──► what the place expects ──http, smtp──► accepted, later or never
//! ```
//! A notifier's file holds its options, a pure function from a message to what is sent, and the sending, in
//! that order. What they share: `words` (what is said), `text` (cleaning, cutting), `http` (the one client),
//! `target` and `address` (where may be sent to), `secret`, `template`.
//!
//! *Promises:* the contract of [`Notifier`](engine::component::Notifier). Text of logs is text in every
//! channel: it mentions nobody, and hides no link behind other words.
//!
//! *Not here:* when and how often (`engine/src/runtime/outbox`), and what deserves a notice
//! (`operators/src/alert`).

mod address;
pub mod alertmanager;
pub mod chat;
pub mod email;
#[cfg(test)]
mod hostile;
mod http;
pub mod pagerduty;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod samples;
mod secret;
pub mod slack;
pub mod stdout;
mod target;
mod template;
mod text;
pub mod webhook;
mod words;

use engine::component::StreamKind;

/// What every notifier reads.
const INPUTS: &[(StreamKind, bool)] = &[(StreamKind::Alerts, true)];
