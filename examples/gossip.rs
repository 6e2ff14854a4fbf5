//! Devices that sync with each other and with nobody else: a shopping list that a household shares without a server.
//!
//! Each phone tells another one, again and again, all that it knows (anti-entropy). Where two know different things of
//! an entry, a removal stays, or else the later change. A removed entry stays behind as a tombstone: a phone that has not
//! heard of the removal would bring it back otherwise. Tombstones pile up, so somebody has the idea of dropping one as
//! soon as another phone has it. That is the bug. `cargo run --example gossip` tells the day on which it shows;
//! `cargo test --example gossip` finds it, and holds the list that keeps its tombstones against thousands of days.

use squall::campaign::{Campaign, Report};
use squall::explore::Profile;
use squall::prelude::*;
use squall::report::{Style, table};
use std::collections::BTreeMap;
use std::sync::Arc;

// The business as data: what there is and what users do. From that alone squall invents whole days.

const ENTRY: Entity = Entity(0);
const AMOUNT: u8 = 0;
const ADD: Verb = Verb(0);
const CHANGE: Verb = Verb(1);

static LIST: Domain = Domain {
    transition: asks_for,
    pieces: |op, made| made.extend((op.verb == ADD).then_some(Piece { entity: ENTRY, part: 0, amount: None })),
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
            let made = Row { origin: op.id, actor: op.user, ..Row::new(ENTRY, Key::made(op.id, 0)) };
            effects.push(Effect::Create(made.with(AMOUNT, Value::int(op.value(0)))));
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

/// All that the sender knows. Who is told answers with all that it knows by then.
#[derive(Clone)]
struct Gossip {
    rows: Vec<Row>,
    answers: bool,
}
impl Message for Gossip {
    fn bytes(&self) -> u32 {
        16 + 32 * self.rows.len() as u32
    }
}

/// Which of two states of an entry stays: removed before live, then the later one.
type Rank = (bool, i64);
fn rank(row: &Row) -> Rank {
    (row.deleted, row.stamp)
}

/// What a phone keeps through a kill.
#[derive(Clone, Default)]
struct Disk {
    entries: BTreeMap<Key, Row>,
    /// The latest time that was written or seen here.
    latest: i64,
    /// Own ops that no other phone has confirmed yet: the entry, and the least that the other must know of it.
    unconfirmed: BTreeMap<OpId, (Key, Rank)>,
}
impl Rows for Disk {
    fn row(&self, _: Entity, key: Key) -> Option<Row> {
        self.entries.get(&key).copied().filter(|row| !row.deleted)
    }
}
impl Disk {
    /// A hybrid logical clock: the wall clock, but later than anything seen here. So a wrong clock cannot make a change
    /// older than what its user was looking at. The low bits name the phone: no two changes have the same time.
    fn time(&mut self, cx: &Context<Gossip>) -> i64 {
        self.latest = ((cx.wall() << 8).max(self.latest + 256) & !255) | i64::from(cx.node().0);
        self.latest
    }
    /// Writes and reports it: squall holds what is reported against what [`Node::rows`] shows.
    fn write(&mut self, row: Row, op: OpId, why: Why, cx: &mut Context<Gossip>) {
        let before = self.entries.insert(row.key, row);
        cx.wrote(before, Some(row), op, why);
    }
    fn merge(&mut self, theirs: &[Row], cx: &mut Context<Gossip>) {
        for row in theirs {
            self.latest = self.latest.max(row.stamp);
            if self.entries.get(&row.key).is_none_or(|mine| rank(row) > rank(mine)) {
                self.write(*row, OpId::NONE, Why::Copied, cx);
            }
        }
    }
    fn gossip(&self, answers: bool) -> Gossip {
        Gossip { rows: self.entries.values().copied().collect(), answers }
    }
}

/// The system and each of its phones; `forgetful` ones drop a tombstone that another phone has confirmed.
#[derive(Clone, Copy)]
struct SharedList {
    forgetful: bool,
}

impl System for SharedList {
    type Message = Gossip;
    type Disk = Disk;
    type Device = SharedList;
    type Server = Nobody<Gossip, Disk>; // with `server: false` below, this is all that must be said of it

    fn name(&self) -> &str {
        if self.forgetful { "forgetful-list" } else { "shared-list" }
    }
    fn domain(&self) -> &'static Domain {
        &LIST
    }
    fn facts(&self) -> Facts {
        let reports = Reports { words: true, pending: true, sends: true, authors: true, ..Reports::NOTHING };
        Facts { server: false, longest_period: PERIOD, reports, ..Facts::new(&["gossip", "tick"]) }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        Disk { entries: rows.map(|row| (row.key, row)).collect(), ..Disk::default() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> SharedList {
        *self
    }
    fn server(&self, _: &Disk) -> Nobody<Gossip, Disk> {
        Nobody::default()
    }
}

impl SharedList {
    fn does(&self, disk: &mut Disk, op: Op, cx: &mut Context<Gossip>) {
        let mut effects = Vec::new();
        asks_for(&op, disk, &mut effects);
        let (mut row, amount, deleted) = match effects.pop() {
            Some(Effect::Create(row)) => (Row { created: cx.wall(), ..row }, row.get(AMOUNT), false),
            Some(Effect::Set { key, value, .. }) => (disk.entries[&key], value, false),
            Some(Effect::Delete { key, .. }) => (disk.entries[&key], Value::NULL, true),
            _ => return cx.tell(op.id, Word::Refused),
        };
        row.set(AMOUNT, amount, op.id);
        (row.deleted, row.stamp) = (deleted, disk.time(cx));
        disk.write(row, op.id, Why::Effect, cx);
        if cx.others().next().is_some() {
            disk.unconfirmed.insert(op.id, (row.key, rank(&row)));
        }
        cx.tell(op.id, Word::Saved);
    }

    fn tick(&self, disk: &Disk, cx: &mut Context<Gossip>) {
        let others: Vec<NodeId> = cx.others().collect();
        if !others.is_empty() {
            let other = others[cx.draw(others.len() as u64) as usize];
            cx.send(other, GOSSIP, cx.cause(), disk.unconfirmed.keys().copied(), disk.gossip(false));
        }
        cx.set_timer(TICK, PERIOD, None);
    }

    /// What comes back at least as new as it was written has arrived, and its user may know.
    fn confirms(&self, disk: &mut Disk, theirs: &[Row], cx: &mut Context<Gossip>) {
        let arrived = |key: Key, least: Rank| theirs.iter().any(|row| row.key == key && rank(row) >= least);
        let confirmed = disk.unconfirmed.extract_if(.., |_, (key, least)| arrived(*key, *least)).collect::<Vec<_>>();
        for (op, (key, (removed, _))) in confirmed {
            cx.tell(op, Word::Synced);
            if self.forgetful && removed {
                cx.wrote(disk.entries.remove(&key), None, op, Why::Purged); // the bug: others may not know yet
            }
        }
    }
}

impl Node for SharedList {
    type Message = Gossip;
    type Disk = Disk;

    fn handle(&mut self, disk: &mut Disk, input: Input<Gossip>, cx: &mut Context<Gossip>) {
        match input {
            Input::Booted => cx.set_timer(TICK, PERIOD, None),
            Input::Timer(_) => self.tick(disk, cx),
            Input::Op(op) => self.does(disk, op, cx),
            Input::Message { from, message: Gossip { rows, answers } } => {
                disk.merge(&rows, cx);
                if answers {
                    self.confirms(disk, &rows, cx);
                } else {
                    cx.reply(from, cx.request(), [], disk.gossip(true));
                }
            }
            _ => {} // what got lost or damaged is told again at a later tick
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.entries.values().for_each(visit);
    }
    fn pending(&self, disk: &Disk, visit: &mut dyn FnMut(Pending)) {
        disk.unconfirmed.keys().for_each(|op| visit(Pending { op: *op, state: PendingState::Queued }));
    }
}

/// So many bad days, each drawn from its seed; each promise that broke is told in its shortest story.
fn days(system: SharedList, profile: &str, count: u64) -> Report {
    let profile = Profile::find(profile).expect("a profile of squall's");
    Campaign::new(Arc::new(system), profile, 0..count).run(&|_| {})
}

fn main() {
    let forgetful = SharedList { forgetful: true };
    for finding in days(forgetful, "default", 300).findings {
        println!("{}: {}\n", finding.invariant, finding.violation.text);
        println!("{}", table(&finding.scenario, &forgetful.facts(), &finding.outcome, Style::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall::Check;

    #[test]
    fn a_dropped_tombstone_lets_a_removed_entry_rise_again_and_the_story_is_short() {
        let report = days(SharedList { forgetful: true }, "default", 300);
        let risen = report.findings.iter().find(|one| one.invariant == "deleted-stays-deleted").expect("it is found");
        assert!(risen.devices <= 3 && risen.ops <= 2 && risen.deviations <= 3, "{}", risen.signature);
    }

    #[test]
    fn with_tombstones_kept_every_promise_holds() {
        for (profile, count) in [("default", 2_000), ("heavy", 500)] {
            Check::new(&SharedList { forgetful: false }).profile(profile).runs(count).assert();
        }
    }
}
