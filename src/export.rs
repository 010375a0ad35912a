//! The verb `export counts`: every stored count as JSON lines, while the engine runs or not.

use crate::cli::GraphFiles;
use crate::failure::Failure;
use engine::component::CountRow;
use serde::Serialize;
use std::io::{BufWriter, Write};

/// One line of the export (INTERFACES.md).
#[derive(Serialize)]
struct ExportLine {
    issue: engine::model::IssueId,
    fingerprint: engine::model::Fingerprint,
    severity: engine::model::Severity,
    template: String,
    sample: String,
    bucket_start: String,
    bucket_seconds: i64,
    count: i64,
}

impl From<CountRow> for ExportLine {
    fn from(row: CountRow) -> Self {
        Self {
            issue: row.issue,
            fingerprint: row.fingerprint,
            severity: row.severity,
            template: row.template,
            sample: row.sample,
            bucket_start: row.bucket_start.to_string(),
            bucket_seconds: row.bucket_seconds,
            count: row.count,
        }
    }
}

/// Writes every stored count to standard output.
pub fn counts(files: GraphFiles) -> Result<(), Failure> {
    let graph = crate::run::load(&files)?;
    let reader = graph.store.store.reader();
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut written = Ok(());
    reader.export_counts(&mut |row| {
        written = serde_json::to_writer(&mut output, &ExportLine::from(row))
            .map_err(std::io::Error::from)
            .and_then(|()| output.write_all(b"\n"));
        written.is_ok()
    })?;
    written?;
    Ok(output.flush()?)
}
