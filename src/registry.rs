//! The list of every component: a new one is one file, one line here, its tests, its docs.

use engine::component::Registry;

/// Every component the binary knows, in the order of the manual.
pub const REGISTRY: Registry = Registry(&[
    sources::file::COMPONENT,
    sources::stdin::COMPONENT,
    sources::http::COMPONENT,
    sources::otlp::COMPONENT,
    sources::journald::COMPONENT,
    sources::elasticsearch::COMPONENT,
    sources::postgres::COMPONENT,
    sources::synthetic::COMPONENT,
    operators::parse::COMPONENT,
    operators::redact::COMPONENT,
    operators::filter::COMPONENT,
    operators::sample::COMPONENT,
    operators::route::COMPONENT,
    operators::fingerprint::COMPONENT,
    operators::window::COMPONENT,
    operators::pattern::COMPONENT,
    operators::issue::COMPONENT,
    operators::embed::COMPONENT,
    operators::cluster::COMPONENT,
    operators::classify::COMPONENT,
    operators::spike::COMPONENT,
    operators::alert::COMPONENT,
    operators::triage::COMPONENT,
    sinks::store::SQLITE,
    sinks::store::POSTGRES,
    sinks::store::MEMORY,
    sinks::notify::webhook::COMPONENT,
    sinks::notify::slack::COMPONENT,
    sinks::notify::pagerduty::COMPONENT,
    sinks::notify::alertmanager::COMPONENT,
    sinks::notify::email::COMPONENT,
    sinks::notify::chat::COMPONENT,
    sinks::notify::stdout::COMPONENT,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_explains_itself_and_its_options() {
        for component in REGISTRY.0 {
            assert!(component.summary.ends_with('.'), "{} has no sentence", component.name);
            let schema = (component.schema)().to_value();
            let options = schema["properties"].as_object().into_iter().flatten();
            for (option, description) in options {
                let documented =
                    description["description"].is_string() || description["$ref"].is_string();
                assert!(documented, "option {option} of {} has no sentence", component.name);
            }
        }
    }

    #[test]
    fn names_are_unique_within_a_kind() {
        for component in REGISTRY.0 {
            let same = REGISTRY.names(component.kind()).filter(|name| *name == component.name);
            assert_eq!(same.count(), 1, "{} is listed twice", component.name);
        }
    }
}
