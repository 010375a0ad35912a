//! The evaluation folder: `SYSTEM/SYSTEM_2k.log`, raw lines, and
//! `SYSTEM/SYSTEM_2k.log_structured_corrected.csv`, their messages and true templates.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// One system's log.
pub struct System {
    /// Its name, which only labels a row.
    pub name: String,
    /// The raw log.
    pub log: PathBuf,
    /// The message of every line, headers taken off.
    pub messages: Vec<String>,
    /// The true template of every line.
    pub templates: Vec<String>,
}

impl System {
    /// Returns the messages as lines: a line break inside of one is a blank.
    pub fn lines(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.replace(['\n', '\r'], " ")).collect()
    }
}

/// Reads all systems in `folder`, by name.
pub fn read(folder: &Path) -> Result<Vec<System>> {
    let mut systems = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let log = path.join(format!("{name}_2k.log"));
        let truth = path.join(format!("{name}_2k.log_structured_corrected.csv"));
        if log.exists() && truth.exists() {
            let system = system(name, log, &truth);
            systems.push(system.with_context(|| truth.display().to_string())?);
        }
    }
    ensure!(!systems.is_empty(), "{} holds no evaluation data", folder.display());
    systems.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(systems)
}

fn system(name: &str, log: PathBuf, truth: &Path) -> Result<System> {
    let rows = rows(&String::from_utf8_lossy(&std::fs::read(truth)?));
    let (header, rows) = rows.split_first().context("it is empty")?;
    let column = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.with_context(|| format!("it has no column {name}"))
    };
    let (line, message) = (column("LineId")?, column("Content")?);
    let template = column("EventTemplate")?;
    let mut system =
        System { name: name.to_owned(), log, messages: Vec::new(), templates: Vec::new() };
    for (at, row) in rows.iter().enumerate() {
        ensure!(row.len() == header.len(), "row {} has {} fields", at + 1, row.len());
        ensure!(row[line] == (at + 1).to_string(), "row {} is not line {}", row[line], at + 1);
        system.messages.push(row[message].clone());
        system.templates.push(row[template].clone());
    }
    Ok(system)
}

/// Reads comma-separated rows; fields in quotes may hold commas, line breaks and doubled quotes.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            letter => field.push(letter),
        }
    }
    if !row.is_empty() || !field.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows.retain(|row| row.len() > 1 || !row[0].is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_may_hold_commas_quotes_and_line_breaks() {
        let text = "a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n2,say \"no\"";
        assert_eq!(rows(text), [["a", "b"], ["1", "x, \"y\"\nz"], ["2", "say \"no\""]]);
    }
}
