//! Outcomes for people and for programs: the story table, words, figures and JSON.
//!
//! Why apart from the command line: a stranger's own test prints the same table. Nothing here runs a system or touches
//! a running world; everything is made from a scenario and what its run yielded. Entry: [`table`].

pub mod finding;
pub mod json;
pub mod layout;
pub mod lines;
pub mod matrix;
pub mod metrics;
pub mod rows;
pub mod standing;
pub mod story;
pub mod twin;
pub mod words;

pub use finding::{Place, Telling, finding};
pub use story::{Style, table};
