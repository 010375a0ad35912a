//! The sources, and what each uses as its Offset.
//!
//! | Source | Partition | Offset | Promise |
//! | --- | --- | --- | --- |
//! | [`elasticsearch`] | `documents` | settled time, highest key, ids in the overlap | exactly once, see there |
//! | [`file`] | one content stream (the life of a file) | position, identity and tail anchors | exactly once |
//! | [`http`] | `requests`, or one a request | running number; the receipt of a keyed request | at least once; exactly once with an `Idempotency-Key` |
//! | [`journald`] | `journal` | the journal's cursor | exactly once |
//! | [`otlp`] | as `http` | as `http` | as `http` |
//! | [`postgres`] | `rows` | floor, highest key, keys taken between them | exactly once, see there |
//! | [`stdin`] | `stdin` | none that can be resumed | at most once |
//! | [`synthetic`] | one per service | position in the generator | exactly once |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod elasticsearch;
mod escaped;
pub mod file;
pub mod http;
pub mod journald;
mod lines;
pub mod otlp;
mod poll;
pub mod postgres;
pub mod push;
pub mod stdin;
pub mod synthetic;
