//! squall: a deterministic simulation and fuzz harness for offline-first sync.
//!
//! Devices, network and server run in one thread under virtual time; every piece of luck is a named choice; a failure
//! shrinks to a short story that replays for ever.
//!
//! # Layers
//! ```text
//! sim  →  model  →  system  →  store  →  sync
//!                        ↘  invariants → harness → scenario → explore → campaign → report → cli
//! ```
//! Each module uses only modules to its left on its own line of the picture; `sync` and the harness side meet in `cli`
//! only. `tests/layers.rs` holds this.

pub mod campaign;
#[cfg(feature = "cli")]
pub mod cli;
pub mod explore;
pub mod harness;
pub mod invariants;
pub mod model;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod store;
pub mod sync;
pub mod system;
