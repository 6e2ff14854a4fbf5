//! The server of the reference workload: checks stock, subtracts, remembers every answer.

use super::{Answer, BATCH, Batch, Bug, Disk, Mail, PRODUCTS, Sale, Shelf, product_row, sale_row};
use squall::model::{Key, Row, RowState};
use squall::sim::NodeId;
use squall::system::{Context, Input, Node, Rule, Verdict, Why};

/// What the server keeps durably.
#[derive(Clone, Debug)]
pub struct Books {
    shelf: Shelf,
    /// Number of accepted sales.
    version: u32,
    /// The answer to each sale, by its number.
    answers: Vec<Option<Answer>>,
    sold: Vec<(Sale, NodeId)>,
}

impl Books {
    pub fn new(shelf: Shelf) -> Books {
        Books { shelf, version: 0, answers: Vec::with_capacity(64), sold: Vec::with_capacity(64) }
    }
}

/// The server that runs.
pub struct Office {
    bug: Option<Bug>,
}

impl Office {
    pub fn new(bug: Option<Bug>) -> Office {
        Office { bug }
    }

    fn decide(&self, books: &mut Books, from: NodeId, sale: Sale, stock: i32, cx: &mut Context<Mail>) -> Answer {
        let (product, number) = (sale.product as usize, sale.op.0 as usize);
        if books.answers.len() <= number {
            books.answers.resize(number + 1, None);
        }
        let known = books.answers[number];
        if let Some(answer) = known
            && self.bug != Some(Bug::NoIdempotency)
        {
            return answer;
        }
        let (available, requested) = (i64::from(stock), i64::from(sale.quantity));
        let accepted = available >= requested || self.bug == Some(Bug::NoValidation);
        if accepted {
            books.version += 1;
            let before = product_row(&books.shelf, product);
            books.shelf.stock[product] -= i32::from(sale.quantity);
            books.shelf.changed[product] = books.version;
            cx.wrote(Some(before), Some(product_row(&books.shelf, product)), sale.op, Why::Effect);
            if !known.is_some_and(|answer| answer.accepted) {
                books.sold.push((sale, from));
                cx.wrote(None, Some(sale_row(sale, from, RowState::Synced)), sale.op, Why::Effect);
            }
            cx.decide(sale.op, Verdict::Accepted);
        } else {
            let about = Key(u64::from(sale.product) + 1);
            cx.decide(sale.op, Verdict::Rejected { rule: Rule::Quantity, about, available, requested });
        }
        let Sale { op, product, quantity } = sale;
        let answer = Answer { op, product, quantity, accepted, version: books.version };
        books.answers[number] = Some(answer);
        answer
    }
}

impl Node for Office {
    type Message = Mail;
    type Disk = Disk;

    fn handle(&mut self, disk: &mut Disk, input: Input<Mail>, cx: &mut Context<Mail>) {
        let Disk::Server(books) = disk else { unreachable!("the server has the server's disk") };
        match input {
            Input::Message { from, message: Mail::Push(request, sales) } => {
                let opening = books.shelf;
                let mut answers = Batch { items: [Answer::default(); BATCH], count: sales.count };
                for (sale, answer) in sales.items().iter().zip(&mut answers.items) {
                    let shelf = if self.bug == Some(Bug::BatchCheck) { &opening } else { &books.shelf };
                    let stock = shelf.stock[sale.product as usize];
                    *answer = self.decide(books, from, *sale, stock, cx);
                }
                let ops = sales.items().iter().map(|sale| sale.op);
                cx.reply(from, cx.request(), ops, Mail::Pushed(request, answers));
            }
            Input::Message { from, message: Mail::Pull(request) } => {
                cx.reply(from, cx.request(), [], Mail::Pulled(request, books.version, books.shelf));
            }
            // Whatever else may happen to a message, the device asks again.
            _ => {}
        }
    }

    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        let Disk::Server(books) = disk else { unreachable!("the server has the server's disk") };
        for product in 0..PRODUCTS {
            visit(&product_row(&books.shelf, product));
        }
        for (sale, from) in &books.sold {
            visit(&sale_row(*sale, *from, RowState::Synced));
        }
    }
}
