//! Letters, and conversations with a fake server (`fake.rs`) that plays well or badly.
#![allow(clippy::disallowed_methods, reason = "fake servers end with their tests")]

use super::super::receiver::tls_file;
use super::super::samples::{self, golden};
use super::fake::{Fake, Script};
use super::session::CONVERSATION_BYTES_MAX;
use super::*;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(300);

fn envelope() -> Envelope {
    let to = ["Ann <ann@example.org>", "bob@example.org"].map(|to| to.parse().unwrap());
    Envelope { from: "Seismolog <seismolog@logs.example>".parse().unwrap(), to: to.to_vec() }
}

/// Returns a notifier for a fake server; the name `localhost` is that of its certificate.
fn email(fake: &Fake, tls: Tls) -> Email {
    Email {
        server: Server {
            host: "localhost".to_owned(),
            port: fake.address.port(),
            tls,
            ca_file: Some(tls_file("certificate.pem")),
            login: None,
            hello: "logs.example".to_owned(),
            attempt_max: Duration::from_secs(5),
        },
        envelope: envelope(),
    }
}

fn refused(script: Script, tls: Tls) -> DeliveryError {
    let fake = Fake::start(script);
    let mut email = email(&fake, tls);
    email.deliver(&samples::fired()).unwrap_err()
}

fn mistakes(value: Json) -> Vec<String> {
    let options = Options { id: "mail".to_owned(), value, base: PathBuf::from("base") };
    let errors = build(&options).err().unwrap_or_default();
    errors.iter().map(|error| format!("{}: {}", error.path.join("."), error.message)).collect()
}

#[test]
fn golden_the_letter_of_each_transition() {
    let shown = |message| {
        let letter = letter::render(&message, &envelope()).unwrap();
        String::from_utf8(letter.formatted()).unwrap().replace("\r\n", "\n")
    };
    golden("email_fired.txt", &shown(samples::fired()));
    golden("email_amended.txt", &shown(samples::amended()));
    golden("email_resolved.txt", &shown(samples::resolved()));
}

#[test]
fn text_of_logs_adds_no_header() {
    let mut message = samples::fired();
    for title in message.titles.values_mut() {
        title.template = "x\r\nBcc: eve@example.org\r\n\r\nbody".to_owned();
    }
    message.notice.alerts[0].details.service = "grün\r\nX-Evil: 1".into();
    let letter = letter::render(&message, &envelope()).unwrap();
    let text = String::from_utf8(letter.formatted()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap();
    let names: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(':').next())
        .collect();
    assert!(!names.contains(&"Bcc") && !names.contains(&"X-Evil"), "{head}");
    assert_eq!(letter.envelope().to().len(), 2);
}

#[test]
fn a_letter_is_handed_over_on_this_machine() {
    let fake = Fake::start(Script::default());
    email(&fake, Tls::None).deliver(&samples::fired()).unwrap();
    let heard = fake.heard();
    for said in [
        "EHLO logs.example\r\n",
        "MAIL FROM:<seismolog@logs.example>\r\n",
        "RCPT TO:<ann@example.org>\r\n",
        "RCPT TO:<bob@example.org>\r\n",
        "DATA\r\n",
        "Message-ID: <n_",
        "QUIT\r\n",
    ] {
        assert!(heard.contains(said), "{said} in {heard}");
    }
}

#[test]
fn a_letter_goes_over_tls_from_the_first_byte() {
    let fake = Fake::start(Script { is_tls: true, ..Script::default() });
    email(&fake, Tls::Implicit).deliver(&samples::fired()).unwrap();
    assert!(fake.heard().contains("DATA\r\n"));
}

