//! A day in a shop with two tills, told step by step, so that a test of an invariant reads like an incident report.
//!
//! Every story is held against all invariants at once: what one test breaks must not set off another by accident. The
//! sound steps ([`Day::does`], [`Day::lands`], [`Day::pulls`]) behave as a good system would; anything else is written by
//! hand with [`Day::write`].

use super::{History, Invariant, Log, Moment, wants};
use crate::model::retail::{PRODUCT, RETAIL, SELL, SET_PRICE, SUPPLIER, USER, field};
use crate::model::{Effect, Entity, Key, Op, Row, Rows, Scenario, Step, Value, Verb};
use crate::sim::{Cause, Channel, Label, NodeId, OpId, Point, Span, Time};
use crate::system::{Facts, Pending, PendingState, Reports, RetryBounds, Verdict, Why, Word, Write};

pub const SERVER: NodeId = NodeId::SERVER;
pub const ABDOULAYE: NodeId = NodeId(1);
pub const FATOUMATA: NodeId = NodeId(2);
/// A product with five units at 5000.
pub const X: Key = Key(1);
/// A product with nine units at 700.
pub const Y: Key = Key(2);
/// A supplier.
pub const S: Key = Key(1);

const FACTS: Facts = Facts {
    channels: &["push", "pull", "retry"],
    time_outs: &[],
    pulls: &[Channel(2)],
    longest_period: Span::secs(30),
    retry: Some(RetryBounds {
        attempts: Some(3),
        delays: [Span::secs(1), Span::secs(2), Span::secs(4), Span::secs(4), Span::secs(4)],
        batch: 2,
    }),
    clock_bound: Some(Span::secs(60)),
    sent_within: None,
    reports: Reports {
        verdicts: true,
        words: true,
        pending: true,
        sends: true,
        audit: false,
        lamp: true,
        authors: true,
        pulls: true,
    },
    goals: &[],
    out_of_reach: 0,
    server: true,
};

pub fn op(id: u32, node: NodeId, verb: Verb) -> Op {
    Op::new(OpId(id), node, verb)
}

pub fn product(key: Key, stock: i64, price: i64) -> Row {
    Row::new(PRODUCT, key)
        .with(field::STOCK, Value::int(stock))
        .with(field::PRICE, Value::int(price))
        .with(field::THRESHOLD, Value::NULL)
}

pub struct Day {
    pub history: History<'static>,
    invariants: Vec<Box<dyn Invariant>>,
    pub log: Log,
}

struct On<'a>(&'a History<'static>, NodeId);
impl Rows for On<'_> {
    fn row(&self, entity: Entity, key: Key) -> Option<Row> {
        self.0.find(self.1, entity, key).copied().filter(|row| !row.deleted)
    }
}

impl Day {
    pub fn of(ops: &[Op]) -> Day {
        Day::with(ops, &[])
    }

    /// A day without a server: the tills talk to each other.
    pub fn among_devices(ops: &[Op]) -> Day {
        let reports = Reports { verdicts: false, pulls: false, ..FACTS.reports };
        Day::declaring(Facts { server: false, reports, ..FACTS }, ops, &[])
    }

    /// The same of a system that says of no row who made it or set a field.
    pub fn among_untold_devices(ops: &[Op]) -> Day {
        let reports = Reports { verdicts: false, pulls: false, authors: false, ..FACTS.reports };
        Day::declaring(Facts { server: false, reports, ..FACTS }, ops, &[])
    }

    /// A day with more opening rows.
    pub fn with(ops: &[Op], more: &[(&str, Row)]) -> Day {
        Day::declaring(FACTS, ops, more)
    }

    fn declaring(facts: Facts, ops: &[Op], more: &[(&str, Row)]) -> Day {
        let mut scenario = Scenario::new(&RETAIL);
        scenario.devices = vec!["abdoulaye".into(), "fatoumata".into()];
        scenario.rows = vec![
            ("X".into(), product(X, 5, 5_000)),
            ("Y".into(), product(Y, 9, 700)),
            ("S".into(), Row::new(SUPPLIER, S).with(0, Value::int(620))),
            ("fanta".into(), Row::new(USER, Key(1)).with(0, Value::int(1))),
        ];
        scenario.rows.extend(more.iter().map(|(name, row)| (name.to_string(), *row)));
        scenario.steps = ops.iter().map(|op| Step { at: Time::ZERO, op: *op }).collect();
        let scenario: &'static Scenario = Box::leak(Box::new(scenario));
        let mut history = History::new(scenario, facts, &|_, _| true);
        history.open();
        Day { history, invariants: super::all(), log: Log::default() }
    }

    fn moment(&mut self, bit: u8, moment: &Moment<'_>) {
        for (index, invariant) in self.invariants.iter_mut().enumerate() {
            let checked = invariant.not_checked(&self.history.facts, self.history.domain).is_none();
            if checked && invariant.wants() & bit != 0 {
                self.log.speaker(index, invariant.name(), self.history.now);
                invariant.observe(&self.history, moment, &mut self.log);
            }
        }
    }

