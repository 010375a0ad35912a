//! What sources share that ask a server again and again: what a poll may use, where to begin, secrets
//! that never print, calls that a stop interrupts, and rows written as lines.
//!
//! *Not here:* when to poll and what to ask; that is each source's own.

mod apart;
mod base64;
mod budget;
mod health;
mod line;
#[cfg(test)]
mod scripted;
mod secret;
mod start;

pub use apart::apart;
pub use base64::{from_base64, to_base64};
pub use budget::{Budget, PollBudget};
pub use health::Health;
pub use line::{Members, append_line, shortened};
#[cfg(test)]
pub use scripted::Scripted;
pub use secret::{Secret, read_file};
pub use start::Start;

/// Returns a value as JSON; for what cannot fail, such as text and numbers.
pub fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
mod tests {
    use engine::component::Registry;
    use engine::graph::{Graph, GraphInput};

    /// Returns what is wrong with the options in a graph file of one source; that it has neither store
    /// nor operators is not what is asked.
    fn mistakes(text: &str) -> Vec<String> {
        const KNOWN: Registry =
            Registry(&[crate::elasticsearch::COMPONENT, crate::postgres::COMPONENT]);
        let text = format!("sources:\n  one: {text}\n");
        let input = GraphInput { name: "graph.yaml".into(), text, base: "/".into() };
        let found = Graph::read(&[input], KNOWN).unwrap_err();
        found.iter().map(|mistake| mistake.message.clone()).filter(|m| m.contains("one")).collect()
    }

    #[test]
    fn options_are_understood_as_people_write_them() {
        let good = [
            "{ type: elasticsearch, url: \"http://a\", index: logs }",
            "{ type: elasticsearch, url: [\"http://a\", \"http://b\"], index: \"logs-*\", query: { term: { env: live, n: 1 } }, fields: { message: text }, poll_budget: { time: 5s, requests: 20 }, overlap: 2m }",
            "{ type: postgres, url: \"postgres://me@db/x\", table: logs, key: id, tls: disable, columns: { message: text, level: sev } }",
            "{ type: postgres, host: db, table: app.logs, key: [at, id], start: now }",
        ];
        for text in good {
            assert_eq!(mistakes(text), [""; 0], "{text}");
        }
        let bad = "{ type: postgres, host: db, table: logs, key: id, poll_budget: { requets: 9 } }";
        assert_eq!(mistakes(bad).len(), 1);
    }
}
