//! Checks that nothing in the repository only makes sense on one machine or in one network.

use super::Finding;

/// No absolute path of the machine on which a file was written.
pub fn no_machine_paths(path: &str, text: &str) -> Vec<Finding> {
    // Written in halves, so that this file does not find itself.
    const FOLDERS: &[&str] =
        &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/tmp", "/w/")];
    text.lines()
        .enumerate()
        .filter_map(|(at, line)| {
            let folder = FOLDERS.iter().find(|folder| begins_a_path(line, folder))?;
            Some(Finding::new(path, at + 1, format!("names a folder of one machine: {folder}")))
        })
        .collect()
}

/// Returns whether `folder` stands in `line` as the beginning of a path.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_.-*}~>/".contains(c))
    })
}

/// No registry but the usual ones: not in lock files, not in the tools' settings.
pub fn no_private_registry(path: &str, text: &str) -> Vec<Finding> {
    let name = path.rsplit('/').next().unwrap_or("");
    let suspicious: fn(&str) -> bool = match name {
        "Cargo.lock" => |line| line.starts_with("source = ") && !line.contains("crates.io-index"),
        // npm's `omit-lockfile-registry-resolved` leaves the addresses out.
        "package-lock.json" => |line| line.trim_start().starts_with("\"resolved\""),
        "config.toml" => |line| line.starts_with("[source") || line.starts_with("[registr"),
        ".npmrc" | "pip.conf" => |line| names_a_registry(line),
        _ => return Vec::new(),
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| suspicious(line))
        .map(|(at, line)| {
            Finding::new(path, at + 1, format!("names a private registry: {}", line.trim()))
        })
        .collect()
}

/// Returns whether a line of settings says where packages come from.
fn names_a_registry(line: &str) -> bool {
    let key = line.split('=').next().unwrap_or("").trim();
    key.ends_with("registry") || key.ends_with("index-url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found() {
        let line = concat!("see \"/ro", "ot/notes.md\"");
        assert_eq!(no_machine_paths("a.md", line).len(), 1);
        assert!(
            no_machine_paths("a.md", concat!("/var/wo", "rk/x and https://x/ro", "ot/y"))
                .is_empty()
        );
    }

    #[test]
    fn a_private_registry_in_a_lock_file_is_found() {
        let private = "      \"resolved\": \"https://npm.example.test/left/-/left-1.tgz\",\n";
        assert_eq!(no_private_registry("ui/package-lock.json", private).len(), 1);
        let private = "source = \"registry+https://crates.example.test/index\"\n";
        assert_eq!(no_private_registry("Cargo.lock", private).len(), 1);
    }

    #[test]
    fn a_private_registry_in_a_tools_settings_is_found() {
        let replaced = "[source.crates-io]\nreplace-with = \"mirror\"\n";
        assert_eq!(no_private_registry(".cargo/config.toml", replaced).len(), 1);
        assert_eq!(no_private_registry(".npmrc", "registry=https://npm.example.test\n").len(), 1);
        assert!(no_private_registry(".npmrc", "omit-lockfile-registry-resolved=true\n").is_empty());
    }
}
