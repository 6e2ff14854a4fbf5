//! Days as a strategy of proptest: a shop that takes what there is, and one that does not look.
//!
//! A broken promise is shrunk by squall, told as a table and kept in a folder whose stories come first the next time; all
//! else is proptest's. `cargo run --example property` shows what the failure looks like; `cargo test --example property`
//! runs the property. The system is the smallest that there is; see `minimal_till.rs` for one with an outbox.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use squall::prelude::*;
#[cfg(test)]
use squall::strategies::Day;
use squall::strategies::{config, days};

const STOCK: u8 = 0;
static SHOP: Domain = Domain::new(
    "shop",
    &[EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])],
    &[VerbSpec::new("sell", Shape::Lines { entity: Entity(0), signed: false })],
);

/// A till hands each sale on, and the server takes it from the stock.
#[derive(Clone, Copy)]
struct Shop {
    looks: bool,
}

impl System for Shop {
    type Message = Op;
    type Disk = (Vec<Row>, Vec<OpId>);
    type Device = Shop;
    type Server = Shop;
    fn domain(&self) -> &'static Domain {
        &SHOP
    }
    fn facts(&self) -> Facts {
        Facts::new(&["push"])
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Self::Disk {
        (rows.collect(), Vec::new())
    }
    fn device(&self, _: NodeId, _: &Self::Disk) -> Shop {
        *self
    }
    fn server(&self, _: &Self::Disk) -> Shop {
        *self
    }
}

impl Node for Shop {
    type Message = Op;
    type Disk = (Vec<Row>, Vec<OpId>);
    fn handle(&mut self, (rows, taken): &mut Self::Disk, input: Input<Op>, cx: &mut Context<Op>) {
        match input {
            Input::Op(op) => cx.send_op(Channel(1), op.id, op),
            Input::Message { message: op, .. } if !taken.contains(&op.id) => {
                taken.push(op.id);
                for line in op.lines() {
                    let row = rows.iter_mut().find(|row| row.key == line.key).expect("no product is deleted");
                    if !self.looks || row.int(STOCK) >= line.value {
                        cx.add(row, STOCK, -line.value, op.id);
                    }
                }
            }
            _ => {}
        }
    }
    fn rows(&self, (rows, _): &Self::Disk, visit: &mut dyn FnMut(&Row)) {
        rows.iter().for_each(visit);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_shop_that_looks_never_sells_what_is_not_there(day in days(Shop { looks: true })) {
        day.check()?;
        // Beside the catalogue's promises, one of one's own.
        prop_assert!(taken(&day) <= sold(&day), "{} were taken and {} sold", taken(&day), sold(&day));
    }
}

#[test]
fn a_shop_that_does_not_look_fails_within_the_cases_that_proptest_tries() {
    assert!(failure().contains("✗ stock-never-negative"));
}

/// How much less there is on the server in the end.
#[cfg(test)]
fn taken(day: &Day) -> i64 {
    let end = day.run(&Shop { looks: true }).end.expect("the end of a day is kept");
    let before: i64 = day.scenario().rows.iter().map(|(_, row)| row.int(STOCK)).sum();
    before - end.rows[0].iter().map(|row| row.int(STOCK)).sum::<i64>()
}

/// How much users sold, all together.
#[cfg(test)]
fn sold(day: &Day) -> i64 {
    let lines = day.scenario().steps.iter().flat_map(|step| step.op.lines());
    lines.map(|line| line.value).sum()
}

/// What proptest says of the shop that does not look.
fn failure() -> String {
    let days = days(Shop { looks: false }).no_regressions();
    let failed = TestRunner::new(config()).run(&days, |day| day.check()).expect_err("the bug is found");
    failed.to_string()
}

fn main() {
    println!("{}", failure());
}
