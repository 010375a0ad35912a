//! Measures nearest neighbours through pgvector: `cargo run --release -p sinks --example neighbours
//! [-- ROWS]`. Made-up vectors, a few around each of many centres, are committed as the engine would; then
//! the ten nearest of random ones are asked for in SQL, by the index and exactly.
#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock and its own input")]
#![allow(clippy::unwrap_used, reason = "a measuring tool fails loudly")]

use engine::component::{Commit, Contents, Incarnation, Options, Store};
use engine::model::{EMBEDDING_DIMENSIONS, Epoch, KernelClass, TextId, Vector, VectorRow};
use engine::testing::generate::Seeded;
use engine::testing::postgres::{Server, Version};
use sinks::store::PostgresStore;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

const OWNER: Incarnation = Incarnation(1);
/// Vectors around one centre, and in one commit.
const AROUND: u64 = 20;
const PER_COMMIT: u64 = 1_000;
/// Questions, and how many neighbours each asks for.
const ASKED: usize = 200;
const WANTED: usize = 10;
const NEAREST: &str =
    "SELECT text FROM seismolog.vectors ORDER BY numbers <=> $1::text::vector LIMIT 10";

fn main() {
    let rows = std::env::args().nth(1).map_or(100_000, |rows| rows.parse().unwrap());
    let server = Server::start(Version::V18, &["shared_buffers=512MB"]);
    let url = server.address().database();
    let mut seeded = Seeded::new(7);
    let centres: Vec<Vec<f32>> = (0..rows / AROUND).map(|_| vector(&mut seeded, None)).collect();
    let began = Instant::now();
    fill(&url, rows, &centres, &mut seeded);
    let each = began.elapsed().as_secs_f64() * 1e3 / rows as f64;
    println!("{rows} vectors committed in {:.0?}, {each:.2} ms each", began.elapsed());
    let questions: Vec<String> = (0..ASKED)
        .map(|_| {
            let centre = &centres[seeded.below(centres.len() as u64) as usize];
            text_of(&vector(&mut seeded, Some(centre)))
        })
        .collect();
    let database = Database::connect(&url);
    database.run("SET enable_indexscan = off");
    let (exact, times) = database.ask(&questions);
    print_times("exactly", &times);
    database.run("SET enable_indexscan = on; SET enable_seqscan = off");
    for breadth in [20, 40, 100, 200] {
        database.run(&format!("SET hnsw.ef_search = {breadth}"));
        let _ = database.ask(&questions[..20]);
        let (found, times) = database.ask(&questions);
        let same = exact.iter().zip(&found).map(|(all, some)| all.intersection(some).count());
        let recall = same.sum::<usize>() as f64 / (ASKED * WANTED) as f64;
        print_times(&format!("m=16, ef_construction=64, ef_search={breadth}"), &times);
        println!("    recall@{WANTED} {recall:.3}");
    }
}

/// Commits made-up vectors.
fn fill(url: &str, rows: u64, centres: &[Vec<f32>], seeded: &mut Seeded) {
    let value = serde_json::json!({ "url": url });
    let options = Options { id: "store".into(), value, base: "/".into() };
    let mut store = PostgresStore::new(&options).unwrap();
    store.load().unwrap();
    store.claim(OWNER, &[]).unwrap();
    let mut predecessor = None;
    for start in (0..rows).step_by(PER_COMMIT as usize) {
        let row = |name: u64| {
            let numbers = vector(seeded, centres.get((name % centres.len() as u64) as usize));
            let vector = Vector(numbers.try_into().unwrap());
            let text = TextId::of_text(&name.to_string());
            VectorRow::new(text, KernelClass::MINILM_L6_F32, &vector)
        };
        let vectors = (start..rows.min(start + PER_COMMIT)).map(row).collect();
        let contents = Contents { vectors, ..Contents::default() };
        let (incarnation, epoch) = (OWNER, Epoch(start + 1));
        let source_ids = ["app".to_owned()].into();
        store.commit(&Commit { incarnation, predecessor, epoch, source_ids, contents }).unwrap();
        predecessor = Some(epoch);
    }
}

/// Returns a vector around `centre`, or around nothing.
fn vector(seeded: &mut Seeded, centre: Option<&Vec<f32>>) -> Vec<f32> {
    let mut ratio = || (seeded.below(1 << 24) as f32 / (1 << 23) as f32) - 1.0;
    let spread = if centre.is_some() { 0.06 } else { 1.0 };
    let around = |at: usize| centre.map_or(0.0, |centre| centre[at]);
    let numbers: Vec<f32> =
        (0..EMBEDDING_DIMENSIONS).map(|at| around(at) + spread * ratio()).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}

/// Writes a vector as SQL reads it.
fn text_of(numbers: &[f32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// A session at a prompt.
struct Database {
    runtime: Runtime,
    client: Client,
}

impl Database {
    fn connect(url: &str) -> Database {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            tokio::spawn(async move { drop(connection.await) });
            client
        });
        Database { runtime, client }
    }

    fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    /// Returns what each question found, and how long each took, in ascending order.
    fn ask(&self, questions: &[String]) -> (Vec<BTreeSet<Vec<u8>>>, Vec<Duration>) {
        self.runtime.block_on(async {
            let nearest = self.client.prepare(NEAREST).await.unwrap();
            let (mut found, mut times) = (Vec::new(), Vec::new());
            for question in questions {
                let began = Instant::now();
                let rows = self.client.query(&nearest, &[question]).await.unwrap();
                times.push(began.elapsed());
                found.push(rows.iter().map(|row| row.get(0)).collect());
            }
            times.sort_unstable();
            (found, times)
        })
    }
}

fn print_times(how: &str, times: &[Duration]) {
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("{how}: p50 {:.2?}, p95 {:.2?}", at(50), at(95));
}
