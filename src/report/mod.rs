//! Outcomes for people and for programs: the story table, words, figures and JSON.
//!
//! Why apart from the command line: a stranger's own test prints the same table. Nothing here runs a system or touches
//! a running world; everything is made from a scenario and what its run yielded. Entry: [`table`].

pub mod divergence;
pub(crate) mod event;
pub(crate) mod finding;
#[cfg(feature = "cli")]
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod lines;
#[cfg(feature = "cli")]
pub(crate) mod matrix;
#[cfg(feature = "cli")]
pub(crate) mod metrics;
pub(crate) mod rows;
#[cfg(feature = "cli")]
pub(crate) mod standing;
pub(crate) mod story;
#[cfg(feature = "cli")]
pub(crate) mod twin;
pub(crate) mod words;

pub use finding::{Place, Telling, finding};
pub use story::{Style, table};
