//! Where the model's files are, and whether they are the official ones.

use anyhow::{Context, Result, bail};
use encoder::{Accept, Encoder, TOKENIZER_SHA256, WEIGHTS_SHA256};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Name of the model where it comes from.
pub const MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";
/// A longer tokenizer file is refused; the official one has 466 KB.
const TOKENIZER_BYTES_MAX: u64 = 4 << 20;

/// A file of the model.
#[derive(Clone, Copy, Debug)]
pub struct ModelFile {
    /// Its name, here and where it comes from.
    pub name: &'static str,
    /// Digest of the official file.
    pub sha256: &'static str,
}

/// The files that are needed.
pub const FILES: [ModelFile; 2] = [
    ModelFile { name: "tokenizer.json", sha256: TOKENIZER_SHA256 },
    ModelFile { name: "model.safetensors", sha256: WEIGHTS_SHA256 },
];

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that the user named; then nothing else is looked at.
    pub path: Option<PathBuf>,
    /// Where fetched files are kept.
    pub cache: PathBuf,
}

impl Places {
    /// Returns the folder that the user named, and the cache: the named one or the platform's.
    pub fn new(path: Option<PathBuf>, cache: Option<PathBuf>) -> Result<Places> {
        let cache = cache.or_else(|| default_cache(|name| std::env::var_os(name).map(Into::into)));
        let cache = cache.context(
            "cannot tell where the model is kept: neither HOME nor XDG_CACHE_HOME is set. \
             Hint: name a folder with --cache or SEISMOLOG_MODEL_CACHE",
        )?;
        Ok(Places { path, cache })
    }

    /// Returns the folder in which the files must be.
    pub fn folder(&self) -> &Path {
        self.path.as_deref().unwrap_or(&self.cache)
    }

    /// Returns the files that are not there.
    pub fn missing(&self) -> Vec<PathBuf> {
        let paths = FILES.iter().map(|file| self.folder().join(file.name));
        paths.filter(|path| !path.is_file()).collect()
    }

    /// Reads the model; fails if a file is missing or not the official one.
    pub fn load(&self) -> Result<Encoder> {
        if let Some(missing) = self.missing().first() {
            let hint = match self.path {
                Some(_) => "the folder given with --path must hold the model's official files",
                None => "run `seismolog model fetch`",
            };
            bail!("there is no model: {} is missing. Hint: {hint}", missing.display());
        }
        let [tokenizer, weights] = FILES.map(|file| self.folder().join(file.name));
        let mut words = Vec::new();
        let file = File::open(&tokenizer).with_context(|| tokenizer.display().to_string())?;
        #[allow(clippy::disallowed_methods, reason = "limited by `take`")]
        file.take(TOKENIZER_BYTES_MAX).read_to_end(&mut words)?;
        let file = File::open(&weights).with_context(|| weights.display().to_string())?;
        Encoder::read(file, &words, Accept::Official)
            .with_context(|| format!("cannot use the model in {}", self.folder().display()))
    }
}

/// Returns the platform's folder for what can be fetched again, from the environment.
fn default_cache(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let folder = |name| variable(name).filter(|path| path.is_absolute());
    let caches = folder("XDG_CACHE_HOME").or_else(|| {
        let home = folder("HOME")?;
        Some(if cfg!(target_os = "macos") {
            home.join("Library/Caches")
        } else {
            home.join(".cache")
        })
    });
    Some(caches?.join("seismolog").join("all-MiniLM-L6-v2"))
}

/// Fails unless `path` has the digest of `file`.
pub fn check(path: &Path, file: ModelFile) -> Result<()> {
    let cannot_read = || format!("cannot read {}", path.display());
    let mut input = BufReader::with_capacity(1 << 16, File::open(path).with_context(cannot_read)?);
    let mut digest = Sha256::new();
    loop {
        let part = input.fill_buf().with_context(cannot_read)?;
        if part.is_empty() {
            break;
        }
        digest.update(part);
        let read = part.len();
        input.consume(read);
    }
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found != file.sha256 {
        bail!(
            "{} has sha256 {found}, expected {}: it is truncated, damaged or another file",
            path.display(),
            file.sha256
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_the_platforms_variables() {
        let set = |wanted: &'static str, value: &'static str| {
            move |name: &str| (name == wanted).then(|| PathBuf::from(value))
        };
        let folder = default_cache(set("XDG_CACHE_HOME", "/c")).unwrap();
        assert_eq!(folder, Path::new("/c/seismolog/all-MiniLM-L6-v2"));
        assert!(default_cache(set("HOME", "/h")).unwrap().starts_with("/h"));
        assert_eq!(default_cache(set("XDG_CACHE_HOME", "relative")), None);
        assert_eq!(default_cache(|_| None), None);
    }

    #[test]
    fn a_missing_model_is_named_with_what_to_do() {
        let cache = tempfile::tempdir().unwrap();
        let places = Places { path: None, cache: cache.path().to_owned() };
        let error = format!("{:#}", places.load().err().unwrap());
        assert!(error.contains("tokenizer.json is missing"), "{error}");
        assert!(error.contains("seismolog model fetch"), "{error}");
        let named = Places { path: Some(cache.path().to_owned()), ..places };
        assert!(format!("{:#}", named.load().err().unwrap()).contains("--path"));
    }

    #[test]
    fn a_file_with_another_digest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(check(&path, ModelFile { name: "x", sha256: abc }).is_ok());
        let error = check(&path, FILES[0]).unwrap_err().to_string();
        assert!(error.contains("truncated, damaged or another file"), "{error}");
    }
}
