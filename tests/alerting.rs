//! From a log line to somebody's pager: the real binary, a real receiver on a socket, kills between sending and
//! marking. A receiver that honours the key accepts each notice once.

use crate::binary::{Address, Engine, await_some};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Longest request the receiver reads.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// What the receiver does with a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Accept,
    Fail,
    /// Reads it and says nothing, as a receiver does whose peer is killed.
    Hang,
}

/// A receiver of webhooks on a socket of its own.
struct Receiver {
    address: String,
    /// Every request: its key, and its body.
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Receiver {
    /// Starts one that answers so, then accepts everything.
    fn start(answers: &[Answer]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers.to_vec()));
        let (to, then) = (Arc::clone(&heard), Arc::clone(&answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (to, then) = (Arc::clone(&to), Arc::clone(&then));
                std::thread::spawn(move || receive(stream, &to, &then));
            }
        });
        Receiver { address, heard, answers }
    }

    fn heard(&self) -> Vec<(String, Value)> {
        self.heard.lock().unwrap().clone()
    }

    /// Returns what was heard of a transition.
    fn of(&self, transition: &str) -> Vec<(String, Value)> {
        let heard = self.heard().into_iter();
        heard.filter(|(_, body)| body["transition"] == transition).collect()
    }
}

fn receive(
    mut stream: TcpStream,
    heard: &Mutex<Vec<(String, Value)>>,
    answers: &Mutex<Vec<Answer>>,
) {
    let Some((head, body)) = request(&mut stream) else { return };
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("idempotency-key").then(|| value.trim().to_owned())
    });
    heard.lock().unwrap().push((key.unwrap_or_default(), body));
    let answer = {
        let mut answers = answers.lock().unwrap();
        if answers.is_empty() { Answer::Accept } else { answers.remove(0) }
    };
    let status = match answer {
        Answer::Accept => "204 No Content",
        Answer::Fail => "500 Internal Server Error",
        Answer::Hang => {
            // Until whoever sent it is gone.
            let _end = stream.read(&mut [0]);
            return;
        }
    };
    let _gone =
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        assert!(bytes.len() <= REQUEST_BYTES_MAX, "the request never ends");
        let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let body = &bytes[at + 4..];
        if body.len() >= length.unwrap_or(0) {
            return Some((head, serde_json::from_slice(body).unwrap_or(Value::Null)));
        }
    }
}

fn now_secs() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn line(secs: i64, message: &str) -> String {
    format!("{} ERROR {message}\n", engine::model::EventTime::from_secs(secs))
}

/// Appends lines to the log.
fn append(folder: &Path, text: &str) {
    let mut log =
        std::fs::File::options().create(true).append(true).open(folder.join("app.log")).unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

/// Writes a graph file with notifiers, and a day of usual lines.
fn set_up(folder: &TempDir, sinks: &str) -> std::path::PathBuf {
    let graph = folder.path().join("graph.yaml");
    let text = format!(
        "sources:\n  app: {{ type: file, include: [\"app.log\"], service: shop }}\n\
         sinks:\n  store: {{ type: sqlite, path: ./seismolog.db }}\n{sinks}\
         server: {{ listen: \"127.0.0.1:0\", public_url: \"https://seismolog.example\" }}\n\
         model: {{ enabled: false }}\n"
    );
    std::fs::write(&graph, text).unwrap();
    let now = now_secs();
    let usual = |at: i64| {
        line(at, "cannot reach the payment provider")
            + &line(at + 7, "cannot reach the payment provider")
            + &line(at + 20, "queue depth above limit")
    };
    let past: String = (1..400).rev().map(|bucket| usual(now - bucket * 300 - 60)).collect();
    append(folder.path(), &past);
    graph
}

/// Writes a burst that is happening now.
fn burst(folder: &TempDir) {
    let now = now_secs();
    let lines: String = (0..40).map(|_| line(now, "cannot reach the payment provider")).collect();
    append(folder.path(), &lines);
}

/// Waits until history has been judged.
fn caught_up(address: &Address, engine: &Engine) {
    address.await_counted(3 * 399, engine);
}

#[test]
fn a_burst_is_accepted_once_by_a_receiver_that_honours_the_key_whatever_is_killed() {
    let receiver = Receiver::start(&[Answer::Fail, Answer::Hang]);
    let folder = TempDir::new().unwrap();
    let sinks = format!(
        "  page: {{ type: webhook, url: \"http://{}/hook\", allow_private: true }}\n",
        receiver.address
    );
    let graph = set_up(&folder, &sinks);
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    caught_up(&address, &engine);
    burst(&folder);
    await_some("two attempts", || (receiver.heard().len() >= 2).then_some(()));
    // The second one has been heard and not answered.
    engine.kill();
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    let again = await_some("an attempt after the kill", || {
        let heard = receiver.heard();
        (heard.len() >= 3).then_some(heard)
    });
    assert!(again.iter().all(|(key, _)| *key == again[0].0), "one notice has one key: {again:#?}");
    let (key, notice) = &again[2];
    assert!(key.starts_with("n_"), "{key}");
    assert_eq!((&notice["transition"], &notice["number"]), (&"fired".into(), &1.into()));
    let alert = &notice["alerts"][0];
    assert_eq!((&alert["kind"], &alert["service"]), (&"spike".into(), &"shop".into()), "{alert:#}");
    assert!(alert["observed"].as_i64().unwrap() >= 40, "{alert:#}");
    let told = alert.to_string();
    assert!(told.contains("cannot reach the payment provider"), "{alert:#}");
    assert!(told.contains("https://seismolog.example/alerts/a_"), "{alert:#}");
    let alerts = await_some("the alert on the screen", || address.get("/api/v1/alerts"));
    assert!(alerts.contains(alert["key"].as_str().unwrap()), "{alerts}");
    // Another life finds nothing left to say.
    await_some("the mark", || {
        let metrics = address.get("/metrics")?;
        metrics.contains("seismolog_").then_some(())
    });
    engine.terminate();
    let mut engine = Engine::start(&graph);
    engine.ready();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(receiver.of("fired").len(), 3, "{:#?}", receiver.heard());
    assert!(receiver.answers.lock().unwrap().is_empty());
}

#[test]
fn a_notifier_that_fails_never_delays_another() {
    let (good, asked) = (Receiver::start(&[]), Arc::new(AtomicUsize::new(0)));
    let bad = TcpListener::bind("127.0.0.1:0").unwrap();
    let bad_address = bad.local_addr().unwrap();
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        // Takes connections and never says a word.
        let mut kept = Vec::new();
        for stream in bad.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    let folder = TempDir::new().unwrap();
    let sinks = format!(
        "  dead: {{ type: webhook, url: \"http://{bad_address}/\", allow_private: true }}\n  \
         page: {{ type: webhook, url: \"http://{}/hook\", allow_private: true }}\n",
        good.address
    );
    let graph = set_up(&folder, &sinks);
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    caught_up(&address, &engine);
    burst(&folder);
    await_some("the notice", || (!good.of("fired").is_empty()).then_some(()));
    await_some("an attempt at the dead one", || (asked.load(Ordering::SeqCst) > 0).then_some(()));
    assert!(good.of("fired").len() == 1, "{}", engine.log());
}
