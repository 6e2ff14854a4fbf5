//! A till of the reference workload: sells from what it believes to be on the shelf, pushes sales, pulls stocks.
//!
//! It keeps sums, not maps; what its user sees is made from them on request.

use super::{
    Answer, Batch, Bug, Disk, Mail, PRODUCTS, PULL, PULL_RETRY, PULL_TIME_OUT, PUSH, PUSH_RETRY, PUSH_TIME_OUT, Sale,
    Shelf, TICK, product_row, sale_of, sale_row,
};
use squall::model::{Row, RowState};
use squall::sim::{Cause, Channel, NodeId, OpId, Span};
use squall::system::{Context, Input, Metric, Node, Pending, PendingState, Timer, Why, Word};

const TICK_EVERY: Span = Span::secs(60);
const READ_TIME_OUT: Span = Span::secs(30);
const MOST_RETRIES: u32 = 3;

/// What a till keeps durably.
#[derive(Clone, Debug)]
pub struct Notebook {
    owner: NodeId,
    base_version: u32,
    /// What the till believes: the server's stocks as last pulled, less what it sold since.
    local: Shelf,
    outbox: Vec<Sale>,
    /// Accepted sales that the last pull did not contain yet.
    acked: Vec<(Sale, u32)>,
    /// Sales that the user sees, and whether the server has them.
    sold: Vec<(Sale, RowState)>,
    requests: u32,
}

