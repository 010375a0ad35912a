//! Tests of the graph file as a whole.
