//! The verb `demo`: the whole engine on a made-up incident, in a store that vanishes with it.

use crate::cli::DemoArgs;
use crate::failure::Failure;
use crate::registry::REGISTRY;
use anyhow::Context;
use engine::graph::{Graph, GraphInput};
use std::io::IsTerminal;
use std::process::{Command, Stdio};

/// History that is there at once: more than a day, so that what is older than the incident is not
/// called new.
const HISTORY_MINUTES: u32 = 25 * 60;

/// The verb `demo`.
pub fn demo(args: DemoArgs) -> Result<(), Failure> {
    let folder = tempfile::Builder::new()
        .prefix("seismolog-demo-")
        .tempdir()
        .context("cannot make a temporary folder for the demo's store")?;
    let text = serde_json::json!({
        "sources": { "demo": { "type": "synthetic", "seed": args.seed, "history_minutes": HISTORY_MINUTES } },
        "sinks": { "store": { "type": "sqlite", "path": folder.path().join("demo.db") } },
        "server": { "listen": args.listen },
    })
    .to_string();
    let inputs = vec![GraphInput { name: "demo".to_owned(), text, base: folder.path().to_owned() }];
    let graph = Graph::read(&inputs, REGISTRY)
        .map_err(|mistakes| Failure::Configuration { inputs, mistakes })?;
    let open = !args.no_open && std::io::stdout().is_terminal();
    crate::run::serve(graph, None, |address| {
        println!("ready {address}");
        eprintln!(
            "\n  Seismolog is watching made-up services. A day of history is there at once;\n  \
             within a minute an incident begins and shows under \"spiking\".\n\n  \
             Open {address}   (Ctrl-C ends the demo and deletes its store)\n"
        );
        if open {
            open_browser(address);
        }
    })
}

/// Opens the default browser, if there is one; the address has been printed anyway.
fn open_browser(address: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened = Command::new(opener)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = opened {
        tracing::debug!(%error, "no browser was opened");
    }
}
