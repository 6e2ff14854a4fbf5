//! squall: a deterministic simulation and fuzz harness for offline-first sync.
pub mod harness;
pub mod invariants;
pub mod model;
pub mod sim;
pub mod system;
