//! route: sends the events that fulfil a condition another way, gives them a service of their own, or
//! drops them. The first route whose conditions hold decides; an event that fulfils none stays as it
//! is.
//!
//! ```text
//!               ┌──► `id.errors`   output of a route: { when: …, output: errors }
//! EventBatch ───┼──► `id.audit`
//!               └──► `id`          the rest, and routes that only name a service
//! ```
//! *Promises:* every event leaves once or is counted once as filtered, with the operator's id. The
//! service belongs to an event's identity, so each route has its own issues. The graph lets no output
//! go unread.
//!
//! *State and limits:* at most [`ROUTES_MAX`] routes; a service is written once per batch.

use crate::batchwise::{Parted, parting};
use crate::filter::{Conditions, FilterOptions};
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Outputs, Port, Ports,
    Stage, StreamKind,
};
use engine::graph::{ID_CHARS_MAX, is_id};
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
    summary: "Sends events different ways by condition, gives them a service, or drops them.",
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
    /// The output by which they leave: nodes read it as `id.output`, and the rest as `id`.
    pub output: Option<String>,
    /// Drop them instead.
    pub drop: bool,
}

/// The routes, ready to be tried.
#[derive(Clone, Debug)]
pub struct Routes {
    routes: Vec<Route>,
    /// The names of outputs beside the main one, each once.
    outputs: Vec<String>,
    has_rest: bool,
}

#[derive(Clone, Debug)]
struct Route {
    when: Conditions,
    service: Option<String>,
    /// The way its events take, 0 for the main output; `None` drops them.
    way: Option<usize>,
}

impl Routes {
    /// Returns the routes that `options` describe.
    pub fn new(options: &RouteOptions) -> Routes {
        let mut outputs: Vec<String> = Vec::new();
        let mut way = |route: &RouteOption| {
            let Some(name) = &route.output else { return (!route.drop).then_some(0) };
            let known = outputs.iter().position(|output| output == name);
            Some(
                1 + known.unwrap_or_else(|| {
                    outputs.push(name.clone());
                    outputs.len() - 1
                }),
            )
        };
        let routes = options.routes.iter().map(|route| Route {
            when: Conditions::new(&route.when),
            service: route.service.clone(),
            way: way(route),
        });
        let routes: Vec<Route> = routes.collect();
        // Behind a route that takes every event nothing is left.
        let takes_all = |route: &RouteOption| route.when == FilterOptions::default();
        let last = options.routes.iter().position(takes_all).unwrap_or(routes.len());
        let reached = &routes[..routes.len().min(last + 1)];
        let has_rest = last == routes.len() || reached.iter().any(|route| route.way == Some(0));
        Routes { routes, outputs, has_rest }
    }

