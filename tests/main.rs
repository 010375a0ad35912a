//! The tests of the whole product, in one binary, so that they link once.
//!
//! - `alerting`: from a line to a pager, and kills between sending and marking (I3).
//! - `alerts`: what people decide about alerts, through the real binary, over a kill (I3).
//! - `added_sources`: sources that are added, paused and removed while the real binary runs (I3, I7).
//! - `backtest`: counts in, alarms out, through the real binary.
//! - `backtest_graph`: logs and stored history in, alerts out, through the real binary (I1, I2).
//! - `binary`: starts, asks, stops and kills the real binary; used by the next two.
//! - `tidy`: style that a program can check (STYLE §2, §3, §6).
//! - `end_to_end`: graph files, inputs and exit codes, through the real binary.
//! - `commit_steps`: the engine on SQLite, killed at every named step of its commit path (I3, I5).
//! - `crash_recovery`: the real binary killed and restarted while its files grow and rotate (I3, I5).
//! - `explained`: what is told of stored issues and of rejected records, through the real binary.
//! - `lived_day`: an engine that lives through a day by a clock moved by hand; used by `backtest_graph`.
//! - `triage`: what people decide about issues, through the real binary, over kills (I3).
//! - `meaning`: issues by meaning with the real model, and what happens without it.
//! - `postgres`: the real binary on a real Postgres, away, crashed, moved to (I3, I5).
//! - `pushed`: records pushed over HTTP and OTLP, counted once for each key.
//! - `scale_out`: one, two and four workers, then two processes, store the same (I2).
//!
//! A file in this folder that is not listed here would never run; `tidy` fails on it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::disallowed_methods, reason = "tests read small files and wait on processes")]

mod added_sources;
mod alerting;
mod alerts;
mod backtest;
mod backtest_graph;
mod binary;
mod commit_steps;
mod crash_recovery;
mod end_to_end;
mod explained;
mod lived_day;
mod meaning;
mod postgres;
mod pushed;
mod scale_out;
mod tidy;
mod triage;
