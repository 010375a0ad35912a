//! route: gives the events that fulfil a condition a service of their own, or drops them. The first
//! route whose conditions hold decides; an event that fulfils none stays as it is.
//!
//! *Promises:* every event leaves once or is counted once as filtered, with the operator's id. The
//! service belongs to an event's identity, so each route has its own issues.
//!
//! *State and limits:* at most [`ROUTES_MAX`] routes; a service is written once per batch.

use crate::batchwise::batchwise;
use crate::filter::{Conditions, FilterOptions};
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::model::{Counter, EventBatch, EventRef, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many routes there may be.
pub const ROUTES_MAX: usize = 64;
/// The longest service a route may name, in bytes.
const SERVICE_BYTES_MAX: usize = 256;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "route",
    summary: "Gives events a service by condition, or drops and counts them.",
    inputs: &[(StreamKind::Events, true)],
    output: Some(StreamKind::Events),
    schema: || schemars::schema_for!(RouteOptions),
    build: Build::Operator(build),
};

/// The options of `route`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RouteOptions {
    /// The routes; the first whose conditions hold decides.
    pub routes: Vec<RouteOption>,
}

/// One route.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RouteOption {
    /// Which events take it: conditions as of `filter`; without any, every event.
    pub when: FilterOptions,
    /// The service they belong to from here on.
    pub service: Option<String>,
    /// Drop them instead.
    pub drop: bool,
}

/// The routes, ready to be tried.
#[derive(Clone, Debug)]
pub struct Routes {
    /// A route without service drops.
    routes: Vec<(Conditions, Option<String>)>,
}

impl Routes {
    /// Returns the routes that `options` describe.
    pub fn new(options: &RouteOptions) -> Routes {
        let routes = options.routes.iter().map(|route| {
            let service = route.service.clone().filter(|_| !route.drop);
            (Conditions::new(&route.when), service)
        });
        Routes { routes: routes.collect() }
    }

    /// Routes the events of `batch` and returns how many were dropped, less those that took an
    /// earlier one back.
    pub fn apply(&self, batch: &mut EventBatch) -> i64 {
        let mut events = std::mem::take(&mut batch.events);
        let mut written: Vec<Option<Span>> = vec![None; self.routes.len()];
        let mut scratch = Vec::new();
        let base = batch.scratch.len();
        let mut dropped = 0;
        events.retain_mut(|event: &mut EventRef| {
            let taken = self.routes.iter().position(|(when, _)| when.keep(batch, event));
            let Some(index) = taken else { return true };
            let Some(service) = &self.routes[index].1 else {
                dropped += i64::from(event.change);
                return false;
            };
            event.service = *written[index].get_or_insert_with(|| {
                let start = base + scratch.len();
                scratch.extend_from_slice(service.as_bytes());
                Span::scratch(start, start + service.len())
            });
            true
        });
        if !scratch.is_empty() {
            Arc::make_mut(&mut batch.scratch).append(&mut scratch);
        }
        batch.events = events;
        dropped
    }
}

/// A configured `route`.
#[derive(Clone, Debug)]
pub struct RouteOperator {
    routes: Routes,
}

impl RouteOperator {
    /// Returns the operator with these options.
    pub fn new(options: &RouteOptions) -> Self {
        Self { routes: Routes::new(options) }
    }
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let options: RouteOptions = options.parse()?;
    let mut errors = Vec::new();
    let mut refuse = |message: String, hint: &str| {
        errors.push(OptionsError::at("routes", message).hint(hint));
    };
    if options.routes.len() > ROUTES_MAX {
        let message = format!("cannot take {} routes", options.routes.len());
        refuse(message, &format!("Use at most {ROUTES_MAX}."));
    }
    for (index, route) in options.routes.iter().enumerate() {
        let number = index + 1;
        let named = route.service.as_deref().unwrap_or_default();
        if named.is_empty() != route.drop || route.drop && route.service.is_some() {
            let message = format!("route {number} leads nowhere");
            refuse(message, "Give it either a service, which is not empty, or drop: true.");
        }
        if named.len() > SERVICE_BYTES_MAX {
            let message = format!("the service of route {number} has {} bytes", named.len());
            refuse(message, &format!("Use at most {SERVICE_BYTES_MAX}."));
        }
        for error in route.when.errors() {
            refuse(format!("in route {number}: {}", error.message), "Mend its conditions.");
        }
    }
    if errors.is_empty() { Ok(Box::new(RouteOperator::new(&options))) } else { Err(errors) }
}

