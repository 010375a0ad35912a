//! The model's files from the Hugging Face hub.

use crate::model::files::{FILES, MODEL};
use anyhow::{Context, Result};
use hf_hub::api::Progress;
use hf_hub::api::sync::ApiBuilder;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::path::Path;

/// Puts the files into `folder`. Honours `HF_ENDPOINT`.
pub fn fetch(folder: &Path) -> Result<()> {
    // The hub's client keeps its own layout; the files are moved out of it.
    let layout = folder.join("hub");
    let api = ApiBuilder::from_env().with_cache_dir(layout).build();
    let model = api.context("cannot use the hub's client")?.model(MODEL.to_owned());
    for file in FILES {
        let path = model
            .download_with_progress(file.name, Bar(ProgressBar::hidden()))
            .with_context(|| format!("could not download {}", file.name))?;
        fs::rename(fs::canonicalize(path)?, folder.join(file.name))?;
    }
    Ok(())
}

/// A progress bar on standard error; nothing if that is not a terminal.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn init(&mut self, size: usize, filename: &str) {
        self.0 = ProgressBar::new(size as u64).with_message(filename.to_owned());
        let style =
            ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta} left");
        if let Ok(style) = style {
            self.0.set_style(style);
        }
    }

    fn update(&mut self, size: usize) {
        self.0.inc(size as u64);
    }

    fn finish(&mut self) {
        self.0.finish_and_clear();
    }
}
