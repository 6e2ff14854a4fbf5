//! Stock and money on the server: never negative, and equal to what the entries, the parts and the lines say.
//!
//! What a device shows of a quantity is judged with [`super::own_writes`]; here only the device figure that no set of ops
//! explains is reported, because it is a unit made out of nothing.

use super::history::canonical;
use super::own_writes::{Figures, Reading};
use super::peers::{has_field, needs_server};
use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::domain::{Ledger, PartsLaw};
use crate::model::table::Sorted;
use crate::model::{Class, Domain, Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Why, Write};
use std::collections::BTreeMap;

/// No stock, batch quantity or balance on the server is ever below zero.
#[derive(Default)]
pub struct StockNeverNegative;

impl Invariant for StockNeverNegative {
    fn name(&self) -> &'static str {
        "stock-never-negative"
    }
    fn promise(&self) -> &'static str {
        "no stock, batch quantity or balance on the server is ever below zero"
    }
    fn not_checked(&self, facts: &Facts, domain: &Domain) -> Option<&'static str> {
        let keeps = has_field(domain, |class| class == Class::Quantity);
        needs_server(facts).or_else(|| (!keeps).then_some("the business keeps no quantities"))
    }
    fn wants(&self) -> u8 {
        wants::WROTE_ON_SERVER
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Wrote(NodeId::SERVER, Write { before, after: Some(after), op, .. }) = moment else { return };
        for (field, spec) in history.domain.fields(after.entity).iter().enumerate() {
            if spec.class != Class::Quantity || after.deleted {
                continue;
            }
            let now = after.fields[field].or_zero();
            let was = before.as_ref().map_or(0, |row| row.fields[field].or_zero());
            if now >= was {
                continue;
            }
            log.exercised();
            if now < 0 {
                let breach =
                    Breach { kind: "negative", entity: after.entity, node: NodeId::SERVER, ops: &[*op], at: None };
                log.broke(history.domain, breach, || {
                    let name = history.scenario.row_name(after.entity, canonical(after));
                    format!("the server's {} of {name} went from {was} to {now}", spec.name)
                });
            }
        }
    }
}

/// A quantity on the server equals its opening value plus its entries, its parts, and a total equals its lines.
#[derive(Default)]
pub struct StockConserved {
    started: bool,
    /// Sum of entries (and what was there before them) by ledger and account.
    sums: BTreeMap<(usize, Key), i64>,
    /// Units that came into a whole without a part, by law and whole.
    loose: BTreeMap<(usize, Key), i64>,
    touched: Sorted<(Entity, Key)>,
    heads: Sorted<OpId>,
    last: OpId,
    figures: Figures,
}

impl StockConserved {
    fn start(&mut self, history: &History<'_>) {
        self.started = true;
        let rows = || history.scenario.rows.iter().map(|(_, row)| row);
        for (n, ledger) in
            history.domain.ledgers.iter().enumerate().filter(|(n, _)| account_of(history.domain, *n) == *n)
        {
            for row in rows().filter(|row| row.entity == ledger.account) {
                *self.sums.entry((n, row.key)).or_default() += row.get(ledger.quantity).or_zero();
            }
        }
        for (n, law) in history.domain.parts.iter().enumerate() {
            for row in rows() {
                if row.entity == law.whole.0 {
                    *self.loose.entry((n, row.key)).or_default() += row.get(law.whole.1).or_zero();
                }
                if row.entity == law.part.0 {
                    let whole = row.get(law.reference).as_key().unwrap_or(Key::NONE);
                    *self.loose.entry((n, whole)).or_default() -= row.get(law.part.1).or_zero();
                }
            }
        }
    }

    fn entry(&mut self, history: &History<'_>, row: &Row, sign: i64) {
        for (n, ledger) in history.domain.ledgers.iter().enumerate() {
            let (true, Some(account)) = (ledger.entry == row.entity, row.get(ledger.reference).as_key()) else {
                continue;
            };
            let amount = row.get(ledger.amount).or_zero() * sign;
            *self.sums.entry((account_of(history.domain, n), account)).or_default() += amount;
            self.touched.insert((ledger.account, account));
            for (m, law) in history.domain.parts.iter().enumerate() {
                if law.whole.0 == ledger.account && amount > 0 && sign > 0 && !names_part(history.domain, law, row) {
                    *self.loose.entry((m, account)).or_default() += amount;
                }
            }
        }
    }

