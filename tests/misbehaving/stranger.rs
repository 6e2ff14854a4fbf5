//! A stranger's shop, written against the contract alone, that misbehaves in one way or in none.
//!
//! A till sends each op as it happens; the server keeps a list of what it has seen and answers. It is no good sync
//! engine: nothing is sent twice, and no stock changes.

use squall::model::retail::{PRODUCT, RETAIL, SELL, field};
use squall::model::{Domain, Entity, Key, Op, Row, Value};
use squall::sim::{Cause, Channel, NodeId, OpId, Span};
use squall::system::{Context, Facts, Input, Message, Node, Reports, System, Task, Timer, Why, Word};
use std::hash::{BuildHasher, Hasher};

const PUSH: Channel = Channel(1);
const TICK: Channel = Channel(2);
const ACK: Channel = Channel(3);
const TIMER: Timer = Timer { channel: TICK, number: 0 };

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// As it should.
    Good,
    /// The server panics when an op arrives for the second time.
    PanicsOnACopy,
    /// A till panics when it boots for the second time.
    PanicsAtItsSecondBoot,
    /// A till cannot show its rows once it has sold something.
    PanicsWhenItShowsItsRows,
    /// There is no disk for a server.
    HasNoDisk,
    /// A till that is told that its link is down looks again without waiting, as long as it is.
    LooksWithoutWaiting,
    /// The server does two tasks in turn, for ever, when an op arrives for the second time.
    DoesTwoTasksInTurn,
    /// A till sets a timer by its own luck.
    IsMoody,
    /// A till that was never disturbed by a second boot does what its user did and says nothing of anything but sales.
    SellsOnly,
    /// No op is ever heard of again.
    IsDeafToUsers,
    /// The server takes no notice of what arrives.
    IsDeafOnTheServer,
    /// The first till never sends anything.
    HasAMuteTill,
    /// A till changes a row and does not report it.
    HidesAWrite,
    /// A till changes a row unreported and reports a later change of it.
    ReportsHalf,
    /// The server reports a row of an entity that the business does not have.
    InventsAnEntity,
    /// A till sends on a channel that is not declared.
    SpeaksOnNoChannel,
    /// A till sends to a node that is not there.
    SpeaksToNobody,
    /// It cannot say which of the opening rows belong on a till.
    PanicsInScopeAtTheOpening,
    /// It cannot say where a row belongs whose price was changed.
    PanicsInScopeAtTheEnd,
    /// It reports no more than writes, and its messages list no ops.
    ListsNoOps,
    /// The server asks the tills, which send nothing but answers.
    AnswersWhenAsked,
    /// The server acknowledges on a channel of its own; a till then forgets the op, and that is all.
    ForgetsWhenAcknowledged,
    /// Nobody can make up a day with a sale of two.
    CannotMakeUpADay,
    /// Nobody can say what an op brings about.
    CannotSayWhatOpsDo,
    /// Its timers have no period.
    DeclaresNoPeriod,
}

static WITHOUT_DAYS: Domain = Domain {
    invent: |dice, setting, blank| {
        let op = (RETAIL.invent)(dice, setting, blank)?;
        assert!(op.verb != SELL || op.value(0) != 2, "a couple?");
        Some(op)
    },
    ..RETAIL
};
static WITHOUT_PIECES: Domain = Domain { pieces: |op, _| panic!("what is {:?}?", op.verb), ..RETAIL };

/// The shop.
pub struct Stranger(pub Manner);

/// A message: an op, or that it has been seen.
#[derive(Clone)]
pub enum Talk {
    Did(Op),
    Seen(OpId),
    Ask,
}

impl Message for Talk {
    fn bytes(&self) -> u32 {
        64
    }
}

/// What survives.
#[derive(Clone, Default)]
pub struct Disk {
    rows: Vec<Row>,
    seen: Vec<OpId>,
    answers: Vec<u8>,
    boots: u32,
    sold: bool,
    last: Option<Op>,
}

/// A till or the server.
pub struct Side {
    manner: Manner,
    offline: bool,
}

impl System for Stranger {
    type Message = Talk;
    type Disk = Disk;
    type Device = Side;
    type Server = Side;
    fn name(&self) -> &str {
        "stranger"
    }
    fn domain(&self) -> &'static Domain {
        match self.0 {
            Manner::CannotMakeUpADay => &WITHOUT_DAYS,
            Manner::CannotSayWhatOpsDo => &WITHOUT_PIECES,
            _ => &RETAIL,
        }
    }
    fn facts(&self) -> Facts {
        let reports = Reports { authors: self.0 != Manner::ListsNoOps, ..Reports::NOTHING };
        let seconds = if self.0 == Manner::DeclaresNoPeriod { 0 } else { 10 };
        Facts { longest_period: Span::secs(seconds), reports, ..Facts::new(&["push", "push-tick", "ack"]) }
    }
    fn disk(&self, who: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        assert!(self.0 != Manner::HasNoDisk || !who.is_server(), "no room left");
        Disk { rows: rows.collect(), ..Disk::default() }
    }
    fn in_scope(&self, _: NodeId, row: &Row) -> bool {
        assert!(self.0 != Manner::PanicsInScopeAtTheOpening, "whose is it?");
        let changed = row.entity == PRODUCT && row.set_by[field::PRICE as usize].is_some();
        assert!(self.0 != Manner::PanicsInScopeAtTheEnd || !changed, "whose is it now?");
        true
    }
    fn device(&self, _: NodeId, _: &Disk) -> Side {
        Side { manner: self.0, offline: false }
    }
    fn server(&self, _: &Disk) -> Side {
        Side { manner: self.0, offline: false }
    }
}

