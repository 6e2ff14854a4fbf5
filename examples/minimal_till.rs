//! A sync engine of one's own in a page, with one bug: it forgets which sales it has taken.
//!
//! A till sends each sale and sends it again until it hears of it. When an answer is lost, the sale arrives twice, and a
//! server that does not remember takes the stock twice. It shows the contract and nothing else: no pull, no prices.
//!
//! `cargo run --example minimal_till` tells the story; `cargo test --example minimal_till` holds it.

use squall::prelude::*;

const PRODUCT: Entity = Entity(0);
const STOCK: u8 = 0;
const SELL: Verb = Verb(0);
static SHOP: Domain = Domain::new(
    "shop",
    &[EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])],
    &[VerbSpec::new("sell", Shape::Lines { entity: PRODUCT, signed: false })],
);

const PUSH: Channel = Channel(1);
const AGAIN: Timer = Timer { channel: Channel(2), number: 0 };

#[derive(Clone)]
enum Talk {
    Sale(Op),
    Answer(OpId, Verdict),
}
impl Message for Talk {}

#[derive(Clone, Default)]
struct Disk {
    rows: Vec<Row>,
    outbox: Vec<Op>,
    taken: Vec<(OpId, Verdict)>,
}

struct Shop {
    remembers: bool,
}
struct Till;
struct Server {
    remembers: bool,
}

impl System for Shop {
    type Message = Talk;
    type Disk = Disk;
    type Device = Till;
    type Server = Server;
    fn name(&self) -> &str {
        if self.remembers { "till-that-remembers" } else { "till-that-forgets" }
    }
    fn domain(&self) -> &'static Domain {
        &SHOP
    }
    fn facts(&self) -> Facts {
        let reports = Reports { words: true, verdicts: true, ..Reports::NOTHING };
        Facts { reports, ..Facts::new(&["push", "again"]) }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        Disk { rows: rows.collect(), ..Disk::default() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> Till {
        Till
    }
    fn server(&self, _: &Disk) -> Server {
        Server { remembers: self.remembers }
    }
    fn in_scope(&self, _: NodeId, _: &Row) -> bool {
        false // a till shows no stock
    }
}

impl Node for Till {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        let from = disk.outbox.len();
        let first = match input {
            Input::Op(op) if op.verb == SELL => {
                disk.outbox.push(op);
                cx.tell(op.id, Word::Saved);
                from
            }
            Input::Message { message: Talk::Answer(op, verdict), .. } => {
                disk.outbox.retain(|waiting| waiting.id != op);
                return cx.tell(op, if verdict == Verdict::Accepted { Word::Synced } else { Word::Rejected });
            }
            Input::Booted | Input::Timer(_) => 0,
            _ => return,
        };
        for op in &disk.outbox[first..] {
            cx.send(NodeId::SERVER, PUSH, Cause::Op(op.id), [op.id], Talk::Sale(*op));
        }
        cx.set_timer(AGAIN, Span::secs(10), None);
    }
    fn rows(&self, _: &Disk, _: &mut dyn FnMut(&Row)) {}
}

impl Node for Server {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        let Input::Message { from, message: Talk::Sale(op) } = input else { return };
        let known = disk.taken.iter().find(|(taken, _)| self.remembers && *taken == op.id);
        let verdict = known.map(|(_, verdict)| *verdict).unwrap_or_else(|| sell(disk, op, cx));
        cx.decide(op.id, verdict);
        cx.reply(from, cx.request(), [op.id], Talk::Answer(op.id, verdict));
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.rows.iter().for_each(visit);
    }
}

/// Takes a sale from the stock, whole or not at all.
fn sell(disk: &mut Disk, op: Op, cx: &mut Context<Talk>) -> Verdict {
    let stock =
        |line: &Line| disk.rows.iter().find(|row| row.key == line.key).map_or(0, |row| row.get(STOCK).or_zero());
    let short = op.lines().iter().find(|line| stock(line) < line.value);
    let verdict = match short {
        Some(line) => {
            let (about, available, requested) = (line.key, stock(line), line.value);
            Verdict::Rejected { rule: Rule::Quantity, about, available, requested }
        }
        None => Verdict::Accepted,
    };
    for line in op.lines().iter().filter(|_| short.is_none()) {
        for row in disk.rows.iter_mut().filter(|row| row.key == line.key) {
            let before = *row;
            row.set(STOCK, Value::int(before.get(STOCK).or_zero() - line.value), op.id);
            cx.wrote(Some(before), Some(*row), op.id, Why::Effect);
        }
    }
    disk.taken.push((op.id, verdict));
    verdict
}

fn main() -> std::process::ExitCode {
    let shops = squall::cli::Registry::empty().with(Shop { remembers: false }).with(Shop { remembers: true });
    squall::cli::run(shops)
}