#[test]
fn a_password_is_only_said_after_the_change_to_tls() {
    let fake = Fake::start(Script { offers: &["STARTTLS"], ..Script::default() });
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hunter2\n").unwrap();
    let mut email = email(&fake, Tls::Starttls);
    let password_file = password.path().to_path_buf();
    email.server.login = Some(Login { user: "ann".to_owned(), password_file });
    email.deliver(&samples::fired()).unwrap();
    let heard = fake.heard();
    // AUTH PLAIN with \0ann\0hunter2 in base64.
    let (before, after) = heard.split_once("STARTTLS\r\n").unwrap();
    assert!(
        !before.contains("AUTH") && after.contains("AUTH PLAIN AGFubgBodW50ZXIy\r\n"),
        "{heard}"
    );
}

#[test]
fn a_server_without_tls_gets_no_letter() {
    let error = refused(Script::default(), Tls::Starttls);
    assert!(matches!(error, DeliveryError::Never { .. }), "{error:?}");
    assert!(error.to_string().contains("set `tls: tls`"), "{error}");
}

#[test]
fn a_server_that_nobody_vouches_for_gets_no_letter() {
    for (tls, is_tls) in [(Tls::Implicit, true), (Tls::Starttls, false)] {
        let fake = Fake::start(Script { is_tls, offers: &["STARTTLS"], ..Script::default() });
        let mut email = email(&fake, tls);
        email.server.ca_file = None;
        let error = email.deliver(&samples::fired()).unwrap_err();
        assert!(matches!(error, DeliveryError::Later { .. }), "{error:?}");
        assert!(!fake.heard().contains("MAIL"));
    }
}

