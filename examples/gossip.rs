//! Devices that sync with each other and with nobody else: a shopping list that a household shares without a server.
//!
//! Why: not every sync system has a server. Here each phone tells another one, again and again, all that it knows
//! (anti-entropy), and where two know different things of an entry, the later change stays. A removed entry stays behind
//! as a tombstone, or else a phone that has not heard of the removal would bring it back. Tombstones pile up, so somebody
//! has the idea of forgetting them after a minute: that is the bug, and squall finds the day on which it shows.
//!
//! `cargo run --example gossip` tells that day; `cargo test --example gossip` holds the bug and its repair against it.

use squall::campaign::{Campaign, Report};
use squall::explore::Profile;
use squall::model::domain::{EntitySpec, FieldSpec, VerbSpec};
use squall::prelude::*;
use squall::report::{Style, table};
use std::collections::BTreeMap;
use std::sync::Arc;

// The business as data: what there is and what users do. With that alone squall invents whole days.

const ENTRY: Entity = Entity(0);
const AMOUNT: u8 = 0;
const ADD: Verb = Verb(0);
const CHANGE: Verb = Verb(1);

static LIST: Domain = Domain {
    transition: asks_for,
    ..Domain::new(
        "list",
        &[EntitySpec::new("entry", &[FieldSpec::new("amount", Class::Plain)])],
        &[
            VerbSpec::new("add", Shape::Record { target: None, values: &["amount"], lines: None }),
            VerbSpec::new("change", Shape::Set { entity: ENTRY }),
            VerbSpec::new("remove", Shape::Target(ENTRY)),
        ],
    )
};

/// What an op asks for, given what its phone shows: nothing, if the entry is not there.
fn asks_for(op: &Op, rows: &dyn Rows, effects: &mut Vec<Effect>) {
    let (entity, key) = (ENTRY, op.target);
    match op.verb {
        ADD => {
            let mut row = Row::new(ENTRY, Key::made(op.id, 0));
            (row.origin, row.actor) = (op.id, op.user);
            effects.push(Effect::Create(row.with(AMOUNT, Value::int(op.value(0)))));
        }
        _ if rows.row(ENTRY, key).is_none() => {}
        CHANGE => effects.push(Effect::Set { entity, key, field: AMOUNT, value: Value::int(op.value(0)) }),
        _ => effects.push(Effect::Delete { entity, key }),
    }
}

// The system: what a phone keeps, what phones say to each other, and what a phone does.

const GOSSIP: Channel = Channel(1);
const TICK: Timer = Timer { channel: Channel(2), number: 0 };
const PERIOD: Span = Span::secs(10);

/// The shared list. With `forget_after`, phones forget a tombstone once it is that old.
struct SharedList {
    forget_after: Option<Span>,
}

/// What a phone keeps through a kill.
#[derive(Clone, Default)]
struct Disk {
    entries: BTreeMap<Key, Row>,
    /// The latest time that it has written or seen; see [`Disk::now`].
    latest: i64,
    /// Own ops that no other phone has confirmed yet: the entry, and how far it must have come there.
    unconfirmed: BTreeMap<OpId, (Key, Rank)>,
}

/// Which of two states of an entry stays: removed before live, then the later one.
type Rank = (bool, i64);

fn rank(row: &Row) -> Rank {
    (row.deleted, row.stamp)
}

#[derive(Clone)]
enum Gossip {
    /// All that the sender knows, and please tell me all that you know.
    Tell(Vec<Row>),
    /// All that the asked phone knows, now that it has heard of the other's.
    Answer(Vec<Row>),
}

impl Message for Gossip {
    fn bytes(&self) -> u32 {
        let (Gossip::Tell(rows) | Gossip::Answer(rows)) = self;
        16 + 32 * rows.len() as u32
    }
}

impl System for SharedList {
    type Message = Gossip;
    type Disk = Disk;
    type Device = Phone;
    type Server = Nobody<Gossip, Disk>;