impl Notebook {
    pub fn new(owner: NodeId, shelf: Shelf) -> Notebook {
        Notebook {
            owner,
            base_version: 0,
            local: shelf,
            outbox: Vec::with_capacity(32),
            acked: Vec::with_capacity(32),
            sold: Vec::with_capacity(32),
            requests: 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Waiting,
    Backoff,
}

/// A request that is sent again until it is answered.
struct Courier {
    state: State,
    request: u32,
    attempt: u32,
}

impl Courier {
    const IDLE: Courier = Courier { state: State::Idle, request: 0, attempt: 0 };

    fn awaits(&self, request: u32) -> bool {
        self.state == State::Waiting && self.request == request
    }

    /// Nothing came back in time: waits longer and longer, then gives up until somebody starts it again.
    fn time_out(&mut self, retry: Channel, cx: &mut Context<Mail>) {
        cx.count(Metric::TimeOuts);
        self.attempt += 1;
        self.state = if self.attempt <= MOST_RETRIES { State::Backoff } else { State::Idle };
        if self.state == State::Backoff {
            let cause = Some(cx.cause());
            cx.set_timer(timer(retry), Span::secs(1 << (self.attempt - 1)), cause);
        }
    }
}

fn timer(channel: Channel) -> Timer {
    Timer { channel, number: 0 }
}

/// A device that runs.
pub struct Till {
    bug: Option<Bug>,
    push: Courier,
    pull: Courier,
    ticks: u32,
    finishing: bool,
    done: bool,
}

impl Till {
    pub fn new(bug: Option<Bug>) -> Till {
        Till { bug, push: Courier::IDLE, pull: Courier::IDLE, ticks: 0, finishing: false, done: false }
    }

    fn sell(&mut self, disk: &mut Notebook, sale: Sale, cx: &mut Context<Mail>) {
        let product = sale.product as usize;
        if disk.local.stock[product] < i32::from(sale.quantity) {
            return cx.tell(sale.op, Word::Refused);
        }
        change_stock(disk, product, -i32::from(sale.quantity), sale.op, Why::Effect, cx);
        disk.outbox.push(sale);
        disk.sold.push((sale, RowState::Pending));
        cx.wrote(None, Some(sale_row(sale, cx.node(), RowState::Pending)), sale.op, Why::Effect);
        cx.tell(sale.op, Word::Saved);
        if self.push.state == State::Idle {
            self.start_push(disk, cx);
        }
    }

    fn start_push(&mut self, disk: &mut Notebook, cx: &mut Context<Mail>) {
        self.push.attempt = 0;
        self.send_push(disk, cx);
    }

    fn send_push(&mut self, disk: &mut Notebook, cx: &mut Context<Mail>) {
        let Some(first) = disk.outbox.first() else {
            self.push.state = State::Idle;
            return;
        };
        let cause = Cause::Op(first.op);
        disk.requests += 1;
        (self.push.state, self.push.request) = (State::Waiting, disk.requests);
        let sales = Batch::of(disk.outbox.iter().copied());
        let ops = sales.items().iter().map(|sale| sale.op);
        cx.send(NodeId::SERVER, PUSH, cause, ops, Mail::Push(disk.requests, sales));
        cx.set_timer(timer(PUSH_TIME_OUT), READ_TIME_OUT, Some(cause));
    }

    fn start_pull(&mut self, disk: &mut Notebook, cx: &mut Context<Mail>) {
        self.pull.attempt = 0;
        self.send_pull(disk, cx);
    }

    fn send_pull(&mut self, disk: &mut Notebook, cx: &mut Context<Mail>) {
        disk.requests += 1;
        (self.pull.state, self.pull.request) = (State::Waiting, disk.requests);
        cx.send(NodeId::SERVER, PULL, cx.cause(), [], Mail::Pull(disk.requests));
        cx.set_timer(timer(PULL_TIME_OUT), READ_TIME_OUT, Some(cx.cause()));
    }

    fn pushed(&mut self, disk: &mut Notebook, request: u32, answers: &[Answer], cx: &mut Context<Mail>) {
        for answer in answers {
            let (sale, Answer { accepted, version, .. }) = (answer.sale(), *answer);
            let Some(index) = disk.outbox.iter().position(|waiting| waiting.op == sale.op) else {
                if self.bug == Some(Bug::DoubleRollBack) && !accepted {
                    change_stock(disk, sale.product as usize, i32::from(sale.quantity), sale.op, Why::RolledBack, cx);
                }
                continue;
            };
            disk.outbox.remove(index);
            if accepted { keep(disk, sale, version, cx) } else { roll_back(disk, sale, cx) }
        }
        if self.push.awaits(request) {
            self.push.state = State::Idle;
            cx.cancel_timer(timer(PUSH_TIME_OUT));
            if !disk.outbox.is_empty() {
                self.start_push(disk, cx);
            }
        }
    }

    fn pulled(&mut self, disk: &mut Notebook, request: u32, version: u32, shelf: Shelf, cx: &mut Context<Mail>) {
        if version >= disk.base_version || self.bug == Some(Bug::StalePull) {
            rebase(disk, version, shelf, cx);
        }
        if self.pull.awaits(request) {
            self.pull.state = State::Idle;
            cx.cancel_timer(timer(PULL_TIME_OUT));
            if self.finishing {
                self.done = true;
                cx.cancel_timer(timer(TICK));
            }
        }
    }

    fn tick(&mut self, disk: &mut Notebook, cx: &mut Context<Mail>) {
        self.ticks += 1;
        cx.set_timer(timer(TICK), TICK_EVERY, None);
        if (self.ticks.is_multiple_of(5) || self.finishing) && self.pull.state == State::Idle {
            self.start_pull(disk, cx);
        }
        if !disk.outbox.is_empty() && self.push.state == State::Idle {
            self.start_push(disk, cx);
        }
    }
}

/// An accepted sale stays; where the base contains it already, it had been subtracted twice.
fn keep(disk: &mut Notebook, sale: Sale, version: u32, cx: &mut Context<Mail>) {
    if version > disk.base_version {
        disk.acked.push((sale, version));
    } else {
        change_stock(disk, sale.product as usize, i32::from(sale.quantity), OpId::NONE, Why::Copied, cx);
    }
    if let Some((_, state)) = disk.sold.iter_mut().find(|(sold, _)| sold.op == sale.op) {
        *state = RowState::Synced;
        let [before, after] =
            [RowState::Pending, RowState::Synced].map(|state| Some(sale_row(sale, disk.owner, state)));
        cx.wrote(before, after, OpId::NONE, Why::Copied);
    }
    cx.tell(sale.op, Word::Synced);
}

fn roll_back(disk: &mut Notebook, sale: Sale, cx: &mut Context<Mail>) {
    change_stock(disk, sale.product as usize, i32::from(sale.quantity), sale.op, Why::RolledBack, cx);
    disk.sold.retain(|(sold, _)| sold.op != sale.op);
    cx.wrote(Some(sale_row(sale, cx.node(), RowState::Pending)), None, sale.op, Why::RolledBack);
    cx.tell(sale.op, Word::Rejected);
}

/// Takes the server's stocks and subtracts again what they do not contain yet.
fn rebase(disk: &mut Notebook, version: u32, shelf: Shelf, cx: &mut Context<Mail>) {
    disk.base_version = version;
    disk.acked.retain(|(_, accepted)| *accepted > version);
    let mut local = shelf;
    for sale in disk.outbox.iter().chain(disk.acked.iter().map(|(sale, _)| sale)) {
        local.stock[sale.product as usize] -= i32::from(sale.quantity);
    }
    let before = std::mem::replace(&mut disk.local, local);
    for product in 0..PRODUCTS {
        if (before.stock[product], before.changed[product]) != (local.stock[product], local.changed[product]) {
            let [before, after] = [before, local].map(|shelf| Some(product_row(&shelf, product)));
            cx.wrote(before, after, OpId::NONE, Why::Copied);
        }
    }
}

fn change_stock(disk: &mut Notebook, product: usize, by: i32, op: OpId, why: Why, cx: &mut Context<Mail>) {
    let before = product_row(&disk.local, product);
    disk.local.stock[product] += by;
    cx.wrote(Some(before), Some(product_row(&disk.local, product)), op, why);
}

fn notebook(disk: &Disk) -> &Notebook {
    let Disk::Device(disk) = disk else { unreachable!("a device has a device's disk") };
    disk
}

impl Node for Till {
    type Message = Mail;
    type Disk = Disk;

    fn handle(&mut self, disk: &mut Disk, input: Input<Mail>, cx: &mut Context<Mail>) {
        let Disk::Device(disk) = disk else { unreachable!("a device has a device's disk") };
        match input {
            Input::Booted => cx.set_timer(timer(TICK), TICK_EVERY, None),
            Input::Op(op) => self.sell(disk, sale_of(&op), cx),
            Input::Message { message: Mail::Pushed(request, answers), .. } => {
                self.pushed(disk, request, answers.items(), cx);
            }
            Input::Message { message: Mail::Pulled(request, version, shelf), .. } => {
                self.pulled(disk, request, version, shelf, cx);
            }
            Input::Timer(Timer { channel: TICK, .. }) => self.tick(disk, cx),
            Input::Timer(Timer { channel: PUSH_TIME_OUT, .. }) => self.push.time_out(PUSH_RETRY, cx),
            Input::Timer(Timer { channel: PULL_TIME_OUT, .. }) => self.pull.time_out(PULL_RETRY, cx),
            Input::Timer(Timer { channel: PUSH_RETRY, .. }) => self.send_push(disk, cx),
            Input::Timer(Timer { channel: PULL_RETRY, .. }) => self.send_pull(disk, cx),
            Input::Finish => {
                self.finishing = true;
                cx.cancel_timer(timer(PULL_TIME_OUT));
                cx.cancel_timer(timer(PULL_RETRY));
                self.start_pull(disk, cx);
            }
            // The time-outs cover whatever else may happen to a message.
            _ => {}
        }
    }

    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        let disk = notebook(disk);
        for product in 0..PRODUCTS {
            visit(&product_row(&disk.local, product));
        }
        for (sale, state) in &disk.sold {
            visit(&sale_row(*sale, disk.owner, *state));
        }
    }

    fn pending(&self, disk: &Disk, visit: &mut dyn FnMut(Pending)) {
        let state = if self.push.state == State::Waiting { PendingState::InFlight } else { PendingState::Queued };
        for sale in &notebook(disk).outbox {
            visit(Pending { op: sale.op, state });
        }
    }

    fn finished(&self) -> bool {
        self.done
    }
}
