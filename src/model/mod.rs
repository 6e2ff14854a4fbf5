//! What is sold, edited and asked for: rows, ops, domains as data, and the scenario of one run.
//!
//! Depends on [`crate::sim`] only. It knows no system and no invariant.

pub mod any_workload;
pub mod clinic;
pub mod clinic_workload;
pub mod collections;
pub mod collections_workload;
pub mod command;
pub mod domain;
pub mod op;
pub mod retail;
pub mod retail_workload;
pub mod row;
pub mod scenario;
mod shape;
pub mod table;

pub use domain::{Class, Domain, Effect, Piece, Rows, Severity};
pub use op::{Line, Op, Verb};
pub use row::{Entity, Key, Row, RowState, Value};
pub use scenario::{Network, Scenario, Step};

/// The businesses that come with squall, the default first.
pub static DOMAINS: [&Domain; 3] = [&retail::RETAIL, &collections::COLLECTIONS, &clinic::CLINIC];
