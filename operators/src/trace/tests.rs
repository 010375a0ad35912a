//! Tests of identity of traces.
