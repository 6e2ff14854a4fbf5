//! An appointment book for several desks: a business of one's own with its ops, days, messages, goals and promise.
//!
//! Desks book, move and cancel without network and send their ops in order; the server answers each batch with its
//! verdicts and the whole book. The planted bug: a move is applied without a look at whether its hour is free. It is no
//! model of a good protocol: the whole book travels each time.
//!
//! `cargo run --example custom_domain -- fuzz`, then `replay findings`, `explain`, `shrink`, `compare`, `diff`, `list`.

use squall::cli::Registry;
use squall::prelude::*;
use std::collections::BTreeMap;

const ROOM: Entity = Entity(0);
const APPOINTMENT: Entity = Entity(1);
const IN_ROOM: u8 = 0;
const HOUR: u8 = 1;
const BOOK: Verb = Verb(0);
const MOVE: Verb = Verb(1);
const CANCEL: Verb = Verb(2);
const ONE: &[(&str, Entity)] = &[("appointment", APPOINTMENT)];
static CALENDAR: Domain = Domain {
    transition,
    pieces,
    opening,
    invent,
    unique: &[(APPOINTMENT, &[IN_ROOM, HOUR])],
    ..Domain::new(
        "calendar",
        &[
            EntitySpec::new("room", &[FieldSpec::new("floor", Class::Plain)]),
            EntitySpec::new(
                "appointment",
                &[FieldSpec::new("room", Class::Reference(ROOM)), FieldSpec::new("hour", Class::Plain)],
            ),
        ],
        &[
            VerbSpec::new("book", Shape::Form { rows: &[("room", ROOM)], needed: 1, values: &["hour"] }),
            VerbSpec::new("move", Shape::Form { rows: ONE, needed: 1, values: &["hour"] }),
            VerbSpec::new("cancel", Shape::Target(APPOINTMENT)),
        ],
    )
};

fn booked(op: &Op) -> Row {
    Row::made(APPOINTMENT, op, 0).with(IN_ROOM, Value::key(op.target)).with(HOUR, Value::int(op.value(0)))
}

/// What an op asks for, told to squall.
fn transition(op: &Op, _: &dyn Rows, out: &mut Vec<Effect>) {
    let hour = Value::int(op.value(0));
    out.push(match op.verb {
        BOOK => Effect::Create(booked(op)),
        MOVE => Effect::Set { entity: APPOINTMENT, key: op.target, field: HOUR, value: hour },
        _ => Effect::Delete { entity: APPOINTMENT, key: op.target },
    });
}

fn pieces(op: &Op, out: &mut Vec<Piece>) {
    if op.verb == BOOK {
        out.push(Piece { entity: APPOINTMENT, part: 0, amount: None });
    }
}

/// Two rooms, each with an appointment at eight.
fn opening(_: &'static Domain, _: &mut Dice, _: bool) -> Vec<(String, Row)> {
    let room = |n| (format!("room-{n}"), Row::new(ROOM, Key(n)).with(0, Value::int(1)));
    let blank = |n| Row::new(APPOINTMENT, Key(n)).with(IN_ROOM, Value::key(Key(n))).with(HOUR, Value::int(8));
    (1..=2).flat_map(|n| [room(n), (format!("appointment-{n}"), blank(n))]).collect()
}

/// People book twice as often as they change their minds, and all want the same few hours.
fn invent(dice: &mut Dice, setting: &Setting<'_>, op: Op) -> Option<Op> {
    let (verb, hour) = ([BOOK, BOOK, MOVE, CANCEL][dice.below(4) as usize], dice.between(9, 11));
    let entity = if verb == BOOK { ROOM } else { APPOINTMENT };
    let op = op.doing(verb).on(setting.row(dice, &op, entity)?);
    Some(if verb == CANCEL { op } else { op.line(Key::NONE, hour) })
}

/// What travels: an op on its way to the server, and back the verdict on it with the whole book.
#[derive(Clone)]
enum Talk {
    Ask { epoch: u32, op: Option<Op> },
    Answer { state: (u32, u32), verdict: Option<(OpId, Verdict)>, book: Book },
}

impl Message for Talk {}

type Book = BTreeMap<(Entity, Key), Row>;

#[derive(Clone, Default)]
struct Disk {
    /// The server's book; on a desk as it was last heard of.
    book: Book,
    /// How often the server was restored, and how many ops it had taken since.
    state: (u32, u32),
    /// On a desk: what the server has not answered, what it has taken, and what was refused.
    outbox: Vec<Op>,
    taken: Vec<Op>,
    refused: Vec<OpId>,
    /// On the server: every verdict.
    verdicts: BTreeMap<OpId, Verdict>,
}

