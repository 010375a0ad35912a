//! Checks of the layout (STYLE §2): who may depend on whom, and which test files run.

use super::Finding;

/// The crates of this workspace that each crate may use. A crate that is missing here may use none.
const MAY_USE: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("operators", &["engine"]),
    ("encoder", &["engine"]),
    ("sources", &["engine"]),
    ("sinks", &["engine"]),
    ("dashboard", &["engine"]),
    ("seismolog", &["engine", "operators", "encoder", "sources", "sinks", "dashboard"]),
    ("benches", &["engine", "operators", "encoder", "sources", "sinks", "dashboard", "seismolog"]),
    ("xtask", &[]),
];

/// Crates whose releases break often: one crate depends on them, one file names them.
const DATAFLOW_CRATES: &[&str] = &["timely", "differential_dataflow"];
const DATAFLOW_DOOR: &str = "engine/src/dataflow.rs";

/// Only the engine depends on the dataflow crates, and only its one door names them.
pub fn dataflow_crates_stay_behind_one_door(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with(".rs") || path == DATAFLOW_DOOR {
        return Vec::new();
    }
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter_map(|(at, line)| {
        let named = DATAFLOW_CRATES.iter().find(|name| names_crate(line, name))?;
        let what = format!("`{named}` may be named only in {DATAFLOW_DOOR}");
        Some(Finding::new(path, at + 1, what))
    })
    .collect()
}

/// Returns whether `line` uses `name` as the root of a path.
fn names_crate(line: &str, name: &str) -> bool {
    let root = format!("{name}::");
    line.match_indices(&root).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            || line[..at].ends_with(" ::")
    })
}

/// Dependencies between the workspace's crates point one way; siblings never see each other.
pub fn dependencies_point_one_way(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let Some(package) = package_name(text) else { return Vec::new() };
    let allowed =
        MAY_USE.iter().find(|(name, _)| *name == package).map_or(&[][..], |entry| entry.1);
    let refused = |name: &str| {
        let ours = MAY_USE.iter().any(|(member, _)| *member == name);
        let dataflow = DATAFLOW_CRATES.contains(&name.replace('-', "_").as_str());
        (ours && !allowed.contains(&name)) || (dataflow && package != "engine")
    };
    dependencies(text)
        .into_iter()
        .filter(|(_, name)| refused(name))
        .map(|(line, name)| Finding::new(path, line, format!("{package} may not use {name}")))
        .collect()
}

/// Returns the name in the `[package]` section.
fn package_name(manifest: &str) -> Option<&str> {
    let package = manifest.split("[package]").nth(1)?;
    let line = package.lines().find(|line| line.starts_with("name"))?;
    Some(line.split('"').nth(1).unwrap_or(""))
}

/// Returns line and name of every dependency, of every kind.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (at, line) in manifest.lines().enumerate() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies") && section != "workspace.dependencies";
            if let Some((kind, name)) = section.rsplit_once('.')
                && kind.ends_with("dependencies")
                && kind != "workspace.dependencies"
            {
                found.push((at + 1, name));
            }
        } else if inside && line.starts_with(|c: char| c.is_alphanumeric()) {
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            found.push((at + 1, &line[..end]));
        }
    }
    found
}

/// Every file beside a `tests/main.rs` is one of its modules; else it would never run.
pub fn test_files_are_listed(main: &str, text: &str, all: &[&str]) -> Vec<Finding> {
    let folder = main.trim_end_matches("main.rs");
    let beside = all.iter().filter_map(|path| {
        let name = path.strip_prefix(folder)?;
        let name = name.strip_suffix("/mod.rs").or_else(|| name.strip_suffix(".rs"))?;
        (!name.contains('/') && name != "main").then_some(name)
    });
    beside
        .filter(|name| !text.lines().any(|line| line == format!("mod {name};")))
        .map(|name| {
            Finding::new(main, 0, format!("test file {name:?} is not listed: `mod {name};`"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataflow_import_outside_the_door_is_found() {
        let import = format!("use {}::dataflow::Scope;\n", DATAFLOW_CRATES[0]);
        assert_eq!(dataflow_crates_stay_behind_one_door("engine/src/lib.rs", &import).len(), 1);
        assert!(dataflow_crates_stay_behind_one_door(DATAFLOW_DOOR, &import).is_empty());
        let inline = format!("    let x: {}::Collection = y;\n", DATAFLOW_CRATES[1]);
        assert_eq!(dataflow_crates_stay_behind_one_door("sinks/src/lib.rs", &inline).len(), 1);
    }

    #[test]
    fn a_comment_or_a_longer_name_is_no_import() {
        let text = format!("// see {0}::Scope\nuse un{0}::Scope;\n", DATAFLOW_CRATES[0]);
        assert!(dataflow_crates_stay_behind_one_door("a.rs", &text).is_empty());
    }

    #[test]
    fn siblings_that_see_each_other_are_found() {
        let manifest = "[package]\nname = \"sinks\"\n[dependencies]\nengine.workspace = true\n\
                        sources.workspace = true\n[dev-dependencies]\noperators = { path = \"..\" }\n";
        let findings = dependencies_point_one_way("sinks/Cargo.toml", manifest);
        assert_eq!(findings.len(), 2);
        assert_eq!((findings[0].line, findings[1].line), (5, 7));
    }

    #[test]
    fn a_dataflow_dependency_outside_the_engine_is_found() {
        let manifest = |name: &str| {
            format!("[package]\nname = \"{name}\"\n[dependencies]\ntimely.workspace = true\n")
        };
        assert_eq!(dependencies_point_one_way("Cargo.toml", &manifest("operators")).len(), 1);
        assert!(dependencies_point_one_way("Cargo.toml", &manifest("engine")).is_empty());
    }

    #[test]
    fn the_workspace_list_and_the_root_package_may_name_everything() {
        let manifest = "[workspace.dependencies]\nengine = { path = \"engine\" }\ntimely = \"1\"\n\
                        [package]\nname = \"seismolog\"\n[dependencies]\nsinks.workspace = true\n";
        assert!(dependencies_point_one_way("Cargo.toml", manifest).is_empty());
    }

    #[test]
    fn an_unlisted_test_file_is_found() {
        let all =
            ["tests/main.rs", "tests/a.rs", "tests/b.rs", "tests/a/inner.rs", "tests/c/mod.rs"];
        let findings = test_files_are_listed("tests/main.rs", "mod a;\nmod c;\n", &all);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("\"b\""));
    }
}
