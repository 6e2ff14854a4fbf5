//! Runs one scenario on one system: the world, its network, its phases, and what comes out.
//!
//! Knows the contract and the invariants, and no sync engine (promise P5).

mod carried;
pub mod heard;
pub mod link;
pub mod node;
pub mod outcome;
mod panics;
pub mod parting;
pub mod subject;
pub mod trace;
pub mod world;

pub use heard::Heard;
pub use outcome::{End, Histogram, Metrics, OutboxAt, Outcome};
pub use panics::{is_the_system_s, watch_panics};
pub use parting::{Parting, parting};
pub use subject::{Subject, Systems, Unknown, Variant};
pub use trace::{Event, Loss, What};
pub use world::{Luck, Plan, run};