impl Disk {
    /// The book as the desk shows it: what the server said, and on it what was not answered yet.
    fn shown(&self) -> Book {
        let mut book = self.book.clone();
        self.outbox.iter().for_each(|op| apply(&mut book, op));
        book
    }
}

fn apply(book: &mut Book, op: &Op) {
    let place = (APPOINTMENT, op.target);
    match (op.verb, book.get_mut(&place)) {
        (BOOK, _) => drop(book.insert((APPOINTMENT, Key::made(op.id, 0)), booked(op))),
        (MOVE, Some(row)) => row.set(HOUR, Value::int(op.value(0)), op.id),
        (_, Some(row)) => row.deleted = true,
        (_, None) => {}
    }
}

struct Calendar {
    name: &'static str,
    looks: bool,
}
struct Desk;
struct Server {
    looks: bool,
}

impl System for Calendar {
    type Message = Talk;
    type Disk = Disk;
    type Device = Desk;
    type Server = Server;
    fn name(&self) -> &str {
        self.name
    }
    fn domain(&self) -> &'static Domain {
        &CALENDAR
    }
    fn facts(&self) -> Facts {
        let reports = Reports { words: true, verdicts: true, pending: true, pulls: true, ..Reports::NOTHING };
        let goals = &["two desks wanted the same hour", "a move came after the cancellation"];
        Facts { reports, goals, pulls: &[Channel(1)], ..Facts::new(&["sync", "again"]) }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        let book = rows.map(|row| ((row.entity, row.key), row)).collect();
        Disk { book, ..Disk::default() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> Desk {
        Desk
    }
    fn server(&self, _: &Disk) -> Server {
        Server { looks: self.looks }
    }
    fn restored(&self, disk: &mut Disk, epoch: u32) {
        disk.state.0 = epoch;
    }
}

impl Desk {
    fn ask(disk: &Disk, cx: &mut Context<Talk>) {
        let first = disk.outbox.first().copied();
        let cause = first.map_or(cx.cause(), |op| Cause::Op(op.id));
        cx.send(NodeId::SERVER, Channel(1), cause, first.map(|op| op.id), Talk::Ask { epoch: disk.state.0, op: first });
    }

    /// Takes a verdict down. With a booking go the ops on it.
    fn take_down(disk: &mut Disk, (id, verdict): (OpId, Verdict), cx: &mut Context<Talk>) {
        let Some(at) = disk.outbox.iter().position(|op| op.id == id) else { return };
        let op = disk.outbox.remove(at);
        if verdict == Verdict::Accepted {
            disk.taken.push(op);
            return cx.tell(id, Word::Synced);
        }
        let gone = |other: &Op| other.verb != BOOK && other.target == Key::made(id, 0);
        let refused = std::iter::once(id).chain(disk.outbox.extract_if(.., |other| gone(other)).map(|op| op.id));
        for op in refused {
            disk.refused.push(op);
            cx.tell(op, Word::Rejected);
        }
    }
}

impl Node for Desk {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        let before = disk.shown();
        match input {
            Input::Op(op) => {
                disk.outbox.push(op);
                cx.tell(op.id, Word::Saved);
                cx.changed(before.values(), disk.shown().values(), op.id, Why::Effect);
            }
            Input::Booted | Input::Timer(_) => {
                if matches!(input, Input::Booted) {
                    // What was to be said when the app was killed is said now.
                    disk.refused.iter().for_each(|op| cx.tell(*op, Word::Rejected));
                }
                Desk::ask(disk, cx);
                cx.set_timer(Timer { channel: Channel(2), number: 0 }, Span::secs(10), None);
            }
            Input::Message { message: Talk::Answer { state, verdict, book }, .. } if state >= disk.state => {
                if state.0 > disk.state.0 {
                    // A restored server may have forgotten what it took: everything is sent once more.
                    disk.outbox.splice(0..0, disk.taken.drain(..));
                }
                (disk.book, disk.state) = (book, state);
                if let Some(verdict) = verdict {
                    Desk::take_down(disk, verdict, cx);
                    if !disk.outbox.is_empty() {
                        Desk::ask(disk, cx);
                    }
                }
                cx.changed(before.values(), disk.shown().values(), OpId::NONE, Why::Copied);
            }
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.shown().values().for_each(visit);
    }
    fn pending(&self, disk: &Disk, visit: &mut dyn FnMut(Pending)) {
        disk.outbox.iter().for_each(|op| visit(Pending { op: op.id, state: PendingState::Queued }));
    }
}

impl Server {
    fn decide(&self, book: &Book, op: &Op, cx: &mut Context<Talk>) -> Verdict {
        let refused = |rule| Verdict::Rejected { rule, about: op.target, available: 0, requested: 0 };
        let (room, hour) = match (op.verb, book.get(&(APPOINTMENT, op.target))) {
            (BOOK, _) => (Value::key(op.target), Value::int(op.value(0))),
            (_, None) => return refused(Rule::Missing),
            (MOVE, Some(row)) if row.deleted => {
                cx.reach(1);
                return refused(Rule::Deleted);
            }
            (MOVE, Some(row)) if self.looks && row.int(HOUR) != op.value(0) => {
                (row.get(IN_ROOM), Value::int(op.value(0)))
            }
            _ => return Verdict::Accepted,
        };
        let same = |row: &Row| row.entity == APPOINTMENT && (row.get(IN_ROOM), row.get(HOUR)) == (room, hour);
        if book.values().any(|row| !row.deleted && same(row)) {
            cx.reach(0);
            return refused(Rule::Taken);
        }
        Verdict::Accepted
    }
}

impl Node for Server {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        let Input::Message { from, message: Talk::Ask { epoch, op } } = input else { return };
        // Who has not heard of a restore yet must first send again what the server may have forgotten.
        let op = op.filter(|_| epoch == disk.state.0);
        let verdict = op.map(|op| {
            let known = disk.verdicts.get(&op.id).copied();
            let verdict = known.unwrap_or_else(|| self.decide(&disk.book, &op, cx));
            if known.is_none() && verdict == Verdict::Accepted {
                let before = disk.book.clone();
                apply(&mut disk.book, &op);
                cx.changed(before.values(), disk.book.values(), op.id, Why::Effect);
            }
            disk.state.1 += u32::from(known.is_none());
            disk.verdicts.insert(op.id, verdict);
            cx.decide(op.id, verdict);
            (op.id, verdict)
        });
        let (state, book) = (disk.state, disk.book.clone());
        cx.reply(from, cx.request(), op.map(|op| op.id), Talk::Answer { state, verdict, book });
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.book.values().for_each(visit);
    }
}

