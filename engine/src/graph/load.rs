//! Reads graph files from disk. Whatever cannot be read is a mistake like any other.

use super::yaml::FILE_BYTES_MAX;
use super::{GraphInput, Mistake};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads one file.
#[allow(clippy::disallowed_methods, reason = "read through `take` with a named limit")]
pub(super) fn input(path: &Path) -> Result<GraphInput, Mistake> {
    let name = path.display().to_string();
    let mistake = |message: String, hint: &str| Mistake::about_file(&name, &message, Some(hint));
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "Check the path.",
            std::io::ErrorKind::PermissionDenied => "Make it readable for this user.",
            _ => "Check the path and the disk.",
        };
        mistake(format!("cannot read the graph file: {error}"), hint)
    };
    // Asked before opening: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(mistake("the graph file is a directory".to_owned(), "Name a file in it."));
    }
    if !metadata.is_file() {
        return Err(mistake(
            "the graph file is not a regular file".to_owned(),
            "Copy it to a file.",
        ));
    }
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("the file is larger than {FILE_BYTES_MAX} bytes");
        return Err(mistake(message, "Split it; several files are read as one."));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        mistake(format!("the file is not UTF-8 text: byte {at} is wrong"), "Save it as UTF-8.")
    })?;
    let base = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    Ok(GraphInput { name, text, base })
}
