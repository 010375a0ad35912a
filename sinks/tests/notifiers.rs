//! The notifiers as the engine gets them: made from options, then asked for one attempt.

use engine::component::{Build, ComponentType, DeliveryError, Message, Notifier, Options};
use serde_json::{Value, json};
use sinks::notify::{alertmanager, chat, email, pagerduty, slack, stdout, webhook};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

fn made(component: ComponentType, value: Value, base: &Path) -> Result<Box<dyn Notifier>, String> {
    let Build::Notifier(build) = component.build else { panic!("{} is none", component.name) };
    let options = Options { id: "page".to_owned(), value, base: base.to_owned() };
    build(&options).map_err(|errors| format!("{errors:?}"))
}

/// Starts a receiver that accepts one request; returns its port, and in the end the request.
fn receiver() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut part) = (String::new(), [0; 4096]);
        while !request.ends_with('}') {
            let read = stream.read(&mut part).unwrap();
            request.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        request
    });
    (port, thread)
}

#[test]
fn every_notifier_is_made_without_reaching_out() {
    let url = "https://hooks.invalid/x";
    for (component, value) in [
        (webhook::COMPONENT, json!({"url": url})),
        (slack::COMPONENT, json!({"url": url})),
        (pagerduty::COMPONENT, json!({"routing_key_file": "missing"})),
        (alertmanager::COMPONENT, json!({"url": url})),
        (
            email::COMPONENT,
            json!({"host": "mail.invalid", "from": "a@b.example", "to": ["c@d.example"]}),
        ),
        (chat::COMPONENT, json!({"flavor": "teams", "url": url})),
        (stdout::COMPONENT, json!({})),
    ] {
        assert!(component.output.is_none() && component.inputs.len() == 1, "{}", component.name);
        let made = made(component, value, Path::new("nowhere"));
        assert!(made.is_ok(), "{}: {:?}", component.name, made.err());
    }
}

#[test]
fn mistakes_do_not_repeat_secrets() {
    for (component, value) in [
        (webhook::COMPONENT, json!({"url": "hunter2", "headers": {"X-A": "hunter2\n"}})),
        (slack::COMPONENT, json!({"url": "https://u:hunter2@hooks.invalid"})),
        (chat::COMPONENT, json!({"flavor": "discord", "url": "hunter2"})),
    ] {
        let mistakes = made(component, value, Path::new("")).err().unwrap();
        assert!(!mistakes.contains("hunter2"), "{}: {mistakes}", component.name);
    }
}

#[test]
fn a_private_address_is_sent_to_only_if_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let (port, thread) = receiver();
    std::fs::write(folder.path().join("url"), format!("http://localhost:{port}/x\n")).unwrap();
    let mut refused = made(webhook::COMPONENT, json!({"url_file": "url"}), folder.path()).unwrap();
    let error = refused.deliver(&Message::default()).unwrap_err();
    assert!(matches!(error, DeliveryError::Never { .. }), "{error:?}");
    let options = json!({"url_file": "url", "allow_private": true});
    let mut meant = made(webhook::COMPONENT, options, folder.path()).unwrap();
    meant.deliver(&Message::default()).unwrap();
    let request = thread.join().unwrap();
    assert!(request.starts_with("POST /x HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\"version\":1"), "{request}");
}
