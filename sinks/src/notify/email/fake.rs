//! A fake SMTP server for tests: a real socket on loopback that plays a script and writes down what it hears.
#![allow(clippy::disallowed_methods, reason = "a test's own server reads what the test has sent")]

use super::super::receiver::over_tls;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How the fake differs from a plain server that takes everything.
#[derive(Clone, Copy, Default)]
pub struct Script {
    /// What it offers after the greeting, besides its name.
    pub offers: &'static [&'static str],
    /// A command and the answer that it gets instead of the usual one.
    pub instead: Option<(&'static str, &'static str)>,
    /// Whether it speaks TLS from the first byte.
    pub is_tls: bool,
}

/// A fake server for one conversation.
pub struct Fake {
    pub address: SocketAddr,
    heard: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Starts a server that follows a script.
    pub fn start(script: Script) -> Self {
        Self::with(move |stream, heard| {
            if script.is_tls {
                converse(&mut over_tls(stream), script, heard, true);
            } else if converse(&mut &stream, script, heard, true) {
                let encrypted = Script { offers: &["AUTH PLAIN LOGIN"], ..script };
                converse(&mut over_tls(stream), encrypted, heard, false);
            }
        })
    }

    /// Starts a server that does with the connection what `play` does.
    pub fn with(play: impl FnOnce(TcpStream, &Mutex<String>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<String>> = Arc::default();
        let written = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            play(stream, &written);
        });
        Self { address, heard, thread: Some(thread) }
    }

    /// Waits for the end of the conversation and returns what was heard.
    pub fn heard(mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.heard.lock().unwrap().clone()
    }
}

fn say(reader: &mut BufReader<&mut (impl Read + Write)>, text: &str) -> bool {
    let stream = reader.get_mut();
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_ok()
}

/// Talks until the other side ends; returns whether it asked for TLS.
fn converse(
    stream: &mut (impl Read + Write),
    script: Script,
    heard: &Mutex<String>,
    greets: bool,
) -> bool {
    let mut reader = BufReader::new(stream);
    if greets && !say(&mut reader, "220 fake ready\r\n") {
        return false;
    }
    let mut is_letter = false;
    loop {
        let mut line = String::new();
        if !reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            return false;
        }
        heard.lock().unwrap().push_str(&line);
        let command = line.trim_end();
        if is_letter && command != "." {
            continue;
        }
        let verb = if is_letter { "." } else { command.split([' ', ':']).next().unwrap_or("") };
        is_letter = false;
        let usual = match verb {
            "EHLO" => {
                let offers = script.offers.iter().map(|offer| format!("250-{offer}\r\n"));
                format!("250-fake\r\n{}250 8BITMIME\r\n", offers.collect::<String>())
            }
            "DATA" => "354 go on\r\n".to_owned(),
            "AUTH" => "235 welcome\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            "STARTTLS" => "220 go on\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        let instead = script.instead.filter(|(at, _)| *at == verb).map(|(_, text)| text);
        if !say(&mut reader, instead.unwrap_or(&usual)) {
            return false;
        }
        match (verb, instead) {
            ("STARTTLS", None) => return true,
            ("QUIT", _) => return false,
            ("DATA", None) => is_letter = true,
            _ => {}
        }
    }
}
