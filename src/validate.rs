//! The verbs about the graph file: `validate`, `graph`, `schema`.

use crate::cli::{GraphArgs, GraphOutput, TextOutput, ValidateArgs, mistakes};
use crate::failure::Failure;
use crate::registry::REGISTRY;
use crate::run::load_paths;
use engine::graph::Graph;

/// The verb `validate`.
pub fn validate(args: ValidateArgs) -> Result<(), Failure> {
    let outcome = load_paths(&args.files);
    match (args.output, outcome) {
        (TextOutput::Text, Ok(graph)) => {
            println!("{}", summary(&graph));
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

/// Returns what there is of each kind.
fn summary(graph: &Graph) -> String {
    format!(
        "ok: {} sources, {} operators, 1 store, {} notifiers",
        graph.sources.len(),
        graph.operators.len(),
        graph.notifiers.len()
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::graph::GraphInput;

    #[test]
    fn the_summary_counts_every_kind_of_component() {
        let text = r#"
            sources:
              app: { type: file, include: ["a.log"] }
              ours: { type: file, include: ["b.log"] }
            sinks:
              store: { type: memory }
              told: { type: stdout }
              hook: { type: webhook, url: "https://example.org/hook" }
        "#;
        let input = GraphInput {
            name: "graph.yaml".to_owned(),
            text: text.to_owned(),
            base: std::path::PathBuf::from("."),
        };
        let graph = Graph::read(&[input], REGISTRY).ok().unwrap();
        let operators = graph.operators.len();
        assert_eq!(
            summary(&graph),
            format!("ok: 2 sources, {operators} operators, 1 store, 2 notifiers")
        );
    }
}
