//! Tests of the stage: its worker alone, and placed in a dataflow.
