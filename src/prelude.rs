//! Everything that a system of one's own is written with: `use squall::prelude::*;`.
//!
//! Why: the door to squall is small, and this is all of it. What is not here is for those who build tools on top: own
//! explorers, campaigns, reports. It defines nothing.

#[doc(no_inline)]
pub use crate::harness::{Outcome, with_invariants};
#[doc(no_inline)]
pub use crate::invariants::{Breach, History, Invariant, Log, Moment, wants};
#[doc(no_inline)]
pub use crate::model::domain::{
    Class, Dice, Domain, Effect, EntitySpec, FieldSpec, Piece, Promise, Rows, Setting, Shape, VerbSpec,
};
#[doc(no_inline)]
pub use crate::model::{Entity, Key, Line, Op, Row, Scenario, Value, Verb};
#[doc(no_inline)]
pub use crate::sim::{Cause, Channel, NodeId, OpId, Span, Time};
#[doc(no_inline)]
pub use crate::system::{
    Context, Facts, Input, Message, Nobody, Node, Pending, PendingState, Reports, RetryBounds, Rule, System, Task,
    Timer, Verdict, Why, Word,
};
