//! One external command of a run: printed, run to its end, and turned into a failure that names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a run stopped.
#[derive(Debug)]
pub struct Failure {
    /// What failed, and what to do about it.
    pub message: String,
    /// The exit code of the whole run.
    pub exit_code: u8,
}

impl Failure {
    /// Returns a failure with exit code 1.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), exit_code: 1 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Returns the repository root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A command, to be run in a folder of the repository.
pub struct Step {
    program: String,
    arguments: Vec<String>,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Step {
    /// Returns a step that runs `words[0]` with the other words as arguments, in the root.
    pub fn new(words: &[&str]) -> Step {
        let mut words = words.iter().map(|&word| word.to_owned());
        Step {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            folder: root(),
            environment: Vec::new(),
        }
    }

    /// Returns a step that runs the cargo that runs us.
    pub fn cargo(arguments: &[&str]) -> Step {
        let mut step = Step::new(&["cargo"]);
        step.arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        step
    }

    /// Adds arguments.
    pub fn arguments(mut self, more: &[String]) -> Step {
        self.arguments.extend_from_slice(more);
        self
    }

    /// Runs in `folder`, relative to the root.
    pub fn within(mut self, folder: &str) -> Step {
        self.folder = root().join(folder);
        self
    }

    /// Sets an environment variable, unless the user has set it already.
    pub fn default_variable(mut self, name: &str, value: &str) -> Step {
        if std::env::var_os(name).is_none() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Runs the command and waits for it.
    pub fn run(self) -> Result<(), Failure> {
        println!("xtask> {self}");
        let program = match (self.program.as_str(), std::env::var("CARGO")) {
            ("cargo", Ok(cargo)) => cargo,
            _ => self.program.clone(),
        };
        let status = Command::new(program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .status()
            .map_err(|error| Failure::new(format!("cannot start `{self}`: {error}")))?;
        if status.success() {
            return Ok(());
        }
        let exit_code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).max(1);
        Err(Failure { message: format!("`{self}` failed: {status}"), exit_code })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value} ")?;
        }
        write!(f, "{}", self.program)?;
        for argument in &self.arguments {
            write!(f, " {argument}")?;
        }
        let root = root();
        match self.folder.strip_prefix(&root) {
            Ok(inner) if inner != Path::new("") => write!(f, "   (in {})", inner.display()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_and_hands_on_its_exit_code() {
        let outcome = Step::new(&["sh", "-c", "exit 7"]).run();
        let failure = outcome.expect_err("exit 7 is a failure");
        assert_eq!(failure.exit_code, 7);
        assert!(failure.message.contains("sh -c exit 7"), "{failure}");
    }

    #[test]
    fn a_missing_command_is_a_failure_and_not_a_panic() {
        let failure = Step::new(&["no-such-program"]).run().expect_err("there is no such program");
        assert!(failure.message.starts_with("cannot start `no-such-program`"), "{failure}");
    }
}
