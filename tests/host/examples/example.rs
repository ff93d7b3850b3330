//! An example that uses worker processes, as its own test.

#[path = "../src/plain.rs"]
mod plain;

fn main() {
    plain::main();
}
