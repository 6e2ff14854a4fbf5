//! A sync engine of one's own in a page, with one bug: its server forgets which sales it has taken.
//!
//! A till sends each sale again and again until it hears of it. When an answer is late, the sale arrives twice, and a
//! server that does not remember takes the stock twice. It shows the contract and nothing else: no pull, no prices.
//!
//! `cargo run --example minimal_till` tells the story; `cargo test --example minimal_till` holds it.

use squall::{Check, prelude::*};
use std::collections::BTreeMap;

const STOCK: u8 = 0;
static SHOP: Domain = Domain::new(
    "shop",
    &[EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])],
    &[VerbSpec::new("sell", Shape::Lines { entity: Entity(0), signed: false })],
);

/// A sale on its way to the server, or back with what became of it.
#[derive(Clone)]
struct Sale(Op, Option<bool>);
impl Message for Sale {}

#[derive(Clone)]
struct Disk {
    rows: BTreeMap<Key, Row>,
    waiting: Vec<Op>,
    known: BTreeMap<OpId, bool>,
}

/// The system, and its nodes as well: what is an input to a till is none to the server.
#[derive(Clone, Copy)]
struct Shop {
    remembers: bool,
}

impl System for Shop {
    type Message = Sale;
    type Disk = Disk;
    type Device = Shop;
    type Server = Shop;
    fn domain(&self) -> &'static Domain {
        &SHOP
    }
    fn facts(&self) -> Facts {
        Facts { reports: Reports { words: true, ..Reports::NOTHING }, ..Facts::new(&["push", "again"]) }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        Disk { rows: rows.map(|row| (row.key, row)).collect(), waiting: Vec::new(), known: BTreeMap::new() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> Shop {
        *self
    }
    fn server(&self, _: &Disk) -> Shop {
        *self
    }
}

impl Node for Shop {
    type Message = Sale;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Sale>, cx: &mut Context<Sale>) {
        match input {
            Input::Op(op) => {
                disk.waiting.push(op);
                cx.tell(op.id, Word::Saved);
            }
            Input::Booted | Input::Timer(_) => {
                disk.waiting.iter().for_each(|op| cx.send_op(Channel(1), op.id, Sale(*op, None)));
                cx.set_timer(Timer { channel: Channel(2), number: 0 }, Span::secs(10), None);
            }
            Input::Message { message: Sale(op, Some(taken)), .. } => {
                disk.waiting.retain(|one| one.id != op.id);
                cx.tell(op.id, if taken { Word::Synced } else { Word::Rejected });
            }
            Input::Message { from, message: Sale(op, None) } => {
                let known = disk.known.get(&op.id).copied().filter(|_| self.remembers);
                let there = |line: &Line| disk.rows[&line.key].int(STOCK);
                let taken = known.unwrap_or_else(|| op.lines().iter().all(|line| there(line) >= line.value));
                for line in op.lines().iter().filter(|_| taken && known.is_none()) {
                    cx.add(disk.rows.get_mut(&line.key).expect("it fits"), STOCK, -line.value, op.id);
                }
                disk.known.insert(op.id, taken);
                cx.reply(from, cx.request(), [op.id], Sale(op, Some(taken)));
            }
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.rows.values().for_each(visit);
    }
}

#[test]
fn a_late_answer_makes_a_till_sell_the_same_thing_twice() {
    assert!(finding().contains("✗ one-effect-per-op"));
}

#[test]
fn the_twin_that_remembers_holds() {
    squall::check(&Shop { remembers: true });
}

fn main() {
    println!("{}", finding());
}

/// What `squall::check` panics with, without keeping the story.
pub fn finding() -> String {
    Check::new(&Shop { remembers: false }).no_regressions().run().expect_err("the bug is found").to_string()
}