#[test]
fn what_the_server_answers_decides_whether_it_is_asked_again() {
    for (verb, answer) in [
        ("EHLO", "421 too busy\r\n"),
        ("MAIL", "451 try again\r\n"),
        ("RCPT", "450 greylisted\r\n"),
        (".", "452 disk full\r\n"),
        ("MAIL", "what?\r\n"),
    ] {
        let error =
            refused(Script { instead: Some((verb, answer)), ..Script::default() }, Tls::None);
        assert!(matches!(error, DeliveryError::Later { .. }), "{verb} {answer}: {error:?}");
    }
    for (verb, answer) in [
        ("MAIL", "553 not you\r\n"),
        ("RCPT", "550 no such \x1b[31muser\r\n"),
        (".", "554 spam\r\n"),
    ] {
        let error =
            refused(Script { instead: Some((verb, answer)), ..Script::default() }, Tls::None);
        assert!(matches!(error, DeliveryError::Never { .. }), "{verb} {answer}: {error:?}");
        let told = error.to_string();
        assert!(told.ends_with("check `from` and `to`"), "{told}");
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let script = Script {
        offers: &["AUTH PLAIN"],
        instead: Some(("AUTH", "535 no\r\n")),
        ..Script::default()
    };
    let fake = Fake::start(script);
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hunter2").unwrap();
    let mut email = email(&fake, Tls::None);
    let password_file = password.path().to_path_buf();
    email.server.login = Some(Login { user: "ann".to_owned(), password_file });
    let error = email.deliver(&samples::fired()).unwrap_err();
    assert!(matches!(error, DeliveryError::Never { .. }), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("check `user`") && !told.contains("hunter2"), "{told}");
    assert!(!format!("{:?}", email.server).contains("hunter2"));
}

#[test]
fn a_server_that_hangs_costs_no_more_than_an_attempt() {
    let hangs: [fn(&mut std::net::TcpStream); 2] = [
        |_| {},
        |stream| {
            let _ = stream.write_all(b"220 ready\r\n");
        },
    ];
    for begin in hangs {
        let fake = Fake::with(move |mut stream, _| {
            begin(&mut stream);
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
        });
        let mut email = email(&fake, Tls::None);
        email.server.attempt_max = SHORT;
        let started = Instant::now();
        let error = email.deliver(&samples::fired()).unwrap_err();
        assert!(error.to_string().ends_with("within 0.3 s"), "{error}");
        assert!(started.elapsed() < 4 * SHORT, "{:?}", started.elapsed());
        fake.heard();
    }
}

#[test]
fn a_server_that_trickles_costs_no_more_than_an_attempt() {
    let fake = Fake::with(|mut stream, _| {
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        while stream.write_all(b"2").is_ok() {
            if stream.read(&mut [0]).is_ok_and(|read| read == 0) {
                return;
            }
        }
    });
    let mut email = email(&fake, Tls::None);
    email.server.attempt_max = SHORT;
    let started = Instant::now();
    email.deliver(&samples::fired()).unwrap_err();
    assert!(started.elapsed() < 4 * SHORT, "{:?}", started.elapsed());
    fake.heard();
}

#[test]
fn limit_a_line_without_end_is_given_up() {
    let fake = Fake::with(|mut stream, _| {
        let mut sent = 0;
        while stream.write_all(&[b'x'; 4096]).is_ok() {
            sent += 4096;
            // What is beyond the limit stays in the buffers of both sockets.
            assert!(sent < 256 * CONVERSATION_BYTES_MAX);
        }
    });
    let started = Instant::now();
    let error = email(&fake, Tls::None).deliver(&samples::fired()).unwrap_err();
    assert!(error.to_string().contains("said more than 262144 bytes"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    fake.heard();
}

#[test]
fn a_server_that_closes_half_way_may_take_it_later() {
    for (verb, answer) in [("MAIL", "221"), ("DATA", "")] {
        let fake = Fake::with(move |mut stream, _| {
            let _ = stream.write_all(b"220 ready\r\n");
            let mut seen = String::new();
            let mut part = [0; 1024];
            while let Ok(read @ 1..) = stream.read(&mut part) {
                seen.push_str(&String::from_utf8_lossy(&part[..read]));
                if seen.contains(verb) {
                    let _ = stream.write_all(answer.as_bytes());
                    return;
                }
                let _ = stream.write_all(b"250 ok\r\n");
            }
        });
        let error = email(&fake, Tls::None).deliver(&samples::fired()).unwrap_err();
        assert!(matches!(error, DeliveryError::Later { .. }), "{error:?}");
    }
}

#[test]
fn a_server_that_is_not_there_may_be_later() {
    let fake = Fake::with(|_, _| {});
    let address = fake.address;
    let mut email = email(&fake, Tls::None);
    drop(std::net::TcpStream::connect(address));
    fake.heard();
    let error = email.deliver(&samples::fired()).unwrap_err();
    assert!(error.to_string().starts_with("could not reach localhost:"), "{error}");
    email.server.ca_file = Some(PathBuf::from("/nowhere/ca.pem"));
    email.server.tls = Tls::Implicit;
    assert!(matches!(email.deliver(&samples::fired()), Err(DeliveryError::Later { .. })));
}

#[test]
fn options_that_cannot_be_used_are_all_told() {
    let good = json!({"host": "mail.example", "from": "a@b.example", "to": ["c@d.example"]});
    assert!(mistakes(good).is_empty());
    let wrong = json!({
        "host": "mail.example", "tls": "none", "user": "ann",
        "from": "nobody", "to": ["c@d.example", "e@"],
    });
    let found: Vec<String> = mistakes(wrong)
        .iter()
        .map(|mistake| mistake.split(": ").take(2).collect::<Vec<&str>>().join(": "))
        .collect();
    assert_eq!(
        found,
        [
            "from: is no address of a mailbox",
            "to.1: is no address of a mailbox",
            "tls: would send in the clear to mail.example",
            "user: needs the option `password_file` beside it",
        ]
    );
    let local = json!({"host": "127.0.0.1", "tls": "none", "from": "a@b", "to": ["c@d.example"]});
    assert!(mistakes(local).is_empty());
}

#[test]
fn limit_a_letter_goes_to_so_many_people() {
    let to = |count: usize| {
        let to: Vec<String> = (0..count).map(|number| format!("p{number}@example.org")).collect();
        mistakes(json!({"host": "mail.example", "from": "a@b.example", "to": to}))
    };
    assert!(to(RECIPIENTS_MAX).is_empty());
    assert_eq!(to(RECIPIENTS_MAX + 1), ["to: must name 1 to 50 people"]);
    assert_eq!(to(0), ["to: must name 1 to 50 people"]);
}