/// No two live appointments of the server share a room and an hour.
struct NoDoubleBooking;

impl Invariant for NoDoubleBooking {
    fn name(&self) -> &'static str {
        "no-double-booking"
    }
    fn promise(&self) -> &'static str {
        "no room is booked twice for the same hour"
    }
    fn wants(&self) -> u8 {
        wants::WROTE_ON_SERVER
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Wrote(node, write) = moment else { return };
        let Some(row) = write.after.filter(|row| row.entity == APPOINTMENT && !row.deleted) else { return };
        log.exercised();
        let same = |one: &&Row| (one.get(IN_ROOM), one.get(HOUR)) == (row.get(IN_ROOM), row.get(HOUR));
        if history.server().live(APPOINTMENT).filter(same).count() > 1 {
            let breach = Breach { kind: "twice", entity: APPOINTMENT, node: *node, ops: &[write.op], at: None };
            log.broke(history.domain, breach, || {
                let (op, hour) = (history.scenario.op_name(write.op), row.get(HOUR));
                format!("{op} booked a room for {hour} o'clock that was taken at that hour")
            });
        }
    }
}

fn calendar(name: &'static str, looks: bool) -> impl squall::harness::Subject {
    with_invariants(Calendar { name, looks }, || vec![Box::new(NoDoubleBooking)])
}

fn main() -> std::process::ExitCode {
    let systems = Registry::empty().called("cargo run --example custom_domain --");
    squall::cli::run(systems.with(calendar("moves-unseen", false)).with(calendar("looks-first", true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall::Check;

    #[test]
    fn a_move_that_is_not_looked_at_books_a_room_twice() {
        let failed = Check::new(&calendar("moves-unseen", false)).no_regressions().run().expect_err("it is found");
        assert!(failed.to_string().contains("✗ no-double-booking"), "{failed}");
    }

    #[test]
    fn the_twin_that_looks_first_keeps_every_promise() {
        squall::check(&calendar("looks-first", true));
    }
}
