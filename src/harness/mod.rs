//! Runs one scenario on one system: the world, its network, its phases, and what comes out.
//!
//! Knows the contract and the invariants, and no sync engine (promise P5).

mod carried;
pub mod link;
pub mod node;
pub mod outcome;
pub mod parting;
pub mod subject;
pub mod trace;
pub mod world;

pub use outcome::{End, Histogram, Metrics, OutboxAt, Outcome};
pub use parting::{Parting, parting};
pub use subject::{Borrowed, Subject, Systems, Unknown, Variant, WithInvariants, with_invariants};
pub use trace::{Event, Loss, What};
pub use world::{Luck, Plan, run};
