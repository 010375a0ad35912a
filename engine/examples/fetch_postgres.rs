//! Fetches the Postgres servers that tests run on, unless they are there, and says where they are.

fn main() {
    println!("{}", engine::testing::postgres::installation().display());
}
