//! The deterministic core: virtual time, luck by name, the event queue, wall clocks.
//!
//! Depends on nothing else of this crate. It knows neither rows nor ops nor networks.

pub(crate) mod choice;
pub(crate) mod clock;
pub(crate) mod label;
pub(crate) mod luck;
pub(crate) mod queue;
mod thousands;
pub(crate) mod time;

pub(crate) use choice::Choices;
pub use choice::{Deviation, FAULTS, Fate, Fault, Odds};
pub(crate) use clock::WallClock;
pub use label::{Cause, Channel, Label, Names, NodeId, OpId, Point};
pub use luck::{Draw, Fingerprint, Key};
pub(crate) use queue::Queue;
pub use thousands::thousands;
pub use time::{Span, Time};
