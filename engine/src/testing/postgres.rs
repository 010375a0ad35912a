//! Real Postgres servers for tests: a cluster of their own in a temporary folder, on a free port.
//!
//! ```text
//! test process ──stdin──► sh ──► postgres     the pipe closes when the test process dies, however it
//!              ◄─stderr──────────┘            dies; then the shell ends the server and removes its files
//! ```
//! `Server::shared` is started once per test binary; `Server::start` makes one that a test may crash,
//! limit and reconfigure. `DATABASE_URL` replaces the shared server; one that must be crashed always
//! comes from the wheel. If neither can be had, the tests fail and say what to do; they never skip.
//!
//! *Not here:* faults on the way to the server (`fault_proxy`).

mod wheel;

pub use wheel::installation;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use wheel::run;

/// The user that runs servers when the tests run as root: nobody.
const UNPRIVILEGED: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];
/// The database with pgvector from which fresh ones are made.
const TEMPLATE: &str = "with_vector";
/// Ends the server when a line arrives or the pipe closes, and without a line removes its folder, since
/// nobody is left to do so; SIGQUIT is what Postgres calls an immediate shutdown.
const KEEPER: &str = "folder=$1; shift; \"$@\" & server=$!; read -r _; keep=$?; \
    kill -QUIT $server; wait $server; if [ $keep -ne 0 ]; then rm -rf \"$folder\"; fi";

/// A version that the tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Postgres 16.
    V16,
    /// Postgres 18.
    V18,
}

impl Version {
    /// Every version.
    pub const ALL: [Version; 2] = [Version::V16, Version::V18];

    /// Returns the folder of its programs.
    fn programs(self) -> PathBuf {
        let install = match self {
            Version::V16 => "pginstall",
            Version::V18 => "pginstall18",
        };
        installation().join(install).join("bin")
    }
}

/// A cluster, running or stopped. Dropping it ends and removes it.
pub struct Server {
    programs: PathBuf,
    /// Declared before the folder: the server ends before its files go.
    running: Option<Running>,
    folder: Folder,
    port: u16,
    settings: Vec<String>,
}

/// Where to find a server.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address without a database: `postgres://user@host:port`.
    pub server: String,
    /// The program `psql`.
    psql: PathBuf,
}

/// A folder that is removed with its contents.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The shell that keeps the server.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.0.stdin.take() {
            let _ = stdin.write_all(b"keep the folder\n");
        }
        let _ = self.0.wait();
    }
}

