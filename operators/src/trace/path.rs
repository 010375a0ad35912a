//! Files without where they were built or deployed: the last folder and the name of a source file,
//! without extension, hash and version.

use super::lines::{is_digits, is_hex};

/// Everything up to such a folder is where the program lies.
const ROOTS: &[&str] = &[
    "app",
    "src",
    "lib",
    "dist",
    "build",
    "out",
    "current",
    "code",
    "html",
    "htdocs",
    "public_html",
    "wwwroot",
    "public",
    "web",
    "workspace",
    "target",
    "static",
    "assets",
    "js",
    "_next",
    "chunks",
];
/// In front of a path, such a folder and the one in it (a name, a version) are where it lies.
const ROOTS_OF_NAMES: &[&str] = &[
    "releases", "srv", "opt", "home", "Users", "www", "deploy", "deploys", "builds", "projects",
    "dev", "repos", "work", "git", "versions", "tmp", "apps", "sites", "data", "mnt", "repo",
    "private", "local",
];
/// In front of a path, such a folder alone is.
const PREFIXES: &[&str] = &["var", "usr", "root", "github"];
/// Parts of the names of bundles that say nothing of what is in them.
const BUNDLE_PARTS: &[&str] = &["min", "bundle", "chunk", "prod", "production", "development"];

/// Returns what stays of `path` when it is deployed elsewhere: `orders/views` of
/// `/srv/shop/releases/20240101/orders/views.py`.
pub(super) fn path_key(path: &str) -> String {
    let path = path.replace('\\', "/");
    let (path, is_absolute) = without_scheme(&path);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let mut folders: Vec<&str> =
        path.split('/').filter(|one| !matches!(*one, "" | "." | "..")).collect();
    let Some(file) = folders.pop() else { return String::new() };
    let start = deployed_at(&folders, is_absolute);
    let mut kept = folders[start..].iter().rev().filter(|folder| !is_volatile(folder));
    let name = stem(file);
    match kept.next() {
        Some(folder) => format!("{folder}/{name}"),
        None => name,
    }
}

/// Returns the path in a URL, and whether it begins at a root.
fn without_scheme(path: &str) -> (&str, bool) {
    match path.split_once("://") {
        Some((scheme, rest)) if scheme.starts_with("http") || scheme.starts_with("webpack") => {
            // What follows is a host, or the name of a bundle, which may be empty.
            (rest.split_once('/').map_or(rest, |(_, path)| path), false)
        }
        Some((_, rest)) => (rest, rest.starts_with('/')),
        None => (path, path.starts_with('/') || path.as_bytes().get(1) == Some(&b':')),
    }
}

/// Returns how many of `folders` only say where the program lies.
fn deployed_at(folders: &[&str], is_absolute: bool) -> usize {
    let mut start = 0;
    for (at, folder) in folders.iter().enumerate() {
        let is_front = is_absolute && at == start;
        if ROOTS.contains(folder) {
            start = at + 1;
        } else if is_front && ROOTS_OF_NAMES.contains(folder) {
            start = (at + 2).min(folders.len());
        } else if is_front && (PREFIXES.contains(folder) || is_drive(folder) || is_volatile(folder))
        {
            start = at + 1;
        } else if is_front && at > 1 && folders[at - 2] == "work" && folders[at - 1] == *folder {
            // `work/shop/shop`: a build machine's checkout in a folder of its own name.
            start = at + 1;
        }
    }
    start
}

fn is_drive(folder: &str) -> bool {
    folder.len() == 2 && folder.ends_with(':')
}

/// Returns whether a folder's name is a version, a date, a hash or a group (`(app)`).
fn is_volatile(folder: &str) -> bool {
    let digits = folder.bytes().filter(u8::is_ascii_digit).count();
    let version = folder.strip_prefix('v').unwrap_or(folder);
    let is_version =
        version.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_'));
    digits >= 4 || digits > 0 && (is_version || is_hex(folder, 7)) || folder.starts_with('(')
}

