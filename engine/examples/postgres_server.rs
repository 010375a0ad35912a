//! A real Postgres server behind a proxy that can be told to misbehave, for benchmarks from outside.
//!
//! Prints the address of an empty database, as the proxy offers it, then obeys one word a line on standard
//! input until that ends: `pass`, `delay MILLISECONDS` (each COMMIT waits so long), `crash`, `start`. Each is
//! answered with `done` once it has happened.

use engine::testing::fault_proxy::{Fault, FaultProxy};
use engine::testing::postgres::{Server, Version};
use std::time::Duration;

fn main() {
    let mut server = Server::start(Version::V18, &[]);
    let proxy = FaultProxy::start(server.port(), 1);
    let direct = server.address().database();
    // Without TLS: the proxy looks for COMMITs.
    let offered = direct.replace(&server.port().to_string(), &proxy.port().to_string());
    println!("{offered}");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("pass", _) => proxy.set(Fault::Pass),
            ("delay", number) => {
                let millis = number.parse().expect("milliseconds are a number");
                proxy.set(Fault::DelayCommits(Duration::from_millis(millis)));
            }
            ("crash", _) => server.crash(),
            ("start", _) => server.start_again(),
            other => panic!("there is no command {other:?}"),
        }
        println!("done");
    }
}