    fn wrote(&mut self, history: &History<'_>, write: &Write) {
        let (before, after) = [&write.before, &write.after].map(|row| row.as_ref().filter(|row| !row.deleted)).into();
        if write.why != Why::Purged {
            for (row, sign) in [(before, -1), (after, 1)] {
                if let Some(row) = row {
                    self.entry(history, row, sign);
                }
            }
        }
        for row in [before, after].into_iter().flatten() {
            if history.domain.ledgers.iter().any(|ledger| ledger.account == row.entity) {
                self.touched.insert((row.entity, row.key));
            }
            for law in history.domain.parts {
                if law.part.0 == row.entity
                    && let Some(whole) = row.get(law.reference).as_key()
                {
                    self.touched.insert((law.whole.0, whole));
                }
            }
            for law in history.domain.totals {
                if (row.entity == law.head.0 || row.entity == law.line.0) && row.origin.is_some() {
                    self.heads.insert(row.origin);
                }
            }
        }
        self.last = write.op;
    }

    fn check(&mut self, history: &History<'_>, log: &mut Log) {
        let last = self.last;
        for (entity, key) in self.touched.iter().copied() {
            let Some(account) = history.server().rows.get(&(entity, key)).filter(|row| !row.deleted) else { continue };
            let own = history.domain.ledgers.iter().enumerate().filter(|(_, one)| one.account == entity);
            for (n, ledger) in own.filter(|(n, _)| account_of(history.domain, *n) == *n) {
                log.exercised();
                self.check_ledger(history, log, ledger, account, self.sums.get(&(n, key)).copied().unwrap_or(0), last);
            }
            for (n, law) in history.domain.parts.iter().enumerate().filter(|(_, law)| law.whole.0 == entity) {
                self.check_parts(history, log, law, account, self.loose.get(&(n, key)).copied().unwrap_or(0), last);
            }
        }
        for op in self.heads.iter() {
            self.check_total(history, log, *op);
        }
        self.touched.clear();
        self.heads.clear();
    }

    fn check_ledger(&self, history: &History<'_>, log: &mut Log, law: &Ledger, row: &Row, sum: i64, last: OpId) {
        let holds = row.get(law.quantity).or_zero();
        if holds == sum {
            return;
        }
        let breach = Breach { kind: "ledger", entity: row.entity, node: NodeId::SERVER, ops: &[last], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.row_name(row.entity, canonical(row));
            let field = history.domain.fields(row.entity)[law.quantity as usize].name;
            let same = |one: &&Ledger| (one.account, one.quantity) == (law.account, law.quantity);
            let entries: Vec<&str> =
                history.domain.ledgers.iter().filter(same).map(|one| history.domain.entity_name(one.entry)).collect();
            let entries = entries.join(" and ");
            format!("the server's {field} of {name} was {holds}, but its opening and every {entries} add up to {sum}")
        });
    }

    /// A whole never holds less than its parts, and more only by units that came in without a part.
    fn check_parts(&self, history: &History<'_>, log: &mut Log, law: &PartsLaw, row: &Row, loose: i64, last: OpId) {
        let (mut any, mut sum) = (false, 0);
        let all = (law.part.0, Key::NONE)..=(law.part.0, Key(u64::MAX));
        for (_, part) in history.server().rows.range(all) {
            if !part.deleted && part.get(law.reference).as_key() == Some(row.key) {
                any = true;
                sum += part.get(law.part.1).or_zero();
            }
        }
        let holds = row.get(law.whole.1).or_zero();
        if !any || (holds >= sum && holds - sum <= loose.max(0)) {
            return;
        }
        let breach = Breach { kind: "parts", entity: row.entity, node: NodeId::SERVER, ops: &[last], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.row_name(row.entity, canonical(row));
            let field = history.domain.fields(row.entity)[law.whole.1 as usize].name;
            let parts = history.domain.entity_name(law.part.0);
            format!("the server's {field} of {name} was {holds}, but its {parts} rows held {sum}")
        });
    }

    fn check_total(&self, history: &History<'_>, log: &mut Log, op: OpId) {
        let server = history.server();
        let rows = |entity: Entity| {
            let made = server.by_op.range((op, entity, 0, Key::NONE)..=(op, entity, u8::MAX, Key(u64::MAX)));
            made.filter_map(move |(_, _, _, key)| server.rows.get(&(entity, *key))).filter(|row| !row.deleted)
        };
        for law in history.domain.totals {
            let mut heads = rows(law.head.0);
            let (Some(head), None) = (heads.next(), heads.next()) else { continue };
            let (entity, amount, price) = law.line;
            let mut lines = rows(entity).peekable();
            if lines.peek().is_none() {
                continue;
            }
            log.exercised();
            let sum: i64 = lines.map(|line| line.get(amount).or_zero() * line.get(price).or_zero()).sum();
            let total = head.get(law.head.1).or_zero();
            if total != sum {
                let breach = Breach { kind: "total", entity: head.entity, node: NodeId::SERVER, ops: &[op], at: None };
                log.broke(history.domain, breach, || {
                    format!("{} had a total of {total}, but its lines came to {sum}", history.scenario.op_name(op))
                });
            }
        }
    }
}