    fn name(&self) -> &str {
        if self.forget_after.is_some() { "forgetful-list" } else { "shared-list" }
    }
    fn domain(&self) -> &'static Domain {
        &LIST
    }
    fn facts(&self) -> Facts {
        // Everything that a phone reports is reported with `cx` below; what is not, squall does not judge.
        let reports = Reports { words: true, pending: true, sends: true, authors: true, ..Reports::NOTHING };
        Facts { server: false, longest_period: PERIOD, reports, ..Facts::new(&["gossip", "tick"]) }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        Disk { entries: rows.map(|row| (row.key, row)).collect(), ..Disk::default() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> Phone {
        Phone { forget_after: self.forget_after }
    }
    fn server(&self, _: &Disk) -> Nobody<Gossip, Disk> {
        Nobody::default()
    }
}

impl Rows for Disk {
    fn row(&self, _: Entity, key: Key) -> Option<Row> {
        self.entries.get(&key).copied().filter(|row| !row.deleted)
    }
}

impl Disk {
    /// A hybrid logical clock: the wall clock, but later than anything seen, so that a wrong clock cannot make a change
    /// older than what its user was looking at. The low bits name the phone: no two changes have the same time.
    fn now(&mut self, cx: &Context<Gossip>) -> i64 {
        let physical = cx.wall() << 8;
        self.latest = (physical.max(self.latest + 256) & !255) | i64::from(cx.node().0);
        self.latest
    }

    fn write(&mut self, row: Row, op: OpId, why: Why, cx: &mut Context<Gossip>) {
        let before = self.entries.insert(row.key, row);
        cx.wrote(before, Some(row), op, why);
    }

    /// Takes in what another phone knows.
    fn merge(&mut self, theirs: &[Row], cx: &mut Context<Gossip>) {
        for row in theirs {
            self.latest = self.latest.max(row.stamp);
            if self.entries.get(&row.key).is_none_or(|mine| rank(row) > rank(mine)) {
                self.write(*row, OpId::NONE, Why::Copied, cx);
            }
        }
    }

    fn all(&self) -> Vec<Row> {
        self.entries.values().copied().collect()
    }
}

struct Phone {
    forget_after: Option<Span>,
}

impl Phone {
    fn does(&self, disk: &mut Disk, op: Op, cx: &mut Context<Gossip>) {
        let mut effects = Vec::new();
        asks_for(&op, disk, &mut effects);
        let (mut row, deleted) = match effects.pop() {
            Some(Effect::Create(row)) => (Row { created: cx.wall(), ..row }, false),
            Some(Effect::Set { key, value, .. }) => (disk.entries[&key].with(AMOUNT, value), false),
            Some(Effect::Delete { key, .. }) => (disk.entries[&key].with(AMOUNT, Value::NULL), true),
            _ => return cx.tell(op.id, Word::Refused),
        };
        row.set(AMOUNT, row.get(AMOUNT), op.id);
        (row.deleted, row.stamp) = (deleted, disk.now(cx));
        disk.write(row, op.id, Why::Effect, cx);
        if cx.devices() > 1 {
            disk.unconfirmed.insert(op.id, (row.key, rank(&row)));
        }
        cx.tell(op.id, Word::Saved);
    }

    /// Tells one of the other phones, drawn anew each time.
    fn tells_somebody(&self, disk: &Disk, cx: &mut Context<Gossip>) {
        let others: Vec<NodeId> = (1..=cx.devices()).map(NodeId).filter(|phone| *phone != cx.node()).collect();
        if !others.is_empty() {
            let other = others[cx.draw(others.len() as u64) as usize];
            let carries: Vec<OpId> = disk.unconfirmed.keys().copied().collect();
            cx.send(other, GOSSIP, cx.cause(), carries, Gossip::Tell(disk.all()));
        }
    }

    /// The bug, if it is switched on: a phone that was away for longer has never heard of the removal.
    fn forgets(&self, disk: &mut Disk, cx: &mut Context<Gossip>) {
        let Some(after) = self.forget_after else { return };
        let now = cx.wall();
        disk.entries.retain(|_, row| {
            let keep = !row.deleted || now - (row.stamp >> 8) <= after.0 as i64;
            if !keep {
                cx.wrote(Some(*row), None, OpId::NONE, Why::Purged);
            }
            keep
        });
    }
}

impl Node for Phone {
    type Message = Gossip;
    type Disk = Disk;

    fn handle(&mut self, disk: &mut Disk, input: Input<Gossip>, cx: &mut Context<Gossip>) {
        match input {
            Input::Booted => cx.set_timer(TICK, PERIOD, None),
            Input::Timer(_) => {
                self.forgets(disk, cx);
                self.tells_somebody(disk, cx);
                cx.set_timer(TICK, PERIOD, None);
            }
            Input::Op(op) => self.does(disk, op, cx),
            Input::Message { from, message: Gossip::Tell(rows) } => {
                disk.merge(&rows, cx);
                cx.reply(from, cx.request(), [], Gossip::Answer(disk.all()));
            }
            Input::Message { message: Gossip::Answer(rows), .. } => {
                disk.merge(&rows, cx);
                // What has come back at least as new has arrived: its user may know.
                disk.unconfirmed.retain(|op, (key, wanted)| {
                    let arrived = rows.iter().any(|row| row.key == *key && rank(row) >= *wanted);
                    if arrived {
                        cx.tell(*op, Word::Synced);
                    }
                    !arrived
                });
            }
            // Nothing else needs an answer: what got lost is told again at the next tick.
            _ => {}
        }
    }

    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.entries.values().for_each(visit);
    }

    fn pending(&self, disk: &Disk, visit: &mut dyn FnMut(Pending)) {
        disk.unconfirmed.keys().for_each(|op| visit(Pending { op: *op, state: PendingState::Queued }));
    }
}

/// So many bad days of a system, each drawn from its seed; what broke is shrunk to its shortest story.
fn days(forget_after: Option<Span>, profile: &str, count: u64) -> Report {
    let profile = Profile::find(profile).expect("a profile of this name");
    Campaign::new(Arc::new(SharedList { forget_after }), profile, 0..count).run(&|_| {})
}

fn main() {
    let forgetful = SharedList { forget_after: Some(Span::mins(1)) };
    for finding in days(forgetful.forget_after, "default", 500).findings {
        println!("{}: {}\n", finding.invariant, finding.violation.text);
        println!("{}", table(&finding.scenario, &System::facts(&forgetful), &finding.outcome, Style::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_tombstone_lets_a_removed_entry_rise_again_and_the_story_is_short() {
        let report = days(Some(Span::mins(1)), "default", 500);
        let risen = report.findings.iter().find(|one| one.invariant == "deleted-stays-deleted").expect("it is found");
        assert!(risen.devices <= 3 && risen.ops <= 2 && risen.deviations <= 3, "{}", risen.signature);
    }

    #[test]
    fn with_tombstones_kept_every_promise_holds() {
        for (profile, count) in [("default", 2_000), ("heavy", 500)] {
            let report = days(None, profile, count);
            assert!(report.findings.is_empty(), "{}", report.findings[0].violation.text);
            assert!(report.mistakes.is_empty() && report.reached_server > count, "{:?}", report.mistakes);
        }
    }
}
