//! Runs one scenario on one system: the world, its network, its phases, and what comes out.
//!
//! Knows the contract and the invariants, and no sync engine (promise P5).

mod carried;
pub(crate) mod heard;
pub(crate) mod link;
pub(crate) mod node;
pub(crate) mod outcome;
mod panics;
pub(crate) mod parting;
pub(crate) mod subject;
pub(crate) mod trace;
pub(crate) mod world;

pub use heard::Heard;
pub use outcome::{End, Histogram, Metrics, OutboxAt, Outcome};
pub use panics::{is_the_system_s, watch_panics};
pub use parting::{Parting, parting};
pub use subject::{Borrowed, Subject, Systems, Unknown, Variant, WithInvariants, with_invariants};
pub use trace::{Event, Loss, What};
pub use world::{Luck, Plan, run};