impl Operator for RouteOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, inputs: Ports<'s>) -> Port<'s> {
        let routes = self.routes.clone();
        let counter = Counter::Filtered(stage.id.to_owned());
        batchwise(stage, inputs, COMPONENT.name, counter, move |batch| routes.apply(batch))
    }

    fn identity(&self) -> NodeIdentity {
        NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Format;
    use crate::parse::Parser;
    use crate::stage_test::chunk;
    use serde_json::json;

    const LINES: &str = "ERROR: payment of 7 refused\nDEBUG: payment of 8\nINFO: started\n\
                         {\"level\":\"error\",\"msg\":\"no such user\",\"service\":\"auth\"}\n";

    fn build_route(options: serde_json::Value) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
        build(&Options { id: "ways".to_owned(), value: options, base: "/".into() })
    }

    /// Returns the service and message of every event that is left, and how many were dropped.
    fn routed(options: serde_json::Value) -> (Vec<(String, String)>, i64) {
        let options: RouteOptions = serde_json::from_value(options).unwrap();
        let mut parser = Parser::utc(Format::Auto);
        let mut batch = parser.parse(&Arc::from("shop"), &chunk(LINES)).batch;
        let dropped = Routes::new(&options).apply(&mut batch);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let events = batch.events.iter();
        let left =
            events.map(|e| (text(batch.service_of(e)), text(batch.text(e.message)))).collect();
        (left, dropped)
    }

    #[test]
    fn the_first_route_that_fits_names_the_service() {
        let (left, dropped) = routed(json!({"routes": [
            {"when": {"contains": ["payment"], "min_severity": "info"}, "service": "payments"},
            {"when": {"contains": ["payment"]}, "drop": true},
            {"when": {"service": ["auth"]}, "service": "identity"},
        ]}));
        let services: Vec<&str> = left.iter().map(|(service, _)| service.as_str()).collect();
        assert_eq!(services, ["payments", "shop", "identity"]);
        assert_eq!(left[0].1, "payment of 7 refused");
        assert_eq!(dropped, 1);
    }

    #[test]
    fn without_routes_events_stay_as_they_are() {
        let (left, dropped) = routed(json!({}));
        assert_eq!((left.len(), dropped), (4, 0));
        assert_eq!(left[3].0, "auth");
    }

    #[test]
    fn routes_that_lead_nowhere_or_are_never_taken_are_refused() {
        let refused = |routes: serde_json::Value| build_route(json!({"routes": routes})).is_err();
        assert!(refused(json!([{"when": {"contains": ["x"]}}])));
        assert!(refused(json!([{"service": ""}])));
        assert!(refused(json!([{"service": "a", "drop": true}])));
        assert!(refused(json!([{"when": {"contains": [""]}, "drop": true}])));
        assert!(!refused(json!([{"drop": true}])));
    }

    #[test]
    fn limit_routes_and_their_services_are_bounded() {
        let routes = |n: usize, bytes: usize| json!({"routes": vec![json!({"service": "s".repeat(bytes)}); n]});
        assert!(build_route(routes(ROUTES_MAX, SERVICE_BYTES_MAX)).is_ok());
        assert!(build_route(routes(ROUTES_MAX + 1, 1)).is_err());
        assert!(build_route(routes(1, SERVICE_BYTES_MAX + 1)).is_err());
    }
}
