//! The reference workload.
#[path = "reference/mod.rs"]
mod reference;
fn main() {}
