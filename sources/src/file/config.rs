//! The options of the `file` source.

use crate::lines::{LINE_BYTES_DEFAULT, LINE_BYTES_MAX, LINE_BYTES_MIN};
use engine::component::{Options, OptionsError};
use glob::Pattern;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Where to begin in files that are there when the source starts for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    /// Read what is in them.
    #[default]
    Beginning,
    /// Read only what is written from now on.
    End,
}

/// Options of the `file` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// Which files to read, as paths with `*`, `?`, `[…]` and `**`. Compressed files are left out.
    pub include: Vec<String>,
    /// Which of them to leave out; a pattern without `/` is compared with the file's name.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Longest line in bytes; the rest of a longer one is dropped and the line is counted as cut.
    #[serde(default = "line_bytes_default")]
    pub max_line_bytes: usize,
    /// How often to look for new lines, in milliseconds.
    #[serde(default = "poll_ms_default")]
    pub poll_ms: u64,
    /// Where to begin in files that are there at the first start.
    #[serde(default)]
    pub start_at: StartAt,
    /// Read every file once to its end and finish.
    #[serde(default)]
    pub once: bool,
    /// Folders outside of which nothing is read, wherever links lead. None means anywhere.
    #[serde(default)]
    pub within: Vec<PathBuf>,
}

fn line_bytes_default() -> usize {
    LINE_BYTES_DEFAULT
}

fn poll_ms_default() -> u64 {
    50
}

/// The options, checked.
#[derive(Clone, Debug)]
pub struct FileConfig {
    /// Absolute patterns, in the user's order.
    pub include: Vec<String>,
    /// Patterns of files to leave out.
    pub exclude: Vec<Exclude>,
    /// Longest line.
    pub max_line_bytes: usize,
    /// How often to look for new lines.
    pub poll: Duration,
    /// Where to begin at the first start.
    pub start_at: StartAt,
    /// Read once and finish.
    pub once: bool,
    /// Folders outside of which nothing is read; none means anywhere.
    pub within: Vec<PathBuf>,
}

/// One pattern of files to leave out.
#[derive(Clone, Debug)]
pub enum Exclude {
    /// Compared with the file's name.
    Name(Pattern),
    /// Compared with the whole path.
    Path(Pattern),
}

impl FileConfig {
    /// Checks the options, reporting every mistake.
    pub fn from_options(options: &Options) -> Result<Self, Vec<OptionsError>> {
        let given: FileOptions = options.parse()?;
        let mut errors = Vec::new();
        if given.include.is_empty() {
            let error = OptionsError::at("include", "at least one path is needed");
            errors.push(error.hint("Write for example include: [\"/var/log/app/*.log\"]"));
        }
        let include: Vec<String> = given
            .include
            .iter()
            .filter_map(|text| absolute(options, "include", text, &mut errors))
            .collect();
        let exclude = given
            .exclude
            .iter()
            .filter_map(|text| {
                if text.contains('/') {
                    let path = absolute(options, "exclude", text, &mut errors)?;
                    Pattern::new(&path).ok().map(Exclude::Path)
                } else {
                    checked("exclude", text, &mut errors).map(Exclude::Name)
                }
            })
            .collect();
        if !(LINE_BYTES_MIN..=LINE_BYTES_MAX).contains(&given.max_line_bytes) {
            let range = format!("must be between {LINE_BYTES_MIN} and {LINE_BYTES_MAX}");
            errors.push(OptionsError::at("max_line_bytes", range));
        }
        if !(1..=60_000).contains(&given.poll_ms) {
            errors.push(OptionsError::at("poll_ms", "must be between 1 and 60000"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            include,
            exclude,
            max_line_bytes: given.max_line_bytes,
            poll: Duration::from_millis(given.poll_ms),
            start_at: given.start_at,
            once: given.once,
            within: given.within.iter().map(|folder| options.resolve(folder)).collect(),
        })
    }
}

/// Returns `text` as a pattern from the root, with the graph file's folder taken literally.
fn absolute(
    options: &Options,
    option: &str,
    text: &str,
    errors: &mut Vec<OptionsError>,
) -> Option<String> {
    if text.is_empty() {
        errors.push(OptionsError::at(option, "a path must not be empty"));
        return None;
    }
    checked(option, text, errors)?;
    if text.starts_with('/') {
        return Some(text.to_owned());
    }
    let base = Pattern::escape(&options.base.to_string_lossy());
    Some(format!("{}/{}", base.trim_end_matches('/'), text.trim_start_matches("./")))
}

fn checked(option: &str, text: &str, errors: &mut Vec<OptionsError>) -> Option<Pattern> {
    Pattern::new(text)
        .map_err(|error| {
            let message = format!("cannot understand the pattern \"{text}\": {}", error.msg);
            errors.push(OptionsError::at(option, message));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: serde_json::Value) -> Result<FileConfig, Vec<OptionsError>> {
        FileConfig::from_options(&Options { id: "app".into(), value, base: "/etc/[x]".into() })
    }

    #[test]
    fn defaults_follow_from_the_beginning() {
        let config = check(serde_json::json!({"include": ["/var/log/*.log"]})).unwrap();
        assert_eq!(config.max_line_bytes, 1024 * 1024);
        assert_eq!(config.poll, Duration::from_millis(50));
        assert_eq!(config.start_at, StartAt::Beginning);
        assert!(!config.once);
    }

    #[test]
    fn relative_paths_begin_at_the_graph_files_folder_taken_literally() {
        let config = check(serde_json::json!({"include": ["./logs/*.log"]})).unwrap();
        assert_eq!(config.include, ["/etc/[[]x[]]/logs/*.log"]);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let errors = check(serde_json::json!({
            "include": ["/a/***"], "exclude": ["["], "max_line_bytes": 1, "poll_ms": 0,
        }))
        .unwrap_err();
        let paths: Vec<&str> = errors.iter().map(|error| error.path[0].as_str()).collect();
        assert_eq!(paths, ["include", "exclude", "max_line_bytes", "poll_ms"]);
    }

    #[test]
    fn an_unknown_option_and_a_missing_path_are_mistakes() {
        assert!(check(serde_json::json!({"include": ["/a"], "inlcude": []})).is_err());
        assert!(check(serde_json::json!({"include": []})).is_err());
        assert!(check(serde_json::json!({})).is_err());
    }
}
