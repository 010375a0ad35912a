//! The model of a running engine: opened once, by whoever needs it first.
//!
//! Only the engine's own threads fetch it (`model.fetch` of the graph file); a question never does, so
//! that no answer waits for a download.

use crate::cli::model::CACHE_VARIABLE;
use crate::model::fetch::{Fetched, fetch};
use crate::model::files::Places;
use anyhow::{Context, Result, bail};
use encoder::Encoder;
use engine::component::Embedder;
use engine::graph::ModelOptions;
use engine::model::KernelClass;
use engine::runtime::embedding::OpenEmbedder;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
pub struct SharedModel {
    options: ModelOptions,
    opened: Mutex<Option<Arc<Encoder>>>,
}

impl SharedModel {
    /// Returns the model that a graph file describes; nothing is read yet.
    pub fn new(options: ModelOptions) -> SharedModel {
        SharedModel { options, opened: Mutex::new(None) }
    }

    /// Returns the model, if it is on this machine; else a sentence that says what to do.
    pub fn local(&self) -> Result<Arc<dyn Embedder>, String> {
        self.load().map(|encoder| encoder as _).map_err(|error| format!("{error:#}"))
    }

    fn places(&self) -> Result<Places> {
        Places::new(self.options.path.clone(), std::env::var_os(CACHE_VARIABLE).map(Into::into))
    }

    fn load(&self) -> Result<Arc<Encoder>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoder) = &*opened {
            return Ok(Arc::clone(encoder));
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let encoder = Arc::new(self.places()?.load()?.with_threads(threads));
        *opened = Some(Arc::clone(&encoder));
        Ok(encoder)
    }

    fn load_or_fetch(&self) -> Result<Arc<Encoder>> {
        let error = match self.load() {
            Ok(encoder) => return Ok(encoder),
            Err(error) => error,
        };
        if !self.options.fetch || self.options.path.is_some() {
            bail!(error);
        }
        let places = self.places()?;
        tracing::info!("fetching the model (90 MB, once) to {}", places.folder().display());
        if let Fetched::From(origin) = fetch(&places)? {
            tracing::info!("the model came from {origin}");
        }
        self.load().context("the model that was just fetched cannot be read")
    }
}

impl OpenEmbedder for SharedModel {
    fn kernel(&self) -> KernelClass {
        KernelClass::MINILM_L6_F32
    }

    fn open(&self) -> Result<Arc<dyn Embedder>, String> {
        self.load_or_fetch().map(|encoder| encoder as _).map_err(|error| format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::files::FILES;

    fn at(path: &std::path::Path) -> SharedModel {
        SharedModel::new(ModelOptions { enabled: true, path: Some(path.into()), fetch: true })
    }

    #[test]
    fn a_folder_without_the_model_is_said_and_nothing_is_fetched_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = at(folder.path()).open().err().unwrap();
        assert!(error.contains("tokenizer.json is missing"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn files_that_are_truncated_are_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            std::fs::write(folder.path().join(file.name), "{}").unwrap();
        }
        let error = at(folder.path()).local().err().unwrap();
        assert!(error.contains("cannot use the model in"), "{error}");
    }
}
