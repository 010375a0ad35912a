//! The verb `export counts`: every stored count as JSON lines, while the engine runs or not.

use crate::cli::GraphFiles;
use crate::failure::Failure;
use dashboard::ExportLine;
use std::io::{BufWriter, Write};

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
