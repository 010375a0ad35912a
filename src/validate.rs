//! The verbs about the graph file: `validate`, `graph`, `schema`.

use crate::cli::{GraphArgs, GraphOutput, TextOutput, ValidateArgs, mistakes};
use crate::failure::Failure;
use crate::registry::REGISTRY;
use crate::run::load_paths;

/// The verb `validate`.
pub fn validate(args: ValidateArgs) -> Result<(), Failure> {
    let outcome = load_paths(&args.files);
    match (args.output, outcome) {
        (TextOutput::Text, Ok(graph)) => {
            println!(
                "ok: {} sources, {} operators, 1 store",
                graph.sources.len(),
                graph.operators.len()
            );
            Ok(())
        }
        (TextOutput::Json, Ok(_)) => {
            println!("{}", mistakes::to_json(&[]));
            Ok(())
        }
        (TextOutput::Json, Err(Failure::Configuration { inputs, mistakes: found })) => {
            println!("{}", mistakes::to_json(&found));
            Err(Failure::Configuration { inputs, mistakes: found })
        }
        (_, Err(failure)) => Err(failure),
    }
}

/// The verb `graph`.
pub fn graph(args: GraphArgs) -> Result<(), Failure> {
    let graph = load_paths(&args.files)?;
    match args.output {
        GraphOutput::Text => print!("{}", graph.to_text()),
        GraphOutput::Mermaid => print!("{}", graph.to_mermaid()),
        GraphOutput::Dot => print!("{}", graph.to_dot()),
        GraphOutput::Json => println!("{:#}", graph.to_json()),
    }
    Ok(())
}

/// The verb `schema`.
pub fn schema() -> Result<(), Failure> {
    println!("{:#}", engine::graph::schema(REGISTRY));
    Ok(())
}