/// The first ledger that keeps the same quantity: sums are kept under its number.
fn account_of(domain: &Domain, n: usize) -> usize {
    let quantity = |ledger: &Ledger| (ledger.account, ledger.quantity);
    domain.ledgers[..n].iter().position(|one| quantity(one) == quantity(&domain.ledgers[n])).unwrap_or(n)
}

/// Whether an entry names a part of the whole.
fn names_part(domain: &Domain, law: &PartsLaw, entry: &Row) -> bool {
    let named = |field: u8| entry.get(field).as_key().is_some_and(|key| key != Key::NONE);
    let by_expiry = domain.expiry.filter(|one| one.entry == entry.entity && one.batch == law.part.0);
    by_expiry.is_some_and(|one| named(one.entry_batch))
        || domain
            .fields(entry.entity)
            .iter()
            .enumerate()
            .any(|(field, spec)| spec.class == Class::Reference(law.part.0) && named(field as u8))
}

impl Invariant for StockConserved {
    fn name(&self) -> &'static str {
        "stock-conserved"
    }
    fn promise(&self) -> &'static str {
        "stock = opening + accepted movements; a product's stock = its batches; a sale's total = its lines"
    }
    fn not_checked(&self, facts: &Facts, domain: &Domain) -> Option<&'static str> {
        let laws = domain.ledgers.len() + domain.parts.len() + domain.totals.len();
        let why = "no quantity of the business is kept by entries, parts or lines";
        needs_server(facts).or_else(|| (laws == 0).then_some(why))
    }
    fn wants(&self) -> u8 {
        wants::WROTE | wants::TOLD | wants::BETWEEN
    }
    fn restored(&mut self, history: &History<'_>, _: Time) {
        self.sums.clear();
        let loose = std::mem::take(&mut self.loose);
        self.start(history);
        for row in history.server().rows.values().filter(|row| !row.deleted && row.origin.is_some()) {
            self.entry(history, row, 1);
        }
        for (whole, units) in loose {
            let now = self.loose.entry(whole).or_default();
            *now = units.max(*now);
        }
        self.touched.clear();
        self.heads.clear();
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        if !self.started {
            self.start(history);
        }
        match moment {
            Moment::Wrote(NodeId::SERVER, write) => self.wrote(history, write),
            Moment::Between(NodeId::SERVER) => self.check(history, log),
            _ => {}
        }
        if history.facts.reports.authors {
            self.figures.observe(history, moment, &mut |figure| {
                if figure.reading == Reading::Unexplained {
                    let breach = Breach {
                        kind: "phantom",
                        entity: figure.entity,
                        node: figure.node,
                        ops: &figure.ops,
                        at: None,
                    };
                    log.broke(history.domain, breach, || figure.text(history));
                }
            });
        }
    }
}
