//! The same files through one, two and four workers, and through two processes of one dataflow: what
//! is stored is the same, line by line of the export (I2).
//!
//! Two processes are a smoke run of timely's multi-process mode: sources are dealt out by their
//! position in the graph file, process 0 owns the store, and both end when all sources are read.

use crate::binary::{run_to_end, seismolog};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// Writes two log files with interleaved times and some shared templates.
fn write_logs(folder: &Path) {
    for (file, words) in [("a.log", "order declined"), ("b.log", "queue stalled")] {
        let lines: String = (0..5_000)
            .map(|n| {
                let (minute, second) = (n / 60 % 60, n % 60);
                let text = if n % 3 == 0 { "login failed" } else { words };
                format!("2026-03-01T10:{minute:02}:{second:02}Z ERROR shop: {text} for {n}\n")
            })
            .collect();
        std::fs::write(folder.join(file), lines).unwrap();
    }
}

fn graph(folder: &Path, name: &str, workers: usize, store: &str) -> PathBuf {
    let path = folder.join(format!("{name}.yaml"));
    let text = format!(
        "engine: {{ workers: {workers} }}\n\
         sources:\n  \
           first: {{ type: file, include: [\"a.log\"], once: true }}\n  \
           second: {{ type: file, include: [\"b.log\"], once: true }}\n\
         sinks:\n  store: {store}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn export(graph: &Path) -> String {
    let output = run_to_end(&["export", "counts", "-c", graph.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the files through `workers` workers of one process and returns the export.
fn stored_by(folder: &Path, workers: usize) -> String {
    let name = format!("workers-{workers}");
    let graph = graph(folder, &name, workers, &format!("{{ type: sqlite, path: {name}.db }}"));
    let output = run_to_end(&["run", "-c", graph.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    export(&graph)
}

/// Returns loopback addresses for two processes.
fn two_addresses() -> String {
    let free: Vec<_> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<_> =
        free.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
    addresses.join(",")
}

#[test]
fn any_number_of_workers_stores_the_same() {
    let folder = TempDir::new().unwrap();
    write_logs(folder.path());
    let one = stored_by(folder.path(), 1);
    assert!(one.lines().count() > 100, "there is something to compare");
    for workers in [2, 4] {
        assert!(stored_by(folder.path(), workers) == one, "{workers} workers differ from one");
    }
}

#[test]
fn two_processes_store_what_one_stores() {
    let folder = TempDir::new().unwrap();
    write_logs(folder.path());
    let one = stored_by(folder.path(), 1);
    let committing = graph(folder.path(), "process-0", 1, "{ type: sqlite, path: both.db }");
    let helping = graph(folder.path(), "process-1", 1, "{ type: memory }");
    let hosts = two_addresses();
    let start = |graph: &Path, process: &str| {
        let arguments = ["run", "-c", graph.to_str().unwrap(), "--hosts", &hosts];
        let mut command = seismolog(&arguments);
        command.args(["--process", process]).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let mut second = start(&helping, "1");
    let mut first = start(&committing, "0");
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    assert!(export(&committing) == one, "two processes differ from one");
}