    /// Parts the events of a batch.
    pub(crate) fn part(&self, mut batch: EventBatch) -> Parted {
        let events = std::mem::take(&mut batch.events);
        let mut ways: Vec<Vec<EventRef>> = vec![Vec::new(); 1 + self.outputs.len()];
        let mut written: Vec<Option<Span>> = vec![None; self.routes.len()];
        let mut scratch = Vec::new();
        let base = batch.scratch.len();
        let mut left_out = 0;
        for mut event in events {
            let taken = self.routes.iter().position(|route| route.when.keep(&batch, &event));
            let Some(index) = taken else {
                ways[0].push(event);
                continue;
            };
            let Some(way) = self.routes[index].way else {
                left_out += i64::from(event.change);
                continue;
            };
            if let Some(service) = &self.routes[index].service {
                event.service = *written[index].get_or_insert_with(|| {
                    let start = base + scratch.len();
                    scratch.extend_from_slice(service.as_bytes());
                    Span::scratch(start, start + service.len())
                });
            }
            ways[way].push(event);
        }
        if !scratch.is_empty() {
            Arc::make_mut(&mut batch.scratch).append(&mut scratch);
        }
        let with = |events| match Vec::is_empty(&events) {
            // It is not sent on.
            true => EventBatch { events, extras: Vec::new(), ..batch.clone() },
            false => EventBatch { events, ..batch.clone() },
        };
        Parted { ways: ways.into_iter().map(with).collect(), left_out }
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
        let leads = route.output.is_some() || !named.is_empty();
        if leads == route.drop || route.service.as_deref() == Some("") {
            let message = format!("route {number} leads nowhere");
            let hint = "Give it a service, which is not empty, or an output; or drop: true.";
            refuse(message, hint);
        }
        if route.output.as_ref().is_some_and(|name| !is_id(name)) {
            let message = format!("route {number} has an output whose name cannot be one");
            let hint = format!("Use 1 to {ID_CHARS_MAX} of: lower-case letters, digits, `_`, `-`.");
            refuse(message, &hint);
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
        let names = self.routes.outputs.clone();
        parting(stage, inputs, COMPONENT.name, counter, &names, move |batch| routes.part(batch))
    }

    fn outputs(&self) -> Outputs {
        Outputs { has_main: self.routes.has_rest, named: self.routes.outputs.clone() }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: BTreeMap::new(),
        })
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
        let batch = parser.parse(&Arc::from("shop"), &chunk(LINES)).batch;
        let Parted { mut ways, left_out: dropped } = Routes::new(&options).part(batch);
        let batch = ways.remove(0);
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
    fn a_route_with_an_output_sends_events_another_way_and_the_rest_stays() {
        let options: RouteOptions = serde_json::from_value(json!({"routes": [
            {"when": {"min_severity": "error"}, "output": "errors"},
            {"when": {"contains": ["payment"]}, "output": "payments", "service": "pay"},
            {"when": {"min_severity": "fatal"}, "output": "errors"},
        ]}))
        .unwrap();
        let routes = Routes::new(&options);
        let batch = Parser::utc(Format::Auto).parse(&Arc::from("shop"), &chunk(LINES)).batch;
        let parted = routes.part(batch);
        let texts = |batch: &EventBatch| {
            let text = |event: &EventRef| {
                let (service, message) = (batch.service_of(event), batch.text(event.message));
                format!("{} {}", String::from_utf8_lossy(service), String::from_utf8_lossy(message))
            };
            batch.events.iter().map(text).collect::<Vec<_>>()
        };
        let ways: Vec<Vec<String>> = parted.ways.iter().map(texts).collect();
        assert_eq!(
            ways,
            [
                vec!["shop started"],
                vec!["shop payment of 7 refused", "auth no such user"],
                vec!["pay payment of 8"],
            ]
        );
        assert_eq!(parted.left_out, 0);
        let outputs = |routes: serde_json::Value| {
            let operator = build_route(json!({ "routes": routes })).unwrap();
            let Outputs { has_main, named } = operator.outputs();
            (has_main, named.join(" "))
        };
        let errors = json!({"when": {"min_severity": "error"}, "output": "errors"});
        assert_eq!(outputs(json!([errors])), (true, "errors".to_owned()));
        assert_eq!(outputs(json!([errors, {"drop": true}])), (false, "errors".to_owned()));
        assert_eq!(outputs(json!([errors, {"output": "rest"}])), (false, "errors rest".to_owned()));
        assert_eq!(outputs(json!([{"service": "a"}, errors])), (true, "errors".to_owned()));
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
        assert!(refused(json!([{"output": "a.b"}])));
        assert!(refused(json!([{"output": "a", "drop": true}])));
        assert!(refused(json!([{"output": "a", "service": ""}])));
        assert!(!refused(
            json!([{"drop": true}, {"output": "a"}, {"output": "a", "service": "b"}])
        ));
    }

    #[test]
    fn limit_routes_and_their_services_are_bounded() {
        let routes = |n: usize, bytes: usize| json!({"routes": vec![json!({"service": "s".repeat(bytes)}); n]});
        assert!(build_route(routes(ROUTES_MAX, SERVICE_BYTES_MAX)).is_ok());
        assert!(build_route(routes(ROUTES_MAX + 1, 1)).is_err());
        assert!(build_route(routes(1, SERVICE_BYTES_MAX + 1)).is_err());
    }
}
