//! Everything the simulator did, kept only when somebody wants to read it.
//!
//! Why: campaigns need the fingerprint alone; `explain`, `diff` and the step count of a story need the events. Times,
//! ids and numbers only; names come from the scenario.

use crate::model::Op;
use crate::sim::{Fate, Label, NodeId, OpId, Point, Span, Time};
use crate::system::{Lamp, Verdict, Word, Write};

/// One event of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// When.
    pub at: Time,
    /// On which node.
    pub node: NodeId,
    /// The label under which it was scheduled.
    pub label: Label,
    /// The event that led to it.
    pub parent: Option<u32>,
    /// The ops that it carries or is about.
    pub ops: Vec<OpId>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // a variant's comment names its fields
pub enum What {
    /// A user did something.
    Acted(Op),
    /// A message left; its fate and size.
    Sent {
        /// The receiver.
        to: NodeId,
        /// What became of it, if that was not polite.
        fate: Option<Fate>,
        /// Its size.
        bytes: u32,
        /// Why it will not arrive, if it will not.
        lost: Option<Loss>,
    },
    /// A message arrived.
    Arrived {
        /// The sender.
        from: NodeId,
        /// Whether it was damaged on the way.
        damaged: bool,
        /// Whether it cannot be parsed.
        garbled: bool,
        /// When it was sent.
        sent: Time,
    },
    /// A message was lost on arrival.
    Lost {
        /// The sender.
        from: NodeId,
        /// Why.
        why: Loss,
    },
    /// The sender learnt that a message could not be delivered.
    Refused {
        /// Who could not be reached.
        to: NodeId,
    },
    /// A timer fired, this much later than on time.
    TimerFired {
        /// How much later.
        late: Span,
        /// Whether it is a client's time-out.
        time_out: bool,
    },
    /// A handler went on with its next transaction.
    Resumed,
    /// A handler was held up between two transactions.
    Paused(Span),
    /// A node died.
    Died {
        /// Whether what the step sent and told was lost with it.
        before_effects: bool,
        /// How long it stays down.
        down: Span,
    },
    /// A node booted.
    Booted {
        /// Whether its disk was wiped.
        wiped: bool,
    },
    /// An interference began or ended.
    Interference {
        /// Which kind.
        point: Point,
        /// Whether it began.
        begins: bool,
        /// How strong it is; the unit depends on the kind.
        strength: i64,
    },
    /// The device was told of its link.
    Link {
        /// Whether it was told that it is online.
        online: bool,
    },
    /// The app came back from the background.
    Foreground,
    /// A row changed.
    Wrote(Box<Write>),
    /// A user was told something.
    Told(OpId, Word),
    /// The sync lamp changed.
    Shown(Lamp),
    /// The server decided.
    Decided(OpId, Verdict),
    /// The faults end.
    Healed,
    /// Nothing more happens.
    Rested,
    /// The final phase of a run that never heals.
    Finish,
    /// A promise was broken: an index into the outcome's violations.
    Broke(u32),
}

/// Why a message did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// The nemesis dropped it.
    Dropped,
    /// The link was down, or swallowed it.
    Link,
    /// The receiver was not running.
    Down,
}

/// Events, if anybody listens.
#[derive(Default)]
pub struct Trace {
    events: Option<Vec<Event>>,
}

impl Trace {
    /// A trace that keeps everything.
    pub fn recording() -> Trace {
        Trace { events: Some(Vec::new()) }
    }
    /// Whether events are kept.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.events.is_some()
    }
    /// Adds an event; returns its number.
    #[inline]
    pub fn add(&mut self, event: impl FnOnce() -> Event) -> Option<u32> {
        let events = self.events.as_mut()?;
        events.push(event());
        Some(events.len() as u32 - 1)
    }
    /// The events kept so far, if events are kept.
    pub fn events_mut(&mut self) -> Option<&mut Vec<Event>> {
        self.events.as_mut()
    }
    /// The events kept.
    pub fn into_events(self) -> Vec<Event> {
        self.events.unwrap_or_default()
    }
}