impl Server {
    /// Returns the address of the server that all tests of this process share.
    pub fn shared(version: Version) -> &'static Address {
        static SHARED: [OnceLock<(Option<Server>, Address)>; 2] =
            [OnceLock::new(), OnceLock::new()];
        let (_, address) = SHARED[version as usize].get_or_init(|| {
            if let Ok(url) = std::env::var("DATABASE_URL") {
                let server = url.rsplit_once('/').map_or(url.as_str(), |(server, _)| server);
                return (None, Address { server: server.to_owned(), psql: "psql".into() });
            }
            let server = Server::start(version, &[]);
            let address = server.address();
            (Some(server), address)
        });
        address
    }

    /// Starts a server of the test's own, with settings such as `max_connections=5`.
    pub fn start(version: Version, settings: &[&str]) -> Server {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("seismolog-postgres-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir(&folder.0).expect("the temporary folder is writable");
        let everyone = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(&folder.0, everyone).expect("it is ours");
        let programs = version.programs();
        let mut initdb = unprivileged(&programs.join("initdb"));
        initdb.args(["--no-sync", "--no-instructions", "--username=postgres", "--auth=trust"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--pgdata"]);
        run(initdb.arg(folder.0.join("data"))).expect("a cluster can be made");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let port = free_port();
        let mut server = Server { programs, folder, port, settings, running: None };
        server.start_again();
        let address = server.address();
        address.psql("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        address.psql(TEMPLATE, "CREATE EXTENSION vector");
        server
    }

    /// Returns where it listens.
    pub fn address(&self) -> Address {
        Address {
            server: format!("postgres://postgres@127.0.0.1:{}", self.port),
            psql: self.programs.join("psql"),
        }
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.0.join("data")
    }

    /// Ends it as a crash would: nothing is flushed, and the next start recovers from the log.
    pub fn crash(&mut self) {
        self.running = None;
    }

    /// Starts it on the same port and data; returns when it accepts connections.
    pub fn start_again(&mut self) {
        let postgres = unprivileged(&self.programs.join("postgres"));
        let mut command = Command::new("sh");
        // The user that runs the server may not enter the folder of the tests.
        command.current_dir("/").args(["-c", KEEPER, "sh"]).arg(&self.folder.0);
        command.arg(postgres.get_program()).args(postgres.get_args());
        command.arg("-D").arg(self.data());
        let (port, sockets) = (format!("port={}", self.port), self.folder.0.display());
        let sockets = format!("unix_socket_directories={sockets}");
        let ours = [&port, &sockets].map(String::as_str);
        let fixed = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=200"];
        for setting in ours.into_iter().chain(fixed).chain(self.settings.iter().map(String::as_str))
        {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("sh can be started");
        let log = child.stderr.take().expect("it is piped");
        self.running = Some(Running(child));
        wait_until_ready(BufReader::new(log));
    }

    /// Changes the settings with which it is started again.
    pub fn set(&mut self, settings: &[&str]) {
        self.settings = settings.iter().map(|&setting| setting.to_owned()).collect();
    }

    /// Limits how long any file of new sessions may get, as a disk that is full does; `None` lifts it.
    pub fn limit_file_bytes(&self, bytes: Option<u64>) {
        let pid_file = self.data().join("postmaster.pid");
        #[allow(clippy::disallowed_methods, reason = "a few lines that the server wrote")]
        let text = std::fs::read_to_string(pid_file).expect("the server runs");
        let pid = text.lines().next().expect("the first line is its process");
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let limit = format!("--fsize={limit}:");
        // Only who runs a process may limit it.
        run(unprivileged(Path::new("prlimit")).args(["--pid", pid, &limit]))
            .expect("a limit can be set");
    }
}

impl Address {
    /// Makes an empty database with pgvector and returns its address.
    pub fn database(&self) -> String {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let made =
            self.try_psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        if made.is_err() {
            self.psql("postgres", &format!("CREATE DATABASE {name}"));
        }
        format!("{}/{name}", self.server)
    }

    /// Runs SQL in a database and returns what it printed, without headings; panics if it fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|problem| panic!("{sql}: {problem}"))
    }

    /// Runs SQL in a database, or returns what was complained of.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(&self.psql);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--dbname"]);
        run(psql.arg(format!("{}/{database}", self.server)).args(["--command", sql]))
    }
}

/// Returns a command that runs `program` without the rights of root, which Postgres refuses.
fn unprivileged(program: &Path) -> Command {
    if !wheel::is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(UNPRIVILEGED).arg(program);
    // Nobody may not enter the folder of the tests.
    command.current_dir("/");
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback is there");
    listener.local_addr().expect("it is bound").port()
}

/// Reads the server's log until it says that it is ready, and goes on reading for as long as it runs,
/// so that it never waits for us.
#[allow(clippy::disallowed_methods, reason = "the server's own log, line by line")]
fn wait_until_ready(mut log: BufReader<std::process::ChildStderr>) {
    let mut said = String::new();
    while !said.ends_with("ready to accept connections\n") {
        let read = log.read_line(&mut said).expect("the log is text");
        assert!(read > 0, "the server ended before it was ready: {said}");
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_was_committed_when_it_crashes() {
        for version in Version::ALL {
            let mut server = Server::start(version, &[]);
            let address = server.address();
            let database = address.database();
            let name = database.rsplit('/').next().unwrap();
            address
                .psql(name, "CREATE TABLE kept (v vector(2)); INSERT INTO kept VALUES ('[1,2]')");
            server.crash();
            assert!(address.try_psql(name, "SELECT 1").is_err());
            server.start_again();
            assert_eq!(address.psql(name, "SELECT v FROM kept").trim(), "[1,2]");
        }
    }

    #[test]
    fn a_limit_on_files_is_an_error_until_it_is_lifted() {
        let server = Server::start(Version::V18, &[]);
        let address = server.address();
        let fill = "CREATE TABLE big AS SELECT repeat('x', 1000) FROM generate_series(1, 9000)";
        server.limit_file_bytes(Some(3 << 20));
        let refused = address.try_psql("postgres", fill).unwrap_err();
        assert!(refused.contains("disk space"), "{refused}");
        server.limit_file_bytes(None);
        address.psql("postgres", fill);
    }
}
