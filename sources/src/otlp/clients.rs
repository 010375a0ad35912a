//! The OpenTelemetry SDKs for Python and for Node push to our source. Their packages, of pinned
//! versions, are installed once from the usual registries into the user's cache, outside the checkout
//! (`tests/clients`); without Python, Node, or a first access to the registries these tests fail.

use super::tests::{life, new};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One installation at a time: the tests are threads of one process.
static INSTALLING: Mutex<()> = Mutex::new(());

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
}

/// Runs a command to its end; returns nothing unless it succeeds.
fn run(command: &mut Command, needs: &str) {
    let output =
        command.output().unwrap_or_else(|error| panic!("this test needs {needs}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed; this test needs {needs}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the folder with what `install` puts into the folder it is given, for these pinned versions.
fn installed(name: &str, pinned: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.expect("a home folder").join("seismolog/test-clients");
    let digest = &blake3::hash(pinned.as_bytes()).to_hex()[..16];
    let folder = cache.join(format!("{name}-{digest}"));
    if !folder.exists() {
        std::fs::create_dir_all(&cache).unwrap();
        let unfinished = tempfile::tempdir_in(&cache).unwrap();
        install(unfinished.path());
        // Another process may have been faster; then its folder is as good.
        let _faster = std::fs::rename(unfinished.path(), &folder);
    }
    folder
}

/// The lines as JSON, but for those whose message begins with `usual`, which are counted.
fn unusual(lines: &[String], usual: &str) -> (usize, Vec<Value>) {
    let values = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (usual, unusual): (Vec<_>, Vec<_>) =
        values.partition(|value| value["message"].as_str().is_some_and(|m| m.starts_with(usual)));
    (usual.len(), unusual)
}

#[test]
fn the_sdk_for_python_is_understood() {
    let pinned = include_str!("../../../tests/clients/requirements.txt");
    let packages = installed("python", pinned, |folder| {
        let requirements = clients().join("requirements.txt");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]);
        pip.args(["--timeout=30", "--retries=2", "--disable-pip-version-check", "--target"]);
        run(pip.arg(folder).arg("-r").arg(requirements), "python3 with pip, and a registry");
    });
    let source = new(json!({}));
    let bound = source.bound();
    let life = life(source);
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    python.arg(clients().join("otlp_python.py"));
    run(python.arg(format!("http://{}/v1/logs", bound.wait())), "python3");
    let (usual, rest) = unusual(&life.stop().lines(), "order ");
    assert_eq!((usual, rest.len()), (1000, 2), "{rest:#?}");
    assert_eq!(rest[0]["message"], "stock is low");
    assert_eq!((&rest[0]["severity_number"], &rest[0]["logger"]), (&13.into(), &"shop.pay".into()));
    assert_eq!(rest[0]["attributes"]["item"], "tea");
    assert_eq!(rest[1]["service.name"], "python-shop");
    assert_eq!(rest[1]["exception.type"], "KeyError");
    let trace = rest[1]["exception.stacktrace"].as_str().unwrap();
    assert!(trace.starts_with("Traceback") && trace.contains("KeyError: 'missing'"), "{trace}");
}

#[test]
fn the_sdk_for_node_is_understood_in_both_encodings() {
    let pinned = include_str!("../../../tests/clients/package-lock.json");
    let folder = installed("node", pinned, |folder| {
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(clients().join(name), folder.join(name)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]);
        npm.args(["--fetch-timeout=30000", "--fetch-retries=2"]);
        run(npm.current_dir(folder), "Node with npm, and a registry");
    });
    // Packages are found from where the script lies.
    let script = folder.join(format!("client-{}.mjs", std::process::id()));
    std::fs::copy(clients().join("otlp_node.mjs"), &script).unwrap();
    for encoding in ["json", "protobuf"] {
        let source = new(json!({}));
        let bound = source.bound();
        let life = life(source);
        let mut node = Command::new("node");
        node.arg(&script).arg(format!("http://{}/v1/logs", bound.wait())).arg(encoding);
        run(&mut node, "Node 20 or newer");
        let (usual, rest) = unusual(&life.stop().lines(), "cart ");
        assert_eq!((usual, rest.len()), (1000, 1), "{rest:#?}");
        let body: Value = serde_json::from_str(rest[0]["message"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"event": "checkout", "total": 12.5, "items": ["tea", null]}));
        assert_eq!(rest[0]["service.name"], "node-shop");
        assert_eq!(rest[0]["exception.type"], "TypeError");
        let trace = rest[0]["exception.stacktrace"].as_str().unwrap();
        assert!(trace.starts_with("TypeError: ") && trace.contains("client-"), "{trace}");
    }
    std::fs::remove_file(script).unwrap();
}