    pub fn row(&self, node: NodeId, entity: Entity, key: Key) -> Row {
        *self.history.find(node, entity, key).expect("the story speaks of a row that is there")
    }

    pub fn wait(&mut self, span: Span) -> &mut Day {
        self.history.now = self.history.now + span;
        self
    }

    pub fn write(&mut self, node: NodeId, before: Option<Row>, after: Option<Row>, op: OpId, why: Why) -> &mut Day {
        let told = self.history.facts.reports.authors;
        let untold = |row: Row| Row { origin: OpId::NONE, set_by: Row::new(row.entity, row.key).set_by, ..row };
        let after = after.map(|row| if told { row } else { untold(row) });
        let write = Write { before, after, op, why };
        self.history.wrote(node, &write);
        self.moment(wants::WROTE, &Moment::Wrote(node, &write));
        self
    }

    pub fn between(&mut self, node: NodeId) -> &mut Day {
        self.moment(wants::BETWEEN, &Moment::Between(node));
        self
    }

    /// Changes one field of a row and ends the handler.
    pub fn set(&mut self, node: NodeId, at: (Entity, Key, u8), value: Value, op: OpId, why: Why) -> &mut Day {
        let before = self.row(node, at.0, at.1);
        let mut after = before;
        after.set(at.2, value, op);
        self.write(node, Some(before), Some(after), op, why).between(node)
    }

    pub fn tell(&mut self, op: OpId, word: Word) -> &mut Day {
        let node = self.history.op(op).map_or(ABDOULAYE, |record| record.op.node);
        self.history.told(node, op, word);
        self.moment(wants::TOLD, &Moment::Told(node, op, word));
        self
    }

    /// The device says that it is up to date as of a time.
    pub fn says_up_to_date(&mut self, node: NodeId, as_of: Time) -> &mut Day {
        self.history.as_of = as_of;
        self.history.told(node, OpId::NONE, Word::UpToDate);
        self.moment(wants::TOLD, &Moment::Told(node, OpId::NONE, Word::UpToDate));
        self
    }

    pub fn decide(&mut self, op: OpId, verdict: Verdict) -> &mut Day {
        self.moment(wants::DECIDED, &Moment::Decided(op, verdict));
        let now = self.history.now;
        self.history.op_mut(op).expect("an op of the day").verdicts.push((now, verdict));
        self
    }

    /// What an op asks for, for the rows of a node.
    pub fn effects(&self, node: NodeId, op: &Op) -> Vec<Effect> {
        let mut effects = Vec::new();
        (RETAIL.transition)(op, &On(&self.history, node), &mut effects);
        effects
    }

    pub fn apply(&mut self, node: NodeId, by: OpId, effects: &[Effect]) -> &mut Day {
        for effect in effects {
            match *effect {
                Effect::Create(row) => self.write(node, None, Some(row), by, Why::Effect),
                Effect::Delete { entity, key } => {
                    let before = self.row(node, entity, key);
                    let after = Row { deleted: true, ..before };
                    self.write(node, Some(before), Some(after), by, Why::Effect)
                }
                Effect::Set { entity, key, field, value } => {
                    let before = self.row(node, entity, key);
                    let mut after = before;
                    after.set(field, value, by);
                    self.write(node, Some(before), Some(after), by, Why::Effect)
                }
                Effect::Add { entity, key, field, delta } => {
                    let before = self.row(node, entity, key);
                    let mut after = before;
                    after.set(field, Value::int(before.get(field).or_zero() + delta), by);
                    self.write(node, Some(before), Some(after), by, Why::Effect)
                }
            };
        }
        self
    }

    /// The user does it; the device takes it and says `saved`.
    pub fn does(&mut self, op: Op) -> &mut Day {
        self.wait(Span::secs(1));
        let now = self.history.now;
        self.history.op_mut(op.id).expect("an op of the day").at = Some(now);
        self.moment(wants::ACTED, &Moment::Acted(&op));
        let effects = self.effects(op.node, &op);
        self.apply(op.node, op.id, &effects).tell(op.id, Word::Saved).between(op.node)
    }

    /// A message with these ops leaves the device.
    pub fn sends(&mut self, node: NodeId, ops: &[OpId]) -> &mut Day {
        let label = Label::new(node, Channel(1), Cause::Op(ops[0]), Point::Op);
        self.sends_from(node, ops, label)
    }

    /// The same, from a step with this label.
    pub fn sends_from(&mut self, node: NodeId, ops: &[OpId], step: Label) -> &mut Day {
        let now = self.history.now;
        for op in ops {
            self.history.op_mut(*op).expect("an op of the day").sends.push(now);
        }
        self.moment(wants::SENT, &Moment::Sent { node, channel: Channel(1), cause: Cause::Op(ops[0]), step, ops });
        self
    }

    /// The server takes the op as its device meant it, and says so.
    pub fn lands(&mut self, op: Op) -> &mut Day {
        self.wait(Span::secs(1));
        let effects = self.effects(op.node, &op);
        // What the op made is on its device already: the effects are what the device sent.
        self.apply(SERVER, op.id, &effects).decide(op.id, Verdict::Accepted).between(SERVER)
    }