/// Returns the name of a file without its extension, hash and what else a bundler adds.
fn stem(file: &str) -> String {
    let (name, extension) = file.rsplit_once('.').unwrap_or((file, ""));
    let is_extension = extension.len() <= 5 && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    let name = if is_extension && !name.is_empty() { name } else { file };
    if !is_script(extension) {
        return name.to_owned();
    }
    let kept: Vec<&str> = name
        .split('.')
        .flat_map(|part| without_hash_after_hyphen(part))
        .filter(|part| !is_hash(part) && !is_digits(part) && !BUNDLE_PARTS.contains(part))
        .collect();
    if kept.is_empty() { "chunk".to_owned() } else { kept.join(".") }
}

fn is_script(extension: &str) -> bool {
    matches!(extension, "js" | "mjs" | "cjs" | "jsx" | "ts" | "tsx" | "mts" | "cts")
}

/// Returns whether the code in `file` has been through a bundler, which shortens names.
pub(super) fn is_bundle(file: &str) -> bool {
    let file = file.split(['?', '#']).next().unwrap_or(file);
    let name = file.rsplit('/').next().unwrap_or(file);
    let Some((name, extension)) = name.rsplit_once('.') else { return false };
    is_script(extension)
        && name.split('.').any(|part| {
            is_hash(part)
                || matches!(part, "min" | "bundle" | "chunk")
                || part.rsplit_once('-').is_some_and(|(_, end)| is_hash(end))
        })
}

/// Returns `part` as one name, without what follows its last hyphen if that is a hash.
fn without_hash_after_hyphen(part: &str) -> Option<&str> {
    match part.rsplit_once('-') {
        Some((name, end)) if is_hash(end) || is_digits(end) => Some(name),
        _ => Some(part),
    }
}

/// Returns whether `part` is a hash as bundlers write it: hexadecimal, or letters and digits mixed.
fn is_hash(part: &str) -> bool {
    let count = |class: fn(&u8) -> bool| part.bytes().filter(class).count();
    let digits = count(u8::is_ascii_digit);
    let is_word = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_mixed = (8..=24).contains(&part.len())
        && is_word
        && digits > 0
        && count(u8::is_ascii_uppercase) > 0
        && !part.ends_with(|letter: char| letter.is_ascii_digit() && digits == 1);
    digits > 0 && is_hex(part, 6) || is_mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_name_wherever_it_is_deployed() {
        for path in [
            "/srv/shop/releases/20240101/orders/views.py",
            "/srv/shop/current/orders/views.py",
            "/app/orders/views.py",
            "/usr/src/app/orders/views.py",
            "/home/deploy/shop/orders/views.py",
            "C:\\shop\\src\\orders\\views.py",
            "/builds/acme/shop/orders/views.py",
            "/home/runner/work/shop/shop/orders/views.py",
            "./orders/views.py",
            "/tmp/build-8f3a/src/orders/views.py",
        ] {
            assert_eq!(path_key(path), "orders/views", "{path}");
        }
        assert_eq!(path_key("/opt/shop/shop/api.py"), path_key("/app/shop/api.py"));
        for path in ["/app/main.py", "/srv/shop/releases/7/main.py", "main.py", "/opt/shop/main.py"]
        {
            assert_eq!(path_key(path), "main", "{path}");
        }
    }

    #[test]
    fn bundles_keep_their_names_without_hashes() {
        for path in [
            "https://cdn.shop.test/static/js/main.3f2a1b.js",
            "https://cdn.shop.test/assets/main-BvX9aQ2c.js?v=12",
            "webpack:///./src/main.ts?1a2b",
            "main.js",
            "/srv/shop/dist/main.min.js",
        ] {
            assert_eq!(path_key(path), "main", "{path}");
        }
        assert_eq!(path_key("/static/js/12.a3f2b1c9.chunk.js"), "chunk");
        assert_eq!(path_key("webpack-internal:///./src/cart/total.tsx"), "cart/total");
    }

    #[test]
    fn names_without_parts_are_no_trouble() {
        for path in ["", "/", "//", ".", ".js", "/.", "C:", "a://", "é/ü.py"] {
            path_key(path);
        }
        assert!(!is_bundle("/srv/cart.js") && is_bundle("/static/main.3f2a1b.js"));
    }
}