impl Side {
    fn acted(&self, disk: &mut Disk, op: Op, cx: &mut Context<Talk>) {
        disk.sold |= op.verb == SELL;
        match self.manner {
            Manner::SellsOnly if op.verb != SELL => return,
            Manner::IsDeafToUsers => return,
            Manner::HasAMuteTill if cx.node() == NodeId(1) => return cx.tell(op.id, Word::Saved),
            Manner::IsMoody => {
                let luck = std::hash::RandomState::new().build_hasher().finish();
                cx.set_timer(TIMER, Span(luck % 1_000_000), None);
            }
            Manner::ReportsHalf if op.verb == SELL => {
                if let Some(row) = disk.rows.iter_mut().find(|row| row.entity == PRODUCT) {
                    row.set(field::STOCK, Value::int(row.get(field::STOCK).or_zero() - 1), op.id);
                    cx.set(row, field::PRICE, Value::int(row.get(field::PRICE).or_zero() + 1), op.id);
                }
            }
            Manner::SpeaksOnNoChannel => return cx.send_op(Channel(9), op.id, Talk::Did(op)),
            Manner::SpeaksToNobody => {
                return cx.send(NodeId(40), PUSH, Cause::Op(op.id), [op.id], Talk::Did(op));
            }
            Manner::HidesAWrite if op.verb == SELL => {
                if let Some(row) = disk.rows.iter_mut().find(|row| row.entity == PRODUCT) {
                    row.set(field::STOCK, Value::int(row.get(field::STOCK).or_zero() - 1), op.id);
                }
            }
            Manner::ListsNoOps => return cx.send(NodeId::SERVER, PUSH, Cause::Op(op.id), [], Talk::Did(op)),
            Manner::AnswersWhenAsked => {
                disk.last = Some(op);
                return cx.tell(op.id, Word::Saved);
            }
            _ => {}
        }
        cx.tell(op.id, Word::Saved);
        cx.send(NodeId::SERVER, PUSH, Cause::Op(op.id), [op.id], Talk::Did(op));
    }

    fn arrived(&self, disk: &mut Disk, from: NodeId, op: Op, cx: &mut Context<Talk>) {
        if self.manner == Manner::IsDeafOnTheServer {
            return;
        }
        if disk.seen.contains(&op.id) {
            match self.manner {
                Manner::PanicsOnACopy => disk.seen.truncate(usize::from(disk.answers[3])),
                Manner::DoesTwoTasksInTurn => return cx.resume(Task(3)),
                _ => {}
            }
        } else {
            disk.seen.push(op.id);
            if let Some(row) = disk.rows.iter_mut().find(|row| row.entity == PRODUCT) {
                let before = *row;
                row.set(field::PRICE, Value::int(before.get(field::PRICE).or_zero() + 1), op.id);
                cx.wrote(Some(before), Some(*row), op.id, Why::Effect);
            }
        }
        if self.manner == Manner::InventsAnEntity && !disk.rows.iter().any(|row| row.entity == Entity(17)) {
            let row = Row::new(Entity(17), Key(1));
            cx.wrote(None, Some(row), op.id, Why::Effect);
            disk.rows.push(row);
        }
        let request = cx.request();
        match self.manner {
            Manner::ListsNoOps => cx.reply(from, request, [], Talk::Seen(op.id)),
            Manner::AnswersWhenAsked => {}
            Manner::ForgetsWhenAcknowledged => cx.send(from, ACK, Cause::Op(op.id), [op.id], Talk::Seen(op.id)),
            _ => cx.reply(from, request, [op.id], Talk::Seen(op.id)),
        }
    }
}

impl Node for Side {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        match input {
            Input::Booted => {
                disk.boots += 1;
                let again = self.manner == Manner::PanicsAtItsSecondBoot && !cx.node().is_server() && disk.boots > 1;
                assert!(!again, "the first process\nleft its lock behind");
                if self.manner == Manner::AnswersWhenAsked && cx.node().is_server() {
                    cx.set_timer(TIMER, Span::secs(10), None);
                }
            }
            Input::Op(op) => self.acted(disk, op, cx),
            Input::Message { from, message: Talk::Did(op) } => self.arrived(disk, from, op, cx),
            Input::Message { message: Talk::Seen(_), .. } if self.manner == Manner::ForgetsWhenAcknowledged => {
                disk.last = None;
            }
            Input::Message { from, message: Talk::Ask } => {
                if let Some(op) = disk.last {
                    cx.reply(from, cx.request(), [op.id], Talk::Did(op));
                }
            }
            Input::Message { message: Talk::Seen(op), .. } => cx.tell(op, Word::Synced),
            Input::Link { online } => {
                self.offline = !online;
                if self.manner == Manner::LooksWithoutWaiting && self.offline {
                    cx.set_timer(TIMER, Span::ZERO, None);
                }
            }
            Input::Timer(_) if self.manner == Manner::AnswersWhenAsked => {
                for till in cx.others() {
                    cx.send(till, PUSH, cx.cause(), [], Talk::Ask);
                }
                cx.set_timer(TIMER, Span::secs(10), None);
            }
            Input::Timer(_) if self.offline => cx.set_timer(TIMER, Span::ZERO, None),
            Input::Resume(Task(task)) => cx.resume(Task(7 - task)),
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        assert!(self.manner != Manner::PanicsWhenItShowsItsRows || !disk.sold, "sold out");
        disk.rows.iter().for_each(visit);
    }
}