    /// The server's answer reaches the device.
    pub fn acked(&mut self, op: Op) -> &mut Day {
        self.wait(Span::secs(1)).tell(op.id, Word::Synced).between(op.node)
    }

    /// The device copies every row of the server, and keeps its own ops that the server lacks on top of quantities.
    pub fn pulls(&mut self, node: NodeId) -> &mut Day {
        self.wait(Span::secs(1));
        let rows: Vec<Row> = self.history.server().rows.values().copied().collect();
        for theirs in rows {
            let key = super::history::canonical(&theirs);
            let before = self.history.find(node, theirs.entity, key).copied();
            let mut after = theirs;
            if theirs.entity == PRODUCT {
                let lacking = self
                    .history
                    .ops()
                    .filter(|record| record.op.node == node && !record.committed && !self.history.is_gone(record));
                let own =
                    lacking.flat_map(|record| &record.deltas).filter(|(entity, k, _)| (*entity, *k) == (PRODUCT, key));
                let sum: i64 = own.map(|(_, _, delta)| delta).sum();
                after.fields[0] = Value::int(after.get(0).or_zero() + sum);
            }
            if before != Some(after) {
                self.write(node, before, Some(after), OpId::NONE, Why::Copied);
            }
        }
        self.between(node)
    }

    /// Without a server: a device takes over every row of another that differs.
    pub fn copies(&mut self, to: NodeId, from: NodeId) -> &mut Day {
        self.copies_but(to, from, |_| false)
    }

    /// The same without some rows.
    pub fn copies_but(&mut self, to: NodeId, from: NodeId, left_out: impl Fn(&Row) -> bool) -> &mut Day {
        self.wait(Span::secs(1));
        let rows: Vec<Row> = self.history.node(from).rows.values().copied().filter(|row| !left_out(row)).collect();
        for theirs in rows {
            let before = self.history.find(to, theirs.entity, super::history::canonical(&theirs)).copied();
            if before != Some(theirs) {
                self.write(to, before, Some(theirs), OpId::NONE, Why::Copied);
            }
        }
        self.between(to)
    }

    /// The device takes an op back: rows go, quantities are restored, and the user is told.
    pub fn takes_back(&mut self, op: Op, word: Word) -> &mut Day {
        self.wait(Span::secs(1));
        let effects = self.effects(op.node, &op);
        for effect in effects {
            match effect {
                Effect::Create(row) => {
                    let before = self.row(op.node, row.entity, row.key);
                    self.write(op.node, Some(before), None, op.id, Why::RolledBack);
                }
                Effect::Add { entity, key, field, delta } => {
                    let before = self.row(op.node, entity, key);
                    let mut after = before;
                    after.set(field, Value::int(before.get(field).or_zero() - delta), OpId::NONE);
                    self.write(op.node, Some(before), Some(after), op.id, Why::RolledBack);
                }
                _ => {}
            }
        }
        self.tell(op.id, word).between(op.node)
    }

    pub fn still_wants(&mut self, op: Op, state: PendingState) -> &mut Day {
        self.history.nodes[op.node.index()].pending.push(Pending { op: op.id, state });
        self
    }

    /// The day ends at rest and is judged: every breach as `invariant: kind`.
    pub fn ends(&mut self) -> Vec<String> {
        self.history.rested = true;
        self.judge()
    }

    /// What broke so far: every breach as `invariant: kind`.
    pub fn so_far(&self) -> Vec<String> {
        self.log.violations.iter().map(|one| format!("{}: {}", one.invariant, one.kind)).collect()
    }

    /// The day is judged as it is, before it came to rest.
    pub fn judge(&mut self) -> Vec<String> {
        for (index, invariant) in self.invariants.iter_mut().enumerate() {
            if invariant.not_checked(&self.history.facts, self.history.domain).is_none() {
                self.log.speaker(index, invariant.name(), self.history.now);
                invariant.judge(&self.history, &mut self.log);
            }
        }
        self.so_far()
    }

    /// Whether an invariant's antecedent occurred.
    pub fn exercised(&self, name: &str) -> bool {
        let index = self.invariants.iter().position(|one| one.name() == name).expect("an invariant of this name");
        self.log.exercised & 1 << index != 0
    }
}

/// Sets the price of X.
pub fn price(id: u32, node: NodeId, value: i64) -> Op {
    op(id, node, SET_PRICE).on(X).line(Key::NONE, value)
}

/// Sells so many X.
pub fn sale(id: u32, node: NodeId, quantity: i64) -> Op {
    op(id, node, SELL).line(X, quantity)
}

#[track_caller]
pub fn assert_broke(breaches: &[String], expected: &str) {
    assert!(breaches.iter().any(|one| one == expected), "{expected} is not among {breaches:?}");
}

/// A day on which one sale landed and everybody pulled.
pub fn settled_day() -> (Day, Op) {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one).acked(one).pulls(ABDOULAYE).pulls(FATOUMATA);
    (day, one)
}
