//! squall: a deterministic simulation and fuzz harness for offline-first sync.
//!
//! Devices, network and server run in one thread under virtual time; every piece of luck is a named choice; a failure
//! shrinks to a short story that replays for ever.
//!
//! # A system of one's own
//! A system is two state machines without I/O, a device and a server. This one sends each sale once and takes it from the
//! stock without looking:
//!
//! ```
//! use squall::prelude::*;
//!
//! static SHOP: Domain = Domain::new(
//!     "shop",
//!     &[EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])],
//!     &[VerbSpec::new("sell", Shape::Lines { entity: Entity(0), signed: false })],
//! );
//! struct Shop; // the system, and each of its nodes: what is an input to a till is none to the server
//! impl System for Shop {
//!     type Message = Op;
//!     type Disk = Vec<Row>;
//!     type Device = Shop;
//!     type Server = Shop;
//!     fn domain(&self) -> &'static Domain { &SHOP }
//!     fn facts(&self) -> Facts { Facts::new(&["push"]) }
//!     fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Vec<Row> { rows.collect() }
//!     fn device(&self, _: NodeId, _: &Vec<Row>) -> Shop { Shop }
//!     fn server(&self, _: &Vec<Row>) -> Shop { Shop }
//! }
//! impl Node for Shop {
//!     type Message = Op;
//!     type Disk = Vec<Row>;
//!     fn handle(&mut self, disk: &mut Vec<Row>, input: Input<Op>, cx: &mut Context<Op>) {
//!         match input {
//!             Input::Op(op) => cx.send_op(Channel(1), op.id, op),
//!             Input::Message { message: op, .. } => for line in op.lines() {
//!                 let row = disk.iter_mut().find(|row| row.key == line.key).expect("no product is deleted");
//!                 cx.add(row, 0, -line.value, op.id);
//!             },
//!             _ => {}
//!         }
//!     }
//!     fn rows(&self, disk: &Vec<Row>, visit: &mut dyn FnMut(&Row)) { disk.iter().for_each(visit) }
//! }
//!
//! // In a test of one's own this line is `squall::check(&Shop)`, which panics with the story.
//! let failed = squall::Check::new(&Shop).no_regressions().run().unwrap_err();
//! assert!(failed.to_string().contains("stock-never-negative: the server's stock of product-a went from"));
//! ```
//!
//! # Where to find what
//! | to | look at |
//! |---|---|
//! | write a system | [`prelude`]: all that is needed, and nothing else; `docs/guide.md` leads through it |
//! | test it in one call | [`check()`], and [`Check`] for a budget and other weather |
//! | test it beside strategies of one's own | `strategies`, with the feature `proptest` |
//! | keep what was found | [`regressions`]: the folder of stories that is replayed first |
//! | get a command line for it | `cli::run` and `cli::Registry`, with the feature `cli` |
//! | do one run, many runs | [`harness::run()`], [`campaign::Campaign`] |
//! | invent a day, make a story small | [`explore`] |
//! | read and write scenario files, show a run | [`scenario`], [`report`] |
//!
//! # Features
//! `cli` (default) is the command line. `engine` (with `cli`) is the sync engine that comes with squall and its presets;
//! `sqlite` (default) its second store. `proptest` (default) is [`check()`] beside other strategies. Without default
//! features the library has the contract, the harness, the search and scenario files.
//!
//! # Layers
//! ```text
//! sim  →  model  →  system  →  store  →  sync
//!                        ↘  invariants → harness → scenario → explore → campaign → report → regressions → check → strategies → prelude → cli → fuzzing
//! ```
//! Each module uses only modules to its left on its own line of the picture; `sync` and the harness side meet in `cli`
//! only.

// The strangers of `tests/misbehaving` are run through the command line in here, too, and name the crate as strangers do.
#[cfg(test)]
extern crate self as squall;

pub mod campaign;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod explore;
#[cfg(feature = "cli")]
pub mod fuzzing;
pub mod harness;
pub mod invariants;
pub mod model;
pub mod prelude;
pub mod regressions;
pub mod report;
pub mod scenario;
pub mod sim;
#[cfg(feature = "engine")]
pub mod store;
#[cfg(feature = "proptest")]
pub mod strategies;
#[cfg(feature = "engine")]
pub mod sync;
pub mod system;

pub use check::{Check, check};
