//! Several files, files on disk, defaults, and what a graph says of itself.

use super::fakes::REGISTRY;
use super::{input, read};
use crate::graph::{FILE_BYTES_MAX, Graph, check_identity};
use std::path::{Path, PathBuf};

const SOURCES: &str = "sources: { app: { type: stdin } }\n";
const SINKS: &str = "sinks: { store: { type: memory } }\n";

#[test]
fn several_files_are_read_as_one() {
    let inputs = [input("a.yaml", SOURCES), input("b.yaml", SINKS)];
    let graph = Graph::read(&inputs, REGISTRY).unwrap();
    assert_eq!(graph.sources.len(), 1);
    assert_eq!(graph.operators.len(), 10);
}

#[test]
fn an_id_in_two_files_names_both_places() {
    let b = "sinks: { app: { type: memory } }\nserver: {}\n";
    let c = "server: {}\n";
    let inputs = [input("a.yaml", SOURCES), input("b.yaml", b), input("c.yaml", c)];
    let found = Graph::read(&inputs, REGISTRY).unwrap_err();
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "b.yaml:1:10: the id `app` is already used at a.yaml:1:12",
            "c.yaml:1:1: `server` is already given at b.yaml:2:1",
        ]
    );
}

#[test]
fn a_broken_file_does_not_hide_the_mistakes_of_another() {
    let b = "sources: { app: { type: stdin, color: red } }\n";
    let inputs = [input("a.yaml", "sinks: { a: ["), input("b.yaml", b)];
    let found = Graph::read(&inputs, REGISTRY).unwrap_err();
    let files: Vec<&str> = found.iter().map(|mistake| mistake.file.as_str()).collect();
    assert_eq!(files, ["a.yaml", "b.yaml"], "{found:?}");
}

#[test]
fn default_sinks_are_used_only_if_the_files_have_none() {
    let default = input("(default)", "sinks: { db: { type: sqlite, path: x.db } }");
    let graph = Graph::read_with(&[input("a.yaml", SOURCES)], REGISTRY, &default).unwrap();
    assert_eq!(graph.store.id, "db");
    assert_eq!(graph.store.inputs, ["counts", "issues", "tags", "alerts", "standings"]);
    let own = input("a.yaml", &format!("{SOURCES}{SINKS}"));
    assert_eq!(Graph::read_with(&[own], REGISTRY, &default).unwrap().store.id, "store");
}

#[test]
fn without_inputs_nothing_is_read() {
    let found = Graph::read(&[], REGISTRY).unwrap_err();
    assert_eq!(found[0].message, "no graph file was given");
}

#[test]
fn a_byte_order_mark_and_crlf_move_no_mistake() {
    let found = read("\u{feff}sources:\r\n  ä: { type: stdin }\r\nfoo: 1\r\n").unwrap_err();
    let places: Vec<(usize, usize)> = found.iter().map(|m| (m.line, m.column)).collect();
    assert!(places.contains(&(2, 3)) && places.contains(&(3, 1)), "{found:?}");
}

#[test]
fn a_store_that_takes_only_counts_leaves_the_rest_of_the_chain_out() {
    let text = format!("{SOURCES}sinks: {{ store: {{ type: memory, inputs: [counts] }} }}");
    let graph = read(&text).unwrap();
    let ids: Vec<&str> = graph.operators.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids, ["events", "prints", "counts"]);
}

#[test]
fn identities_carry_node_and_type_and_tell_a_changed_graph() {
    let file = |size: &str| {
        format!(
            "{SOURCES}{SINKS}operators:\n  e: {{ type: parse, inputs: [app] }}\n  \
             p: {{ type: fingerprint, inputs: [e] }}\n  \
             c: {{ type: window, inputs: [p], size: {size} }}\n"
        )
        .replace("type: memory", "type: memory, inputs: [c]")
    };
    let (minute, five) = (read(&file("60s")).unwrap(), read(&file("5m")).unwrap());
    let nodes: Vec<String> =
        minute.identity().iter().map(|node| format!("{}:{}", node.node, node.component)).collect();
    assert_eq!(nodes, ["c:window", "e:parse", "p:fingerprint"]);
    assert_eq!(check_identity(&minute.identity(), &read(&file("1m")).unwrap().identity()), Ok(()));
    let error = check_identity(&minute.identity(), &five.identity()).unwrap_err();
    assert_eq!(error.node, "c");
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("seismolog-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_that_cannot_be_read_are_mistakes_all_at_once() {
    let folder = Folder::new("unreadable");
    let latin = folder.write("latin.yaml", [b'a', 0xe4]);
    let large = folder.write("large.yaml", vec![b'#'; FILE_BYTES_MAX + 1]);
    let paths = [folder.0.join("missing.yaml"), folder.0.clone(), latin, large];
    let found = Graph::load(&paths, REGISTRY).unwrap_err();
    let messages: Vec<&str> = found.iter().map(|mistake| mistake.message.as_str()).collect();
    assert!(messages[0].starts_with("cannot read the graph file: "), "{messages:?}");
    assert_eq!(
        messages[1..],
        [
            "the graph file is a directory",
            "the file is not UTF-8 text: byte 1 is wrong",
            "the file is larger than 1048576 bytes",
        ]
    );
}

#[test]
fn a_device_is_refused_before_it_is_opened() {
    let found = Graph::load(&[Path::new("/dev/zero")], REGISTRY).unwrap_err();
    assert_eq!(found[0].message, "the graph file is not a regular file");
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let folder = Folder::new("relative");
    let path = folder.write("graph.yaml", format!("{SOURCES}{SINKS}server: {{ token_file: t }}\n"));
    let graph = Graph::load(&[path], REGISTRY).unwrap();
    assert_eq!(graph.server.unwrap().token_file.unwrap(), folder.0.join("t"));
}
