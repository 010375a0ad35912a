//! A Postgres server of the benchmark's own, behind a proxy that can be told to misbehave: another process,
//! so that what the tests use is not built into what is measured.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running server. Ended when dropped.
pub struct Server {
    /// The address of an empty database.
    pub url: String,
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    /// Builds and starts the server.
    pub fn start() -> Result<Server> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let words = ["run", "--quiet", "--package", "engine", "--features", "testing"];
        let mut child = Command::new(cargo)
            .current_dir(crate::root())
            .args(words)
            .args(["--example", "postgres_server"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut server = Server { url: String::new(), child, commands, answers };
        server.url = server.answer()?;
        Ok(server)
    }

    /// Tells it one thing, such as `crash`, and waits until it has happened.
    pub fn tell(&mut self, command: &str) -> Result<()> {
        let commands = self.commands.as_mut().context("it was started with a pipe")?;
        writeln!(commands, "{command}")?;
        let answer = self.answer()?;
        ensure!(answer == "done", "{command}: the server said {answer:?}");
        Ok(())
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "the Postgres server has ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends, and removes its folder, when its commands end.
        self.commands = None;
        let _ = self.child.wait();
    }
}
