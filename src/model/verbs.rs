//! The verbs `model fetch | status | verify | embed`.

use crate::cli::TextOutput;
use crate::cli::model::{ModelPlace, ModelVerb};
use crate::failure::Failure;
use crate::model::embed::embed;
use crate::model::fetch::{Fetched, fetch};
use crate::model::files::{FILES, MODEL, Places, check};
use encoder::Kernel;
use engine::model::KernelClass;
use serde::Serialize;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

/// What is known about the model's files.
#[derive(Serialize)]
struct State {
    model: &'static str,
    /// `ready`, `missing` or `damaged`.
    state: &'static str,
    folder: PathBuf,
    /// What is wrong.
    problems: Vec<String>,
    /// The instructions that this processor would use.
    kernel: &'static str,
    /// The class of the vectors.
    kernel_class: String,
}

/// Does what the verb says.
pub fn perform(verb: ModelVerb) -> Result<(), Failure> {
    match verb {
        ModelVerb::Fetch { place } => {
            let places = places(place)?;
            let how = match fetch(&places)? {
                Fetched::AlreadyThere => "was there".to_owned(),
                Fetched::From(origin) => format!("came from {origin}"),
            };
            eprintln!("the model {how}: {}", places.folder().display());
            Ok(())
        }
        ModelVerb::Status { place, output } => {
            let places = places(place)?;
            let missing = places.missing();
            let problems = missing.iter().map(|path| format!("{} is missing", path.display()));
            print(&state(&places, problems.collect()), output)
        }
        ModelVerb::Verify { place, output } => verify(&places(place)?, output),
        ModelVerb::Embed { place, file, threads, .. } => {
            let encoder = places(place)?.load()?;
            let threads = threads.unwrap_or_else(|| {
                thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
            });
            embed(&encoder, &file, threads.get())
        }
    }
}

fn places(place: ModelPlace) -> Result<Places, Failure> {
    Ok(Places::new(place.path, place.cache)?)
}

fn state(places: &Places, problems: Vec<String>) -> State {
    let state = match (places.missing().is_empty(), problems.is_empty()) {
        (false, _) => "missing",
        (true, false) => "damaged",
        (true, true) => "ready",
    };
    State {
        model: MODEL,
        state,
        folder: places.folder().to_owned(),
        problems,
        kernel: Kernel::detect().name(),
        kernel_class: KernelClass::MINILM_L6_F32.to_string(),
    }
}

/// Checks every byte, reads the model, and embeds a text with it.
fn verify(places: &Places, output: TextOutput) -> Result<(), Failure> {
    let checked = FILES.iter().filter_map(|&file| {
        check(&places.folder().join(file.name), file).err().map(|error| format!("{error:#}"))
    });
    let mut problems: Vec<String> = checked.collect();
    if problems.is_empty() {
        let embedded = places.load().and_then(|encoder| {
            let tokens = encoder.tokenize("connection refused");
            Ok(encoder.embed(&[&tokens])?)
        });
        problems.extend(embedded.err().map(|error| format!("{error:#}")));
    }
    let ready = problems.is_empty();
    print(&state(places, problems), output)?;
    if ready { Ok(()) } else { Err(Failure::Silent) }
}

fn print(state: &State, output: TextOutput) -> Result<(), Failure> {
    match output {
        TextOutput::Json => println!("{}", serde_json::to_string(state)?),
        TextOutput::Text => {
            println!("{}: {} ({})", state.model, state.state, state.folder.display());
            println!("vectors: {}, computed with {}", state.kernel_class, state.kernel);
            for problem in &state.problems {
                println!("  {problem}");
            }
            if !state.problems.is_empty() {
                println!("Hint: run `seismolog model fetch`");
            }
        }
    }
    Ok(())
}
