//! squall: a deterministic simulation and fuzz harness for offline-first sync.
//!
//! Devices, network and server run in one thread under virtual time; every piece of luck is a named choice; a failure
//! shrinks to a short story that replays for ever.
//!
//! # Layers
//! ```text
//! sim  →  model  →  system  →  store  →  sync
//!                        ↘  invariants → harness → scenario → explore → campaign → report → regressions → check → strategies → prelude → cli → fuzzing
//! ```
//! Each module uses only modules to its left on its own line of the picture; `sync` and the harness side meet in `cli`
//! only.
//!
//! # A system of one's own
//! A system is two state machines without I/O, a device and a server, written against [`system::System`] and
//! [`system::Node`]. This one sends each sale once and takes it from the stock without looking; so nothing goes wrong
//! until a message arrives twice.
//!
//! ```
//! use squall::harness::{Luck, Outcome, Plan, run};
//! use squall::invariants::stock::StockNeverNegative;
//! use squall::model::retail::{PRODUCT, RETAIL, SELL, field};
//! use squall::model::{Domain, Key, Op, Row, Scenario, Step, Value};
//! use squall::sim::{Cause, Channel, Deviation, Fate, Label, NodeId, OpId, Point, Span, Time};
//! use squall::system::{Context, Facts, Input, Message, Node, Reports, System, Why};
//!
//! #[derive(Clone)]
//! struct Sale(Op);
//! impl Message for Sale {
//!     fn bytes(&self) -> u32 {
//!         64
//!     }
//! }
//!
//! struct Shop;
//! struct Side; // plays a till and the server: what is an input to one is none to the other
//!
//! impl System for Shop {
//!     type Message = Sale;
//!     type Disk = Vec<Row>;
//!     type Device = Side;
//!     type Server = Side;
//!     fn name(&self) -> &str {
//!         "shop"
//!     }
//!     fn domain(&self) -> &'static Domain {
//!         &RETAIL
//!     }
//!     fn facts(&self) -> Facts {
//!         Facts {
//!             channels: &["push"],
//!             time_outs: &[],
//!             pulls: &[],
//!             longest_period: Span::secs(10),
//!             retry: None,
//!             clock_bound: None,
//!             sent_within: None,
//!             reports: Reports::NOTHING,
//!             goals: &[],
//!             out_of_reach: 0,
//!             server: true,
//!         }
//!     }
//!     fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Vec<Row> {
//!         rows.collect()
//!     }
//!     fn device(&self, _: NodeId, _: &Vec<Row>) -> Side {
//!         Side
//!     }
//!     fn server(&self, _: &Vec<Row>) -> Side {
//!         Side
//!     }
//! }
//!
//! impl Node for Side {
//!     type Message = Sale;
//!     type Disk = Vec<Row>;
//!     fn handle(&mut self, disk: &mut Vec<Row>, input: Input<Sale>, cx: &mut Context<Sale>) {
//!         match input {
//!             Input::Op(op) => cx.send(NodeId::SERVER, Channel(1), Cause::Op(op.id), [op.id], Sale(op)),
//!             Input::Message { message: Sale(op), .. } => {
//!                 let row = disk.iter_mut().find(|row| row.key == op.lines()[0].key).expect("nothing is deleted");
//!                 let before = *row;
//!                 row.set(field::STOCK, Value::int(before.get(field::STOCK).or_zero() - op.value(0)), op.id);
//!                 cx.wrote(Some(before), Some(*row), op.id, Why::Effect);
//!             }
//!             _ => {}
//!         }
//!     }
//!     fn rows(&self, disk: &Vec<Row>, visit: &mut dyn FnMut(&Row)) {
//!         disk.iter().for_each(visit);
//!     }
//! }
//!
//! // One till sells three of five.
//! let (till, sale, x) = (NodeId(1), OpId(1), Key(1));
//! let mut story = Scenario::new(&RETAIL);
//! story.devices = vec!["till-1".into()];
//! story.rows = vec![("X".into(), Row::new(PRODUCT, x).with(field::STOCK, Value::int(5)))];
//! story.steps = vec![Step { at: Time::ZERO + Span::secs(1), op: Op::new(sale, till, SELL).line(x, 3) }];
//! story.heal = Time::ZERO + Span::secs(10);
//! let check = |story: &Scenario| -> Outcome {
//!     run(&Shop, story, Luck::Replay, Plan { invariants: vec![Box::new(StockNeverNegative)], record: false })
//! };
//! assert!(check(&story).violations.is_empty());
//!
//! // The same day, but the network delivers its only message twice.
//! let send = Label::new(till, Channel(1), Cause::Op(sale), Point::Send).attempt(1);
//! story.schedule = vec![Deviation { label: send, fate: Fate::Duplicate(Span::secs(2)) }];
//! let outcome = check(&story);
//! assert_eq!(outcome.violations[0].text, "the server's stock of X went from 2 to -1");
//! assert!(outcome.unused.is_empty(), "the deviation came up");
//! assert_eq!(outcome.fingerprint, check(&story).fingerprint);
//! ```

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

pub use check::check;
